#!/usr/bin/env python3
"""Every figure of sess-stats against an independent computation.

    stats.py [-r NAME]... [--by DIMENSION]... [--interval TIME] [CONDITION]... LOG...
    stats.py --given ROWS ...     compare these rows instead of running sess-stats
    stats.py --mutate ...         change the rows of sess-stats, figure by figure:
                                  each change has to be found

The events of the logs (sess-ingest) are put together in gathered.py, chosen in
chosen.py and counted in figures.py; no code of sess takes part but for two
things: it reads the logs (compare.py holds that against the raw requests), and
it is asked, one error at a time, what an error's signature is and what a
resource's URL becomes, so that errors and resources are counted by the same keys.

Counts, sums, rates and lists must be equal, percentiles too up to 256 different
values, then within 1 %; different users up to 1024, then within four standard
errors.  Rows must be all there, in their order.  Exits 1 on differences, the
first of each report printed.
"""
import argparse
import copy
import json
import math
import re
import subprocess
import sys

import chosen
import gathered
from figures import REPORTS, Figures

ALL = '1000000000'
SHOWN = 12                      # differences of a report


def run(*argv, data=None):
    done = subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)[:200]} ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


# -- what sess alone can say: keys that it makes of text

def asked(report, events):
    """What sess-stats makes of each event, every one on its own."""
    lines = ''.join(json.dumps({'v': 1, 'id': f'{i:016x}', 'time': '2026-01-01T00:00:00.000Z', **e, 'session_id': 's',
                                'view_id': f'v{i}', 'release': str(i)}) + '\n' for i, e in enumerate(events))
    rows = run('sess-stats', '-r', report, '--by', 'release', '-n', ALL, '-o', 'ndjson', data=lines.encode())
    found = {int(r['release']): r for r in rows}
    if len(rows) != len(events) or len(found) != len(events):
        sys.exit(f'{report}: {len(rows)} rows of {len(events)} different events')
    return [found[i] for i in range(len(events))]


def keys_of_text(db, report, kind, columns, where):
    """columns of an event of that kind to the row it belongs to."""
    names = [c.removeprefix('f_') for c in columns]
    tuples = db.execute(f"select distinct {', '.join(columns)} from o where kind = '{kind}' and {where}").fetchall()
    events = [{'kind': kind, 'ok': False} | {k: v for k, v in zip(names, t) if v is not None} for t in tuples]
    return dict(zip(tuples, asked(report, events))) if events else {}


# -- comparing

def equal(want, got):
    if hasattr(want, 'meets'):
        return want.meets(got)
    if isinstance(want, float) and isinstance(got, (int, float)) and not isinstance(got, bool):
        return math.isclose(want, got, rel_tol=1e-13, abs_tol=1e-15)
    return want == got


def different_cells(key, want, got):
    for column in sorted(want.keys() | got.keys()):
        if column not in want:
            yield key, column, 'no such column', got[column]
        elif not equal(want[column], got.get(column)):
            yield key, column, want[column], got.get(column)


def key_of(row, keys):
    return tuple(row.get(k, '') for k in keys)


def in_order(rows, report, dims):
    """Rows in the order in which they should be."""
    def place(row):
        main = row.get(report.main)
        return (text(dims, row), main is None, 0 if main is None else -main, text(report.keys, row))

    def text(keys, row):
        return [str(row.get(k, '')).encode() for k in keys]
    return sorted(rows, key=place)


def compare(report, dims, want, got):
    """(key, column, wanted, found) of all that differs."""
    if report.single:
        for i, (w, g) in enumerate(zip(want, got)):
            yield from different_cells(f'row {i + 1}', w, g)
        if len(want) != len(got):
            yield 'rows', '', len(want), len(got)
        return
    keys = dims + report.keys
    have = {key_of(r, keys): r for r in got}
    expected = {key_of(r, keys): r for r in want}
    if len(have) != len(got):
        yield 'rows', '', 'each key once', f'{len(got)} rows of {len(have)} keys'
    for key in sorted(have.keys() | expected.keys(), key=str):
        if key not in have or key not in expected:
            yield key, '', 'a row' if key in expected else 'no row', 'no row' if key in expected else have[key]
            continue
        strip = {k: v for k, v in expected[key].items() if k not in keys}
        yield from different_cells(key, strip, {k: v for k, v in have[key].items() if k not in keys})
    if got != in_order(got, report, dims):
        yield 'rows', '', f'in the order of {report.main}', 'another order'


def check(name, dims, want, got):
    """Print the differences; their number."""
    n = 0
    for n, (key, column, w, g) in enumerate(compare(REPORTS[name], dims, want, got), 1):
        if n <= SHOWN:
            print(f'{name}\t{key}\t{column}\twant {w!r}\tgot {g!r}'[:600])
    return n


# -- that it can fail

