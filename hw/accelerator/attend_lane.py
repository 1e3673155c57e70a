"""One query of the group that ATTEND holds: its scores, their weights, the weighted values' sums."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.attend import MASK, MASK_MULTIPLIER, AttentionParams
from golden.accelerator.attend_cycles import HELD, LOADED
from golden.attention.arithmetic import MAX_SHIFT, MULTIPLIER
from golden.attention.products import stages as product_stages
from golden.attention.scores import stages as score_stages
from golden.attention.weights import stages as weight_stages
from hw.attention import dot, scores, value_lane, weights
from hw.attention.scores import clipped
from hw.emit import Definition
from hw.lanes import delayed, lane


def word_places(a: AttentionParams, lanes: int) -> int:
    """Places of a query's words, a power of two."""
    return 1 << (a.words(lanes) - 1).bit_length()


class AttendLane(wiring.Component):
    """load, load_place, q       a word of a query goes to its place
    step, place                  a word of a key passes, of which k is the cycle after
    dot_adds, dot_first          with its products' sum: a word passed; it is the first of a key
    multiplier, shift            make scores of sums
    bias                         what the mask adds to the score, with it
    scored, score_place          the key's last word: its score is written, score_cycles behind the step
    counts, key_first, key_last  with it: the key counts; it is its group's first, last
    top_place                    where the group's maximum goes
    reads, read_place, read_top  a value passes: places of its score and of the group's maximum
    weighs                       a cycle later: it passed; v: when the weight is known
    value_first, capture         with its product: the first of a pass; and the sums of a pass are complete
    shift_total, shift_sums      what is kept moves on to the query before
    total_behind, total          of the query behind, and this one's: the sum of weights
    sums_behind, sums            a word's sums of weighted values
    """

    def __init__(self, a: AttentionParams, lanes: int):
        self.lanes, self.arithmetic = lanes, a.arithmetic(lanes)
        p = self.arithmetic
        # of a word of a query: the score's width is that of a sum over all words
        self.word = type(p)(head_dim=lanes, keys=p.keys)
        self.dot, self.score = dot.definition(self.word), scores.score_lane(p)
        self.weight, self.value = weights.weight_lane(p), value_lane.definition(p)
        self.uses = (self.dot, self.score, self.weight, self.value)
        self.slots = 2 * a.keys
        self.places = LOADED * word_places(a, lanes)
        bits = {
            name: In(1)
            for name in (
                "load", "step", "dot_adds", "dot_first", "scored", "counts", "key_first", "key_last",
                "reads", "weighs", "value_first", "capture", "shift_total", "shift_sums",
            )
        }  # fmt: skip
        super().__init__(
            {
                **bits,
                **{name: In(8 * lanes) for name in ("q", "k", "v")},
                **{name: In(range(self.places)) for name in ("load_place", "place")},
                **{name: In(range(self.slots)) for name in ("score_place", "read_place")},
                **{name: In(range(HELD)) for name in ("top_place", "read_top")},
                "multiplier": In(MULTIPLIER.width),
                "shift": In(MAX_SHIFT.bit_length()),
                "bias": In(MASK.width + MASK_MULTIPLIER.width),
                "total_behind": In(p.total.width),
                "total": Out(p.total.width),
                "sums_behind": In(lanes * p.sum_width),
                "sums": Out(lanes * p.sum_width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        score = self.scores(m, self.sums_of_products(m))
        self.tops(m, score)
        self.weigh(m, self.weights(m, score))
        return m

    def sums_of_products(self, m):
        """The sum over the words that have passed, a register behind the last word's."""
        p = self.arithmetic
        m.submodules.queries = queries = memory.Memory(shape=len(self.q), depth=self.places, init=[])
        write, read = queries.write_port(), queries.read_port()
        m.d.comb += [write.en.eq(self.load), write.addr.eq(self.load_place), write.data.eq(self.q)]
        m.d.comb += [read.en.eq(self.step), read.addr.eq(self.place)]
        one = Signal(signed(self.word.dot.width), name="dot_of_word")
        self.dot.place(m, "dots", q=read.data, k=self.k, dot=one)
        total = Signal(signed(p.dot.width), name="dot_total", reset_less=True)
        # as many words as head_dim has: the width of a sum over all of them
        m.d.sync += total.eq((Mux(self.dot_first, 0, total) + Mux(self.dot_adds, one, 0))[: len(total)])
        return total

    def scores(self, m, total):
        """The key's score, with the mask, registered."""
        p = self.arithmetic
        scaled = Signal(signed(p.score.width), name="scaled")
        go = {f"{stage}_go": 1 for stage in score_stages(p)}
        self.score.place(
            m, "scale", dot=total, multiplier=self.multiplier, shift=self.shift, score=scaled,
            clipped=Signal(name="beyond"), **go,
        )  # fmt: skip
        sum_of_both, _ = clipped(m, scaled + self.bias.as_signed(), p.score, "masked")
        score = Signal(signed(p.score.width), name="score", reset_less=True)
        m.d.sync += score.eq(sum_of_both)
        return score

    def tops(self, m, score):
        """The group's largest score that counts, rounded up to an octave, where weights look for it."""
        p = self.arithmetic
        best, base, largest = (Signal.like(score, name=name) for name in ("best", "base", "largest"))
        m.d.comb += [
            base.eq(Mux(self.key_first, p.score.min, best)),
            largest.eq(Mux(self.counts & (score > base), score, base)),
        ]
        with m.If(self.scored):
            m.d.sync += best.eq(largest)
        m.submodules.tops = tops = memory.Memory(shape=p.octave.width, depth=HELD, init=[])
        write, read = tops.write_port(), tops.read_port()
        up = (largest + ((1 << p.fraction) - 1)) >> p.fraction
        m.d.comb += [
            write.en.eq(self.scored & self.key_last),
            write.addr.eq(self.top_place),
            write.data.eq(up[: p.octave.width]),
            read.en.eq(self.reads),
            read.addr.eq(self.read_top),
        ]
        self.top = read.data

    def weights(self, m, score):
        """The weight of the value that passes, 0 in a cycle in which none does."""
        p = self.arithmetic
        word = Cat(score, self.counts)
        m.submodules.scores = waiting = memory.Memory(shape=len(word), depth=self.slots, init=[])
        write, read = waiting.write_port(), waiting.read_port()
        m.d.comb += [write.en.eq(self.scored), write.addr.eq(self.score_place), write.data.eq(word)]
        m.d.comb += [read.en.eq(self.reads), read.addr.eq(self.read_place)]
        weight = Signal(p.weight.width, name="weight")
        self.weight.place(
            m, "weight_lane", score=read.data[: p.score.width], top=self.top, weight=weight,
            keep=self.weighs & read.data[-1], **{f"{stage}_go": 1 for stage in weight_stages(p)},
        )  # fmt: skip
        return weight

    def weigh(self, m, weight):
        """A sum for each element of the word, and that of the weights."""
        p = self.arithmetic
        for each in range(self.lanes):
            self.value.place(
                m, f"value_{each}", w=weight, v=lane(self.v, each, self.lanes), adds=1,
                first=self.value_first, capture=self.capture, shift=self.shift_sums,
                behind=lane(self.sums_behind, each, self.lanes), kept=lane(self.sums, each, self.lanes),
            )  # fmt: skip
        names = ("total_q", "total_kept")
        total, kept = (Signal(p.total.width, name=name, reset_less=True) for name in names)
        added = delayed(m, weight, len(product_stages(p)), "weight_added")
        m.d.sync += total.eq((Mux(self.value_first, 0, total) + added)[: len(total)])
        with m.If(self.capture):
            m.d.sync += kept.eq(total)
        with m.Elif(self.shift_total):
            m.d.sync += kept.eq(self.total_behind)
        m.d.comb += self.total.eq(kept)


def definition(a: AttentionParams, lanes: int) -> Definition:
    """The lane of a query."""
    return Definition(f"attend_lane_{a.keys}x{a.head_dim}_{lanes}", AttendLane(a, lanes))
