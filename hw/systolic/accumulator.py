"""The accumulator memory: a bank a column; the address of a row travels along them with the wavefront."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden import pe as pes
from golden.systolic.params import MatrixUnitParams
from hw import pe
from hw.emit import Definition
from hw.lanes import bits


class AccumulatorBank(wiring.Component):
    """The sums of one column.

    valid, row, first (_in, _out)   one cycle ahead of the sum; one register on the way to the next bank.
                                    first: the sum replaces what the row holds, else it adds to it
    acc                             the sum, from the array
    read_go, read_row, read_data    the drain: data one cycle later, held while read_go is low
    held_go                         with a register behind the memory: read_data is what held_go took from it

    A row may be added to in consecutive cycles: a read sees the write of the same cycle. With a register
    valid, row and first come two cycles ahead, and what is read meets the write of the cycle after, too.
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        self.adder = adder(p)
        self.uses = (self.adder,) if self.adder else ()
        row, acc = range(p.accumulator_rows), p.pe.accumulator.width
        super().__init__({
            "valid_in": In(1),
            "valid_out": Out(1),
            "row_in": In(row),
            "row_out": Out(row),
            "first_in": In(1),
            "first_out": Out(1),
            "acc": In(acc),
            "read_go": In(1),
            "read_row": In(row),
            "read_data": Out(acc),
            **({"held_go": In(1)} if p.accumulator_registers else {}),
        })

    def elaborate(self, platform):
        m = Module()
        acc = signed(self.p.pe.accumulator.width)
        # two read ports: one for the sum that the array adds to, one for the drain
        m.submodules.sums = sums = memory.Memory(shape=acc, depth=self.p.accumulator_rows, init=[])
        write = sums.write_port()
        added = self.p.accumulator_registers > 0
        before = sums.read_port(transparent_for=() if added else (write,))
        read = sums.read_port()
        total = Signal(acc)
        m.d.sync += [
            self.valid_out.eq(self.valid_in),
            self.row_out.eq(self.row_in),
            self.first_out.eq(self.first_in),
        ]
        valid, row, first, held = self.valid_out, self.row_out, self.first_out, before.data
        apart, read_apart = Const(1, 1), Const(1, 1)
        if added:
            valid, row = Signal(name="valid_q"), Signal.like(self.row_out, name="row_q")
            m.d.sync += [valid.eq(self.valid_out), row.eq(self.row_out)]
            # no port reads what is being written, and says so: else a tool puts logic behind the memory
            apart, read_apart = (~(valid & (row == wanted)) for wanted in (self.row_in, self.read_row))
            first, held = self.register(m, held, total, ~apart, valid & (row == self.row_out))
        m.d.comb += [
            before.addr.eq(self.row_in),
            before.en.eq(self.valid_in & apart),
            total.eq(self.total(m, first, held)),
            write.addr.eq(row),
            write.data.eq(total),
            write.en.eq(valid),
            read.addr.eq(self.read_row),
            read.en.eq(self.read_go & read_apart),
        ]
        if added:
            kept = Signal(acc, name="held", reset_less=True)
            with m.If(self.held_go):
                m.d.sync += kept.eq(read.data)
            m.d.comb += self.read_data.eq(kept)
        else:
            m.d.comb += self.read_data.eq(read.data)
        return m

    def total(self, m, first, held):
        """The array's sum, alone if it is a row's first, else added to what the row holds."""
        if self.adder is None:
            # pe.group bounds the whole sum, so no carry leaves the accumulator
            return self.acc.as_signed() + Mux(first, 0, held)
        base, combined = Signal.like(self.acc, name="base"), Signal.like(self.acc, name="combined")
        m.d.comb += base.eq(held)
        self.adder.place(m, "combine", a=base, b=self.acc, o=combined)
        return Mux(first, self.acc, combined)

    def register(self, m, data, total, written, following):
        """Whether a sum is a row's first; what it is added to: read a cycle before, or from where it stands.

        written    the row that is asked for is written in this cycle: it is not read
        following  the row that was asked for a cycle before is
        """
        base, total_q, forward = (Signal.like(data, name=name, reset_less=True)
                                  for name in ("before_q", "total_q", "forward"))
        first, was_written, forwarded = bits("first_q", "was_written", "forwarded")
        m.d.sync += [
            base.eq(data),
            total_q.eq(total),
            forward.eq(Mux(following, total, total_q)),
            first.eq(self.first_out),
            was_written.eq(written),
            forwarded.eq(following | was_written),
        ]
        return first, Mux(forwarded, forward, base)


def adder(p: MatrixUnitParams) -> Definition | None:
    """What adds two running sums, the PE's own; none of integers: a, b -> o."""
    module = pe.module_of(p.pe)
    if not hasattr(module, "Combine"):
        return None
    return Definition(f"combine_{pes.module_of(p.pe).name(p.pe)}", module.Combine(p.pe), clocked=False)


def definition(p: MatrixUnitParams) -> Definition:
    """The bank of `p`."""
    name, bank = f"accumulator_bank_{p.accumulator_rows}x{p.pe.accumulator.width}", AccumulatorBank(p)
    name += f"_{bank.adder.name}" if bank.adder else ""
    return Definition(name + "_r1" * p.accumulator_registers, bank)
