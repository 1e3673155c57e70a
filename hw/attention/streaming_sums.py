"""Nodes of sums of the streaming engine: interleaved sums, whose adder has registers in its loop.

A group's rows have a sum each, in `slots`. A term takes its row's sum out, or 0 with the group's first key,
and the result comes back `registers` - 1 stages later; the slot is the last of the registers. With as many
rows in turn as registers, or more, a row's sum is back when its turn comes. With fewer, a term waits: no more
may be under way than there are other rows.

    registers = 3, interleave = 3        registers = 3, interleave = 2
    enters     a0 b0 c0 a1 b1 c1         a0 b0 -- a1 b1 -- a2
    is back          a0 b0 c0 a1               a0 b0 -- a1 b1
"""

from dataclasses import replace
from functools import cache

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention.streaming_job import WEIGHTED, StreamingParams
from golden.attention.streaming_memory import slot_bits
from golden.formats import Float, Int
from golden.formats.arithmetic import Mode
from hw.attention import streaming_layout as layout
from hw.attention.streaming_score import held, registers_of
from hw.emit import Definition
from hw.fit import fit
from hw.float.add import add_terms, cuts, registered
from hw.float.add import term as term_of
from hw.float.bits import named, normalised
from hw.float.multiply import rounded
from hw.float.product import product
from hw.float.unpack import Unpacked, unpack, unpack_integer
from hw.lanes import bits, lane
from hw.stages import hold_stages

NORMAL = Mode("nearest", False)  # check_range: no sum is subnormal


class SumLane(wiring.Component):
    """A row's sums of one element.

    term        a number of p.sum to be added; first: to 0
    read, write  the slots of what enters, and of what leaves if `leaves`
    CUT_go      the register at that boundary of the adder may load
    total       what leaves; combinational, behind the last boundary
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        self.boundaries = cuts(p.registers - 1)
        slot = slot_bits(p)
        super().__init__({
            "term": In(p.sum.width), "first": In(1), "read": In(slot), "write": In(slot), "leaves": In(1),
            **{f"{boundary}_go": In(1) for boundary in self.boundaries},
            "total": Out(p.sum.width),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p = self.p
        m.submodules.slots = slots = memory.Memory(shape=p.sum.width, depth=max(2, p.interleave), init=[])
        write, read = slots.write_port(), slots.read_port(domain="comb")
        before = named(m, read.data & ~self.first.replicate(p.sum.width), "before")
        a, b = (term_of(m, p.sum, code, NORMAL, name) for code, name in ((before, "old"), (self.term, "new")))
        go = {boundary: getattr(self, f"{boundary}_go") for boundary in self.boundaries}
        m.d.comb += [
            read.addr.eq(self.read), write.addr.eq(self.write), write.en.eq(self.leaves),
            write.data.eq(self.total),
            fit(self.total, add_terms(m, p.sum, NORMAL, a, b, "sum", registered(m, go, "sum"))),
        ]  # fmt: skip
        return m


class SumsNode(wiring.Component):
    """i  stream of terms, a number a lane, with marks; ready is combinational
    o  stream of the rows' sums after the last key, and whether any term had a mark; combinational from i, if
       there is one register, else behind registers
    """

    def __init__(self, p: StreamingParams, lanes: int, marks: int):
        self.p, self.lanes, self.marks = p, lanes, marks
        self.lane = sum_lane(p)
        self.uses = (self.lane,)
        super().__init__(
            {
                "i": In(stream.Signature(layout.term(p, lanes, marks))),
                "o": Out(stream.Signature(layout.total(p, lanes, marks))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, turn = self.p, self.i.p.turn
        go = {boundary: Signal(name=f"{boundary}_go") for boundary in cuts(p.registers - 1)}
        enters, leaves, ready, may_enter = bits("enters", "leaves", "result_ready", "may_enter")
        valid = hold_stages(m, go, valid=enters, ready=ready) if go else enters
        m.d.comb += [
            may_enter.eq(self.room(m, enters, leaves) if p.interleave < p.registers else 1),
            self.i.ready.eq(may_enter & next(iter(go.values()), ready)),
            enters.eq(self.i.valid & may_enter),
            leaves.eq(valid & ready),
        ]
        carried = Cat(turn.slot, turn.last & turn.there, self.marked(m, self.i.valid & self.i.ready))
        for boundary, boundary_go in go.items():
            q = Signal(len(carried), name=f"{boundary}_carried", reset_less=True)
            with m.If(boundary_go):
                m.d.sync += q.eq(carried)
            carried = q
        slot = carried[: len(turn.slot)]
        result = carried[len(turn.slot)]
        m.d.comb += [
            self.o.valid.eq(valid & result),
            ready.eq(~result | self.o.ready),
            self.o.p.marks.eq(carried[len(turn.slot) + 1 :]),
        ]
        for index in range(self.lanes):
            self.lane.place(
                m, f"lane_{index}", term=lane(self.i.p.terms, index, self.lanes), first=turn.first,
                read=turn.slot, write=slot, leaves=leaves,
                **{f"{boundary}_go": signal for boundary, signal in go.items()},
                total=lane(self.o.p.totals, index, self.lanes),
            )  # fmt: skip
        return m

    def room(self, m, enters, leaves):
        """Whether what enters finds its sum: fewer are under way than rows take turns."""
        count = Signal(range(self.p.registers))
        entered = Signal()
        m.d.comb += entered.eq(self.i.valid & self.i.ready)
        m.d.sync += count.eq((count + entered - leaves)[: len(count)])
        return count < self.p.interleave

    def marked(self, m, entered):
        """The marks of a row so far, this term's among them: kept at once, with no loop to wait for."""
        if not self.marks:
            return Signal(0, name="no_marks")
        kept = memory.Memory(shape=self.marks, depth=max(2, self.p.interleave), init=[])
        m.submodules.marks = kept
        write, read = kept.write_port(), kept.read_port(domain="comb")
        turn, marks = self.i.p.turn, Signal(self.marks, name="marked")
        m.d.comb += [
            read.addr.eq(turn.slot), write.addr.eq(turn.slot), write.en.eq(entered), write.data.eq(marks),
            marks.eq(self.i.p.marks | read.data & ~turn.first.replicate(self.marks)),
        ]  # fmt: skip
        return marks


