"""What stands between a stream's words and the PEs' ports: a row's unit, a column's unit.

A PE for the tile has its own in its hw module, `RowUnit` (activation, take -> word, registered) and
`ColumnUnit` (word, take, phase and, if its groups select, selector and take_selector -> weight, of registers
and phase). For any other a register does.
"""

from functools import cache

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden import pe as golden_pe
from golden.pe import tiled
from hw import pe
from hw.emit import Definition


class Kept(wiring.Component):
    """i, take -> o: a word of `width` bits, until the next is taken."""

    def __init__(self, width: int):
        super().__init__({"i": In(width), "take": In(1), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        q = Signal.like(self.o, name="q", reset_less=True)
        # the word stays for all cycles that the PE takes over it
        with m.If(self.take):
            m.d.sync += q.eq(self.i)
        m.d.comb += self.o.eq(q)
        return m


def own(given, edge: str):
    """The component that the PE's hw module has for an edge, or None."""
    return getattr(pe.module_of(given), edge, None)


@cache
def kept(width: int) -> Definition:
    """The register of a word; one, for rows and columns of the same width."""
    return Definition(f"kept_{width}", Kept(width))


@cache
def row(given) -> tuple[Definition, dict[str, str]]:
    """A row's unit, and its names of the word that enters and of the one that leaves."""
    found = own(given, "RowUnit")
    if found:
        name = f"row_{golden_pe.module_of(given).name(given)}"
        return Definition(name, found(given)), {"i": "activation", "o": "word"}
    return kept(tiled.activation_bits(given)), {"i": "i", "o": "o"}


@cache
def column(given) -> tuple[Definition, dict[str, str]]:
    """A column's unit, likewise."""
    found = own(given, "ColumnUnit")
    if found:
        name = f"column_{golden_pe.module_of(given).name(given)}"
        return Definition(name, found(given)), {"i": "word", "o": "weight"}
    return kept(tiled.weight_bits(given)), {"i": "i", "o": "o"}
