"""Integers of 1 to 64 bits, two's complement or unsigned.

A format is one object: `width`, `signed`, `min`, `max` and how values become codes and back.
Values are int64 arrays; a code is the value's bit pattern as an unsigned integer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check


@dataclass(frozen=True, slots=True)
class Int:
    """An integer format. width: bits, 1 to 64 (63 if unsigned, so that int64 holds it)."""

    width: int
    signed: bool = True

    def __post_init__(self) -> None:
        check.in_range("Int.width", self.width, 1, 64 if self.signed else 63, "values are held in int64")

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.width}"

    @property
    def min(self) -> int:
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def max(self) -> int:
        return (1 << self.width - self.signed) - 1

    def holds(self, least: int, most: int) -> bool:
        """Whether both are values of the format."""
        return self.min <= least and most <= self.max

    def check(self, where: str, values: ArrayLike) -> np.ndarray:
        """`values` as int64; BadValue naming `where` and the element if one is outside the format."""
        return check.array(where, values, self.min, self.max)

    def saturate(self, values: np.ndarray) -> np.ndarray:
        """Nearest value of the format."""
        return np.asarray(np.clip(values, self.min, self.max))

    def wrap(self, values: np.ndarray) -> np.ndarray:
        """The low `width` bits, read in this format: what a register of this width keeps."""
        above = 64 - self.width
        low = np.asarray(values, np.int64) << above
        if self.signed:
            return np.asarray(low >> above)
        return np.asarray(low.view(np.uint64) >> np.uint64(above)).view(np.int64)

    def encode(self, values: ArrayLike) -> np.ndarray:
        """Bit patterns, uint64, of in-range `values`."""
        bits = self.check("values", values).view(np.uint64)
        return bits & np.uint64((1 << self.width) - 1)

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Values, int64, of bit patterns; bits above `width` are ignored."""
        return self.wrap(np.asarray(codes).astype(np.uint64).view(np.int64))
