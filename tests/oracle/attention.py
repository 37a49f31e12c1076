# SPDX-License-Identifier: BSD-3-Clause
"""Attention of both families and its backward, in NumPy, float64 and unsharded.

There are a heads of queries, and g groups of a/g = m heads that share their key and value. d = h/a.
The columns of qkv go by group: its m heads of queries, then k, then v, with d columns each. With g
= a, these are q, k, v of each head.
"""

import math

import numpy as np


def split_groups(model, qkv):
    """qkv [s, b, (a + 2g) d] -> q [s, b, g, m, d], k and v [s, b, g, d]."""
    s, b, _ = qkv.shape
    g, m = model.groups, model.num_attention_heads // model.groups
    by_group = qkv.reshape(s, b, g, m + 2, model.head_size)
    return by_group[..., :m, :], by_group[..., m, :], by_group[..., m + 1, :]


def join_groups(q, k, v):
    """The conjugate of split_groups."""
    s, b = q.shape[:2]
    by_group = np.concatenate([q, k[..., None, :], v[..., None, :]], axis=3)
    return by_group.reshape(s, b, -1)


def attention(model, q, k, v, mask):
    """mask: the dropout factors, [a, b, s, s] or 1. -> context [s, b, h], softmax output [g, m, b,
    s, s]."""
    scores = np.einsum("ibgmd,jbgd->gmbij", q, k) / math.sqrt(model.head_size)
    if model.causal:
        s = model.seq_length
        scores = np.where(np.tril(np.ones((s, s), dtype=bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probabilities = weights / weights.sum(axis=-1, keepdims=True)
    kept = probabilities * by_group(mask, probabilities)
    context = np.einsum("gmbij,jbgd->ibgmd", kept, v)
    return context.reshape(model.activation_shape), probabilities


def attention_backward(model, q, k, v, mask, probabilities, dcontext):
    """Gradients of q, k and v, in their shapes."""
    dcontext = dcontext.reshape(q.shape)
    mask = by_group(mask, probabilities)
    dprobabilities = np.einsum("ibgmd,jbgd->gmbij", dcontext, v) * mask
    dv = np.einsum("gmbij,ibgmd->jbgd", probabilities * mask, dcontext)
    inner = (dprobabilities * probabilities).sum(axis=-1, keepdims=True)
    # Where the causal mask applies, the probability is 0, and so is the gradient.
    dscores = probabilities * (dprobabilities - inner) / math.sqrt(model.head_size)
    dq = np.einsum("gmbij,jbgd->ibgmd", dscores, k)
    dk = np.einsum("gmbij,ibgmd->jbgd", dscores, q)
    return dq, dk, dv


def by_group(mask, probabilities):
    """A mask with one matrix per head, in the shape of the probabilities."""
    return np.reshape(mask, probabilities.shape) if np.ndim(mask) else mask
