# SPDX-License-Identifier: BSD-3-Clause
"""The two ends of a stack that has a vocabulary, in NumPy, float64 and unsharded.

V is the size of the vocabulary. Token i + 1 is the label of token i, so a sequence draws s + 1 of
them.

    x = dropout(embedding[token])
    ... the layers ...
    loss = mean over tokens of cross_entropy(norm(x) embedding^T, label)

In family gpt, one table serves both ends. In family llama, the output projection has its own table,
and the norm is an RMSNorm. A table may have rows beyond V, which make the vocabulary divisible by
the number of ranks. No token names them, the softmax leaves them out, and their gradient is 0.
"""

import numpy as np

import streams
from operations import cross_entropy, norm, norm_backward, rms_norm, rms_norm_backward
from philox import dropout_factors, integers


def parameter_shapes(model, ranks):
    """Unsharded shape of each parameter of the ends, by name."""
    h = model.hidden_size
    table = (model.padded_vocab_size(ranks), h)
    shapes = {"embedding.weight": table, "final_norm.weight": (h,)}
    if model.is_llama:
        return {**shapes, "output_projection.weight": table}
    return {**shapes, "final_norm.bias": (h,)}


def projection_table(model):
    """Name of the table that the output projection multiplies by."""
    return "output_projection.weight" if model.is_llama else "embedding.weight"


def tokens(model, seed):
    """Token of each position, with one more position than the stack sees: [s + 1, b]."""
    shape = (model.seq_length + 1, model.micro_batch_size)
    return integers(seed, streams.TOKENS, shape, model.vocab_size)


def embedding_mask(model, seed):
    """Dropout factors of the embedding, [s, b, h]."""
    return dropout_factors(
        seed, streams.EMBEDDING_MASK, model.activation_shape, model.hidden_dropout
    )


def embedding(model, seed, table):
    """What enters the first layer, [s, b, h]."""
    return table[tokens(model, seed)[:-1]] * embedding_mask(model, seed)


def embedding_backward(model, seed, table, dx):
    """The gradient of the table from its use as an embedding."""
    gradient = np.zeros_like(table)
    np.add.at(gradient, tokens(model, seed)[:-1], dx * embedding_mask(model, seed))
    return gradient


def final_norm(model, tensors, x):
    """The norm of the last layer's output; also returns what its backward needs."""
    if model.is_llama:
        return rms_norm(x, tensors["final_norm.weight"])
    return norm(x, tensors["final_norm.weight"], tensors["final_norm.bias"])


def final_norm_backward(model, saved, tensors, dy):
    """Gradient of x, and of the parameters by name."""
    backward = rms_norm_backward if model.is_llama else norm_backward
    dx, *grads = backward(saved, tensors["final_norm.weight"], dy)
    return dx, dict(zip(("final_norm.weight", "final_norm.bias"), grads))


def head(model, seed, tensors, x):
    """x: output of the last layer. Returns the loss, the gradient of x, and the gradients of the
    parameters by name. That of a table is from its use as the output projection."""
    name = projection_table(model)
    table = tensors[name]
    y, saved = final_norm(model, tensors, x)
    real = table[: model.vocab_size]
    loss, dlogits = cross_entropy(y @ real.T, tokens(model, seed)[1:])

    dtable = np.zeros_like(table)
    dtable[: model.vocab_size] = np.einsum("sbv,sbh->vh", dlogits, y)
    dx, grads = final_norm_backward(model, saved, tensors, dlogits @ real)
    return loss, dx, {name: dtable, **grads}
