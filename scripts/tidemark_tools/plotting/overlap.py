# SPDX-License-Identifier: BSD-3-Clause
"""The timelines and efficiencies that the figures of overlap draw, from records and traces."""

import dataclasses

from tidemark_tools.plotting import trace
from tidemark_tools.plotting.names import named, title_of
from tidemark_tools.records.reader import InputError, say

BANDWIDTH = "emulated_link.bandwidth_gbytes_per_s"
WAITING = "comm: this rank waits"
MOST_TIMELINES = 6  # that fit on a page


@dataclasses.dataclass(frozen=True)
class Measure:
    """An efficiency that has an interval: E, or schedule efficiency, which was E in version 1. The
    two never share a figure."""

    figure: str  # the name of the file
    title: str
    prefix: str  # of its keys below `overlap`

    def of(self, overlap, key="efficiency"):
        return overlap[self.prefix + key]


E = Measure("efficiency", "overlap efficiency E", "")
SCHEDULE = Measure("schedule-efficiency", "schedule efficiency (E of record version 1)",
                   "schedule_")
MEASURES = {1: SCHEDULE, 2: E}  # by the version of the record


@dataclasses.dataclass
class Timeline:
    """What one rank did in one schedule. Times are in milliseconds, from 0 to `length`."""

    label: str
    rank: int
    part: str  # "layer 2 of 4", or "the step"
    length: float
    turn: float  # when the backward pass begins; None where the step does not say
    rows: dict  # name -> [(begin, duration, name)]

    @property
    def waiting(self):
        return sum(duration for _, duration, _ in self.rows["waiting"])


@dataclasses.dataclass
class Point:
    """An efficiency at one bandwidth. It is None where it is not resolved."""

    bandwidth: float
    efficiency: float
    interval: tuple
    most: float
    is_impossible: bool


@dataclasses.dataclass
class Curve:
    label: str
    points: list


def of_chosen_mode(records):
    """The records, with the mode that ran instead of `auto`."""
    def with_mode(data):
        mode = {**data["case"]["overlap"], "mode": data["overlap"]["mode"]}
        return {**data, "case": {**data["case"], "overlap": mode}}
    return [dataclasses.replace(one, data=with_mode(one.data)) for one in records]


def link_words(records):
    """The words over figures of links that do not exist."""
    links = {tuple(record.case["emulated_link"][key]
                   for key in ("latency_us", "bandwidth_gbytes_per_s")) for record in records}
    if links == {(0, 0)}:
        return ""
    if len(links) > 1:
        return "\nEMULATED links: a what-if, no figure of merit"
    (latency, bandwidth), = links
    rate = f"{bandwidth:g} GB/s" if bandwidth else "unlimited bandwidth"
    return f"\nEMULATED link of {latency:g} \u00b5s and {rate}: a what-if, no figure of merit"


def traced(paths, rank, records):
    """(case, record) of the cases in the traces, in order. Cases that are not valid are left
    out."""
    pairs = []
    for path in paths:
        cases = trace.read_cases(path, rank)
        found = [(case, trace.recorded(case, records)) for case in cases]
        if not any(record for _, record in found):
            raise InputError(f"{path}: not the trace of any of the records: no record has the "
                             "number of a case and a tide as long as its step")
        for case, record in found:
            if record is None:
                say(f"timeline: {case.place}: left out: no record of this run")
            elif record.data["valid"] is not False:
                pairs.append((case, record))
    return pairs


def rows_of(case, spans):
    """Rows from the top: compute, as many lanes of communication as it needs, waiting."""
    tracks = sorted({one.track for one in case.slices
                     if one.track.startswith("comm") and one.track != WAITING},
                    key=lambda track: (len(track), track))
    names = {"compute": "compute", **{track: track for track in tracks or ["comm"]},
             "waiting": WAITING}
    return {name: trace.clipped(case.of_track(track), spans) for name, track in names.items()}


def timeline_series(pairs, rank):
    """A timeline per schedule: of one layer where all traces show their layers, else of the
    step."""
    by_place = {record.place: case for case, record in pairs}
    found = named("timeline", of_chosen_mode([record for _, record in pairs]),
                  always=("overlap.mode",))
    for label, record in found[MOST_TIMELINES:]:
        say(f"timeline: {record.place}: left out: {label}: {MOST_TIMELINES} timelines fill a page")
    found = [(label, record, by_place[record.place]) for label, record in found[:MOST_TIMELINES]]
    counts = [record.case["model"]["num_layers"] for _, record, _ in found]
    layers = [trace.spans_of_layer(case, count // 2, count)
              for (_, _, case), count in zip(found, counts)]
    series = []
    for (label, _, case), count, spans in zip(found, counts, layers):
        part = f"layer {count // 2 + 1} of {count}"
        if None in layers:
            part, spans = "the step", [(case.begin, case.end)]
            turn = next((one.begin - case.begin for one in case.of_track("step")
                         if one.name == "backward"), None)
        else:
            turn = spans[0][1] - spans[0][0]
        length = sum(end - begin for begin, end in spans)
        series.append(Timeline(label, rank, part, length / 1000,
                               None if turn is None else turn / 1000, rows_of(case, spans)))
    return series


def timeline_title(pairs):
    records = [record for _, record in pairs]
    return title_of(records) + link_words(records)


def missing_efficiency(measure, overlap, bandwidth):
    """Why a record of a case that overlaps is not in the figure; None where it is."""
    if not bandwidth > 0:
        return "no emulated bandwidth"
    if overlap["void_because"]:
        return f"E is void: {overlap['void_because']}"
    if overlap["meaningful"] is False:
        return "E is not meaningful: communication is under 1 % of the step"
    if measure.of(overlap, "efficiency_ci") is None:
        return "E is unknown: the collectives cost nothing"
    return None


def with_efficiency(records):
    """The records of cases that overlap and have an interval. The others are named on stderr."""
    kept = []
    for record in records:
        if record.data["overlap"]["mode"] == "none" or record.t == 1:
            continue
        missing = missing_efficiency(MEASURES[record.version], record.data["overlap"],
                                     record.case["emulated_link"]["bandwidth_gbytes_per_s"])
        if missing:
            say(f"efficiency: {record.place}: left out: {missing}")
        else:
            kept.append(record)
    return kept


def by_measure(records):
    """[(measure, records)]. Records of different versions never share a figure."""
    return [(measure, [record for record in records if record.version == version])
            for version, measure in sorted(MEASURES.items(), reverse=True)
            if any(record.version == version for record in records)]


def efficiency_series(records):
    """A curve over rising bandwidth per mode, per TP or TP+SP, and per other difference. All
    records are of one version."""
    measure, = {MEASURES[record.version] for record in records} or {E}
    curves = {}
    for label, record in named("efficiency", of_chosen_mode(records), BANDWIDTH,
                               always=("overlap.mode",)):
        overlap = record.data["overlap"]
        curves.setdefault(label, []).append(Point(
            record.case["emulated_link"]["bandwidth_gbytes_per_s"],
            measure.of(overlap) if measure.of(overlap, "resolved") else None,
            tuple(measure.of(overlap, "efficiency_ci")), measure.of(overlap, "efficiency_max"),
            bool(measure.of(overlap, "exceeds_max"))))
    return [Curve(label, sorted(points, key=lambda point: point.bandwidth))
            for label, points in curves.items()]


def efficiency_title(records):
    return title_of(records) + "\nEMULATED links: a what-if, no figure of merit"
