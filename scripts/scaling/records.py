"""Reads the records of a study, as all scripts read records, and checks that they hold what the summary needs."""

import sys

from plotting import records
from plotting.records import InputError

__all__ = ["InputError", "check", "read", "say"]

NUMBER_OR_NULL = (int, float, type(None))
NEEDED = {
    "case.name": (str,), "case.parallel.sequence": (bool,), "case.overlap.mode": (str,),
    "case.model.seq_length": (int,), "case.model.micro_batch_size": (int,), "ranks": (int,),
    "valid": (bool, type(None)), "ranks_detail": (list,), "time.step_ms.median": NUMBER_OR_NULL,
    "time.step_ms.samples": (list,), "flops.model_per_step": NUMBER_OR_NULL, "comm.emulated": (bool,),
    "overlap.mode": (str,), "overlap.efficiency": NUMBER_OR_NULL, "overlap.schedule_efficiency": NUMBER_OR_NULL,
    "overlap.split_cost_ms": NUMBER_OR_NULL, "fom.model_tflops_per_s": NUMBER_OR_NULL,
    "memory.peak_bytes": NUMBER_OR_NULL, "memory.saved_bytes": NUMBER_OR_NULL,
}


def say(text):
    print(f"[scaling-study] {text}", file=sys.stderr)


def check(data):
    """Raises InputError unless a record of a run has all that the summary needs."""
    if data["kind"] == "run":
        records.require(data, NEEDED)


def read(path):
    """The records of a file, in the words of version 2. A last line that is cut off is left out, and named;
    others are an error."""
    return [record.data for record in records.read_each(path, check, say)]
