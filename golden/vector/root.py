"""The inverse square root of a positive integer as a mantissa and a power of two, from piecewise polynomials.

    value = m 4^k 2^-(bits of m below 1), 1 <= m < 4: zeros, an even number, stand before m's first two bits
    mantissa = 1 / sqrt(m), with r bits below 1, of the first r bits below m's first one
    1 / sqrt(value) ~ mantissa 2^-r 2^-((width - 2 - zeros) / 2)

One table serves m < 2 and one the rest. Source: Muller, Elementary Functions, 3rd edition, chapter 6. A
quadratic on 64 segments is off by h^3 15 / (8 192) = 2^-24.7. What remains is rounding, of m to r bits and of
the mantissa, at most 2^-r where it is least, 1/2: with r = 18, 1.3 2^-r of the result was the worst seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.formats.integer import Int
from golden.vector.piecewise import PiecewiseParams, piecewise

NORMAL_REGISTERS = 2  # the shift that takes the zeros away, in two halves


@dataclass(frozen=True, slots=True, kw_only=True)
class RootParams:
    """width: bits of the value, unsigned, even. bits: of the mantissa below 1, r above."""

    width: int
    bits: int = 18

    def __post_init__(self) -> None:
        check.in_range("bits", self.bits, 4, 20, "a fit goes through all mantissas")
        check.in_range("width", self.width, self.bits + 2, 62, "more than the mantissa's bits")
        if self.width % 2:
            raise check.fail("width", self.width, "even numbers")

    @property
    def inverse(self) -> PiecewiseParams:
        """Parameters of the polynomials for 1 / sqrt(m): root_1 for 1 <= m < 2, root_2 for 2 <= m < 4."""
        return PiecewiseParams(
            input=Int(self.bits, signed=False),
            input_fraction=self.bits,
            out=Int(self.bits + 1, signed=False),
            out_fraction=self.bits,
            functions=("root_1", "root_2"),
            segment_bits=min(6, self.bits - 2),
            degree=2,
        )

    @property
    def latency(self) -> int:
        """Registers from the value to its inverse root."""
        return NORMAL_REGISTERS + self.inverse.latency


def inverse_root(p: RootParams, value: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(mantissa, zeros), int64, of `value`'s shape; 0 has mantissa 2^bits and as many zeros as all steps.

    value   integers, 0 to 2^width - 1
    raises  BadValue, naming the element
    """
    value = Int(p.width, signed=False).check("value", value)
    zeros = np.zeros_like(value)
    for step in even_steps(p.width):
        empty = value >> p.width - step == 0
        value = np.where(empty, value << step, value)
        zeros += step * empty
    large = value >> p.width - 1 == 1
    x = value >> p.width - 2 - p.bits + large & p.inverse.input.max
    return np.where(large, piecewise(p.inverse, "root_2", x), piecewise(p.inverse, "root_1", x)), zeros


def even_steps(width: int) -> list[int]:
    """Shifts of the normaliser's stages: powers of two from 2, falling; a stage shifts where no one
    is lost."""
    return [1 << bit for bit in reversed(range(1, (width - 1).bit_length()))]
