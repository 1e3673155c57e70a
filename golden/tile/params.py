"""The parameters of a dot-product tile, checked when they are made."""

from dataclasses import dataclass, field
from typing import Any

from golden import check, pe
from golden.pe import tiled
from golden.pe.multiplier import MultiplierParams

LARGEST = 128  # rows, cols
WORD = 64  # bits


@dataclass(frozen=True, slots=True, kw_only=True)
class TileParams:
    """rows x cols PEs; the PE's depth is a group; groups: most that one command adds up."""

    rows: int = 8
    cols: int = 8
    pe: Any = field(default_factory=lambda: MultiplierParams(group=128))
    groups: int = 256

    def __post_init__(self) -> None:
        check.in_range("array.rows", self.rows, 1, LARGEST)
        check.in_range("array.cols", self.cols, 1, LARGEST)
        check.in_range("tile.groups", self.groups, 1, 1 << 16)
        for what, bits in (("activations", tiled.activation_bits), ("weights", tiled.weight_bits)):
            check.in_range(f"bits of a word of {what}", bits(self.pe), 1, WORD, "the tile's streams")
        if self.pe.group % tiled.lanes(self.pe):
            raise check.fail(
                "pe.group", self.pe.group, f"multiples of {tiled.lanes(self.pe)}, the pairs of a word"
            )

    @property
    def group(self) -> int:
        """Pairs in a group."""
        return int(self.pe.group)

    @property
    def words(self) -> int:
        """Words of a group, in the streams of operands."""
        return self.group // tiled.lanes(self.pe)

    @property
    def name(self) -> str:
        """The definition's name."""
        return f"tile_{self.rows}x{self.cols}_{pe.module_of(self.pe).name(self.pe)}_g{self.group}"
