"""The vector unit: commands, operands, lanes and engines, results. Golden: golden.accelerator.units.vector.

    command -> walks -> readers a, b -> lanes ------------------> writer -> scratch.vector
                     -> fetcher p ---->                        ^
                     -> a ------------> exponential, normalise /
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.map_lanes import TABLE_ENTRIES
from golden.accelerator.params import AcceleratorParams
from hw.accelerator import exponential, fetcher, map_lanes, normalise, vector_reader, vector_writer, walk
from hw.accelerator.command_fields import fields, is_one
from hw.accelerator.command_parts import CommandPart, End, command, one_at_a_time, request
from hw.accelerator.map_lane import CONSTANTS
from hw.accelerator.units import signature
from hw.accelerator.vector_walks import DIMS, P_DIMS, Walks
from hw.emit import Definition
from hw.lanes import lane, tied

LOOP_DIMS = 4


class Vector(wiring.Component):
    """See hw.accelerator.units.signature. command.ready, done and busy are from registers; sums.ready is
    combinational, from their valid and the lanes.

    One command at a time: the next is taken when the last word of the one before is in the scratchpad.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.lanes = map_lanes.definition(p)
        self.reader = vector_reader.definition(p, DIMS)
        self.parameters = fetcher.definition(p, P_DIMS)
        self.loops = walk.definition(LOOP_DIMS)
        self.writer = vector_writer.definition(p)
        self.exponential, self.normalise = exponential.definition(p), normalise.definition(p)
        engines = self.exponential, self.normalise
        self.uses = (self.reader, self.parameters, self.loops, self.writer, self.lanes, *engines)
        super().__init__(signature(p, "vector"))

    def elaborate(self, platform):
        m = Module()
        self.held = Signal(BITS, reset_less=True)
        self.walks = Walks(m, self.p, self.held)
        self.streams()
        self.accept(m)
        self.place_walks(m)
        self.place_lanes(m)
        self.place_exponential(m)
        self.place_normalise(m)
        self.take_operands(m)
        self.fill_table(m)
        self.write(m)
        return m

    def streams(self):
        """The streams between the parts."""
        def of(name, shape):
            return stream.Signature(shape).create(path=(name,))

        word = 8 * self.p.lanes
        self.a, self.b = of("a_window", 4 * word), of("b_window", 4 * word)
        self.blocks = of("p_word", fetcher.word_layout(self.p, P_DIMS))
        self.steps = of("loops_step", walk.address_layout(LOOP_DIMS))
        self.operands = of("lanes_i", map_lanes.window_layout(self.p.lanes))
        self.results = of("lanes_o", 4 * word)
        self.codes, self.normal = of("exponential_out", word), of("normalise_out", 2 * word)
        self.r = of("r", 16)
        self.to_exponential, self.to_normalise = of("exponential_a", 2 * word), of("normalise_a", 2 * word)
        self.to_writer = of("writer_i", vector_writer.vector_layout(self.p.lanes))

    def accept(self, m: Module):
        """Accept a command when none is under way."""
        self.a_part, self.b_part, self.p_part, self.loops_part, self.out_part, self.r_part = (
            CommandPart(m, name) for name in ("a", "b", "p", "loops", "out", "r")
        )
        self.exponential_part = CommandPart(m, "exponential")
        self.normalise_part = CommandPart(m, "normalise")
        self.out_end, self.r_end, self.entries_end = (End(m, name) for name in ("out", "r", "entries"))
        waiting = self.out_end.waits | self.r_end.waits | self.entries_end.waits
        # parts become ready in cycles of their own: each takes the command by itself
        with m.If(one_at_a_time(m, self, waiting)):
            m.d.sync += self.held.eq(self.command.payload)
            self.begin(m)

    def begin(self, m: Module):
        """Offer the accepted command to the parts that it needs, and wait for its ends."""
        given = self.command.payload
        of_map, of_table, softmax, norm = (
            is_one(given, each) for each in (Opcode.MAP, Opcode.TABLE, Opcode.EXPONENTIAL, Opcode.NORMALISE)
        )
        # fields of MAP: they decide nothing unless the opcode is MAP
        kinds = fields(given, Opcode.MAP)
        for part, wanted in (
            (self.a_part, ~of_map | (kinds.a_kind != Kind.NONE)),
            (self.b_part, of_map & (kinds.b_kind != Kind.NONE)),
            (self.p_part, of_map), (self.loops_part, of_map),
            (self.out_part, ~of_table), (self.r_part, softmax),
            (self.exponential_part, softmax), (self.normalise_part, norm),
            (self.out_end, ~of_table), (self.r_end, softmax), (self.entries_end, of_table),
        ):  # fmt: skip
            part.begin(m, wanted)

    def place_walks(self, m: Module):
        """Place the readers of a and b, the fetcher of parameters, and the walk of MAP's loops."""
        pad = self.scratch
        for name, part, port, o in (("a", self.a_part, pad.a, self.a), ("b", self.b_part, pad.b, self.b)):
            self.reader.place(
                m, f"{name}_reader", **command(part, getattr(self.walks, name)), **request(port),
                **tied("o", o),
            )  # fmt: skip
        idle = Signal(name="p_idle")
        self.parameters.place(
            m, "p_fetcher", **command(self.p_part, self.walks.p), **request(pad.p), **tied("o", self.blocks),
            idle=idle,
        )
        self.loops.place(
            m, "loops_walk", **command(self.loops_part, self.walks.loops), **tied("o", self.steps)
        )

    def place_lanes(self, m: Module):
        """Place MAP's lanes; the marks of their vectors come from the walk of the loops."""
        c, word, ends = self.walks.map, self.operands.p, self.steps.p.ends
        # a result begins where loops 0 and 1 have ended together
        first = Signal(init=1)
        with m.If(self.steps.valid & self.steps.ready):
            m.d.sync += first.eq(ends[1])
        m.d.comb += [
            word.sums.eq(self.sums.payload),
            word.a.eq(self.a.payload),
            word.b.eq(self.b.payload),
            word.first.eq(~c.reduce | first),
            word.last.eq(~c.reduce | ends[1]),
            word.p_last.eq(Mux(c.p_stride == 0, ends[3], Mux(c.p_loop, ends[2], ends[1]))),
        ]
        self.entry_write, self.entry_address = Signal(), Signal(range(TABLE_ENTRIES))
        self.entry = Signal(16)
        size = Opcode.MAP.bits
        self.lanes.place(
            m, "map_lanes", constants=self.held[size - CONSTANTS.size : size],
            **tied("i", self.operands), parameters_valid=self.blocks.valid,
            parameters_ready=self.blocks.ready, parameters_payload=self.blocks.p.data,
            entry_write=self.entry_write, entry_address=self.entry_address, entry=self.entry,
            **tied("o", self.results),
        )  # fmt: skip

    def place_exponential(self, m: Module):
        """Place EXPONENTIAL's engine between a's vectors and the writer, with a register for codes that wait
        for an r."""
        # an r is rare and goes first: codes wait in a register, so the engine need not stand for it
        made = stream.Signature(8 * self.p.lanes).create(path=("codes",))
        self.offer(m, self.to_exponential, self.walks.is_softmax)
        self.exponential.place(
            m, "exponential", **command(self.exponential_part, self.held, "start"),
            **tied("a", self.to_exponential), **tied("out", made), **tied("r", self.r),
        )
        valid, held = Signal(name="codes_wait"), Signal.like(made.payload, name="codes_held", reset_less=True)
        m.d.comb += [
            made.ready.eq(~valid | self.codes.ready),
            self.codes.valid.eq(valid),
            self.codes.payload.eq(held),
        ]
        with m.If(made.ready):
            m.d.sync += valid.eq(made.valid)
        with m.If(made.ready & made.valid):
            m.d.sync += held.eq(made.payload)

    def place_normalise(self, m: Module):
        """Place NORMALISE's engine between a's vectors and the writer."""
        self.offer(m, self.to_normalise, self.walks.is_norm)
        self.normalise.place(
            m, "normalise", **command(self.normalise_part, self.held, "start"),
            **tied("a", self.to_normalise), **tied("out", self.normal),
        )

    def offer(self, m: Module, to, here):
        """Offer a's vectors of 16-bit elements to an engine, while the command is its own."""
        half = 16 * self.p.lanes
        m.d.comb += [to.valid.eq(self.a.valid & here), to.payload.eq(self.a.payload[half:])]

    def take_operands(self, m: Module):
        """Take a vector of each operand that MAP has, together with a step of its loops."""
        c = self.walks.map
        with_a, with_b = c.a_kind != Kind.NONE, c.b_kind != Kind.NONE
        a_or_sums, goes = Signal(), Signal(name="operands_go")
        word = self.walks.entries_in_word - 1
        last_entry = (self.entry_address & word) == word
        m.d.comb += [
            # operands and the loops move in step, so the slowest of them sets the pace
            a_or_sums.eq(Mux(with_a, self.a.valid, self.sums.valid)),
            self.operands.valid.eq(self.steps.valid & a_or_sums & (~with_b | self.b.valid)),
            goes.eq(self.operands.valid & self.operands.ready),
            self.steps.ready.eq(goes),
            self.sums.ready.eq(goes & ~with_a),
            self.b.ready.eq(goes & with_b),
            self.a.ready.eq(self.walks.choose([
                goes & with_a, last_entry, self.to_exponential.ready, self.to_normalise.ready,
            ])),
        ]  # fmt: skip

    def fill_table(self, m: Module):
        """Write an entry of the table a cycle, into all lanes at once."""
        top = self.a.payload[24 * self.p.lanes :]
        place = self.entry_address[: self.walks.entries_in_word.bit_length() - 1]
        m.d.comb += [
            self.entry_write.eq(self.a.valid & self.walks.is_table),
            self.entry.eq(top.word_select(place, 16)),
            self.entries_end.ended.eq(self.entry_write & (self.entry_address == TABLE_ENTRIES - 1)),
        ]
        # 256 entries: the address is 0 again for the next TABLE
        m.d.sync += self.entry_address.eq(self.entry_address + self.entry_write)

    def write(self, m: Module):
        """Pass results of the lanes or of an engine to the writer; an r goes first, which is rare."""
        lanes, word, results = self.p.lanes, self.to_writer.p, self.results.payload
        bytes_ = Cat(lane(results, index, lanes)[:8] for index in range(lanes))
        halves = Cat(lane(results, index, lanes)[:16] for index in range(lanes))
        kind = self.walks.map.out_kind
        result = Mux(kind[1], Mux(kind[0], results, halves), bytes_)
        softmax, norm = self.walks.is_softmax, self.walks.is_norm
        # one command at a time: at most one of the three gives anything
        vector = Mux(softmax, self.codes.payload, Mux(norm, self.normal.payload, result))
        more = Mux(softmax, 0, Mux(norm, 1, Cat(kind[1], kind[1] & kind[0])))
        m.d.comb += [
            word.r.eq(self.r.valid),
            word.words.eq(Mux(self.r.valid, self.r.payload.replicate(lanes), vector)),
            word.more.eq(Mux(self.r.valid, 1, more)),
            self.to_writer.valid.eq(
                self.r.valid | self.results.valid | self.codes.valid | self.normal.valid
            ),
            self.r.ready.eq(self.to_writer.ready),
        ]
        for given in (self.results, self.codes, self.normal):
            m.d.comb += given.ready.eq(self.to_writer.ready & ~self.r.valid)
        port = self.scratch.vector
        self.writer.place(
            m, "writer", **command(self.out_part, self.walks.out, "out"),
            **command(self.r_part, self.walks.r, "r"), out_end=self.out_end.ended, r_end=self.r_end.ended,
            **tied("i", self.to_writer), port_valid=port.valid, port_ready=port.ready,
            port_address=port.address, port_data=port.data,
        )


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The vector unit of `p`."""
    return Definition(f"vector_x{p.lanes}_{'_'.join(p.functions) or 'plain'}", Vector(p))
