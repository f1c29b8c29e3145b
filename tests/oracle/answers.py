"""Answers of which more than one is right."""
import json
import math

LIMIT_DISTINCT, LIMIT_VALUES, SAMPLES, TOP = 1024, 256, 5, 10
ERROR_DISTINCT, ERROR_VALUE = 4 * 0.0081, 0.01


class Distinct:
    """A number of different users: exact, or estimated beyond the limit."""

    def __init__(self, n):
        self.n = n

    def meets(self, got):
        if self.n <= LIMIT_DISTINCT:
            return got == self.n
        return isinstance(got, (int, float)) and abs(got - self.n) <= ERROR_DISTINCT * self.n

    def __repr__(self):
        return f'{self.n} users'


class Share:
    """Users of all users."""

    def __init__(self, n, total):
        self.n, self.total = n, total

    def meets(self, got):
        if self.total == 0:
            return got is None
        if got is None:
            return False
        off = ERROR_DISTINCT * ((self.n > LIMIT_DISTINCT) + (self.total > LIMIT_DISTINCT))
        return math.isclose(got, self.n / self.total, rel_tol=2 * off + 1e-12)

    def __repr__(self):
        return f'{self.n} of {self.total} users'


class Quantile:
    """The value of rank ceil(q n) of a list of (value, how many)."""

    def __init__(self, pairs, q):
        self.exact = len(pairs) <= LIMIT_VALUES
        rank, seen = math.ceil(q * sum(n for _, n in pairs)), 0
        for self.value, n in sorted(pairs):
            seen += n
            if seen >= rank:
                break

    def meets(self, got):
        if got is None:
            return False
        return math.isclose(got, self.value, rel_tol=1e-9 if self.exact else ERROR_VALUE, abs_tol=1e-3)

    def __repr__(self):
        return f'{self.value}{"" if self.exact else " within 1 %"}'


class Samples:
    """A few of these, each once."""

    def __init__(self, of):
        self.of = of

    def meets(self, got):
        got = [] if got is None else got
        return len(set(got)) == len(got) == min(SAMPLES, len(self.of)) and set(got) <= self.of

    def __repr__(self):
        return f'{min(SAMPLES, len(self.of))} of {sorted(self.of)[:7]}'


class Tally:
    """The most frequent texts with their numbers, and the rest."""

    def __init__(self, counts):
        self.counts = counts

    def expected(self):
        ranked = sorted(self.counts.items(), key=lambda kv: (-kv[1], kv[0].encode()))
        top = dict(ranked[:TOP])
        rest = sum(n for _, n in ranked[TOP:])
        return list(top.items()) + ([('(other)', rest)] if rest else [])

    def meets(self, got):
        return list((got or {}).items()) == self.expected()

    def __repr__(self):
        return json.dumps(dict(self.expected()), ensure_ascii=False)


def estimated(answer):
    """Whether a row with it has to say that it is no exact number of users."""
    return (isinstance(answer, Distinct) and answer.n > LIMIT_DISTINCT or
            isinstance(answer, Share) and max(answer.n, answer.total) > LIMIT_DISTINCT)
