# SPDX-License-Identifier: BSD-3-Clause
"""The layer of the Llama family in NumPy, float64 and unsharded.

    x = x + proj(attention(rotated(qkv(rms_norm1(x)))))
    x = x + fc2(silu(gate) * up), where (gate, up) = fc1(rms_norm2(x))

There are no biases and no dropout. Position i of the sequence turns features j and j + d/2 of each
head of q and k. The angle is i / theta^(2j/d) (Su et al., "RoFormer", 2021).
"""

import numpy as np

from attention import attention, attention_backward, join_groups, split_groups
from operations import product, product_backward, rms_norm, rms_norm_backward, silu, silu_backward


def parameter_shapes(model):
    """Unsharded shape of each parameter of one layer, by its name within the layer."""
    h, ffn = model.hidden_size, model.ffn_hidden_size
    return {
        "norm1.weight": (h,),
        "qkv.weight": ((model.num_attention_heads + 2 * model.groups) * model.head_size, h),
        "proj.weight": (h, h),
        "norm2.weight": (h,),
        "fc1.weight": (2 * ffn, h),
        "fc2.weight": (h, ffn),
    }


def dropout_masks(_model, _seed, _layer):
    return {}


def rotated(model, x, direction=1.0):
    """x [s, ..., d], with each position turned by its own angles. Direction -1 is that of the
    backward."""
    half = model.head_size // 2
    frequencies = model.rope_theta ** (-np.arange(half) / half)
    angles = direction * np.outer(np.arange(model.seq_length), frequencies)
    angles = angles.reshape(model.seq_length, *[1] * (x.ndim - 2), half)
    first, second = x[..., :half], x[..., half:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def layer_forward(model, p, _masks, x):
    """One layer. p: its parameters by name. Returns its output and what its backward needs."""
    saved = {}
    saved["qkv_input"], saved["norm1"] = rms_norm(x, p["norm1.weight"])
    q, k, v = split_groups(model, product(saved["qkv_input"], p["qkv.weight"]))
    saved["qkv"] = rotated(model, q), rotated(model, k), v
    saved["context"], saved["probabilities"] = attention(model, *saved["qkv"], 1.0)
    x = x + product(saved["context"], p["proj.weight"])

    saved["fc1_input"], saved["norm2"] = rms_norm(x, p["norm2.weight"])
    saved["gate_up"] = np.split(product(saved["fc1_input"], p["fc1.weight"]), 2, axis=-1)
    gate, up = saved["gate_up"]
    saved["fc2_input"] = silu(gate) * up
    return x + product(saved["fc2_input"], p["fc2.weight"]), saved


def layer_backward(model, p, _masks, saved, dx):
    """Gradient of the layer's input, and of its parameters by name."""
    grads = {}

    def through_product(name, x, dy):
        dx, grads[f"{name}.weight"] = product_backward(x, p[f"{name}.weight"], dy)
        return dx

    def through_norm(name, dy):
        dx, grads[f"{name}.weight"] = rms_norm_backward(saved[name], p[f"{name}.weight"], dy)
        return dx

    d = through_product("fc2", saved["fc2_input"], dx)
    gate, up = saved["gate_up"]
    d = np.concatenate([silu_backward(gate, d * up), silu(gate) * d], axis=-1)
    dx = dx + through_norm("norm2", through_product("fc1", saved["fc1_input"], d))

    d = through_product("proj", saved["context"], dx)
    dq, dk, dv = attention_backward(model, *saved["qkv"], 1.0, saved["probabilities"], d)
    dqkv = join_groups(rotated(model, dq, -1.0), rotated(model, dk, -1.0), dv)
    return dx + through_norm("norm1", through_product("qkv", saved["qkv_input"], dqkv)), grads
