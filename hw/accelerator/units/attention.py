"""The attention unit in RTL. Golden: golden.accelerator.units.attention, attend and attend_cycles.

    scratch.attend_q    -> words of queries, group by group -> lanes, one a query
    scratch.attend_k    -> scores of all lanes -> they wait, in the lanes
    scratch.attend_v    -> weighted sums of all lanes -> kept, query by query -> results -> scratch.attended
    scratch.attend_mask -> mask

Whatever is behind a word of a key, or of a value, runs freely: a group of scores begins only if its queries
are there and its scores have room, a pass of values only if its group's maximum is known and its results have
room. So nothing inside ever waits.
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, stream, wiring

from golden.accelerator import attend_cycles
from golden.accelerator.attend_cycles import HALF_WORDS, HELD, LOADED
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units.attention import unit_params
from golden.attention.products import stages as product_stages
from golden.attention.quotients import stages as quotient_stages
from golden.attention.scores import stages as score_stages
from golden.attention.weights import stages as weight_stages
from golden.division import ceil_div
from hw.accelerator import attend_lane, attend_result, fetcher, walk
from hw.accelerator.attend_result import SCALING
from hw.accelerator.command_fields import fields
from hw.accelerator.command_parts import CommandPart, End, command, one_at_a_time, request
from hw.accelerator.units import signature
from hw.axi import queue
from hw.emit import Definition
from hw.lanes import bits, delayed, tied

DIMS = {"q": 4, "k": 5, "v": 5, "mask": 1}
OUT_DIMS = 5


def log2(number: int) -> int:
    """Of a power of two."""
    return number.bit_length() - 1


class AttendUnit(wiring.Component):
    """See hw.accelerator.units.signature. command.ready, done and busy are from registers.

    One command at a time: the next is taken when the last word of the one before is in the scratchpad.
    """

    def __init__(self, p: AcceleratorParams):
        self.p, self.a = p, unit_params(p)
        self.numbers = self.a.arithmetic(p.lanes)
        self.fetchers = {name: fetcher.definition(p, dims) for name, dims in DIMS.items()}
        self.places = walk.definition(OUT_DIMS)
        self.lane = attend_lane.definition(self.a, p.lanes)
        self.result = attend_result.definition(self.a, p.lanes)
        self.results = queue.definition(8 * p.lanes, attend_cycles.results_held(self.a))
        self.uses = (*{*self.fetchers.values()}, self.places, self.lane, self.result, self.results)
        super().__init__(signature(p, "attention"))

    def elaborate(self, platform):
        m = Module()
        layout = fields(self.command.payload, Opcode.ATTEND)
        held = self.held = Signal(layout.shape(), reset_less=True)
        parts = {name: CommandPart(m, name) for name in (*DIMS, "places")}
        last = End(m, "last_word")
        self.takes = one_at_a_time(m, self, last.waits)
        with m.If(self.takes):
            m.d.sync += held.eq(layout)
            for name, part in parts.items():
                part.begin(m, layout.mask_multiplier.any() if name == "mask" else 1)
            last.begin(m, 1)
        self.groups = Signal(16, name="groups")
        rounded = held.queries + (self.a.queries - 1)
        m.d.comb += self.groups.eq((rounded >> log2(self.a.queries))[:16])
        words = {name: self.fetch(m, name, part) for name, part in parts.items() if name in DIMS}
        self.in_lanes = {name: Signal(shape, name=name) for name, shape in self.lane_shapes().items()}
        self.count_groups(m)
        self.load_queries(m, words["q"])
        bias, there = self.read_mask(m, words["mask"])
        self.score(m, words["k"], bias, there)
        self.weigh(m, words["v"])
        self.drain(m, parts["places"], last)
        return m

    def lane_shapes(self):
        """{port: shape} of what all lanes get alike."""
        own = {"load", "counts", "total_behind", "total", "sums_behind", "sums"}
        component = self.lane.component
        members = component.signature.members
        return {name: getattr(component, name).shape() for name in members if name not in own}

    def fetch(self, m, name, part):
        """The stream of words of a side of the command."""
        dims = DIMS[name]
        words = stream.Signature(fetcher.word_layout(self.p, dims)).create(path=(f"{name}_words",))
        self.fetchers[name].place(
            m, f"{name}_fetcher", **command(part, self.walk_of(m, name)),
            **request(getattr(self.scratch, f"attend_{name}")), **tied("o", words),
            idle=Signal(name=f"{name}_idle"),
        )  # fmt: skip
        return words

    def walk_of(self, m, side):
        """The walk over a side's words; a side's strides of loops 1 and 2 are its outermost."""
        h, u = self.held, self.a.queries
        if side == "mask":
            vectors = (h.keys + (self.p.lanes - 1)) >> log2(self.p.lanes)
            loops = [(HALF_WORDS * vectors, 1)]
        else:
            row = h[f"{side}_stride"]
            loops = {
                "q": [(h.words, 1), (h.queries, row)],
                "k": [(h.words, 1), (h.keys, row), (self.groups, 0)],
                "v": [(h.keys, row), (h.words, 1), (self.groups, 0)],
                "out": [(u, row), (h.words, 1), (self.groups, u * row)],
            }[side]
            loops += [(h[f"count{i}"], h[f"{side}_stride{i}"]) for i in (1, 2)]
        word = Signal(walk.command_layout(len(loops)), name=f"{side}_walk")
        m.d.comb += word.base.eq(h[side])
        for i, (count, stride) in enumerate(loops):
            m.d.comb += [word[f"count_{i}"].eq(count), word[f"stride_{i}"].eq(stride)]
        return word.as_value()

    def count_groups(self, m):
        """Groups whose queries are loaded, whose scores wait, whose scores are all known; scores' room."""
        names = ("query_there", "score_begins", "score_ends", "top_there", "value_begins", "value_ends")
        self.event = dict(zip(names, bits(*names), strict=True))
        e = self.event
        self.loaded = Signal(range(LOADED + 1))
        self.waiting, self.known = (Signal(range(HELD + 1), name=name) for name in ("waiting", "known"))
        slots = 2 * self.a.keys
        self.room = Signal(range(slots + 1), init=slots, name="scores_room")
        taken, freed = (Signal(range(slots + 1), name=f"scores_{name}") for name in ("taken", "freed"))
        keys = self.held.keys[: len(taken)]
        m.d.comb += [taken.eq(Mux(e["score_begins"], keys, 0)), freed.eq(Mux(e["value_ends"], keys, 0))]
        m.d.sync += self.room.eq((self.room - taken + freed)[: len(self.room)])
        for count, more, less in (
            (self.loaded, "query_there", "score_ends"),
            (self.waiting, "score_begins", "value_ends"),
            (self.known, "top_there", "value_begins"),
        ):
            m.d.sync += count.eq((count + e[more] - e[less])[: len(count)])

    def load_queries(self, m, words):
        """Words of queries go to the lanes, a query a lane, until all lanes or all queries of a head are."""
        u, ports = self.a.queries, self.in_lanes
        takes, ends = self.taken(m, "query", words, self.loaded != LOADED)
        index, word = Signal(range(max(2, u)), name="query_lane"), self.word_place("query_word")
        parity = Signal(name="query_parity")
        full = Signal(name="lanes_full")
        m.d.comb += [
            full.eq((index == u - 1) | ends[1]),
            self.event["query_there"].eq(takes & ends[0] & full),
            ports["load_place"].eq(Cat(word, parity)),
            ports["q"].eq(words.p.data),
        ]
        with m.If(takes):
            m.d.sync += word.eq(Mux(ends[0], 0, word + 1))
            with m.If(ends[0]):
                m.d.sync += [index.eq(Mux(full, 0, index + 1)), parity.eq(parity ^ full)]
        self.load_lane = [takes & (index == each) for each in range(u)]

    def word_place(self, name):
        """A register that holds the number of a query's word."""
        return Signal(range(attend_lane.word_places(self.a, self.p.lanes)), name=name)

    def taken(self, m, name, words, may):
        """(whether a word is taken, its `ends`); may: it could be."""
        takes = Signal(name=f"{name}_taken")
        m.d.comb += [words.ready.eq(may), takes.eq(words.valid & words.ready)]
        return takes, words.p.ends

    def read_mask(self, m, words):
        """(the mask's codes that stand for `key` in the next cycle, as a function of a key's number; whether
        all of them are there)."""
        per_word = self.p.lanes // HALF_WORDS
        depth = HALF_WORDS * ceil_div(self.a.keys, self.p.lanes)
        takes, ends = self.taken(m, "mask", words, 1)
        place, missing = Signal(range(depth), name="mask_place"), Signal(name="mask_missing")
        m.submodules.mask = mask = memory.Memory(shape=8 * self.p.lanes, depth=depth, init=[])
        write, read = mask.write_port(), mask.read_port()
        m.d.comb += [write.en.eq(takes), write.addr.eq(place), write.data.eq(words.p.data)]
        with m.If(takes):
            m.d.sync += place.eq(Mux(ends[0], 0, place + 1))
        with m.If(self.takes):
            m.d.sync += missing.eq(fields(self.command.payload, Opcode.ATTEND).mask_multiplier.any())
        with m.Elif(takes & ends[0]):
            m.d.sync += missing.eq(0)

        def bias(key):
            m.d.comb += read.addr.eq(key[log2(per_word) :])
            element = delayed(m, key[: log2(per_word)], 1, "mask_element")
            code = Signal(signed(16), name="mask_code", reset_less=True)
            m.d.sync += code.eq(read.data.word_select(element, 16))
            return code

        return bias, ~missing

    def score(self, m, words, bias, mask_there):
        """Words of keys pass, all keys for a group of queries, then for the next group."""
        ports, h, e = self.in_lanes, self.held, self.event
        begins = Signal(init=1, name="group_begins")
        may = Signal(name="scores_may_begin")
        m.d.comb += may.eq((self.loaded != 0) & (self.waiting != HELD) & (self.room >= h.keys) & mask_there)
        takes, ends = self.taken(m, "key", words, ~begins | may)
        word, parity = self.word_place("key_word"), Signal(name="key_parity")
        key = Signal(range(self.a.keys), name="key")
        with m.If(takes):
            m.d.sync += [begins.eq(ends[1]), word.eq(Mux(ends[0], 0, word + 1)), parity.eq(parity ^ ends[1])]
            with m.If(ends[0]):
                m.d.sync += key.eq(Mux(ends[1], 0, key + 1))
        m.d.comb += [
            e["score_begins"].eq(takes & begins),
            e["score_ends"].eq(takes & ends[1]),
            ports["step"].eq(takes),
            ports["place"].eq(Cat(word, parity)),
            ports["k"].eq(delayed(m, words.p.data, 1, "key")),
            ports["multiplier"].eq(h.multiplier),
            ports["shift"].eq(h.shift),
        ]
        self.scored(m, takes, ends, key, word, bias(key))

    def scored(self, m, takes, ends, key, word, code):
        """What goes along with a word of a key to its score."""
        ports, a, lanes = self.in_lanes, self.a, self.p.lanes
        latency = attend_cycles.score_cycles(a, lanes)
        behind = len(score_stages(self.numbers)) + 2  # of the sum of a word's products, in front of it
        m.d.comb += [
            ports["dot_adds"].eq(delayed(m, takes, latency - behind, "dot_adds")),
            ports["dot_first"].eq(delayed(m, word == 0, latency - behind, "dot_first")),
        ]
        product = Signal(signed(len(ports["bias"])), name="bias_product", reset_less=True)
        code = delayed(m, code, latency - 4, "mask_code")
        m.d.sync += product.eq((code * self.held.mask_multiplier)[: len(product)])
        m.d.comb += ports["bias"].eq(product)
        place, top = (Signal.like(ports[name], name=f"next_{name}") for name in ("score_place", "top_place"))
        strobes = {
            "scored": delayed(m, takes & ends[0], latency, "scored", reset=True),
            "key_first": delayed(m, key == 0, latency, "key_first"),
            "key_last": delayed(m, ends[1], latency, "key_last"),
            "score_place": place,
            "top_place": top,
        }
        m.d.comb += [ports[name].eq(value) for name, value in strobes.items()]
        ends_group = ports["scored"] & ports["key_last"]
        m.d.comb += self.event["top_there"].eq(ends_group)
        m.d.sync += [place.eq(place + ports["scored"]), top.eq(top + ends_group)]
        self.counts = delayed(m, self.window(m, takes, ends), latency - 1, "counts")

    def window(self, m, takes, ends):
        """A bit a lane, registered: the key that passes counts for its query."""
        h, u = self.held, self.a.queries
        names = ("ahead", "group_ahead")
        ahead, of_group = (Signal(signed(20), name=name, reset_less=True) for name in names)
        again, next_group = Signal.like(ahead, name="again"), Signal.like(ahead, name="next_group")
        m.d.comb += [
            next_group.eq(Mux(ends[2], -h.position, of_group - u)),
            again.eq(Mux(ends[1], next_group, ahead + 1)),
        ]
        with m.If(self.takes):
            first = -fields(self.command.payload, Opcode.ATTEND).position
            m.d.sync += [ahead.eq(first), of_group.eq(first)]
        with m.Elif(takes & ends[0]):
            m.d.sync += ahead.eq(again)
            with m.If(ends[1]):
                m.d.sync += of_group.eq(next_group)
        # of the first lane's query; lane i's stands i further on
        left, right = (Signal(signed(21), name=name) for name in ("from_left", "to_right"))
        m.d.comb += [left.eq(ahead + h.left), right.eq(h.right - ahead)]
        counts = Signal(u, name="counts_now", reset_less=True)
        for i in range(u):
            m.d.sync += counts[i].eq((~h.bounded_left | (left >= i)) & (~h.bounded_right | (right >= -i)))
        return counts

    def weigh(self, m, words):
        """Words of values pass, in passes of all keys, one for each word of the result."""
        ports, e, u = self.in_lanes, self.event, self.a.queries
        pass_begins, group_begins = (Signal(init=1, name=f"{name}_begins_next") for name in ("pass", "group"))
        drain = attend_cycles.drain(self.a, self.p.lanes)
        pause = Signal(range(drain), name="pause")
        held = attend_cycles.results_held(self.a)
        self.results_room = Signal(range(held + 1), init=held)
        may = Signal(name="pass_may_begin")
        m.d.comb += may.eq((pause == 0) & (self.results_room >= u) & (~group_begins | (self.known != 0)))
        takes, ends = self.taken(m, "value", words, ~pass_begins | may)
        begins = Signal(name="pass_begins")
        m.d.comb += [
            begins.eq(takes & pass_begins),
            e["value_begins"].eq(takes & group_begins),
            e["value_ends"].eq(takes & ends[1]),
        ]
        with m.If(takes):
            m.d.sync += [pass_begins.eq(ends[0]), group_begins.eq(ends[1])]
        m.d.sync += pause.eq(Mux(begins, drain - 1, Mux(pause == 0, 0, pause - 1)))
        self.result_leaves = Signal(name="result_leaves")
        taken = Mux(begins, u, 0)
        room = self.results_room
        m.d.sync += room.eq((room - taken + self.result_leaves)[: len(room)])
        self.read_scores(m, takes, ends)
        weighted = 1 + len(weight_stages(self.numbers))
        added = weighted + len(product_stages(self.numbers))
        m.d.comb += [
            ports["weighs"].eq(delayed(m, takes, 1, "weighs")),
            ports["v"].eq(delayed(m, words.p.data, weighted, "value")),
            ports["value_first"].eq(delayed(m, begins, added, "value_first")),
            ports["capture"].eq(delayed(m, takes & ends[0], added + 1, "capture", reset=True)),
        ]

    def read_scores(self, m, takes, ends):
        """Where the value's score stands: each pass of a group goes over the same places."""
        ports = self.in_lanes
        place, base = (Signal.like(ports["read_place"], name=name) for name in ("value_place", "group_place"))
        after = Signal.like(place, name="value_place_after")
        top = Signal.like(ports["read_top"], name="value_top")
        m.d.comb += [
            after.eq(place + 1), ports["reads"].eq(takes), ports["read_place"].eq(place),
            ports["read_top"].eq(top),
        ]  # fmt: skip
        with m.If(takes):
            m.d.sync += place.eq(Mux(ends[0] & ~ends[1], base, after))
            with m.If(ends[1]):
                m.d.sync += [base.eq(after), top.eq(top + 1)]

    def drain(self, m, part, last):
        """What a pass has summed up leaves, query by query, and goes to its place."""
        ports, u, numbers = self.in_lanes, self.a.queries, self.numbers
        left = Signal(range(u + 1), name="queries_left")
        m.d.sync += left.eq(Mux(ports["capture"], u, Mux(left == 0, 0, left - 1)))
        leaves = delayed(m, left != 0, numbers.reciprocal.latency, "leaves", reset=True)
        m.d.comb += [ports["shift_total"].eq(left != 0), ports["shift_sums"].eq(leaves)]
        total, sums = self.place_lanes(m)
        word = Signal(8 * self.p.lanes, name="result_word")
        scaling = {name: self.held[name] for name in SCALING}
        self.result.place(m, "result", total=total, sums=sums, word=word, **scaling)
        behind = len(quotient_stages(numbers)) + len(attend_cycles.RESULT)
        valid, ready = bits("result_valid", "result_ready")
        payload = Signal(8 * self.p.lanes, name="result")
        self.results.place(
            m, "results", write=delayed(m, leaves, behind, "result", reset=True), i=word, o_valid=valid,
            o_ready=ready, o_payload=payload,
        )  # fmt: skip
        self.write(m, part, last, valid, ready, payload)

    def place_lanes(self, m):
        """The lanes in a row; what the first one keeps leaves. Returns that."""
        u, component = self.a.queries, self.lane.component
        totals = [Signal.like(component.total, name=f"total_{i}") for i in range(u)]
        sums = [Signal.like(component.sums, name=f"sums_{i}") for i in range(u)]
        for i in range(u):
            self.lane.place(
                m, f"lane_{i}", **self.in_lanes, load=self.load_lane[i], counts=self.counts[i],
                total=totals[i], total_behind=totals[i + 1] if i + 1 < u else 0,
                sums=sums[i], sums_behind=sums[i + 1] if i + 1 < u else 0,
            )  # fmt: skip
        return totals[0], sums[0]

    def write(self, m, part, last, valid, ready, payload):
        """Results to the scratchpad; what lanes without a query gave is dropped."""
        u, h, port = self.a.queries, self.held, self.scratch.attended
        step = stream.Signature(walk.address_layout(OUT_DIMS)).create(path=("step",))
        self.places.place(m, "places", **command(part, self.walk_of(m, "out")), **tied("o", step))
        row, group = (Signal(17, name=name) for name in ("result_row", "result_group"))
        exists, leaves = bits("query_exists", "leaves_now")
        ends, after = step.p.ends, Signal(17, name="next_result_group")
        m.d.comb += [
            exists.eq(row < h.queries),
            port.valid.eq(valid & step.valid & exists),
            port.address.eq(step.p.address),
            port.data.eq(payload),
            leaves.eq(valid & step.valid & (port.ready | ~exists)),
            ready.eq(leaves),
            step.ready.eq(leaves),
            self.result_leaves.eq(leaves),
            last.ended.eq(leaves & ends[-1]),
            after.eq(Mux(ends[2], 0, Mux(ends[1], group + u, group))),
        ]
        with m.If(leaves):
            m.d.sync += [row.eq(Mux(ends[0], after, row + 1)), group.eq(after)]


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The attention unit of `p`."""
    return Definition(f"attention_unit_{unit_params(p).name}_{p.lanes}", AttendUnit(p))
