"""A head's scores, its weighted values and its results; a part of the engine that takes a key a cycle.

    slots of keys -> scorer -> scores, rows' maxima -> weigher -> divider
    slots of values -------------------------------------^

It runs freely: a slot passes only if what it leads to has room.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import window_cycles
from golden.attention.products import stages as product_stages
from golden.attention.window import WindowParams
from hw.attention import divider, scorer, weigher
from hw.axi import queue
from hw.emit import Definition
from hw.lanes import delayed

SLOT = ("step", "place", "reads", "of_sink", "row_first", "row_last")  # of hw.attention.walker


class SlotDatapath(wiring.Component):
    """k_load, k_load_place, k; v_load, v_load_place, v   a key, a value goes into its buffer
    keys_step to keys_row_last, values_...    a slot passes on the side of the keys, of the values
    q, sink, multiplier, shift, cap           with a row's first slot of keys; of the command
    known                                     a row's maximum waits for its first slot of values
    result_valid, result                      a row's elements, then its flags
    """

    def __init__(self, p: WindowParams):
        self.p, a = p, p.arithmetic
        self.scorer, self.weigher = scorer.definition(p), weigher.definition(p)
        self.told = ("some", "saturated", *(("invalid",) if a.floating else ()))
        self.divider = divider.definition(p, len(self.told))
        self.rows = queue.definition(a.octave.width + len(self.told), window_cycles.rows_held(p))
        self.uses = (
            *self.scorer.component.uses, *self.weigher.component.uses, self.scorer, self.weigher,
            *self.divider.component.uses, self.divider, self.rows,
        )  # fmt: skip
        sides = {"keys": self.scorer.component, "values": self.weigher.component}
        slots = {f"{side}_{n}": In(getattr(each, n).shape()) for side, each in sides.items() for n in SLOT}
        super().__init__(
            {
                **slots,
                "k_load": In(1),
                "k_load_place": In(self.scorer.component.load_place.shape()),
                "k": In(a.head_dim * a.key.width),
                "v_load": In(1),
                "v_load_place": In(self.weigher.component.load_place.shape()),
                "v": In(a.head_dim * a.value.width),
                "q": In(a.head_dim * a.query.width),
                **({"sink": In(a.score.width)} if p.sinks else {}),
                **{name: In(width) for name, width in scorer.scale_ports(p).items()},
                "known": Out(1),
                "result_valid": Out(1),
                "result": Out(a.head_dim * a.out.width + len(self.told)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        score = self.score(m)
        row = self.of_row(m, score)
        self.weigh(m, row, self.kept_score(m, score))
        return m

    def slot(self, side):
        """The ports of the slot that passes on a side."""
        return {name: getattr(self, f"{side}_{name}") for name in SLOT}

    def score(self, m):
        """Scores of slots, and with a row's last one what is known of it."""
        names = ("score_valid", "score", "row_valid", "top", *self.told)
        found = {name: Signal.like(getattr(self.scorer.component, name), name=name) for name in names}
        given = {name: getattr(self, name) for name in scorer.scale_ports(self.p)}
        sink = {"sink": self.sink} if self.p.sinks else {}
        self.scorer.place(
            m, "scorer", load=self.k_load, load_place=self.k_load_place, k=self.k, **self.slot("keys"),
            q=self.q, **sink, **given, **found,
        )  # fmt: skip
        return found

    def of_row(self, m, found):
        """What is known of the row whose values pass, from its first slot on: its maximum, its flags."""
        word = Cat(found["top"], *(found[name] for name in self.told))
        payload, begins = Signal(len(word), name="known_row"), Signal(name="row_begins")
        m.d.comb += begins.eq(self.values_step & self.values_row_first)
        self.rows.place(
            m, "rows", write=found["row_valid"], i=word, o_valid=self.known, o_ready=begins, o_payload=payload
        )
        row = Signal.like(payload, name="row", reset_less=True)
        with m.If(begins):
            m.d.sync += row.eq(payload)
        return row

    def kept_score(self, m, found):
        """A ring: the scores of slots that have passed on the side of the keys, not on that of the values."""
        held = window_cycles.scores_held(self.p)
        m.submodules.scores = scores = memory.Memory(shape=len(found["score"]), depth=held, init=[])
        write, read = scores.write_port(), scores.read_port()
        m.d.comb += [
            write.en.eq(found["score_valid"]),
            write.data.eq(found["score"]),
            read.en.eq(self.values_step),
        ]
        for port, moves in ((write, found["score_valid"]), (read, self.values_step)):
            with m.If(moves):
                m.d.sync += port.addr.eq(port.addr + 1)
                with m.If(port.addr == held - 1):
                    m.d.sync += port.addr.eq(0)
        return read.data

    def weigh(self, m, row, score):
        """Weighted values add up, and are divided."""
        a = self.p.arithmetic
        top, told = row[: a.octave.width], row[a.octave.width :]
        names = ("capture", "total", "shift", "kept", *self.told[2:])
        found = {name: Signal.like(getattr(self.weigher.component, name), name=name) for name in names}
        self.weigher.place(
            m, "weigher", load=self.v_load, load_place=self.v_load_place, v=self.v, **self.slot("values"),
            score=score, top=top, **found,
        )  # fmt: skip
        flags = Signal(len(told), name="flags")
        m.d.comb += flags.eq(Cat(~told[0], told[1:]))  # a row of which no key counts is empty
        behind = 1 + window_cycles.timing(self.p).weight_cycles + len(product_stages(a))
        flags = delayed(m, flags, behind, "flags")
        if a.floating:
            flags = Cat(flags[:2], flags[2] | found["invalid"])
        out = Signal.like(self.divider.component.out, name="out")
        with_result = Signal(len(told), name="result_flags")
        self.divider.place(
            m, "divider", start=found["capture"], total=found["total"], with_start=flags,
            shift=found["shift"], sums=found["kept"], write=self.result_valid, out=out,
            with_write=with_result,
        )  # fmt: skip
        m.d.comb += self.result.eq(Cat(out, with_result))


def definition(p: WindowParams) -> Definition:
    """The datapath of a head."""
    return Definition(f"{p.name}_slots", SlotDatapath(p))
