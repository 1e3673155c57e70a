"""Keys in their buffer, and scores of the slots that pass; a part of the engine that takes a key a cycle."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import window_cycles
from golden.attention.arithmetic import MAX_SHIFT, MULTIPLIER
from golden.attention.products import stages as product_stages
from golden.attention.scores import stages as score_stages
from golden.attention.window import WindowParams
from hw.attention import dot, scores
from hw.emit import Definition
from hw.lanes import delayed


def scale_ports(p: WindowParams) -> dict[str, int]:
    """{field: bits} of a command that make octaves of sums."""
    cap = {"cap": p.arithmetic.score.width - 1} if p.arithmetic.softcap else {}
    return {"multiplier": MULTIPLIER.width, "shift": MAX_SHIFT.bit_length()} | cap


class Scorer(wiring.Component):
    """load, load_place, k   a key goes into the buffer
    step, place, reads, of_sink, row_first, row_last   a slot passes (hw.attention.walker), of
    q, sink                the query, with the row's first slot; the score of its sink
    multiplier, shift, cap of the command
    score_valid, score     of each slot that passed, in order
    row_valid, top, some, saturated   with a row's last score: its maximum; a key counted; one was clipped
    """

    def __init__(self, p: WindowParams):
        self.p, a = p, p.arithmetic
        self.dot, self.score_lane = dot.definition(a), scores.score_lane(a)
        self.uses = (self.dot, self.score_lane)
        slot = range(p.slots)
        super().__init__(
            {
                "load": In(1),
                "load_place": In(slot),
                "k": In(a.head_dim * a.key.width),
                **{name: In(1) for name in ("step", "reads", "of_sink", "row_first", "row_last")},
                "place": In(slot),
                "q": In(a.head_dim * a.query.width),
                **({"sink": In(a.score.width)} if p.sinks else {}),
                **{name: In(bits) for name, bits in scale_ports(p).items()},
                "score_valid": Out(1),
                "score": Out(a.score.width),
                "row_valid": Out(1),
                "top": Out(a.octave.width),
                "some": Out(1),
                "saturated": Out(1),
                **({"invalid": Out(1)} if a.floating else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.p.arithmetic
        m.submodules.keys = keys = memory.Memory(shape=len(self.k), depth=self.p.slots, init=[])
        write, read = keys.write_port(), keys.read_port()
        m.d.comb += [write.en.eq(self.load), write.addr.eq(self.load_place), write.data.eq(self.k)]
        m.d.comb += [read.en.eq(self.step & self.reads), read.addr.eq(self.place)]
        query = Signal.like(self.q, name="query", reset_less=True)
        with m.If(self.step & self.row_first):
            m.d.sync += query.eq(self.q)
        dots = 1 + len(product_stages(a)) + window_cycles.tree_registers(a.head_dim)  # until the dot product
        total, flags = self.dot_of(m, query, read.data)
        scale = {name: delayed(m, getattr(self, name), dots, name) for name in scale_ports(self.p)}
        score, clipped = Signal(signed(a.score.width), name="scaled"), Signal()
        go = {f"{stage}_go": 1 for stage in score_stages(a)}
        self.score_lane.place(m, "scale", dot=total, **scale, **go, score=score, clipped=clipped)
        behind = len(score_stages(a))
        flags = {name: delayed(m, flag, behind, name) for name, flag in flags.items()}
        latency = dots + behind
        if self.p.sinks:
            # with the row's first slot, which is the sink's
            own = Signal.like(self.sink, name="sink_q", reset_less=True)
            with m.If(self.step & self.row_first):
                m.d.sync += own.eq(self.sink)
            ours = delayed(m, self.of_sink, latency, "of_sink")
            sink = delayed(m, own, latency - 1, "sink")
            given = Signal.like(score, name="given")
            m.d.comb += given.eq(Mux(ours, sink.as_signed(), score))
            score = given
        self.row(m, score, clipped, flags, latency)
        return m

    def dot_of(self, m, query, key) -> tuple[Value, dict[str, Value]]:
        """The dot product, and of FP16 its flags."""
        total = Signal(signed(self.p.arithmetic.dot.width), name="total")
        flags = {flag: Signal(name=flag) for flag in self.dot.component.flags}
        self.dot.place(m, "dots", q=query, k=key, dot=total, **flags)
        return total, flags

    def row(self, m, score, clipped, flags, latency):
        """The score goes out, and with the row's last one the row's maximum."""
        a = self.p.arithmetic
        strobes = {
            "step": (self.step, True), "reads": (self.reads, False), "of_sink": (self.of_sink, False),
            "first": (self.row_first, False), "last": (self.row_last, False),
        }  # fmt: skip
        now = {n: delayed(m, value, latency, f"{n}_q", reset=reset) for n, (value, reset) in strobes.items()}
        best, base = Signal.like(score, name="best", reset_less=True), Signal.like(score, name="base")
        largest = Signal.like(score, name="largest")
        counts = now["reads"] | now["of_sink"]
        m.d.comb += [
            base.eq(Mux(now["first"], a.score.min, best)),
            largest.eq(Mux(counts & (score > base), score, base)),
            self.score_valid.eq(now["step"]),
            self.score.eq(score),
            self.row_valid.eq(now["step"] & now["last"]),
            # rounded up to an octave
            self.top.eq(((largest + ((1 << a.fraction) - 1)) >> a.fraction)[: len(self.top)]),
        ]
        told = {"some": now["reads"], "saturated": now["reads"] & clipped}
        if a.floating:
            told["saturated"] = now["reads"] & (clipped | flags["saturated"])
            told["invalid"] = now["reads"] & flags["invalid"]
        with m.If(now["step"]):
            m.d.sync += best.eq(largest)
        for name, value in told.items():
            seen = Signal(name=f"{name}_seen", reset_less=True)
            m.d.comb += getattr(self, name).eq(value | (seen & ~now["first"]))
            with m.If(now["step"]):
                m.d.sync += seen.eq(getattr(self, name))


def definition(p: WindowParams) -> Definition:
    """The scorer of `p`."""
    return Definition(f"{p.name}_scorer", Scorer(p))
