"""The sliding-window attention engine that takes a key a cycle. Golden: golden.attention.sliding_window.

    command -> walker of keys   -> scorer  -> scores, rows' maxima -> weigher -> divider -> o
            -> walker of values ------------------------------------^
    q, k -> scorer                                            v -> weigher

Everything behind a walker runs freely: a slot passes only if what it leads to has room (`room` of scores,
`rows` of results), so nothing inside ever waits.
"""

from amaranth.hdl import Cat, Const, Module, Shape, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import window_cycles
from golden.attention.products import stages as product_stages
from golden.attention.sliding_window import INPUTS, fields
from golden.attention.window import WindowParams
from hw.attention import divider, key_parallel, scorer, steps, walker, weigher
from hw.axi import queue
from hw.blocks import word_layout
from hw.emit import Definition
from hw.lanes import bits, delayed


class SlidingWindow(wiring.Component):
    """command, q, k, v   streams in; ready is combinational
    o                  stream out; registered
    """

    def __init__(self, p: WindowParams):
        self.p = p
        self.timing = t = window_cycles.timing(p)
        layout = fields(p)
        a = p.arithmetic
        self.words = {name: word_layout(each) for name, each in layout.items()}
        self.keys, self.values = walker.definition(p), walker.definition(p, t.weight_cycles, t.weight_cycles)
        self.scorer, self.weigher = scorer.definition(p), weigher.definition(p)
        self.told = ("some", "saturated", *(("invalid",) if a.floating else ()))
        self.flags = len(layout["o"]) - 1  # bits of a result's
        rows = window_cycles.rows_held(p)
        self.divider = divider.definition(p, self.flags)
        # walks of values wait while keys go ahead: each has a row of scores inside, but the last
        self.walks = queue.definition(sum(Shape.cast(s).width for s in self.walk_shapes().values()), rows + 1)
        self.known = queue.definition(a.octave.width + len(self.told), rows)
        self.results = queue.definition(a.head_dim * a.out.width + self.flags, window_cycles.rows_out(p))
        self.uses = (
            *self.keys.component.uses, self.keys, *self.values.component.uses, self.values, self.scorer,
            self.weigher, self.divider, self.walks, self.known, self.results,
        )  # fmt: skip
        super().__init__(
            {
                **{name: In(stream.Signature(self.words[name])) for name in INPUTS},
                "o": Out(stream.Signature(self.words["o"])),
            }
        )

    def walk_shapes(self):
        """{field: shape} of a command that the walkers take."""
        return self.keys.component.fields

    def elaborate(self, platform):
        m = Module()
        self.slots = {side: {} for side in ("keys", "values")}
        fields_of = {
            name: self.command.p[name] for name in steps.FIELDS if name in self.words["command"].members
        }
        fields_of.setdefault("sink", Const(0, 1))
        self.walker(m, "keys", self.keys, self.command.valid, self.command.ready, fields_of, self.k)
        taken = Signal(name="command_taken")
        m.d.comb += taken.eq(self.command.valid & self.command.ready)
        waiting, valid, ready = self.later(m, taken, fields_of)
        self.walker(m, "values", self.values, valid, ready, waiting, self.v)
        self.score(m, taken)
        self.weigh(m)
        return m

    def walker(self, m, side, definition, valid, ready, fields_of, words):
        """A walker; its slots' signals go into `slots`."""
        component = definition.component
        found = {
            name: Signal.like(getattr(component, name), name=f"{side}_{name}")
            for name in ("go", "step", "place", "reads", "of_sink", "row_first", "row_last", "load_place")
        }
        definition.place(
            m, f"{side}_walker", command_valid=valid, command_ready=ready, **fields_of,
            load_valid=words.valid, load_ready=words.ready, **found,
        )  # fmt: skip
        load = Signal(name=f"{side}_load")
        m.d.comb += load.eq(words.valid & words.ready)
        self.slots[side] = found | {"load": load}

    def later(self, m, taken, fields_of):
        """The commands again, for the values: their fields, and the handshake."""
        shapes = self.walk_shapes()
        word = Cat(Signal(shape, name=f"walk_{name}") for name, shape in shapes.items())
        waiting = {name: Signal(shape, name=f"waiting_{name}") for name, shape in shapes.items()}
        for name, given in zip(shapes, word.parts, strict=True):
            m.d.comb += given.eq(fields_of[name])
        valid, ready = bits("walk_valid", "walk_ready")
        payload = Signal(len(word), name="walk")
        self.walks.place(m, "walks", write=taken, i=word, o_valid=valid, o_ready=ready, o_payload=payload)
        m.d.comb += Cat(waiting.values()).eq(payload)
        return waiting, valid, ready

    def score(self, m, taken):
        """Slots of keys pass while there is a query and room for their scores."""
        p, slots = self.p, self.slots["keys"]
        held = window_cycles.scores_held(p)
        room = Signal(range(held + 1), init=held)
        m.d.sync += room.eq((room - slots["step"] + self.slots["values"]["step"])[: len(room)])
        m.d.comb += [
            slots["go"].eq((room != 0) & (self.q.valid | ~slots["row_first"])),
            self.q.ready.eq(slots["step"] & slots["row_first"]),
        ]
        names = scorer.scale_ports(p)
        scale = {name: Signal.like(self.command.p[name], name=f"{name}_kept") for name in names}
        with m.If(taken):
            m.d.sync += [kept.eq(self.command.p[name]) for name, kept in scale.items()]
        names = ("score_valid", "score", "row_valid", "top", *self.told)
        found = {name: Signal.like(getattr(self.scorer.component, name), name=name) for name in names}
        sink = {"sink": self.q.p.sink} if p.sinks else {}
        self.scorer.place(
            m, "scorer", load=slots["load"], load_place=slots["load_place"], k=self.k.payload.as_value(),
            **{name: slots[name] for name in ("step", "place", "reads", "of_sink", "row_first", "row_last")},
            q=self.q.p.q, **sink, **scale, **found,
        )  # fmt: skip
        self.keep_scores(m, found, held)
        row = Cat(found["top"], *(found[name] for name in self.told))
        valid, ready = Signal(name="known_valid"), Signal(name="known_ready")
        payload = Signal(len(row), name="known")
        self.known.place(
            m, "known", write=found["row_valid"], i=row, o_valid=valid, o_ready=ready, o_payload=payload
        )
        self.row = {"valid": valid, "ready": ready, "payload": payload}

    def keep_scores(self, m, found, held):
        """A ring: the scores of slots that have passed on the side of the keys, not on that of the values."""
        m.submodules.scores = scores = memory.Memory(shape=len(found["score"]), depth=held, init=[])
        write, read = scores.write_port(), scores.read_port()
        step = self.slots["values"]["step"]
        m.d.comb += [
            write.en.eq(found["score_valid"]),
            write.data.eq(found["score"]),
            read.en.eq(step),
        ]
        for port, moves in ((write, found["score_valid"]), (read, step)):
            with m.If(moves):
                m.d.sync += port.addr.eq(port.addr + 1)
                with m.If(port.addr == held - 1):
                    m.d.sync += port.addr.eq(0)
        self.read_score = read.data

    def weigh(self, m):
        """Slots of values pass once their row's maximum is known, if there is room for its result."""
        p, slots, t = self.p, self.slots["values"], self.timing
        a = p.arithmetic
        rows = Signal(range(window_cycles.rows_out(p) + 1), init=window_cycles.rows_out(p))
        begins, leaves = Signal(name="row_begins"), Signal(name="row_leaves")
        m.d.comb += [
            slots["go"].eq(~slots["row_first"] | (self.row["valid"] & (rows != 0))),
            begins.eq(slots["step"] & slots["row_first"]),
            self.row["ready"].eq(begins),
            leaves.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += rows.eq((rows - begins + leaves)[: len(rows)])
        row = Signal.like(self.row["payload"], name="row", reset_less=True)
        with m.If(begins):
            m.d.sync += row.eq(self.row["payload"])
        top, told = row[: a.octave.width], row[a.octave.width :]
        names = ("capture", "total", "shift", "kept", *self.told[2:])
        found = {name: Signal.like(getattr(self.weigher.component, name), name=name) for name in names}
        self.weigher.place(
            m, "weigher", load=slots["load"], load_place=slots["load_place"], v=self.v.payload.as_value(),
            **{name: slots[name] for name in ("step", "place", "reads", "of_sink", "row_first", "row_last")},
            score=self.read_score, top=top, **found,
        )  # fmt: skip
        flags = Signal(len(told), name="flags")
        m.d.comb += flags.eq(Cat(~told[0], told[1:]))  # a row of which no key counts is empty
        behind = 1 + t.weight_cycles + len(product_stages(a))
        flags = delayed(m, flags, behind, "flags")
        if a.floating:
            flags = Cat(flags[:2], flags[2] | found["invalid"])
        self.divide(m, found, flags)

    def divide(self, m, found, flags):
        """Results, and their flags, into the queue that `o` is the end of."""
        component = self.divider.component
        write, out = Signal(name="result_valid"), Signal.like(component.out, name="result")
        told = Signal(self.flags, name="result_flags")
        self.divider.place(
            m, "divider", start=found["capture"], total=found["total"], with_start=flags,
            shift=found["shift"],
            sums=found["kept"], write=write, out=out, with_write=told,
        )  # fmt: skip
        word = Signal(len(out) + len(told), name="result_word")
        m.d.comb += word.eq(Cat(out, told))
        self.results.place(
            m, "results", write=write, i=word, o_valid=self.o.valid, o_ready=self.o.ready,
            o_payload=self.o.payload.as_value(),
        )  # fmt: skip


def definition(p: WindowParams) -> Definition:
    """The engine of `p`, in its organisation."""
    return key_parallel.definition(p) if p.by_keys else Definition(p.name, SlidingWindow(p))
