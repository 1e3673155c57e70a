"""The matrix unit: array, accumulator memory, requantiser. Golden: golden.systolic.matrix_unit; words: words.

    command, left, top -> sequencer -> array -> banks -> drain, requantiser -> o
                                                         drain, scale
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.systolic import words
from golden.systolic.params import MatrixUnitParams
from hw.blocks import word_layout
from hw.emit import Definition
from hw.lanes import bits, delayed, lane
from hw.systolic import accumulator, array, drain, rows, sequencer
from hw.vector.requantise import lane_definition


class MatrixUnit(wiring.Component):
    """command, left, top, drain, scale   streams in; ready is combinational from the others' valid
    o                                     stream out; registered

    golden.systolic.words says what their words hold and in which order they come. Without a requantiser there
    is no drain and no scale, and `o` is what the banks' read ports hold.
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        self.sequencer = sequencer.definition(p)
        self.ring = rows.definition(p)
        self.array = array.definition(p)
        self.bank = accumulator.definition(p)
        self.drainer = drain.definition(p)
        self.lane = lane_definition(p.requantise) if p.scaled else None
        self.uses = (self.sequencer, self.ring, self.array, self.bank, self.drainer)
        self.uses += (self.lane,) if self.lane else ()
        layout = words.fields(p)
        super().__init__({
            **{name: In(stream.Signature(word_layout(layout[name]))) for name in words.inputs(p)},
            "o": Out(stream.Signature(word_layout(layout["o"]))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.p
        acc = Signal(p.cols * p.pe.accumulator.width)
        sums = Signal.like(acc)
        completed = Signal()
        row = range(p.accumulator_rows)
        read = {"read_go": Signal(name="read_go"), "read_row": Signal(row, name="read_row")}
        read |= {f"{stage}_go": Signal(name=f"{stage}_go") for stage in drain.read_stages(p)[1:]}
        way = self.sequence(m, acc, read["read_go"])
        self.accumulate(m, way, acc, sums, completed, read)
        if p.scaled:
            self.requantise(m, sums, completed, read)
        else:
            o = self.o
            self.drainer.place(m, "drain", completed=completed, **read, o_valid=o.valid, o_ready=o.ready)
            m.d.comb += o.payload.as_value().eq(sums)
        return m

    def sequence(self, m, acc, freed):
        """Sequencer, row ring and array; returns the row's flags and address as they meet bank 0."""
        p, word = self.p, self.command.p
        take, enough, step = bits("take", "enough", "row_step")
        rewind, first, final = bits("row_rewind", "row_first", "row_final")
        row = Signal(range(p.accumulator_rows))
        streams = {f"{name}_{end}": getattr(getattr(self, name), end)
                   for name in ("command", "left", "top") for end in ("valid", "ready")}
        flags = ("step", "clear", "last") if p.dataflow == "output" else ("swap", "load", "parity")
        control = {name: Signal(name=name) for name in flags}
        self.sequencer.place(
            m, "sequencer", **streams, count=word.count, first=word.first, final=word.final, enough=enough,
            take=take, row_step=step, row_rewind=rewind, row_first=first, row_final=final, **control,
        )
        # the row that the drain reads is free, with a register, a cycle later
        freed = delayed(m, freed, p.accumulator_registers, "freed", reset=True)
        tile_rows = Const(p.rows, range(p.accumulator_rows + 1)) if p.dataflow == "output" else word.count
        self.ring.place(
            m, "ring", take=take, count=tile_rows, enough=enough, freed=freed, step=step, rewind=rewind,
            first=first, final=final, row=row,
        )
        flags = {"valid": 1, "rewind": 1, "first": 1, "final": 1}
        travelling = Signal(data.StructLayout({**flags, "row": len(row)}))
        m.d.comb += travelling.eq(Cat(step, rewind, first, final, row))
        # rows and the PE's latency to the foot of column 0; the banks take it on from there, a column a cycle
        foot = p.rows + p.latency
        way = delayed(m, travelling.as_value(), foot - p.accumulator_registers, "way", reset=True)
        at_bank = data.View(travelling.shape(), way)
        if p.dataflow == "output":
            starts = delayed(m, at_bank.valid & at_bank.rewind, p.accumulator_registers, "drain", reset=True)
            control["drain"] = starts
        left, top = self.left.payload.as_value(), self.top.payload.as_value()
        self.array.place(m, "array", left=left, top=top, acc=acc, **control)
        return at_bank

    def accumulate(self, m, way, acc, sums, completed, read):
        """The banks, one after the other; `completed`: a final sum is written in the last of them."""
        p = self.p
        valid, row, first = way.valid, way.row, way.first
        for c in range(p.cols):
            valid_out, first_out = Signal(name=f"valid_{c}"), Signal(name=f"first_{c}")
            row_out = Signal.like(row, name=f"row_{c}")
            self.bank.place(
                m, f"bank_{c}", valid_in=valid, valid_out=valid_out, row_in=row, row_out=row_out,
                first_in=first, first_out=first_out, acc=lane(acc, c, p.cols),
                read_data=lane(sums, c, p.cols), **read,
            )
            valid, row, first = valid_out, row_out, first_out
        # a row is complete when the last column's bank has written: the flags pass a register a bank
        final = delayed(m, way.final, p.cols, "final")
        written = delayed(m, valid & final, p.accumulator_registers, "written", reset=True)
        m.d.comb += completed.eq(written)

    def requantise(self, m, sums, completed, read):
        """The drain's control, and a requantiser lane for each column; their parameters rest in registers."""
        p, tile = self.p, self.drain.p
        new_tile, take_scale = bits("new_tile", "take_scale")
        go = {name: Signal(name=name) for name in (f"{stage}_go" for stage in p.requantise.stages)}
        streams = {f"{name}_{end}": getattr(getattr(self, name), end)
                   for name in ("drain", "scale", "o") for end in ("valid", "ready")}
        self.drainer.place(
            m, "drain", **streams, count=tile.count, raw=tile.raw, completed=completed, new_tile=new_tile,
            take_scale=take_scale, **read, **go,
        )
        kind = data.StructLayout({"raw": 1, "relu": 1, "zero_point": len(tile.zero_point)})
        flags = Signal(kind, reset_less=True)
        scale = Signal(word_layout(words.fields(p)["scale"]), reset_less=True)
        with m.If(read["read_go"] & new_tile):
            m.d.sync += flags.eq(Cat(tile.raw, tile.relu, tile.zero_point))
        with m.If(take_scale):
            m.d.sync += scale.eq(self.scale.payload)
        # parameters follow the row through the registers behind the banks' memory
        for stage in drain.read_stages(p)[1:]:
            flags, scale = self.follow(m, read[f"{stage}_go"], flags, scale)
        for c in range(p.cols):
            channel = 0 if p.scale_lanes == 1 else c
            parameters = {
                name: lane(scale[name], channel, p.scale_lanes) for name in ("bias", "multiplier", "shift")
            }
            self.lane.place(
                m, f"lane_{c}", acc=lane(sums, c, p.cols), **parameters, raw=flags.raw, relu=flags.relu,
                zero_point=flags.zero_point, **go, code=lane(self.o.payload.as_value(), c, p.cols),
            )

    @staticmethod
    def follow(m, go, *rows):
        """Each of `rows` in a register that goes on with the sums."""
        kept = [Signal.like(row, name=f"{row.as_value().name}_held", reset_less=True) for row in rows]
        with m.If(go):
            m.d.sync += [q.eq(row) for q, row in zip(kept, rows, strict=True)]
        return kept


def definition(p: MatrixUnitParams) -> Definition:
    """The matrix unit of `p`."""
    return Definition(p.name, MatrixUnit(p))
