"""The store unit: STORE. Golden: golden.accelerator.store.

    command -> walk over memory -> memory.command
            -> fetcher over the scratchpad -> memory.data
"""

from functools import cache

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.moves import LOOPS, PENDING
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import Cause
from golden.accelerator.walk import MEMORY_BITS
from hw.accelerator import fetcher, response_tracker, walk
from hw.accelerator.command_fields import fields
from hw.accelerator.command_walks import bytes_of, memory_walk, scratch_walk
from hw.accelerator.units import signature
from hw.emit import Definition
from hw.lanes import bits


class Store(wiring.Component):
    """See hw.accelerator.units.signature. done: the last of a command's responses has come, all good.

    A command's walks start when both of the one before have ended, its responses still to come.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.walk = walk.definition(LOOPS, MEMORY_BITS)
        self.fetcher = fetcher.definition(p, 1 + LOOPS)
        self.answers = response_tracker.definition(p.write)
        self.uses = (self.walk, self.fetcher, self.answers)
        super().__init__(signature(p, "store"))

    def elaborate(self, platform):
        m = Module()
        held = Signal(BITS, reset_less=True)
        waits, start, walks, fetches = bits("waits", "start", "walk_ready", "fetch_ready")
        good, bad = bits("good", "bad")
        pending = Signal(range(PENDING + 1))
        m.d.comb += [
            self.command.ready.eq(~waits),
            # both walks at once: words and runs of a command stay in the same order
            start.eq(waits & walks & fetches & (pending != PENDING)),
            self.busy.eq(waits | (pending != 0)),
        ]
        with m.If(self.command.ready):
            m.d.sync += [waits.eq(self.command.valid), held.eq(self.command.payload)]
        with m.Elif(start):
            m.d.sync += waits.eq(0)
        self.ask(m, held, start, walks, good, bad)
        self.read(m, held, start, fetches)
        m.d.sync += [
            # responses outlive the walks: up to PENDING commands are not done
            pending.eq((pending + start - self.done)[: len(pending)]),
            self.done.eq(good),
            self.fault.eq(bad),
        ]
        m.d.comb += self.fault_code.eq(Cause.STORE_ERROR)
        with m.If(bad):
            m.d.sync += self.fault_response.eq(self.memory.status.payload)
        return m

    def ask(self, m, held, start, walks, good, bad):
        """Request runs of the memory port."""
        run = Signal(walk.address_layout(LOOPS, MEMORY_BITS))
        runs, room, go = bits("runs", "room", "run_go")
        length = Signal(len(self.memory.command.p.bytes), reset_less=True)
        # all runs of a command have one length
        with m.If(start):
            m.d.sync += length.eq(bytes_of(self.p, fields(held, Opcode.STORE).words))
        m.d.comb += [
            go.eq(room & self.memory.command.ready),
            self.memory.command.valid.eq(runs & room),
            self.memory.command.p.address.eq(run.address),
            self.memory.command.p.bytes.eq(length),
        ]
        self.walk.place(
            m, "runs", command_valid=start, command_ready=walks,
            command_payload=memory_walk(m, held, Opcode.STORE).as_value(),
            o_valid=runs, o_ready=go, o_payload=run.as_value(),
        )
        self.answers.place(
            m, "answers", run=runs & go, final=run.ends[-1], room=room,
            status_valid=self.memory.status.valid, status_ready=self.memory.status.ready,
            status_payload=self.memory.status.payload, good=good, bad=bad,
        )

    def read(self, m, held, start, fetches):
        """Read words from the scratchpad."""
        word = Signal(fetcher.word_layout(self.p, 1 + LOOPS))
        self.fetcher.place(
            m, "fetcher", command_valid=start, command_ready=fetches,
            command_payload=scratch_walk(m, held, Opcode.STORE).as_value(),
            request_valid=self.scratch.store.valid, request_ready=self.scratch.store.ready,
            request_address=self.scratch.store.address, data=self.scratch.store.data,
            o_valid=self.memory.data.valid, o_ready=self.memory.data.ready, o_payload=word.as_value(),
            idle=Signal(name="fetcher_idle"),
        )
        m.d.comb += self.memory.data.payload.eq(word.data)


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The store unit of `p`."""
    return Definition(f"store_{8 * p.lanes}_o{p.write.outstanding}", Store(p))
