"""MixPE with floating activations (W4A16): integer by float by shift and add, then one floating addition.

    sum = R(acc + (-1)^s 2^e sum_i q_i (m << i))      m, e, s: significand, exponent, sign of the activation
                                                      q_i: bit i of |weight|; R: golden.formats.arithmetic

Source: MixPE (arXiv 2411.16158), equations for W4A16: a << i adds i to the exponent. The paper leaves open
whether the shifted activations are added one by one as floats or in the significand; here in the significand,
where the sum over i is exact (width of the weight + of the significand), and rounding happens once, in the
addition to the running sum. The group's scale and zero point come afterwards, behind the PE. 0 times infinity
is NaN, 0 times a negative number -0, as if the weight were a float of its own.

Sums depend on their order. Weights are int64, all else float64 arrays that hold the formats' numbers.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from golden import check
from golden.formats import FP16, FP32, Float, Int
from golden.formats import arithmetic as floats
from golden.formats.arithmetic import Mode, RoundingMode
from golden.pe import by_format
from golden.pe import floats as pe_floats

STANDS = ("array", "tile")
EXACT = False
GROUPED = True
add_product, combine = pe_floats.add_product, pe_floats.combine
quantise, activations = by_format.quantise, by_format.activations


@dataclass(frozen=True, slots=True, kw_only=True)
class MixPeFloatParams:
    """weight: 2 to 8 bits, signed or not; activation: at most 16 bits; accumulator: a format with infinities;
    group: products in a group's sum; subnormals: kept, or read and written as zeros; registers between
    operands and sum: the first holds the product, the second the operands, the third the product again."""

    weight: Int = Int(4)
    activation: Float = FP16
    accumulator: Float = FP32
    group: int = 128
    rounding: RoundingMode = "nearest"
    subnormals: bool = True
    registers: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.weight, Int):
            raise check.fail("pe.weight", self.weight, "int2 to int8, uint2 to uint8")
        check.in_range("pe.weight.width", self.weight.width, 2, 8)
        if not isinstance(self.activation, Float) or self.activation.width > 16:
            raise check.fail("pe.activation", self.activation, "fp16, bf16, fp8_e4m3, fp8_e5m2")
        floats.check_result("pe.accumulator", self.accumulator)
        check.in_range("pe.group", self.group, 1, 1 << 20)
        check.one_of("pe.rounding", self.rounding, get_args(RoundingMode))
        check.one_of("pe.subnormals", self.subnormals, (True, False))
        check.in_range("pe.registers", self.registers, 0, 3)

    @property
    def mode(self) -> Mode:
        return Mode(self.rounding, self.subnormals)


Params = MixPeFloatParams


def name(p: MixPeFloatParams) -> str:
    """The definition's name: kind, formats, rounding, subnormals or not, registers."""
    kept = "subnormals" if p.subnormals else "flush"
    return f"mixpe_float_{p.weight}_{p.activation}_{p.accumulator}_{p.rounding}_{kept}_r{p.registers}"


def latency(p: MixPeFloatParams) -> int:
    """Cycles from operands to the sum that they enter; acc is taken in that later cycle."""
    return p.registers


def product(p: MixPeFloatParams, weight: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """The value that enters the adder, elementwise: at most 8 + 24 bits, exact."""
    return floats.exact_product(weight, floats.flushed(p.activation, activation, p.mode))


def accumulate(
    p: MixPeFloatParams, acc: np.ndarray, weight: np.ndarray, activation: np.ndarray
) -> np.ndarray:
    """One step of the PE, elementwise: golden.pe.floats.accumulate."""
    return pe_floats.accumulate(p, acc, weight, activation, product)
