# SPDX-License-Identifier: BSD-3-Clause
"""Reads the trace files of `tidemark run --trace`: the slices of each case and rank."""

import dataclasses
import re

from tidemark_tools.records.reader import InputError, lines_of, parse
from tidemark_tools.records.schema import ANY, SIZE, TEXT, WHOLE
from tidemark_tools.records.shapes import Fault, Object

TOLERANCE_US = 1.0  # more than a record rounds away of the end of its tide
SLICE = Object({"pid": WHOLE, "tid": TEXT, "name": TEXT, "ts": ANY, "dur": SIZE})


@dataclasses.dataclass
class Slice:
    """Something that a rank did. Begin and end are in microseconds."""

    track: str
    name: str
    begin: float
    end: float


@dataclasses.dataclass
class Case:
    """A traced step of one rank, with its slices in order of time. Numbers begin at 1."""

    place: str
    number: int
    begin: float
    end: float
    first_rank_us: float
    slices: list

    def of_track(self, track):
        return [one for one in self.slices if one.track == track]


def slices_by_rank(path):
    try:
        events = parse(b"".join(lines_of(path)))
    except ValueError as error:
        raise InputError(f"{path}: not a trace in JSON: {error}") from error
    if not isinstance(events, list):
        raise InputError(f"{path}: not a trace: no array of events")
    ranks = {}
    for i, event in enumerate(events):
        if not isinstance(event, dict):
            raise InputError(f"{path}: event {i}: not an object")
        if event.get("ph") != "X":
            continue
        try:
            SLICE.check(event)
        except Fault as fault:
            raise InputError(f"{path}: event {i}: {fault}") from fault
        ranks.setdefault(event["pid"], []).append(
            Slice(event["tid"], event["name"], event["ts"], event["ts"] + event["dur"]))
    for slices in ranks.values():
        slices.sort(key=lambda one: one.begin)  # equals keep the order of the file
    return ranks


def number_of(one):
    """The number of the case that a slice means, or None."""
    found = re.match(r"case (\d+):", one.name) if one.track == "step" else None
    return int(found[1]) if found else None


def read_cases(path, rank):
    """The cases of a trace file, as the rank saw them."""
    ranks = slices_by_rank(path)
    if rank not in ranks:
        known = ", ".join(str(one) for one in sorted(ranks)) or "none"
        raise InputError(f"{path}: no slices of rank {rank}; ranks: {known}")
    lengths = {number_of(one): one.end - one.begin for one in ranks.get(0, ())}
    cases = []
    for one in ranks[rank]:
        number = number_of(one)
        if number is not None:
            if number not in lengths:
                raise InputError(f"{path}: case {number}: no slice of rank 0")
            cases.append(Case(f"{path}: case {number}", number, one.begin, one.end,
                              lengths[number], []))
        elif not cases:
            raise InputError(f"{path}: {one.name}: begins before any case")
        else:
            cases[-1].slices.append(one)
    if not cases:
        raise InputError(f"{path}: no case of rank {rank}")
    return cases


def recorded(case, records):
    """The record of the run of the case, or None. It has the number of the case and a tide that
    takes as long. If there are several, it is the last."""
    for record in reversed(records):
        tide = record.memory["tide"]
        if (record.data["case_index"] + 1 == case.number and tide
                and abs(tide["microseconds"][-1] - case.first_rank_us) <= TOLERANCE_US):
            return record
    return None


def spans_of_layer(case, layer, num_layers):
    """(begin, end) of the forward and of the backward pass of a layer, from 0. Kernels do not name
    their layer. But norms begin each half of a layer, and their backward passes end it. None if the
    step has neither two norms per layer nor one more for the end."""
    forward, backward = (next((one for one in case.of_track("step") if one.name == name), None)
                         for name in ("forward", "backward"))
    compute = case.of_track("compute")
    if forward is None or backward is None:
        return None
    starts = [one.begin for one in compute
              if "norm_forward" in one.name and forward.begin <= one.begin < forward.end]
    ends = []  # of each group of norm kernels of the backward pass
    for before, one in zip([None, *compute], compute):
        if "norm_backward" in one.name and one.begin >= backward.begin:
            if before is not None and "norm_backward" in before.name:
                ends[-1] = one.end
            else:
                ends.append(one.end)
    final = len(starts) - 2 * num_layers
    if final not in (0, 1) or len(ends) != len(starts):
        return None
    starts.append(forward.end)
    last = final + 2 * (num_layers - 1 - layer) + 1
    begin = backward.begin if last == 1 else ends[last - 2]
    return [(starts[2 * layer], starts[2 * layer + 2]), (begin, ends[last])]


def clipped(slices, spans):
    """(begin, duration, name) of the parts of slices in the spans, in milliseconds. The spans
    follow each other without a gap, from 0."""
    parts, shift = [], 0.0
    for begin, end in spans:
        for one in slices:
            start, stop = max(one.begin, begin), min(one.end, end)
            if start < stop:
                parts.append(((start - begin + shift) / 1000, (stop - start) / 1000, one.name))
        shift += end - begin
    return parts
