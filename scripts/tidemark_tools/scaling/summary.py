# SPDX-License-Identifier: BSD-3-Clause
"""The figures of a study, by the formulas of docs/definitions/scaling.md."""

import dataclasses
import statistics
from typing import Optional

from tidemark_tools.records.reader import InputError

NOTICEABLE = 1.05  # a step over the boundary that takes so many times as long


@dataclasses.dataclass
class Row:
    """One case of a study. A figure is None where it is not known or the case is not valid."""

    kind: str
    sequence: bool
    overlap: str
    t: int
    nodes: int
    valid: Optional[bool]
    emulated: bool
    version: int  # of the record
    step_ms: Optional[float] = None
    quartiles_ms: Optional[list] = None
    model_tflops_per_s: Optional[float] = None  # of version 1: None
    tokens_per_s: Optional[float] = None
    work_per_rank: Optional[float] = None  # operations of the model; relate() makes the base row 1
    speedup: Optional[float] = None
    efficiency: Optional[float] = None
    blocked_share: Optional[float] = None
    busbw_gbytes_per_s: Optional[float] = None
    overlap_efficiency: Optional[float] = None  # of version 1: None
    schedule_efficiency: Optional[float] = None
    split_cost_ms: Optional[float] = None
    peak_bytes: Optional[int] = None
    saved_bytes: Optional[int] = None

    @property
    def series(self):
        return self.kind, self.sequence, self.overlap, self.version

    @property
    def mode(self):
        if self.t == 1:
            return "one rank"
        return f"{'TP+SP' if self.sequence else 'TP'} {self.overlap}"


def busbw(record):
    """Bytes on the wire by the activation traffic of the step, over the seconds of its calls, in
    GB/s. It is known only where each call is waited for: calls concurrent with products take
    longer."""
    if record["overlap"]["mode"] != "none":
        return None
    seconds = sum(call["seconds"] or 0.0 for call in record["comm"]["calls"]
                  if call["purpose"] == "activation")
    return record["comm"]["wire_bytes_per_step"] / seconds * 1e-9 if seconds > 0 else None


def blocked_share(record):
    """The part of the mean step in which a rank waited for communication, as the mean over
    ranks."""
    blocked = [rank["blocked_ms"] for rank in record["ranks_detail"]]
    if None in blocked:
        return None
    return statistics.fmean(blocked) / statistics.fmean(record["time"]["step_ms"]["samples"])


def quartiles(samples):
    """The first and the third quartile."""
    if len(samples) == 1:
        return samples * 2
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return [first, third]


def row_of(record):
    """The row of a record, without the figures that relate it to others."""
    case = record["case"]
    row = Row(kind=case["name"], sequence=case["parallel"]["sequence"],
              overlap=case["overlap"]["mode"], t=record["ranks"],
              nodes=len({rank["host"] for rank in record["ranks_detail"]}), valid=record["valid"],
              emulated=record["comm"]["emulated"], version=record["schema_version"])
    if record["valid"]:
        row.step_ms = record["time"]["step_ms"]["median"]
        row.quartiles_ms = quartiles(record["time"]["step_ms"]["samples"])
        tokens = case["model"]["seq_length"] * case["model"]["micro_batch_size"]
        row.tokens_per_s = tokens / row.step_ms * 1e3
        row.model_tflops_per_s = record["fom"]["model_tflops_per_s"]
        row.work_per_rank = record["flops"]["model_per_step"] / row.t
        row.blocked_share = blocked_share(record)
        row.busbw_gbytes_per_s = busbw(record)
        row.overlap_efficiency = record["overlap"]["efficiency"]
        row.schedule_efficiency = record["overlap"]["schedule_efficiency"]
        row.split_cost_ms = record["overlap"]["split_cost_ms"]
        row.peak_bytes = record["memory"]["peak_bytes"]
        row.saved_bytes = record["memory"]["saved_bytes"]
    return row


