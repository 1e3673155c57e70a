"""The vector unit: commands, operands, lanes and engines, results. Golden: golden.accelerator.vector."""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, Kind, Opcode
from golden.accelerator.map_lanes import TABLE_ENTRIES
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import SCRATCH_BITS
from hw.accelerator import exponential, fetcher, map_lanes, normalise, vector_reader, vector_writer, walk
from hw.accelerator.map_lane import CONSTANTS
from hw.accelerator.vector_walks import DIMS, OPCODES, P_DIMS, Walks, layout_of
from hw.emit import Definition
from hw.lanes import lane

LOOP_DIMS = 4
WALKS = ("a", "b", "p", "loops", "out", "r")
ENGINES = {"exponential": 1, "normalise": 2}  # words of a vector that they give
READERS = ("a", "b", "p")


class Vector(wiring.Component):
    """command            stream of commands; ready is from registers
    done, busy           a pulse a command; a command is under way. From registers
    {a,b,p}_*, vector_*  of the scratchpad's ports of those names
    sums                 stream of vectors of 32 bits; ready is combinational, from their valid and the lanes

    One command at a time: the next is taken when the last word of the one before is in the scratchpad.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.lanes = map_lanes.definition(p)
        self.readers = {name: vector_reader.definition(p, DIMS) for name in ("a", "b")}
        self.parameters = fetcher.definition(p, P_DIMS)
        self.loops = walk.definition(LOOP_DIMS)
        self.writer = vector_writer.definition(p)
        self.engines = {"exponential": exponential.definition(p), "normalise": normalise.definition(p)}
        placed = [*self.readers.values(), self.parameters, self.loops, self.writer, self.lanes]
        self.uses = (*placed, *self.engines.values())
        super().__init__({
            "command": In(stream.Signature(BITS)),
            "done": Out(1),
            "busy": Out(1),
            **{f"{name}_valid": Out(1) for name in (*READERS, "vector")},
            **{f"{name}_ready": In(1) for name in (*READERS, "vector")},
            **{f"{name}_address": Out(SCRATCH_BITS) for name in (*READERS, "vector")},
            **{f"{name}_data": In(8 * p.lanes) for name in READERS},
            "vector_data": Out(8 * p.lanes),
            "sums": In(stream.Signature(32 * p.lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        self.held = Signal(BITS, reset_less=True)
        self.active = Signal()
        self.walks = Walks(m, self.p, self.held)
        self.is_ = {each: Signal(name=f"is_{each.name.lower()}") for each in OPCODES}
        m.d.comb += [signal.eq(self.walks.number == (each & 3)) for each, signal in self.is_.items()]
        self.stream_signals()
        self.accept(m)
        self.place_walks(m)
        self.place_lanes(m)
        for name in ENGINES:
            self.place_engine(m, name)
        self.take_operands(m)
        self.fill_table(m)
        self.write(m)
        return m

    def stream_signals(self):
        """Handshakes and words between the parts."""
        bits = 32 * self.p.lanes
        names = ("a", "b", "p", "loops", "lanes_i", "lanes_o", "exponential_o", "normalise_o", "r", "writer")
        self.valid = {name: Signal(name=f"{name}_is_valid") for name in names}
        self.ready = {name: Signal(name=f"{name}_is_ready") for name in names}
        self.window = {name: Signal(bits, name=f"{name}_window") for name in ("a", "b")}
        self.engine_out = {
            name: Signal(words * 8 * self.p.lanes, name=f"{name}_out", reset_less=True)
            for name, words in ENGINES.items()
        }
        self.engine_ready = {name: Signal(name=f"{name}_a_ready") for name in ENGINES}
        self.ends = Signal(LOOP_DIMS)
        self.ended = {name: Signal(name=f"{name}_ended") for name in ("out", "r", "entries")}

    def accept(self, m: Module):
        """Take a command when none is under way; `begins`: its parts that have not taken it yet."""
        parts = (*WALKS, *ENGINES)
        self.begins = {name: Signal(name=f"{name}_begins") for name in parts}
        self.taken = {name: Signal(name=f"{name}_taken") for name in parts}
        waits = {name: Signal(name=f"waits_for_{name}") for name in self.ended}
        number = self.command.payload[:2]
        of_map, of_table, softmax, norm = (number == (each & 3) for each in OPCODES)
        fields = data.View(layout_of(Opcode.MAP), self.command.payload[: layout_of(Opcode.MAP).size])
        wanted = {
            "a": ~of_map | (fields.a_kind != Kind.NONE),
            "b": of_map & (fields.b_kind != Kind.NONE),
            "p": of_map, "loops": of_map, "out": ~of_table, "r": softmax,
            "exponential": softmax, "normalise": norm,
        }  # fmt: skip
        waiting = Cat(waits.values()).any()
        m.d.comb += [
            self.command.ready.eq(~self.active | self.done),
            self.done.eq(self.active & ~waiting),
            self.busy.eq(self.active),
        ]
        for signals in ((self.begins, self.taken), (waits, self.ended)):
            for signal, end in zip(*(each.values() for each in signals), strict=True):
                with m.If(end):
                    m.d.sync += signal.eq(0)
        with m.If(self.done):
            m.d.sync += self.active.eq(0)
        with m.If(self.command.valid & self.command.ready):
            m.d.sync += [self.active.eq(1), self.held.eq(self.command.payload)]
            m.d.sync += [self.begins[name].eq(value) for name, value in wanted.items()]
            m.d.sync += [waits["out"].eq(~of_table), waits["r"].eq(softmax), waits["entries"].eq(of_table)]

    def begin(self, m: Module, name: str) -> dict[str, Signal]:
        """The command ports of a walk, tied."""
        ready = Signal(name=f"{name}_command_ready")
        m.d.comb += self.taken[name].eq(ready & self.begins[name])
        return {"command_valid": self.begins[name], "command_ready": ready}

    def place_walks(self, m: Module):
        """Readers of a and b, the fetcher of parameters, MAP's loops."""
        def port(name):
            ends = {end: getattr(self, f"{name}_{end}") for end in ("valid", "ready", "address")}
            words = {"data": getattr(self, f"{name}_data")}
            words |= {"o_valid": self.valid[name], "o_ready": self.ready[name]}
            return {f"request_{end}": signal for end, signal in ends.items()} | words

        for name, reader in self.readers.items():
            command = getattr(self.walks, name)
            reader.place(
                m, f"{name}_reader", **self.begin(m, name), command_payload=command, **port(name),
                o_payload=self.window[name],
            )  # fmt: skip
        self.block = Signal(fetcher.word_layout(self.p, P_DIMS))
        idle = Signal(name="p_idle")
        self.parameters.place(
            m, "p_fetcher", **self.begin(m, "p"), command_payload=self.walks.p, **port("p"),
            o_payload=self.block.as_value(), idle=idle,
        )  # fmt: skip
        step = Signal(walk.address_layout(LOOP_DIMS), name="loops_step")
        self.loops.place(
            m, "loops_walk", **self.begin(m, "loops"), command_payload=self.walks.loops,
            o_valid=self.valid["loops"], o_ready=self.ready["loops"], o_payload=step.as_value(),
        )  # fmt: skip
        m.d.comb += self.ends.eq(step.ends)

    def place_lanes(self, m: Module):
        """MAP's lanes; the marks of their vectors come from the loops."""
        c = self.walks.map
        size = layout_of(Opcode.MAP).size
        word = Signal(map_lanes.window_layout(self.p.lanes), name="lanes_i")
        first = Signal(init=1)
        with m.If(self.valid["loops"] & self.ready["loops"]):
            m.d.sync += first.eq(self.ends[1])
        m.d.comb += [
            word.sums.eq(self.sums.payload),
            word.a.eq(self.window["a"]),
            word.b.eq(self.window["b"]),
            word.first.eq(~c.reduce | first),
            word.last.eq(~c.reduce | self.ends[1]),
            word.p_last.eq(Mux(c.p_stride == 0, self.ends[3], Mux(c.p_loop, self.ends[2], self.ends[1]))),
        ]
        self.entry_write, self.entry_address = Signal(), Signal(range(TABLE_ENTRIES))
        self.entry = Signal(16)
        self.results = Signal(32 * self.p.lanes)
        self.lanes.place(
            m, "map_lanes", constants=self.held[size - CONSTANTS.size : size],
            i_valid=self.valid["lanes_i"], i_ready=self.ready["lanes_i"], i_payload=word.as_value(),
            parameters_valid=self.valid["p"], parameters_ready=self.ready["p"],
            parameters_payload=self.block.data,
            entry_write=self.entry_write, entry_address=self.entry_address, entry=self.entry,
            o_valid=self.valid["lanes_o"], o_ready=self.ready["lanes_o"], o_payload=self.results,
        )  # fmt: skip

    def place_engine(self, m: Module, name: str):
        """An engine, between a's vectors and the writer."""
        half = 16 * self.p.lanes
        offered = Signal(name=f"{name}_a_valid")
        start_ready = Signal(name=f"{name}_start_ready")
        opcode = Opcode[name.upper()]
        m.d.comb += [
            offered.eq(self.valid["a"] & self.is_[opcode]),
            self.taken[name].eq(start_ready & self.begins[name]),
        ]
        vector = self.engine_out[name]
        valid, ready = self.valid[f"{name}_o"], self.ready[f"{name}_o"]
        if name == "exponential":
            valid, ready, vector = self.codes_register(m, valid, ready, vector)
        ports = {
            "start_valid": self.begins[name], "start_ready": start_ready, "start_payload": self.held,
            "a_valid": offered, "a_ready": self.engine_ready[name], "a_payload": self.window["a"][half:],
            "out_valid": valid, "out_ready": ready, "out_payload": vector,
        }  # fmt: skip
        if name == "exponential":
            self.r = Signal(16)
            ports |= {"r_valid": self.valid["r"], "r_ready": self.ready["r"], "r_payload": self.r}
        self.engines[name].place(m, name, **ports)

    def codes_register(self, m: Module, valid, ready, held):
        """(valid, ready, vector) before a register, in which codes wait while an r is written."""
        offered, goes = Signal(name="codes_offered"), Signal(name="codes_go")
        codes = Signal.like(held, name="codes")
        m.d.comb += goes.eq(~valid | ready)
        with m.If(goes):
            m.d.sync += valid.eq(offered)
        with m.If(goes & offered):
            m.d.sync += held.eq(codes)
        return offered, goes, codes

    def take_operands(self, m: Module):
        """A vector of each operand that MAP has goes into the lanes together with a step of its loops."""
        c = self.walks.map
        with_a, with_b = c.a_kind != Kind.NONE, c.b_kind != Kind.NONE
        a_or_sums, goes = Signal(), Signal(name="operands_go")
        word = self.walks.entries_in_word - 1
        last_entry = (self.entry_address & word) == word
        m.d.comb += [
            a_or_sums.eq(Mux(with_a, self.valid["a"], self.sums.valid)),
            self.valid["lanes_i"].eq(self.valid["loops"] & a_or_sums & (~with_b | self.valid["b"])),
            goes.eq(self.valid["lanes_i"] & self.ready["lanes_i"]),
            self.ready["loops"].eq(goes),
            self.sums.ready.eq(goes & ~with_a),
            self.ready["b"].eq(goes & with_b),
            self.ready["a"].eq(self.walks.choose([
                goes & with_a, last_entry, self.engine_ready["exponential"], self.engine_ready["normalise"],
            ])),
        ]  # fmt: skip

    def fill_table(self, m: Module):
        """An entry a cycle, into all lanes at once."""
        top = self.window["a"][24 * self.p.lanes :]
        place = self.entry_address[: self.walks.entries_in_word.bit_length() - 1]
        m.d.comb += [
            self.entry_write.eq(self.valid["a"] & self.is_[Opcode.TABLE]),
            self.entry.eq(top.word_select(place, 16)),
            self.ended["entries"].eq(self.entry_write & (self.entry_address == TABLE_ENTRIES - 1)),
        ]
        m.d.sync += self.entry_address.eq(self.entry_address + self.entry_write)

    def write(self, m: Module):
        """What the lanes or an engine give, to the writer; r first, which is rare."""
        lanes = self.p.lanes
        word = Signal(vector_writer.vector_layout(lanes), name="writer_i")
        bytes_ = Cat(lane(self.results, index, lanes)[:8] for index in range(lanes))
        halves = Cat(lane(self.results, index, lanes)[:16] for index in range(lanes))
        kind = self.walks.map.out_kind
        result = Mux(kind[1], Mux(kind[0], self.results, halves), bytes_)
        is_softmax, is_norm = self.is_[Opcode.EXPONENTIAL], self.is_[Opcode.NORMALISE]
        codes, normal = (self.engine_out[name] for name in ENGINES)
        vector = Mux(is_softmax, codes, Mux(is_norm, normal, result))
        more = Mux(is_softmax, 0, Mux(is_norm, 1, Cat(kind[1], kind[1] & kind[0])))
        of_out = self.valid["lanes_o"] | self.valid["exponential_o"] | self.valid["normalise_o"]
        m.d.comb += [
            word.r.eq(self.valid["r"]),
            word.words.eq(Mux(self.valid["r"], self.r.replicate(lanes), vector)),
            word.more.eq(Mux(self.valid["r"], 1, more)),
            self.valid["writer"].eq(self.valid["r"] | of_out),
            self.ready["r"].eq(self.ready["writer"]),
        ]
        for name in ("lanes_o", "exponential_o", "normalise_o"):
            m.d.comb += self.ready[name].eq(self.ready["writer"] & ~self.valid["r"])
        ties = {}
        for name in ("out", "r"):
            own = self.begin(m, name)
            ties |= {f"{name}_{end}": own[f"command_{end}"] for end in ("valid", "ready")}
            ties |= {f"{name}_payload": getattr(self.walks, name), f"{name}_end": self.ended[name]}
        self.writer.place(
            m, "writer", **ties,
            i_valid=self.valid["writer"], i_ready=self.ready["writer"], i_payload=word.as_value(),
            port_valid=self.vector_valid, port_ready=self.vector_ready,
            port_address=self.vector_address, port_data=self.vector_data,
        )  # fmt: skip


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The vector unit of `p`."""
    return Definition(f"vector_x{p.lanes}_{'_'.join(p.functions) or 'plain'}", Vector(p))
