# SPDX-License-Identifier: BSD-3-Clause
"""Draws the timelines and efficiencies of overlap with Matplotlib."""

from tidemark_tools.plotting import overlap
from tidemark_tools.plotting.figures import (BLACK, COLOURS, GREY, MARKERS, WIDTH, legend_below,
                                             legend_columns, new_figure, panel_title, proxy)

# They differ in brightness, too, for print in grey: products are the darkest.
PRODUCT, OTHER, COMM, WAITING = "#0072B2", "#56B4E9", "#E69F00", "#D55E00"
LETTER = 0.052  # the most inches that a letter of NAME_SIZE takes
NAME_SIZE = 6.5
NARROW = 0.02  # inches: a narrower slice has no room for an edge
TOP = -1.0  # of a timeline: above its first row, for the word "backward"
LEAST, MOST = -0.5, 1.5  # efficiencies that the axis shows of intervals that are not resolved


def colour_of(row, name):
    if row == "compute":
        return PRODUCT if name == "product" else OTHER
    return WAITING if row == "waiting" else COMM


def draw_row(axes, y, row, slices, inches_a_ms):
    """Bars of one row, in the order of time, with their names where they fit."""
    bars = [(begin, duration) for begin, duration, _ in slices]
    faces = [colour_of(row, name) for _, _, name in slices]
    edges = ["white" if duration * inches_a_ms > NARROW else face
             for (_, duration, _), face in zip(slices, faces)]
    axes.broken_barh(bars, (y - 0.4, 0.8), facecolors=faces, edgecolors=edges, linewidth=0.4,
                     label=row)
    for begin, duration, name in slices:
        text = name.replace("_", "-")
        if row.startswith("comm") and len(text) * LETTER < duration * inches_a_ms:
            axes.annotate(text, (begin + duration / 2, y), ha="center", va="center",
                          fontsize=NAME_SIZE)


def draw_timeline(series, title):
    """Schedules below each other, all with the same rows, on one axis of time."""
    from matplotlib.patches import Patch

    rows = list(max((one.rows for one in series), key=len))
    figure = new_figure(1.1 + len(series) * (0.6 + 0.27 * len(rows)), title)
    panels = figure.subplots(len(series), 1, squeeze=False, sharex=True)[:, 0]
    end = max(one.length for one in series) or 1
    inches_a_ms = 0.85 * WIDTH / end
    for axes, one in zip(panels, series):
        for y, row in enumerate(rows):
            draw_row(axes, y, row, one.rows.get(row, []), inches_a_ms)
        axes.set_xlim(0, end)
        axes.set_ylim(len(rows) - 0.5, TOP)
        axes.set_yticks(range(len(rows)))
        axes.set_yticklabels(rows)
        axes.tick_params(axis="y", length=0)
        axes.set_title(f"{panel_title(one.label, 1)}: {one.length:.2f} ms, of which this rank "
                       f"waits {one.waiting:.2f} ms", loc="left")
        axes.axvline(one.length, color=BLACK, linewidth=0.8)
        if one.turn is not None:
            axes.axvline(one.turn, color=GREY, linestyle=":", linewidth=1)
            axes.annotate("backward \N{RIGHTWARDS ARROW}", (one.turn, TOP), (3, 0),
                          textcoords="offset points", va="top", color=GREY,
                          fontsize=NAME_SIZE).set_in_layout(False)
        axes.grid(axis="x")
    panels[-1].set_xlabel(f"time in {series[0].part}, rank {series[0].rank}, ms")
    legend_below(figure, [Patch(color=PRODUCT, label="matrix product"),
                          Patch(color=OTHER, label="other kernel"),
                          Patch(color=COMM, label="communication"),
                          Patch(color=WAITING, label="this rank waits for communication")])
    return figure


def limits(series):
    """The limits of the efficiency axis: all that is resolved, and what is near 0 to 1 of the
    rest."""
    values = [0.0, 1.1]
    for curve in series:
        for point in curve.points:
            low, high = point.interval
            if point.efficiency is None:
                low, high = max(low, LEAST), min(high, MOST)
            values += [low - 0.05, high + 0.05, *filter(None, [point.efficiency])]
            values += [point.most + 0.05] if point.most is not None else []
    return min(values), max(values)


def draw_curve(axes, curve, style, shift):
    """Markers and a line through what is resolved, intervals of all, and E_max thin and dashed. The
    factor `shift` keeps intervals of several curves at one bandwidth apart."""
    x = [point.bandwidth * shift for point in curve.points]
    known = [float("nan") if point.efficiency is None else point.efficiency
             for point in curve.points]
    most = [float("nan") if point.most is None else point.most for point in curve.points]
    middle = [sum(point.interval) / 2 for point in curve.points]
    half = [(point.interval[1] - point.interval[0]) / 2 for point in curve.points]
    axes.errorbar(x, middle, yerr=half, fmt="none", ecolor=style["color"], elinewidth=1, capsize=3)
    axes.plot(x, known, markersize=5, linewidth=1.5, label=curve.label, **style)
    axes.plot(x, most, linestyle="--", linewidth=0.7, color=style["color"])
    low, high = axes.get_ylim()
    for at, point in zip(x, curve.points):
        words = "not resolved" if point.efficiency is None else ""
        words = "more than possible" if point.is_impossible else words
        y = sum(min(max(end, low), high) for end in point.interval) / 2
        if words:
            axes.annotate(words, (at, y), (-4, 0), textcoords="offset points", rotation=90,
                          ha="center", va="center", fontsize=NAME_SIZE, color=style["color"])


def draw_efficiency(series, title, measure=overlap.E):
    """An efficiency over bandwidth, with a line per curve."""
    figure = new_figure(3.6 + 0.2 * (len(series) + 3) / legend_columns(series), title)
    axes = figure.subplots()
    ticks = sorted({point.bandwidth for curve in series for point in curve.points})
    axes.set_xscale("log")
    axes.set_ylim(*limits(series))
    span = 1.4 * ticks[-1] / ticks[0]
    closest = min((b / a for a, b in zip(ticks, ticks[1:])), default=span)
    apart = min(span**0.03, closest ** (0.8 / len(series)))
    for i, curve in enumerate(series):
        style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        draw_curve(axes, curve, style, apart ** (i - (len(series) - 1) / 2))
    axes.set_xlim(ticks[0] / span**0.08, ticks[-1] * span**0.08)
    axes.set_xticks(ticks)
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("bandwidth of the emulated link, GB/s")
    axes.set_ylabel(measure.title)
    axes.grid()
    axes.axhline(0, color=GREY, linewidth=0.7)
    handles, _ = axes.get_legend_handles_labels()
    handles += [proxy("the most that is possible", color=BLACK, linestyle="--",
                      linewidth=0.7),
                proxy("90 % interval (without a marker: not resolved)", color=BLACK,
                      marker="|", markersize=9, linestyle="none")]
    if len(series) > 1:
        handles.append(proxy("points of one bandwidth are set apart sideways", linestyle="none"))
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False,
                ncol=legend_columns(series))
    return figure
