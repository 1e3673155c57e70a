"""The streaming engine's schedule: rows into two groups of places, and turns of rows with keys.

One group is loaded while the other's rows take turns. A group's keys begin with the first of its first row
and end with the last of its last row, since neither falls from row to row.

    command  |-|
    q          |0|1|2|3|4|5|6|7|                 interleave = 4
    turns              |0 1 2 3|0 1 2 3|...|4 5 6 7|...
    k                  |---0---|---1---|   |---0---|      a key stands for the turns of its group
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import streaming_words as words
from golden.attention.arithmetic import MAX_SHIFT, MULTIPLIER
from golden.attention.masks import LONGEST
from golden.attention.streaming_job import StreamingParams
from golden.attention.streaming_memory import slot_bits
from hw.attention import streaming_layout as layout
from hw.blocks import word_layout
from hw.emit import Definition
from hw.fit import fit
from hw.lanes import bits

KEY = range(LONGEST + 1)
FIRST = range(2 * LONGEST + 1)  # of a row beyond all keys
PLACE = signed((4 * LONGEST).bit_length() + 1)  # positions, and what a window adds or takes


class StreamingSchedule(wiring.Component):
    """command, q, k  streams in; k.ready is combinational, from its valid and turn.ready
    turn           stream of layout.operands
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        fields = words.fields(p)
        super().__init__(
            {
                **{name: In(stream.Signature(word_layout(fields[name]))) for name in ("command", "q", "k")},
                "turn": Out(stream.Signature(layout.operands(p))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.p
        place_bits = slot_bits(p)
        rows = memory.Memory(shape=len(self.q.payload.as_value()), depth=2 << place_bits, init=[])
        spans = memory.Memory(
            shape=data.StructLayout({"first": FIRST, "end": KEY}), depth=2 << place_bits, init=[]
        )
        m.submodules.rows, m.submodules.spans = rows, spans
        group = data.StructLayout({
            "begin": FIRST, "end": KEY, "last": place_bits, "multiplier": MULTIPLIER.width,
            "shift": MAX_SHIFT.bit_length(),
        })  # fmt: skip
        # one of each a group; full: its rows are there, and have turns left
        self.groups = [Signal(group, name=f"group_{bank}", reset_less=True) for bank in range(2)]
        self.full = [Signal(name=f"full_{bank}") for bank in range(2)]
        self.load(m, rows.write_port(), spans.write_port(), place_bits)
        self.take_turns(m, rows.read_port(domain="comb"), spans.read_port(domain="comb"), place_bits)
        return m

    def load(self, m, row, span, place_bits):
        """Commands, then as many rows as they say, each with the keys that it attends to."""
        busy, taken, new_head, ends = bits("busy", "taken", "new_head", "load_ends")
        command = Signal(self.command.payload.shape(), name="held", reset_less=True)
        left = Signal(words.COMMAND["rows"], name="rows_left", reset_less=True)
        head = Signal(words.COMMAND["heads"], reset_less=True)
        position = Signal(PLACE, reset_less=True)
        bank, slot = Signal(name="load_bank"), Signal(place_bits, name="load_slot", reset_less=True)
        m.d.comb += [
            self.command.ready.eq(~busy),
            self.q.ready.eq(busy & ~Mux(bank, self.full[1], self.full[0])),
            taken.eq(self.q.valid & self.q.ready),
            new_head.eq(head == command.heads - 1),
            ends.eq((slot == self.p.interleave - 1) | (left == 1)),
            row.en.eq(taken),
            row.data.eq(self.q.payload.as_value()),
            row.addr.eq(Cat(slot, bank)),
            span.en.eq(taken),
            span.addr.eq(row.addr),
        ]
        with m.If(self.command.valid & self.command.ready):
            m.d.sync += [
                busy.eq(1), command.eq(self.command.payload), left.eq(self.command.p.rows),
                position.eq(self.command.p.position.as_signed()), head.eq(0), slot.eq(0),
            ]  # fmt: skip
        self.spans(m, command, position, span.data)
        with m.If(taken):
            m.d.sync += [
                left.eq((left - 1)[: len(left)]), slot.eq((slot + 1)[: len(slot)]),
                head.eq(Mux(new_head, 0, head + 1)[: len(head)]),
            ]  # fmt: skip
            with m.If(new_head):
                m.d.sync += position.eq((position + 1)[: len(position)].as_signed())
            with m.If(ends):
                m.d.sync += [slot.eq(0), bank.eq(~bank)]
            with m.If(left == 1):
                m.d.sync += busy.eq(0)
        for place, (group, full) in enumerate(zip(self.groups, self.full, strict=True)):
            with m.If(taken & (bank == place)):
                self.describe(m, command, group, slot, span.data)
                with m.If(ends):
                    m.d.sync += full.eq(1)

    def spans(self, m, command, position, span):
        """first: the row's first key, no less than 0; end: one behind its last, of those that count."""
        low, end = Signal(PLACE), Signal(PLACE)
        # position is at most 2 LONGEST, and a side as much: PLACE holds their sum
        m.d.comb += [
            low.eq((position - command.left)[: len(low)].as_signed()),
            end.eq((position + command.right + 1)[: len(end)].as_signed()),
            fit(span.first, Mux(low < 0, 0, low[: len(span.first)])),
            fit(span.end, Mux(end < 0, 0, Mux(end > command.keys, command.keys, end[: len(span.end)]))),
        ]

    def describe(self, m, command, group, slot, span):
        """What a group needs, with each row that is loaded: of its first and of its last."""
        m.d.sync += [
            group.end.eq(span.end), group.last.eq(slot),
            group.multiplier.eq(command.multiplier), group.shift.eq(command.shift),
        ]  # fmt: skip
        # beyond the keys, it is no less than `end`: one key passes, whichever, and counts for no row
        with m.If(slot == 0):
            m.d.sync += fit(group.begin, span.first)

    def take_turns(self, m, row, span, place_bits):
        """Each key of a group with each of its rows; a group has at least one."""
        p = self.p
        taken, round_ends, last = bits("turn_taken", "round_ends", "last_key")
        fresh = Signal(init=1)  # no key of the group has passed
        bank, slot = Signal(name="turn_bank"), Signal(place_bits, name="turn_slot")
        following, key = Signal(FIRST, name="following_key", reset_less=True), Signal(FIRST)
        group = Signal.like(self.groups[0], name="group")
        turn = self.turn.p.turn
        m.d.comb += [
            group.as_value().eq(Mux(bank, self.groups[1].as_value(), self.groups[0].as_value())),
            key.eq(Mux(fresh, group.begin, following)),
            last.eq(key + 1 >= group.end),
            round_ends.eq(slot == p.interleave - 1),
            self.turn.valid.eq(Mux(bank, self.full[1], self.full[0]) & self.k.valid),
            taken.eq(self.turn.valid & self.turn.ready),
            self.k.ready.eq(taken & round_ends),
            row.addr.eq(Cat(slot, bank)), span.addr.eq(Cat(slot, bank)),
            self.turn.p.q.eq(row.data), self.turn.p.k.eq(self.k.payload.as_value()),
            self.turn.p.multiplier.eq(group.multiplier), self.turn.p.shift.eq(group.shift),
            turn.slot.eq(slot), turn.first.eq(fresh), turn.last.eq(last), turn.there.eq(slot <= group.last),
            turn.counts.eq(turn.there & (span.data.first <= key) & (key < span.data.end)),
        ]  # fmt: skip
        with m.If(taken):
            m.d.sync += slot.eq(Mux(round_ends, 0, slot + 1)[: len(slot)])
            with m.If(round_ends):
                m.d.sync += [fresh.eq(last), following.eq((key + 1)[: len(key)])]
                with m.If(last):
                    m.d.sync += bank.eq(~bank)
        for place, full in enumerate(self.full):
            with m.If(taken & round_ends & last & (bank == place)):
                m.d.sync += full.eq(0)


def definition(p: StreamingParams) -> Definition:
    """The schedule of `p`."""
    return Definition(f"{p.name}_schedule", StreamingSchedule(p))
