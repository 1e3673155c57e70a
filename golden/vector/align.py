"""Align: a group of floating-point numbers becomes integers that share the greatest exponent of the group.

    e = max_i e_i           e_i = max(E_i, 1), E_i the exponent field
    m_i = sign_i floor(significand_i 2^guard / 2^(e - e_i))          x_i ~ m_i 2^(e - bias - bits + 2)

Source: FIGNA (HPCA 2024), pre-aligned activations; the group is MixPE's of one row (golden.pe.aligned). With
`bits` = 1 + significand + guard, the number of the greatest exponent keeps its significand and is exact; the
others lose what falls below, cut off towards zero (the paper leaves it open). Zeros and subnormals have
e_i = 1 and no hidden bit. Infinities and NaNs count as the largest number of their sign, and the group is
flagged.
"""

from dataclasses import dataclass

import numpy as np

from golden import check
from golden.formats import FP16, Float, Int

LATENCY = 2  # registers between the buffer and o: stored, o


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignParams:
    """format: of the numbers; bits: of the integers; group: numbers of one exponent; lanes: of a word."""

    format: Float = FP16
    bits: int = 14
    group: int = 128
    lanes: int = 8

    def __post_init__(self) -> None:
        check.one_of("format.specials", self.format.specials, ("ieee",))
        least = self.format.mantissa_bits + 2
        check.in_range("bits", self.bits, least, 32, f"sign and significand of {self.format} are {least}")
        check.in_range("group", self.group, 2, 1 << 16)
        check.in_range("lanes", self.lanes, 1, self.group // 2, "a group has two words or more")
        if self.group % self.lanes:
            raise check.fail("lanes", self.lanes, f"divisors of {self.group} (group)")

    @property
    def guard(self) -> int:
        """Bits below the significand."""
        return self.bits - 2 - self.format.mantissa_bits

    @property
    def out(self) -> Int:
        """Format of the integers; -2^(bits-1) does not occur."""
        return Int(self.bits)

    @property
    def exponent(self) -> Int:
        """Format of e, 1 to the exponent field of the largest number."""
        return Int(self.format.exponent_bits, signed=False)

    @property
    def words(self) -> int:
        """Words of a group."""
        return self.group // self.lanes


def align(p: AlignParams, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integers, exponents and flags of groups, bit for bit what hw.vector.align gives.

    codes    uint64 [..., group], of p.format
    returns  int64 [..., group], values of p.out; int64 [...], e; bool [...], an infinity or a NaN was there
    """
    check.shape("codes", np.asarray(codes), (*np.shape(codes)[:-1], p.group))
    fmt = p.format
    bits = check.array("codes", np.asarray(codes).astype(np.int64), 0, (1 << fmt.width) - 1)
    magnitude = bits & (1 << fmt.width - 1) - 1
    special = (magnitude > fmt.max_code).any(-1)
    magnitude = np.minimum(magnitude, fmt.max_code)
    field = magnitude >> fmt.mantissa_bits
    significand = magnitude & (1 << fmt.mantissa_bits) - 1 | np.minimum(field, 1) << fmt.mantissa_bits
    own = np.maximum(field, 1)
    shared = own.max(-1)
    aligned = significand << p.guard >> np.minimum(shared[..., None] - own, 63)
    integers = np.where(bits >> fmt.width - 1, -aligned, aligned)
    return integers, np.asarray(shared), np.asarray(special)


def unit(p: AlignParams, exponent: np.ndarray) -> np.ndarray:
    """The real value of the integer 1, float64, in groups of these exponents."""
    return np.asarray(np.ldexp(1.0, np.asarray(exponent) - p.format.bias - p.bits + 2))


def cycles(p: AlignParams, groups: int) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled.

    A group is stored while its greatest exponent is found, and leaves while the next is stored.
    """
    return (groups + 1) * p.words + LATENCY if groups else 0


def capacity(p: AlignParams) -> int:
    """Words accepted while none is delivered: two groups, and one for each group that moved on whole."""
    return (2 + LATENCY // p.words) * p.words
