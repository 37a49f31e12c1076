# SPDX-License-Identifier: BSD-3-Clause
"""Overlap: the five runs and what they show, the figures of scripts/plot, and E of each case."""

from tidemark_tools.plotting import overlap as plotted, overlap_figures
from tidemark_tools.reporting import marks
from tidemark_tools.reporting.drawing import figure_html
from tidemark_tools.reporting.markup import (Cell, element, escaped, fixed, left_out, number_cell,
                                             range_cell, table)
from tidemark_tools.reporting.memory import cut_words, undrawn
from tidemark_tools.reporting.page import Section

MOST_LINES, MOST_BARS, MOST_CURVES = 40, 24, 6
COLUMNS = (("Case", ""), ("t", ""), ("step", "ms"), ("serial", "ms"), ("compute", "ms"),
           ("compute serial", "ms"), ("comm", "ms"), ("exposed", "ms"), ("exposed", "ms, timeline"),
           ("side by side", "ms"), ("E", ""), ("interval", "90\N{NO-BREAK SPACE}% of E"),
           ("E max", ""), ("schedule", "efficiency"), ("split cost", "ms"), ("remark", ""))
RUNS = ("step", "serial", "compute", "compute_serial", "comm")
CAPTION = "Of the last valid record of each case, medians."
INTRODUCTION = (
    "<em>Step</em> is the case as configured, <em>serial</em> without overlap, <em>compute</em> "
    "the kernels of the step and <em>compute serial</em> those of the serial step, both without "
    "collectives, <em>comm</em> the collectives without kernels. E = (serial - step) / (serial - "
    "compute serial) is the share of the cost of communication that the schedule made go away: 0 "
    "is serial, 1 is perfect, less than 0 hurts. <em>Split cost</em> = compute - compute serial is "
    "what the schedule itself costs, and counts against E. <em>Schedule efficiency</em> = 1 - "
    "(step - compute) / (serial - compute) leaves it out on both sides. <em>E max</em> is the most "
    "that any schedule could hide. <em>Exposed</em> = step - compute; <em>timeline exposed</em> "
    "is its second opinion, by clocks around the communicator; <em>side by side</em> is the time "
    "in which a kernel ran while a call was under way.")
OLD = ("Records of version 1 have four runs, and neither E nor a split cost: what they call E is "
       "the schedule efficiency, and is shown as that.")
EFFICIENCIES = ("{} of each case with its 90&nbsp;% interval; a dash marks the most that any "
                "schedule could hide. An open mark: not resolved, the interval being wider than "
                "0.15 or of too few runs.")
CURVES = "{} against the bandwidth of emulated links: a what-if, no figure of merit."
TIMELINE = ("One layer of each traced schedule, as one rank ran it, by the trace files: products "
            "and other kernels, communication from posting to completion, and the time this rank "
            "waited for it.")


def old_interval(overlap):
    """How well the schedule efficiency of a record of version 1 is known."""
    interval = plotted.SCHEDULE.of(overlap, "efficiency_ci")
    if interval is None:
        return ""
    words = "[{:.2f}, {:.2f}]".format(*interval)
    known = "" if plotted.SCHEDULE.of(overlap, "resolved") else ", not resolved"
    return f"record version 1: 90\N{NO-BREAK SPACE}% of schedule efficiency {words}{known}"


def remark(measure, overlap):
    if overlap["void_because"]:
        return f"void: {overlap['void_because']}"
    if overlap["meaningful"] is False:
        return "not meaningful: comm is under 1\N{NO-BREAK SPACE}% of the step"
    if measure.of(overlap, "exceeds_max"):
        return "more than possible: suspect"
    if measure is plotted.SCHEDULE:
        return old_interval(overlap)
    return "not resolved" if overlap["resolved"] is False else ""


def with_overlap(cases):
    """The cases that hide something: they have a schedule other than none, and several ranks."""
    return [case for case in cases if not case.is_plan and case.t > 1 and case.last
            and case.last.data["overlap"]["mode"] != "none"]


def measure_of(case):
    return plotted.MEASURES[case.version]


def label_of(case):
    """The words, with the schedule that auto took."""
    taken = case.last.data["overlap"]["mode"]
    configured = case.last.case["overlap"]["mode"]
    return case.label + (f" ({taken})" if configured == "auto" else "")


