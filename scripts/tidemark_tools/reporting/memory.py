# SPDX-License-Identifier: BSD-3-Clause
"""Memory: the figures of scripts/plot, and the four numbers of each case."""

import dataclasses
import json

from tidemark_tools.plotting import figures, series
from tidemark_tools.reporting.drawing import figure_html
from tidemark_tools.reporting.lines import strong_lines
from tidemark_tools.reporting.markup import (element, escaped, fixed, left_out, mib_cell,
                                             number_cell, paragraph, table, text_cell)
from tidemark_tools.reporting.page import Section

MOST_LINES = 40
COLUMNS = (("Case", ""), ("t", ""), ("saved", "MiB"), ("saved", "MiB a layer"),
           ("formula", "MiB a layer"), ("peak", "MiB"), ("pool", "MiB"), ("pool / peak", ""),
           ("process", "MiB"))
INTRODUCTION = (
    "Four numbers of the largest rank, never mixed. <em>Saved</em>: held from forward until "
    "backward, without norm statistics; <em>formula</em>: the same by formula. <em>Peak</em>, the "
    "tide: the most live activation bytes at any moment of a step. <em>Pool</em>: what the "
    "allocator holds from the device. <em>Process</em>: the operating system's high-water mark, "
    "code and parameters included.")
CAPTION = "Bytes of the largest rank, and the largest of all valid records of a case."
TIDE = ("Live activation bytes of one rank over one step, as its ledger changed them. The height "
        "of the tide (&#9660;) is the <em>peak</em>, what is live at the turn (&#9671;) from "
        "forward to backward is saved.")
CLASSES = (" Below, each case by class: saved, transient (between two operations), workspace (of "
           "one operation), recomputed.")
SAVED = ("Bytes that one layer holds until its backward, tensor by tensor, of one rank: as "
         "measured, and by the formula. A run in which they differ by a byte is invalid. Cases "
         "that save the same are drawn once.")
PEAK = ("Activation bytes of the largest rank against the tensor-parallel size: peak (thick, "
        "filled), and saved at the turn (thin, open).")


def line(case):
    peak, pool = (case.largest(f"memory.{key}_bytes") for key in ("peak", "pool"))
    return [text_cell(case.label), number_cell(case.t, str),
            *(mib_cell(case.largest(f"memory.{key}"))
              for key in ("saved_bytes", "saved_bytes_per_layer", "formula_bytes_per_layer",
                          "peak_bytes", "pool_bytes")),
            number_cell(pool / peak if pool and peak else None, fixed(3)),
            mib_cell(case.largest("memory.process_bytes"))]


def without_place(record):
    """The record with one file and one host, which change no bytes."""
    settings = {key: value for key, value in record.case.items() if key not in ("file", "hosts")}
    return dataclasses.replace(record, data={**record.data, "case": settings})


def different(found, essence):
    """The first of the records that agree in what `essence` gives."""
    return list({json.dumps(essence(record), sort_keys=True): record
                 for record in reversed(found)}.values())[::-1]


def records_over_t(cases):
    """The last records of the cases that are on one line over t with others."""
    lines = [line for plans in (False, True) for line in strong_lines(
        [case for case in cases if case.is_plan == plans and case.last])]
    found = [without_place(case.last) for line in lines for case in line.cases]
    return different([record for record in found if record.memory["peak_bytes"] is not None],
                     lambda record: (record.data["kind"], record.case))


def drawings(number, title, cases):
    """Figures of one problem: tide and saved of the cases kept whole, and peak of all, thinned
    out."""
    whole = [case.detail for case in cases if case.detail]
    tides = [record for record in whole if record.memory["tide"] is not None]
    saved = different([without_place(record) for record in whole if record.memory["by_tensor"]],
                      lambda record: record.memory["by_tensor"])
    parts = []
    if tides:
        parts.append(figure_html(figures.draw_tide(series.tide_series(tides), title),
                                 f"tide-{number}", f"Live activation bytes over one step: {title}",
                                 TIDE + CLASSES * (len(tides) <= figures.PANELS_A_ROW)))
    if saved:
        parts.append(figure_html(figures.draw_saved(series.saved_series(saved), title),
                                 f"saved-{number}", f"Saved bytes a layer by tensor: {title}",
                                 SAVED))
    over_t = records_over_t(cases)
    if over_t:
        lines = series.peak_series(over_t)
        parts.append(figure_html(figures.draw_peak(lines[:len(figures.COLOURS)], title),
                                 f"peak-{number}", f"Peak against t: {title}",
                                 PEAK + cut_words(len(lines), len(figures.COLOURS))))
    return "".join(parts)


def undrawn(collection):
    """A line that says how many problems have figures; "" if all have."""
    most, of = collection.most_drawn, len(collection.problems)
    if most >= of:
        return ""
    return paragraph(f"Figures are drawn of the first {most} of {of} problems.", class_="left-out")


def cut_words(of, most, what="lines"):
    return f" Drawn are the first {most} of {of} {what}." if of > most else ""


def memory(collection):
    parts, shown = [], 0
    for number, (problem, cases) in enumerate(collection.problems.items(), 1):
        sound = [case for case in cases if case.sound]
        lines = [line(case) for case in sound[:MOST_LINES - shown]]
        if not lines:
            continue
        shown += len(lines)
        title = collection.title(problem)
        parts.append(element("h3", escaped(title)) + table(CAPTION, COLUMNS, [(None, lines)]))
        if number <= collection.most_drawn:
            parts.append(drawings(number, title, cases))
    total = sum(1 for case in collection.cases if case.sound)
    if parts:
        parts.insert(0, element("p", INTRODUCTION))
    return Section("memory", "Memory", "".join(parts) + left_out(shown, total, "cases")
                   + undrawn(collection))
