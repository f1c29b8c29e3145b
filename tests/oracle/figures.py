"""The figures of sess-stats' reports, computed in SQL from gathered.py's tables.

    f = Figures(db, options, by=['browser'], interval=0, keys_of_text=...)
    rows = f.report('pages')

Rows are dictionaries of columns, in no order but those of single events; a
value is a number, a text, or one of answers.py where more than one is right.
What is unknown is not there.
"""
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from answers import Distinct, Quantile, Samples, Share, Tally, estimated
from chosen import pattern
from gathered import PHASES, SESSION_COLUMNS, iso


@dataclass
class Report:
    keys: list = field(default_factory=list)
    main: str = None        # rows are in the order of it, descending
    single: bool = False    # rows are events or sessions, compared one by one


REPORTS = {
    'overview': Report(main='sessions'), 'slow': Report(single=True), 'pages': Report(['page'], 'page_views'),
    'errors': Report(['signature'], 'occurrences'), 'errors-by-page': Report(['page'], 'js_error_rate'),
    'apis': Report(['api'], 'calls'), 'resources': Report(['url', 'resource_type'], 'trouble'),
    'vitals': Report(['name'], 'samples'), 'sessions': Report(single=True), 'users': Report(['user_id'], 'sessions'),
    'log': Report(single=True), 'flows': Report(['from', 'to'], 'transitions'), 'paths': Report(['path'], 'sessions'),
    'frustration': Report(['signal', 'page', 'target'], 'count'), 'funnel': Report(['step', 'page'])}

QUANTILES = {'p50': .5, 'p75': .75, 'p95': .95, 'p99': .99}
MOMENTS = 'fpt tti ready load'.split()
# web.dev/articles/vitals: good up to, poor above
VITALS = {'LCP': (2500, 4000), 'INP': (200, 500), 'CLS': (.1, .25), 'FCP': (1800, 3000), 'TTFB': (800, 1800),
          'FID': (100, 300)}
LENGTHS = [('<10s', 0, 10), ('10s-1m', 10, 60), ('1m-3m', 60, 180), ('3m-10m', 180, 600), ('10m-30m', 600, 1800),
           ('>=30m', 1800, 10 ** 12)]
LONGEST_PATH = 20               # pages of a path
FACTS = 'user_name ip country region city isp network browser browser_version os device release environment'.split()
ERROR = ['error_type', 'message', 'stack', 'file', 'f_page_url']
RESOURCE = ['url', 'resource_type']
FAILING = "(kind = 'error' or (kind = 'leave' and errors > 0))"    # a view in error, or said to be
LOST = {'js_errors': 'lost_errors', 'api_calls': 'lost_calls', 'api_failures': 'lost_failures'}


def ratio(a, b):
    return a / b if b else None


def rest(a, b):
    return 1 - a / b if b else None


def known(row):
    return {k: v for k, v in row.items() if v is not None and v != ''}


def total(what, where):
    return f'coalesce(sum({what}) filter (where {where}), 0)'


def percentiles(form, names):
    return {form.format(p): QUANTILES[p] for p in names.split()}


