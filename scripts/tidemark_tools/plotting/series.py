# SPDX-License-Identifier: BSD-3-Clause
"""The series of bytes that the figures draw, made from records. No part of it knows Matplotlib."""

import dataclasses

from tidemark_tools.plotting.names import named
from tidemark_tools.records.reader import CLASSES, total_of


@dataclasses.dataclass
class Tide:
    """Live bytes of a rank after each change of a step. `turn` and `peak` are indices."""

    label: str
    rank: int
    microseconds: list
    classes: dict
    total: list
    turn: int
    peak: int


@dataclasses.dataclass
class Saved:
    """Bytes per layer: name -> (measured or None, by the formula, counted in the formula)."""

    label: str
    tensors: dict
    measured: int
    formula: int


@dataclasses.dataclass
class Peaks:
    """Peak and saved bytes over t, which rises. Bytes that are not known are None."""

    label: str
    t: list
    peak: list
    saved: list


def tide_series(records):
    series = []
    for label, record in named("tide", records):
        tide = record.memory["tide"]
        total = total_of(tide)
        series.append(Tide(label, tide["rank"], tide["microseconds"],
                           {name: tide[name] for name in CLASSES}, total, tide["turn"],
                           total.index(max(total))))
    return series


def saved_series(records):
    series = []
    for label, record in named("saved", records):
        # A plan predicts, but it has measured nothing.
        measured = None if record.is_plan else record.memory["saved_bytes_per_layer"]
        tensors = {line["name"]: (None if record.is_plan else line["bytes_per_layer"],
                                  line["formula_bytes_per_layer"], line["in_formula"])
                   for line in record.memory["by_tensor"]}
        series.append(Saved(label, tensors, measured, record.memory["formula_bytes_per_layer"]))
    return series


def peak_series(records):
    """One series per mode and per difference other than t, in the order of the records."""
    lines = {}
    over = "parallel.tensor" if any(record.t > 1 for record in records) else None
    for label, record in named("peak", records, over):
        lines.setdefault(label, []).append(record)
    for members in lines.values():
        members.sort(key=lambda record: record.t)
    return [Peaks(label, [record.t for record in members],
                  [record.memory["peak_bytes"] for record in members],
                  [record.memory["saved_bytes"] for record in members])
            for label, members in lines.items()]


def by_size(series):
    """Names of all tensors of Saved `series`, largest first. Equals keep the order of the layer."""
    largest = {}
    for one in series:
        for name, (measured, formula, _) in one.tensors.items():
            largest[name] = max(largest.get(name, 0), measured or 0, formula)
    return sorted(largest, key=lambda name: -largest[name])
