#!/usr/bin/env python3
"""A second reading of captured beacons, with no code of sess.

    oracle.py collector.jsonl[.zst] >sessions.ndjson

Reads the raw requests that reached a collector (one JSON line each: ts,
remote_addr, method, query, headers, body) of @arms/js-sdk or
@arms/rum-browser and prints one line a session with what the user did, from
the documents of those SDKs alone.  compare.py holds sess against it.
"""
import json
import re
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from urllib.parse import unquote

SLOW_LOAD, SLOW_API = 8000, 1000


def lines(path):
    if path.endswith('.zst'):
        data = subprocess.run(['zstd', '-dc', path], check=True, stdout=subprocess.PIPE).stdout
    else:
        data = open(path, 'rb').read()
    for line in data.split(b'\n'):
        if line.strip():
            yield json.loads(line)


def millis(iso):
    return round(datetime.fromisoformat(iso.replace('Z', '+00:00')).timestamp() * 1000)


def pairs(query):
    out = {}
    for part in query.split('&'):
        name, _, value = part.partition('=')
        out.setdefault(unquote(name), unquote(value))
    return out


def id_time(ident):
    """Characters 2, 5, 8 ... 23 of an id made by @arms/js-sdk: ms in base 36."""
    if not re.fullmatch(r'[0-9A-Za-z]{28}', ident):
        return None
    try:
        ms = int(ident[2:24:3].lower(), 36)
    except ValueError:
        return None
    return ms if 1420070400000 <= ms <= 4102444800000 else None


def fact(session, name, value):
    if value not in ('', 'null', 'undefined', '-', None):
        session[name].add(str(value))       # a name may be a number


class Session:
    def __init__(self):
        self.sets = defaultdict(set)
        self.views = defaultdict(lambda: {
            'starts': [], 'page': None, 'pv': 0, 'errors': 0, 'ok': 0, 'failed': 0,
            'made': None, 'loaded': None, 'left': [], 'leave_errors': 0, 'leave_ok': 0, 'leave_failed': 0})
        self.errors, self.apis, self.actions = [], [], []
        self.loads, self.skews = [], []
        self.resource_errors = self.acted = 0

    def times(self, begin, received):
        if begin is not None:
            self.skews.append((received - begin, received))

    def skew(self):
        """The least received - begin; applied below -60 s, or above 60 s when
        three distinct receive times agree within 60 s."""
        if not self.skews:
            return 0
        least = min(d for d, _ in self.skews)
        if least < -60000:
            return least
        agree = {r for d, r in self.skews if d - least <= 60000}
        return least if least > 60000 and len(agree) >= 3 else 0

    def first_of_document(self, view):
        """A route that changed before the load ended: the load is in the new view,
        and began with the one that was left as the id of the new was made."""
        for u in self.views.values():
            if u is not view and None not in (u['made'], view['made']) and u['made'] >= view['loaded'] and any(
                    u['made'] <= left <= view['made'] <= left + 250 for left in u['left']):
                return u
        return view

    def order(self):
        for v in self.views.values():
            if v['loaded'] is not None:
                self.first_of_document(v)['starts'].append(v['loaded'])
        ordered = sorted(((min(v['starts']), k) for k, v in self.views.items() if v['pv'] and v['starts']))
        return [self.views[k]['page'] for _, k in ordered]

    def result(self, app, key):
        v = self.views.values()
        failed = sum(not ok for _, _, ok, _ in self.apis)
        return {
            'app_id': app,
            'session_id': key,
            'page_views': sum(x['pv'] for x in v),
            'pages': self.order(),
            'js_errors_recorded': sum(n for _, n in self.errors),
            'js_errors': sum(max(x['errors'], x['leave_errors']) for x in v),
            'errors': sorted(self.errors, key=str),
            'api_calls_recorded': len(self.apis),
            'api_calls': sum(max(x['ok'] + x['failed'], x['leave_ok'] + x['leave_failed']) for x in v),
            'api_failures_recorded': failed,
            'api_failures': sum(max(x['failed'], x['leave_failed']) for x in v),
            'apis': sorted(self.apis, key=str),
            'slow_loads': sum(ms > SLOW_LOAD for ms in self.loads),
            'slow_loads_2s': sum(ms >= 2000 for ms in self.loads),
            'slow_apis': sum(ms > SLOW_API for _, _, _, ms in self.apis if ms is not None),
            'slow_apis_2s': sum(ms >= 2000 for _, _, _, ms in self.apis if ms is not None),
            'actions': sorted(self.actions, key=str),
            'actions_counted': self.acted,
            'resource_errors': self.resource_errors,
            'user_ids': sorted(self.sets['user_id']),
            'user_names': sorted(self.sets['user_name']),
            'ips': sorted(self.sets['ip']),
            'clock_skew_ms': self.skew(),
        }


