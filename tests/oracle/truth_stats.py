#!/usr/bin/env python3
"""What the browser did against what the reports of sess-stats say.

    truth_stats.py truth.ndjson LOG...

For each session of a capture's driver the overview of its sessions, its slow
loads, calls and clicks in the reports `slow` and `log`, its names in `users`, and
how often each message is in `errors`.
Differences need a cause of truth.py; exits 1 when one is left without, or when
the overview of all is not the sum of the drivers' and of the sessions that no
driver made.
"""
import json
import re
import sys
from collections import Counter, defaultdict

import truth
from stats import ALL, run

COUNTS = 'page_views js_errors api_calls api_failures resource_errors'.split()


def rows(report, logs, *options):
    return run('sess-stats', '-q', '-o', 'ndjson', '-n', ALL, '-r', report, *options, *logs)


def overview(logs, *options):
    total = Counter()
    for row in rows('overview', logs, *options):
        total.update({c: row[c] for c in COUNTS})
    return total


def by_session(logs):
    """session id: what single rows tell of it"""
    told = defaultdict(lambda: {'actions': [], 'user_names': set(), 'slow_loads_2s': 0, 'slow_apis_2s': 0})
    for r in rows('slow', logs):
        told[r['session_id']]['slow_loads_2s'] += r['load_ms'] >= 2000
    for r in rows('log', logs):
        of = told[r['session_id']]
        if r['kind'] == 'api':
            of['slow_apis_2s'] += r.get('duration_ms', 0) >= 2000
        elif r['kind'] == 'action':
            of['actions'].append([r['action']])
        if 'user_name' in r:
            of['user_names'].add(r['user_name'])
    return told


def folded(text):
    """Whatever the report makes of numbers, and of what is long."""
    return re.sub(r'[\d*]+', '', text)[:60]


def messages(t, logs, ids):
    """(message, truth, report, causes, unexplained) where they differ"""
    want = Counter(folded(a['detail']) for a in truth.of(t, 'error'))
    got = Counter()
    for r in rows('errors', logs, *(f'--session={i}' for i in ids)) if ids else []:
        got[folded(': '.join(r[c] for c in ('error_type', 'message') if c in r))] += r['occurrences']
    plain = folded('plain string rejection')
    budget = {name: rule(t, []) for side in truth.CAUSES['js_errors'] for name, rule in side}
    for m in sorted(want.keys() | got.keys()):
        left, names = abs(want[m] - got[m]), []
        for name, _ in truth.CAUSES['js_errors'][want[m] < got[m]]:
            n = min(left, budget[name]) if name != 'rejected with a plain string' or m == plain else 0
            budget[name] -= n
            left -= n
            names += [name] if n > 0 else []
        if want[m] != got[m]:
            yield m, want[m], got[m], names, left


def main():
    drivers, logs = list(map(json.loads, open(sys.argv[1]))), sys.argv[2:]
    told, bad, differences, sum_of_drivers, theirs = by_session(logs), 0, 0, Counter(), []
    for t in drivers:
        ids = [i for i in t['wire']['ids'].get('sid') or t['wire']['ids'].get('session.id') or [] if i in told]
        theirs += ids
        seen = {i: dict.fromkeys(COUNTS, 0) | told[i] for i in ids}
        if ids:
            # truth.py adds up a driver's sessions; the first stands for all of them here
            figures = overview(logs, *(f'--session={i}' for i in ids))
            seen[ids[0]].update(figures)
            sum_of_drivers.update(figures)
        for metric, want, got, names, left in [*truth.account(t, seen), *messages(t, logs, ids)]:
            differences += 1
            bad += left > 0
            print(f"{t['session']}\t{metric}\ttruth {want}\treport {got}\t{', '.join(names) or '?'}"
                  + (f'\tUNEXPLAINED {left}' if left else ''))
    others = [i for i in told if i not in theirs]
    rest = overview(logs, *(f'--session={i}' for i in others)) if others else Counter()
    everything = overview(logs)
    for c in COUNTS:
        if everything[c] != sum_of_drivers[c] + rest[c]:
            bad += 1
            print(f'{c}: {everything[c]} of all, {sum_of_drivers[c]} of the drivers, {rest[c]} of the rest')
    truths = Counter()
    for t in drivers:
        truths.update({c: n for c, n in truth.truth_of(t).items() if c in COUNTS})
    print('all drivers: ' + ', '.join(f'{c} {truths[c]} / {sum_of_drivers[c]}' for c in COUNTS) + ' (truth / reports)')
    print(f'{len(drivers)} driver sessions, {differences} differences, {bad} unexplained')
    return 1 if bad or not drivers else 0


if __name__ == '__main__':
    sys.exit(main())
