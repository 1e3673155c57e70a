"""The store unit: STORE. Golden: golden.accelerator.store.

    command -> walk over memory -> store_command
            -> fetcher over the scratchpad -> store_data
"""

from functools import cache

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.load import LOOPS, PENDING
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import Cause
from golden.accelerator.walk import MEMORY_BITS, SCRATCH_BITS
from hw.accelerator import answers, fetcher, walk
from hw.accelerator.runs import bytes_of, fields, memory_walk, scratch_walk
from hw.axi import bursts
from hw.emit import Definition
from hw.lanes import bits


class Store(wiring.Component):
    """command      stream of commands
    done         pulse a command, in order: the last of its responses has come, all were good
    fault, fault_code, fault_response  pulse, once until a reset: the oldest command that is not done failed
    busy         a command is inside
    store_command, store_data, store_status  of the memory port
    store        a reader of the scratchpad

    A command's walks start when both of the one before have ended, its responses still to come.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.walk = walk.definition(LOOPS, MEMORY_BITS)
        self.fetcher = fetcher.definition(p, 1 + LOOPS)
        self.answers = answers.definition(p.write)
        self.uses = (self.walk, self.fetcher, self.answers)
        word = 8 * p.lanes
        super().__init__({
            "command": In(stream.Signature(BITS)),
            **{name: Out(1) for name in ("done", "fault", "busy")},
            "fault_code": Out(4),
            "fault_response": Out(2),
            "store_command": Out(stream.Signature(bursts.command_layout(p.write))),
            "store_data": Out(stream.Signature(word)),
            "store_status": In(stream.Signature(2)),
            "store": Out(wiring.Signature({
                "valid": Out(1), "ready": In(1), "address": Out(SCRATCH_BITS), "data": In(word)
            })),
        })

    def elaborate(self, platform):
        m = Module()
        held = Signal(BITS, reset_less=True)
        waits, start, walks, fetches = bits("waits", "start", "walk_ready", "fetch_ready")
        good, bad = bits("good", "bad")
        pending = Signal(range(PENDING + 1))
        m.d.comb += [
            self.command.ready.eq(~waits),
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
            pending.eq((pending + start - self.done)[: len(pending)]),
            self.done.eq(good),
            self.fault.eq(bad),
        ]
        m.d.comb += self.fault_code.eq(Cause.STORE_ERROR)
        with m.If(bad):
            m.d.sync += self.fault_response.eq(self.store_status.payload)
        return m

    def ask(self, m, held, start, walks, good, bad):
        """Runs, to the memory port."""
        run = Signal(walk.address_layout(LOOPS, MEMORY_BITS))
        runs, room, go = bits("runs", "room", "run_go")
        length = Signal(len(self.store_command.p.bytes), reset_less=True)
        with m.If(start):
            m.d.sync += length.eq(bytes_of(self.p, fields(held, Opcode.STORE).words))
        m.d.comb += [
            go.eq(room & self.store_command.ready),
            self.store_command.valid.eq(runs & room),
            self.store_command.p.address.eq(run.address),
            self.store_command.p.bytes.eq(length),
        ]
        self.walk.place(
            m, "runs", command_valid=start, command_ready=walks,
            command_payload=memory_walk(m, held, Opcode.STORE).as_value(),
            o_valid=runs, o_ready=go, o_payload=run.as_value(),
        )
        self.answers.place(
            m, "answers", run=runs & go, final=run.ends[-1], room=room,
            status_valid=self.store_status.valid, status_ready=self.store_status.ready,
            status_payload=self.store_status.payload, good=good, bad=bad,
        )

    def read(self, m, held, start, fetches):
        """Words, out of the scratchpad."""
        word = Signal(fetcher.word_layout(self.p, 1 + LOOPS))
        self.fetcher.place(
            m, "fetcher", command_valid=start, command_ready=fetches,
            command_payload=scratch_walk(m, held, Opcode.STORE).as_value(),
            request_valid=self.store.valid, request_ready=self.store.ready,
            request_address=self.store.address, data=self.store.data,
            o_valid=self.store_data.valid, o_ready=self.store_data.ready, o_payload=word.as_value(),
            idle=Signal(name="fetcher_idle"),
        )
        m.d.comb += self.store_data.payload.eq(word.data)


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The store unit of `p`."""
    return Definition(f"store_{8 * p.lanes}_o{p.write.outstanding}", Store(p))
