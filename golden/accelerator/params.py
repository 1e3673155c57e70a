"""The parameters of an accelerator, checked when they are made.

One word: `lanes` bytes. It is the bus's word, the scratchpad's, a vector of `lanes` 8-bit codes, a row of a
tile of 8-bit weights. A vector of 16-bit codes takes two words, a vector of 32-bit sums four, lane 0 first.
"""

from dataclasses import dataclass, field
from typing import Any

from golden import check
from golden.accelerator import units
from golden.axi.read import ReadParams
from golden.axi.write import WriteParams
from golden.formats import Int
from golden.systolic.params import MatrixUnitParams
from golden.vector.piecewise import PiecewiseParams

LANES = (4, 8, 16, 32, 64)
FUNCTIONS = ("gelu", "silu", "sigmoid", "tanh")
COMMAND_BYTES = 64
MOST_FUNCTIONS = 14  # that a command's field tells apart
FIRST_FUNCTION = 2  # number of functions[0] in a command; 0: none, 1: table


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorParams:
    """A matrix unit of lanes x lanes PEs, a scratchpad, a vector unit of as many lanes, AXI4.

    unit          weight-stationary, rows = cols = lanes
    banks         of the scratchpad, each with a read and a write port; a power of two
    bank_words    words of a bank, a power of two
    queue         commands that wait at each unit
    outstanding   bursts that reading has on the way; writing has half as many
    read_buffer   bus words that have room for them
    functions     of the vector unit's piecewise polynomials, at most 14; may be empty
    more          Params of further units, one of a kind (golden.accelerator.units)
    present       names of all units, in the order of their NUMBERs
    """

    unit: MatrixUnitParams = field(default_factory=MatrixUnitParams)
    banks: int = 8
    bank_words: int = 2048
    queue: int = 8
    outstanding: int = 64
    read_buffer: int = 256
    functions: tuple[str, ...] = FUNCTIONS
    more: tuple[Any, ...] = ()
    present: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        unit = self.unit
        check.one_of("array.dataflow", unit.dataflow, ["weight"])
        check.one_of("array.rows", unit.rows, LANES)
        check.one_of("array.cols", unit.cols, [unit.rows])
        for name, operand in (("pe.weight", unit.pe.weight), ("pe.activation", unit.pe.activation)):
            check.in_range(f"{name} width", operand.width, 1, 8, "a byte of a word")
        if unit.pe.group < unit.rows:
            raise check.fail("pe.group", unit.pe.group, f"{unit.rows} or more: products of a pass")
        check.in_range("pe accumulator width", unit.pe.accumulator.width, 1, 32, "the vector unit's")
        check.one_of("scratchpad.banks", self.banks, [2, 4, 8, 16])
        check.one_of("scratchpad.bank_words", self.bank_words, [1 << i for i in range(6, 15)])
        check.in_range(
            "scratchpad words", self.words, 256, 1 << 16, "banks x bank_words; an address is 16 bits"
        )
        check.in_range("queue", self.queue, 2, 64)
        check.one_of("outstanding", self.outstanding, [2, 4, 8, 16, 32, 64])
        check.in_range("len(functions)", len(self.functions), 0, MOST_FUNCTIONS)
        _ = self.read, self.write  # their own checks
        object.__setattr__(self, "present", self._present())

    def _present(self) -> tuple[str, ...]:
        kinds = {name: units.unit(name).Params for name in units.UNITS}
        found = [name for name, kind in kinds.items() if kind is None]
        for each in self.more:
            mine = [name for name, kind in kinds.items() if kind and isinstance(each, kind)]
            if not mine or mine[0] in found:
                allowed = [name for name, kind in kinds.items() if kind and name not in found]
                raise check.fail("unit", type(each).__name__, ", ".join(allowed) or "no further ones")
            found += mine
        return tuple(sorted(found, key=units.numbers().__getitem__))

    def of(self, name: str) -> Any:
        """The Params of a further unit of the design, by its name."""
        kind = units.unit(name).Params
        return next(each for each in self.more if kind and isinstance(each, kind))

    @property
    def suffix(self) -> str:
        """Suffix for the names of hardware that depends on which units there are: names the further units."""
        return "".join(f"_{name}" for name in self.present if units.unit(name).Params)

    @property
    def lanes(self) -> int:
        """Bytes of a word."""
        return self.unit.rows

    @property
    def words(self) -> int:
        """Words of the scratchpad."""
        return self.banks * self.bank_words

    @property
    def command_words(self) -> int:
        """Bus words of a command."""
        return COMMAND_BYTES // self.lanes

    @property
    def packed_rows(self) -> int:
        """Rows of a weight tile that one word packs: several where a weight has 1, 2 or 4 bits."""
        width = self.unit.pe.weight.width
        return 8 // width if width in (1, 2, 4) else 1

    @property
    def read(self) -> ReadParams:
        """Parameters of the read master."""
        return ReadParams(
            data_bits=8 * self.lanes, longest_burst=16, outstanding=self.outstanding, buffer=self.read_buffer
        )

    @property
    def write(self) -> WriteParams:
        """Parameters of the write master."""
        return WriteParams(
            data_bits=8 * self.lanes, longest_burst=16, outstanding=max(2, self.outstanding // 2)
        )

    @property
    def piecewise(self) -> PiecewiseParams:
        """Parameters of each lane's piecewise functions: 16-bit codes with 12 fraction bits."""
        return PiecewiseParams(
            input=Int(16),
            input_fraction=12,
            out=Int(16),
            out_fraction=12,
            functions=self.functions,
            segment_bits=6,
            degree=2,
        )
