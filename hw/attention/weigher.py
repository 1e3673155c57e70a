"""Values in their buffer, weighted and added up; a part of the engine that takes a key a cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import window_cycles
from golden.attention.products import stages as product_stages
from golden.attention.weights import stages as weight_stages
from golden.attention.window import WindowParams
from hw.attention import value_lane, weights
from hw.emit import Definition
from hw.lanes import delayed, lane, tree


class Weigher(wiring.Component):
    """load, load_place, v   a value goes into the buffer
    step, place, reads, of_sink, row_first, row_last   a slot passes (hw.attention.walker)
    score, top               a cycle later: its score, and its row's maximum
    capture                  a row's sums are complete: `total`, of the weights, stands in this cycle
    shift, kept              of the row's sums, from the next cycle on: the first elements, and the next ones
    invalid                  of FP16, with `capture`: a value of the row was no finite number
    """

    def __init__(self, p: WindowParams):
        self.p, a = p, p.arithmetic
        t = window_cycles.timing(p)
        self.slots = p.slots + t.weight_cycles
        self.weight, self.lane = weights.weight_lane(a), value_lane.definition(a)
        self.uses = (self.weight, self.lane)
        super().__init__(
            {
                "load": In(1),
                "load_place": In(range(self.slots)),
                "v": In(a.head_dim * a.value.width),
                **{name: In(1) for name in ("step", "reads", "of_sink", "row_first", "row_last")},
                "place": In(range(self.slots)),
                "score": In(a.score.width),
                "top": In(a.octave.width),
                "capture": Out(1),
                "total": Out(a.total.width),
                "shift": In(1),
                "kept": Out(p.divide_lanes * a.sum_width),
                **({"invalid": Out(1)} if a.floating else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.p.arithmetic
        behind = len(weight_stages(a))
        product = len(product_stages(a))
        m.submodules.values = values = memory.Memory(shape=len(self.v), depth=self.slots, init=[])
        write, read = values.write_port(), values.read_port()
        m.d.comb += [write.en.eq(self.load), write.addr.eq(self.load_place), write.data.eq(self.v)]
        reads = Signal(name="reads_now")
        m.d.comb += reads.eq(self.step & self.reads)
        # a value is read when its weight is known
        m.d.comb += read.addr.eq(delayed(m, self.place, behind, "place"))
        m.d.comb += read.en.eq(delayed(m, reads, behind, "read", reset=True))
        weight, keep = Signal(a.weight.width, name="weight_q"), Signal(name="keep")
        m.d.comb += keep.eq(self.step & (self.reads | self.of_sink))
        self.weight.place(
            m, "weights", score=self.score, top=self.top, keep=delayed(m, keep, 1, "keep", reset=True),
            weight=weight, **{f"{stage}_go": 1 for stage in weight_stages(a)},
        )  # fmt: skip
        adding = 1 + behind + product  # cycles behind the slot
        first, last = Signal(name="first_now"), Signal(name="last_now")
        m.d.comb += [first.eq(self.step & self.row_first), last.eq(self.step & self.row_last)]
        strobes = {
            "adds": delayed(m, reads, adding, "adds", reset=True),
            "first": delayed(m, first, adding, "first", reset=True),
            "capture": delayed(m, last, adding + 1, "last", reset=True),
        }
        total = Signal.like(self.total, name="total_q", reset_less=True)
        added = delayed(m, weight, product, "weight")
        # at most p.keys weights and the sink's: the width of a total
        m.d.sync += total.eq((Mux(strobes["first"], 0, total) + added)[: len(total)])
        m.d.comb += [self.total.eq(total), self.capture.eq(strobes["capture"])]
        self.lanes(m, weight, read.data, strobes)
        return m

    def lanes(self, m, weight, value, strobes):
        """A lane each element; beyond them zeros, where a group of divisions is not full."""
        p, a = self.p, self.p.arithmetic
        count = p.divide_cycles * p.divide_lanes
        kept = [Signal(a.sum_width, name=f"kept_{h}") for h in range(count)]
        wrong = [Signal(name=f"invalid_{h}") for h in range(a.head_dim)]
        for h in range(a.head_dim):
            behind = kept[h + p.divide_lanes] if h + p.divide_lanes < count else 0
            told = {"invalid": wrong[h]} if a.floating else {}
            self.lane.place(
                m, f"lane_{h}", w=weight, v=lane(value, h, a.head_dim), **strobes, shift=self.shift,
                behind=behind, kept=kept[h], **told,
            )  # fmt: skip
        for each in range(p.divide_lanes):
            m.d.comb += lane(self.kept, each, p.divide_lanes).eq(kept[each])
        if a.floating:
            seen, now = Signal(name="invalid_seen", reset_less=True), Signal(name="invalid_now")
            m.d.comb += now.eq(tree(m, wrong, lambda a, b: a | b, "invalid_any"))
            m.d.sync += seen.eq(now | (seen & ~strobes["first"]))
            m.d.comb += self.invalid.eq(seen)


def definition(p: WindowParams) -> Definition:
    """The weigher of `p`."""
    return Definition(f"{p.name}_weigher", Weigher(p))
