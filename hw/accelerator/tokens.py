"""Tokens of each ordered pair of units. Golden: golden.accelerator.control."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import TOKENS, UNITS
from hw.emit import Definition

COUNT = len(UNITS)


class Tokens(wiring.Component):
    """A bit for each ordered pair; that of the token from unit g to unit t is g * COUNT + t.

    give, take  a token comes, one goes; at the next edge
    available   there is one
    overflow    by giver: a token came where there were TOKENS and none went; combinational
    """

    def __init__(self):
        super().__init__({
            "give": In(COUNT * COUNT),
            "take": In(COUNT * COUNT),
            "available": Out(COUNT * COUNT),
            "overflow": Out(COUNT),
        })

    def elaborate(self, platform):
        m = Module()
        over = []
        for pair, (give, take) in enumerate(zip(self.give, self.take, strict=True)):
            count = Signal(range(TOKENS + 1), name=f"tokens_{pair // COUNT}_{pair % COUNT}")
            full = Signal(name=f"over_{pair}")
            m.d.comb += [self.available[pair].eq(count != 0), full.eq((count == TOKENS) & give & ~take)]
            with m.If(give ^ take):
                m.d.sync += count.eq(Mux(give, count + 1, count - 1))
            over.append(full)
        for unit in range(COUNT):
            m.d.comb += self.overflow[unit].eq(Cat(over[unit * COUNT : (unit + 1) * COUNT]).any())
        return m


def definition() -> Definition:
    """The counters of all pairs."""
    return Definition("tokens", Tokens())
