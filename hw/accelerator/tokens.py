"""Tokens of each ordered pair of units. Golden: golden.accelerator.control."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import TOKENS
from hw.emit import Definition


class Tokens(wiring.Component):
    """A bit for each ordered pair of units; the token from unit g to unit t has bit g * count + t.

    give, take  a token is given, taken; at the next edge
    available   there is one
    overflow    by giver: a token was given where there were TOKENS and none was taken; combinational
    """

    def __init__(self, count: int):
        self.count = count
        super().__init__({
            "give": In(count * count),
            "take": In(count * count),
            "available": Out(count * count),
            "overflow": Out(count),
        })

    def elaborate(self, platform):
        m = Module()
        over, count = [], self.count
        for pair, (give, take) in enumerate(zip(self.give, self.take, strict=True)):
            held = Signal(range(TOKENS + 1), name=f"tokens_{pair // count}_{pair % count}")
            full = Signal(name=f"over_{pair}")
            m.d.comb += [self.available[pair].eq(held != 0), full.eq((held == TOKENS) & give & ~take)]
            # both at once leave the count as it is, also at TOKENS
            with m.If(give ^ take):
                m.d.sync += held.eq(Mux(give, held + 1, held - 1))
            over.append(full)
        for unit in range(count):
            m.d.comb += self.overflow[unit].eq(Cat(over[unit * count : (unit + 1) * count]).any())
        return m


def definition(count: int) -> Definition:
    """The counters of all pairs of so many units."""
    return Definition(f"tokens_{count}", Tokens(count))
