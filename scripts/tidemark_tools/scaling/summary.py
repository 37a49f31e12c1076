"""What the records of a study say: the formulas of docs/definitions/scaling.md."""

import dataclasses
import statistics
from typing import Optional

from tidemark_tools.records.reader import InputError

NOTICEABLE = 1.05  # a step that takes so many times as long over the boundary


@dataclasses.dataclass
class Row:
    """One case of a study. Figures are None where they are not known, and of a case that is not valid."""

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
    work_per_rank: Optional[float] = None  # operations of the model; of the base row after `relate`: 1
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
    """Bytes that the step's activation traffic puts on the wire, over the seconds of its calls, GB/s. Only
    where each call is waited for: beside products they take longer than they would."""
    if record["overlap"]["mode"] != "none":
        return None
    seconds = sum(call["seconds"] or 0.0 for call in record["comm"]["calls"] if call["purpose"] == "activation")
    return record["comm"]["wire_bytes_per_step"] / seconds * 1e-9 if seconds > 0 else None


def blocked_share(record):
    """Of the mean step, the part in which a rank waited for communication, mean over the ranks."""
    blocked = [rank["blocked_ms"] for rank in record["ranks_detail"]]
    if None in blocked:
        return None
    return statistics.fmean(blocked) / statistics.fmean(record["time"]["step_ms"]["samples"])


def quartiles(samples):
    """First and third."""
    if len(samples) == 1:
        return samples * 2
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return [first, third]


def row_of(record):
    """The row of a record, without what relates it to others."""
    case = record["case"]
    row = Row(kind=case["name"], sequence=case["parallel"]["sequence"], overlap=case["overlap"]["mode"],
              t=record["ranks"], nodes=len({rank["host"] for rank in record["ranks_detail"]}),
              valid=record["valid"], emulated=record["comm"]["emulated"], version=record["schema_version"])
    if record["valid"]:
        row.step_ms = record["time"]["step_ms"]["median"]
        row.quartiles_ms = quartiles(record["time"]["step_ms"]["samples"])
        row.tokens_per_s = case["model"]["seq_length"] * case["model"]["micro_batch_size"] / row.step_ms * 1e3
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
    """One row a case, placement and version: the last valid record of it, or the last one if none is. Plans
    have none."""
    rows = {}
    for record in records:
        if record["kind"] != "run":
            continue
        row = row_of(record)
        key = (*row.series, row.t, row.nodes)
        if row.valid or key not in rows or not rows[key].valid:
            rows[key] = row
    return sorted(rows.values(), key=lambda row: (row.kind, -row.version, row.sequence, row.overlap, row.nodes, row.t))


def base_of(row, rows):
    """What a row is held against: the valid row of its series with the fewest ranks, on the fewest nodes;
    one rank, which shards and hides nothing, serves every series of its kind. Records of different versions are
    never held against each other."""
    candidates = [other for other in rows if other.valid and other.kind == row.kind and other.version == row.version
                  and (other.t == 1 or other.series == row.series)]
    return min(candidates, key=lambda other: (other.t, other.nodes), default=None)


def relate(rows):
    """Fills in speed-up, efficiency and relative work. Raises InputError where strong scaling did not do the
    same work everywhere."""
    work = {id(row): row.work_per_rank for row in rows}
    for row in rows:
        base = base_of(row, rows)
        if not row.valid or base is None:
            continue
        growth = work[id(row)] * row.t / (work[id(base)] * base.t)
        if row.kind == "strong":
            if abs(growth - 1) > 1e-9:
                raise InputError(f"strong scaling: t {row.t} does {growth:.3f} of the work of t {base.t}")
            row.speedup = base.step_ms / row.step_ms
        row.work_per_rank = work[id(row)] / work[id(base)]
        # Operations a second and rank against those of the base: of strong scaling t0 T0 / (t T), of
        # weak scaling with equal work a rank T0 / T.
        row.efficiency = row.work_per_rank * base.step_ms / row.step_ms
    return rows


@dataclasses.dataclass
class Crossing:
    """The same case with all its ranks on one node, and spread over several."""

    within: Row
    across: Row

    @property
    def ratio(self):
        return self.across.step_ms / self.within.step_ms

    @property
    def bites(self):
        """The step is noticeably longer across, and not by the noise of either run."""
        return self.across.quartiles_ms[0] > NOTICEABLE * self.within.quartiles_ms[1]

    @property
    def busbw_ratio(self):
        if not self.within.busbw_gbytes_per_s or not self.across.busbw_gbytes_per_s:
            return None
        return self.across.busbw_gbytes_per_s / self.within.busbw_gbytes_per_s


def crossings(rows):
    """Every valid case that was measured both ways."""
    valid = [row for row in rows if row.valid]
    within = {(*row.series, row.t): row for row in valid if row.nodes == 1}
    return [Crossing(within[(*row.series, row.t)], row) for row in valid
            if row.nodes > 1 and (*row.series, row.t) in within]


@dataclasses.dataclass
class Widening:
    """The most ranks of one node, and more of them on several: what widening over the boundary gains."""

    within: Row
    across: Row

    @property
    def gain(self):
        """Tokens a second over those of one node."""
        return self.across.tokens_per_s / self.within.tokens_per_s


def widenings(rows):
    found = []
    valid = [row for row in rows if row.valid]
    for row in valid:
        inside = [other for other in valid if other.nodes == 1
                  and (other.series == row.series or (other.t == 1 and other.kind == row.kind and other.version == row.version))]
        widest = max(inside, key=lambda other: other.t, default=None)
        if row.nodes > 1 and widest is not None and row.t > widest.t:
            found.append(Widening(widest, row))
    return found


def bites(rows):
    """{series: those t whose step takes noticeably longer over the boundary}."""
    found = {}
    for crossing in crossings(rows):
        row = crossing.across
        times = found.setdefault(row.series, [])
        if crossing.bites and row.t not in times:
            times.append(row.t)
    return found
