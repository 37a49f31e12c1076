"""The two ends of a stack that has a vocabulary, in NumPy, float64 and unsharded.

V: size of the vocabulary. Token i + 1 is the label of token i, so a sequence draws s + 1 of them.

    x = dropout(embedding[token])
    ... the layers ...
    loss = mean over tokens of cross_entropy(norm(x) embedding^T, label)

One table serves both ends. It may have rows beyond V, which make the vocabulary divisible by the
number of ranks: no token names them, the softmax leaves them out, and their gradient is 0.
"""

import numpy as np

from operations import cross_entropy, norm, norm_backward
from philox import dropout_factors, integers

TOKEN_STREAM = 2
EMBEDDING_MASK_STREAM = 4
PARAMETER_STREAMS = {"embedding.weight": 3, "final_norm.weight": 5, "final_norm.bias": 6}


def parameter_shapes(model, ranks):
    """Unsharded shape of each parameter of the ends, by name."""
    h = model.hidden_size
    return {
        "embedding.weight": (model.padded_vocab_size(ranks), h),
        "final_norm.weight": (h,),
        "final_norm.bias": (h,),
    }


def tokens(model, seed):
    """Token of each position, with one more position than the stack sees: [s + 1, b]."""
    shape = (model.seq_length + 1, model.micro_batch_size)
    return integers(seed, TOKEN_STREAM, shape, model.vocab_size)


def embedding_mask(model, seed):
    """Dropout factors of the embedding, [s, b, h]."""
    return dropout_factors(
        seed, EMBEDDING_MASK_STREAM, model.activation_shape, model.hidden_dropout
    )


def embedding(model, seed, table):
    """What enters the first layer, [s, b, h]."""
    return table[tokens(model, seed)[:-1]] * embedding_mask(model, seed)


def embedding_backward(model, seed, table, dx):
    """Gradient of the table by its use as an embedding."""
    gradient = np.zeros_like(table)
    np.add.at(gradient, tokens(model, seed)[:-1], dx * embedding_mask(model, seed))
    return gradient


def head(model, seed, tensors, x):
    """x: output of the last layer. Returns the loss, the gradient of x, and those of the
    parameters by name, that of embedding.weight by its use as the output projection."""
    weight, table = tensors["final_norm.weight"], tensors["embedding.weight"]
    y, saved = norm(x, weight, tensors["final_norm.bias"])
    real = table[: model.vocab_size]
    loss, dlogits = cross_entropy(y @ real.T, tokens(model, seed)[1:])

    dtable = np.zeros_like(table)
    dtable[: model.vocab_size] = np.einsum("sbv,sbh->vh", dlogits, y)
    dx, dweight, dbias = norm_backward(saved, weight, dlogits @ real)
    return loss, dx, {
        "embedding.weight": dtable,
        "final_norm.weight": dweight,
        "final_norm.bias": dbias,
    }
