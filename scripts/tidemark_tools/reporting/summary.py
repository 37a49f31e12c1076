# SPDX-License-Identifier: BSD-3-Clause
"""The summary: the figure of merit of each problem, and a line per case."""

from tidemark_tools.records.versions import NEWEST
from tidemark_tools.reporting import marks
from tidemark_tools.reporting.markup import (Cell, digits, element, escaped, fixed, left_out,
                                             mib_cell, number_cell, paragraph, range_cell,
                                             shown_number, table, text_cell)
from tidemark_tools.reporting.page import Section

MOST_MERITS, MOST_LINES = 6, 60
COLUMNS = (("Case", ""), ("t", ""), ("records", ""), ("step", "ms"), ("all steps", "ms"),
           ("model TFLOP/s", "figure of merit"), ("interval", "90\N{NO-BREAK SPACE}% of TFLOP/s"),
           ("tokens/s", ""), ("GFLOP/s", "per rank"), ("of product", "rate"),
           ("saved", "MiB/rank"), ("peak", "MiB/rank"), ("wire", "MiB/rank"), ("E", ""),
           ("schedule", "efficiency"))
CAPTION = ("Each line is a case: the records of the same settings. Times, rates and figures of "
           "merit are medians over its valid records, each of which is a median over its "
           "iterations; <em>all steps</em> spans the shortest and the longest single step; bytes "
           "are the largest. The interval is that of the record, of several records all of theirs "
           "together. E is the median of those that are resolved; records of version 1 have none, "
           "and what they call E stands under schedule efficiency. Invalid records take no part.")
NONE_IS_PICKED = ("Figures of merit of all cases, in the order of the files. None is picked: that "
                  "of an acceptance belongs to the case that was named before the run.")


def merits(collection):
    """The figure of merit of each case that has one, in large type."""
    found = [case for case in collection.cases if case.model_tflops_per_s is not None]
    if not found:
        older = any(case.version < NEWEST for case in collection.cases)
        return paragraph("No record has a figure of merit: only runs have one, and only if they "
                         "are verified, valid, and over a link that exists."
                         + (" Records of version 1 have tokens/s alone." if older else ""))
    items = []
    for case in found[:MOST_MERITS]:
        value = shown_number(case.model_tflops_per_s, digits(case.model_tflops_per_s))
        low, high = case.merit_interval
        interval = "" if low is None else f" [{digits(low)}, {digits(high)}]"
        items.append(element("li", element("strong", f"{value} TFLOP/s{interval}")
                             + escaped(f"{case.label}, t {case.t}") + "<br>"
                             + element("span", escaped(collection.title(case.problem)),
                                       class_="soft")))
    return (element("p", NONE_IS_PICKED) + element("ul", "".join(items), class_="merit")
            + left_out(len(items), len(found), "cases"))


def merit_cell(case):
    if case.model_tflops_per_s is not None:
        return number_cell(case.model_tflops_per_s)
    if not case.sound:
        return Cell("INVALID", "number invalid")
    return Cell("\N{EN DASH}", "number")


def records_cell(case):
    shown = shown_number(len(case.records), str(len(case.records)))
    for found, words in ((case.invalid, "INVALID"), (case.not_verified, "not verified")):
        if 0 < len(found) < len(case.records):
            shown += element("span", f" ({len(found)} {words})",
                             class_="invalid" if words == "INVALID" else None)
    return Cell(shown, "number")


def line(case):
    efficiency = case.median("overlap.efficiency")
    return [Cell(f"{escaped(case.label)} {marks.html(case)}".strip()), number_cell(case.t, str),
            records_cell(case), number_cell(case.median("time.step_ms.median")),
            range_cell(min(case.values("time.step_ms.min"), default=None),
                       case.largest("time.step_ms.max")),
            merit_cell(case), range_cell(*case.merit_interval), number_cell(case.tokens_per_s),
            number_cell(case.median("flops.gflops_per_rank")),
            number_cell(case.median("flops.fraction_of_gemm")),
            mib_cell(case.largest("memory.saved_bytes")),
            mib_cell(case.largest("memory.peak_bytes")),
            mib_cell(case.largest("comm.wire_bytes_per_step")),
            number_cell(efficiency, fixed(2)),
            number_cell(case.median("overlap.schedule_efficiency"), fixed(2))]


def summary(collection):
    groups, shown = [], 0
    for problem, cases in collection.problems.items():
        lines = [line(case) for case in cases[:MOST_LINES - shown]]
        shown += len(lines)
        if lines:
            groups.append((collection.title(problem), lines))
    return Section("summary", "Summary", merits(collection) + table(CAPTION, COLUMNS, groups)
                   + left_out(shown, len(collection.cases), "cases"))


MOST_INVALID = 40


def invalid(collection):
    """The records that are not valid, and their checks that failed."""
    found = [(case, record) for case in collection.cases for record in case.invalid]
    lines = []
    for case, record in found[:MOST_INVALID]:
        checks = record.data["verification"]["checks"] or [{}]
        for check in checks:
            where = check.get("where")
            lines.append([text_cell(record.place), text_cell(case.label),
                          text_cell(check.get("name", "not said")
                                    + (f" ({where})" if where else "")),
                          value_cell(check.get("value")), value_cell(check.get("bound"))])
    if not found:
        return Section("invalid", "Invalid records", "")
    caption = ("Records that failed a check of their own. They have no figure of merit, and no "
               "other figure of them is used anywhere on this page.")
    columns = (("Record", ""), ("Case", ""), ("failed check", ""), ("value", ""), ("bound", ""))
    return Section("invalid", "Invalid records",
                   table(caption, columns, [(None, lines)], class_="words")
                   + left_out(min(len(found), MOST_INVALID), len(found), "invalid records"))


def value_cell(value):
    """The value of a check: a number, or a word for an infinite one."""
    if isinstance(value, str):
        return text_cell(value, "number")
    return number_cell(value, lambda number: f"{number:.3g}")
