"""MixPE: narrow weights times activations by shift and add, exact in integers.

    sum = acc + sum_i q_i (a << i)        q_i: bit i of the weight; of a signed one the top row is subtracted

Source: MixPE (arXiv 2411.16158): weights are quantised in groups of `group` along K, w = s (q - z), and

    y = sum_g s_g (sum_{k in g} q_k a_k - z_g sum_{k in g} a_k)

so that scale and zero point are applied once a group, behind the PE, by golden.vector.dequantise. What the
paper leaves open: the running sum of one group is exact. It is the narrowest integer that holds
group * least to group * largest product: 19 bits for int4 or uint4 by int8 and groups of 128
(18 for int4 would hold all but the one sum (-8) * (-128) * 128).
"""

from dataclasses import dataclass

import numpy as np

from golden import check
from golden.formats import Int
from golden.pe import by_format, integers

STANDS = ("array", "tile")
EXACT = True
GROUPED = True
dot = integers.dot
quantise, activations = by_format.quantise, by_format.activations


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftAddParams:
    """weight: 2 to 8 bits, signed or not; activation: up to 16; group: products in a group's sum;
    registers: between the operands and the product: none, behind the product, before and behind it."""

    weight: Int = Int(4)
    activation: Int = Int(8)
    group: int = 128
    registers: int = 0

    def __post_init__(self) -> None:
        check.in_range("pe.weight.width", self.weight.width, 2, 8)
        check.in_range("pe.activation.width", self.activation.width, 1, 16)
        check.in_range("pe.group", self.group, 1, 1 << 20)
        check.in_range("pe.registers", self.registers, 0, 2)

    @property
    def accumulator(self) -> Int:
        least, largest = integers.products(self.weight, self.activation)
        return integers.narrowest(self.group * least, self.group * largest)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixPeParams(ShiftAddParams):
    """Parameters of MixPE (golden.pe.aligned has the same PE)."""


Params = MixPeParams


def name(p: ShiftAddParams, kind: str = "mixpe") -> str:
    """The definition's name: kind, formats, accumulator, registers."""
    return f"{kind}_{p.weight}_{p.activation}_acc{p.accumulator.width}_r{p.registers}"


def latency(p: ShiftAddParams) -> int:
    """Cycles from operands to the sum that they enter; acc is taken in that later cycle."""
    return p.registers


def product(weight: Int, q: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """sum_i q_i (activation << i), elementwise: q values of `weight`, int64."""
    codes = weight.encode(q).view(np.int64)
    total = np.zeros(np.broadcast_shapes(codes.shape, activation.shape), np.int64)
    for bit in range(weight.width):
        row = (codes >> bit & 1) * (activation << bit)
        total += -row if weight.signed and bit == weight.width - 1 else row
    return total


def accumulate(p: ShiftAddParams, acc: np.ndarray, weight: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """One step of the PE, elementwise: int64 arrays of any one shape, values of the formats.

    raises BadValue if a value is outside its format
    """
    weight = p.weight.check("weight", weight)
    activation = p.activation.check("activation", activation)
    return p.accumulator.wrap(p.accumulator.check("acc", acc) + product(p.weight, weight, activation))