class Figures:
    """Tables: o, the counted events with what their session and view know; ov
    and os, the views and sessions that have such.  Each has the dimensions as
    d0, d1, ..."""

    def __init__(self, db, options, by=(), interval=0, keys_of_text=None):
        self.db, self.opt = db, options
        self.keys_of_text = lambda *what: keys_of_text(db, *what)
        self.dims = (['time'] if interval else []) + list(by)
        self.interval = interval
        self.d = [f'd{i}' for i in range(len(self.dims))]
        db.create_function('iso', 1, lambda ms: None if ms is None else iso(ms), deterministic=True)
        for name in ('time', 'hour', 'day'):
            db.create_function(name + '_of', 1, getattr(self, name + '_of'), deterministic=True)
        self.tables()

    # -- times as dimensions: steps of local time

    def offset(self, ms):
        t = datetime.fromtimestamp(ms // 1000, ZoneInfo(self.opt.tz))
        return round(t.utcoffset().total_seconds()) * 1000

    def local(self, ms, length):
        offset = self.offset(ms)
        minutes = abs(offset) // 60000
        return f"{iso(ms + offset)[:length]}{'-' if offset < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"

    def hour_of(self, ms):
        return self.local(ms - (ms + self.offset(ms)) % 3600000, 16)

    def day_of(self, ms):
        return self.local(ms, 10)

    def time_of(self, ms):
        return iso(ms - (ms + self.offset(ms)) % self.interval)

    # -- tables

    def dimension(self, name, when, page, fact):
        """A dimension in SQL."""
        if name in ('time', 'hour', 'day'):
            return f'{name}_of({when})'
        return f"coalesce({page if name == 'page' else fact.format(name)}, '')"

    def dimensions(self, when, page, fact):
        return ''.join(f', {self.dimension(n, when, page, fact)} as {d}' for d, n in zip(self.d, self.dims))

    def tables(self):
        page = "coalesce(e.page, nullif(v.page, ''))"
        facts = ', '.join(f'coalesce(e.{k}, s.{k}) as f_{k}' for k in FACTS)
        of_event = self.dimensions('coalesce(e.received, e.time)', page, 'coalesce(e.{0}, s.{0})')
        of_view = self.dimensions('v.start', "nullif(v.page, '')", 's.{0}')
        of_session = self.dimensions('s.start', 's.exit_page', 's.{0}')
        name = 'coalesce(s.session_id, s.visitor) as session'
        user = 's.user_id, s.visitor_key, s.session_id'
        self.db.executescript(f'''
            create table o as select e.rowid as e, e.*, coalesce(e.received, e.time) as happened, {facts}, {name}, {page} as f_page,
                coalesce(e.user_id, {user}) as user, coalesce(e.user_id, s.user_id) as f_user_id,
                coalesce(e.page_url, nullif(v.page_url, '')) as f_page_url,
                coalesce(e.view_id, nullif(v.view_id, '')) as f_view_id,
                lost_errors, lost_calls, lost_failures {of_event}
              from event e join session s using (s) join view v using (v) where counts;
            create table ov as select v.*, nullif(v.page, '') as f_page, 1 as n, {name}, coalesce({user}) as user {of_view}
              from view v join session s using (s) where v in (select v from o);
            create table os as select s.*, 1 as n, {name}, coalesce({user}) as user {of_session}
              from session s where s in (select s from o);
            create index o_kind on o(kind);''')

    # -- columns of rows, by key

    def also(self, own, *columns):
        """The events, and the views or sessions themselves: they are in the row of
        what they are, which need not be that of one of their events."""
        columns = ', '.join(self.d + ['s', 'user', 'session', 'n'] + list(columns))
        return f'(select {columns} from o union all select {columns} from {own})'

    def grouped(self, rows, keys, columns, frm='o', where='1'):
        """Aggregates in SQL."""
        keys = self.d + keys
        group = f" group by {', '.join(keys)}" if keys else ''
        for r in self.db.execute(f"select {', '.join(keys + list(columns.values()))} from {frm} where {where}{group}"):
            rows[r[:len(keys)]].update(zip(columns, r[len(keys):]))

    def each(self, keys, what, frm='o', where='1'):
        """(key, list of (what, occurrences))"""
        keys = self.d + keys
        lists = defaultdict(list)
        group = ', '.join(str(i + 1) for i in range(len(keys) + 1))
        for r in self.db.execute(f"select {', '.join(keys + [what])}, sum(n) from {frm} where ({where}) and {what} is not null "
                                 f'group by {group}'):
            lists[r[:-2]].append(r[-2:])
        return lists.items()

    def quantiles(self, rows, keys, columns, what, frm='o', where='1'):
        for key, pairs in self.each(keys, what, frm, where):
            for column, p in columns.items():
                rows[key][column] = Quantile(pairs, p)

    def distinct(self, rows, keys, column, where='1', frm='o'):
        for key, pairs in self.each(keys, 'user', frm, where):
            rows[key][column] = Distinct(len(pairs))

    def samples(self, rows, keys, column, what='session', frm='o', where='1'):
        for key, pairs in self.each(keys, what, frm, where):
            rows[key][column] = Samples({w for w, _ in pairs})

    def tally(self, rows, keys, column, what, where='1'):
        for key, pairs in self.each(keys, what, 'o', where):
            rows[key][column] = Tally(dict(pairs))

    def first(self, rows, keys, column, what, where='1', when='happened'):
        """The text of the earliest, of equal ones the least."""
        keys = self.d + keys
        order = ', '.join(keys + [when, what])
        for r in self.db.execute(f"select {', '.join(keys + [what])} from o where ({where}) and {what} is not null order by {order}"):
            rows[r[:-1]].setdefault(column, r[-1])

    # -- reports

    def named(self, columns):
        """The dimensions as rows with these columns call them."""
        return [f'by_{d}' if d in columns else d for d in self.dims]

    def dims_of(self, name):
        return self.named({'slow': SLOW, 'log': LOG, 'sessions': SESSION_COLUMNS}.get(name, REPORTS[name].keys))

    def report(self, name):
        if REPORTS[name].single:
            rows = getattr(self, name)()
        else:
            keys = self.dims_of(name) + REPORTS[name].keys
            rows = [dict(zip(keys, key)) | row for key, row in getattr(self, name.replace('-', '_'))().items()]
        return [known(row) | ({'estimated': True} if any(estimated(v) for v in row.values()) else {}) for row in rows]

    def overview(self):
        rows = defaultdict(dict)
        load, api = "kind = 'load'", "kind = 'api'"
        columns = {
            'page_views': total('n', "kind = 'view'"), 'page_views_weighted': total('weight', "kind = 'view'"),
            'js_errors': total('n', "kind = 'error'"), 'api_calls': total('n', api),
            'api_calls_weighted': total('weight', api), 'api_failures': total('n', f'{api} and failed'),
            'slow_loads': total('n', f'{load} and load_ms > {self.opt.slow_load}'),
            'slow_apis': total('n', f'{api} and duration_ms > {self.opt.slow_api}'),
            'resource_errors': total('n', "kind = 'resource' and failed"),
            'loads': total('n', load), 'loads_weighted': total('weight', load),
            'with_fpt': total('n', f'{load} and fpt_ms is not null'),
            'satisfied': total('n', f'{load} and fpt_ms <= {self.opt.apdex}'),
            'bearable': total('n', f'{load} and fpt_ms <= 4 * {self.opt.apdex}'),
            'failing': f'count(distinct v) filter (where {FAILING})'}
        self.grouped(rows, [], columns)
        self.add_lost(rows, [], 'js_errors', 'api_calls', 'api_failures')
        self.grouped(rows, [], {'sessions': 'count(distinct s)'}, self.also('os'))
        self.distinct(rows, [], 'users', frm=self.also('os'))
        self.quantiles(rows, [], percentiles('load_{}_ms', 'p75'), 'load_ms', where=load)
        self.quantiles(rows, [], percentiles('duration_{}_ms', 'p50 p75 p95'), 'duration_ms', 'os')
        self.quantiles(rows, [], percentiles('pages_{}', 'p50 p75 p95'), 'page_views', 'os')
        self.grouped(rows, [], {'bounces': total('n', 'page_views = 1')} | {
            name: total('n', f'duration_ms >= {1000 * low} and duration_ms < {1000 * high}')
            for name, low, high in LENGTHS}, 'os')
        if not self.dims and not rows[()].get('sessions'):
            rows[()] = {}           # a row of zeros where nothing is counted
        for row in rows.values():
            for column in ('sessions', *columns, 'bounces', *(name for name, _, _ in LENGTHS)):
                row.setdefault(column, 0)
            row.setdefault('users', Distinct(0))
            satisfied, bearable = row.pop('satisfied'), row.pop('bearable')
            row['js_error_rate'] = ratio(row.pop('failing'), row['page_views'])
            row['api_success_rate'] = rest(row['api_failures'], row['api_calls'])
            row['apdex'] = ratio((satisfied + bearable) / 2, row.pop('with_fpt'))
            row['bounce_rate'] = ratio(row['bounces'], row['sessions'])
            lengths = {name: n for name, _, _ in LENGTHS if (n := row.pop(name))}
            row['durations'] = Tally(lengths) if lengths else None
        return rows

    def add_lost(self, rows, keys, *columns, where='1'):
        """What leaves tell of and no event records, once a view: with its last
        leave that counts."""
        last = ("(select * from (select *, row_number() over (partition by v order by seq desc) as nth from o "
                "where kind = 'leave') where nth = 1)")
        lost = defaultdict(dict)
        self.grouped(lost, keys, {c: f'sum({LOST[c]})' for c in columns}, last, where)
        for key, row in lost.items():
            for column in columns:
                rows[key][column] = rows[key].get(column, 0) + (row[column] or 0)

    def slow(self):
        return self.single(SLOW, "kind = 'load' and load_ms is not null", 'load_ms desc, session, f_view_id, id')

    def log(self):
        return self.single(LOG, '1', 'happened, session, f_view_id, id')

    def single(self, columns, where, order):
        """A row an event; columns by name: SQL."""
        order = ', '.join(self.d + [order])
        got = self.db.execute(f"select {', '.join(self.d + list(columns.values()))} from o where {where} order by {order}")
        return [dict(zip(self.named(columns) + list(columns), r)) for r in got]

    def sessions(self):
        columns = self.d + [f'"{c}"' for c in SESSION_COLUMNS]
        rows = [dict(zip(self.named(SESSION_COLUMNS) + SESSION_COLUMNS, r)) for r in self.db.execute(
            f"select {', '.join(columns)} from os order by {', '.join(self.d + ['start', 'session'])}")]
        for r in rows:
            r['start'], r['end'] = iso(r['start']), iso(r['end'])
            r['user_ids'] = r['user_ids'] and json.loads(r['user_ids'])
        return rows

    def pages(self):
        rows, key, has = defaultdict(dict), ['f_page'], 'f_page is not null'
        columns = {
            'page_views': total('n', "kind = 'view'"), 'page_views_weighted': total('weight', "kind = 'view'"),
            'samples': total('n', "kind = 'load'"), 'js_errors': total('n', "kind = 'error'"),
            'failing': f'count(distinct v) filter (where {FAILING})'}
        self.grouped(rows, key, columns, where=has)
        self.add_lost(rows, key, 'js_errors', where='f_page is not null')
        everybody = self.also('ov', 'f_page')
        self.grouped(rows, key, {'sessions': 'count(distinct s)'}, everybody, has)
        self.distinct(rows, key, 'users', has, everybody)
        self.samples(rows, key, 'sample_sessions', frm=everybody, where=has)
        for p in PHASES:
            names = 'p50 p75 p95 p99' if p in MOMENTS else 'p75'
            self.quantiles(rows, key, percentiles(p + '_{}_ms', names), p + '_ms', where=f"{has} and kind = 'load'")
        self.quantiles(rows, key, percentiles('stay_{}_ms', 'p50 p75'), 'stay_ms', 'ov', has)
        self.grouped(rows, key, {'exits': total('n', 'is_exit')}, 'ov', has)
        for row in rows.values():
            for column in (*columns, 'exits'):
                row.setdefault(column, 0)
            row['js_error_rate'] = ratio(row.pop('failing'), row['page_views'])
            row['exit_rate'] = ratio(row['exits'], row['sessions'])
        return rows

    def errors(self):
        """Grouped by what sess says the signature of each is."""
        said = self.keys_of_text('errors', 'error', ERROR, '1')
        self.db.create_function('signature', 5, lambda *t: said[t]['signature'], deterministic=True)
        rows, key, error = defaultdict(dict), [f"signature({', '.join(ERROR)})"], "kind = 'error'"
        self.grouped(rows, key, {
            'occurrences': 'sum(n)', 'page_views': 'count(distinct v)', 'sessions': 'count(distinct s)',
            'first_seen': 'iso(min(happened))', 'last_seen': 'iso(max(happened))'}, where=error)
        self.distinct(rows, key, 'users', error)
        self.samples(rows, key, 'sample_sessions', where=error)
        self.tally(rows, key, 'browsers', 'f_browser', error)
        self.tally(rows, key, 'pages', 'f_page', error)
        self.first(rows, key, 'first_release', 'f_release', error)
        self.first(rows, key, 'sample_message', 'message', error)
        everybody = defaultdict(dict)
        self.distinct(everybody, [], 'users')
        folded = {row['signature']: {k: row.get(k) for k in ('error_type', 'message', 'frame')} for row in said.values()}
        for key, row in rows.items():
            row['user_share'] = Share(row['users'].n, everybody[key[:-1]]['users'].n)
            row.update(folded[key[-1]])
        return rows

    def errors_by_page(self):
        rows, key = defaultdict(dict), ['f_page']
        has = "f_page is not null and kind in ('view', 'error', 'leave')"
        error = f'f_page is not null and {FAILING}'
        self.grouped(rows, key, {
            'page_views': total('n', "kind = 'view'"), 'js_errors': total('n', "kind = 'error'"),
            'error_page_views': f'count(distinct v) filter (where {FAILING})'}, where=has)
        self.add_lost(rows, key, 'js_errors', where='f_page is not null')
        self.distinct(rows, key, 'users', error)
        self.samples(rows, key, 'sample_sessions', where=error)
        for row in rows.values():
            row.setdefault('users', Distinct(0))
            row['js_error_rate'] = ratio(row['error_page_views'], row['page_views'])
        return rows

    def apis(self):
        rows, key = defaultdict(dict), ['api']
        api = "kind = 'api' and api is not null"
        fails, slow = f'{api} and failed', f'{api} and duration_ms > {self.opt.slow_api}'
        self.grouped(rows, key, {'calls': 'sum(n)', 'calls_weighted': 'sum(weight)', 'failures': 'sum(n * failed)',
                                 'slow_calls': total('n', slow)}, where=api)
        self.distinct(rows, key, 'failed_users', fails)
        self.quantiles(rows, key, percentiles('{}_ms', 'p50 p75 p95 p99'), 'duration_ms', where=api)
        self.tally(rows, key, 'statuses', 'status', api)
        self.tally(rows, key, 'messages', 'message', fails)
        self.tally(rows, key, 'methods', 'method', api)
        self.samples(rows, key, 'sample_sessions', where=fails)
        self.samples(rows, key, 'slow_sessions', where=slow)
        self.samples(rows, key, 'failed_traces', 'trace_id', where=fails)
        self.samples(rows, key, 'slow_traces', 'trace_id', where=slow)
        for row in rows.values():
            row.setdefault('failed_users', Distinct(0))
            row['success_rate'] = rest(row['failures'], row['calls'])
            row['slow_rate'] = ratio(row['slow_calls'], row['calls'])
        return rows

    def resources(self):
        said = self.keys_of_text('resources', 'resource', RESOURCE, 'url is not null')
        self.db.create_function('folded', 2, lambda *t: t in said and said[t]['url'], deterministic=True)
        rows, key = defaultdict(dict), ['folded(url, resource_type)', "coalesce(resource_type, '')"]
        res, slow = "kind = 'resource' and url is not null", f'duration_ms > {self.opt.slow_resource}'
        self.grouped(rows, key, {'loads': 'sum(n)', 'failures': 'sum(n * failed)', 'slow': total('n', slow),
                                 'trouble': total('n', f'failed or {slow}'), 'bytes': total('n * size', 'size > 0')}, where=res)
        self.quantiles(rows, key, percentiles('{}_ms', 'p75 p95'), 'duration_ms', where=res)
        self.tally(rows, key, 'pages', 'f_page', res)
        self.samples(rows, key, 'sample_sessions', where=f'{res} and (failed or {slow})')
        return rows

    def vitals(self):
        rows, key = defaultdict(dict), ['name']
        vital = "kind = 'vital' and name is not null"
        self.grouped(rows, key, {'samples': 'sum(n)'}, where=vital)
        self.quantiles(rows, key, percentiles('{}', 'p75'), 'value', where=vital)
        for name, (good, poor) in VITALS.items():
            rated = f"{vital} and name = '{name}' and value is not null"
            self.grouped(rows, key, {
                'good': f"1.0 * {total('n', f'value <= {good}')} / sum(n)",
                'needs_improvement': f"1.0 * {total('n', f'value > {good} and value <= {poor}')} / sum(n)",
                'poor': f"1.0 * {total('n', f'value > {poor}')} / sum(n)"}, where=rated)
            self.samples(rows, key, 'sample_sessions', where=f'{rated} and value > {poor}')
        return rows

    def users(self):
        rows, key = defaultdict(dict), ['user']
        self.grouped(rows, key, {
            'sessions': 'count(distinct s)', 'page_views': total('n', "kind = 'view'"),
            'js_errors': total('n', "kind = 'error'"), 'api_calls': total('n', "kind = 'api'"),
            'api_failures': total('n', "kind = 'api' and failed"),
            'slow_loads': total('n', f"kind = 'load' and load_ms > {self.opt.slow_load}"),
            'first_seen': 'iso(min(happened))', 'last_seen': 'iso(max(happened))'})
        self.first(rows, key, 'user_name', 'f_user_name', when='-happened')
        self.samples(rows, key, 'sample_sessions')
        return rows


    # -- what needs a session's order

    def moved(self, table, columns, rows):
        """A table for what Python found."""
        self.db.execute(f'create table {table}({columns})')
        self.db.executemany(f"insert into {table} values ({', '.join('?' * len(columns.split(',')))})", rows)

    def visits(self):
        """session, its (view, page) in order without views that have no page"""
        found = defaultdict(list)
        for s, v, page in self.db.execute("select s, v, page from view where page != '' order by v"):
            found[s].append((v, page))
        return found.items()

    def flows(self):
        """Of neighbours of one page the last one leaves it."""
        self.moved('leaving', 'v, target', [
            (v, target) for _, visits in self.visits()
            for (v, page), (_, target) in zip(visits, visits[1:] + [(None, '(end)')]) if page != target])
        rows, key, frm = defaultdict(dict), ['f_page', 'target'], '(select * from ov join leaving using (v))'
        self.grouped(rows, key, {'transitions': 'count(*)', 'sessions': 'count(distinct s)'}, frm)
        self.distinct(rows, key, 'users', frm=frm)
        self.samples(rows, key, 'sample_sessions', frm=frm)
        return rows

    def paths(self):
        def path(visits):
            pages = [p for i, (_, p) in enumerate(visits) if i == 0 or visits[i - 1][1] != p]
            return ' > '.join(pages[:LONGEST_PATH] + ['...'] * (len(pages) > LONGEST_PATH))
        self.moved('way', 's, path', [(s, path(visits)) for s, visits in self.visits()])
        rows, key, frm = defaultdict(dict), ['path'], '(select * from os join way using (s))'
        self.grouped(rows, key, {'sessions': 'count(*)'}, frm)
        self.distinct(rows, key, 'users', frm=frm)
        self.samples(rows, key, 'sample_sessions', frm=frm)
        return rows

    def funnel(self):
        """Steps reached in order by each counted session, other pages between them allowed."""
        steps = [pattern(p) for p in self.opt.funnel]

        def reached(pages):
            n = 0
            for page in pages:
                n += n < len(steps) and steps[n].fullmatch(page) is not None
            return n
        pages = {s: [p for _, p in visits] for s, visits in self.visits()}
        rows, every = defaultdict(dict), []
        for *dims, s, session in self.db.execute(f"select {', '.join(self.d + ['s', 'session'])} from os"):
            every.append((tuple(dims), session, reached(pages.get(s, []))))
        for i, step in enumerate(self.opt.funnel):
            for dims in {d for d, _, _ in every} or ([()] if not self.dims else []):
                here = [(session, n) for d, session, n in every if d == dims]
                at = [session for session, n in here if n > i]
                left = [session for session, n in here if n == i + 1 < len(steps)]
                rows[dims + (i + 1, step)] = {
                    'sessions': len(at), 'rate': ratio(len(at), len(here)), 'dropped': len(left),
                    'drop_rate': ratio(len(left), len(at)), 'sample_sessions': Samples(set(left))}
        return rows

    def frustration(self):
        self.moved('sign', 'e, signal', self.signs())
        rows, key = defaultdict(dict), ['signal', "coalesce(f_page, '')", 'target']
        frm = '(select o.*, signal from o join sign using (e))'
        self.grouped(rows, key, {'count': 'count(*)', 'sessions': 'count(distinct s)'}, frm)
        self.distinct(rows, key, 'users', frm=frm)
        self.samples(rows, key, 'sample_sessions', frm=frm)
        return rows

    def signs(self):
        sessions = defaultdict(list)
        for e in self.db.execute("select s, rowid, kind, at, v, case when counts and kind = 'action' and action = 'click' "
                                 "then target end from event order by s, seq"):
            sessions[e[0]].append(e[1:])
        for events in sessions.values():
            yield from self.signs_of(events)

    def signs_of(self, events):
        """Clicks of one session: a rage once until a pause or another target; those that an
        error of the view followed soon; those that nothing followed but actions."""
        o, target, row, raged = self.opt, None, [], False
        for i, (e, _, at, view, clicked) in enumerate(events):
            if not clicked:
                continue
            later = [x for x in events[i + 1:] if x[2] - at <= max(o.error_click, o.dead_click)]
            if any(x[1] == 'error' and x[3] == view and x[2] - at <= o.error_click for x in later):
                yield e, 'error'
            if (events[-1][2] - at > o.dead_click and
                    not any(x[1] != 'action' and x[2] - at <= o.dead_click for x in later)):
                yield e, 'dead (weak)'
            if clicked != target or at - row[-1] > o.rage:
                target, row, raged = clicked, [], False
            row = row[1 - o.rage_clicks:] + [at]
            if not raged and len(row) == o.rage_clicks and at - row[0] <= o.rage:
                raged = True
                yield e, 'rage'


OWN = 'method status duration_ms load_ms error_type message name value action target url trace_id'.split()
SLOW = ({'time': 'iso(happened)', 'page': 'f_page', 'load_ms': 'load_ms', 'session_id': 'session',
         'view_id': 'f_view_id', 'page_url': 'f_page_url'}
        | {k: 'f_' + k for k in 'user_id user_name device browser os country region city ip network'.split()}
        | {p + '_ms': p + '_ms' for p in PHASES})
LOG = ({'time': 'iso(happened)', 'kind': 'kind', 'session_id': 'session', 'view_id': 'f_view_id',
        'user_id': 'f_user_id', 'user_name': 'f_user_name', 'page': 'f_page', 'api': 'api', 'ok': 'ok'}
       | {k: k for k in OWN})
