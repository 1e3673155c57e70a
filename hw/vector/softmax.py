"""The softmax engine in RTL: a row goes into a buffer, is weighed and summed, and then delivered.

Golden: golden.vector.softmax.
"""

from operator import add

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.vector.reciprocal import steps
from golden.vector.softmax import SoftmaxParams
from hw.emit import Definition
from hw.fit import fit
from hw.lanes import delayed, lane, tree
from hw.vector.reciprocal import definition as reciprocal
from hw.vector.softmax_lane import lane_definition, octave_shape

MODES = ("fill", "weigh", "pause", "deliver", "leave")
NOW = ("filled", "at_end", "rested", "left", "advance")


class Softmax(wiring.Component):
    """Rows of scores in, rows of probabilities out, in words of p.lanes elements.

    i  stream of {score, keep: a lane each; last: the row's last word}; a row that fills the buffer ends there
       too. Elements that are not to be kept, by mask or beyond the row's end, have no effect.
    o  stream of {p: a lane each; last}; registered

    Modes, in a ring: fill, i is taken; weigh, the buffer goes through the lanes into the sum; pause, for the
    sum's reciprocal; deliver, the buffer goes through again, to o; leave, until the last word has gone.
    One enable, `go`, moves the pipeline behind the buffer: it stands only while a word waits at o.
    """

    def __init__(self, params: SoftmaxParams):
        self.params = p = params
        self.lane, self.reciprocal = lane_definition(p), reciprocal(p.reciprocal)
        self.uses = (self.lane, self.reciprocal)
        self.word = data.StructLayout({"score": p.lanes * p.score.width, "keep": p.lanes})
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({**self.word.members, "last": 1}))),
            "o": Out(stream.Signature(data.StructLayout({"p": p.lanes * p.out.width, "last": 1}))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        go = Signal()  # the pipeline moves
        count = Signal(range(p.depth))  # the word that is written or read
        take = Signal()
        modes = Signal(len(MODES), init=1)
        _, weigh, _, deliver, _ = modes
        last = Signal()  # the word that is read ends the row
        self.control(m, go, count, take, modes, last)

        m.submodules.buffer = buffer = memory.Memory(shape=self.word, depth=p.depth, init=[])
        write, word = buffer.write_port(), buffer.read_port()
        m.d.comb += [
            go.eq(~self.o.valid | self.o.ready),
            take.eq(self.i.valid & self.i.ready),
            *(write.data[name].eq(self.i.p[name]) for name in self.word.members),
            *(port.addr.eq(count) for port in (write, word)),
            write.en.eq(take),
            word.en.eq(go),
        ]
        top = self.ceiling_of_maximum(m, take, count == 0)
        self.lanes(m, go, word.data, top, take, weigh)
        m.d.comb += [
            self.o.valid.eq(self.held(m, go, deliver, "deliver", reset=True)),
            self.o.p.last.eq(self.held(m, go, last, "last")),
        ]
        return m

    def control(self, m, go, count, take, modes, last):
        """Moves the ring of modes and `count`, which each mode begins at 0; drives `last` and i.ready."""
        p = self.params
        fill, weigh, pause, deliver, leave = modes
        row_end = Signal.like(count, reset_less=True)  # the row's last word
        paused = Signal(range(p.pause))
        filled, at_end, rested, left, advance = (Signal(name=f"{name}_now") for name in NOW)
        m.d.comb += [
            self.i.ready.eq(fill),
            filled.eq(take & (self.i.p.last | (count == p.depth - 1))),
            at_end.eq(count == row_end),
            rested.eq(pause & (paused == p.pause - 1)),
            left.eq(leave & self.o.valid & self.o.ready & self.o.p.last),
            advance.eq(filled | (weigh & at_end) | rested | (deliver & at_end & go) | left),
            last.eq(deliver & at_end),
        ]
        # the ring of modes is one-hot: turning it is the next mode
        with m.If(advance):
            m.d.sync += [modes.eq(modes.rotate_left(1)), count.eq(0), paused.eq(0)]
        with m.Else():
            m.d.sync += count.eq(count + (take | weigh | (deliver & go)))  # never past the row's end
            m.d.sync += paused.eq(paused + pause)
        with m.If(filled):
            m.d.sync += row_end.eq(count)

    def held(self, m, go, value, name, *, reset=False):
        """`value`, one bit, when the word of its cycle is at o; reset: for what must not survive one."""
        for stage in range(self.params.latency):
            q = Signal(name=f"{name}_{stage + 1}", reset_less=not reset)
            with m.If(go):
                m.d.sync += q.eq(value)
            value = q
        return value

    def ceiling_of_maximum(self, m, take, first):
        """In octaves, of the row's valid scores; the least score stands for those that are not."""
        p = self.params
        largest = Signal(signed(p.score.width), reset_less=True)
        scores = [lane(self.i.p.score, index, p.lanes).as_signed() for index in range(p.lanes)]
        valid = [Mux(self.i.p.keep[index], score, p.score.min) for index, score in enumerate(scores)]
        before = Mux(first, p.score.min, largest)
        with m.If(take):
            m.d.sync += fit(largest, tree(m, [before, *valid], larger, "larger"))
        # rounded up to a whole octave, exponents are never positive and need no fraction of their own
        top = Signal(octave_shape(p))
        m.d.comb += top.eq((largest + ((1 << p.fraction) - 1)) >> p.fraction)
        return top

    def lanes(self, m, go, word, top, take, weigh):
        """Places the lanes, their sum and its reciprocal; drives what o carries of the lanes."""
        p = self.params
        weights = Signal(p.lanes * p.weight.width)
        mantissa = Signal(p.reciprocal.bits + 1)
        zeros = Signal(len(steps(p.reciprocal.width)))
        for index in range(p.lanes):
            self.lane.place(
                m, f"lane_{index}", go=go, top=top, mantissa=mantissa, zeros=zeros,
                score=lane(word.score, index, p.lanes), keep=word.keep[index],
                weight=lane(weights, index, p.lanes), p=lane(self.o.p.p, index, p.lanes),
            )
        weighed = delayed(m, weigh, p.power.latency + 3, "weigh", reset=True)  # go is high: o is empty
        row_sum = self.sum_of_weights(m, weights, take, weighed)
        self.reciprocal.place(m, "reciprocal", value=row_sum, mantissa=mantissa, zeros=zeros)

    def sum_of_weights(self, m, weights, take, weighed):
        """Two registers on: a word's sum, then the row's, which starts at 0 when the next row comes in."""
        p = self.params
        word_sum = Signal(p.weight.width + p.lanes.bit_length(), reset_less=True)
        row_sum = Signal(p.reciprocal.width, reset_less=True)
        total = tree(m, [lane(weights, index, p.lanes) for index in range(p.lanes)], add, "weights_sum")
        m.d.sync += fit(word_sum, total)
        with m.If(take):
            m.d.sync += row_sum.eq(0)
        with m.Elif(weighed):
            m.d.sync += row_sum.eq((row_sum + word_sum)[: len(row_sum)])  # as wide as max_length weights need
        return row_sum


def larger(a, b):
    """The larger of two signed values."""
    return Mux(a > b, a, b)


def definition(p: SoftmaxParams) -> Definition:
    """The engine of `p`."""
    return Definition(f"{lane_definition(p).name.removesuffix('_lane')}_x{p.lanes}", Softmax(p))
