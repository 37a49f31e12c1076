# SPDX-License-Identifier: BSD-3-Clause
"""Compares the cases of two files: those that both have, and how they differ."""

import dataclasses
import json
import statistics

from tidemark_tools.plotting.names import labelled
from tidemark_tools.records import reader
from tidemark_tools.records.reader import InputError, Record
from tidemark_tools.reporting import bootstrap
from tidemark_tools.reporting.cases import value_at
from tidemark_tools.reporting.gathering import thinned

# Settings that do not make another case: its name, and how long it is measured.
UNMATCHED = ("name", "bench")
# Bytes and operations have no noise: they either differ or do not.
EXACT = ("memory.peak_bytes", "memory.saved_bytes", "comm.wire_bytes_per_step")


@dataclasses.dataclass(frozen=True)
class Efficiency:
    """The efficiency by which records of a version are compared."""

    name: str
    key: str  # below `overlap`
    runs: tuple  # whose samples make it
    resampled: object


# Records of different versions are never compared, nor are their efficiencies.
EFFICIENCIES = {
    1: Efficiency("schedule E", "schedule_efficiency", ("step", "serial", "compute"),
                  bootstrap.resampled_schedule_efficiencies),
    2: Efficiency("E", "efficiency", ("step", "serial", "compute_serial"),
                  bootstrap.resampled_efficiencies),
}


@dataclasses.dataclass
class Measured:
    """What a comparison needs of a record: the record, thinned out, and its samples."""

    record: Record
    steps: list
    tuples: list  # samples of the runs of its Efficiency; None if that is not resolved

    @property
    def efficiency(self):
        return self.record.data["overlap"][EFFICIENCIES[self.record.version].key]


@dataclasses.dataclass
class Side:
    """A file: the records of each case by its settings, with invalid ones apart."""

    path: str
    cases: dict
    invalid: dict


@dataclasses.dataclass
class Difference:
    """One figure of both sides: its ratio B / A, or its difference B - A, and the interval of that.
    The interval is None where the figure has no noise."""

    a: float
    b: float
    change: float
    interval: tuple
    unchanged: float  # the value of `change` where nothing changed

    @property
    def exceeds_noise(self):
        if self.interval is None:
            return self.change != self.unchanged
        return not self.interval[0] <= self.unchanged <= self.interval[1]


@dataclasses.dataclass
class Pair:
    """A case on both sides. Figures that one side lacks are None."""

    label: str
    a: list
    b: list
    step: Difference
    model_tflops_per_s: Difference
    tokens_per_s: Difference
    exact: dict
    efficiency: Difference

    @property
    def t(self):
        return self.a[0].record.t

    @property
    def version(self):
        """The version of all its records."""
        return self.a[0].record.version


def flat_settings(case):
    """All settings of a case by dotted keys."""
    flat = {}
    for key, value in case.items():
        if key in UNMATCHED:
            continue
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": one for inner, one in value.items()})
        else:
            flat[key] = value
    return flat


def measured(record):
    data = record.data
    tuples, steps = None, []
    if not record.is_plan:
        steps = data["time"]["step_ms"]["samples"]
        efficiency = EFFICIENCIES[record.version]
        if data["overlap"][efficiency.key] is not None:
            tuples = [data["time"][f"{name}_ms"]["samples"] for name in efficiency.runs]
    return Measured(Record(record.place, thinned(data)), steps, tuples)


def read_all(path, remarks):
    found = [measured(record) for record in reader.read_each(path, remarks)]
    if not found:
        raise InputError(f"{path}: no records")
    return found


def sides(paths, ignored, remarks):
    """Both files, and the keys that only one of them has. Cases cannot be matched by those."""
    both = [read_all(path, remarks) for path in paths]
    keys = [{key for one in found for key in flat_settings(one.record.case)} for found in both]
    for key in ignored:
        if key not in keys[0] | keys[1]:
            raise InputError(f"--ignore {key}: no record has this setting")
    missing = sorted((keys[0] ^ keys[1]) - set(ignored))
    return [side_of(path, found, set(ignored), set(missing))
            for path, found in zip(paths, both)], missing


