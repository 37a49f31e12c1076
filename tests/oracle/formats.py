# SPDX-License-Identifier: BSD-3-Clause
"""Number formats of a run: how a value is rounded, and the type of the file that holds it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Format:
    """A binary floating-point format, and the NumPy type in which a dump stores it exactly."""

    name: str
    dtype: np.dtype
    significand_bits: int  # the leading one included
    least_exponent: int  # of the smallest number above 0

    def spacing(self, values):
        """The unit in the last place of each of `values`, float64."""
        _, exponents = np.frexp(values)
        exponents = np.where(values == 0.0, self.least_exponent, exponents - self.significand_bits)
        return np.ldexp(1.0, np.maximum(exponents, self.least_exponent))

    def rounded(self, values):
        """The nearest number of this format, with ties to even, as float64. It ignores overflow."""
        values = np.asarray(values, dtype=np.float64)
        unit = self.spacing(values)
        return np.rint(values / unit) * unit

    def holds(self, values):
        """True if rounding changes none of `values`. Infinities and NaN count as numbers, too."""
        values = np.asarray(values, dtype=np.float64)
        finite = values[np.isfinite(values)]
        return np.array_equal(self.rounded(finite), finite)


FP64 = Format("fp64", np.dtype("<f8"), 53, -1074)
FP32 = Format("fp32", np.dtype("<f4"), 24, -149)
# The upper half of a float. NumPy has no type of this size.
BF16 = Format("bf16", np.dtype("<f4"), 8, -133)

# The formats of activations and weights, by the name of a precision.
ELEMENT_FORMATS = {"fp64": FP64, "fp32": FP32, "bf16": BF16}
# The formats of the gradients of parameters, which are sums over all tokens.
GRADIENT_FORMATS = {"fp64": FP64, "fp32": FP32, "bf16": FP32}
