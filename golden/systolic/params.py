"""The parameters of a matrix unit, checked when they are made."""

from dataclasses import dataclass, field
from typing import Any

from golden import check, pe
from golden.formats import Int
from golden.formats.rounding import Rounding
from golden.pe.multiplier import MultiplierParams
from golden.vector.requantise import RequantiseParams

DATAFLOWS = ("weight", "output", "input")
LARGEST = 128  # rows, cols


def requantisable(params: Any) -> bool:
    """Whether a requantiser takes the sums of the PE that `params` are for."""
    return isinstance(params.accumulator, Int)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixUnitParams:
    """rows x cols PEs, the accumulator memory behind them and the requantiser behind that.

    dataflow          which operand stays in the array: "weight", "output" (the sums stay) or "input"
    pe                Params of a PE whose ports hold one operand each (golden.pe: STANDS, "array")
    accumulator_rows  words of `cols` sums that the accumulator memory holds
    rows_in_word      rows of operands that rest in a word of `top`: so many load in a cycle; divides rows
    accumulator_registers   behind the memory's read ports (0 or 1), for a faster clock
    multiplier_bits, max_shift, rounding, out   of the requantiser (golden.vector.requantise); max_shift
                      no more than the bits of its product
    requantise_registers    of the requantiser, beyond its three
    scaled            there is a requantiser, which takes integers; without it each row of sums leaves as it
                      is, 3 cycles sooner
    """

    rows: int = 16
    cols: int = 16
    dataflow: str = "weight"
    pe: Any = field(default_factory=MultiplierParams)
    accumulator_rows: int = 1024
    rows_in_word: int = 1
    accumulator_registers: int = 0
    multiplier_bits: int = 16
    max_shift: int = 47
    rounding: Rounding = Rounding.HALF_UP
    out: Int = Int(8)
    requantise_registers: int = 0
    scaled: bool = True

    def __post_init__(self) -> None:
        check.one_of("pe.kind of a systolic array", pe.kind_of(self.pe), pe.standing("array"))
        check.in_range("array.rows", self.rows, 1, LARGEST)
        check.in_range("array.cols", self.cols, 1, LARGEST)
        check.one_of("array.dataflow", self.dataflow, DATAFLOWS)
        check.in_range("accumulators.rows", self.accumulator_rows, self.least_rows, 1 << 16, "a tile's rows")
        most = 1 if self.dataflow == "output" else self.rows
        divisors = [each for each in range(1, most + 1) if self.rows % each == 0]
        check.one_of("rows_in_word", self.rows_in_word, divisors)
        check.in_range("accumulators.registers", self.accumulator_registers, 0, 1)
        if self.scaled:
            if not requantisable(self.pe):
                kind = f"{pe.kind_of(self.pe)} with sums in {self.pe.accumulator}"
                raise check.fail("requantise", f"given with {kind}", "integer sums; floats leave as they are")
            _ = self.requantise

    @property
    def least_rows(self) -> int:
        """An output-stationary pass gives `rows` words at once; the others as many as are streamed."""
        return self.rows if self.dataflow == "output" else 1

    @property
    def requantise(self) -> RequantiseParams:
        return RequantiseParams(
            acc=self.pe.accumulator,
            multiplier=Int(self.multiplier_bits, signed=False),
            out=self.out,
            max_shift=min(self.max_shift, self.pe.accumulator.width + self.multiplier_bits),
            rounding=self.rounding,
            registers=self.requantise_registers,
        )

    @property
    def left(self) -> Any:
        """Format of a lane that enters from the left."""
        return self.pe.weight if self.dataflow == "input" else self.pe.activation

    @property
    def top(self) -> Any:
        """Format of a lane that enters from the top."""
        return self.pe.activation if self.dataflow == "input" else self.pe.weight

    @property
    def loads(self) -> int:
        """Words of `top` that a tile of operands that rest takes, one a cycle."""
        return self.rows // self.rows_in_word

    @property
    def latency(self) -> int:
        """Cycles that the PE adds between operands and sum."""
        return int(pe.module_of(self.pe).latency(self.pe))

    @property
    def scale_lanes(self) -> int:
        """Channels in one word of requantisation parameters.

        Where weights stay in a column, or sums do, a column is a channel and one word serves a tile;
        input-stationary, a row is a channel, and each row takes a word.
        """
        return 1 if self.dataflow == "input" else self.cols

    @property
    def largest_count(self) -> int:
        """Most vectors in one pass: rows of the accumulator memory, or the depth of a sum that stays."""
        return int(self.pe.group) if self.dataflow == "output" else self.accumulator_rows

    @property
    def name(self) -> str:
        """The definition's name."""
        kind = pe.module_of(self.pe).name(self.pe)
        what = "matrix_unit" if self.scaled else "matrix_sums"
        added = f"_w{self.rows_in_word}" if self.rows_in_word > 1 else ""
        added += f"_a{self.accumulator_registers}" if self.accumulator_registers else ""
        added += f"_q{self.requantise_registers}" if self.scaled and self.requantise_registers else ""
        return f"{what}_{self.dataflow}_{self.rows}x{self.cols}_{kind}_d{self.accumulator_rows}{added}"