def side_of(path, found, ignored, missing):
    side = Side(path, {}, {})
    whole = {}
    for one in found:
        flat = flat_settings(one.record.case)
        data = one.record.data
        matched = {name: flat[name] for name in sorted(flat) if name not in ignored | missing}
        key = json.dumps([one.record.version, data["kind"], data.get("test"), matched])
        first, settings = whole.setdefault(key, (one.record.place, flat))
        differ = [name for name in flat if settings.get(name) != flat[name]]
        if differ:
            raise InputError(f"{one.record.place}: differs from {first} only in "
                             f"{', '.join(differ)}, which is not looked at")
        group = side.invalid if data["valid"] is False else side.cases
        group.setdefault(key, []).append(one)
    side.cases = {key: preferred(found) for key, found in side.cases.items()}
    return side


def preferred(found):
    """The records that were verified, or all if none was."""
    return [one for one in found if one.record.data["valid"]] or found


def ratio(a, b, interval=None):
    """The Difference of two figures as a ratio; None where one is not known or A is 0."""
    if a is None or b is None or (a == 0 and b != 0):
        return None
    return Difference(a, b, b / a if a else 1.0, interval, 1.0)


def step_of(a, b):
    if not a[0].steps or not b[0].steps:
        return None
    random = bootstrap.new_random()
    medians = [statistics.median(statistics.median(one.steps) for one in side) for side in (a, b)]
    drawn = [bootstrap.over_records(random, [one.steps for one in side],
                                    bootstrap.resampled_medians, statistics.median)
             for side in (a, b)]
    return ratio(*medians, bootstrap.interval(drawn[1] / drawn[0]))


def merit_of(a, b, step, key):
    """A figure of merit, only where both sides have it: verified, valid, over a link that exists.
    For one case it is the work of a step over its time, so that the ratio is that of the steps."""
    merits = [[value_at(one.record.data, f"fom.{key}") for one in side] for side in (a, b)]
    if step is None or any(None in side for side in merits):
        return None
    interval = tuple(sorted(1 / end for end in step.interval)) if step.interval else None
    medians = [statistics.median(side) for side in merits]
    return Difference(*medians, medians[1] / medians[0], interval, 1.0)


def efficiency_of(a, b):
    """The difference of the efficiencies of the records' version, where they are resolved."""
    resolved = [[one for one in side if one.tuples] for side in (a, b)]
    if not all(resolved):
        return None
    resampled = EFFICIENCIES[a[0].record.version].resampled
    random = bootstrap.new_random()
    medians = [statistics.median(one.efficiency for one in side) for side in resolved]
    drawn = []
    for side in resolved:
        by_tuples = {id(one.tuples): one.efficiency for one in side}
        drawn.append(bootstrap.over_records(
            random, [one.tuples for one in side], resampled,
            lambda tuples, known=by_tuples: known[id(tuples)]))
    return Difference(*medians, medians[1] - medians[0],
                      bootstrap.interval(drawn[1] - drawn[0]) or (-float("inf"), float("inf")), 0.0)


def exact_of(a, b, key):
    largest = []
    for side in (a, b):
        found = [value_at(one.record.data, key) for one in side]
        largest.append(max((value for value in found if value is not None), default=None))
    return ratio(*largest)


def pair(label, a, b):
    step = step_of(a, b)
    return Pair(label, a, b, step, merit_of(a, b, step, "model_tflops_per_s"),
                merit_of(a, b, step, "tokens_per_s"),
                {key: exact_of(a, b, key) for key in EXACT}, efficiency_of(a, b))


def pairs(side_a, side_b):
    """The cases on both sides, in the order of A."""
    keys = [key for key in side_a.cases if key in side_b.cases]
    labels = labelled([side_a.cases[key][0].record for key in keys], hidden=("name",),
                      always=("overlap.mode",))
    return [pair(label, side_a.cases[key], side_b.cases[key])
            for key, (label, _) in zip(keys, labels)]


def only_versions_differ(a, b):
    """Whether the two sides have a case in records of different versions."""
    def settings_of(side, version):
        return {json.dumps(json.loads(key)[1:]) for key in side.cases
                if json.loads(key)[0] == version}
    return any(settings_of(a, one) & settings_of(b, other)
               for one, other in ((1, 2), (2, 1)))


def alone(side, other):
    """One record per case that the other side does not have."""
    return [found[0].record for group in (side.cases, side.invalid) for key, found in group.items()
            if key not in other.cases and key not in other.invalid
            and not (group is side.invalid and key in side.cases)]
