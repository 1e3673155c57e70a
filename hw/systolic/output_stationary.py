"""Output-stationary columns: golden.systolic.output_stationary."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.systolic.params import MatrixUnitParams
from hw import pe
from hw.emit import Definition
from hw.lanes import delayed, lane


class OutputCell(wiring.Component):
    """A PE with its sum and the shadow that drains it.

    weight_in, weight_out   one register, down
    activation              the column holds its register
    step, clear, capture    add; start from zero; the new sum is the last and goes to the shadow, too.
                            They belong to the operands of the PE's latency before.
    shift                   the shadow takes the one above
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        self.pe = pe.definition(p.pe)
        self.uses = (self.pe,)
        acc = p.pe.accumulator.width
        super().__init__({
            "weight_in": In(p.top.width),
            "weight_out": Out(p.top.width),
            "activation": In(p.left.width),
            "step": In(1),
            "clear": In(1),
            "capture": In(1),
            "shift": In(1),
            "shadow_in": In(acc),
            "shadow_out": Out(acc),
        })

    def elaborate(self, platform):
        m = Module()
        weight = Signal(self.p.top.width, reset_less=True)
        acc = Signal(self.p.pe.accumulator.width, reset_less=True)
        shadow = Signal.like(acc, reset_less=True)
        base = Signal.like(acc)
        total = Signal.like(acc)
        # every format's zero is the code 0
        m.d.comb += base.eq(Mux(self.clear, 0, acc))
        self.pe.place(m, "pe", weight=weight, activation=self.activation, acc_in=base, acc_out=total)
        m.d.sync += weight.eq(self.weight_in)
        with m.If(self.step):
            m.d.sync += acc.eq(total)
        with m.If(self.capture):
            m.d.sync += shadow.eq(total)
        with m.Elif(self.shift):
            m.d.sync += shadow.eq(self.shadow_in)
        m.d.comb += [self.weight_out.eq(weight), self.shadow_out.eq(shadow)]
        return m


class OutputColumn(wiring.Component):
    """`rows` cells: weights go down, activations right, finished sums down.

    activation_in, activation_out       [rows] lanes, one register each
    step_in, clear_in, last_in (_out)   [rows] bits that travel with the activations
    drain_in, drain_out                 the lowest row's sum is at `acc` in the next cycle; one register
    weight_in                           operand of this column
    acc                                 the lowest row's shadow; registered

    The shadows shift from `drain` on, each until it captures the next sum.
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        name = f"{p.dataflow}_cell_{pe.definition(p.pe).name.removeprefix('pe_')}"
        self.cell = Definition(name, OutputCell(p))
        self.uses = (self.cell,)
        flags = {f"{flag}_{way}": (In if way == "in" else Out)(p.rows)
                 for flag in ("step", "clear", "last") for way in ("in", "out")}
        super().__init__({
            "activation_in": In(p.rows * p.left.width),
            "activation_out": Out(p.rows * p.left.width),
            **flags,
            "drain_in": In(1),
            "drain_out": Out(1),
            "weight_in": In(p.top.width),
            "acc": Out(p.pe.accumulator.width),
        })

    def elaborate(self, platform):
        m = Module()
        rows = self.p.rows
        activation = Signal(rows * self.p.left.width, reset_less=True)
        step, clear, last = (Signal(rows, name=name) for name in ("step", "clear", "last"))
        drain = Signal()
        moving = Signal(rows)
        shift = Signal(rows)
        # a PE with registers adds later, so what governs its sum comes later by the same number of cycles
        capture = delayed(m, last, self.p.latency, "capture", reset=True)
        stepped = delayed(m, step, self.p.latency, "stepped", reset=True)
        cleared = delayed(m, clear, self.p.latency, "cleared")
        m.d.sync += [
            activation.eq(self.activation_in),
            step.eq(self.step_in),
            clear.eq(self.clear_in),
            last.eq(self.last_in),
            drain.eq(self.drain_in),
            # a shadow that captured holds its sum for the next drain; the others go on, with garbage
            moving.eq(shift & ~capture),
        ]
        m.d.comb += [
            shift.eq(moving | drain.replicate(rows)),
            self.activation_out.eq(activation),
            self.step_out.eq(step),
            self.clear_out.eq(clear),
            self.last_out.eq(last),
            self.drain_out.eq(drain),
        ]
        weight = self.weight_in
        shadow = Signal(self.p.pe.accumulator.width, name="shadow_top")
        for r in range(rows):
            weight_out = Signal(self.p.top.width, name=f"weight_{r}")
            shadow_out = Signal.like(shadow, name=f"shadow_{r}")
            self.cell.place(
                m, f"cell_{r}", weight_in=weight, weight_out=weight_out, activation=lane(activation, r, rows),
                step=stepped[r], clear=cleared[r], capture=capture[r], shift=shift[r],
                shadow_in=shadow, shadow_out=shadow_out,
            )
            weight, shadow = weight_out, shadow_out
        m.d.comb += self.acc.eq(shadow)
        return m
