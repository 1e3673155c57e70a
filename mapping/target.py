"""Targets: a design as the mapper sees it. The matrix unit or tile, its buffers, the memory behind them."""

from dataclasses import dataclass
from typing import Any, ClassVar

from golden import check, pe
from golden.accelerator.params import AcceleratorParams
from golden.pe import tiled
from golden.systolic.params import MatrixUnitParams
from golden.tile.params import TileParams

KIB = 1024
SLOWEST, FASTEST = 0.001, 100_000.0  # MHz: what circuits are clocked at, and then some


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A design to map onto.

    weight_buffer, activation_buffer   bytes; operands wait there in the words the array takes
    bytes_per_cycle                    bandwidth between the memory and the buffers, both ways together
    clock_mhz                          turns cycles into seconds, nothing else
    accelerator      what surrounds the unit where a design runs whole networks by itself, else None
    memory_latency   cycles from an address to its first word (accelerator)
    host             whether a host computes what the units of an accelerator do not
    """

    name: str
    unit: MatrixUnitParams
    weight_buffer: int = 128 * KIB
    activation_buffer: int = 128 * KIB
    bytes_per_cycle: int = 16
    clock_mhz: float = 250.0
    accelerator: AcceleratorParams | None = None
    memory_latency: int = 50
    host: bool = False

    def __post_init__(self) -> None:
        for buffer in ("weight", "activation"):
            least = self.least_buffer(buffer)
            size = self.buffer(buffer)
            check.in_range(f"buffers.{buffer} in bytes", size, least, 1 << 40, "one tile at least")
        check_surroundings(self.bytes_per_cycle, self.clock_mhz)

    @property
    def whole(self) -> AcceleratorParams | MatrixUnitParams:
        """The Params of the whole design: the accelerator's, or the unit's."""
        return self.accelerator or self.unit

    @property
    def block(self) -> MatrixUnitParams:
        """The Params of the block of streams (golden.blocks) that the design is, or contains."""
        return self.unit

    def buffer(self, operand: str) -> int:
        """Bytes of the buffer of "weight" or "activation"."""
        return self.weight_buffer if operand == "weight" else self.activation_buffer

    @property
    def family(self) -> str:
        """The design file's `family`."""
        return "accelerator" if self.accelerator else "systolic"

    @property
    def pe(self) -> Any:
        """The PE's parameters."""
        return self.unit.pe

    @property
    def grouped(self) -> bool:
        """Whether the PE's sums are of a group, which the host scales and adds up."""
        return bool(pe.module_of(self.unit.pe).GROUPED)

    @property
    def most_groups(self) -> None:
        """Most groups of a sum: no limit, since the host adds them up."""
        return None

    @property
    def left(self) -> str:
        """The operand that enters from the left: "weight" or "activation"."""
        return "weight" if self.unit.dataflow == "input" else "activation"

    @property
    def top(self) -> str:
        """The operand that enters from the top."""
        return "activation" if self.unit.dataflow == "input" else "weight"

    @property
    def left_word(self) -> int:
        """Bytes of a word of `rows` lanes."""
        return -(-self.unit.rows * int(self.unit.left.width) // 8)

    @property
    def top_word(self) -> int:
        """Bytes of a word of `cols` lanes."""
        return -(-self.unit.cols * int(self.unit.top.width) // 8)

    @property
    def peak_macs(self) -> int:
        """Multiply-accumulates a cycle."""
        return self.unit.rows * self.unit.cols

    def least_buffer(self, operand: str) -> int:
        """Bytes of one pass with one vector: the operand that stays in the array takes a word for
        each row."""
        if operand == self.left:
            return self.left_word
        return self.top_word * (1 if self.unit.dataflow == "output" else self.unit.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileTarget:
    """A dot-product tile to map onto; the fields as a Target's."""

    name: str
    tile: TileParams
    bytes_per_cycle: int = 16
    clock_mhz: float = 250.0
    family: ClassVar[str] = "tile"
    grouped: ClassVar[bool] = True  # it scales and adds up groups itself

    def __post_init__(self) -> None:
        check_surroundings(self.bytes_per_cycle, self.clock_mhz)

    @property
    def pe(self) -> Any:
        """The PE's parameters."""
        return self.tile.pe

    @property
    def peak_macs(self) -> float:
        """Multiply-accumulates a cycle."""
        p = self.tile
        return p.rows * p.cols * tiled.lanes(p.pe) / tiled.interval(p.pe)

    @property
    def whole(self) -> TileParams:
        """The Params of the whole design."""
        return self.tile

    @property
    def block(self) -> TileParams:
        """The Params of the block of streams (golden.blocks) that the design is."""
        return self.tile

    @property
    def most_groups(self) -> int:
        """Most groups of a sum: as many as a command adds up."""
        return self.tile.groups


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionTarget:
    """An attention engine: it takes jobs of its streams; networks are not mapped onto it.

    engine  the Params of its block of streams (golden.blocks)
    """

    name: str
    engine: Any
    bytes_per_cycle: int = 16
    clock_mhz: float = 250.0
    family: ClassVar[str] = "attention"
    grouped: ClassVar[bool] = False
    pe: ClassVar[Any] = None  # its multipliers are no PEs of the table
    most_groups: ClassVar[None] = None

    def __post_init__(self) -> None:
        check_surroundings(self.bytes_per_cycle, self.clock_mhz)

    @property
    def peak_macs(self) -> int:
        """Multiply-accumulates a cycle, of q k and of w v."""
        return int(self.engine.multipliers)

    @property
    def whole(self) -> Any:
        """The Params of the whole design."""
        return self.engine

    @property
    def block(self) -> Any:
        """The Params of the block of streams that the design is."""
        return self.engine


Design = Target | TileTarget | AttentionTarget


def check_surroundings(bytes_per_cycle: int, clock_mhz: float) -> None:
    """BadValue unless a design can have this memory and this clock."""
    check.in_range("memory.bytes_per_cycle", bytes_per_cycle, 1, 1 << 16)
    if not SLOWEST <= clock_mhz <= FASTEST:
        raise check.fail("clock.mhz", clock_mhz, f"{SLOWEST:g} to {FASTEST:g}")
