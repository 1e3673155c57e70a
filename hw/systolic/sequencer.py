"""What happens in which cycle: commands and operand streams to the signals of the array and of the row ring.

All handshakes of one cycle are decided together: `ready` of a stream may depend on `valid` of the others.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.systolic.params import MatrixUnitParams
from hw.emit import Definition
from hw.lanes import bits


def handshakes(p: MatrixUnitParams) -> dict[str, object]:
    """Ports that both sequencers have: the streams, and what they tell the row ring."""
    count = range(p.largest_count + 1)
    return {
        **{f"{name}_valid": In(1) for name in ("command", "left", "top")},
        **{f"{name}_ready": Out(1) for name in ("command", "left", "top")},
        "count": In(count),
        "first": In(1),
        "final": In(1),
        "enough": In(1),
        "take": Out(1),
        "row_step": Out(1),
        "row_rewind": Out(1),
        "row_first": Out(1),
        "row_final": Out(1),
    }


class StationarySequencer(wiring.Component):
    """Weight- and input-stationary: the loader fills the next tile while the streamer sends vectors.

    swap          in the cycle before a tile's first vector
    load, parity  with a word of top
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        super().__init__({**handshakes(p), "swap": Out(1), "load": Out(1), "parity": Out(1)})

    def elaborate(self, platform):
        m = Module()
        start = self.load_tiles(m)
        left = Signal.like(self.count)  # vectors of this pass still to come
        rewind, first, final = bits("rewind", "first_q", "final_q")
        vector, idle = bits("vector", "idle")
        m.d.comb += [
            self.left_ready.eq(left != 0),
            vector.eq(self.left_valid & self.left_ready),
            # the swap goes out with a pass's last vector, so the next pass follows without a gap
            idle.eq((left == 0) | (vector & (left == 1))),
            self.swap.eq(start & idle),
            self.command_ready.eq(self.swap),
            self.take.eq(self.swap & self.first),
            self.row_step.eq(vector),
            self.row_rewind.eq(rewind),
            self.row_first.eq(first),
            self.row_final.eq(final),
        ]
        with m.If(self.swap):
            m.d.sync += [left.eq(self.count), rewind.eq(1), first.eq(self.first), final.eq(self.final)]
        with m.Elif(vector):
            m.d.sync += [left.eq(left - 1), rewind.eq(0)]
        return m

    def load_tiles(self, m):
        """The loader; returns: a loaded tile and a command wait, and the rows that it wants are free."""
        loaded = Signal(range(self.p.loads))
        full, parity, start = bits("full", "parity_q", "start")
        m.d.comb += [
            start.eq(full & self.command_valid & (~self.first | self.enough)),
            # the swap frees the place of the waiting tile, so its successor's first word may come with it
            self.top_ready.eq(~full | self.swap),
            self.load.eq(self.top_valid & self.top_ready),
            self.parity.eq(Mux(loaded == 0, ~parity, parity)),
        ]
        # one word: a tile is loaded in the cycle in which the one before it is swapped in
        with m.If(self.swap):
            m.d.sync += full.eq(0)
        with m.If(self.load):
            m.d.sync += [loaded.eq(loaded + 1), parity.eq(self.parity)]
            with m.If(loaded == self.p.loads - 1):
                m.d.sync += [loaded.eq(0), full.eq(1)]
        return start


class OutputSequencer(wiring.Component):
    """Output-stationary: pairs of vectors; behind a pass's last one, `rows` sums leave.

    step, clear, last   of the pair: add, from zero, and finish
    """

    def __init__(self, p: MatrixUnitParams):
        self.p = p
        super().__init__({**handshakes(p), "step": Out(1), "clear": Out(1), "last": Out(1)})

    def elaborate(self, platform):
        m = Module()
        left = Signal.like(self.count)  # pairs of this pass still to come
        # first and final of the pass inside; those of its sums are kept again while the sums leave
        clear, first, final, go, idle = bits("clear_next", "first_q", "final_q", "go", "idle")
        leaving = Signal(range(self.p.rows))  # sums of the pass before still to leave
        m.d.comb += [
            # a last pair behind which sums leave while those of the pass before still do would meet them
            go.eq((left != 0) & ((left != 1) | (leaving == 0))),
            self.left_ready.eq(go & self.top_valid),
            self.top_ready.eq(go & self.left_valid),
            self.step.eq(go & self.left_valid & self.top_valid),
            self.clear.eq(clear),
            self.last.eq(self.step & (left == 1)),
            idle.eq((left == 0) | self.last),
            self.command_ready.eq(self.command_valid & idle & (~self.first | self.enough)),
            self.take.eq(self.command_ready & self.first),
        ]
        with m.If(self.command_ready):
            m.d.sync += [left.eq(self.count), clear.eq(1)]
        with m.Elif(self.step):
            m.d.sync += [left.eq(left - 1), clear.eq(0)]
        with m.If(self.command_ready):
            m.d.sync += [first.eq(self.first), final.eq(self.final)]
        self.send_rows(m, leaving, first, final)
        return m

    def send_rows(self, m, leaving, first, final):
        """`rows` steps of the row ring, from the last pair on."""
        first_q, final_q = bits("leaving_first", "leaving_final")
        m.d.comb += [
            self.row_step.eq(self.last | (leaving != 0)),
            self.row_rewind.eq(self.last),
            self.row_first.eq(Mux(self.last, first, first_q)),
            self.row_final.eq(Mux(self.last, final, final_q)),
        ]
        with m.If(self.last):
            m.d.sync += [leaving.eq(self.p.rows - 1), first_q.eq(first), final_q.eq(final)]
        with m.Elif(leaving != 0):
            m.d.sync += leaving.eq(leaving - 1)


def definition(p: MatrixUnitParams) -> Definition:
    """The sequencer of `p`."""
    component = OutputSequencer(p) if p.dataflow == "output" else StationarySequencer(p)
    return Definition(f"{p.dataflow}_sequencer_{p.loads}_{p.largest_count}", component)
