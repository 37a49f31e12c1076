# SPDX-License-Identifier: BSD-3-Clause
"""Operations of the stack and their backwards in NumPy, float64, on activations [s, b, width]."""

import math

import numpy as np

NORM_EPSILON = 1e-5


def product(x, weight):
    """x [s, b, in], weight [out, in] -> [s, b, out]."""
    return x @ weight.T


def product_backward(x, weight, dy):
    """Gradients of x and weight."""
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return dy @ weight, drows.T @ rows


def linear(x, weight, bias):
    """A product and a bias [out]."""
    return product(x, weight) + bias


def linear_backward(x, weight, dy):
    """Gradients of x, weight and bias."""
    return *product_backward(x, weight, dy), dy.sum(axis=(0, 1))


def norm(x, weight, bias):
    """LayerNorm over the last axis; also returns what its backward needs."""
    centred = x - x.mean(axis=-1, keepdims=True)
    inverse_std = 1.0 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
    normalised = centred * inverse_std
    return normalised * weight + bias, (normalised, inverse_std)


def norm_backward(saved, weight, dy):
    """Gradients of x, weight and bias."""
    normalised, inverse_std = saved
    dn = dy * weight
    along = (dn * normalised).mean(axis=-1, keepdims=True)
    dx = inverse_std * (dn - dn.mean(axis=-1, keepdims=True) - normalised * along)
    return dx, (dy * normalised).sum(axis=(0, 1)), dy.sum(axis=(0, 1))


def rms_norm(x, weight):
    """RMSNorm over the last axis; also returns what its backward needs."""
    inverse_root = 1.0 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
    return x * inverse_root * weight, (x * inverse_root, inverse_root)


def rms_norm_backward(saved, weight, dy):
    """Gradients of x and weight."""
    normalised, inverse_root = saved
    dn = dy * weight
    along = (dn * normalised).mean(axis=-1, keepdims=True)
    return inverse_root * (dn - normalised * along), (dy * normalised).sum(axis=(0, 1))


def silu(u):
    """u times its logistic function."""
    return u / (1.0 + np.exp(-u))


def silu_backward(u, dy):
    """Gradient of u."""
    logistic = 1.0 / (1.0 + np.exp(-u))
    return dy * logistic * (1.0 + u * (1.0 - logistic))


def gelu(u):
    """GELU in its tanh approximation."""
    return 0.5 * u * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (u + 0.044715 * u**3)))


def gelu_backward(u, dy):
    """Gradient of u."""
    slope = math.sqrt(2.0 / math.pi)
    tanh = np.tanh(slope * (u + 0.044715 * u**3))
    inner = slope * (1.0 + 3.0 * 0.044715 * u**2)
    return dy * (0.5 * (1.0 + tanh) + 0.5 * u * (1.0 - tanh**2) * inner)


def cross_entropy(logits, labels):
    """logits [s, b, V], labels [s, b] below V -> the mean over tokens of
    log(sum(exp(logits))) - logit of the label, and its gradient by the logits."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    weights = np.exp(shifted)
    totals = weights.sum(axis=-1, keepdims=True)
    label = np.expand_dims(labels, axis=-1)
    losses = np.log(totals) - np.take_along_axis(shifted, label, axis=-1)
    gradient = weights / totals
    at_label = np.take_along_axis(gradient, label, axis=-1)
    np.put_along_axis(gradient, label, at_label - 1.0, axis=-1)
    return losses.mean(), gradient / labels.size
