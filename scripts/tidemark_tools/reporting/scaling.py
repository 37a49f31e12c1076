# SPDX-License-Identifier: BSD-3-Clause
"""Scaling over t: figures and tables of the lines that lines.py finds."""

from tidemark_tools.records.versions import NEWEST
from tidemark_tools.reporting import marks
from tidemark_tools.reporting.drawing import figure_html
from tidemark_tools.reporting.lines import hosts_of, name_lines, strong_lines, weak_lines
from tidemark_tools.reporting.markup import (Cell, element, escaped, fixed, left_out, mib_cell,
                                             number_cell, table)
from tidemark_tools.reporting.memory import cut_words
from tidemark_tools.reporting.page import Section

MOST_LINES, MOST_DRAWN = 24, 7
COLUMNS = (("t", ""), ("hosts", ""), ("step", "ms"), ("model TFLOP/s", "figure of merit"),
           ("tokens/s", ""), ("GFLOP/s", "per rank"), ("efficiency", ""), ("peak", "MiB/rank"),
           ("saved", "MiB/rank"), ("E", ""), ("schedule", "efficiency"))
CAPTION = "Points of each line; values are those of the summary."
INTRODUCTION = (
    "<em>Strong</em>: the same problem on more ranks. <em>Weak</em>: a problem whose operations "
    "grow with t, within 25&nbsp;%. <em>Efficiency</em> is the rate of a rank (GFLOP/s of the "
    "model's products) over that at the smallest t of its line: for strong scaling t0 step(t0) / "
    "(t step(t)), for weak scaling step(t0) / step(t). <em>Hosts</em>: how many the ranks ran on.")
FIGURE = ("{}, efficiency as defined above, and peak activation bytes of the largest "
          "rank against the tensor-parallel size. Dotted: the rate of a rank kept (left), "
          "efficiency 1 (middle). A ring around a point: more than one host.")


def merit_in(lines):
    """Name and getter of the figure in the first panel. Records of version 1 have only tokens/s.
    The lines of a part are of one version."""
    if any(case.version == 1 for line in lines for case in line.cases):
        return "tokens/s", lambda case: case.tokens_per_s
    return "model TFLOP/s", lambda case: case.model_tflops_per_s


def draw(lines, title):
    """Three panels: figure of merit, efficiency, peak."""
    name, merit_of = merit_in(lines)
    from tidemark_tools.plotting.figures import (BLACK, GREY, MARKERS, MIB, draw_over_size,
                                                 legend_columns, line_style, new_figure)

    figure = new_figure(2.9 + 0.2 * (len(lines) + 2) / legend_columns(lines), title)
    panels = figure.subplots(1, 3)
    for i, line in enumerate(lines):
        style = {**line_style(i), "marker": MARKERS[i % len(MARKERS)], "markersize": 5,
                 "linewidth": 1.5, "label": line.label}
        for axes, value_of in zip(panels, (
                merit_of, line.efficiency,
                lambda case: (case.largest("memory.peak_bytes") or 0) / MIB or None)):
            points = [(case.t, value_of(case), hosts_of(case)) for case in line.cases]
            axes.plot([t for t, _, _ in points],
                      [float("nan") if value is None else value for _, value, _ in points], **style)
            beyond = [(t, value) for t, value, hosts in points if hosts > 1 and value is not None]
            axes.plot(*zip(*beyond) if beyond else ([], []), "o", markersize=10, color=BLACK,
                      markerfacecolor="none")
        first = line.cases[0]
        if merit_of(first) is not None and line.kind == "strong":
            axes, last = panels[0], line.cases[-1]
            ideal = merit_of(first) * last.t / first.t
            axes.plot([first.t, last.t], [merit_of(first), ideal], color=GREY, linestyle=":",
                      linewidth=1)
    panels[1].axhline(1, color=GREY, linestyle=":", linewidth=1)
    ticks = sorted({case.t for line in lines for case in line.cases})
    for axes, heading in zip(panels, (name, "efficiency", "peak, MiB/rank")):
        draw_over_size(axes, ticks)
        axes.set_title(heading)
        axes.grid()
    handles, _ = panels[1].get_legend_handles_labels()
    handles = [handle for handle in handles if not handle.get_label().startswith("_")]
    figure.supxlabel(" \n" * -(-len(handles) // legend_columns(lines)), fontsize=8)
    figure.legend(handles=handles, loc="lower center", ncol=legend_columns(lines), frameon=False)
    return figure


def row(line, case):
    efficiency = case.median("overlap.efficiency")
    mark = marks.html(case)
    return [Cell(f"{case.t} {mark}".strip(), "number"), number_cell(hosts_of(case), str),
            number_cell(case.median("time.step_ms.median")),
            number_cell(case.model_tflops_per_s), number_cell(case.tokens_per_s),
            number_cell(case.median("flops.gflops_per_rank")),
            number_cell(line.efficiency(case), fixed(3)),
            mib_cell(case.largest("memory.peak_bytes")),
            mib_cell(case.largest("memory.saved_bytes")),
            number_cell(efficiency, fixed(2)),
            number_cell(case.median("overlap.schedule_efficiency"), fixed(2))]


def part(number, title, lines, is_drawn):
    """One problem: its figure, and a table of all its points."""
    lines = name_lines(lines)
    groups = [(f"{line.kind}: {line.label}", [row(line, case) for case in line.cases])
              for line in lines[:MOST_LINES]]
    content = element("h3", escaped(title))
    if is_drawn:
        content += figure_html(draw(lines[:MOST_DRAWN], title), f"scaling-{number}",
                               f"Scaling over t: {title}",
                               FIGURE.format(merit_in(lines)[0])
                               + cut_words(len(lines), MOST_DRAWN))
    return (content + table(CAPTION, COLUMNS, groups)
            + left_out(len(groups), len(lines), "lines"))


def is_run(case):
    """Whether its times are those of the machine."""
    return bool(case.sound) and not case.is_plan and not case.is_planted


def scaling(collection):
    """The section, with at most twice as many tables as figures."""
    parts = []
    for problem, cases in collection.problems.items():
        lines = strong_lines([case for case in cases if is_run(case)])
        if lines:
            parts.append((collection.title(problem), lines))
    for version in reversed(collection.versions):
        weak = weak_lines([case for case in collection.cases if case.version == version
                           and is_run(case) and case.median("flops.model_per_step")])
        if weak:
            parts.append(("Problems that grow with t"
                          + (f" (record version {version})" if version < NEWEST else ""), weak))
    shown = parts[:2 * collection.most_drawn]
    content = "".join(part(number, title, lines, number <= collection.most_drawn)
                      for number, (title, lines) in enumerate(shown, 1))
    if content:
        content = element("p", INTRODUCTION) + content
    return Section("scaling", "Scaling over t", content
                   + left_out(len(shown), len(parts), "problems with several t"))
