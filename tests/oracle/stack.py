"""The transformer stack in NumPy, float64 and unsharded: initial tensors, forward, backward.

Written from the definition of the layer alone and sharing nothing with the program it judges.
Activations are [s, b, h]; s: sequence, b: micro batch, h: hidden size, a: heads, d = h/a.

    x = x + dropout(proj(attention(qkv(norm1(x)))) + bias)
    x = x + dropout(fc2(gelu(fc1(norm2(x)))) + bias)
"""

import math
from dataclasses import dataclass

import numpy as np

from philox import dropout_factors, uniform

NORM_EPSILON = 1e-5
INPUT_STREAM = 0
OUTPUT_GRAD_STREAM = 1
STREAMS_PER_LAYER = 32
# Slot of each random tensor of layer i; its stream is (i + 1) STREAMS_PER_LAYER + slot.
PARAMETER_SLOTS = {
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


@dataclass(frozen=True)
class Model:
    """Shape of the stack and the dropout probabilities."""

    num_layers: int
    hidden_size: int
    ffn_hidden_size: int
    num_attention_heads: int
    seq_length: int
    micro_batch_size: int
    hidden_dropout: float
    attention_dropout: float
    causal: bool

    @property
    def activation_shape(self):
        return (self.seq_length, self.micro_batch_size, self.hidden_size)

    @property
    def head_size(self):
        return self.hidden_size // self.num_attention_heads


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


def parameter_names(model):
    """Full names, `layers.{i}.{parameter}`, with unsharded shapes."""
    return {
        f"layers.{layer}.{name}": shape
        for layer in range(model.num_layers)
        for name, shape in parameter_shapes(model).items()
    }


def stream_of(layer, slot):
    return (layer + 1) * STREAMS_PER_LAYER + slot


def initial_parameter(seed, layer, name, shape):
    stream = stream_of(layer, PARAMETER_SLOTS[name])
    if name in ("norm1.weight", "norm2.weight"):
        return uniform(seed, stream, shape, 1.0, 0.2)
    if name.endswith(".bias"):
        return uniform(seed, stream, shape, 0.0, 0.2)
    return uniform(seed, stream, shape, 0.0, math.sqrt(12.0 / shape[1]))


def initial_tensors(model, seed):
    """Input, output gradient and all parameters as drawn, by name, float64."""
    unit_variance = math.sqrt(12.0)
    shape = model.activation_shape
    tensors = {
        "input": uniform(seed, INPUT_STREAM, shape, 0.0, unit_variance),
        "output_grad": uniform(seed, OUTPUT_GRAD_STREAM, shape, 0.0, unit_variance),
    }
    for layer in range(model.num_layers):
        for name, shape in parameter_shapes(model).items():
            tensors[f"layers.{layer}.{name}"] = initial_parameter(seed, layer, name, shape)
    return tensors


def dropout_masks(model, seed, layer):
    """The three dropout factors of a layer: attention [a, b, s, s], the others [s, b, h]."""
    s, b, a = model.seq_length, model.micro_batch_size, model.num_attention_heads
    masks = {
        name: dropout_factors(
            seed, stream_of(layer, slot), model.activation_shape, model.hidden_dropout
        )
        for name, slot in HIDDEN_MASK_SLOTS.items()
    }
    masks["attention"] = dropout_factors(
        seed, stream_of(layer, ATTENTION_MASK_SLOT), (a, b, s, s), model.attention_dropout
    )
    return masks


def linear(x, weight, bias):
    """x [s, b, in], weight [out, in] -> [s, b, out]."""
    return x @ weight.T + bias


def linear_backward(x, weight, dy):
    """Gradients of x, weight and bias."""
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return dy @ weight, drows.T @ rows, drows.sum(axis=0)


def norm(x, weight, bias):
    """LayerNorm over the last axis; also returns what its backward needs."""
    centred = x - x.mean(axis=-1, keepdims=True)
    inverse_std = 1.0 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
    normalised = centred * inverse_std
    return normalised * weight + bias, (normalised, inverse_std)


def norm_backward(saved, weight, dy):
    normalised, inverse_std = saved
    dn = dy * weight
    along = (dn * normalised).mean(axis=-1, keepdims=True)
    dx = inverse_std * (dn - dn.mean(axis=-1, keepdims=True) - normalised * along)
    return dx, (dy * normalised).sum(axis=(0, 1)), dy.sum(axis=(0, 1))


def gelu(u):
    return 0.5 * u * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (u + 0.044715 * u**3)))


