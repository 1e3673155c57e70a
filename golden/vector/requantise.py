"""Requantise: bias, one multiply, one rounding shift, zero point, clip. Wide accumulators to narrow codes.

    o = clip(round((acc + bias) * multiplier / 2^shift) + zero_point, low, out.max)
    low = zero_point if relu else out.min

Source: Jacob et al., CVPR 2018, section 2.2, equations 4 to 7, with M = multiplier * 2^-shift; ReLU is theirs
too (section 2.4): a real 0 is the code zero_point. Sum and product are exact; `rounding` says where ties go.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.formats.integer import Int
from golden.formats.rounding import Rounding, finite, round_shift

ROUNDINGS = (Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.HALF_AWAY)

# What each register between i and o may hold, in order: acc + bias, that again (beside multipliers), the
# products of its halves, their sum, that shifted by eights, then by ones, rounded, with the zero point, and
# the code. ADDED in its own order, as far as `registers` goes.
STAGES = ("sum", "operand", "partial", "product", "coarse", "shifted", "rounded", "placed", "o")
ALWAYS = ("sum", "product", "o")
ADDED = ("shifted", "partial", "placed", "coarse", "rounded", "operand")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequantiseParams:
    """acc (also the bias), multiplier, out: number formats. max_shift: bits. rounding: one of ROUNDINGS.
    registers: beyond those of ALWAYS (0 to 6), for a faster clock."""

    acc: Int = Int(32)
    multiplier: Int = Int(16, signed=False)
    out: Int = Int(8)
    max_shift: int = 47
    rounding: Rounding = Rounding.HALF_EVEN
    registers: int = 0

    def __post_init__(self) -> None:
        check.one_of("acc.signed", self.acc.signed, [True])
        check.one_of("multiplier.signed", self.multiplier.signed, [False])
        check.one_of("rounding", self.rounding, ROUNDINGS)
        check.in_range("out.width", self.out.width, 1, self.acc.width, "no wider than acc")
        # |product| <= 2^62 and a half of at most 2^61: their sum stays under 2^63
        width = self.acc.width + 1 + self.multiplier.width
        check.in_range("acc.width + 1 + multiplier.width", width, 3, 63, "golden is exact in int64")
        check.in_range("max_shift", self.max_shift, 1, width - 1, "bits of the product's magnitude")
        check.in_range("requantise.registers", self.registers, 0, len(ADDED))

    @property
    def stages(self) -> tuple[str, ...]:
        """Names in STAGES of the registered stages."""
        return tuple(stage for stage in STAGES if stage in (*ALWAYS, *ADDED[: self.registers]))

    @property
    def sum(self) -> Int:
        """-2^a <= acc + bias <= 2^a - 2: one bit more than acc's a."""
        return Int(self.acc.width + 1)

    @property
    def product(self) -> Int:
        """|sum| <= 2^a and multiplier < 2^m: |sum * multiplier| < 2^(a+m), a + m + 1 bits."""
        return Int(self.sum.width + self.multiplier.width)


LATENCY = len(ALWAYS)  # registers between i and o, where none are added


def requantise(
    p: RequantiseParams,
    acc: ArrayLike,
    bias: ArrayLike,
    multiplier: ArrayLike,
    shift: ArrayLike,
    zero_point: int = 0,
    relu: bool = False,
) -> np.ndarray:
    """Values of `acc` in p.out, bit for bit what hw.vector.requantise gives.

    acc         integers [..., channels], values of p.acc
    bias        integers [channels], values of p.acc, in acc's scale
    multiplier  integers [channels], values of p.multiplier
    shift       integers [channels], 1 to p.max_shift
    zero_point  a value of p.out, the same for all channels
    returns     int64 [..., channels], values of p.out
    raises      BadValue, naming the argument, if a value or shape is outside its format
    """
    acc = p.acc.check("acc", acc)
    bias = p.acc.check("bias", bias)
    multiplier = p.multiplier.check("multiplier", multiplier)
    shift = check.array("shift", shift, 1, p.max_shift)
    for name, parameter in (("bias", bias), ("multiplier", multiplier), ("shift", shift)):
        check.shape(name, parameter, acc.shape[-1:])
    check.in_range("zero_point", zero_point, p.out.min, p.out.max, f"{p.out}")
    rounded = round_shift((acc + bias) * multiplier, shift, p.rounding)
    return np.asarray(np.clip(rounded + zero_point, zero_point if relu else p.out.min, p.out.max))


def cycles(count: int, registers: int = 0) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled."""
    return count + LATENCY + registers if count else 0


def multiplier_and_shift(
    real_scale: ArrayLike, multiplier: Int, max_shift: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fixed-point form of real factors: real_scale ~ multiplier * 2^-shift, for requantise().

    real_scale  float64, any shape, 0 to multiplier.max / 2 (which is shift 1)
    returns     int64 multiplier, int64 shift (1 to max_shift), both of real_scale's shape
    raises      BadValue, naming the element: NaN, infinite, negative, or too large

    With w = bits of multiplier.max, multiplier is at least 2^(w-1), so off by at most one part in 2^w, ties
    to even. Factors that would need a larger shift than max_shift take max_shift and lose low bits: off by at
    most 2^-(max_shift + 1), and 0 from that down. The factor 0 is multiplier 0.
    """
    check.in_range("max_shift", max_shift, 1, 62)
    scale = finite("real_scale", real_scale)
    bits = multiplier.max.bit_length()
    check.in_range("multiplier.max bits", bits, 1, 53, "a float64 has 53")
    exponent = np.frexp(scale)[1].astype(np.int64)  # scale < 2^exponent: scale * 2^(bits - exponent) < 2^bits
    shift = np.minimum(bits - exponent, max_shift)
    fixed = np.rint(np.ldexp(scale, shift)).astype(np.int64)
    carried = fixed > multiplier.max  # rounded up to 2^bits: even, so halving it is exact
    fixed, shift = fixed >> carried, shift - carried
    wrong = (scale < 0) | (shift < 1)
    if wrong.any():
        index = [int(i) for i in np.argwhere(wrong)[0]]
        allowed = f"0 to {multiplier.max / 2} (multiplier {multiplier}, shift at least 1)"
        raise check.fail(f"real_scale{index or ''}", float(scale[tuple(index)]), allowed)
    return fixed, shift
