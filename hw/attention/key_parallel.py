"""The sliding-window attention engine with a lane a key. Golden: golden.attention.lane_cycles.

    command -> row walker -> starts of rows, places of keys -> lanes of each head -> o
    q, k, v -------------------------------------------------------^

A row starts if whatever it needs has begun to be loaded and its result has room; all else follows.
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import lane_cycles
from golden.attention.sliding_window import INPUTS, fields
from golden.attention.window import WindowParams
from hw.attention import lane_datapath, row_walker, steps
from hw.attention.scorer import scale_ports
from hw.axi import queue
from hw.blocks import word_layout
from hw.emit import Definition
from hw.lanes import bits, lane


class KeyParallel(wiring.Component):
    """command, q, k, v   streams in; ready is combinational, of k and v from each other's valid
    o                  stream out; registered
    """

    def __init__(self, p: WindowParams):
        self.p = p
        layout = fields(p)
        self.words = {name: word_layout(each) for name, each in layout.items()}
        self.walker, self.datapath = row_walker.definition(p), lane_datapath.definition(p)
        width = sum(bits * lanes for _, bits, lanes in layout["o"])
        self.results = queue.definition(width, lane_cycles.rows_out(p))
        walker_parts, lane_parts = (each.component.uses for each in (self.walker, self.datapath))
        parts = (*walker_parts, self.walker, *lane_parts, self.datapath, self.results)
        self.uses = tuple({each.name: each for each in parts}.values())
        super().__init__(
            {
                **{name: In(stream.Signature(self.words[name])) for name in INPUTS},
                "o": Out(stream.Signature(self.words["o"])),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self.start, self.moves = bits("start", "moves")
        row = self.walk(m)
        results = [self.head(m, index, row) for index in range(self.p.heads)]
        valid, _ = results[0]  # of all heads in the same cycle
        out = self.p.arithmetic.head_dim * self.p.arithmetic.out.width
        flags = [Cat(result[out + at] for _, result in results) for at in range(len(results[0][1]) - out)]
        word = Signal(len(self.results.component.i), name="result_word")
        m.d.comb += word.eq(Cat(*(result[:out] for _, result in results), *flags))
        self.results.place(
            m, "results", write=valid, i=word, o_valid=self.o.valid, o_ready=self.o.ready,
            o_payload=self.o.payload.as_value(),
        )  # fmt: skip
        return m

    def head(self, m, index, row):
        """The datapath of a head; (whether it has a result, the result)."""
        p = self.p
        valid, result = (
            Signal(name=f"result_valid_{index}"),
            Signal.like(self.datapath.component.result, name=f"result_{index}"),
        )
        sink = {"sink": lane(self.q.p.sink, index, p.heads)} if p.sinks else {}
        self.datapath.place(
            m, f"head_{index}", start=self.start, moves=self.moves, **row, **sink,
            q=lane(self.q.p.q, index, p.heads), k=lane(self.k.p.k, index, p.heads),
            v=lane(self.v.p.v, index, p.heads), result_valid=valid, result=result,
        )  # fmt: skip
        return valid, result

    def walk(self, m):
        """Rows start; {name: what one reads, and its scale}, as it stands in the cycle of the start."""
        p = self.p
        names = ("some", "begin_place", "end_place", "others", "remainder", "sink_there", "load_place",
                 "load_remainder")  # fmt: skip
        row = {name: Signal.like(getattr(self.walker.component, name), name=name) for name in names}
        given = {name: self.command.p[name] for name in steps.FIELDS if name in self.words["command"].members}
        given.setdefault("sink", Const(0, 1))
        out = lane_cycles.rows_out(p)
        room, go, left, ready = Signal(range(out + 1), init=out), *bits("go", "row_leaves", "load_ready")
        free = self.serial_free(m)
        both = Signal(name="both")
        m.d.comb += [
            go.eq(self.q.valid & (room != 0)),
            self.q.ready.eq(self.start),
            left.eq(self.o.valid & self.o.ready),
            both.eq(self.k.valid & self.v.valid & free),
            self.moves.eq(both & ready),
            self.k.ready.eq(ready & self.v.valid & free),
            self.v.ready.eq(ready & self.k.valid & free),
        ]
        m.d.sync += room.eq((room - self.start + left)[: len(room)])
        self.walker.place(
            m, "walker", command_valid=self.command.valid, command_ready=self.command.ready, **given,
            load_valid=both, load_ready=ready, go=go, start=self.start, **row,
        )  # fmt: skip
        taken = Signal(name="command_taken")
        m.d.comb += taken.eq(self.command.valid & self.command.ready)
        for name in scale_ports(p):
            row[name] = Signal.like(self.command.p[name], name=f"{name}_kept", reset_less=True)
            with m.If(taken):
                m.d.sync += row[name].eq(self.command.p[name])
        return row

    def serial_free(self, m):
        """Whether the elements of the word before are all on their way, but for the last at most."""
        count = self.p.arithmetic.head_dim
        left = Signal(range(max(2, count)), name="load_left")
        with m.If(self.moves):
            m.d.sync += left.eq(count - 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        return left == 0


def definition(p: WindowParams) -> Definition:
    """The engine of `p`."""
    return Definition(p.name, KeyParallel(p))
