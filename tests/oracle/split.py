#!/usr/bin/env python3
"""Split events by session: split.py PARTS SEED NAME <events.ndjson

Writes NAME0, NAME1, ...: each session's events go to one of them, at random,
and stand in it in random order.  The same arguments give the same files.
"""
import json
import random
import sys

from gathered import group_of


def main():
    parts, seed, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    r = random.Random(seed)
    where, lines = {}, [[] for _ in range(parts)]
    for line in sys.stdin.buffer:
        lines[where.setdefault(group_of(json.loads(line)), r.randrange(parts))].append(line)
    for i, part in enumerate(lines):
        r.shuffle(part)
        with open(f'{name}{i}', 'wb') as f:
            f.writelines(part)


if __name__ == '__main__':
    main()
