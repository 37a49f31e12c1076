# SPDX-License-Identifier: BSD-3-Clause
"""Draws series with Matplotlib.

Colours are those of Okabe and Ito, "Color Universal Design" (2008). Colour-blind readers can tell
them apart. Line styles and hatches say the same in grey.
"""

import textwrap

from tidemark_tools.plotting.series import by_size
from tidemark_tools.records.reader import CLASSES

MIB = 2**20
BLACK, GREY = "#000000", "#595959"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", BLACK)
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "osD^vPX"
# These are not the colours of the first three lines, which are in the same figure.
CLASS_STYLES = {"saved": ("#56B4E9", ""), "recomputed": ("#F0E442", "...."),
                "transient": ("#E69F00", "////"), "workspace": ("#CC79A7", "xxxx")}
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8,
    "legend.fontsize": 8, "xtick.labelsize": 8, "ytick.labelsize": 8, "figure.titlesize": 9,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
    "legend.handlelength": 3.2, "grid.color": "#D9D9D9",
    "grid.linewidth": 0.5, "hatch.linewidth": 0.5,
    "svg.fonttype": "path", "svg.hashsalt": "tidemark",  # the same picture and bytes anywhere
}
WIDTH = 7.2  # inches: a text width of A4 or letter
PANELS_A_ROW = 3


def mib(values):
    """Values in MiB. One that is not known becomes NaN, which lines leave out."""
    return [float("nan") if value is None else value / MIB for value in values]


def mib_text(value):
    return f"{value / MIB:.2f}" if value >= MIB / 10 or value == 0 else f"{value / MIB:.2g}"


def line_style(i):
    """Colour and dashes of line i. No two of the first 35 share both."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i % len(DASHES)]}


def new_figure(height, title):
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcdefaults()  # a user's matplotlibrc must not change the picture
    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=(WIDTH, height), constrained_layout=True)
    figure.suptitle(title)
    return figure


def panel_title(label, columns):
    """The label, broken after commas into lines that fit above one of `columns` columns."""
    words = ", ".join(word.replace(" ", "\N{NO-BREAK SPACE}") for word in label.split(", "))
    return textwrap.fill(words, 84 // columns, break_long_words=False, break_on_hyphens=False)


def legend_below(figure, handles):
    """A legend of the whole figure. Matplotlib makes room for a label, so there is an empty one."""
    figure.supxlabel(" ", fontsize=12)
    figure.legend(handles=handles, loc="lower center", ncol=len(handles), frameon=False)


def legend_columns(series):
    """Two columns where the labels, with a peak after them, fit into the width of the figure."""
    return 2 if all(len(one.label) < 30 for one in series) else 1


def proxy(label, **style):
    """A line of a legend for something that is drawn in several places."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **style)


PEAK_MARK = {"marker": "v", "color": BLACK, "linestyle": "none", "markersize": 5}
TURN_MARK = {"marker": "D", "color": BLACK, "linestyle": "none", "markersize": 4,
             "markerfacecolor": "white"}


def draw_tides_together(axes, series):
    """Totals of all cases on one axis. The legend has the values of the peaks, where none hides
    another."""
    for i, tide in enumerate(series):
        ms, total = [us / 1000 for us in tide.microseconds], mib(tide.total)
        label = f"{tide.label}: peak {mib_text(max(tide.total))} MiB"
        axes.plot(ms, total, drawstyle="steps-post", linewidth=1.2, label=label, **line_style(i))
        if len(series) <= PANELS_A_ROW:  # more areas could not be told apart
            axes.fill_between(ms, total, step="post", color=line_style(i)["color"], alpha=0.1,
                              linewidth=0)
        axes.plot(ms[tide.turn], total[tide.turn], zorder=5, **TURN_MARK)
        axes.plot(ms[tide.peak], total[tide.peak], zorder=6, **PEAK_MARK)
    handles, _ = axes.get_legend_handles_labels()
    handles += [proxy("peak", **PEAK_MARK), proxy("turn from forward to backward", **TURN_MARK)]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False,
                ncol=legend_columns(series))


def draw_tide_by_class(axes, tide, end, top):
    """One case, stacked by class, on axes that reach to `end` ms and `top` MiB."""
    ms = [us / 1000 for us in tide.microseconds]
    below = [0] * len(ms)
    for name, values in tide.classes.items():
        above = [a + b for a, b in zip(below, values)]
        colour, hatch = CLASS_STYLES[name]
        if any(values):
            axes.fill_between(ms, mib(below), mib(above), step="post", facecolor=colour,
                              hatch=hatch, edgecolor=BLACK, linewidth=0)
        below = above
    axes.plot(ms, mib(tide.total), drawstyle="steps-post", color=BLACK, linewidth=0.7)
    at, peak = ms[tide.peak], tide.total[tide.peak]
    axes.axvline(ms[tide.turn], color=GREY, linestyle=":", linewidth=1)
    axes.annotate("backward \N{RIGHTWARDS ARROW}", (ms[tide.turn], top), (3, 0),
                  textcoords="offset points", va="top", color=GREY).set_in_layout(False)
    axes.plot(at, peak / MIB, **PEAK_MARK)
    axes.annotate(f"{mib_text(peak)} MiB", (at, peak / MIB), (0, 5), textcoords="offset points",
                  ha="left" if at < 0.25 * end else "right" if at > 0.75 * end else "center",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})


