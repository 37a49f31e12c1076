# SPDX-License-Identifier: BSD-3-Clause
"""The layer of the GPT family in NumPy, float64 and unsharded.

    x = x + dropout(proj(attention(qkv(norm1(x)))) + bias)
    x = x + dropout(fc2(gelu(fc1(norm2(x)))) + bias)
"""

import streams
from attention import attention, attention_backward, join_groups, split_groups
from operations import gelu, gelu_backward, linear, linear_backward, norm, norm_backward
from philox import dropout_factors


def parameter_shapes(model):
    """Unsharded shape of each parameter of one layer, by its name within the layer."""
    h, ffn = model.hidden_size, model.ffn_hidden_size
    return {
        "norm1.weight": (h,),
        "norm1.bias": (h,),
        "qkv.weight": (3 * h, h),
        "qkv.bias": (3 * h,),
        "proj.weight": (h, h),
        "proj.bias": (h,),
        "norm2.weight": (h,),
        "norm2.bias": (h,),
        "fc1.weight": (ffn, h),
        "fc1.bias": (ffn,),
        "fc2.weight": (h, ffn),
        "fc2.bias": (h,),
    }


def dropout_masks(model, seed, layer):
    """The three dropout factors of a layer: attention [a, b, s, s], the others [s, b, h]."""
    s, b, a = model.seq_length, model.micro_batch_size, model.num_attention_heads
    masks = {
        name: dropout_factors(
            seed, streams.in_layer(layer, slot), model.activation_shape, model.hidden_dropout
        )
        for name, slot in streams.HIDDEN_MASK_SLOTS.items()
    }
    stream = streams.in_layer(layer, streams.ATTENTION_MASK_SLOT)
    masks["attention"] = dropout_factors(seed, stream, (a, b, s, s), model.attention_dropout)
    return masks


def layer_forward(model, p, masks, x):
    """One layer. p: its parameters by name. Returns its output and what its backward needs."""
    saved = {}
    saved["qkv_input"], saved["norm1"] = norm(x, p["norm1.weight"], p["norm1.bias"])
    qkv = linear(saved["qkv_input"], p["qkv.weight"], p["qkv.bias"])
    saved["qkv"] = split_groups(model, qkv)
    saved["context"], saved["probabilities"] = attention(model, *saved["qkv"], masks["attention"])
    projected = linear(saved["context"], p["proj.weight"], p["proj.bias"])
    x = x + masks["after_attention"] * projected

    saved["fc1_input"], saved["norm2"] = norm(x, p["norm2.weight"], p["norm2.bias"])
    saved["gelu_input"] = linear(saved["fc1_input"], p["fc1.weight"], p["fc1.bias"])
    saved["fc2_input"] = gelu(saved["gelu_input"])
    x = x + masks["after_mlp"] * linear(saved["fc2_input"], p["fc2.weight"], p["fc2.bias"])
    return x, saved


def layer_backward(model, p, masks, saved, dx):
    """Gradient of the layer's input, and of its parameters by name."""
    grads = {}

    def through_linear(name, x, dy):
        dx, grads[f"{name}.weight"], grads[f"{name}.bias"] = linear_backward(
            x, p[f"{name}.weight"], dy
        )
        return dx

    def through_norm(name, dy):
        dx, grads[f"{name}.weight"], grads[f"{name}.bias"] = norm_backward(
            saved[name], p[f"{name}.weight"], dy
        )
        return dx

    d = through_linear("fc2", saved["fc2_input"], dx * masks["after_mlp"])
    d = through_linear("fc1", saved["fc1_input"], gelu_backward(saved["gelu_input"], d))
    dx = dx + through_norm("norm2", d)

    d = through_linear("proj", saved["context"], dx * masks["after_attention"])
    dqkv = attention_backward(model, *saved["qkv"], masks["attention"], saved["probabilities"], d)
    d = through_linear("qkv", saved["qkv_input"], join_groups(*dqkv))
    return dx + through_norm("norm1", d), grads
