"""Which sessions match conditions of sess-find, and which of their events a
report counts; design and sess-find(1), with no code of sess.

    chosen.choose(db, [('browser', 'Chrome*'), ('api-failed', None), ('v', None)])

sets event.counts.
"""
import re
from collections import defaultdict

from gathered import millis

FIELDS = {'user': 'user_id', 'user-name': 'user_name', 'browser': 'browser', 'browser-version': 'browser_version',
          'os': 'os', 'device': 'device', 'network': 'network', 'region': 'region', 'country': 'country',
          'city': 'city', 'release': 'release', 'environment': 'environment'}
FOLDED = 'browser os device network region country'.split()
OF_APIS = 'api api-failed status slow-api trace-id'.split()
OF_EVENTS = OF_APIS + 'error has-error slow-load'.split()
FLAGS = 'has-error api-failed v'.split()
CONDITIONS = list(FIELDS) + OF_EVENTS + 'page session where since until v'.split()
SLOW = {'slow-load': 8000, 'slow-api': 1000}


def pattern(glob, fold=False):
    """A shell pattern as a regular expression."""
    out, i = '', 0
    while i < len(glob):
        c, i = glob[i], i + 1
        if c == '*':
            out += '.*'
        elif c == '?':
            out += '.'
        elif c == '[' and ']' in glob[i + 1:]:
            end = glob.index(']', i + 1)
            out += '[' + glob[i:end].replace('!', '^', 1) + ']'
            i = end + 1
        else:
            if c == '\\' and i < len(glob):
                c, i = glob[i], i + 1
            out += re.escape(c)
    return re.compile(out, re.DOTALL | (re.IGNORECASE | re.ASCII if fold else 0))


def globbed(globs, fold=False):
    found = [pattern(g, fold) for g in globs]
    return lambda text: text is not None and any(p.fullmatch(text) for p in found)


class Choice:
    def __init__(self, db, conditions):
        self.db, self.given = db, defaultdict(list)
        for name, value in conditions:
            self.given[name].append(value)
        self.number = 0

    def test(self, column, holds):
        """SQL that asks a Python function about a column."""
        self.number += 1
        name = f'holds_{self.number}'
        self.db.create_function(name, 1, lambda v: int(bool(holds(v))), deterministic=True)
        return f'{name}({column})'

    def where(self, *parts):
        return ' and '.join(p for p in parts if p) or '1'

    def texts(self, name, column, fold=False):
        values = self.given.get(name)
        return values and self.test(column, globbed(values, fold))

    def above(self, name, column):
        values = self.given.get(name)
        if not values:
            return None
        return f'{column} > {min(SLOW[name] if v is None else float(v) for v in values)}'

    # -- parts of an event's conditions

    def in_range(self):
        since, until = (self.given.get(n, [None])[-1] for n in ('since', 'until'))
        when = 'coalesce(received, time)'
        return self.where(since and f'{when} >= {millis(since)}', until and f'{when} < {millis(until)}')

    def in_place(self):
        return self.where(self.in_range(), self.texts('page', 'page'))

    def api(self):
        status = [re.sub('[xX]', '[0-9]', s) if re.fullmatch('[0-9][0-9xX]{2}', s) else s
                  for s in self.given.get('status', [])]
        return self.where("kind = 'api'", self.in_place(), self.texts('api', 'api'),
                          self.texts('trace-id', 'trace_id'), self.above('slow-api', 'duration_ms'),
                          status and self.test('status', globbed(status)),
                          'api-failed' in self.given and 'failed')

    def error(self):
        found = [re.compile(r) for r in self.given.get('error', [])]
        if not found:
            return self.where("(kind = 'error' or (kind = 'leave' and errors > 0))", self.in_place())

        def holds(text):
            return text is not None and any(r.search(text) for r in found)
        any_of = ' or '.join(self.test(c, holds) for c in ('message', 'error_type', 'stack'))
        return self.where("kind = 'error'", self.in_place(), f'({any_of})')

    def load(self):
        return self.where("kind = 'load'", self.in_place(), self.above('slow-load', 'load_ms'))

    # -- the whole

    def own_conditions(self):
        """Of each kind of event that has conditions: its name and its SQL."""
        if any(n in self.given for n in OF_APIS):
            yield 'api', self.api()
        if 'error' in self.given or 'has-error' in self.given:
            yield 'error', self.error()
        if 'slow-load' in self.given:
            yield 'load', self.load()

    def sessions(self):
        """What sessions have to be in, as SQL over session s."""
        def some(condition):
            return f's in (select s from event where {condition})'
        for name, column in FIELDS.items():
            if name in self.given:
                yield some(self.texts(name, column, name in FOLDED))
        own = list(self.own_conditions())
        for _, condition in own:
            yield some(condition)
        if not own:
            if 'page' in self.given:
                yield some(self.texts('page', 'page'))
            if 'since' in self.given or 'until' in self.given:
                yield some(self.in_range())
        if 'session' in self.given:
            ids = self.given['session']
            yield self.test('coalesce(session_id, visitor)', lambda name: name in ids or
                            any(name.rpartition('.')[0] == i for i in ids))
        for expression in self.given.get('where', []):
            yield f'({expression})'

    def apply(self):
        matching = self.where(*self.sessions())
        inverted = 'v' in self.given
        self.db.execute('update event set counts = s in (select s from session where '
                        f"{'not ' if inverted else ''}({matching}))")
        if inverted:
            return
        own = list(self.own_conditions())
        conditions = ' '.join(f"when '{kind}' then ({c})" for kind, c in own)
        self.db.execute('update event set counts = counts and case kind ' + conditions +
                        f' else ({self.in_place()}) end' if own else
                        f'update event set counts = counts and ({self.in_place()})')


def choose(db, conditions):
    Choice(db, conditions).apply()