def mutations(report, keys, rows):
    """Rows with one thing wrong, each with what it is."""
    if not rows:
        return
    yield 'a row less', rows[1:]
    yield 'a row twice', rows + rows[-1:]
    seen = set()
    for i, row in enumerate(rows):
        for column, value in row.items():
            if column in seen:
                continue
            seen.add(column)
            wrong = copy.deepcopy(rows)
            wrong[i][column] = changed(value)
            yield f'{column} {value!r}'[:80], wrong
            wrong = copy.deepcopy(rows)
            del wrong[i][column]
            yield f'{column} left out', wrong
    if len({json.dumps(r) for r in rows}) > 1:
        yield 'another order', rows[::-1]


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + max(1, value // 10)
    if isinstance(value, float):
        return value * 1.05 + .01
    if isinstance(value, str):
        return value + 'x'
    if isinstance(value, list):
        return value[:-1] + [value[-1] + 'x']
    return dict(list(value.items())[:-1])


def mutate(name, dims, want, got):
    tried = missed = 0
    for what, rows in mutations(REPORTS[name], dims, got):
        tried += 1
        if not any(True for _ in compare(REPORTS[name], dims, want, rows)):
            missed += 1
            print(f'{name}: not found: {what}')
    print(f'{name}: {tried} changes, {missed} not found')
    return missed


# -- the whole

THRESHOLDS = {'load': 'slow_load', 'api': 'slow_api', 'resource': 'slow_resource'}


def arguments():
    p = argparse.ArgumentParser(allow_abbrev=False)
    p.add_argument('-r', action='append', choices=list(REPORTS))
    p.add_argument('--by', action='append', default=[])
    for name in ('interval', 'tz', 'funnel', 'threshold', 'given'):
        p.add_argument('--' + name)
    p.add_argument('--mutate', action='store_true')
    p.add_argument('-v', action='store_true')
    for name in chosen.CONDITIONS:
        if name in chosen.FLAGS:
            name != 'v' and p.add_argument('--' + name, action='store_true')
        else:
            p.add_argument('--' + name, action='append', **({'nargs': '?', 'const': ''} if name in chosen.SLOW else {}))
    p.add_argument('logs', nargs='+')
    return p.parse_args()


def conditions_of(a):
    for name in chosen.CONDITIONS:
        value = getattr(a, name.replace('-', '_'))
        if value is True:
            yield name, None
        for v in value or [] if isinstance(value, list) else []:
            yield name, v or None


def options_of(a, conditions):
    o = gathered.Options()
    o.tz = a.tz or o.tz
    o.funnel = a.funnel.split(',') if a.funnel else []
    for part in a.threshold.split(',') if a.threshold else []:
        name, value = part.split('=')
        setattr(o, THRESHOLDS.get(name, name), float(value))
    for name, value in conditions:
        if name in chosen.SLOW and value:
            setattr(o, name.replace('-', '_'), float(value))
    o.rage_clicks = int(o.rage_clicks)
    return o


def interval_ms(text):
    if text is None:
        return 0
    n, unit = re.fullmatch(r'(\d+)(ms|s|m|h|d)', text).groups()
    return int(n) * {'ms': 1, 's': 1000, 'm': 60000, 'h': 3600000, 'd': 86400000}[unit]


def events_of(logs):
    ingest = subprocess.Popen(['sess-ingest', '-q', '--no-progress', *logs], stdout=subprocess.PIPE)
    yield from ingest.stdout
    if ingest.wait() != 0:
        sys.exit('sess-ingest failed')


def rows_of_sess(a, conditions, names):
    """report: its rows"""
    if a.given:
        rows = [json.loads(line) for line in open(a.given)]
    else:
        options = [f'--{n}={v}' for n in ('interval', 'tz', 'funnel', 'threshold') if (v := getattr(a, n))]
        options += [f'--by={d}' for d in a.by] + [f'-r{n}' for n in names]
        options += [('-v' if n == 'v' else f'--{n}') + ('' if v is None else f'={v}') for n, v in conditions]
        rows = run('sess-stats', '-q', '--no-match-ok', '-o', 'ndjson', '-n', ALL, *options, *a.logs)
    tables = {n: [] for n in names}
    for row in rows:
        tables[row.pop('report')].append(row)
    return tables


def main():
    a = arguments()
    conditions = list(conditions_of(a))
    names = a.r or [n for n in REPORTS if n != 'funnel' or a.funnel]
    options = options_of(a, conditions)
    db = gathered.load(events_of(a.logs), options)
    chosen.choose(db, conditions)
    figures = Figures(db, options, a.by, interval_ms(a.interval), keys_of_text)
    tables = rows_of_sess(a, conditions, names)
    bad = rows = 0
    for name in names:
        want = figures.report(name)
        bad += (mutate if a.mutate else check)(name, figures.dims_of(name), want, tables[name])
        rows += len(want)
    events = db.execute('select count(*) from o').fetchone()[0]
    print(f"{' '.join(names)}: {events} events, {rows} rows, {bad} {'changes not found' if a.mutate else 'differences'}")
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
