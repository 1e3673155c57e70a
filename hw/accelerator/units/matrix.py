"""The matrix unit. Golden: golden.accelerator.multiply, its cycles golden.accelerator.multiply_cycles.

    command -> decode -> left fetcher ----------------------> matrix unit -> sums
                      -> top fetcher -> unpack, corner-turn ->
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring

from golden.accelerator.multiply import LEFT_LOOPS, TOP_LOOPS, matrix_unit_of
from golden.accelerator.params import AcceleratorParams
from golden.systolic.words import fields
from hw.accelerator import fetcher, multiply_decode, weight_unpacker
from hw.accelerator.units import signature
from hw.blocks import word_layout
from hw.emit import Definition
from hw.lanes import bits, lane, tied
from hw.systolic import matrix_unit

SUM = 32  # bits of a lane of sums
LOOPS = {"left": len(LEFT_LOOPS), "top": TOP_LOOPS}


class Matrix(wiring.Component):
    """See hw.accelerator.units.signature. command.ready is combinational, from that of left and top;
    done: the last of a command's words was asked for in an earlier cycle; sums are registered, sign-extended.

    Each fetcher takes a command's walk as soon as it has asked for all of the one before, so operands of
    commands follow one another without a gap.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.decode = multiply_decode.definition(p)
        self.fetchers = {name: fetcher.definition(p, loops) for name, loops in LOOPS.items()}
        self.unpack = weight_unpacker.definition(p)
        self.unit = matrix_unit.definition(matrix_unit_of(p))
        self.uses = (self.decode, *self.fetchers.values(), self.unpack, self.unit)
        super().__init__(signature(p, "matrix"))

    def elaborate(self, platform):
        m = Module()
        walk = {
            name: stream.Signature(fetcher.command_layout(loops)).create(path=(name, "walk"))
            for name, loops in LOOPS.items()
        }
        kind = Signal(weight_unpacker.kind_layout(self.p))
        self.decode.place(
            m, "decode", kind=kind.as_value(), **tied("command", self.command), **tied("left", walk["left"]),
            **tied("top", walk["top"]),
        )
        kind_ready, left_idle, top_idle = bits("kind_ready", "left_idle", "top_idle")
        left, left_ended = self.fetch(m, "left", walk["left"], 1, left_idle)
        top, top_ended = self.fetch(m, "top", walk["top"], kind_ready, top_idle)
        row = stream.Signature(weight_unpacker.rows_bits(self.p)).create(path=("row",))
        words = word_layout(fields(matrix_unit_of(self.p))["command"])
        command = stream.Signature(words).create(path=("pass",))
        unpacks = Signal()
        self.unpack.place(
            m, "unpack", kind_valid=walk["top"].valid & walk["top"].ready, kind_ready=kind_ready,
            kind_payload=kind.as_value(), **tied("i", top), **tied("row", row), **tied("command", command),
            busy=unpacks,
        )
        working = self.multiply(m, left, row, command)
        walks = walk["left"].valid | walk["top"].valid
        m.d.comb += self.busy.eq(walks | ~left_idle | ~top_idle | unpacks | working)
        self.finish(m, left_ended, top_ended)
        return m

    def fetch(self, m, name, walk, room, idle):
        """Place a fetcher; returns its stream, and whether it requests the last word of a command."""
        port, word = getattr(self.scratch, name), fetcher.word_layout(self.p, LOOPS[name])
        o = stream.Signature(word).create(path=(name, "o"))
        free, running, ended = bits(f"{name}_free", f"{name}_running", f"{name}_ended")
        self.fetchers[name].place(
            m, f"{name}_fetcher", command_valid=walk.valid & room, command_ready=free,
            command_payload=walk.payload.as_value(), request_valid=port.valid, request_ready=port.ready,
            request_address=port.address, data=port.data, **tied("o", o), idle=idle,
        )
        # a walk is taken only with room for its kind: words without one would be read wrongly
        m.d.comb += [walk.ready.eq(free & room), ended.eq(running & free)]
        with m.If(free):
            m.d.sync += running.eq(walk.valid & room)
        return o, ended

    def finish(self, m, left_ended, top_ended):
        """Raise done once both fetchers have requested the command's last word; one may be two commands
        ahead."""
        done = []
        for name, ended in (("left", left_ended), ("top", top_ended)):
            # fetchers end in either order
            count = Signal(2, name=f"{name}_done")
            m.d.sync += count.eq((count + ended - self.done)[:2])
            done.append(count != 0)
        m.d.comb += self.done.eq(done[0] & done[1])

    def multiply(self, m, left, row, command):
        """Place the matrix unit; returns whether rows of sums are inside."""
        p, unit = self.p, matrix_unit_of(self.p)
        activations = Signal(p.lanes * unit.left.width)
        sums = Signal(p.lanes * unit.pe.accumulator.width)
        m.d.comb += activations.eq(
            Cat(lane(left.p.data, index, p.lanes)[: unit.left.width] for index in range(p.lanes))
        )
        m.d.comb += self.sums.payload.eq(
            Cat(extended(lane(sums, index, p.lanes)) for index in range(p.lanes))
        )
        self.unit.place(
            m, "matrix_unit", **tied("command", command), left_valid=left.valid, left_ready=left.ready,
            left_payload=activations, **tied("top", row), o_valid=self.sums.valid, o_ready=self.sums.ready,
            o_payload=sums,
        )
        at_output = 1 + unit.accumulator_registers  # rows that stand there
        inside = Signal(range(unit.accumulator_rows + at_output + 1))  # rows
        # a tile takes its rows with its first pass
        enters = Mux(command.valid & command.ready & command.p.first, command.p.count, 0)
        leaves = self.sums.valid & self.sums.ready
        m.d.sync += inside.eq((inside + enters - leaves)[: len(inside)])
        return inside != 0


def extended(value):
    """A lane of sums, sign-extended."""
    return value.as_signed() if len(value) == SUM else Cat(value, value[-1].replicate(SUM - len(value)))


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The matrix unit of `p`."""
    return Definition(f"multiply_{p.unit.name}_{p.words}", Matrix(p))
