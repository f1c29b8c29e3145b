#!/usr/bin/env python3
"""What the browser did against what sess says, each difference by name.

    truth.py truth.ndjson sessions.ndjson

truth.ndjson is what the driver of a capture saw (corpus README); the second
file is session records with errors, apis and actions as compare.py makes them
from sess.  Prints a table of the differences with their causes; exits 1 when
one is left without.

A cause is a rule below: it looks at the truth alone (and at what of it can't
reach a log) and says how many of the difference it explains.
"""
import json
import sys


def of(t, *kinds):
    return [a for a in t['actions'] if a['kind'] in kinds]


def cut(name):
    """A user name as the SDK cuts it: 40 UTF-16 units, of a half character a mark."""
    return name.encode('utf-16-le')[:80].decode('utf-16-le', 'replace')


def opt(t, name, default=1):
    return t['opts'].get(name, default)


def routes_without_view(t):
    """Routes to where one is already, and going back, make no page view."""
    n, here = len(of(t, 'back')), 'push#0'
    for a in of(t, 'route', 'page'):
        if a['kind'] == 'route':
            n += a['detail'] == here
            here = a['detail']
        else:
            here = 'push#0' if a['detail'].endswith('/home') else None
    return n


def near(t, kind):
    """The driver's load begins at its request, the SDK's at fetchStart, up to
    1.3 s later on the busy machine of the capture."""
    return sum(abs((a['ms'] or 0) - 2000) <= 1300 for a in of(t, kind))


def loads_near(t, s):
    return near(t, 'load')


def apis_near(t, s):
    return near(t, 'api')


def unanswered(t, s):
    """No answer before the page was left: such a call isn't reported."""
    return sum(not a.get('ok') and a.get('status') in (0, None) for a in of(t, 'api'))


def abandoned(t, s):
    """The SDKs tell of a page once it is loaded."""
    return len(of(t, 'page')) - len(of(t, 'load'))


def uncaught_fetches(t, s):
    """A rejection by a failed fetch is no error to the SDKs: the call is one."""
    return sum('failed to fetch' in a['detail'].lower() for a in of(t, 'error'))


def heads(t, s):
    return sum(a['detail'].startswith('HEAD ') for a in of(t, 'api'))


def sampled(t, name):
    return 10 ** 6 if opt(t, name) > 1 else 0


def manual(t, s):
    return len(of(t, 'custom'))


RUM_RESOURCES = 'a failed image makes no event'
# metric: (causes of truth > sess, causes of truth < sess)
CAUSES = {
    'page_views': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                    ('route repeats or goes back', lambda t, s: routes_without_view(t)),
                    ('hash routes, enableSPA off', lambda t, s: t['counts']['spa_routes'] * (opt(t, 'enableSPA', True) is False)),
                    ('left before it was loaded', abandoned),
                    ('pvSample', lambda t, s: sampled(t, 'pvSample'))], []),
    'js_errors': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                   ('rejected with a plain string', lambda t, s: sum(a['detail'] == 'plain string rejection' for a in of(t, 'error'))),
                   ('a failed fetch that nobody caught', uncaught_fetches),
                   ('tab killed within the 3 s an error is held', lambda t, s: 3 * (t['end_kind'] == 'kill'))],
                  [('reported by hand', manual)]),
    'api_calls': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                   ('sample', lambda t, s: sampled(t, 'sample')),
                   ('left before the answer', unanswered),
                   ('HEAD is no call to them', heads),
                   ('batch lost at the end of the page', lambda t, s: 2 * (t['sdk'] == 'arms-rum-browser'))],
                  [('reported by hand', manual)]),
    'api_failures': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                      ('sample', lambda t, s: sampled(t, 'sample')),
                      ('left before the answer', unanswered)],
                     [('parseResponse says success:false', lambda t, s: sum(bool(a.get('ok')) for a in of(t, 'api')) * bool(opt(t, 'parseBiz', False)))]),
    'resource_errors': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                         (RUM_RESOURCES, lambda t, s: len(of(t, 'resource_error')) * (t['sdk'] == 'arms-rum-browser'))], []),
    'slow_loads_2s': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                       ('sample', lambda t, s: sampled(t, 'sample')),
                       ("driver's clock", loads_near)], [("driver's clock", loads_near)]),
    'slow_apis_2s': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                      ('sample', lambda t, s: sampled(t, 'sample')),
                      ('left before the answer', unanswered),
                      ("driver's clock", apis_near)], [("driver's clock", apis_near)]),
    'clicks': ([('bot', lambda t, s: 10 ** 6 * t['bot']),
                ('behaviour is sent after an error only', lambda t, s: 10 ** 6 * (t['sdk'] == 'arms-js-sdk')),
                ('not a control, or the page was left', lambda t, s: 2 * (t['sdk'] == 'arms-rum-browser'))],
               [('clicks of the driver that report by hand', manual)]),
}


def truth_of(t):
    c = t['counts']
    return {'page_views': c['pages'] + c['spa_routes'], 'js_errors': c['js_errors'],
            'api_calls': c['api_calls'], 'api_failures': c['api_failures'],
            'resource_errors': c['resource_errors'], 'slow_loads_2s': c['slow_loads'],
            'slow_apis_2s': c['slow_apis'], 'clicks': c['clicks']}


def seen_of(t, sessions):
    ids = t['wire']['ids'].get('sid') or t['wire']['ids'].get('session.id') or []
    mine = [sessions[i] for i in ids if i in sessions]
    seen = {m: sum(s[m] for s in mine) for m in CAUSES if m != 'clicks'}
    seen['clicks'] = sum(a[0] == 'click' for s in mine for a in s['actions'])
    return seen, mine


def account(t, sessions):
    seen, mine = seen_of(t, sessions)
    for metric, want in truth_of(t).items():
        diff = want - seen[metric]
        if diff == 0:
            continue
        left, names = abs(diff), []
        for name, rule in CAUSES[metric][diff < 0]:
            n = min(left, rule(t, mine))
            if n > 0:
                names.append(name)
                left -= n
        yield metric, want, seen[metric], names, left
    names = {u for s in mine for u in s['user_names']}
    for user in t['users']:
        if mine and user and cut(user) not in names:
            # the login page's own beacons still carry the old name
            late = t['users'] and user == t['users'][-1] and t['scenario'] in ('login_mid', 'user_switch')
            yield 'user_names', user, '-', ['named after the last beacon'] if late else [], 0 if late else 1


def main():
    sessions = {s['session_id']: s for s in map(json.loads, open(sys.argv[2]))}
    bad = rows = drivers = 0
    for t in map(json.loads, open(sys.argv[1])):
        drivers += 1
        for metric, want, got, names, left in account(t, sessions):
            rows += 1
            bad += left > 0
            print(f"{t['session']}\t{metric}\ttruth {want}\tsess {got}\t{', '.join(names) or '?'}"
                  + (f'\tUNEXPLAINED {left}' if left else ''))
    print(f'{drivers} driver sessions, {rows} differences, {bad} unexplained')
    return 1 if bad or not drivers else 0


if __name__ == '__main__':
    sys.exit(main())
