"""The load unit: LOAD, FILL, GATHER. Golden: golden.accelerator.load.

    command -> walk over memory, gather -> memory.command                     which runs are wanted
            -> queue -> walk over the scratchpad, memory.data -> scratch.load  where the words go
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.moves import LOOPS, PENDING
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import Cause
from golden.accelerator.walk import MEMORY_BITS
from hw.accelerator import gather, response_tracker, walk
from hw.accelerator.command_fields import fields, is_one
from hw.accelerator.command_walks import bytes_of, memory_walk, scratch_walk
from hw.accelerator.units import signature
from hw.axi.queue import definition as queue
from hw.emit import Definition
from hw.lanes import bits

VALUE_BITS = 16  # of what a FILL writes again and again into a word, whose lanes are a multiple of four


def place_layout() -> data.StructLayout:
    """The fields of a command that the scratchpad's side needs: its walk, and the value of a FILL."""
    walked = walk.command_layout(1 + LOOPS)
    return data.StructLayout({"walk": walked, "fill": 1, "value": VALUE_BITS})


class Load(wiring.Component):
    """See hw.accelerator.units.signature. done: a command's words were accepted, its runs went well.
    memory.command's payload is combinational, so is scratch.load from memory.data.

    A GATHER starts when all commands before it are done: they may bring its row numbers.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.walk = walk.definition(LOOPS, MEMORY_BITS)
        self.gather = gather.definition(p)
        self.answers = response_tracker.definition(p.read)
        self.placed = walk.definition(1 + LOOPS)
        self.places = queue(place_layout().size, PENDING)
        self.kinds = queue(1, PENDING)
        self.uses = (self.walk, self.gather, self.answers, self.placed, self.places, self.kinds)
        super().__init__(signature(p, "load"))

    def elaborate(self, platform):
        m = Module()
        held = Signal(BITS, reset_less=True)
        waits, start, loads, gathers, pending_room, alone = bits(
            "waits", "start", "loads", "gathers", "pending_room", "alone"
        )
        walks, numbers = bits("walk_ready", "gather_ready")
        m.d.comb += [
            self.command.ready.eq(~waits),
            loads.eq(is_one(held, Opcode.LOAD)),
            gathers.eq(is_one(held, Opcode.GATHER)),
            # rows of a GATHER may depend on all loads before; runs wait until its rows have left
            start.eq(waits & pending_room & (~loads | (walks & numbers)) & (~gathers | alone)),
        ]
        with m.If(self.command.ready):
            m.d.sync += [waits.eq(self.command.valid), held.eq(self.command.payload)]
        with m.Elif(start):
            m.d.sync += waits.eq(0)

        good, bad, beyond = self.ask(m, held, start, loads, gathers, walks, numbers)
        placed = self.place_words(m, self.place_of(m, held, loads, gathers), start)
        needs, known = self.finish(m, start, loads | gathers, good, placed)
        self.fail(m, bad, beyond, known & needs)
        m.d.comb += [
            pending_room.eq(self.pending != PENDING),
            alone.eq(self.pending == 0),
            self.busy.eq(waits | ~alone),
        ]
        return m

    def ask(self, m, held, start, loads, gathers, walks, numbers):
        """Request runs of the memory port: those of a LOAD's walk or of a GATHER's rows; returns (good, bad,
        beyond)."""
        given = fields(held, Opcode.GATHER)
        wanted = Signal(gather.command_layout())
        run, row = (
            Signal(walk.address_layout(loops, MEMORY_BITS), name=name)
            for name, loops in (("run", LOOPS), ("row", 1))
        )
        runs, rows, room, asks, go = bits("runs", "rows", "room", "asks", "run_go")
        good, bad, beyond = bits("good", "bad", "beyond")
        length = Signal(len(self.memory.command.p.bytes), reset_less=True)
        m.d.comb += [
            wanted.index.eq(given.index),
            wanted.count.eq(given.count1),
            wanted.address.eq(given.address),
            wanted.stride.eq(given.address_stride1),
            wanted.limit.eq(given.limit),
            go.eq(room & self.memory.command.ready),
            asks.eq(runs | rows),
            self.memory.command.valid.eq(asks & room),
            # never both, by `start`: no arbiter is needed
            self.memory.command.p.address.eq(Mux(rows, row.address, run.address)),
            self.memory.command.p.bytes.eq(length),
        ]
        # a FILL must not change the length while runs of the LOAD before still leave
        with m.If(start & (loads | gathers)):
            m.d.sync += length.eq(bytes_of(self.p, Mux(loads, fields(held, Opcode.LOAD).words, given.words)))
        self.walk.place(
            m, "runs", command_valid=start & loads, command_ready=walks,
            command_payload=memory_walk(m, held, Opcode.LOAD).as_value(),
            o_valid=runs, o_ready=go, o_payload=run.as_value(),
        )
        self.gather.place(
            m, "gather", command_valid=start & gathers, command_ready=numbers,
            command_payload=wanted.as_value(),
            request_valid=self.scratch.index.valid, request_ready=self.scratch.index.ready,
            request_address=self.scratch.index.address, data=self.scratch.index.data,
            o_valid=rows, o_ready=go, o_payload=row.as_value(), beyond=beyond,
        )
        self.answers.place(
            m, "answers", run=asks & go, final=Mux(rows, row.ends, run.ends[-1]), room=room,
            status_valid=self.memory.status.valid, status_ready=self.memory.status.ready,
            status_payload=self.memory.status.payload, good=good, bad=bad,
        )
        return good, bad, beyond

    def place_of(self, m, held, loads, gathers):
        """The scratchpad walk and the value of the held command."""
        place = Signal(place_layout())
        kinds = [(loads, Opcode.LOAD), (gathers, Opcode.GATHER), (None, Opcode.FILL)]
        for condition, opcode in kinds:
            walked = scratch_walk(m, held, opcode)
            if condition is None:
                with m.If(~loads & ~gathers):
                    m.d.comb += place.walk.eq(walked)
            else:
                with m.If(condition):
                    m.d.comb += place.walk.eq(walked)
        m.d.comb += [place.fill.eq(~loads & ~gathers), place.value.eq(fields(held, Opcode.FILL).value)]
        return place

    def place_words(self, m, place, start):
        """Write words to the scratchpad, one a cycle; returns whether a command's last word is accepted."""
        next_place = Signal(place_layout())
        known, takes, active, go = bits("place_known", "place_takes", "place_active", "place_go")
        where = Signal(walk.address_layout(1 + LOOPS))
        fill, placed = bits("fill", "placed")
        value = Signal(VALUE_BITS, reset_less=True)
        self.places.place(
            m, "places", write=start, i=place.as_value(), o_valid=known, o_ready=takes,
            o_payload=next_place.as_value(),
        )
        self.placed.place(
            m, "placed", command_valid=known, command_ready=takes, command_payload=next_place.walk.as_value(),
            o_valid=active, o_ready=go, o_payload=where.as_value(),
        )
        with m.If(known & takes):
            m.d.sync += [fill.eq(next_place.fill), value.eq(next_place.value)]
        filled = Cat([value] * (8 * self.p.lanes // VALUE_BITS))
        m.d.comb += [
            # a FILL has its value; all others wait for the bus
            self.scratch.load.valid.eq(active & (fill | self.memory.data.valid)),
            self.scratch.load.address.eq(where.address),
            self.scratch.load.data.eq(Mux(fill, filled, self.memory.data.p.data)),
            self.memory.data.ready.eq(active & ~fill & self.scratch.load.ready),
            go.eq(self.scratch.load.valid & self.scratch.load.ready),
            placed.eq(go & where.ends[-1]),
        ]
        return placed

    def finish(self, m, start, asks, good, placed):
        """Raise done, in order. asks: whether the new command has runs.

        returns  whether the oldest command has runs, and whether there is one
        """
        self.pending, words_in, self.answered = (
            Signal(range(PENDING + 1), name=name) for name in ("pending", "words_in", "answered")
        )
        known, needs = bits("oldest_known", "oldest_needs")
        self.kinds.place(m, "kinds", write=start, i=asks, o_valid=known, o_ready=self.done, o_payload=needs)
        # all words placed and, where there are runs, all answered well: whichever comes last
        m.d.comb += self.done.eq(known & (words_in != 0) & (~needs | (self.answered != 0)))
        moves = [(self.pending, start, self.done), (words_in, placed, self.done)]
        for count, more, fewer in (*moves, (self.answered, good, self.done & needs)):
            m.d.sync += count.eq((count + more - fewer)[: len(count)])
        return needs, known

    def fail(self, m, bad, beyond, oldest_asks):
        """Raise fault, once all commands that succeeded before are done; no later command succeeds."""
        failed, told = bits("failed", "told")
        # commands that went well are done first, so the one at fault is the oldest
        m.d.comb += self.fault.eq(oldest_asks & failed & ~told & (self.answered == 0))
        with m.If((bad | beyond) & ~failed):
            m.d.sync += [
                failed.eq(1),
                self.fault_code.eq(Mux(bad, Cause.LOAD_ERROR, Cause.ROW_NUMBER)),
                self.fault_response.eq(Mux(bad, self.memory.status.payload, 0)),
            ]
        with m.If(self.fault):
            m.d.sync += told.eq(1)


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The load unit of `p`."""
    return Definition(f"load_{8 * p.lanes}_o{p.read.outstanding}", Load(p))
