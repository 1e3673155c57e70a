"""The keys of a design file, their types and those of their ranges that golden does not check."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from golden import check
from golden.accelerator.params import FUNCTIONS
from golden.formats import Int

FORMAT = re.compile(r"(u?)int([1-9]\d?)")
WIDEST = 32  # bits of an operand or a code


def integer_format(where: str, text: str) -> Int:
    """The format that `text` names: int8, uint4, ..."""
    match = FORMAT.fullmatch(text)
    if match is None or int(match[2]) > WIDEST:
        raise check.fail(where, repr(text), f"int1 to int{WIDEST}, uint1 to uint{WIDEST}")
    return Int(int(match[2]), signed=not match[1])


class Table(BaseModel):
    """Strict: no key that is not here, no text for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ArrayTable(Table):
    """dataflow: of a systolic array."""

    rows: int
    cols: int
    dataflow: str | None = None


class AccumulatorsTable(Table):
    """rows: words of `array.cols` sums. registers: behind the memory's read ports."""

    rows: int = 1024
    registers: int = 0


class RequantiseTable(Table):
    """registers: beyond the three that there always are."""

    out: str = "int8"
    multiplier_bits: int = Field(default=16, ge=1, le=WIDEST)
    max_shift: int = Field(default=47, ge=1, le=62)
    rounding: str = "half_up"
    registers: int = 0


class BuffersTable(Table):
    weight_kib: int = 128
    activation_kib: int = 128


class MemoryTable(Table):
    """latency: cycles from an address to its first word, and from a last word to its response."""

    bytes_per_cycle: int = 16
    latency: int = Field(default=50, ge=1, le=4096)


class ScratchpadTable(Table):
    """banks of bank_words words of as many bytes as the array has rows."""

    banks: int = 8
    bank_words: int = 2048


class UnitsTable(Table):
    """queue: commands that wait at a unit. functions: piecewise polynomials of the vector unit."""

    queue: int = 8
    functions: list[str] = list(FUNCTIONS)


class HostTable(Table):
    """host: whether a host computes what the units of an accelerator do not, between programs."""

    host: bool = False


class ControlTable(HostTable):
    """kind: who runs a network: a host that gives jobs to a unit, or a program. queue: as of UnitsTable."""

    kind: str = Field(default="host", pattern="^(host|program)$")
    queue: int = 8


class BusTable(Table):
    """AXI4. outstanding: bursts that reading has on the way. read_buffer: words that have room for them."""

    outstanding: int = 64
    read_buffer: int = 256


class ClockTable(Table):
    mhz: float = 250.0


class FamilyFile(Table):
    """A whole file that names a family."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")
    family: str = Field(default="systolic", pattern="^(systolic|accelerator|tile)$")
    array: ArrayTable
    pe: dict[str, Any] = {}  # systola.pe_table: its keys are those of its kind
    accumulators: AccumulatorsTable = AccumulatorsTable()
    requantise: RequantiseTable = RequantiseTable()
    buffers: BuffersTable = BuffersTable()
    scratchpad: ScratchpadTable = ScratchpadTable()
    units: UnitsTable = UnitsTable()
    unit: list[dict[str, Any]] = []  # systola.unit_table: further units of an accelerator
    bus: BusTable = BusTable()
    control: HostTable = HostTable()
    memory: MemoryTable = MemoryTable()
    clock: ClockTable = ClockTable()


class TileTable(Table):
    """A unit: PEs that add up groups by themselves. kind: "tile"."""

    kind: str
    rows: int
    cols: int
    pe: dict[str, Any] = {}


class MatrixTable(TileTable):
    """A unit: a systolic array. kind: "matrix"."""

    dataflow: str | None = None
    accumulators: AccumulatorsTable = AccumulatorsTable()
    requantise: RequantiseTable = RequantiseTable()
    buffers: BuffersTable = BuffersTable()


class AttentionTable(Table):
    """A unit: an attention engine; its other keys are the engine's (systola.attention_table)."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    kind: str
    engine: str


class VectorTable(Table):
    """A unit: what follows products. kind: "vector". functions: as of UnitsTable."""

    kind: str
    functions: list[str] = list(FUNCTIONS)


class CompositionFile(Table):
    """A whole file that names its units; `FamilyFile` is a shorthand of it (systola.composition.expanded)."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")
    control: ControlTable = ControlTable()
    unit: list[dict[str, Any]]
    scratchpad: ScratchpadTable = ScratchpadTable()
    bus: BusTable = BusTable()
    memory: MemoryTable = MemoryTable()
    clock: ClockTable = ClockTable()
