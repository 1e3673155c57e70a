"""NORMALISE's engine: each group is read twice, to sum it, then to compute its results.

Golden: golden.accelerator.normalise. The lanes hold their own sums. In rows a tree adds them up once a group;
in columns the sums rotate through the lanes, so that each is at lane 0 for a cycle. From there one D a cycle
enters the inverse root.
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.exponential import tree_registers
from golden.accelerator.normalise import MOST_SHIFT, ROOT, SQUARES, TOTAL, UNDER, N, X, pause
from golden.accelerator.params import AcceleratorParams
from hw.accelerator import normalise_lane
from hw.accelerator.command_fields import fields
from hw.accelerator.normalise_lane import SHIFT
from hw.accelerator.register_tree import register_tree
from hw.accelerator.two_pass_counter import Stages, TwoPassCounter
from hw.emit import Definition
from hw.fit import fit
from hw.lanes import lane
from hw.vector import root

PASSES = ("entry", "product", "deviation", "scaled", "shifted")  # and then out
TO_UNDER = ("moments", "products", "raised", "under")


class NormaliseEngine(wiring.Component):
    """start  stream of commands; ready from registers, once the last result of the one before has gone
    a      stream of vectors, a group's count0 and again the same; ready is combinational, from out.ready
    out    stream of vectors of results, 16 bits a lane; registered

    All registers move together, `go`: they stand only while a vector waits at `out`.

    Two groups in rows, x and y, of two vectors each, 4 lanes; a capital is the second pass (as simulated in
    Icarus):

        cycle     0   1   2   ..  4   5   6   ..  9   ..  13  14  15  16  17  ..  19  20  ..  28  29
        a         x0  x1                                  X0  X1  y0  y1                      Y0  Y1
        left              11      9   8   7       4                       11      9   8
        sums                      x                                               y
        tree_0                        x                                               y
        moments                           x
        under                                     x
        load                                                      x
        out                                                                       X0  X1

    `left` counts down golden's pause, 11 cycles here: X0 is taken just so early that its deviation, in cycle
    16, meets the inverse root, which the lanes take at `load`. y0 enters right behind X1, since x's sums are
    used no more when y0's square arrives.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.lane, self.root = normalise_lane.definition(), root.definition(ROOT)
        self.uses = (self.lane, self.root)
        super().__init__({
            "start": In(stream.Signature(BITS)),
            "a": In(stream.Signature(X.width * p.lanes)),
            "out": Out(stream.Signature(X.width * p.lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        command = fields(self.start.payload, Opcode.NORMALISE)
        kept = ("columns", "rms", "epsilon", "fraction")
        self.of = {name: Signal(command.shape()[name].shape, name=name, reset_less=True) for name in kept}
        self.of["n"] = Signal(N.width, name="n", reset_less=True)
        self.go, begin, take = Signal(), Signal(), Signal()
        with m.If(begin):
            m.d.sync += [self.of[name].eq(command[name]) for name in kept]
            m.d.sync += self.of["n"].eq(command.length[: N.width])

        # no two commands are inside at once: all stages share the fields that are held here
        groups = TwoPassCounter(m, command, begin, take)
        at = Stages(m, self.go)
        tagged = [(take, groups.tag)]
        for name in PASSES:
            valid, tag = tagged[-1]
            tagged.append(at.then(name, valid & tag.second if name == "deviation" else valid, tag))
        m.d.comb += [
            begin.eq(self.start.valid & self.start.ready),
            self.start.ready.eq(~groups.running & ~Cat(*at.valids, self.out.valid).any()),
            take.eq(self.a.valid & self.a.ready),
            self.a.ready.eq(groups.running & self.go & ~self.waits(m, take, groups)),
            self.go.eq(~self.out.valid | self.out.ready),
        ]
        with m.If(self.go):
            m.d.sync += self.out.valid.eq(tagged[-1][0])
        keep = self.counted_lanes(m, command, begin, take, groups)
        self.lanes(m, at, keep, *tagged[PASSES.index("product") + 1])
        return m

    def waits(self, m, take, groups):
        """Whether `a` stalls between a group's two passes."""
        left = Signal(range(pause(self.p, True) + 1))
        of_rows, of_columns = (pause(self.p, columns) for columns in (False, True))
        with m.If(take & groups.tag.last & ~groups.tag.second):
            m.d.sync += left.eq(Mux(self.of["columns"], of_columns, of_rows))
        with m.Elif(self.go & left.any()):
            m.d.sync += left.eq(left - 1)
        return left.any()

    def counted_lanes(self, m, command, begin, take, groups):
        """A bit for each lane of the next vector: whether its element counts."""
        lanes, columns = self.p.lanes, self.of["columns"]
        whole, left = Signal(16, reset_less=True), Signal(16, reset_less=True)  # elements, from here on
        step = Mux(columns, 1, lanes)
        with m.If(begin):
            m.d.sync += [whole.eq(command.length), left.eq(command.length)]
        with m.Elif(take):
            m.d.sync += left.eq(Mux(groups.tag.last, whole, Mux(left < step, 0, left - step)[:16]))
        bits = lanes.bit_length() - 1
        many = left[bits:].any()
        keep = Signal(lanes)
        below = [many | (left[:bits] > index) for index in range(lanes - 1)]
        m.d.comb += keep.eq(Mux(columns, left.any().replicate(lanes), Cat(*below, many)))
        return keep

    def lanes(self, m, at, keep, valid, tag):
        """Place the lanes; `valid` and `tag` belong to the vector whose squares are in the lanes."""
        p, of = self.p, self.of
        widths = {
            "total": TOTAL.width, "squares": SQUARES.width, "own_mantissa": ROOT.bits + 1, "own_shift": SHIFT,
        }  # fmt: skip
        packed = {name: Signal(width * p.lanes, name=name) for name, width in widths.items()}
        turn, row_total = Signal(), Signal(TOTAL.width, reset_less=True)
        load, mantissa, shift = Signal(), Signal(ROOT.bits + 1), Signal(SHIFT)
        adds = valid & ~tag.second
        for index in range(p.lanes):
            own = {name: lane(signal, index, p.lanes) for name, signal in packed.items()}
            after = {name: lane(signal, (index + 1) % p.lanes, p.lanes) for name, signal in packed.items()}
            # in columns D's results come in at the last lane and move down
            moved = of["columns"] if index + 1 < p.lanes else 0
            self.lane.place(
                m, f"lane_{index}", go=self.go, x=lane(self.a.payload, index, p.lanes), keep=keep[index],
                add=adds, first=tag.first, rms=of["rms"], turn=turn, **own,
                next_total=after["total"], next_squares=after["squares"],
                n=of["n"], row_total=row_total, columns=of["columns"], load=load,
                mantissa=Mux(moved, after["own_mantissa"], mantissa),
                shift=Mux(moved, after["own_shift"], shift),
                y=lane(self.out.payload, index, p.lanes),
            )  # fmt: skip
        moments = self.moments(m, at, packed, row_total, turn, adds & tag.last)
        m.d.comb += load.eq(self.inverse_root(m, at, *moments, mantissa, shift))

    def moments(self, m, at, packed, row_total, turn, last):
        """(valid, S, Q): of a row, `tree_registers` behind the lanes' sums; of columns, one after
        the other."""
        p, columns = self.p, self.of["columns"]
        turns = Signal(range(p.lanes + 1))  # still to come
        with m.If(self.go):
            with m.If(last & columns):
                m.d.sync += turns.eq(p.lanes)
            with m.Elif(turn):
                m.d.sync += turns.eq(turns - 1)
        m.d.comb += turn.eq(turns.any())
        there, _ = at.then("sums", last & ~columns, last)
        for stage in range(tree_registers(p.lanes)):
            there, _ = at.then(f"tree_{stage}", there, last)

        both = {}
        for name in ("total", "squares"):
            values = [lane(packed[name], index, p.lanes) for index in range(p.lanes)]
            whole = register_tree(m, values, same_width_add, f"all_{name}", self.go)
            both[name] = Mux(columns, values[0], whole)
        squares = Signal(SQUARES.width, reset_less=True)
        there = there | turn
        with m.If(self.go & there):  # and then still: the row's total is what the second pass takes off
            m.d.sync += [row_total.eq(both["total"]), squares.eq(both["squares"])]
        return there, row_total.as_signed(), squares

    def inverse_root(self, m, at, there, total, squares, mantissa, shift):
        """The inverse root of D, from the registers of the moments on; returns whether a result is there."""
        product, raised = Signal(UNDER.width, reset_less=True), Signal(UNDER.width, reset_less=True)
        square = Signal(UNDER.width, reset_less=True)
        square_held, under = Signal.like(square), Signal.like(square)
        with m.If(self.go):
            m.d.sync += [
                fit(product, squares * self.of["n"]),
                fit(square, (total * total)[: UNDER.width]),
                raised.eq((product + self.of["epsilon"])[: UNDER.width]),
                square_held.eq(square),
                under.eq((raised - square_held)[: UNDER.width]),
            ]
        pairs = Signal(len(self.root.component.pairs))
        self.root.place(m, "root", go=self.go, value=under, mantissa=mantissa, pairs=pairs)
        # of a D of 0, whose shift is of no consequence, less than 0
        m.d.comb += shift.eq((MOST_SHIFT - 1 - self.of["fraction"] - pairs)[:SHIFT])
        for name in (*TO_UNDER, *(f"root_{stage}" for stage in range(ROOT.latency))):
            there, _ = at.then(name, there, there)
        return there


def same_width_add(a, b):
    """a + b, which is known to fit."""
    return (a + b)[: len(a)]


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The engine of `p`."""
    return Definition(f"normalise_x{p.lanes}", NormaliseEngine(p))
