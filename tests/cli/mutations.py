# SPDX-License-Identifier: BSD-3-Clause
"""Records as damage, tools and people change them. One value differs from that of a good record."""
import copy
import json
import random

from samples import EMULATED, OVERLAPPING, PLAIN, as_version_2, parsed, ROOT, stored

VALUES = (None, True, False, 0, 1, -1, 2, 5, 10**18, 10**400, -0.5, 0.0, 1e-320, 1e39, 1e308, "",
          "x", "1", "\u00e9\U0001f600", [], [None], [1], ["x"], [[]], [{}], {},
          {"x": 1}, {"median": {}})


def originals():
    """Good records of each version and kind."""
    found = [stored(version, name) for version in (1, 2) for name in ("run.jsonl", "plan.jsonl")]
    for name in (PLAIN, OVERLAPPING, EMULATED):
        found += map(as_version_2, parsed(ROOT / "results" / name)[:2])
    return found + [stored(1, "two-nodes.jsonl", 1)]


def places(value, path=()):
    """The paths of all values within a value. Of long lists, only the first and the last element
    count."""
    if path:
        yield path
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
        items = items if len(items) < 4 else [items[0], items[-1]]
    else:
        return
    for key, one in items:
        yield from places(one, (*path, key))


def mutate(record, drawn):
    """A copy of the record with one change: another value, a missing key, or a shorter list."""
    record = copy.deepcopy(record)
    *path, last = drawn.choice(list(places(record)))
    section = record
    for key in path:
        section = section[key]
    kind = drawn.random()
    if kind < 0.15:
        del section[last]
    elif kind < 0.25 and isinstance(section[last], list):
        section[last] = section[last][1:]
    elif kind < 0.3 and isinstance(section[last], (int, float)):
        section[last] = -section[last]
    else:
        section[last] = copy.deepcopy(drawn.choice(VALUES))
    return record


def mutants(count, seed):
    """(number, good record, mutant) of `count` mutants. The same seed gives the same mutants."""
    drawn, good = random.Random(seed), originals()
    for number in range(count):
        one = drawn.choice(good)
        mutant = one
        for _ in range(drawn.choice((1, 1, 2))):
            mutant = mutate(mutant, drawn)
        yield number, one, mutant


def line_of(record):
    return json.dumps(record) + "\n"
