"""The floating multiply-add PE: acc + weight * activation, rounded into the accumulator's format.

    fused      sum = R(acc + weight * activation)
    separate   sum = R(acc + R(weight * activation))        R: golden.formats.arithmetic

The floating baselines that the papers compare with: BitMoD (arXiv 2411.11745) with a separately registered
FP16 multiplier and adder, FIGNA and AxCore with FP16 operands and an FP32 accumulator. Nobody states the
corner cases; here they are those of IEEE 754, with what `rounding` and `subnormals` leave out. An FP16 by
FP16 product is exact in FP32, so there the structures differ in their registers alone.

Sums depend on their order. Values are float64 arrays that hold the formats' numbers, infinities and NaN.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from golden import check
from golden.formats import FP16, FP32, Float
from golden.formats import arithmetic as floats
from golden.formats.arithmetic import Mode, RoundingMode
from golden.pe import by_format
from golden.pe import floats as pe_floats

STANDS = ("array", "tile")
EXACT = False
GROUPED = True
add_product, combine = pe_floats.add_product, pe_floats.combine
quantise, activations = by_format.quantise, by_format.activations
Structure = Literal["fused", "separate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatMultiplyAddParams:
    """weight, activation: formats of at most 16 bits; accumulator: one with infinities; group: products in a
    sum; subnormals: kept, or read and written as zeros; registers between the operands and the sum: the
    first holds the product, the second the operands, the third the product again."""

    weight: Float = FP16
    activation: Float = FP16
    accumulator: Float = FP32
    group: int = 65536
    structure: Structure = "fused"
    rounding: RoundingMode = "nearest"
    subnormals: bool = True
    registers: int = 0

    def __post_init__(self) -> None:
        for where in ("weight", "activation"):
            fmt = getattr(self, where)
            if not isinstance(fmt, Float) or fmt.width > 16:
                raise check.fail(f"pe.{where}", fmt, "fp16, bf16, fp8_e4m3, fp8_e5m2")
        floats.check_result("pe.accumulator", self.accumulator)
        check.in_range("pe.group", self.group, 1, 1 << 20)
        check.one_of("pe.structure", self.structure, get_args(Structure))
        check.one_of("pe.rounding", self.rounding, get_args(RoundingMode))
        check.one_of("pe.subnormals", self.subnormals, (True, False))
        least = int(self.structure == "separate")
        check.in_range("pe.registers", self.registers, least, 3, f"{self.structure}")

    @property
    def mode(self) -> Mode:
        return Mode(self.rounding, self.subnormals)


Params = FloatMultiplyAddParams


def name(p: FloatMultiplyAddParams) -> str:
    """The definition's name: kind, formats, structure, rounding, subnormals or not, registers."""
    kept = "subnormals" if p.subnormals else "flush"
    formats = f"{p.weight}_{p.activation}_{p.accumulator}"
    return f"float_multiply_add_{formats}_{p.structure}_{p.rounding}_{kept}_r{p.registers}"


def latency(p: FloatMultiplyAddParams) -> int:
    """Cycles from operands to the sum that they enter; acc is taken in that later cycle."""
    return p.registers


def product(p: FloatMultiplyAddParams, weight: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """The value that enters the adder, elementwise: the exact product, or the rounded one."""
    operands = (p.weight, p.activation)
    if p.structure == "separate":
        return floats.multiply(p.accumulator, operands, weight, activation, p.mode)
    return floats.exact_product(
        floats.flushed(p.weight, weight, p.mode), floats.flushed(p.activation, activation, p.mode)
    )


def accumulate(
    p: FloatMultiplyAddParams, acc: np.ndarray, weight: np.ndarray, activation: np.ndarray
) -> np.ndarray:
    """One step of the PE, elementwise: golden.pe.floats.accumulate."""
    return pe_floats.accumulate(p, acc, weight, activation, product)
