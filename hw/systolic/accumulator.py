"""The accumulator memory: a bank a column; the address of a row travels along them with the wavefront."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.systolic.params import MatrixUnitParams
from hw.emit import Definition


class Bank(wiring.Component):
    """The sums of one column.

    valid, row, first (_in, _out)   one cycle ahead of the sum; one register on the way to the next bank.
                                    first: the sum replaces what the row holds, else it adds to it
    acc                             the sum, from the array
    read_go, read_row, read_data    the drain: data one cycle later, held while read_go is low

    A row may be added to in consecutive cycles: a read sees the write of the same cycle.
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
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
        })

    def elaborate(self, platform):
        m = Module()
        acc = signed(self.p.pe.accumulator.width)
        m.submodules.sums = sums = memory.Memory(shape=acc, depth=self.p.accumulator_rows, init=[])
        write = sums.write_port()
        before = sums.read_port(transparent_for=(write,))
        read = sums.read_port()
        total = Signal(acc)
        m.d.sync += [
            self.valid_out.eq(self.valid_in),
            self.row_out.eq(self.row_in),
            self.first_out.eq(self.first_in),
        ]
        m.d.comb += [
            before.addr.eq(self.row_in),
            before.en.eq(self.valid_in),
            # pe.depth bounds the whole sum, so no carry leaves the accumulator
            total.eq(self.acc.as_signed() + Mux(self.first_out, 0, before.data)),
            write.addr.eq(self.row_out),
            write.data.eq(total),
            write.en.eq(self.valid_out),
            read.addr.eq(self.read_row),
            read.en.eq(self.read_go),
            self.read_data.eq(read.data),
        ]
        return m


def definition(p: MatrixUnitParams) -> Definition:
    """The bank of `p`."""
    return Definition(f"accumulator_bank_{p.accumulator_rows}x{p.pe.accumulator.width}", Bank(p))
