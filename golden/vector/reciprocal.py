"""The reciprocal of a positive integer as a mantissa and a power of two, from one piecewise polynomial.

    value = (1 + x) 2^(width - 1 - zeros), 0 <= x < 1; zeros: those before value's first one
    mantissa = 1 / (1 + x), with r bits below 1, of the first r bits of x
    1 / value ~ mantissa 2^-r 2^-(width - 1 - zeros)

Source: Muller, Elementary Functions, 3rd edition, chapter 6. A quadratic on 64 segments is off by
h^3 6 / 192 = 2^-23, as a Newton step from a seed of 11 bits would be, with narrower multipliers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.formats.integer import Int
from golden.vector.piecewise import PiecewiseParams, piecewise


@dataclass(frozen=True, slots=True, kw_only=True)
class ReciprocalParams:
    """width: bits of the value, unsigned. bits: of the mantissa below 1, r above."""

    width: int
    bits: int = 18

    def __post_init__(self) -> None:
        check.in_range("bits", self.bits, 4, 20, "a fit goes through all mantissas")
        check.in_range("width", self.width, self.bits + 1, 62, "more than the mantissa's bits")

    @property
    def inverse(self) -> PiecewiseParams:
        """Parameters of the polynomial for 1 / (1 + x)."""
        return PiecewiseParams(
            input=Int(self.bits, signed=False),
            input_fraction=self.bits,
            out=Int(self.bits + 1, signed=False),
            out_fraction=self.bits,
            functions=("inverse",),
            segment_bits=min(6, self.bits - 2),
            degree=2,
        )

    @property
    def latency(self) -> int:
        """Registers from the value to its reciprocal: the normalised value, then those of the polynomial."""
        return 1 + self.inverse.latency


def reciprocal(p: ReciprocalParams, value: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(mantissa, zeros), int64, of `value`'s shape; 0 has mantissa 2^bits and as many zeros as all steps.

    value   integers, 0 to 2^width - 1
    raises  BadValue, naming the element
    """
    value = Int(p.width, signed=False).check("value", value)
    zeros = np.zeros_like(value)
    for step in steps(p.width):
        empty = value >> p.width - step == 0
        value = np.where(empty, value << step, value)
        zeros += step * empty
    x = value >> p.width - 1 - p.bits & (1 << p.bits) - 1
    return piecewise(p.inverse, "inverse", x), zeros


def steps(width: int) -> list[int]:
    """Shifts of a normaliser's stages: powers of two below width, falling; a stage shifts where no one is
    lost."""
    return [1 << bit for bit in reversed(range((width - 1).bit_length()))]
