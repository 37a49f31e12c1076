# SPDX-License-Identifier: BSD-3-Clause
"""Records and traces that are made up, for the tests of what figures show of them."""
import contextlib
import copy
import io

from samples import stored
import tools  # noqa: F401  the next lines need it
from tidemark_tools.records import reader

MIB = 2**20

# The sum is highest at sample 3: 10 + 4 + 2 + 1 MiB.
TIDE = {"rank": 0, "turn": 2, "microseconds": [0.0, 1000.0, 2500.0, 4000.0, 6000.0],
        "saved": [4 * MIB, 8 * MIB, 12 * MIB, 10 * MIB, 0],
        "recomputed": [0, 0, 0, 4 * MIB, 0],
        "transient": [1 * MIB, 0, 3 * MIB, 2 * MIB, 0],
        "workspace": [0, 2 * MIB, 0, 1 * MIB, 0]}
TENSORS = (("norm1 input", 2 * MIB, True), ("norm1 statistics", 1024, False),
           ("qkv", 6 * MIB, True), ("proj input", 2 * MIB, True), ("softmax output", 8 * MIB, True))


def record(kind="run", valid=True, tide=None, **settings):
    """A record with what the figures need. `settings` have the last part of their keys."""
    case = {"name": "small", "precision": "fp32", "recompute": "none",
            "model": {"num_layers": 3, "hidden_size": 64, "ffn_hidden_size": 256,
                      "num_attention_heads": 8, "num_query_groups": 8, "seq_length": 32,
                      "micro_batch_size": 2, "vocab_size": 0, "attention": "materialized"},
            "parallel": {"tensor": 2, "sequence": False, "keep_gathered": False},
            "overlap": {"mode": "none"}, "bench": {"warmup": 1}}
    for key, value in settings.items():
        section = next(part for part in (case, *case.values())
                       if isinstance(part, dict) and key in part)
        section[key] = value
    by_tensor = [{"name": name, "bytes_per_layer": size, "formula_bytes_per_layer": size,
                  "in_formula": counts} for name, size, counts in TENSORS]
    data, t = stored(2, f"{kind}.jsonl"), case["parallel"]["tensor"]
    data.update(case=case, ranks=t, valid=None if kind == "plan" else valid)
    data["memory"].update(saved_bytes=54 * MIB, saved_bytes_per_layer=18 * MIB,
                          formula_bytes_per_layer=18 * MIB, peak_bytes=60 * MIB,
                          by_tensor=by_tensor, tide=copy.deepcopy(tide))
    if kind == "run":
        data["ranks_detail"] = data["ranks_detail"][:1] * t
    return data


def placed(*data):
    """Records as read from the lines of one file."""
    return [reader.Record(f"r.jsonl:{line}", one) for line, one in enumerate(data, 1)]


def quietly(function, *arguments):
    """The function's result, and the lines that it wrote on stderr."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        result = function(*arguments)
    return result, said.getvalue().splitlines()


def overlap_record(index=0, mode="ring", e=0.6, ci=(0.55, 0.65), bandwidth=1.0, **settings):
    """A record of a traced case. `e` is None if it is not resolved."""
    data = record(tide={**TIDE, "microseconds": [0.0, 10.0, 20.0, 30.0, 100.0 + index]},
                  **settings)
    data["case"].update(overlap={"mode": mode, "progress": "poll"},
                        emulated_link={"latency_us": 0.0, "bandwidth_gbytes_per_s": bandwidth})
    off = mode == "none"
    data["case_index"] = index
    data["overlap"] = {**data["overlap"], "mode": mode, "efficiency": None if off else e,
                       "efficiency_ci": None if off else list(ci),
                       "efficiency_max": None if off else 0.9,
                       "meaningful": None if off else True,
                       "resolved": None if off else e is not None,
                       "exceeds_max": None if off else False, "void_because": None,
                       "schedule_efficiency": None if off or e is None else e + 0.1,
                       "split_cost_ms": None if off else 1.0}
    return data


def slices(start, rank, *lines):
    return [{"ph": "X", "pid": rank, "tid": tid, "name": name, "ts": start + begin,
             "dur": end - begin} for tid, name, begin, end in lines]


def trace(*starts, ranks=(0, 1)):
    """Steps of 100 us, 101 us, ..., each of two layers. Each half of a layer has a product between
    norms."""
    events = [{"ph": "M", "pid": 0, "name": "process_name", "args": {"name": "rank 0"}}]
    for number, start in enumerate(starts, 1):
        for rank in ranks:
            forward, backward = "tidemark::norm_forward", "tidemark::norm_backward"
            lines = [("step", f"case {number}: TP", 0, 99 + number), ("step", "forward", 0, 40),
                     ("step", "backward", 50, 99 + number),
                     ("comm", "all_gather", 21, 25), ("comm 2", "send_recv", 24, 27),
                     ("comm", "reduce_scatter", 38, 55),
                     ("comm: this rank waits", "all_gather", 22, 24 + rank)]
            for begin in (0, 10, 20, 30):
                lines += [("compute", forward, begin, begin + 1),
                          ("compute", "product", begin + 3, begin + 9)]
            for begin in (50, 60, 70, 80):
                lines += [("compute", "product", begin + 1, begin + 6),
                          ("compute", f"{backward}_input", begin + 6, begin + 7),
                          ("compute", f"{backward}_parameters", begin + 7, begin + 9)]
            events += slices(start, rank, *lines)
    return events
