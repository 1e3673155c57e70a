"""EXPONENTIAL's engine: each row is read twice, to find its maximum, then to compute its codes and their sum.

Golden: golden.accelerator.exponential. Vectors of both readings move through one pipeline, in order. The
maximum is ready exactly when the second reading is `wait` stages into the pipeline, so nothing stalls.
"""

from functools import cache
from operator import add

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.exponential import R_SCALE, RECIPROCAL, SCORE, R, tree_registers
from golden.accelerator.params import AcceleratorParams
from golden.vector.reciprocal import steps
from hw.accelerator import exponential_lane
from hw.accelerator.command_fields import fields
from hw.accelerator.register_tree import register_tree
from hw.accelerator.two_pass_counter import Stages, TwoPassCounter
from hw.emit import Definition
from hw.lanes import lane
from hw.vector.piecewise import lane_definition as piecewise_lane
from hw.vector.piecewise import stages
from hw.vector.root import without_zeros

LENGTH = signed(33)  # |length + length_step i1| < 2^32


class ExponentialEngine(wiring.Component):
    """start  stream of commands; ready from a register, once the vectors of the one before are all taken
    a      stream of vectors of scores, a row's count0 and again the same; ready is combinational
           (of out.ready, r.ready)
    out    stream of vectors of codes, 8 bits a lane; registered
    r      stream of the rows' r; registered. One that waits stops `a` only when the next is behind it

    Two rows, x and y, of two vectors each, 4 lanes (so `wait` is 1); a capital is the second reading
    (as simulated in Icarus):

        cycle      0   1   2   3   4   5   6   7   8   9   10  11  12  ..  16  ..  20
        a          x0  x1  X0  X1  y0  y1  Y0  Y1
        entry          x0  x1  X0  X1  y0  y1  Y0  Y1
        wait_0             x0  x1  X0  X1  y0  y1  Y0  Y1
        largest                x0  x   x   x   y0  y   y
        below                  x0  x1  X0  X1  y0  y1  Y0  Y1
        out                                    X0  X1          Y0  Y1
        r                                                                  x       y

    X0 is at wait_0 in cycle 4, the first in which `largest` is that of all of x, and X1 in cycle 5; y0
    overwrites it in cycle 7. So rows follow one another without a gap.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.wait = tree_registers(p.lanes)
        self.lane = exponential_lane.definition(self.wait)
        self.inverse = piecewise_lane(RECIPROCAL.inverse)
        self.uses = (self.lane, self.inverse)
        super().__init__({
            "start": In(stream.Signature(BITS)),
            "a": In(stream.Signature(SCORE.width * p.lanes)),
            "out": Out(stream.Signature(8 * p.lanes)),
            "r": Out(stream.Signature(R.width)),
        })

    def elaborate(self, platform):
        m = Module()
        command = fields(self.start.payload, Opcode.EXPONENTIAL)
        go, begin, take = Signal(), Signal(), Signal()
        groups = TwoPassCounter(m, command, begin, take)
        m.d.comb += [
            self.start.ready.eq(~groups.running),
            begin.eq(self.start.valid & self.start.ready),
            self.a.ready.eq(groups.running & go),
            take.eq(self.a.valid & self.a.ready),
        ]
        keep = self.valid_lanes(m, command, begin, take, groups)
        at = Stages(m, go)
        # each vector brings its tag along: two readings of two rows share the pipeline
        valid, tag = at.then("entry", take, groups.tag)
        for stage in range(self.wait):
            valid, tag = at.then(f"wait_{stage}", valid, tag)
        codes = self.lanes(m, go, keep, valid, tag)
        for name in ("below", "power"):
            valid, tag = at.then(name, valid, tag)
        self.deliver(m, go, codes, valid & tag.second)
        valid, tag = at.then("code", valid & tag.second, tag)
        for stage in range(self.wait):
            valid, tag = at.then(f"added_{stage}", valid, tag)
        blocked = self.sum_rows(m, go, codes, valid, tag)
        m.d.comb += go.eq((~self.out.valid | self.out.ready) & ~blocked)
        return m

    def valid_lanes(self, m, command, begin, take, groups):
        """A bit for each lane of the next vector: whether its element is valid in the row."""
        lanes = self.p.lanes
        own, left = Signal(LENGTH, reset_less=True), Signal(LENGTH, reset_less=True)  # row; from here on
        whole, step = Signal(16, reset_less=True), Signal(signed(16), reset_less=True)
        following = Signal(LENGTH)
        m.d.comb += following.eq(own + step)
        with m.If(groups.ends_inner):
            m.d.comb += following.eq(whole)
        with m.If(begin):
            m.d.sync += [each.eq(command.length) for each in (own, left, whole)]
            m.d.sync += step.eq(command.length_step)
        with m.Elif(take):
            m.d.sync += left.eq(left - lanes)
            with m.If(groups.tag.last):
                m.d.sync += left.eq(Mux(groups.tag.second, following, own))
            with m.If(groups.ends):
                m.d.sync += own.eq(following)
        bits = lanes.bit_length() - 1
        many = left[bits:-1].any()
        below = [many | (left[:bits] > index) for index in range(lanes - 1)]
        return Cat(~left[-1] & lane_below for lane_below in [*below, many])

    def lanes(self, m, go, keep, valid, tag):
        """Place the lanes, and find each row's maximum; `valid` and `tag` belong to the vector at the tree's
        end."""
        p = self.p
        keeps, codes = Signal(p.lanes), Signal(8 * p.lanes)
        candidates, largest = Signal(SCORE.width * p.lanes), Signal(SCORE.width, reset_less=True)
        m.d.comb += keeps.eq(keep)
        for index in range(p.lanes):
            self.lane.place(
                m, f"lane_{index}", go=go, x=lane(self.a.payload, index, p.lanes), keep=keeps[index],
                candidate=lane(candidates, index, p.lanes), largest=largest, code=lane(codes, index, p.lanes),
            )  # fmt: skip
        values = [lane(candidates, index, p.lanes) for index in range(p.lanes)]
        top = register_tree(m, values, larger, "larger", go)
        with m.If(go & valid & ~tag.second):
            m.d.sync += largest.eq(Mux(tag.first, top, larger(top, largest)))
        return codes

    def deliver(self, m, go, codes, valid):
        """Offer the lanes' codes on `out`, once, even while sums make the pipeline wait."""
        m.d.comb += self.out.payload.eq(codes)
        with m.If(go):
            m.d.sync += self.out.valid.eq(valid)
        with m.Elif(self.out.ready):
            m.d.sync += self.out.valid.eq(0)

    def sum_rows(self, m, go, codes, valid, tag):
        """Sum each row's codes and compute r; returns whether the vector at the sums, `valid`, `tag`, must
        wait."""
        p = self.p
        values = [lane(codes, index, p.lanes)[:-1] for index in range(p.lanes)]
        vector = register_tree(m, values, add, "sum", go)
        total = Signal(RECIPROCAL.width, reset_less=True)
        full, r_go = Signal(), Signal()  # total is a row's and has not gone on
        with m.If(r_go):
            m.d.sync += full.eq(0)
        with m.If(go & valid):
            m.d.sync += [total.eq((Mux(tag.first, 0, total) + vector)[: len(total)]), full.eq(tag.last)]
        m.d.comb += r_go.eq(~self.r.valid | self.r.ready)
        self.reciprocal(m, r_go, total, full)
        return valid & full & ~r_go

    def reciprocal(self, m, go, total, full):
        """Compute r from a row's total; the registers total, normal, those of 1 / (1 + x), and r all move
        with `go`."""
        at = Stages(m, go)
        shifted, empties = without_zeros(total, steps(RECIPROCAL.width))
        normal = Signal(RECIPROCAL.width, reset_less=True)
        with m.If(go):
            m.d.sync += normal.eq(shifted)
        mantissa = Signal(RECIPROCAL.bits + 1)
        self.inverse.place(
            m, "inverse", x=normal[-1 - RECIPROCAL.bits : -1], function=Const(0, 1), y=mantissa,
            **{f"{stage}_go": go for stage in stages(RECIPROCAL.inverse)},
        )  # fmt: skip
        valid, zeros = at.then("normal", full, Cat(*reversed(empties)))
        for stage in stages(RECIPROCAL.inverse):
            valid, zeros = at.then(f"inverse_{stage}", valid, zeros)
        # shift - 1, where the sum is 127 or more; with more zeros it is 0
        most = RECIPROCAL.bits + RECIPROCAL.width - 1 - R_SCALE - 1
        shift = (most - zeros)[: most.bit_length()]
        rounded = (((mantissa >> shift) + 1) >> 1)[: R.width]
        with m.If(go):
            m.d.sync += [self.r.valid.eq(valid), self.r.payload.eq(Mux(zeros > most, 0, rounded))]


def larger(a, b):
    """The larger of two signed values, as bits."""
    return Mux(a.as_signed() > b.as_signed(), a, b)


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The engine of `p`."""
    return Definition(f"exponential_x{p.lanes}", ExponentialEngine(p))
