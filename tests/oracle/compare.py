#!/usr/bin/env python3
"""sess against the second reading, session by session.

    compare.py [--no-bodies] [--sessions OUT] ORACLE.ndjson LOG...

Runs sess-find and sess-path over the logs and compares each session with what
oracle.py found in the raw requests: every figure and every list must be equal.
--no-bodies is for combined logs: what a request's body holds (actions, the
uncut message of an error) is not compared.  OUT gets the sessions as sess has
them, for truth.py.  Exits 1 on the first differences, all of them printed.
"""
import json
import subprocess
import sys
from collections import defaultdict

COUNTS = ('page_views js_errors js_errors_recorded api_calls api_calls_recorded '
          'api_failures api_failures_recorded slow_loads slow_apis resource_errors').split()


def run(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
    if done.returncode > 1:
        sys.exit(f'{argv[0]} ended with {done.returncode}')
    return [json.loads(line) for line in done.stdout.splitlines()]


def number(value):
    return None if value is None else round(float(value), 3)


def millis(iso):
    from datetime import datetime
    return round(datetime.fromisoformat(iso.replace('Z', '+00:00')).timestamp() * 1000)


def units(text, n):
    """The first n UTF-16 units, as JavaScript counts."""
    return text.encode('utf-16-le', 'surrogatepass')[:2 * n].decode('utf-16-le', 'replace')


def key_of(record):
    return record.get('app_id', ''), record.get('session_id')


def add_event(s, e):
    kind = e['kind']
    for key, name in (('user_id', 'user_ids'), ('user_name', 'user_names'), ('ip', 'ips')):
        if key in e:
            s['sets'][name].add(e[key])
    if kind == 'error':
        s['errors'].append([e.get('message', ''), e.get('times', 1)])
    elif kind == 'api':
        s['apis'].append([e['api'], e.get('status', ''), e.get('ok') is True, number(e.get('duration_ms'))])
    elif kind == 'action':
        s['actions'].append([e['action'], millis(e['time'])])
    elif kind == 'load':
        s['loads'].append(e['load_ms'])


def sessions_of(logs):
    out = defaultdict(lambda: {'errors': [], 'apis': [], 'actions': [], 'loads': [], 'sets': defaultdict(set)})
    for e in run('sess-find', *logs):
        if 'session_id' in e:
            add_event(out[key_of(e)], e)
    for r in run('sess-find', '-l', *logs):
        if 'session_id' in r and 'visitor' not in r:
            s = out[key_of(r)]
            s['record_user_ids'] = r.get('user_ids', [])
            s['clock_skew_ms'] = r.get('clock_skew_ms', 0)
            s['actions_counted'] = r['actions']
            s.update({c: r[c] for c in COUNTS})
    for p in run('sess-path', '-o', 'json', *logs):
        key = key_of(p['overview'])
        if key in out:
            out[key]['pages'] = [v.get('page') for v in p['views'] if v.get('viewed', True) and v.get('view_id')]
    for key, s in out.items():
        s['app_id'], s['session_id'] = key
        s['slow_loads_2s'] = sum(ms >= 2000 for ms in s.pop('loads'))
        s['slow_apis_2s'] = sum(ms >= 2000 for _, _, _, ms in s['apis'] if ms is not None)
        for name, values in s.pop('sets').items():
            s[name] = sorted(values)
        for name in ('errors', 'apis', 'actions'):
            s[name].sort(key=str)
        s.setdefault('user_ids', [])
        s.setdefault('user_names', [])
    return out


def differences(want, got, bodies):
    for key in sorted(want):
        w, g = want[key], got.get(key)
        if g is None:
            yield f'behaviour {key!r} is missing'
        elif key.startswith('actions') and not bodies:
            continue
        elif key == 'clock_skew_ms':
            # the capture and the access log stamp a request some ms apart, a
            # combined log in whole seconds
            if abs(w - g) > 1000:
                yield f'{key}: {w} in the requests, {g} in sess'
        elif key == 'errors' and not bodies:
            # the query holds the message cut at 1000 UTF-16 units
            cut = lambda e: sorted([units(m, 900), n] for m, n in e)
            if cut(w) != cut(g):
                yield f'{key}: {cut(w)} in the requests, {cut(g)} in sess'
        elif w != g:
            yield f'{key}: {w} in the requests, {g} in sess'


def main():
    args = sys.argv[1:]
    bodies = '--no-bodies' not in args
    args = [a for a in args if a != '--no-bodies']
    out = None
    if args[0] == '--sessions':
        out, args = args[1], args[2:]
    want = {key_of(s): s for s in map(json.loads, open(args[0]))}
    got = sessions_of(args[1:])
    if out:
        with open(out, 'w') as f:
            f.writelines(json.dumps(s, ensure_ascii=False) + '\n' for s in got.values())
    bad = 0
    for key in sorted(want.keys() | got.keys()):
        if key not in got or key not in want:
            print(f'{key[1]}: only in {"the requests" if key in want else "sess"}')
            bad += 1
            continue
        for d in differences(want[key], got[key], bodies):
            print(f'{key[1]}: {d}'[:400])
            bad += 1
    print(f'{len(want)} sessions, {bad} differences')
    return 1 if bad or not want else 0


if __name__ == '__main__':
    sys.exit(main())