def rows_of(records):
    """One row per case, placement and version: its last valid record, or its last record if none is
    valid. Plans have no row."""
    rows = {}
    for record in records:
        if record["kind"] != "run":
            continue
        row = row_of(record)
        key = (*row.series, row.t, row.nodes)
        if row.valid or key not in rows or not rows[key].valid:
            rows[key] = row
    return sorted(rows.values(), key=lambda row: (row.kind, -row.version, row.sequence, row.overlap,
                                                  row.nodes, row.t))


def is_related(other, row):
    """Whether a row is of the same series, or is the one rank of the same kind and version."""
    return other.series == row.series or (
        other.t == 1 and other.kind == row.kind and other.version == row.version)


def base_of(row, rows):
    """The row that a row is compared with: the valid row of its series with the fewest ranks, on
    the fewest nodes. One rank shards and hides nothing, so it serves all series of its kind.
    Records of different versions are never compared."""
    candidates = [other for other in rows if other.valid and is_related(other, row)]
    return min(candidates, key=lambda other: (other.t, other.nodes), default=None)


def relate(rows):
    """Fills in speed-up, efficiency and relative work. Raises InputError where strong scaling did
    not do the same work everywhere."""
    work = {id(row): row.work_per_rank for row in rows}
    for row in rows:
        base = base_of(row, rows)
        if not row.valid or base is None:
            continue
        growth = work[id(row)] * row.t / (work[id(base)] * base.t)
        if row.kind == "strong":
            if abs(growth - 1) > 1e-9:
                raise InputError(f"strong scaling: t {row.t} does {growth:.3f} of the work of "
                                 f"t {base.t}")
            row.speedup = base.step_ms / row.step_ms
        row.work_per_rank = work[id(row)] / work[id(base)]
        # Operations per second and rank against those of the base. Strong scaling has
        # t0 T0 / (t T), and weak scaling with equal work per rank has T0 / T.
        row.efficiency = row.work_per_rank * base.step_ms / row.step_ms
    return rows


@dataclasses.dataclass
class Crossing:
    """The same case with all its ranks on one node, and distributed over several."""

    within: Row
    across: Row

    @property
    def ratio(self):
        return self.across.step_ms / self.within.step_ms

    @property
    def bites(self):
        """Whether the step is noticeably longer across, by more than the noise of either run."""
        return self.across.quartiles_ms[0] > NOTICEABLE * self.within.quartiles_ms[1]

    @property
    def busbw_ratio(self):
        if not self.within.busbw_gbytes_per_s or not self.across.busbw_gbytes_per_s:
            return None
        return self.across.busbw_gbytes_per_s / self.within.busbw_gbytes_per_s


def crossings(rows):
    """All valid cases that were measured both ways."""
    valid = [row for row in rows if row.valid]
    within = {(*row.series, row.t): row for row in valid if row.nodes == 1}
    return [Crossing(within[(*row.series, row.t)], row) for row in valid
            if row.nodes > 1 and (*row.series, row.t) in within]


@dataclasses.dataclass
class Widening:
    """The most ranks of one node, and more ranks on several nodes: what the wider run gains."""

    within: Row
    across: Row

    @property
    def gain(self):
        """Tokens per second over those of one node."""
        return self.across.tokens_per_s / self.within.tokens_per_s


def widenings(rows):
    found = []
    valid = [row for row in rows if row.valid]
    for row in valid:
        inside = [other for other in valid if other.nodes == 1 and is_related(other, row)]
        widest = max(inside, key=lambda other: other.t, default=None)
        if row.nodes > 1 and widest is not None and row.t > widest.t:
            found.append(Widening(widest, row))
    return found


def bites(rows):
    """{series: the t whose step takes noticeably longer over the boundary}."""
    found = {}
    for crossing in crossings(rows):
        row = crossing.across
        times = found.setdefault(row.series, [])
        if crossing.bites and row.t not in times:
            times.append(row.t)
    return found
