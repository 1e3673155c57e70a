"""Decodes MULTIPLY into the walks of its two fetchers."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.multiply import LEFT_LOOPS, TOP_LOOPS, TOP_TILE_LOOPS
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import SCRATCH_BITS
from golden.division import ceil_div
from hw.accelerator.command_fields import fields
from hw.accelerator.walk import command_layout
from hw.accelerator.weight_unpacker import kind_layout
from hw.emit import Definition


class MultiplyDecode(wiring.Component):
    """command    stream; ready is combinational, from left.ready and top.ready
    left, top  streams of walks; registered, with what little is computed behind the registers
    kind       of the command that `top` offers

    A command is held until both walks of it are taken, each when its fetcher can.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        super().__init__({
            "command": In(stream.Signature(BITS)),
            "left": Out(stream.Signature(command_layout(len(LEFT_LOOPS)))),
            "top": Out(stream.Signature(command_layout(TOP_LOOPS))),
            "kind": Out(kind_layout(p)),
        })

    def elaborate(self, platform):
        m = Module()
        given = fields(self.command.payload, Opcode.MULTIPLY)
        held = Signal.like(given, name="held", reset_less=True)
        passes_01 = Signal(16, reset_less=True)
        count = Signal(len(self.kind.count), reset_less=True)
        with m.If(self.command.valid & self.command.ready):
            m.d.sync += [
                held.eq(given),
                # a legal command's products fit
                passes_01.eq((given.count_k0 * given.count_k1)[: len(passes_01)]),
                count.eq((given.count_x * given.count_y)[: len(count)]),
            ]
        m.d.comb += [self.kind.transpose.eq(held.transpose), self.kind.count.eq(count)]
        m.d.comb += [self.kind.open.eq(held.open), self.kind.more.eq(held.more)]
        self.offer(m)
        self.walks(m, held, passes_01)
        return m

    def offer(self, m):
        """Offer each walk until it is taken; take the next command when both are."""
        gone = []
        for walk in (self.left, self.top):
            waits = Signal(name=f"waits_{len(gone)}")
            with m.If(self.command.ready):
                m.d.sync += waits.eq(self.command.valid)
            with m.Elif(walk.ready):
                m.d.sync += waits.eq(0)
            m.d.comb += walk.valid.eq(waits)
            gone.append(~waits | walk.ready)
        m.d.comb += self.command.ready.eq(gone[0] & gone[1])

    def walks(self, m, held, passes_01):
        """The two walks. A pass's last word of weights comes first, so that walk begins there, its stride
        negated."""
        p, left, top = self.p, self.left.p, self.top.p
        packed, row = ceil_div(p.lanes, p.packed_rows), held.top_row_stride
        # places of the last word of L and of the packed ones: powers of two, less one
        columns, rows = (((row << ceil_log2(n)) - row)[:SCRATCH_BITS] for n in (p.lanes, packed))
        m.d.comb += [
            left.base.eq(held.left),
            top.base.eq((held.top + Mux(held.transpose, columns, rows))[: len(top.base)]),
            top.count_0.eq(Mux(held.transpose, p.lanes, packed)),
            top.stride_0.eq((-row)[: len(top.stride_0)]),
            top.count_1.eq((passes_01 * held.count_k2)[: len(top.count_1)]),
            top.stride_1.eq(held.top_pass_stride),
        ]
        for walk, loops, inner in ((left, LEFT_LOOPS, 0), (top, TOP_TILE_LOOPS, TOP_LOOPS - 2)):
            for index, (count, stride) in enumerate(loops, start=inner):
                m.d.comb += [walk[f"count_{index}"].eq(held[count]), walk[f"stride_{index}"].eq(held[stride])]


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The decoder of `p`."""
    packed = ceil_div(p.lanes, p.packed_rows)
    return Definition(f"multiply_decode_{p.lanes}x{packed}_{p.unit.accumulator_rows}", MultiplyDecode(p))
