"""Dequantise: the integer sums of a row's groups become one floating-point number, at the array's edge.

    y = sum_g s_g (acc_g - z_g r_g)     acc_g: a group's sum of q a; r_g: its sum of a; z_g, s_g: of the group

Source: MixPE (arXiv 2411.16158), scale and zero point once a group. What it leaves open: the difference is an
exact integer; s_g is FP16 or BF16; the total is FP32, starts at +0, and takes one product after the other in
the order of the groups, each with one rounding of the exact total + s_g * difference (nearest, ties to even,
subnormals kept: golden.formats.arithmetic). An infinite or NaN scale gives what IEEE 754 says; a NaN is
FP32's one code for it.

Sums of aligned activations (golden.vector.align) count in units of 2^(e_g - exponent_bias), with an exponent
e_g for each group of a row: s_g stands for s_g 2^(e_g - exponent_bias), which is exact.
"""

from dataclasses import dataclass

import numpy as np

from golden import check
from golden.formats import FP16, FP32, Float, Int
from golden.formats.arithmetic import add_exact, exact_product
from golden.pe.integers import narrowest

LATENCY = 3  # registers between i and o: difference, product, total
EXACT_BITS = 48  # of a product that golden.formats.arithmetic adds


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScalingParams:
    """acc: sums of products; row_sum: sums of activations; zero: zero points; scale: floating format;
    exponent_bits: of the groups' exponents, 0 if there are none; exponent_bias: theirs."""

    acc: Int = Int(19)
    row_sum: Int = Int(15)
    zero: Int = Int(4, signed=False)
    scale: Float = FP16
    exponent_bits: int = 0
    exponent_bias: int = 0

    def __post_init__(self) -> None:
        check.one_of("scale.specials", self.scale.specials, ("ieee",))
        check.in_range("exponent_bits", self.exponent_bits, 0, 8)
        check.in_range("exponent_bias", self.exponent_bias, 0, 255 if self.exponent_bits else 0)
        bits = self.difference.width - 1 + self.scale.mantissa_bits + 1
        if bits > EXACT_BITS:
            what = f"{self.acc} - {self.zero} * {self.row_sum}, times {self.scale}: {bits} bits"
            raise check.fail("dequantise", what, f"products of {EXACT_BITS} bits or fewer")

    @property
    def fields(self) -> dict[str, Int | Float]:
        """Fields of one group, which are those of a word of the hardware's stream, from bit 0."""
        always: dict[str, Int | Float] = {
            "acc": self.acc, "row_sum": self.row_sum, "zero": self.zero, "scale": self.scale,
        }  # fmt: skip
        return always | ({"exponent": Int(self.exponent_bits, signed=False)} if self.exponent_bits else {})

    @property
    def difference(self) -> Int:
        """The narrowest format of acc - zero * row_sum."""
        products = [
            z * r for z in (self.zero.min, self.zero.max) for r in (self.row_sum.min, self.row_sum.max)
        ]
        return narrowest(self.acc.min - max(products), self.acc.max - min(products))


def step(p: GroupScalingParams, total: np.ndarray, *group: np.ndarray) -> np.ndarray:
    """`total`, FP32's numbers in float64, plus one more group: values of p.fields, in their order."""
    acc, row_sum, zero, scale, *exponent = (
        fmt.check(name, values) for (name, fmt), values in zip(p.fields.items(), group, strict=True)
    )
    for e in exponent:
        scale = np.ldexp(scale, e - p.exponent_bias)
    return add_exact(FP32, total, exact_product((acc - zero * row_sum).astype(np.float64), scale))


def dequantise(p: GroupScalingParams, *groups: np.ndarray) -> np.ndarray:
    """Totals over groups, bit for bit what hw.vector.dequantise gives.

    groups   arrays [..., groups] of p.fields, in their order, which broadcast: int64 acc, row_sum and zero,
             float64 scale and, if there are exponents, int64 exponent
    returns  float64 [...], numbers of FP32
    """
    each = np.broadcast_arrays(*groups)
    total = np.zeros(each[0].shape[:-1])
    for index in range(each[0].shape[-1]):
        total = step(p, total, *(values[..., index] for values in each))
    return total


def cycles(groups: int) -> int:
    """Cycles from the first group accepted to the last total delivered, both counted, unstalled."""
    return groups + LATENCY if groups else 0
