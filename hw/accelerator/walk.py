"""A nest of loops and its addresses, one a cycle. Golden: golden.accelerator.walk."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.walk import COUNT_BITS, SCRATCH_BITS
from hw.emit import Definition


def command_layout(dims: int, bits: int = SCRATCH_BITS) -> data.StructLayout:
    """A command, from bit 0: base, count_0 .., stride_0 .."""
    counts = {f"count_{i}": COUNT_BITS for i in range(dims)}
    strides = {f"stride_{i}": bits for i in range(dims)}
    return data.StructLayout({"base": bits, **counts, **strides})


def address_layout(dims: int, bits: int = SCRATCH_BITS) -> data.StructLayout:
    """A word of `o`, from bit 0; bit i of ends: the last of loops 0 to i together."""
    return data.StructLayout({"address": bits, "ends": dims})


class Walk(wiring.Component):
    """command  stream of walks; ready is combinational, from o.ready: with the last address of the one before
    o           stream of {address, ends}; registered

    Loop i holds `start_i`, the address of its round: what its inner loops begin at. As a loop goes on, its
    start, moved by its stride, becomes that of all loops inside.
    """

    def __init__(self, dims: int, bits: int):
        self.dims, self.bits = dims, bits
        super().__init__({
            "command": In(stream.Signature(command_layout(dims, bits))),
            "o": Out(stream.Signature(address_layout(dims, bits))),
        })

    def elaborate(self, platform):
        m = Module()
        active, step, done = (Signal(name=name) for name in ("active", "step", "done"))
        ends = Signal(self.dims)
        m.d.comb += [
            self.o.valid.eq(active),
            step.eq(active & self.o.ready),
            done.eq(step & ends[-1]),
            self.command.ready.eq(~active | done),
            self.o.p.ends.eq(ends),
        ]
        with m.If(self.command.ready):
            m.d.sync += active.eq(self.command.valid)
        self.loops(m, step, ends)
        return m

    def loops(self, m, step, ends):
        """Registers of each loop. The innermost that has not ended moves, those inside it begin anew."""
        command, load = self.command.p, self.command.ready
        where = Signal(self.bits)  # what the loop that moves begins at
        ended, moved = 1, []
        for i in range(self.dims):
            start, stride, after = (
                Signal(self.bits, name=f"{n}_{i}", reset_less=True) for n in ("start", "stride", "after")
            )
            left, again = (
                Signal(COUNT_BITS, name=f"{n}_{i}", reset_less=True) for n in ("left", "again")
            )
            last, inner_ended = (Signal(name=f"{n}_{i}") for n in ("last", "inner_ended"))
            m.d.comb += [
                inner_ended.eq(ended),
                last.eq(left == 1),
                ends[i].eq(inner_ended & last),
                after.eq((start + stride)[: self.bits]),
            ]
            with m.If(load):
                m.d.sync += [
                    start.eq(command.base),
                    stride.eq(command[f"stride_{i}"]),
                    left.eq(command[f"count_{i}"]),
                    # when the outermost loop has ended, so has the walk
                    again.eq(command[f"count_{i}"] if i < self.dims - 1 else 0),
                ]
            with m.Elif(step & inner_ended):
                m.d.sync += [start.eq(where), left.eq(Mux(last, again, left - 1))]
            if i == 0:
                m.d.comb += self.o.p.address.eq(start)
            moved.append((last, after))
            ended = ends[i]
        m.d.comb += where.eq(moved[-1][1])
        for last, after in reversed(moved[:-1]):
            with m.If(~last):
                m.d.comb += where.eq(after)


@cache
def definition(dims: int, bits: int = SCRATCH_BITS) -> Definition:
    """A walk of `dims` loops whose addresses have `bits` bits."""
    return Definition(f"walk_{dims}x{bits}", Walk(dims, bits))
