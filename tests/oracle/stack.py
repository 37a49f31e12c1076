"""The transformer stack in NumPy, float64 and unsharded: initial tensors, forward, backward.

Written from the definition of the layer alone and sharing nothing with the program it judges.
Activations are [s, b, h]; s: sequence, b: micro batch, h: hidden size, a: heads, d = h/a.

    x = x + dropout(proj(attention(qkv(norm1(x)))) + bias)
    x = x + dropout(fc2(gelu(fc1(norm2(x)))) + bias)

How the program holds or recomputes what lies between forward and backward, how it takes attention
apart and over how many ranks, changes nothing here. A stack without a vocabulary begins with a
random input and ends with a random output gradient; ends.py has the ends of the other kind.
"""

import math
from dataclasses import dataclass

import numpy as np

import ends
from operations import gelu, gelu_backward, linear, linear_backward, norm, norm_backward
from philox import dropout_factors, uniform

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
NORM_WEIGHTS = ("norm1.weight", "norm2.weight", "final_norm.weight")


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
    vocab_size: int  # 0: a stack without ends

    @property
    def has_ends(self):
        return self.vocab_size > 0

    def padded_vocab_size(self, ranks):
        """The vocabulary, rounded up to a multiple of the ranks that share it."""
        return -(-self.vocab_size // ranks) * ranks

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


def parameter_names(model, ranks=1):
    """Full names, `layers.{i}.{parameter}` and those of the ends, with unsharded shapes. The
    number of ranks counts for the rows of embedding.weight alone."""
    names = {
        f"layers.{layer}.{name}": shape
        for layer in range(model.num_layers)
        for name, shape in parameter_shapes(model).items()
    }
    return {**names, **(ends.parameter_shapes(model, ranks) if model.has_ends else {})}


def stream_of(layer, slot):
    return (layer + 1) * STREAMS_PER_LAYER + slot


def parameter_stream(name):
    """Stream of a parameter by its full name."""
    if name in ends.PARAMETER_STREAMS:
        return ends.PARAMETER_STREAMS[name]
    _, layer, within = name.split(".", 2)
    return stream_of(int(layer), PARAMETER_SLOTS[within])


def initial_parameter(seed, name, shape):
    stream = parameter_stream(name)
    if name.endswith(NORM_WEIGHTS):
        return uniform(seed, stream, shape, 1.0, 0.2)
    if name.endswith(".bias"):
        return uniform(seed, stream, shape, 0.0, 0.2)
    return uniform(seed, stream, shape, 0.0, math.sqrt(12.0 / shape[1]))


def initial_tensors(model, seed, ranks=1):
    """All parameters as drawn, by name, float64; without ends input and output gradient, too."""
    tensors = {
        name: initial_parameter(seed, name, shape)
        for name, shape in parameter_names(model, ranks).items()
    }
    if model.has_ends:
        return tensors
    for name, stream in (("input", INPUT_STREAM), ("output_grad", OUTPUT_GRAD_STREAM)):
        tensors[name] = uniform(seed, stream, model.activation_shape, 0.0, math.sqrt(12.0))
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


def layers_forward(model, seed, tensors, x):
    """Output of the last layer, [s, b, h], and what the backward of all layers needs."""
    saved = []
    for layer in range(model.num_layers):
        masks = dropout_masks(model, seed, layer)
        x, kept = layer_forward(model, layer_parameters(tensors, layer), masks, x)
        saved.append((masks, kept))
    return x, saved


def layers_backward(model, tensors, saved, dx):
    """Gradient of what entered the first layer, and NAME.grad of the layers' parameters."""
    results = {}
    for layer in reversed(range(model.num_layers)):
        masks, kept = saved[layer]
        dx, grads = layer_backward(model, layer_parameters(tensors, layer), masks, kept, dx)
        results.update({f"layers.{layer}.{name}.grad": grad for name, grad in grads.items()})
    return dx, results


def step(model, seed, tensors):
    """Forward and backward, from the tensors of `initial_tensors`, float64.

    Without ends of the scalar <output, output_grad>: returns output, input_grad and NAME.grad of
    each parameter, by name. With ends of the loss: returns embedding, output, loss [1],
    output_grad, embedding_grad and NAME.grad of each parameter.
    """
    if model.has_ends:
        return step_with_ends(model, seed, tensors)
    output, saved = layers_forward(model, seed, tensors, tensors["input"])
    dx, results = layers_backward(model, tensors, saved, tensors["output_grad"])
    return {"output": output, "input_grad": dx, **results}


def step_with_ends(model, seed, tensors):
    table = tensors["embedding.weight"]
    x = ends.embedding(model, seed, table)
    output, saved = layers_forward(model, seed, tensors, x)
    loss, output_grad, grads = ends.head(model, seed, tensors, output)
    dx, results = layers_backward(model, tensors, saved, output_grad)
    grads["embedding.weight"] += ends.embedding_backward(model, seed, table, dx)
    return {
        "embedding": x,
        "output": output,
        "loss": np.array([loss]),
        "output_grad": output_grad,
        "embedding_grad": dx,
        **results,
        **{f"{name}.grad": grad for name, grad in grads.items()},
    }
