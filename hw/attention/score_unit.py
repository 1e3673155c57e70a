"""Scores and weights of some lanes, one after the other; a part of the engine with a lane a key."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention.scores import stages as score_stages
from golden.attention.weights import stages as weight_stages
from golden.attention.window import WindowParams
from hw.attention import scores, weights
from hw.attention.scorer import scale_ports
from hw.emit import Definition
from hw.lanes import delayed, lane


class ScoreUnit(wiring.Component):
    """capture, dots, valid    dot products of the lanes, and whether the row reads them, are taken
    multiplier, shift, cap     of the row, from the next cycle on, in which the first lane is scaled
    score, counts, clipped     of a lane after the other, as many cycles later as a score has registers
    top                        the row's maximum, while its scores are weighted
    weight                     of a lane after the other
    load                       the last weights, as many as there are lanes, go to the lanes
    weights, keeps             of the lanes, from the next cycle on
    saturated, invalid         of FP16: of the dot products that are taken; of the score
    """

    def __init__(self, p: WindowParams):
        self.p, a = p, p.arithmetic
        self.count = count = p.lanes_of_unit
        self.scale, self.weigh = scores.score_lane(a), weights.weight_lane(a)
        self.uses = (self.scale, self.weigh)
        self.flags = ("saturated", "invalid") if a.floating else ()
        super().__init__(
            {
                **{name: In(1) for name in ("capture", "load")},
                "dots": In(count * a.dot.width),
                "valid": In(count),
                **{name: In(count) for name in self.flags},
                **{name: In(bits) for name, bits in scale_ports(p).items()},
                "top": In(a.octave.width),
                "score": Out(a.score.width),
                **{name: Out(1) for name in ("counts", "clipped", *(f"{flag}_now" for flag in self.flags))},
                "weight": Out(a.weight.width),
                "weights": Out(count * a.weight.width),
                "keeps": Out(count),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.p.arithmetic
        heads = {name: self.captured(m, name) for name in ("dots", "valid", *self.flags)}
        behind = len(score_stages(a))
        scale = {name: getattr(self, name) for name in scale_ports(self.p)}
        go = {f"{stage}_go": 1 for stage in score_stages(a)}
        self.scale.place(m, "scale", dot=heads["dots"], **scale, **go, score=self.score, clipped=self.clipped)
        m.d.comb += self.counts.eq(delayed(m, heads["valid"], behind, "counts"))
        for flag in self.flags:
            m.d.comb += getattr(self, f"{flag}_now").eq(delayed(m, heads[flag], behind, flag))
        kept = self.chain(m, "kept", Cat(self.score, self.counts))
        head = kept[: a.score.width + 1]
        go = {f"{stage}_go": 1 for stage in weight_stages(a)}
        self.weigh.place(m, "weigh", score=head[:-1], top=self.top, keep=head[-1], weight=self.weight, **go)
        keep = delayed(m, head[-1], len(weight_stages(a)), "keep")
        found = self.chain(m, "found", Cat(self.weight, keep))
        ready = Signal.like(found, name="ready", reset_less=True)
        with m.If(self.load):
            m.d.sync += ready.eq(found)
        for each in range(self.count):
            word = lane(ready, each, self.count)
            m.d.comb += lane(self.weights, each, self.count).eq(word[:-1])
            m.d.comb += self.keeps[each].eq(word[-1])
        return m

    def captured(self, m, name):
        """What was taken of the lanes, the first, then the next in each cycle; zeros follow."""
        given = getattr(self, name)
        q = Signal.like(given, name=f"{name}_q", reset_less=True)
        width = len(given) // self.count
        with m.If(self.capture):
            m.d.sync += q.eq(given)
        with m.Else():
            m.d.sync += q.eq(q >> width)
        return q[:width]

    def chain(self, m, name, word):
        """The last words, as many as there are lanes, the oldest first: they move on in every cycle, and are
        taken when they are a row's."""
        q = Signal(len(word) * self.count, name=name, reset_less=True)
        m.d.sync += q.eq(Cat(q[len(word) :], word))
        return q


def definition(p: WindowParams) -> Definition:
    """A unit of `p`."""
    return Definition(f"{p.name}_score_unit", ScoreUnit(p))
