"""The weight-stationary array as Amaranth is usually written: a submodule a PE, `amaranth.back.verilog`."""

from amaranth.back import verilog
from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Pe(wiring.Component):
    """Same registers as hw.systolic.weight_stationary's cell and its share of the column."""

    load: In(1)
    parity: In(1)
    held_above: In(1)
    held: Out(1)
    next_in: In(signed(8))
    next_out: Out(signed(8))
    moving_in: In(signed(8))
    moving_out: Out(signed(8))
    swap_in: In(1)
    swap_out: Out(1)
    acc_in: In(signed(32))
    acc_out: Out(signed(32))

    def elaborate(self, platform):
        m = Module()
        resting = Signal(signed(8))
        m.d.sync += [
            self.moving_out.eq(self.moving_in),
            self.swap_out.eq(self.swap_in),
            self.acc_out.eq(self.acc_in + resting * self.moving_out),
        ]
        with m.If(self.load & (self.held_above == self.parity)):
            m.d.sync += [self.next_out.eq(self.next_in), self.held.eq(self.parity)]
        with m.If(self.swap_out):
            m.d.sync += resting.eq(self.next_out)
        return m


class Array(wiring.Component):
    """size x size PEs, int8."""

    def __init__(self, size: int):
        self.size = size
        super().__init__({
            "left": In(size * 8), "swap": In(1), "top": In(size * 8), "load": In(1), "parity": In(1),
            "acc": Out(size * 32),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        self.m = m
        load, parity = self.load, self.parity
        above = [None] * self.size
        before = [
            (self.late(self.left[r * 8 : r * 8 + 8], r), self.late(self.swap, r)) for r in range(self.size)
        ]
        for c in range(self.size):
            load, parity = self.late(load, 1), self.late(parity, 1)
            entering = self.late(self.top[c * 8 : c * 8 + 8], c + 1)
            for r in range(self.size):
                pe = Pe()
                m.submodules[f"pe_{r}_{c}"] = pe
                up = above[c] if r else None
                m.d.comb += [
                    pe.load.eq(load), pe.parity.eq(parity),
                    pe.moving_in.eq(before[r][0]), pe.swap_in.eq(before[r][1]),
                    pe.held_above.eq(up.held if up is not None else parity),
                    pe.next_in.eq(up.next_out if up is not None else entering),
                    pe.acc_in.eq(up.acc_out if up is not None else 0),
                ]  # fmt: skip
                before[r] = (pe.moving_out, pe.swap_out)
                above[c] = pe
        m.d.comb += self.acc.eq(Cat(pe.acc_out for pe in above))
        return m

    def late(self, value, cycles):
        """`value` some cycles ago."""
        for _ in range(cycles):
            q = Signal(value.shape())
            self.m.d.sync += q.eq(value)
            value = q
        return value


def array_verilog(size: int) -> str:
    """Verilog of the array, module `plain`."""
    return verilog.convert(Array(size), name="plain")