def number(text):
    try:
        return round(float(text), 3)
    except (TypeError, ValueError):
        return None


def body_of(line):
    try:
        return json.loads(line['body'])
    except ValueError:
        return {}


def arms(line, sessions, seen):
    query = line['query']
    if query.endswith('&post_res='):
        query = query[:-len('&post_res=')]
    q = pairs(query)
    if 't' not in q or 'sid' not in q:
        return
    same = tuple(sorted(q.items()))
    if same in seen:
        return
    seen.add(same)
    # two instances of the SDK on a page are two applications with one sid
    s = sessions[q.get('pid', ''), q['sid']]
    received = millis(line['ts'])
    begin = int(q['begin']) if q.get('begin', '').isdigit() else None
    s.times(begin, received)
    fact(s.sets, 'user_id', q.get('uid'))
    fact(s.sets, 'user_name', q.get('username'))
    fact(s.sets, 'ip', line['remote_addr'])
    view = s.views[q.get('pv_id', '')]
    made = id_time(q.get('pv_id', ''))
    # what says when the view began; a timing or a call by hand has another time
    view['made'] = made
    view['starts'] += [t for t in (begin if q['t'] == 'pv' else None, made) if t is not None]
    if q['t'] == 'perf':
        view['loaded'] = begin
    times = int(q.get('times') or 1)
    t = q['t']
    if t == 'pv':
        view['pv'] += times
        view['page'] = q.get('page')
    elif t == 'perf':
        s.loads.append(float(q['load']))
    elif t == 'error':
        full = body_of(line).get('err', {}).get('msg_raw')
        s.errors.append([unquote(full) if full else q['msg'], times])
        view['errors'] += times
    elif t == 'api':
        ok = q['success'] == '1'
        s.apis.append([q['api'], q.get('code', ''), ok, number(q.get('time'))])
        view['ok' if ok else 'failed'] += 1
    elif t == 'health':
        view['leave_errors'] += int(q['errcount'])
        view['leave_ok'] += int(q['apisucc'])
        view['leave_failed'] += int(q['apifail'])
        if begin is not None:
            view['starts'].append(begin - int(q['stay']))
            view['left'].append(begin)
    elif t == 'resourceError':
        s.resource_errors += 1
    elif t == 'behavior':
        for e in body_of(line).get('behavior', []):
            what = e['type'].removeprefix('ui.')
            # the trail reaches back to views before: no sign of this one's start
            s.actions.append([what, e['timestamp']])
            s.acted += 1


def rum(line, sessions, seen):
    try:
        body = json.loads(line['body'])
    except ValueError:
        return
    received = millis(line['ts'])
    for e in body['events']:
        sid = e.get('session_id') or body['session']['id']
        if e.get('event_id') in seen:
            continue
        seen.add(e.get('event_id'))
        s = sessions[body['app']['id'], sid]
        s.times(e['timestamp'], received)
        fact(s.sets, 'user_id', body['user'].get('id'))
        fact(s.sets, 'user_name', body['user'].get('name'))
        fact(s.sets, 'ip', line['remote_addr'])
        where = e.get('view') or body['view']
        view = s.views[where['id']]
        kind, sub, times = e['event_type'], e.get('type'), e.get('times') or 1
        if kind != 'action':
            view['starts'].append(e['timestamp'])
        if (kind, sub) == ('view', 'pv'):
            view['pv'] += times
            view['page'] = where['name'] or e.get('name') or None
        elif (kind, sub) == ('view', 'perf'):
            s.loads.append(e['load_event'])
        elif kind == 'exception':
            s.errors.append([e['message'], times])
            view['errors'] += times
        elif kind == 'resource' and sub in ('fetch', 'xmlhttprequest', 'api'):
            ok = e.get('success') == 1
            code = e.get('status_code') or ''       # 0: no answer
            s.apis.append([e['name'], str(code), ok, number(e.get('duration'))])
            view['ok' if ok else 'failed'] += 1
        elif kind == 'resource':
            s.resource_errors += e.get('success') == 0
        elif kind == 'action':
            s.actions.append([sub, e['timestamp']])
            s.acted += times


def sessions_of(path):
    sessions, seen = defaultdict(Session), set()
    for line in lines(path):
        if line['method'] == 'OPTIONS':
            continue
        if line['path'].startswith('/rum/'):
            rum(line, sessions, seen)
        else:
            arms(line, sessions, seen)
    return {key: s.result(*key) for key, s in sessions.items()}


if __name__ == '__main__':
    for _, r in sorted(sessions_of(sys.argv[1]).items()):
        print(json.dumps(r, ensure_ascii=False, sort_keys=True))
