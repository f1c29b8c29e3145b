#!/usr/bin/env python3
"""Events that captures seldom have, for stats.py: made.py EVENTS SEED >events.ndjson

Few sessions with much, many with little; several users, releases and browsers
in one session; clocks that are wrong; views that left twice or say more than is
recorded; no view id, no page, no session id; duplicates with more and with fewer keys;
folded and sampled records; more than 256 different durations and more than
1024 users; texts that need escaping.  The same arguments give the same bytes.
"""
import json
import random
import sys
from datetime import datetime, timedelta

T0 = datetime(2026, 11, 23, 20, 30)
PAGES = ['shop.example', 'shop.example/list', 'shop.example/cart', '购物车', 'a "quoted"\tpage\\', '[index]', None]
BROWSERS = ['Chrome', 'Firefox', 'Mobile Safari', 'Häßlich', None]
KINDS = ['view'] * 4 + ['load'] * 3 + ['api'] * 8 + ['error'] * 3 + ['leave'] * 2 + ['action', 'resource', 'resource',
         'vital', 'vital', 'custom', 'request']


def iso(t):
    return t.isoformat(timespec='milliseconds') + 'Z'


class Maker:
    def __init__(self, seed, n):
        self.r = random.Random(seed)
        self.sessions = [self.session(i) for i in range(n // 12 + 1)]

    def maybe(self, p, value):
        return value if self.r.random() < p else None

    def session(self, i):
        r = self.r
        return {'session_id': f's{i}' if r.random() < .9 else None, 'visitor': f'{i:016x}',
                'at': T0 + timedelta(seconds=r.randrange(7200)), 'skew': r.choice([0] * 8 + [-7200, 3600]),
                'users': [f'u{r.choice([r.randrange(4000), int(r.paretovariate(1))])}' for _ in range(r.choice([0, 1, 1, 1, 2]))],
                'browser': r.choice(BROWSERS), 'page': r.choice(PAGES), 'view': 0, 'app': r.choice(['a', 'a', 'b', None])}

    def own(self, kind):
        r = self.r
        ms = round(r.expovariate(1 / 700), r.choice([0, 0, 1, 3]))
        if kind == 'load':
            return {p + '_ms': self.maybe(.9, round(r.expovariate(1 / 900), r.choice([0, 2]))) for p in
                    'dns tcp ssl ttfb trans dom res firstbyte fpt tti ready'.split()} | {
                   'load_ms': self.maybe(.95, r.choice([ms, ms * 9, 8000, 8001, 0]))}
        if kind == 'api':
            return {'api': self.maybe(.97, r.choice(['/api/a', '/api/b/**', '/api/c?"'])), 'ok': r.choice([True, True, True, False, None]),
                    'status': self.maybe(.9, r.choice(['200', '500', '502', 'FAILED'] + [str(400 + i) for i in range(12)])),
                    'duration_ms': self.maybe(.95, r.choice([ms, 1000, 1000.001])), 'method': self.maybe(.5, r.choice(['GET', 'POST'])),
                    'message': self.maybe(.5, f'no {r.randrange(14)}'), 'trace_id': self.maybe(.5, f'{r.getrandbits(64):x}')}
        if kind == 'error':
            host = r.choice(['shop.example', 'cdn.example'])
            return {'error_type': self.maybe(.9, r.choice(['TypeError', 'ReferenceError'])),
                    'message': self.maybe(.9, r.choice([f'item {r.randrange(50)} is not there', "can't read 'price'", f'库存 {r.randrange(9)}'])),
                    'stack': self.maybe(.7, f'TypeError: x\n    at f{r.randrange(3)} (https://{host}/app.{r.randrange(3)}.js:{r.randrange(9)}:1)'),
                    'file': self.maybe(.5, f'https://{host}/app.js')}
        if kind == 'leave':
            return {'stay_ms': self.maybe(.9, r.randrange(90000)), 'errors': self.maybe(.8, r.choice([0, 0, 0, 1, 3])),
                    'api_ok': self.maybe(.8, r.randrange(4)), 'api_failed': self.maybe(.8, r.choice([0, 0, 1, 2]))}
        if kind == 'resource':
            return {'url': self.maybe(.95, f'https://cdn.example/img/{r.randrange(5)}.png?v={r.randrange(100)}'),
                    'resource_type': self.maybe(.8, r.choice(['img', 'script'])), 'ok': r.choice([True, True, False, None]),
                    'duration_ms': self.maybe(.9, r.choice([ms, ms * 4, 2000])), 'size': self.maybe(.7, r.randrange(10 ** 6))}
        if kind == 'vital':
            return {'name': self.maybe(.98, r.choice(['LCP', 'CLS', 'INP', 'FCP', 'TTFB', 'FID', 'other'])),
                    'value': self.maybe(.95, r.choice([ms, ms / 3000, .1, .25, 200, 500, 2500]))}
        if kind == 'action':
            return {'action': r.choice(['click', 'navigation', 'keypress']), 'target': 'div > a', 'times': self.maybe(.2, 2)}
        return {}

    def event(self, i):
        r = self.r
        s = self.sessions[min(int(r.paretovariate(.6)) - 1, len(self.sessions) - 1)] if r.random() < .3 else r.choice(self.sessions)
        kind = r.choice(KINDS)
        s['at'] += timedelta(milliseconds=r.choice([1, 300, 2500, 20000, 20000, 900000]))
        if kind == 'view' or r.random() < .05:
            s['view'] += r.randrange(2)
            s['page'] = r.choice(PAGES)
        if r.random() < .03:
            s['browser'] = r.choice(BROWSERS)
        e = {'v': 1, 'id': f'{i * 0x9e3779b97f4a7c15 % 2 ** 64:016x}', 'time': self.maybe(.95, iso(s['at'] + timedelta(seconds=s['skew'])))}
        e['received'] = iso(s['at'] + timedelta(milliseconds=r.randrange(3000))) if e['time'] is None or r.random() < .95 else None
        e |= {'kind': kind, 'session_id': s['session_id'], 'visitor': s['visitor'] if s['session_id'] is None else None,
              'view_id': self.maybe(.85, f"{s['session_id']}-{s['view']}"),
              'user_id': self.maybe(.8, r.choice(s['users']) if s['users'] else None), 'user_name': self.maybe(.3, f'name {r.randrange(40)}'),
              'app_id': s['app'], 'release': self.maybe(.6, f'1.{r.randrange(4)}'), 'environment': self.maybe(.5, r.choice(['prod', 'gray'])),
              'page': self.maybe(.9, s['page']), 'page_url': self.maybe(.5, f"https://shop.example/{r.randrange(9)}?q={r.randrange(99)}"),
              'ip': self.maybe(.8, f'203.0.113.{r.randrange(200)}'), 'region': self.maybe(.5, r.choice(['北京市', 'Bayern'])),
              'browser': self.maybe(.9, s['browser']), 'os': self.maybe(.5, r.choice(['Windows', 'Android'])),
              'times': self.maybe(.1, r.randrange(1, 6)), 'sampling': self.maybe(.1, r.choice([1, 10]))}
        return {k: v for k, v in (e | self.own(kind)).items() if v is not None}


def main():
    n, seed = int(sys.argv[1]), int(sys.argv[2])
    made = Maker(seed, n)
    for i in range(1, n + 1):
        e = made.event(i)
        copies = [e]
        if made.r.random() < .03:
            copies.append({k: v for k, v in e.items() if k not in ('page_url', 'browser', 'duration_ms', 'message')})
            made.r.shuffle(copies)
        for copy in copies:
            print(json.dumps(copy, ensure_ascii=False))


if __name__ == '__main__':
    main()
