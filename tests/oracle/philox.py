# SPDX-License-Identifier: BSD-3-Clause
"""Random numbers of the oracle: Philox4x32-10 and the tensors drawn from it.

The generator is that of Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2,
3" (SC'11). It is a function of (key, counter), so that any part of a tensor can be drawn anywhere.
Element e of a stream is word e mod 4 of the block whose counter is e div 4. Here e is the row-major
index in the unsharded tensor.
"""

import math

import numpy as np

WORD = np.uint64(0xFFFFFFFF)
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10


def philox4x32(counters, key):
    """Philox4x32-10 of many counters under one key.

    counters: integers [n, 4], key: two integers, all below 2^32. Returns uint64 [n, 4]. Each
    element is a 32-bit word.
    """
    c0, c1, c2, c3 = np.asarray(counters, dtype=np.uint64).T
    k0, k1 = (int(word) for word in key)
    shift = np.uint64(32)
    for _ in range(ROUNDS):
        # 32 x 32 bits fit a uint64, so the high and low halves come from one product.
        product0 = MULTIPLIERS[0] * c0
        product1 = MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (product1 >> shift) ^ c1 ^ np.uint64(k0),
            product1 & WORD,
            (product0 >> shift) ^ c3 ^ np.uint64(k1),
            product0 & WORD,
        )
        k0 = (k0 + KEY_STEPS[0]) & 0xFFFFFFFF
        k1 = (k1 + KEY_STEPS[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1)


def words(seed, stream, count):
    """The first `count` words of a stream, uint64 [count], each below 2^32."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    zeros = np.zeros_like(blocks)
    counters = np.stack([blocks & WORD, blocks >> np.uint64(32), zeros, zeros], axis=1)
    return philox4x32(counters, (seed & 0xFFFFFFFF, stream)).reshape(-1)[:count]


def uniform(seed, stream, shape, centre, width):
    """Uniform values in (centre - width/2, centre + width/2), float64 of the given shape."""
    drawn = words(seed, stream, math.prod(shape)).astype(np.float64)
    return (centre + width * ((drawn + 0.5) * 2.0**-32 - 0.5)).reshape(shape)


def integers(seed, stream, shape, bound):
    """Integers in [0, bound), int64 of the given shape: the high half of word times bound."""
    drawn = words(seed, stream, math.prod(shape))
    return ((drawn * np.uint64(bound)) >> np.uint64(32)).astype(np.int64).reshape(shape)


def dropout_factors(seed, stream, shape, probability):
    """The dropout factors: 0 where an element is dropped, 1/(1 - probability) elsewhere.

    An element is kept if its word is at least floor(probability 2^32 + 1/2). Probability 0 keeps
    all of them.
    """
    threshold = np.uint64(math.floor(probability * 2.0**32 + 0.5))
    kept = words(seed, stream, math.prod(shape)) >= threshold
    return (kept / (1.0 - probability)).reshape(shape)
