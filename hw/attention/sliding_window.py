"""The sliding-window attention engine that takes a key a cycle. Golden: golden.attention.sliding_window.

    command -> walker of keys   -> slots of keys    -> scores, and what follows, of each head -> o
            -> walker of values -> slots of values -------^
    q, k, v ----------------------------------------------^

Everything behind a walker runs freely: a slot passes only if what it leads to has room (of scores, of
results), so nothing inside ever waits.
"""

from amaranth.hdl import Cat, Const, Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import window_cycles
from golden.attention.sliding_window import INPUTS, fields
from golden.attention.window import WindowParams
from hw.attention import key_parallel, scorer, slot_datapath, steps, walker
from hw.axi import queue
from hw.blocks import word_layout
from hw.emit import Definition
from hw.lanes import bits, lane


class SlidingWindow(wiring.Component):
    """command, q, k, v   streams in; ready is combinational
    o                  stream out; registered
    """

    def __init__(self, p: WindowParams):
        self.p = p
        t, layout = window_cycles.timing(p), fields(p)
        self.words = {name: word_layout(each) for name, each in layout.items()}
        self.keys, self.values = walker.definition(p), walker.definition(p, t.weight_cycles, t.weight_cycles)
        self.datapath = slot_datapath.definition(p)
        # walks of values wait while keys go ahead: each has a row of scores inside, but the last
        waiting = sum(Shape.cast(shape).width for shape in self.keys.component.fields.values())
        self.walks = queue.definition(waiting, window_cycles.rows_held(p) + 1)
        width = sum(bits * lanes for _, bits, lanes in layout["o"])
        self.results = queue.definition(width, window_cycles.rows_out(p))
        walkers = (*self.keys.component.uses, self.keys, *self.values.component.uses, self.values)
        parts = (*walkers, *self.datapath.component.uses, self.datapath, self.walks, self.results)
        self.uses = tuple({each.name: each for each in parts}.values())
        super().__init__(
            {
                **{name: In(stream.Signature(self.words[name])) for name in INPUTS},
                "o": Out(stream.Signature(self.words["o"])),
            }
        )

    def elaborate(self, platform):
        m = Module()
        command = self.words["command"].members
        given = {name: self.command.p[name] for name in steps.FIELDS if name in command}
        given.setdefault("sink", Const(0, 1))
        keys = self.walker(m, "keys", self.keys, self.command.valid, self.command.ready, given, self.k)
        taken = Signal(name="command_taken")
        m.d.comb += taken.eq(self.command.valid & self.command.ready)
        waiting, valid, ready = self.later(m, taken, given)
        values = self.walker(m, "values", self.values, valid, ready, waiting, self.v)
        scale = {
            name: Signal.like(self.command.p[name], name=f"{name}_kept", reset_less=True)
            for name in scorer.scale_ports(self.p)
        }
        with m.If(taken):
            m.d.sync += [kept.eq(self.command.p[name]) for name, kept in scale.items()]
        heads = [self.head(m, index, keys, values, scale) for index in range(self.p.heads)]
        self.pass_on(m, keys, values, known=heads[0]["known"])
        self.leave(m, heads)
        return m

    def walker(self, m, side, definition, valid, ready, given, words):
        """A walker; {name: a signal of its slots, of its loads}."""
        names = ("go", *slot_datapath.SLOT, "load_place")
        found = {n: Signal.like(getattr(definition.component, n), name=f"{side}_{n}") for n in names}
        definition.place(
            m, f"{side}_walker", command_valid=valid, command_ready=ready, **given,
            load_valid=words.valid, load_ready=words.ready, **found,
        )  # fmt: skip
        load = Signal(name=f"{side}_load")
        m.d.comb += load.eq(words.valid & words.ready)
        return found | {"load": load}

    def later(self, m, taken, given):
        """The commands again, for the values: their fields, and the handshake."""
        shapes = self.keys.component.fields
        word = Cat(Signal(shape, name=f"walk_{name}") for name, shape in shapes.items())
        waiting = {name: Signal(shape, name=f"waiting_{name}") for name, shape in shapes.items()}
        for name, field in zip(shapes, word.parts, strict=True):
            m.d.comb += field.eq(given[name])
        valid, ready = bits("walk_valid", "walk_ready")
        payload = Signal(len(word), name="walk")
        self.walks.place(m, "walks", write=taken, i=word, o_valid=valid, o_ready=ready, o_payload=payload)
        m.d.comb += Cat(waiting.values()).eq(payload)
        return waiting, valid, ready

    def head(self, m, index, keys, values, scale):
        """The datapath of a head: whether a row is known, and a result."""
        p = self.p
        told = {
            name: Signal.like(getattr(self.datapath.component, name), name=f"{name}_{index}")
            for name in ("known", "result_valid", "result")
        }
        slots = {
            f"{side}_{name}": each[name]
            for side, each in (("keys", keys), ("values", values))
            for name in slot_datapath.SLOT
        }
        sink = {"sink": lane(self.q.p.sink, index, p.heads)} if p.sinks else {}
        self.datapath.place(
            m, f"head_{index}", **slots, **scale, **sink, **told, q=lane(self.q.p.q, index, p.heads),
            k=lane(self.k.p.k, index, p.heads), k_load=keys["load"], k_load_place=keys["load_place"],
            v=lane(self.v.p.v, index, p.heads), v_load=values["load"], v_load_place=values["load_place"],
        )  # fmt: skip
        return told

    def pass_on(self, m, keys, values, known):
        """Slots of keys pass while there is a query, and room for their scores; those of values once their
        row is known, if there is room for its result."""
        scores, results = window_cycles.scores_held(self.p), window_cycles.rows_out(self.p)
        room, rows = Signal(range(scores + 1), init=scores), Signal(range(results + 1), init=results)
        begins, leaves = bits("row_begins", "row_leaves")
        m.d.comb += [
            keys["go"].eq((room != 0) & (self.q.valid | ~keys["row_first"])),
            self.q.ready.eq(keys["step"] & keys["row_first"]),
            values["go"].eq(~values["row_first"] | (known & (rows != 0))),
            begins.eq(values["step"] & values["row_first"]),
            leaves.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += [
            room.eq((room - keys["step"] + values["step"])[: len(room)]),
            rows.eq((rows - begins + leaves)[: len(rows)]),
        ]

    def leave(self, m, heads):
        """Results of all heads, which come in the same cycle, into the queue that `o` is the end of."""
        a = self.p.arithmetic
        out, results = a.head_dim * a.out.width, [head["result"] for head in heads]
        flags = [Cat(result[at] for result in results) for at in range(out, len(results[0]))]
        word = Signal(len(self.results.component.i), name="result_word")
        m.d.comb += word.eq(Cat(*(result[:out] for result in results), *flags))
        self.results.place(
            m, "results", write=heads[0]["result_valid"], i=word, o_valid=self.o.valid,
            o_ready=self.o.ready, o_payload=self.o.payload.as_value(),
        )  # fmt: skip


def definition(p: WindowParams) -> Definition:
    """The engine of `p`, in its organisation."""
    return key_parallel.definition(p) if p.by_keys else Definition(p.name, SlidingWindow(p))
