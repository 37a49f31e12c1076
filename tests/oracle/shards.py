# SPDX-License-Identifier: BSD-3-Clause
"""Which part of an unsharded tensor each rank holds.

Along one axis, a rank holds some indices, in an order of its own. For most tensors this is an equal
part without gaps, for others the whole. In family llama, a rank's part of fc1.weight has rows of
both halves. If there are more ranks than groups of queries, several ranks hold the rows of the same
key and value.
"""

from dataclasses import dataclass

import numpy as np

# The axis along which tensor parallelism shards a parameter. The other parameters are whole on each
# rank.
PARAMETER_AXES = {
    "embedding.weight": 0,
    "output_projection.weight": 0,
    "qkv.weight": 0,
    "qkv.bias": 0,
    "proj.weight": 1,
    "fc1.weight": 0,
    "fc1.bias": 0,
    "fc2.weight": 1,
}


@dataclass(frozen=True)
class Sharding:
    """How a tensor is divided along `axis`. Rank r holds `parts[r]` of it."""

    axis: int
    parts: tuple

    def shard(self, whole, rank):
        """One rank's part of the whole tensor."""
        return np.take(whole, self.parts[rank], axis=self.axis)

    def shard_shape(self, shape, rank):
        held = len(self.parts[rank])
        return tuple(held if i == self.axis else n for i, n in enumerate(shape))

    def assemble(self, shape, shards):
        """The whole tensor from the ranks' parts. Also (rank, other) of ranks whose parts
        contradict each other, if there are any."""
        whole = np.zeros(shape, shards[0].dtype)
        holders = np.full(shape[self.axis], -1)
        at = (slice(None),) * self.axis
        contradictions = []
        for rank, shard in enumerate(shards):
            part = self.parts[rank]
            seen = holders[part] >= 0
            again = np.compress(seen, shard, axis=self.axis)
            if not np.array_equal(again, whole[(*at, part[seen])]):
                contradictions.append((rank, int(holders[part[seen]][0])))
            whole[(*at, part[~seen])] = np.compress(~seen, shard, axis=self.axis)
            holders[part[~seen]] = rank
        return whole, contradictions


def whole_on_each(shape, ranks):
    return Sharding(0, (np.arange(shape[0]),) * ranks)


def divided(shape, axis, ranks):
    return Sharding(axis, tuple(np.split(np.arange(shape[axis]), ranks)))


def gate_and_up(shape, ranks):
    """The same equal part of the gate's rows, which come first, and of up's rows."""
    halves = np.arange(shape[0]).reshape(2, ranks, -1)
    return Sharding(0, tuple(halves[:, rank].reshape(-1) for rank in range(ranks)))


def heads_and_their_group(model, ranks):
    """Rank r's heads of queries, and the key and value of their group."""
    d, heads = model.head_size, model.num_attention_heads // ranks
    in_group = model.num_attention_heads // model.groups
    parts = []
    for rank in range(ranks):
        group, first = divmod(rank * heads, in_group)
        blocks = [*range(first, first + heads), in_group, in_group + 1]
        rows = [(group * (in_group + 2) + block) * d + np.arange(d) for block in blocks]
        parts.append(np.concatenate(rows))
    return Sharding(0, tuple(parts))


def sharding_of_parameter(model, name, shape, ranks):
    """The sharding of a parameter, by its full name or its name within a layer."""
    within = name.split(".", 2)[2] if name.startswith("layers.") else name
    if within not in PARAMETER_AXES:
        return whole_on_each(shape, ranks)
    if model.is_llama and within == "fc1.weight":
        return gate_and_up(shape, ranks)
    if model.is_llama and within == "qkv.weight" and ranks > model.groups:
        return heads_and_their_group(model, ranks)
    return divided(shape, PARAMETER_AXES[within], ranks)
