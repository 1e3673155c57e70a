"""Which accumulator row a sum goes to: a ring that tiles take rows from and the drain gives back to."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.systolic.params import MatrixUnitParams
from hw.emit import Definition


class RowRing(wiring.Component):
    """take, count   a tile takes `count` rows; only where `enough` (combinational, from count)
    freed         the drain gave one row back
    step          a sum's row goes out: `row`, combinational. With `rewind`, the first of a pass, which
                  is a new tile's if `first`, else goes on through the rows of all tiles that are open,
                  from their end to their beginning again; a tile is open until a pass of it is `final`,
                  and none begins between the second pass of any and the last one's final pass
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        super().__init__({
            "take": In(1),
            "count": In(range(p.accumulator_rows + 1)),
            "enough": Out(1),
            "freed": In(1),
            "step": In(1),
            "rewind": In(1),
            "first": In(1),
            "final": In(1),
            "row": Out(range(p.accumulator_rows)),
        })

    def elaborate(self, platform):
        m = Module()
        depth = self.p.accumulator_rows
        free = Signal(range(depth + 1), init=depth)
        base = Signal(range(depth))
        following = Signal(range(depth))
        end = Signal(range(depth))  # behind the rows of open tiles
        opened = Signal()
        taken = Signal(range(depth + 1))
        m.d.comb += [
            self.enough.eq(free >= self.count),
            taken.eq(Mux(self.take, self.count, 0)),
            # a further pass begins again at the oldest open tile once it has passed the last one's rows
            self.row.eq(Mux(self.rewind & ~self.first & (following == end), base, following)),
        ]
        # never below zero: take only where enough; never over depth: the drain frees what was taken
        m.d.sync += free.eq((free + self.freed - taken)[: len(free)])
        with m.If(self.step):
            behind = Mux(self.row == depth - 1, 0, self.row + 1)
            m.d.sync += following.eq(behind)
            with m.If(self.first):
                m.d.sync += end.eq(behind)
            with m.If(self.rewind):
                m.d.sync += opened.eq(~self.final)
            with m.If(self.rewind & self.first & ~opened):
                m.d.sync += base.eq(self.row)
        return m


def definition(p: MatrixUnitParams) -> Definition:
    """The row ring of `p`."""
    return Definition(f"row_ring_{p.accumulator_rows}", RowRing(p))
