"""The drain: completed rows of the accumulator memory, in order, through the requantiser to `o`."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.systolic.params import MatrixUnitParams
from hw.emit import Definition
from hw.lanes import bits
from hw.stages import hold_stages


def read_stages(p: MatrixUnitParams) -> tuple[str, ...]:
    """Registers between the banks' memory and what a row of sums goes to."""
    return ("read", "held")[: 1 + p.accumulator_registers]


def stages(p: MatrixUnitParams) -> tuple[str, ...]:
    """All registers that a row passes, from the banks' memory to `o`."""
    return (*read_stages(p), *(p.requantise.stages if p.scaled else ()))


class Drain(wiring.Component):
    """drain_*, scale_*   handshakes of the streams; count and raw of the tile offered
    completed             the last bank wrote the last sum of a row
    read_go, read_row     to the banks, which hold the row until the next read_go
    new_tile              with read_go: the first row of a tile; its flags are taken with it
    take_scale            with read_go: a word of scale is taken with it
    held_go, sum_go, ...  the banks' register behind the read, and the requantiser's stages, may load
    o_valid, o_ready      handshake of o; o_valid is registered

    A row is read as soon as it is complete, so the drain follows the last pass at the array's pace.
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        row = range(p.accumulator_rows)
        super().__init__({
            **{f"{name}_valid": In(1) for name in ("drain", "scale")},
            **{f"{name}_ready": Out(1) for name in ("drain", "scale")},
            "count": In(range(p.accumulator_rows + 1)),
            "raw": In(1),
            "completed": In(1),
            "read_go": Out(1),
            "read_row": Out(row),
            "new_tile": Out(1),
            "take_scale": Out(1),
            **{f"{stage}_go": Out(1) for stage in stages(p)[1:]},
            "o_valid": Out(1),
            "o_ready": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        ready_rows = Signal(range(self.p.accumulator_rows + 1))
        left = Signal.like(self.count)  # rows of this tile still to read
        raw, scaled, offered, stage_go = bits("raw_q", "scaled", "offered", "stage_go")
        with m.If(self.new_tile & self.read_go):
            m.d.sync += raw.eq(self.raw)
        go = {"read": stage_go} | {stage: getattr(self, f"{stage}_go") for stage in stages(self.p)[1:]}
        m.d.comb += self.o_valid.eq(hold_stages(m, go, valid=self.read_go, ready=self.o_ready))
        # input-stationary rows are output channels: a scale for each row, else one word for the whole tile
        each_row = self.p.scale_lanes == 1 and self.p.dataflow == "input"
        m.d.comb += [
            self.new_tile.eq(left == 0),
            scaled.eq(~Mux(self.new_tile, self.raw, raw) & (self.new_tile | each_row)),
            offered.eq(stage_go & (ready_rows != 0) & (self.drain_valid | ~self.new_tile)),
            self.read_go.eq(offered & (self.scale_valid | ~scaled)),
            self.take_scale.eq(self.read_go & scaled),
            self.scale_ready.eq(offered & scaled),
            self.drain_ready.eq(self.read_go & self.new_tile),
        ]
        # never below zero: read_go only where ready_rows is not 0; never above the depth: the ring's rows
        m.d.sync += ready_rows.eq((ready_rows + self.completed - self.read_go)[: len(ready_rows)])
        with m.If(self.read_go):
            m.d.sync += left.eq(Mux(self.new_tile, self.count, left) - 1)
            wrap = self.read_row == self.p.accumulator_rows - 1
            m.d.sync += self.read_row.eq(Mux(wrap, 0, self.read_row + 1))
        return m


class PlainDrain(wiring.Component):
    """The drain without a requantiser: a row is offered as it was read. Ports as of Drain."""

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        super().__init__({
            "completed": In(1),
            "read_go": Out(1),
            "read_row": Out(range(p.accumulator_rows)),
            **{f"{stage}_go": Out(1) for stage in stages(p)[1:]},
            "o_valid": Out(1),
            "o_ready": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        ready_rows = Signal(range(self.p.accumulator_rows + 1))
        stage_go = Signal()
        go = {"read": stage_go} | {stage: getattr(self, f"{stage}_go") for stage in stages(self.p)[1:]}
        m.d.comb += [
            self.read_go.eq(stage_go & (ready_rows != 0)),
            self.o_valid.eq(hold_stages(m, go, valid=self.read_go, ready=self.o_ready)),
        ]
        m.d.sync += ready_rows.eq((ready_rows + self.completed - self.read_go)[: len(ready_rows)])
        with m.If(self.read_go):
            wrap = self.read_row == self.p.accumulator_rows - 1
            m.d.sync += self.read_row.eq(Mux(wrap, 0, self.read_row + 1))
        return m


def definition(p: MatrixUnitParams) -> Definition:
    """The drain of `p`."""
    added = "_a1" * p.accumulator_registers
    if not p.scaled:
        return Definition(f"plain_drain_{p.accumulator_rows}{added}", PlainDrain(p))
    added += f"_q{p.requantise_registers}" if p.requantise_registers else ""
    return Definition(f"{p.dataflow}_drain_{p.accumulator_rows}{added}", Drain(p))
