# SPDX-License-Identifier: BSD-3-Clause
"""Dumps written by the oracle itself, so that its comparison can be tested without the program."""

import dataclasses
import json

import numpy as np

import stack
from dump import layout


def write_dump(folder, case):
    """A dump of `case` as the program should write it, from the oracle's own tensors."""
    entries = layout(case)
    tensors = {
        name: entries[name].format.rounded(tensor)
        for name, tensor in stack.initial_tensors(case.model, case.seed, case.tensor).items()
    }
    tensors.update(stack.step(case.model, case.seed, tensors))
    for rank in range(case.tensor):
        rank_folder = folder / f"rank{rank}"
        rank_folder.mkdir(parents=True)
        for name, entry in entries.items():
            whole = entry.format.rounded(tensors[name]).astype(entry.format.dtype)
            np.save(rank_folder / f"{name}.npy", entry.sharding.shard(whole, rank))
    settings = {
        "name": "planted",
        "model": {**dataclasses.asdict(case.model), "attention": case.attention},
        "precision": case.precision,
        "recompute": case.recompute,
        "parallel": {
            "tensor": case.tensor,
            "sequence": case.sequence,
            "keep_gathered": case.keep_gathered,
        },
        "bench": {"seed": case.seed},
    }
    (folder / "case.json").write_text(json.dumps(settings), encoding="utf-8")
