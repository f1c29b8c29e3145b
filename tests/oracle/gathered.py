"""Canonical events put together to sessions, with no code of sess.

    db = gathered.load(lines, options)

gives an SQLite database with the tables event, view and session, made from
sess-event(5) and sess(7) alone: duplicates dropped, clocks put right, visitors
cut where they idle.  event holds each event's own keys; what belongs to its
view or session is there.
"""
import json
import os
import sqlite3
import sys
import tempfile
from datetime import datetime, timezone
from functools import lru_cache

KINDS = 'view load resource action api error leave vital longtask timing metric custom request'.split()
PHASES = 'dns tcp ssl ttfb trans dom res firstbyte fpt tti ready load'.split()
WHO = 'session_id visitor app_id user_id user_name ip'.split()
ENV = ('release environment country region city isp network browser browser_version os os_version '
       'device device_type screen').split()
PLACE = 'page page_url title'.split()
# keys of an event that a report may look at
TEXTS = ('view_id user_id user_name page page_url ip country region city isp network browser '
         'browser_version os device release environment '
         'app_id api method status message trace_id error_type stack file name action target url resource_type').split()
NUMBERS = 'duration_ms size value stay_ms errors'.split() + [p + '_ms' for p in PHASES]
MINUTE = 60000
DAY = 24 * 60 * MINUTE


class Options:
    """What a report can be asked for, and its defaults."""
    slow_load, slow_api, slow_resource, apdex = 8000, 1000, 2000, 2000
    rage_clicks, rage, error_click, dead_click = 3, 1000, 1000, 3000
    tz, funnel = 'UTC', []
    idle = longest = 0              # of sessions with an id, ms
    visit_idle = 30 * MINUTE        # of visitors


