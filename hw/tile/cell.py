"""A PE of the tile with the sum that stays in it, and the last group's behind it."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden import pe as golden_pe
from golden.pe import tiled
from hw import pe
from hw.emit import Definition


class TileCell(wiring.Component):
    """weight, activation    the PE's ports
    step, clear, capture  add; begin at zero; the new sum is the group's and is kept: they belong to the
                          operands of the PE's latency before
    sum                   of the last group, kept until the next capture; where the PE finishes sums in the
                          cell, what `finish`, a cycle behind the capture, and `scale` make of it in time
    """

    def __init__(self, given):
        self.pe = pe.definition(given)
        self.finisher = finisher(given)
        self.uses = (self.pe, self.finisher) if self.finisher else (self.pe,)
        ports = self.pe.component
        self.acc = given.accumulator.width
        super().__init__(
            {
                "weight": In(len(ports.weight)),
                "activation": In(len(ports.activation)),
                "step": In(1),
                "clear": In(1),
                "capture": In(1),
                **({"finish": In(1), "scale": In(tiled.scale_bits(given))} if self.finisher else {}),
                "sum": Out(sum_bits(given)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        acc = Signal(self.acc, reset_less=True)
        base = Signal(self.acc)
        total = Signal(self.acc)
        # every format's zero is the code 0
        m.d.comb += base.eq(Mux(self.clear, 0, acc))
        self.pe.place(
            m, "pe", weight=self.weight, activation=self.activation, acc_in=base, acc_out=total,
        )  # fmt: skip
        with m.If(self.step):
            m.d.sync += acc.eq(total)
        kept = Signal(self.acc, reset_less=True)
        with m.If(self.capture):
            m.d.sync += kept.eq(total)
        if self.finisher:
            self.finisher.place(m, "finisher", start=self.finish, sum=kept, scale=self.scale, o=self.sum)
        else:
            m.d.comb += self.sum.eq(kept)
        return m


@cache
def finisher(given) -> Definition | None:
    """The PE's own unit that finishes a group's sum bit by bit, if it has one."""
    own = getattr(pe.module_of(given), "Finish", None)
    name = golden_pe.module_of(given).name(given)
    return Definition(f"finish_{name}", own(given)) if own else None


def sum_bits(given) -> int:
    """Of what a cell hands on."""
    found = finisher(given)
    return len(found.component.o) if found else int(given.accumulator.width)


def definition(given) -> Definition:
    """The cell of a PE's Params."""
    return Definition(f"tile_cell_{golden_pe.module_of(given).name(given)}", TileCell(given))