def line(case):
    data, overlap = case.last.data, case.last.data["overlap"]
    times = [data["time"].get(f"{name}_ms") or {} for name in RUNS]
    low, high = overlap["efficiency_ci"] or (None, None)
    words = f"{escaped(label_of(case))} {marks.html(case)}".strip()
    return [Cell(words), number_cell(case.t, str),
            *(number_cell(one.get("median")) for one in times),
            *(number_cell(overlap[f"{name}_ms"])
              for name in ("exposed", "timeline_exposed", "intersect")),
            number_cell(overlap["efficiency"], fixed(2)), range_cell(low, high, fixed(2)),
            number_cell(overlap["efficiency_max"], fixed(2)),
            number_cell(overlap["schedule_efficiency"], fixed(2)),
            number_cell(overlap["split_cost_ms"]),
            Cell(escaped(remark(measure_of(case), overlap)),
                 "" if overlap["void_because"] else "keep")]


def draw_efficiencies(cases, title, measure):
    """An efficiency and its interval, with a row per case."""
    from tidemark_tools.plotting.figures import BLACK, COLOURS, new_figure, panel_title

    figure = new_figure(0.9 + 0.28 * len(cases), title)
    axes = figure.subplots()
    for y, case in enumerate(cases):
        overlap = case.last.data["overlap"]
        low, high = (min(max(end, overlap_figures.LEAST), overlap_figures.MOST)
                     for end in measure.of(overlap, "efficiency_ci"))
        axes.plot([low, high], [y, y], color=COLOURS[0], linewidth=2)
        known = measure.of(overlap) if measure.of(overlap, "resolved") else None
        axes.plot((low + high) / 2 if known is None else known, y, "o", color=COLOURS[0],
                  markerfacecolor="white" if known is None else COLOURS[0], markersize=6)
        most = measure.of(overlap, "efficiency_max")
        if most is not None:
            axes.plot(most, y, "|", color=BLACK, markersize=11)
    axes.set_yticks(range(len(cases)))
    axes.set_yticklabels([panel_title(f"{label_of(case)}, t {case.t}", 2) for case in cases])
    axes.set_ylim(len(cases) - 0.5, -0.5)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.05), max(high, 1.05))
    axes.axvline(0, color=BLACK, linewidth=0.7)
    axes.set_xlabel(measure.title)
    axes.grid(axis="x")
    return figure


def drawings(number, title, cases):
    """Figures of cases of one problem. All are of one version."""
    parts, measure = [], measure_of(cases[0])
    heading = measure.title[0].upper() + measure.title[1:]
    known = [case for case in cases
             if measure.of(case.last.data["overlap"], "efficiency_ci") is not None
             and not case.last.data["overlap"]["void_because"]
             and case.last.data["overlap"]["meaningful"] is not False]
    if known:
        caption = EFFICIENCIES.format(heading) + cut_words(len(known), MOST_BARS, "cases")
        parts.append(figure_html(draw_efficiencies(known[:MOST_BARS], title, measure),
                                 f"{measure.figure}-{number}", f"{heading} of each case: {title}",
                                 caption))
    linked = [case.last for case in known
              if case.last.case["emulated_link"]["bandwidth_gbytes_per_s"] > 0]
    if len({record.case["emulated_link"]["bandwidth_gbytes_per_s"] for record in linked}) > 1:
        curves = plotted.efficiency_series(linked)
        figure = overlap_figures.draw_efficiency(curves[:MOST_CURVES],
                                                 plotted.efficiency_title(linked), measure)
        parts.append(figure_html(figure, f"bandwidth-{number}",
                                 f"{heading} against emulated bandwidth: {title}",
                                 CURVES.format(heading) + cut_words(len(curves), MOST_CURVES)))
    return "".join(parts)


def timeline(paths, cases):
    """The timelines of trace files that belong to cases kept whole, or ""."""
    if not paths:
        return ""
    pairs = plotted.traced(paths, 0, [case.detail for case in cases if case.detail])
    if not pairs:
        return ""
    figure = overlap_figures.draw_timeline(plotted.timeline_series(pairs, 0),
                                           plotted.timeline_title(pairs))
    return element("h3", "Timelines") + figure_html(figure, "timeline", "Timeline of one layer",
                                                    TIMELINE)


def overlap(collection, traces):
    parts, shown, total = [], 0, 0
    for number, (problem, cases) in enumerate(collection.problems.items(), 1):
        found = with_overlap(cases)
        total += len(found)
        lines = [line(case) for case in found[:MOST_LINES - shown]]
        shown += len(lines)
        if not lines:
            continue
        title = collection.title(problem)
        parts.append(element("h3", escaped(title)) + table(CAPTION, COLUMNS, [(None, lines)]))
        if number <= collection.most_drawn:
            parts.append(drawings(number, title, found))
    if parts:
        old = f" {OLD}" if 1 in collection.versions else ""
        parts.insert(0, element("p", INTRODUCTION + old))
        parts.append(left_out(shown, total, "cases") + undrawn(collection))
    parts.append(timeline(traces, collection.cases))
    return Section("overlap", "Overlap", "".join(parts))
