# SPDX-License-Identifier: BSD-3-Clause
"""Numbers of the random streams, by tensor; docs/definitions/random-numbers.md has the table."""

INPUT = 0
OUTPUT_GRAD = 1
TOKENS = 2
EMBEDDING_MASK = 4
PER_LAYER = 32
OF_THE_ENDS = {
    "embedding.weight": 3,
    "final_norm.weight": 5,
    "final_norm.bias": 6,
    "output_projection.weight": 7,
}
# Slots of the parameters within a layer. A family uses those of its own layer.
SLOTS = {
    "norm1.weight": 0,
    "norm1.bias": 1,
    "qkv.weight": 2,
    "qkv.bias": 3,
    "proj.weight": 5,
    "proj.bias": 6,
    "norm2.weight": 8,
    "norm2.bias": 9,
    "fc1.weight": 10,
    "fc1.bias": 11,
    "fc2.weight": 12,
    "fc2.bias": 13,
}
ATTENTION_MASK_SLOT = 4
HIDDEN_MASK_SLOTS = {"after_attention": 7, "after_mlp": 14}


def in_layer(layer, slot):
    """The stream of a slot of one layer."""
    return (layer + 1) * PER_LAYER + slot


def of_parameter(name):
    """The stream of a parameter by its full name."""
    if name in OF_THE_ENDS:
        return OF_THE_ENDS[name]
    _, layer, within = name.split(".", 2)
    return in_layer(int(layer), SLOTS[within])
