"""Dumps written by the oracle itself, so that its comparison can be tested without the program."""

import dataclasses
import json

import numpy as np

import stack
from dump import layout


def write_dump(folder, case):
    """A dump of `case` as the program should write it, from the oracle's own tensors."""
    tensors = {
        name: tensor.astype(case.dtype).astype(np.float64)
        for name, tensor in stack.initial_tensors(case.model, case.seed).items()
    }
    tensors.update(stack.step(case.model, case.seed, tensors))
    for rank in range(case.tensor):
        rank_folder = folder / f"rank{rank}"
        rank_folder.mkdir(parents=True)
        for name, (_, axis) in layout(case).items():
            parts = [tensors[name]] if axis is None else np.split(tensors[name], case.tensor, axis)
            np.save(rank_folder / f"{name}.npy", parts[rank % len(parts)].astype(case.dtype))
    settings = {
        "name": "planted",
        "model": dataclasses.asdict(case.model),
        "precision": case.precision,
        "parallel": {
            "tensor": case.tensor,
            "sequence": case.sequence,
            "keep_gathered": case.keep_gathered,
        },
        "bench": {"seed": case.seed},
    }
    (folder / "case.json").write_text(json.dumps(settings), encoding="utf-8")
