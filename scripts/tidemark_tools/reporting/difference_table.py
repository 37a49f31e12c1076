# SPDX-License-Identifier: BSD-3-Clause
"""Shows a comparison in a terminal: a table of times, one of bytes and E, and notes."""

from tidemark_tools.plotting.names import labelled, title_of
from tidemark_tools.reporting import marks
from tidemark_tools.reporting.cases import is_planted
from tidemark_tools.reporting.comparison import EFFICIENCIES, EXACT, alone, only_versions_differ
from tidemark_tools.reporting.markup import MIB

EXACT_NAMES = dict(zip(EXACT, ("peak", "saved", "wire")))
ONE_RECORD = ("* one record on a side: the interval knows the noise within a run, not from run to "
              "run")
OLD = "records of version 1: what they call E is the schedule efficiency, schedule E here"
DASH = "-"


def number(value):
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"


def interval_text(difference, form):
    if difference is None or difference.interval is None:
        return DASH
    low, high = difference.interval
    if abs(low) == float("inf"):
        return "unknown"
    return f"[{low:{form}}, {high:{form}}]"


def table(heads, rows):
    """Columns as wide as necessary, the first one aligned to the left."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    return ["  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
            for row in (heads, *rows)]


def words_of(pair):
    """The label, with the marks that a reader must see."""
    words = [pair.label]
    for side in (pair.a, pair.b):
        for one in side:
            if not one.record.is_plan and one.record.data["comm"]["emulated"]:
                words.append(marks.EMULATED)
            if is_planted(one.record):
                words.append(marks.PLANTED)
    return ", ".join(dict.fromkeys(words))


def time_verdict(step):
    if step is None:
        return DASH
    if not step.exceeds_noise:
        return "within noise"
    return f"{abs(step.change - 1):.1%} {'slower' if step.change > 1 else 'faster'}"


def time_row(pair):
    star = "*" if min(len(pair.a), len(pair.b)) == 1 else ""
    step, merit, tokens = pair.step, pair.model_tflops_per_s, pair.tokens_per_s
    known = merit or tokens
    return [words_of(pair), f"{len(pair.a)}/{len(pair.b)}{star}",
            *((number(step.a), number(step.b), f"{step.change:.3f}") if step else (DASH,) * 3),
            interval_text(step, ".3f"), time_verdict(step),
            *((number(merit.a), number(merit.b)) if merit else (DASH,) * 2),
            *((number(tokens.a), number(tokens.b)) if tokens else (DASH,) * 2),
            f"{known.change:.3f}" if known else DASH, interval_text(known, ".3f")]


def bytes_row(pair):
    cells = [words_of(pair)]
    for key in EXACT:
        found = pair.exact[key]
        cells += [f"{found.b / MIB:.2f}", f"{found.change:.3f}"] if found else [DASH] * 2
    found = pair.efficiency
    cells += ([f"{found.a:.2f}", f"{found.b:.2f}", f"{found.change:+.2f}",
               interval_text(found, "+.2f"), efficiency_verdict(found)] if found else [DASH] * 5)
    return cells


def efficiency_verdict(found):
    if not found.exceeds_noise:
        return "within noise"
    return "hides more" if found.change > 0 else "hides less"


def tables(pairs):
    """The pairs of version 2, then those of version 1: no column has both."""
    for version, efficiency in sorted(EFFICIENCIES.items(), reverse=True):
        alike = [pair for pair in pairs if pair.version == version]
        if alike:
            yield from tables_of_version(alike, efficiency)
        if alike and version == 1:
            yield OLD
        if alike and len(alike) < len(pairs):
            yield ""


def tables_of_version(pairs, efficiency):
    heads = ["case", "records", "step A ms", "step B ms", "B/A", "95 % interval", "difference",
             "TFLOP/s A", "TFLOP/s B", "tokens/s A", "tokens/s B", "B/A", "95 % interval"]
    yield from table(heads, [time_row(pair) for pair in pairs])
    if any(min(len(pair.a), len(pair.b)) == 1 and pair.step for pair in pairs):
        yield ONE_RECORD
    yield ""
    heads = ["case"]
    for name in EXACT_NAMES.values():
        heads += [f"{name} B MiB", "B/A"]
    yield from table(heads + [f"{efficiency.name} A", f"{efficiency.name} B", "B-A",
                              "95 % interval", "difference"], [bytes_row(pair) for pair in pairs])


def names(found):
    """Labels of records of one problem or several."""
    return [f"{record.place}: {label}"
            for label, record in labelled(found, always=("overlap.mode",))]


def remarks(a, b, missing):
    """The cases that could not be compared, and why."""
    for side, letter in ((a, "A"), (b, "B")):
        count = sum(map(len, side.invalid.values()))
        if count:
            yield (f"{letter} has {count} INVALID record{'s' * (count != 1)}, of which nothing is "
                   "compared:")
            yield from (f"  {line}" for line in names(
                [one.record for found in side.invalid.values() for one in found]))
    for side, other, letter in ((a, b, "A"), (b, a, "B")):
        found = alone(side, other)
        if found:
            yield f"only in {letter}:"
            yield from (f"  {line}" for line in names(found))
    if only_versions_differ(a, b):
        yield ("records of version 1 and of version 2 are not compared with each other: they were "
               "measured in different ways")
    if missing:
        yield (f"settings that only one file knows, by which nothing was matched: "
               f"{', '.join(missing)}")


def beyond_noise(pairs):
    """The number of cases that differ, and in what."""
    counts = {
        "step": sum(1 for pair in pairs if pair.step and pair.step.exceeds_noise),
        **{name: sum(1 for pair in pairs if pair.exact[key] and pair.exact[key].exceeds_noise)
           for key, name in EXACT_NAMES.items()},
        **{efficiency.name: sum(1 for pair in pairs if pair.version == version
                                and pair.efficiency and pair.efficiency.exceeds_noise)
           for version, efficiency in EFFICIENCIES.items()}}
    words = ", ".join(f"{name} in {count}" for name, count in counts.items() if count)
    cases = f"{len(pairs)} case{'s' * (len(pairs) != 1)} on both sides"
    return f"{cases}; beyond noise differ: {words or 'none'}"


def lines(a, b, pairs, missing):
    """The whole comparison."""
    yield f"A: {a.path}"
    yield f"B: {b.path}"
    if pairs:
        yield title_of([pair.a[0].record for pair in pairs])
        yield ""
        yield from tables(pairs)
        yield ""
    yield from remarks(a, b, missing)
    yield beyond_noise(pairs)


def regressions(pairs, fraction):
    """A line per figure that is worse beyond noise and by more than `fraction`."""
    for pair in pairs:
        if pair.step and pair.step.interval and pair.step.interval[0] > 1 + fraction:
            yield f"{words_of(pair)}: step {pair.step.change:.3f}"
        for key, name in EXACT_NAMES.items():
            if pair.exact[key] and pair.exact[key].change > 1 + fraction:
                yield f"{words_of(pair)}: {name} {pair.exact[key].change:.3f}"