@lru_cache(maxsize=1 << 17)
def seconds(text):
    return round((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds())


def millis(text):
    """Of a canonical event's time, 2026-11-23T20:31:57.120Z."""
    return None if text is None else seconds(text[:19]) * 1000 + int(text[20:23] or 0)


def iso(ms):
    t = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return t.strftime('%Y-%m-%dT%H:%M:%S') + f'.{ms % 1000:03}Z'


def group_of(e):
    """Sessions of two applications never meet; a visitor is one whatever it visits."""
    sid = e.get('session_id')
    if sid:
        return json.dumps([e.get('app_id', ''), sid])
    return json.dumps([e['visitor']])


def id_time(ident):
    """Characters 2, 5, 8 ... 23 of an id made by @arms/js-sdk: ms in base 36."""
    if len(ident) != 28 or not (ident.isascii() and ident.isalnum()):
        return None
    ms = int(ident[2:24:3].lower(), 36)
    return ms if 1420070400000 <= ms < 4102444800000 else None


def at_least(e, key, least):
    n = int(e.get(key, least))
    return max(n, least)


def measured(e, key):
    n = e.get(key)
    return n if n is not None and n >= 0 else None


def failed(e):
    return e['kind'] in ('api', 'resource') and e.get('ok') is False


# -- duplicates, clocks, pieces

def packed(e, keys):
    """Strings as they are compared: each behind its length."""
    return [(len(v := e.get(k, '').encode()), v) for k in keys]


PARTS = frozenset('css js mjs map png jpg jpeg gif svg ico webp avif bmp woff woff2 ttf otf eot mp3 mp4 webm ogg '
                  'json xml wasm txt webmanifest'.split())


def is_part(e):
    """A server's request that is for something of a page."""
    if e['kind'] != 'request':
        return False
    path = e.get('url', '').partition('?')[0]
    _, dot, extension = path.rpartition('/')[2].rpartition('.')
    return e.get('method', 'GET') != 'GET' or '/api/' in path or (dot != '' and extension in PARTS)


def rank(e):
    """Of equal ids the event with the most keys stays, then the later, then the greater."""
    lowest = -10 ** 18
    return (len(e) - ('src' in e), millis(e.get('time')) if 'time' in e else lowest,
            millis(e.get('received')) if 'received' in e else lowest, KINDS.index(e['kind']),
            (failed(e), is_part(e)), packed(e, WHO), packed(e, ENV), packed(e, ['view_id']), packed(e, PLACE))


def best_of(events):
    best = {}
    for e in events:
        other = best.get(e['id'])
        if other is None or rank(e) > rank(other):
            best[e['id']] = e
    return list(best.values())


def skew_of(events):
    pairs = [(e['received_ms'] - e['time_ms'], e['received_ms']) for e in events
             if e['time_ms'] is not None and e['received_ms'] is not None]
    if not pairs:
        return 0
    least = min(d for d, _ in pairs)
    if least < -MINUTE:
        return least
    agreeing = {r for d, r in pairs if d - least <= MINUTE}
    return least if least > MINUTE and len(agreeing) >= 3 else 0


def ordered(events):
    """Without duplicates, in the order of the session; its clock's skew."""
    events = best_of(events)
    for e in events:
        e['time_ms'], e['received_ms'] = millis(e.get('time')), millis(e.get('received'))
    skew = skew_of(events)
    for e in events:
        e['at'] = e['received_ms'] if e['time_ms'] is None else e['time_ms'] + skew
    events.sort(key=lambda e: (e['at'], -1 if e['received_ms'] is None else e['received_ms'],
                               KINDS.index(e['kind']) + is_part(e), e['id']))
    return events, skew


def pieces(events, o):
    """Lists of events, each with why it ended, or None."""
    visitor = 'session_id' not in events[0]
    idle, longest = (o.visit_idle, 0) if visitor else (o.idle, o.longest)
    piece = []
    for e in events:
        end = None
        if piece and idle and e['at'] - piece[-1]['at'] >= idle:
            end = 'idle'
        elif piece and longest and e['at'] - piece[0]['at'] >= longest:
            end = 'max'
        if end:
            yield piece, end
            piece = []
        piece.append(e)
    yield piece, None


def base36(n):
    digits = ''
    while True:
        n, d = divmod(n, 36)
        digits = '0123456789abcdefghijklmnopqrstuvwxyz'[d] + digits
        if n == 0:
            return digits


# -- views

class View:
    def __init__(self, e):
        self.view_id = e.get('view_id', '')
        self.place = dict.fromkeys(PLACE, '')
        self.placed = self.viewed = False
        self.sign = 0               # of start: an action, any event, one of its own
        self.made = self.loaded = None
        self.start = self.end = e['at']
        self.stay_ms = self.load_ms = None
        self.errors = self.calls = self.failures = 0
        self.left_errors = self.left_ok = self.left_failed = 0

    def belongs(self, e):
        """Whether an event without view_id goes on with it: neighbours of one page do."""
        here, there = self.place['page'], e.get('page', '')
        return (is_part(e) or not here or not there or here == there) and not (e['kind'] == 'view' and self.viewed)

    def take_place(self, e):
        replace = e['kind'] == 'view' and not self.placed and any(e.get(k) for k in PLACE)
        self.placed |= replace
        for k in PLACE:
            if e.get(k) and (replace or not self.place[k]):
                self.place[k] = e[k]

    def add(self, e):
        kind, n = e['kind'], e['n']
        self.end = max(self.end, e['at'])
        self.take_place(e)
        stay = measured(e, 'stay_ms') if kind == 'leave' else None
        if stay is not None and stay > 366 * DAY:
            stay = None
        own = not self.view_id or kind in ('view', 'load') or stay is not None
        self.take_start(0 if kind == 'action' else 1 + own, e['at'] - int(stay or 0))
        if kind == 'view':
            self.viewed = True
        elif kind == 'load':
            if self.load_ms is None:
                self.load_ms = measured(e, 'load_ms')
            if self.loaded is None and self.made is not None and self.made > e['at']:
                self.loaded = e['at']
        elif kind == 'api':
            self.calls += n
            self.failures += n * failed(e)
        elif kind == 'error':
            self.errors += n
        elif kind == 'leave':
            self.leave(e, stay)

    def take_start(self, sign, at):
        if sign > self.sign or (sign == self.sign and at < self.start):
            self.sign, self.start = sign, at

    def leave(self, e, stay):
        self.left_errors += at_least(e, 'errors', 0)
        self.left_ok += at_least(e, 'api_ok', 0)
        self.left_failed += at_least(e, 'api_failed', 0)
        if stay is not None:
            self.stay_ms = stay if self.stay_ms is None else max(self.stay_ms, stay)

    def settle(self):
        if self.made is not None and abs(self.start - self.made) <= DAY:
            self.take_start(2, self.made)

    def surplus(self):
        """Errors, calls and failures that its leaves tell of and no event records."""
        return (max(0, self.left_errors - self.errors),
                max(0, self.left_ok + self.left_failed - self.calls),
                max(0, self.left_failed - self.failures))


def views_of(events, skew):
    """The views in order of their start; each event's `view` is one of them."""
    named, views, loose, loading = {}, [], None, None
    for e in events:
        e['n'] = at_least(e, 'times', 1)
        ident = e.get('view_id')
        if ident:
            view = named.get(ident)
            if view is None:
                named[ident] = view = View(e)
                made = id_time(ident)
                view.made = None if made is None else made + skew
                views.append(view)
        else:
            if loose is None or not loose.belongs(e):
                loose = View(e)
                views.append(loose)
            view = loose
        view.add(e)
        e['view'] = view
        if e['kind'] == 'load' and view.loaded == e['at']:
            loading = view
        elif e['kind'] == 'leave' and loading not in (None, view) and view.made is not None and (
                loading.loaded <= view.made <= e['at'] <= loading.made <= e['at'] + 250):
            # the route changed before the document had loaded
            view.take_start(2, loading.loaded)
            loading.start = loading.made
    for v in views:
        v.settle()
    views.sort(key=lambda v: v.start)      # stable: of equal ones that of the first event
    return views


# -- sessions

def last_of(events, key):
    for e in reversed(events):
        if e.get(key):
            return e[key]
    return None


def session_record(events, views, skew, cut, o):
    """What `sess-find -l` writes, end_reason apart."""
    first = events[0]
    name = first.get('session_id') or first['visitor']
    if cut:
        name += '.' + base36(first['at'])
    surplus = [v.surplus() for v in views]
    pages = [v.place['page'] for v in views if v.place['page']]
    s = {'session_id': name} if first.get('session_id') else {'visitor': name}
    s.update({k: last_of(events, k) for k in ['app_id', 'user_id', 'user_name', 'ip'] + ENV})
    s['user_ids'] = list(dict.fromkeys(e['user_id'] for e in events if e.get('user_id'))) or None

    def total(kind, holds=lambda e: True):
        return sum(e['n'] for e in events if e['kind'] == kind and holds(e))
    recorded = {'js_errors': total('error'), 'api_calls': total('api'), 'api_failures': total('api', failed)}
    s.update(
        start=first['at'], end=events[-1]['at'], duration_ms=events[-1]['at'] - first['at'],
        page_views=total('view'), actions=total('action'), resource_errors=total('resource', failed),
        slow_loads=total('load', lambda e: (measured(e, 'load_ms') or 0) > o.slow_load),
        slow_apis=total('api', lambda e: (measured(e, 'duration_ms') or 0) > o.slow_api),
        entry_page=pages[0] if pages else None, exit_page=pages[-1] if pages else None,
        clock_skew_ms=skew, events=len(events))
    for i, (key, n) in enumerate(recorded.items()):
        s[key + '_recorded'] = n
        s[key] = n + sum(x[i] for x in surplus)
    return s


# -- the database

SESSION_COLUMNS = ('session_id visitor user_id user_name user_ids start end duration_ms page_views js_errors api_calls '
                   'api_failures slow_loads slow_apis actions resource_errors js_errors_recorded api_calls_recorded '
                   'api_failures_recorded app_id release environment entry_page exit_page device device_type os '
                   'os_version browser browser_version country region city isp ip network screen end_reason '
                   'clock_skew_ms events').split()
VIEW_COLUMNS = ('v s view_id page page_url title start stay_ms load_ms viewed is_exit lost_errors lost_calls '
                'lost_failures').split()
EVENT_COLUMNS = 's v seq id kind at received time n weight failed ok'.split() + TEXTS + NUMBERS


def q(names):
    return ', '.join(f'"{n}"' for n in names)


def create(db):
    db.executescript(f'''
        create table raw(grp text, line text);
        create table event({q(EVENT_COLUMNS)}, counts int default 1);
        create table view({q(VIEW_COLUMNS)});
        create table session(s integer primary key, {q(SESSION_COLUMNS)}, visitor_key);''')


def inserting(table, columns):
    return f'insert into {table}({q(columns)}) values ({", ".join("?" * len(columns))})'


def read_raw(db, lines):
    def rows():
        for line in lines:
            if line.strip():
                yield group_of(json.loads(line)), line if isinstance(line, str) else line.decode()
    db.executemany('insert into raw values (?, ?)', rows())


class Writer:
    """Sessions into the tables, many at a time."""

    def __init__(self, db):
        self.db, self.sessions, self.nviews = db, 0, 0
        self.rows = {'session': [], 'view': [], 'event': []}

    def add(self, record, views, events):
        s = self.sessions = self.sessions + 1
        users = record['user_ids']
        record['user_ids'] = json.dumps(users, ensure_ascii=False, separators=(',', ':')) if users else None
        self.rows['session'].append([s] + [record.get(c) for c in SESSION_COLUMNS] + [events[0].get('visitor')])
        last = [v for v in views if v.place['page']][-1:]
        for v in views:
            self.nviews += 1
            v.number = self.nviews
            self.rows['view'].append([v.number, s, v.view_id, *(v.place[k] for k in PLACE), v.start, v.stay_ms,
                                      v.load_ms, v.viewed, v in last, *v.surplus()])
        for i, e in enumerate(events):
            self.rows['event'].append(
                [s, e['view'].number, i, e['id'], e['kind'], e['at'], e['received_ms'], e['time_ms'], e['n'],
                 e['n'] * at_least(e, 'sampling', 1), failed(e), e.get('ok')] + [e.get(k) for k in TEXTS] +
                [measured(e, k) for k in NUMBERS])
        if len(self.rows['event']) > 20000:
            self.flush()

    def flush(self):
        for table, columns in (('session', ['s'] + SESSION_COLUMNS + ['visitor_key']), ('view', VIEW_COLUMNS), ('event', EVENT_COLUMNS)):
            self.db.executemany(inserting(table, columns), self.rows[table])
            self.rows[table].clear()


def groups(db):
    """The events of each group."""
    last, events = None, []
    for grp, line in db.execute('select grp, line from raw order by grp'):
        if grp != last and events:
            yield events
            events = []
        last = grp
        events.append(json.loads(line))
    if events:
        yield events


def end_reasons(db, ends, o):
    """A session that nobody cut ended where the input's newest event is long past it."""
    newest = db.execute('select max(at) from event').fetchone()[0]
    rows = []
    for s, end, visitor in db.execute('select s, "end", session_id is null from session'):
        idle = o.visit_idle if visitor else o.idle
        rows.append((ends[s] or ('idle' if idle and newest - end >= idle else 'eof'), s))
    db.executemany('update session set end_reason = ? where s = ?', rows)


def load(lines, o):
    """Lines of canonical events to a database in a file of its own, which is
    gone when it is closed."""
    handle, path = tempfile.mkstemp(prefix='stats-oracle.')
    os.close(handle)
    db = sqlite3.connect(path)
    os.unlink(path)
    db.execute('pragma journal_mode = off')
    db.execute('pragma synchronous = off')
    create(db)
    read_raw(db, lines)
    out, ends = Writer(db), {}
    for group in groups(db):
        events, skew = ordered(group)
        cut = list(pieces(events, o))
        for piece, end in cut:
            views = views_of(piece, skew)
            out.add(session_record(piece, views, skew, len(cut) > 1, o), views, piece)
            ends[out.sessions] = end
    out.flush()
    end_reasons(db, ends, o)
    db.execute('delete from raw')
    return db


if __name__ == '__main__':
    # For a look: the sessions as `sess-find -l` has them, of events on stdin.
    base = load(sys.stdin, Options())
    for row in base.execute(f'select {q(SESSION_COLUMNS)} from session order by start, coalesce(session_id, visitor)'):
        r = {k: v for k, v in zip(SESSION_COLUMNS, row) if v is not None}
        r.update({k: iso(r[k]) for k in ('start', 'end')})
        if 'user_ids' in r:
            r['user_ids'] = json.loads(r['user_ids'])
        print(json.dumps(r, ensure_ascii=False, separators=(',', ':')))
