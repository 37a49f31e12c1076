# SPDX-License-Identifier: BSD-3-Clause
"""What a study runs: which t on how many nodes, and with which settings."""

import dataclasses
import math

from tidemark_tools.records.reader import InputError

KINDS = ("strong", "weak")


@dataclasses.dataclass(frozen=True, order=True)
class Placement:
    """So many ranks on so many nodes, the same number on each. Placements within a node come
    first."""

    nodes: int
    ranks: int

    @property
    def per_node(self):
        return self.ranks // self.nodes

    @property
    def label(self):
        return f"t{self.ranks}-n{self.nodes}"


@dataclasses.dataclass(frozen=True)
class Point:
    """One run: a placement, and settings that override the input."""

    kind: str
    placement: Placement
    settings: dict

    @property
    def label(self):
        return f"{self.kind}-{self.placement.label}"


def placements(sizes, nodes, per_node):
    """All pairs that fit. A size that fits nowhere is refused."""
    found = sorted({Placement(n, t) for t in sizes for n in nodes
                    if t % n == 0 and t // n <= per_node})
    lost = sorted(set(sizes) - {placement.ranks for placement in found})
    if lost:
        words = " or ".join(map(str, nodes))
        raise InputError(f"--sizes: {lost[0]} ranks do not fit on {words} nodes, equally many on "
                         f"each, of {per_node} ranks at most")
    return found


def nearest_multiple(value, divisor):
    return max(divisor, divisor * math.floor(value / divisor + 0.5))


def weak_settings(model, t, first, by):
    """The settings by which the work of a step grows as t does, from `first` on.

    batch: the sequences grow, exactly. width: the heads, and with them h and ffn, grow by the
    square root, because a product has h twice. They are rounded to what t divides, and the summary
    says how much work that is.
    """
    if by == "batch":
        batch = model["micro_batch_size"] * t
        if batch % first:
            raise InputError(f"--weak-by batch: {model['micro_batch_size']} sequences on {first} "
                             f"ranks are no whole number on {t}")
        return {"model.micro_batch_size": batch // first}
    if model["num_query_groups"] != model["num_attention_heads"]:
        raise InputError("--weak-by width: wants as many query groups as heads; "
                         "take --weak-by batch")
    growth = math.sqrt(t / first)
    heads = nearest_multiple(model["num_attention_heads"] * growth, t)
    ratio = heads / model["num_attention_heads"]
    head_size = model["hidden_size"] // model["num_attention_heads"]
    return {"model.num_attention_heads": heads, "model.hidden_size": heads * head_size,
            "model.ffn_hidden_size": nearest_multiple(model["ffn_hidden_size"] * ratio, t)}


def points(kinds, places, model, sequence, overlap, by):
    """The runs of a study in their order. On one rank there is nothing to shard and nothing to
    hide, so one case on one rank is the base of all."""
    first = min(place.ranks for place in places)
    found = []
    for place in places:
        alone = place.ranks == 1
        swept = {"sweep.parallel.sequence": ["false"] if alone else sequence,
                 "sweep.overlap.mode": ["none"] if alone else overlap}
        for kind in kinds:
            grown = weak_settings(model, place.ranks, first, by) if kind == "weak" else {}
            found.append(Point(kind, place, {
                "name": kind, "parallel.tensor": place.ranks, **grown,
                **{key: f"[{', '.join(words)}]" for key, words in swept.items()}}))
    return found
