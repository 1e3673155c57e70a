"""Lanes of keys and values, and what follows them for one head; a part of the engine with a lane a key.

    k -> element by element -> lanes: q k -> units of scores -> maximum -> weights -> lanes: w v -> tree
    v -> waits -> element by element --------------------------------------------^        -> divider

A row that has started meets no condition any more. So all that follows is its start, so many cycles later
(`at`), and values are loaded as keys are, and as much later as they are read.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention import lane_cycles
from golden.attention.products import stages as product_stages
from golden.attention.quotients import stages as quotient_stages
from golden.attention.scores import stages as score_stages
from golden.attention.weights import stages as weight_stages
from golden.attention.window import WindowParams, tree_registers
from hw.attention import divider, key_lane, score_unit, weights
from hw.attention.dot import registered_tree
from hw.attention.scorer import scale_ports
from hw.axi import queue
from hw.emit import Definition
from hw.lanes import delayed, lane, tree

ROW = ("some", "begin_place", "end_place", "others", "remainder", "sink_there")


class LaneDatapath(wiring.Component):
    """start                  a row starts; in this cycle stand here
    some to sink_there     which places it reads (hw.attention.row_walker)
    q, sink, multiplier, shift, cap   its query; its sink's score; of the command
    moves                  a key and its value are taken; in this cycle stand here
    k, v, load_place, load_remainder
    result_valid, result   a row's elements, then its flags

    Rows of 4 elements over 12 keys, 3 units of 4 lanes; of a row that starts in cycle 0:

        cycle      0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25
        start      1  .  .  .  1  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
        k_read     .  0  1  2  3  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
        adds       .  .  .  1  1  1  1  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
        capture    .  .  .  .  .  .  .  1  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
        scored     .  .  .  .  .  .  .  .  .  .  0  1  2  3  .  .  .  .  .  .  .  .  .  .  .  .
        weighing   .  .  .  .  .  .  .  .  .  .  .  .  .  .  0  1  2  3  .  .  .  .  .  .  .  .
        weighted   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  0  1  2  3  .  .  .  .
        load       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  1  .  .  .
        v_read     .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  0  1  2  3

    k_read, v_read: elements of keys and values; adds: products add up in every lane; capture: dot products
    go to the units; scored, weighing, weighted: a lane of each unit a cycle; load: weights go to the lanes.
    """

    def __init__(self, p: WindowParams):
        self.p, a = p, p.arithmetic
        self.timing = lane_cycles.timing(p)
        self.flags = 2 + a.floating  # bits of a result's
        self.lane, self.unit = key_lane.definition(a), score_unit.definition(p)
        self.divider, self.weight = divider.definition(p, self.flags), weights.weight_lane(a)
        slot = range(p.slots)
        place = (p.slots - 1).bit_length()
        self.waiting = queue.definition(a.head_dim * a.value.width + place, lane_cycles.values_held(p))
        self.known = queue.definition(self.flags, lane_cycles.rows_out(p))
        parts = (self.lane, self.unit, self.divider, self.weight, self.waiting, self.known)
        self.uses = tuple({each.name: each for each in parts}.values())
        places = ("begin_place", "end_place", "remainder", "load_place", "load_remainder")
        super().__init__(
            {
                **{name: In(1) for name in ("start", "moves", "some", "sink_there")},
                **{name: In(slot) for name in places},
                "others": In(range(p.slots + 1)),
                "q": In(a.head_dim * a.query.width),
                "k": In(a.head_dim * a.key.width),
                "v": In(a.head_dim * a.value.width),
                **({"sink": In(a.score.width)} if p.sinks else {}),
                **{name: In(width) for name, width in scale_ports(p).items()},
                "result_valid": Out(1),
                "result": Out(a.head_dim * a.out.width + self.flags),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self.products = len(product_stages(self.p.arithmetic))
        t = self.timing
        past = Signal(t.latency, name="start_past")
        m.d.sync += past.eq(Cat(self.start, past)[: len(past)])
        self.at = lambda cycles: past[cycles - 1] if cycles else self.start
        keys, values = self.load(m)
        units = self.lanes(m, keys, values)
        self.maximum(m, units)
        self.add_up(m, units)
        self.leave(m)
        return m

    def counted(self, m, strobe, count, name):
        """(whether it is one of the `count` cycles behind a strobe's, which)."""
        active, index = Signal(name=name), Signal(range(max(2, count)), name=f"{name}_at", reset_less=True)
        with m.If(strobe):
            m.d.sync += [active.eq(1), index.eq(0)]
        with m.Elif(active & (index == count - 1)):
            m.d.sync += active.eq(0)
        with m.Else():
            m.d.sync += index.eq((index + 1)[: len(index)])
        return active, index

    def load(self, m):
        """({write, at, place, element} of keys, of values): words become elements, one a cycle."""
        place = self.load_place
        keys = self.elements(m, self.moves, self.k, place, "k")
        word = Signal(len(self.v) + len(place), name="v_taken")
        m.d.comb += word.eq(Cat(self.v, place))
        later = Signal(self.timing.values - 1, name="moves_past")
        m.d.sync += later.eq(Cat(self.moves, later)[: len(later)])
        valid, found = Signal(name="v_waits"), Signal(len(word), name="v_waiting")
        self.waiting.place(
            m, "waiting", write=self.moves, i=word, o_valid=valid, o_ready=later[-1], o_payload=found
        )
        return keys, self.elements(m, later[-1], found[: -len(place)], found[-len(place) :], "v")

    def elements(self, m, strobe, word, place, name):
        """The elements of a word, which goes to a place, in the cycles behind the strobe's."""
        count = self.p.arithmetic.head_dim
        write, at = self.counted(m, strobe, count, f"{name}_write")
        left = Signal(len(word), name=f"{name}_word", reset_less=True)
        where = Signal.like(place, name=f"{name}_place", reset_less=True)
        with m.If(strobe):
            m.d.sync += [left.eq(word), where.eq(place)]
        with m.Else():
            m.d.sync += left.eq(left >> len(word) // count)
        return {"write": write, "at": at, "place": where, "element": left[: len(word) // count]}

    def here(self, m):
        """A bit a lane: whether the row reads it, two cycles and a product behind its start."""
        slots, late = self.p.slots, 1 + self.products
        names = ROW[:-1]
        begun = {name: Signal.like(getattr(self, name), name=f"{name}_q", reset_less=True) for name in names}
        with m.If(self.start):
            m.d.sync += [begun[name].eq(getattr(self, name)) for name in names]
        some, begin, end, others, remainder = (delayed(m, begun[name], late, name) for name in names)
        every = Const((1 << slots) - 1, slots)
        behind, before, ring, window = (Signal(slots, name=n) for n in ("behind", "before", "ring", "window"))
        same = self.remainders(m, remainder)
        found = Signal(slots, name="here")
        m.d.comb += [
            behind.eq((every << begin)[:slots]),
            before.eq(every >> (slots - 1 - end)[: len(end)]),
            ring.eq((every << others)[:slots]),
            window.eq(Mux(begin > end, behind | before, behind & before)),
            found.eq(~ring | (window & ring & same & some.replicate(slots))),
        ]
        return found

    def remainders(self, m, remainder):
        """A bit a lane: whether its key's position has the row's remainder by the dilation."""
        late = 2 + self.products  # what a row reads is decided so late, of the keys that stood at its start
        strobe = delayed(m, self.moves, late, "tagged", reset=True)
        place, tag = (
            delayed(m, getattr(self, name), late, f"{name}_tag") for name in ("load_place", "load_remainder")
        )
        found = Signal(self.p.slots, name="same")
        for each in range(self.p.slots):
            own = Signal.like(tag, name=f"tag_{each}", reset_less=True)
            with m.If(strobe & (place == each)):
                m.d.sync += own.eq(tag)
            m.d.comb += found[each].eq(own == remainder)
        return found

    def query_elements(self, m):
        """The elements of the row's query, one a cycle, each with the key's that are read for it."""
        width = self.p.arithmetic.query.width
        query = Signal.like(self.q, name="query", reset_less=True)
        element = Signal(width, name="q_element", reset_less=True)
        with m.If(self.start):
            m.d.sync += query.eq(self.q)
        with m.Else():
            m.d.sync += query.eq(query >> width)
        m.d.sync += element.eq(query[:width])
        return element

    def lanes(self, m, keys, values):
        """A lane a slot; units of scores for some each. The units' signals."""
        a, t = self.p.arithmetic, self.timing
        k_read, k_at = self.counted(m, self.start, a.head_dim, "k_read")
        v_read, v_at = self.counted(m, self.at(t.values - 1), a.head_dim, "v_read")
        common = {
            "k": keys["element"], "v": values["element"],
            "k_write_at": keys["at"], "v_write_at": values["at"],
            "k_read": k_read, "k_read_at": k_at, "v_read": v_read, "v_read_at": v_at,
            "q": self.query_elements(m), "first": self.at(2 + self.products),
            "adds": delayed(m, k_read, 1 + self.products, "adds", reset=True),
        }  # fmt: skip
        units, here = self.units(m), self.here(m)
        products, self.wrong = [], []
        for index in range(self.p.slots):
            writes = {
                f"{side}_write": each["write"] & (each["place"] == index)
                for side, each in (("k", keys), ("v", values))
            }
            product, wrong = self.one_lane(m, index, units, here=here[index], **writes, **common)
            products.append(product)
            self.wrong.append(wrong)
        self.summed = registered_tree(m, products, lambda a, b: a + b, "sum")
        return units

    def one_lane(self, m, index, units, **ports):
        """A lane, and its places in its unit; (its product, whether its value is no number)."""
        p = self.p
        unit, place = units[index // p.lanes_of_unit], index % p.lanes_of_unit
        product = Signal(signed(p.arithmetic.weighted_width), name=f"product_{index}")
        wrong = Signal(name=f"wrong_{index}")
        flags = {name: unit[name][place] for name in self.lane.component.flags}
        flags |= {"value_invalid": wrong} if flags else {}
        self.lane.place(
            m, f"lane_{index}", **ports, keep=unit["keeps"][place], valid=unit["valid"][place],
            w=lane(unit["weights"], place, p.lanes_of_unit), product=product,
            dot=lane(unit["dots"], place, p.lanes_of_unit), **flags,
        )  # fmt: skip
        return product, wrong

    def units(self, m):
        """Units of scores, one step behind the other: scores, then weights below the row's maximum."""
        p, t = self.p, self.timing
        self.of_row(m)
        self.top = Signal(signed(p.arithmetic.octave.width), name="top", reset_less=True)
        self.scored, _ = self.counted(m, self.at(t.scored - 1), p.lanes_of_unit, "scored")
        units = []
        for index in range(p.score_units):
            names = self.unit.component.signature.members
            ports = {n: Signal.like(getattr(self.unit.component, n), name=f"{n}_{index}") for n in names}
            units.append(ports)
            m.d.comb += [
                ports["capture"].eq(self.at(t.captured)),
                ports["load"].eq(self.at(t.values)),
                ports["top"].eq(self.top),
                *(ports[name].eq(self.taken[name]) for name in scale_ports(p)),
            ]
            self.unit.place(m, f"unit_{index}", **ports)
        return units

    def of_row(self, m):
        """Scale and sink: taken with the row's start, they stand while its dot products are scaled."""
        self.taken = {}
        for name in (*scale_ports(self.p), *(("sink", "sink_there") if self.p.sinks else ())):
            begun = Signal.like(getattr(self, name), name=f"{name}_begun", reset_less=True)
            with m.If(self.start):
                m.d.sync += begun.eq(getattr(self, name))
            self.taken[name] = Signal.like(begun, name=f"{name}_of_row", reset_less=True)
            late = delayed(m, begun, 2 + self.products, f"{name}_late")  # the next row may have started
            with m.If(self.at(self.timing.captured)):
                m.d.sync += self.taken[name].eq(late)

    def maximum(self, m, units):
        """The row's maximum, rounded up to an octave."""
        a, t = self.p.arithmetic, self.timing
        least = Const(a.score.min, signed(a.score.width))
        each = [Mux(unit["counts"], unit["score"].as_signed(), least).as_signed() for unit in units]
        now = tree(m, each, lambda a, b: Mux(a > b, a, b).as_signed(), "largest_now")
        best, base, largest = (Signal(signed(a.score.width), name=n) for n in ("best", "base", "largest"))
        first, last = self.at(t.scored), self.at(t.known - 1)
        start = self.sink_score(m, least, last) if self.p.sinks else least
        m.d.comb += [base.eq(Mux(first, start, best)), largest.eq(Mux(now > base, now, base))]
        with m.If(self.scored):
            m.d.sync += best.eq(largest)
        with m.If(last):
            m.d.sync += self.top.eq(((largest + ((1 << a.fraction) - 1)) >> a.fraction)[: len(self.top)])
        self.flags_of_row(m, units, first)

    def sink_score(self, m, least, last):
        """The sink's score with the row's first one, for its maximum; kept for its weight."""
        behind, names = len(score_stages(self.p.arithmetic)), ("sink_there", "sink")
        there, sink = (delayed(m, self.taken[name], behind, f"{name}_scored") for name in names)
        self.own = {n: Signal.like(self.taken[n], name=f"{n}_weighed", reset_less=True) for n in names}
        with m.If(last):
            m.d.sync += [self.own["sink"].eq(sink), self.own["sink_there"].eq(there)]
        return Mux(there, sink.as_signed(), least)

    def flags_of_row(self, m, units, first):
        """Whether no key counted, one was clipped, one was no number: known with the row's last score."""
        told = {"some": [], "saturated": [], **({"invalid": []} if self.p.arithmetic.floating else {})}
        for unit in units:
            clipped = unit["clipped"] | (unit["saturated_now"] if "invalid" in told else 0)
            values = {"some": 1, "saturated": clipped, "invalid": unit.get("invalid_now", 0)}
            for name, each in told.items():
                each.append(unit["counts"] & values[name])
        found = []
        for name, values in told.items():
            seen, by_now = Signal(name=f"{name}_seen", reset_less=True), Signal(name=f"{name}_by_now")
            m.d.comb += by_now.eq(tree(m, values, lambda a, b: a | b, f"{name}_any") | (seen & ~first))
            with m.If(self.scored):
                m.d.sync += seen.eq(by_now)
            found.append(by_now)
        self.row_flags = Cat(~found[0], *found[1:])

    def add_up(self, m, units):
        """The sum of the row's weights, its sink's among them."""
        p, a, t = self.p, self.p.arithmetic, self.timing
        self.total = Signal(a.total.width, name="total", reset_less=True)
        now = tree(m, [unit["weight"] for unit in units], lambda a, b: a + b, "weights_now")
        begin = Const(0, a.weight.width)
        if p.sinks:
            begin = Signal(a.weight.width, name="sink_weight")
            self.weight.place(
                m, "sink_weigh", score=self.own["sink"], top=self.top, keep=self.own["sink_there"],
                weight=begin,
                **{f"{stage}_go": 1 for stage in weight_stages(a)},
            )  # fmt: skip
        before = Mux(self.at(t.weighted), begin, self.total)
        # at most p.slots weights and the sink's: the width of a total
        m.d.sync += self.total.eq((before + now)[: len(self.total)])

    def leave(self, m):
        """Sums are divided as they come, an element a cycle; results, with their flags, go to `o`."""
        p, a, t = self.p, self.p.arithmetic, self.timing
        behind = t.divided - t.values - 1  # from the values' first read to the reciprocal
        begin = behind - a.reciprocal.latency
        element = delayed(
            m, self.summed[: a.sum_width], behind - self.products - tree_registers(p.slots), "element"
        )
        start = self.at(t.values + begin)
        flags, valid = Signal(self.flags, name="known_flags"), Signal(name="known_valid")
        self.known.place(
            m,
            "known",
            write=self.at(t.known - 1),
            i=self.row_flags,
            o_valid=valid,
            o_ready=start,
            o_payload=flags,
        )
        shift, told = Signal(name="result_shift"), Signal(self.flags, name="result_flags")
        out = Signal.like(self.divider.component.out, name="out")
        self.divider.place(
            m, "divider", start=start, total=delayed(m, self.total, begin, "total"), with_start=flags,
            shift=shift, sums=element, write=self.result_valid, out=out, with_write=told,
        )  # fmt: skip
        m.d.comb += self.result.eq(Cat(out, told))
        if a.floating:
            m.d.comb += self.result[-1].eq(told[-1] | self.value_invalid(m, behind))

    def value_invalid(self, m, behind):
        """Whether one of the row's values was no finite number, when its result is written."""
        late = behind + len(quotient_stages(self.p.arithmetic))
        found = tree(m, self.wrong, lambda a, b: a | b, "value_wrong")
        now = delayed(m, found, late - 1 - self.products, "value_wrong")
        seen = Signal(name="value_wrong_seen", reset_less=True)
        first = self.at(self.timing.values + late)
        m.d.sync += seen.eq(now | (seen & ~first))
        return seen


def definition(p: WindowParams) -> Definition:
    """The datapath of a head."""
    return Definition(f"{p.name}_lanes", LaneDatapath(p))