class WeightedLane(wiring.Component):
    """weight: a number of p.sum that is a power of a score; 0 where it does not count. v: a code.

    STAGE_go: the register of that stage may load. o: R(weight v), a number of p.sum; registered.
    invalid: v is no finite number.
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        super().__init__({
            "weight": In(p.sum.width), "counts": In(1), "v": In(p.arithmetic.value.width),
            **{f"{stage}_go": In(1) for stage in WEIGHTED}, "o": Out(p.sum.width), "invalid": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p = self.p
        fmt = p.arithmetic.value
        v = named(m, self.v & self.counts.replicate(fmt.width), "counted")
        value = unpack_integer(m, fmt, v, False, "v") if isinstance(fmt, Int) else normal_operand(m, fmt, v)
        wrong = value.infinite | value.nan  # what is added then is of no use, and finite
        value = replace(value, infinite=Const(0), nan=Const(0))
        go = {stage: getattr(self, f"{stage}_go") for stage in WEIGHTED}
        exact = product(m, weight_operand(p, self.weight), value, p.sum, NORMAL)
        exact = exact.held(registers_of(m, "product", go["product"]), "exact")
        code = rounded(m, p.sum, NORMAL, exact)
        m.d.comb += [
            self.o.eq(held(m, {"rounded": go["rounded"]}, "code", code)["rounded"]),
            self.invalid.eq(held(m, go, "invalid", wrong)["rounded"]),
        ]
        return m


def normal_operand(m: Module, fmt: Float, code) -> Unpacked:
    """A number of `fmt`, of which subnormals, too, begin with a one, with lower exponents: all of these are
    raised, so that the least is 1."""
    given, most = unpack(m, fmt, code, True, "v"), fmt.mantissa_bits
    significand, zeros = normalised(m, given.significand, "v_norm")
    exponent = named(m, (given.exponent + most - zeros)[: (given.most + most).bit_length()], "v_exponent")
    return replace(
        given, exponent=exponent, significand=Cat(significand[:-1], Const(1)), bias=given.bias + most,
        most=given.most + most,
    )  # fmt: skip


def weight_operand(p: StreamingParams, code) -> Unpacked:
    """A weight: 0, or a number of the octaves of scores, of weight_bits below its first one."""
    a = p.arithmetic
    most = 1 << a.score.width - 1 - a.fraction
    exponent = code[p.mantissa_bits : -1]
    there = exponent.any()
    significand = Cat(code[p.mantissa_bits - a.weight_bits : p.mantissa_bits], Const(1))
    bias = p.sum.bias
    return Unpacked(
        code[-1], exponent, significand, ~there, Const(0), Const(0), bias, bias - most, bias + most
    )


class WeightedNode(wiring.Component):
    """i  stream of weights; v: stream of values, each for a key's turns; both ready are combinational
    o  stream of weighted values; registered
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        self.lane = Definition(f"{p.name}_weighted_lane", WeightedLane(p))
        self.uses = (self.lane,)
        floating, width = p.arithmetic.floating, p.arithmetic.head_dim * p.arithmetic.value.width
        super().__init__(
            {
                "i": In(stream.Signature(layout.term(p, 1, 0))),
                "v": In(stream.Signature(width)),
                "o": Out(stream.Signature(layout.term(p, p.arithmetic.head_dim, int(floating)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, lanes = self.p, self.p.arithmetic.head_dim
        go = {stage: Signal(name=f"{stage}_go") for stage in WEIGHTED}
        enters, both = go[WEIGHTED[0]], Signal()
        m.d.comb += [
            both.eq(self.i.valid & self.v.valid),
            self.i.ready.eq(enters & self.v.valid),
            self.v.ready.eq(enters & self.i.valid & (self.i.p.turn.slot == p.interleave - 1)),
            self.o.valid.eq(hold_stages(m, go, valid=both, ready=self.o.ready)),
            self.o.p.turn.as_value().eq(held(m, go, "turn", self.i.p.turn.as_value())["rounded"]),
        ]
        invalid = Signal(lanes)
        for index in range(lanes):
            self.lane.place(
                m, f"lane_{index}", weight=self.i.p.terms, counts=self.i.p.turn.counts,
                v=lane(self.v.payload, index, lanes),
                **{f"{stage}_go": signal for stage, signal in go.items()},
                o=lane(self.o.p.terms, index, lanes), invalid=invalid[index],
            )  # fmt: skip
        if p.arithmetic.floating:
            m.d.comb += self.o.p.marks.eq(invalid.any())
        return m


@cache
def sum_lane(p: StreamingParams) -> Definition:
    """The lane of sums, the same for l and o."""
    return Definition(f"{p.name}_sum_lane", SumLane(p))


def sums(p: StreamingParams, lanes: int, marks: int, name: str) -> Definition:
    """A node of sums."""
    return Definition(f"{p.name}_{name}", SumsNode(p, lanes, marks))


def weighted(p: StreamingParams) -> Definition:
    """The node of weighted values."""
    return Definition(f"{p.name}_weighted", WeightedNode(p))
