#!/usr/bin/env python3
"""Check what sess-stats -o prometheus wrote, on standard input, as a scraper reads it.

Each family has HELP and TYPE, once, before its samples, which stand together; names,
labels and values are well formed; no two samples are the same series; there is no
timestamp.  Prints "NAME{LABELS} VALUE" with the labels read, or says what is wrong
and exits 1.
"""
import json
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(r"^(%s)(?:\{((?:%s)(?:,%s)*)\})? (\S+)$" % (NAME, LABEL, LABEL))


def unescaped(value):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)


def main():
    helped, typed, seen, family = set(), set(), set(), None
    for number, line in enumerate(sys.stdin.read().split("\n")[:-1], 1):
        meta = re.match(r"^# (HELP|TYPE) (%s) (.+)$" % NAME, line)
        if meta:
            kind, name, rest = meta.groups()
            done = helped if kind == "HELP" else typed
            assert name not in done, "line %d: %s twice" % (number, kind)
            assert kind == "HELP" or (rest == "gauge" and name in helped), line
            done.add(name)
            family = name
            continue
        if line.startswith("#"):
            continue
        sample = SAMPLE.match(line)
        assert sample, "line %d: no sample: %s" % (number, line)
        assert sample[1] == family and family in typed, "line %d: stands alone" % number
        labels = {k: unescaped(v) for k, v in re.findall(LABEL, sample[2] or "")}
        series = (sample[1], json.dumps(labels, sort_keys=True))
        assert series not in seen, "line %d: twice: %s" % (number, line)
        seen.add(series)
        value = float(sample[sample.re.groups])
        print(sample[1] + json.dumps(labels, ensure_ascii=False), repr(value))


try:
    main()
except AssertionError as wrong:
    sys.exit(str(wrong))