def draw_tide(series, title):
    """First the lines of the totals together, of two cases or more. Then each of up to three cases
    by class."""
    together, apart = len(series) > 1, len(series) <= PANELS_A_ROW
    legend_rows = (len(series) + 2) / legend_columns(series)
    figure = new_figure(0.8 + (2.5 + 0.2 * legend_rows) * together + 2.7 * apart, title)
    grid = figure.add_gridspec(together + apart, len(series) if apart else 1)
    ranks = " and ".join(sorted({f"rank {tide.rank}" for tide in series}))
    top = 1.3 * (max(max(tide.total) for tide in series) / MIB or 1)
    end = 1.01 * (max(tide.microseconds[-1] for tide in series) / 1000 or 1)
    all_axes = []
    if together:
        all_axes.append(figure.add_subplot(grid[0, :]))
        draw_tides_together(all_axes[0], series)
    for i, tide in enumerate(series if apart else ()):
        axes = figure.add_subplot(grid[-1, i])
        draw_tide_by_class(axes, tide, end, top)
        axes.set_title(panel_title(tide.label, len(series)))
        axes.set_ylim(0, top)
        axes.tick_params(labelleft=i == 0)
        all_axes.append(axes)
    for axes in all_axes:
        axes.set_xlim(0, end)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
        axes.set_xlabel("time in the step, ms")
        if axes in all_axes[:1 + together]:
            axes.set_ylabel(f"live activations of\n{ranks}, MiB")
    if apart:
        used = [name for name in CLASSES if any(any(tide.classes[name]) for tide in series)]
        legend_below(figure, [class_patch(name) for name in used])
    return figure


def class_patch(name):
    from matplotlib.patches import Patch

    colour, hatch = CLASS_STYLES[name]
    return Patch(facecolor=colour, hatch=hatch, edgecolor=BLACK, linewidth=0, label=name)


def draw_saved_case(axes, one, names):
    """Bars of one case, with a row per name and the bytes at their ends."""
    bar = 0.36
    for row, name in enumerate(names):
        if name not in one.tensors:
            axes.annotate("not saved", (0, row), (3, 0), textcoords="offset points", va="center",
                          color=GREY)
            continue
        measured, formula, _ = one.tensors[name]
        if measured is not None:
            axes.barh(row - bar / 2, measured / MIB, bar, color=COLOURS[0], edgecolor=BLACK,
                      linewidth=0.5)
        axes.barh(row + bar / 2, formula / MIB, bar, color="white", edgecolor=BLACK, hatch="//////",
                  linewidth=0.5)
        known = formula if measured is None else measured
        text = mib_text(known) + ("" if known == formula else f", formula {mib_text(formula)}")
        axes.annotate(text, (max(known, formula) / MIB, row), (3, 0), textcoords="offset points",
                      va="center")
    axes.grid(axis="x")


def saved_title(one, columns):
    total = f"formula {mib_text(one.formula)} MiB a layer"
    if one.measured is not None:
        total = f"measured {mib_text(one.measured)},\n{total}"
    return f"{panel_title(one.label, columns)}\n{total}"


def draw_saved(series, title):
    """A panel per case. All panels have the same rows and the same scale."""
    from matplotlib.patches import Patch

    names = by_size(series)
    apart = {name for one in series for name, line in one.tensors.items() if not line[2]}
    columns = min(len(series), PANELS_A_ROW)
    rows = -(-len(series) // columns)
    figure = new_figure(0.9 + rows * (0.9 + 0.24 * len(names)), title)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    largest = max(max(line[0] or 0, line[1]) for one in series for line in one.tensors.values())
    for axes, one in zip(grid.flat, series):
        draw_saved_case(axes, one, names)
        axes.set_title(saved_title(one, columns))
        axes.set_xlim(0, (1.2 + 0.15 * columns) * (largest / MIB or 1))
        axes.set_xlabel("MiB a layer, one rank")
        axes.tick_params(labelbottom=True)
    for axes in list(grid.flat)[len(series):]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(names)))
        axes.set_yticklabels([f"{name}*" if name in apart else name for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
    handles = [Patch(facecolor="white", edgecolor=BLACK, hatch="//////", label="formula")]
    if any(one.measured is not None for one in series):
        handles.insert(0, Patch(facecolor=COLOURS[0], edgecolor=BLACK, label="measured"))
    if apart:
        handles.append(proxy("* saved, too, but not in the published formula", linestyle="none"))
    legend_below(figure, handles)
    return figure


def draw_over_size(axes, sizes):
    """Makes the x axis that of these tensor-parallel sizes, on a scale of powers of two. The y axis
    begins at 0."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes)
    axes.set_xticklabels([str(t) for t in sizes])
    axes.set_xticks([], minor=True)
    axes.set_xlim(sizes[0] / 1.2, sizes[-1] * 1.2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tensor-parallel size t")


def draw_peak(series, title):
    """Peak as a thick line with filled marks, and saved as a thin line with open marks, over log
    t."""
    figure = new_figure(3.6 + 0.2 * (len(series) + 2) / legend_columns(series), title)
    axes = figure.subplots()
    for i, one in enumerate(series):
        style = {**line_style(i), "marker": MARKERS[i % len(MARKERS)], "markersize": 5}
        axes.plot(one.t, mib(one.peak), linewidth=1.5, label=one.label, **style)
        axes.plot(one.t, mib(one.saved), linewidth=0.7, markerfacecolor="white", **style)
    ticks = sorted({t for one in series for t in one.t})
    draw_over_size(axes, ticks)
    axes.set_ylabel("activations of the largest rank, MiB")
    axes.grid()
    handles, _ = axes.get_legend_handles_labels()
    handles += [proxy("thick, filled: peak", color=BLACK, marker="o", linewidth=1.5),
                proxy("thin, open: saved at the turn", color=BLACK, marker="o", linewidth=0.7,
                      markerfacecolor="white")]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False,
                ncol=legend_columns(series))
    return figure
