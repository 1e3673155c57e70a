"""The multiplier PE: acc + weight * activation, exact in integers.

    sum = acc + weight * activation

The baseline of every PE, and what defines the contract (see `golden.pe`). The accumulator never
overflows for up to `group` products: |weight * activation| <= B gives |acc| <= group * B.
"""

from dataclasses import dataclass, field

import numpy as np

from golden import check
from golden.formats import Int
from golden.pe import by_format, integers

STANDS = ("array", "tile")
EXACT = True
GROUPED = False
dot = integers.dot
quantise, activations = by_format.quantise, by_format.activations


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplierParams:
    """Formats of the operands; group: products that the accumulator adds up without overflow;
    registers: pipeline registers between the operands and the product (0 to 3). logic: the product is a tree
    of additions, which no tool puts into a DSP block. multiplier: "tool" leaves the product to synthesis,
    "booth" is a radix-4 Booth multiplier written out; the values are the same."""

    weight: Int = Int(8)
    activation: Int = Int(8)
    group: int = 65536
    registers: int = field(default=0, metadata={"key": "multiplier_registers"})  # in a design file
    logic: bool = field(default=False, metadata={"key": "multiplier_logic"})
    multiplier: str = "tool"

    def __post_init__(self) -> None:
        check.in_range("pe.weight.width", self.weight.width, 1, 32)
        check.in_range("pe.activation.width", self.activation.width, 1, 32)
        check.in_range("pe.multiplier_registers", self.registers, 0, 3)
        check.one_of("pe.multiplier", self.multiplier, ("tool",) if self.logic else ("tool", "booth"))
        most = ((1 << 61) - 1) // self.largest
        operands = f"{self.weight} x {self.activation}"
        if not most:
            raise check.fail("pe", operands, "operands with a product of at most 62 bits")
        check.in_range("pe.group", self.group, 1, min(most, 1 << 20), f"sums of {operands} in 62 bits")

    @property
    def largest(self) -> int:
        """The largest |weight * activation|."""
        return max(abs(w * a) for w in self._ends(self.weight) for a in self._ends(self.activation))

    @property
    def accumulator_bits(self) -> int:
        """Bits of a signed register that holds -group*largest to group*largest."""
        return (self.group * self.largest).bit_length() + 1

    @property
    def accumulator(self) -> Int:
        return Int(self.accumulator_bits)

    @staticmethod
    def _ends(fmt: Int) -> tuple[int, int]:
        return fmt.min, fmt.max


Params = MultiplierParams


def name(p: MultiplierParams) -> str:
    """The definition's name: kind, formats, accumulator, registers."""
    kind = "multiplier_logic" if p.logic else "multiplier"
    suffix = "_booth" if p.multiplier == "booth" else ""
    return f"{kind}_{p.weight}_{p.activation}_acc{p.accumulator.width}_r{p.registers}{suffix}"


def latency(p: MultiplierParams) -> int:
    """Cycles from operands to the sum that they enter; acc is taken in that later cycle."""
    return p.registers


def accumulate(
    p: MultiplierParams, acc: np.ndarray, weight: np.ndarray, activation: np.ndarray
) -> np.ndarray:
    """One step of the PE, elementwise: int64 arrays of any one shape, values of the formats.

    raises BadValue if a value is outside its format
    """
    weight = p.weight.check("weight", weight)
    activation = p.activation.check("activation", activation)
    return p.accumulator.wrap(p.accumulator.check("acc", acc) + weight * activation)