def gelu_backward(u, dy):
    slope = math.sqrt(2.0 / math.pi)
    tanh = np.tanh(slope * (u + 0.044715 * u**3))
    inner = slope * (1.0 + 3.0 * 0.044715 * u**2)
    return dy * (0.5 * (1.0 + tanh) + 0.5 * u * (1.0 - tanh**2) * inner)


def split_heads(model, qkv):
    """qkv [s, b, 3h], by head q, k, v of d columns each -> q, k, v [s, b, a, d]."""
    s, b, _ = qkv.shape
    by_head = qkv.reshape(s, b, model.num_attention_heads, 3, model.head_size)
    return by_head[..., 0, :], by_head[..., 1, :], by_head[..., 2, :]


def attention(model, qkv, mask):
    """qkv [s, b, 3h], mask [a, b, s, s] -> context [s, b, h], softmax output [a, b, s, s]."""
    q, k, v = split_heads(model, qkv)
    scores = np.einsum("ibad,jbad->abij", q, k) / math.sqrt(model.head_size)
    if model.causal:
        s = model.seq_length
        scores = np.where(np.tril(np.ones((s, s), dtype=bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probabilities = weights / weights.sum(axis=-1, keepdims=True)
    context = np.einsum("abij,jbad->ibad", probabilities * mask, v)
    return context.reshape(model.activation_shape), probabilities


def attention_backward(model, qkv, mask, probabilities, dcontext):
    """Gradient of qkv, [s, b, 3h]."""
    q, k, v = split_heads(model, qkv)
    dcontext = dcontext.reshape(q.shape)
    dprobabilities = np.einsum("ibad,jbad->abij", dcontext, v) * mask
    dv = np.einsum("abij,ibad->jbad", probabilities * mask, dcontext)
    inner = (dprobabilities * probabilities).sum(axis=-1, keepdims=True)
    # Where the causal mask has struck, the probability is 0, and so is the gradient.
    dscores = probabilities * (dprobabilities - inner) / math.sqrt(model.head_size)
    dq = np.einsum("abij,jbad->ibad", dscores, k)
    dk = np.einsum("abij,ibad->jbad", dscores, q)
    return np.stack([dq, dk, dv], axis=3).reshape(qkv.shape)


def layer_forward(model, p, masks, x):
    """One layer; p: its parameters by name. Returns its output and what its backward needs."""
    saved = {}
    saved["qkv_input"], saved["norm1"] = norm(x, p["norm1.weight"], p["norm1.bias"])
    saved["qkv"] = linear(saved["qkv_input"], p["qkv.weight"], p["qkv.bias"])
    saved["context"], saved["probabilities"] = attention(model, saved["qkv"], masks["attention"])
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
    d = attention_backward(model, saved["qkv"], masks["attention"], saved["probabilities"], d)
    d = through_linear("qkv", saved["qkv_input"], d)
    return dx + through_norm("norm1", d), grads


def layer_parameters(tensors, layer):
    return {name: tensors[f"layers.{layer}.{name}"] for name in PARAMETER_SLOTS}


def forward(model, seed, tensors):
    """Output [s, b, h] from `tensors` (input and parameters by name), and the saved activations."""
    x, saved = tensors["input"], []
    for layer in range(model.num_layers):
        masks = dropout_masks(model, seed, layer)
        x, kept = layer_forward(model, layer_parameters(tensors, layer), masks, x)
        saved.append((masks, kept))
    return x, saved


def step(model, seed, tensors):
    """Forward and backward of the scalar <output, output_grad>.

    tensors: input, output_grad and parameters by name, float64. Returns output, input_grad and
    NAME.grad of each parameter, by name.
    """
    output, saved = forward(model, seed, tensors)
    results, dx = {"output": output}, tensors["output_grad"]
    for layer in reversed(range(model.num_layers)):
        masks, kept = saved[layer]
        dx, grads = layer_backward(model, layer_parameters(tensors, layer), masks, kept, dx)
        results.update({f"layers.{layer}.{name}.grad": grad for name, grad in grads.items()})
    results["input_grad"] = dx
    return results
