"""Nodes of the streaming engine from a turn to its weight: a score, and the power of two of it.

operands -> product (of FP16 aligned) -> sum -> the stages of a score          a tree adds head_dim products
those of 2^f -> weight: 0 where the row does not attend to the key
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import products, scores
from golden.attention.streaming_job import StreamingParams
from hw.attention import streaming_layout as layout
from hw.attention.products import dot_product
from hw.attention.scores import score_lane
from hw.emit import Definition
from hw.fit import fit
from hw.lanes import lane, tree
from hw.stages import hold_stages
from hw.vector.piecewise import lane_definition as piecewise_lane
from hw.vector.piecewise import stages as piecewise_stages


def held(m: Module, go: dict[str, Signal], name: str, value):
    """`value` through a register at each stage of `go`; the registers' values, by stage."""
    found = {}
    for stage, stage_go in go.items():
        q = Signal(value.shape(), name=f"{name}_{stage}", reset_less=True)
        with m.If(stage_go):
            m.d.sync += q.eq(value)
        found[stage], value = q, q
    return found


def registers_of(m: Module, stage: str, go: Signal):
    """The registers of one stage, as hw.float.product.Term.held asks for them; constants need none."""

    def register(value, name):
        return value if isinstance(value, Const) else held(m, {stage: go}, name, value)[stage]

    return register


class ScoreNode(wiring.Component):
    """i  stream of turns and their operands; ready is combinational
    o  stream of scores; registered
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        self.product, self.score = dot_product(p.arithmetic), score_lane(p.arithmetic)
        self.uses = (self.product, self.score)
        super().__init__(
            {
                "i": In(stream.Signature(layout.operands(p))),
                "o": Out(stream.Signature(layout.score(p))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        of_product, of_score = products.stages(self.p.arithmetic), scores.stages(self.p.arithmetic)
        names = ("operands", *of_product, "sum", *(f"score_{stage}" for stage in of_score))
        go = {name: Signal(name=f"{name}_go") for name in names}
        m.d.comb += [
            self.o.valid.eq(hold_stages(m, go, valid=self.i.valid, ready=self.o.ready)),
            self.i.ready.eq(go["operands"]),
        ]
        operands = held(m, {"operands": go["operands"]}, "taken", Cat(self.i.p.q, self.i.p.k))["operands"]
        total, wrong = self.dot(m, go, of_product, operands)
        dot = held(m, {"sum": go["sum"]}, "dot", total)["sum"]
        wrong = held(m, {name: go[name] for name in names[-1 - len(of_score) :]}, "wrong", wrong)[names[-1]]
        before = {name: go[name] for name in names[: -len(of_score)]}
        scale = held(m, before, "scale", Cat(self.i.p.multiplier, self.i.p.shift))["sum"]
        turn = held(m, go, "turn", self.i.p.turn.as_value())[names[-1]]
        clipped = Signal()
        self.score.place(
            m, "octaves", dot=dot, multiplier=scale[: len(self.i.p.multiplier)],
            shift=scale[len(self.i.p.multiplier) :],
            **{f"{stage}_go": go[f"score_{stage}"] for stage in of_score},
            score=self.o.p.score, clipped=clipped,
        )  # fmt: skip
        m.d.comb += [
            self.o.p.turn.as_value().eq(turn),
            self.o.p.flags.eq(Cat(clipped | wrong[0], wrong[1:])),
        ]
        return m

    def dot(self, m, go, stages, operands):
        """(the sum of products, of a width that a score takes; flags of any of them: saturated, invalid)."""
        a = self.p.arithmetic
        q, k = operands[: len(self.i.p.q)], operands[len(self.i.p.q) :]
        values, wrong = [], []
        for index in range(a.head_dim):
            value = Signal(a.product.width, name=f"product_{index}")
            flags = {
                name: Signal(name=f"{name}_{index}") for name in ("saturated", "invalid")[: 2 * a.floating]
            }
            self.product.place(
                m, f"product_{index}", q=lane(q, index, a.head_dim), k=lane(k, index, a.head_dim),
                **{f"{stage}_go": go[stage] for stage in stages}, product=value, **flags,
            )  # fmt: skip
            values.append(value.as_signed())
            wrong.append(Cat(*flags.values()))
        total = Signal(a.dot.width, name="total")
        # a sum of head_dim products: what the tree has above dot's width is sign
        m.d.comb += total.eq(tree(m, values, lambda a, b: a + b, "sum")[: a.dot.width])
        return total, tree(m, wrong, lambda a, b: a | b, "wrong") if a.floating else Const(0, 1)


class WeightNode(wiring.Component):
    """i  stream of scores; ready is combinational
    o  stream of weights, numbers of p.sum, and their flags; out of registers
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        self.power = piecewise_lane(p.arithmetic.power)
        self.uses = (self.power,)
        super().__init__(
            {
                "i": In(stream.Signature(layout.score(p))),
                "o": Out(stream.Signature(layout.term(p, 1, layout.flags(p)))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, a = self.p, self.p.arithmetic
        stages = piecewise_stages(a.power)
        go = {stage: Signal(name=f"{stage}_go") for stage in stages}
        m.d.comb += [
            self.o.valid.eq(hold_stages(m, go, valid=self.i.valid, ready=self.o.ready)),
            self.i.ready.eq(go["entry"]),
        ]
        power = Signal(a.power.out.width)
        self.power.place(
            m, "power", x=self.i.p.score[: a.fraction], function=Const(0, 1), y=power,
            **{f"{stage}_go": signal for stage, signal in go.items()},
        )  # fmt: skip
        octave = held(m, go, "octave", self.i.p.score[a.fraction :])["o"].as_signed()
        turn = held(m, go, "turn", self.i.p.turn.as_value())["o"]
        marks = held(m, go, "flags", self.i.p.flags)["o"]
        # check_range: a score's octaves are well inside the exponents
        exponent = Signal(p.exponent_bits)
        m.d.comb += exponent.eq((octave + p.sum.bias)[: p.exponent_bits])
        below = Cat(Const(0, p.mantissa_bits - a.weight_bits), power[: a.weight_bits])
        code = Cat(below, exponent, Const(0, 1))
        counts = self.o.p.turn.counts
        m.d.comb += [
            self.o.p.turn.as_value().eq(turn),
            fit(self.o.p.terms, Mux(counts, code, 0)),
            fit(self.o.p.marks, Mux(counts, marks, 0)),
        ]
        return m


def score(p: StreamingParams) -> Definition:
    """The node of scores."""
    return Definition(f"{p.name}_score", ScoreNode(p))


def weight(p: StreamingParams) -> Definition:
    """The node of weights."""
    return Definition(f"{p.name}_weight", WeightNode(p))
