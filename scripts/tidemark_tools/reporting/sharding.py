# SPDX-License-Identifier: BSD-3-Clause
"""TP against TP+SP: pairs of cases that differ in sequence parallelism alone."""

from tidemark_tools.reporting import marks
from tidemark_tools.reporting.markup import (element, escaped, fixed, left_out, mib_cell,
                                             number_cell, table, text_cell)
from tidemark_tools.reporting.page import Section

MOST_PAIRS = 12
# Heading and unit, how a case gives it, how it is shown, and whether a ratio makes sense.
ROWS = (
    ("peak, MiB/rank", lambda case: case.largest("memory.peak_bytes"), mib_cell, True),
    ("saved, MiB/rank", lambda case: case.largest("memory.saved_bytes"), mib_cell, True),
    ("wire, MiB/rank", lambda case: case.largest("comm.wire_bytes_per_step"), mib_cell, True),
    ("step, ms", lambda case: case.median("time.step_ms.median"), number_cell, True),
    ("model TFLOP/s", lambda case: case.model_tflops_per_s, number_cell, True),
    ("tokens/s", lambda case: case.tokens_per_s, number_cell, True),
    ("overlap efficiency E", lambda case: case.median("overlap.efficiency"),
     lambda value: number_cell(value, fixed(2)), False),
    ("schedule efficiency", lambda case: case.median("overlap.schedule_efficiency"),
     lambda value: number_cell(value, fixed(2)), False),
)
INTRODUCTION = (
    "Sequence parallelism shards what tensor parallelism leaves whole on every rank, and replaces "
    "each all-reduce by a reduce-scatter and an all-gather. Each pair below differs in nothing "
    "else. The ratio is TP+SP / TP: for memory, traffic and time less than 1 is a gain, for "
    "TFLOP/s and tokens/s more. Values are those of the summary.")


def key_of(case):
    """The settings that both cases of a pair share."""
    flat = {key: value for key, value in case.settings.items() if key != "sharding"}
    return (case.is_plan, str(sorted(flat.items())))


def pairs_of(cases):
    """(TP, TP+SP) of each pair. A case with `keep_gathered` is paired with the same TP."""
    if len(cases) < 2:
        return []
    plain, sharded = {}, []
    for case in cases:
        if case.t == 1 or not case.sound:
            continue
        if case.records[0].case["parallel"]["sequence"]:
            sharded.append(case)
        else:
            plain[key_of(case)] = case
    return [(plain[key_of(case)], case) for case in sharded if key_of(case) in plain]


def pair_table(title, tp, sp):
    lines = []
    for heading, value_of, to_cell, has_ratio in ROWS:
        values = [value_of(tp), value_of(sp)]
        if values == [None, None]:
            continue
        known = has_ratio and None not in values and values[0]
        ratio = values[1] / values[0] if known else None
        lines.append([text_cell(heading), *map(to_cell, values),
                      number_cell(ratio, fixed(3))])
    names = ["TP+SP keep" if case.records[0].case["parallel"]["keep_gathered"] else name
             for case, name in ((tp, "TP"), (sp, "TP+SP"))]
    caption = f"{escaped(title)} {marks.html(sp)}".strip()
    return table(caption, (("", ""), (names[0], ""), (names[1], ""), ("ratio", "")),
                 [(None, lines)])


def title_of(case):
    """The name of both cases of a pair: the part of the label after TP+SP, and t."""
    return ", ".join(filter(None, (case.label.partition(", ")[2], f"t {case.t}")))


def sharding(collection):
    parts, found, shown = [], 0, 0
    for problem, cases in collection.problems.items():
        pairs = pairs_of(cases)
        found += len(pairs)
        pairs = pairs[:MOST_PAIRS - shown]
        shown += len(pairs)
        if pairs:
            tables = "".join(pair_table(title_of(sp), tp, sp) for tp, sp in pairs)
            parts.append(element("h3", escaped(collection.title(problem)))
                         + element("div", tables, class_="pairs"))
    if not parts:
        return Section("sharding", "TP against TP+SP", "")
    return Section("sharding", "TP against TP+SP", element("p", INTRODUCTION) + "".join(parts)
                   + left_out(shown, found, "pairs"))
