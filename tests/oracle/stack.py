# SPDX-License-Identifier: BSD-3-Clause
"""The transformer stack in NumPy, float64 and unsharded: initial tensors, forward, backward.

It is written only from the definition of the layer, and shares nothing with the program that it
judges. Activations are [s, b, h]; s: sequence, b: micro batch, h: hidden size, a: heads, d = h/a.
The layer is that of the model's family, in a separate module.

Some choices of the program change nothing here. It may keep or recompute what is between forward
and backward, divide attention, and use any number of ranks. A stack without a vocabulary begins
with a random input and ends with a random output gradient. ends.py has the ends of the other kind.
"""

import math
from dataclasses import dataclass

import numpy as np

import ends
import gpt
import llama
import streams
from philox import uniform

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
    family: str = "gpt"
    num_query_groups: int = 0  # only used in family llama
    rope_theta: float = 10000.0

    @property
    def is_llama(self):
        return self.family == "llama"

    @property
    def groups(self):
        """Heads of keys and values."""
        return self.num_query_groups if self.is_llama else self.num_attention_heads

    @property
    def layer(self):
        """The module with the layer of this family."""
        return llama if self.is_llama else gpt

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


def parameter_names(model, ranks=1):
    """Full names, `layers.{i}.{parameter}` and those of the ends, with unsharded shapes. The number
    of ranks only affects the rows of the tables."""
    names = {
        f"layers.{layer}.{name}": shape
        for layer in range(model.num_layers)
        for name, shape in model.layer.parameter_shapes(model).items()
    }
    return {**names, **(ends.parameter_shapes(model, ranks) if model.has_ends else {})}


def initial_parameter(seed, name, shape):
    stream = streams.of_parameter(name)
    if name.endswith(NORM_WEIGHTS):
        return uniform(seed, stream, shape, 1.0, 0.2)
    if name.endswith(".bias"):
        return uniform(seed, stream, shape, 0.0, 0.2)
    return uniform(seed, stream, shape, 0.0, math.sqrt(12.0 / shape[1]))


def initial_tensors(model, seed, ranks=1):
    """All parameters as drawn, by name, float64. Without ends, also input and output gradient."""
    tensors = {
        name: initial_parameter(seed, name, shape)
        for name, shape in parameter_names(model, ranks).items()
    }
    if model.has_ends:
        return tensors
    for name, stream in (("input", streams.INPUT), ("output_grad", streams.OUTPUT_GRAD)):
        tensors[name] = uniform(seed, stream, model.activation_shape, 0.0, math.sqrt(12.0))
    return tensors


def layer_parameters(model, tensors, layer):
    return {
        name: tensors[f"layers.{layer}.{name}"] for name in model.layer.parameter_shapes(model)
    }


def layers_forward(model, seed, tensors, x):
    """The output of the last layer, [s, b, h], and what the backward of all layers needs."""
    saved = []
    for layer in range(model.num_layers):
        masks = model.layer.dropout_masks(model, seed, layer)
        p = layer_parameters(model, tensors, layer)
        x, kept = model.layer.layer_forward(model, p, masks, x)
        saved.append((masks, kept))
    return x, saved


def layers_backward(model, tensors, saved, dx):
    """The gradient of the input of the first layer, and NAME.grad of the layers' parameters."""
    results = {}
    for layer in reversed(range(model.num_layers)):
        masks, kept = saved[layer]
        p = layer_parameters(model, tensors, layer)
        dx, grads = model.layer.layer_backward(model, p, masks, kept, dx)
        results.update({f"layers.{layer}.{name}.grad": grad for name, grad in grads.items()})
    return dx, results


def step(model, seed, tensors):
    """Forward and backward, from the tensors of `initial_tensors`, float64.

    Without ends, gradients are those of the scalar <output, output_grad>. Returns output,
    input_grad and NAME.grad of each parameter, by name. With ends, they are those of the loss.
    Returns embedding, output, loss [1], output_grad, embedding_grad and NAME.grad of each
    parameter.
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
    lookups = ends.embedding_backward(model, seed, table, dx)
    grads["embedding.weight"] = grads.get("embedding.weight", 0.0) + lookups
    return {
        "embedding": x,
        "output": output,
        "loss": np.array([loss]),
        "output_grad": output_grad,
        "embedding_grad": dx,
        **results,
        **{f"{name}.grad": grad for name, grad in grads.items()},
    }
