"""Control of the units. Golden: golden.accelerator.control."""

from amaranth.hdl import Cat, Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, UNITS, Opcode
from golden.accelerator.control import command_bits
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NUMBER_BITS
from golden.axi.bursts import Status
from hw.accelerator import counters, faults, fetch, gate, tokens
from hw.accelerator.legal import illegal, too_many
from hw.accelerator.registers import inner_ports
from hw.axi import bursts, read
from hw.emit import Definition, flat_ports
from hw.lanes import bits, lane

COUNT = len(UNITS)
UNIT_PORTS = {"done": 1, "busy": 1, "fault": 1, "fault_code": 4, "fault_response": 2}


def control_ports(p: AcceleratorParams) -> dict:
    """What control shows to the registers, and what they tell it."""
    return {name: member.flip() for name, member in inner_ports(p).items() if name != "irq"}


class Control(wiring.Component):
    """control_start and others that are named like a register's field: tied to hw.accelerator.registers
    program_written, commands_written  pulses; after the latter, at rest, the program is fetched ahead
    fetch_command, fetch_data, fetch_status  of hw.accelerator.memory_port; so are word_read, word_written
    clear      to it and to all units: forget all; registered, until `quiet`
    progress   something else moved in this cycle; for the watchdog
    activity   of UNITS: bits 0 to 3 a command is being done, bits 4 to 7 the next one waits for a token
    U_command  stream of commands to unit U; valid and payload are combinational, from registers
    U_done     its oldest command is done
    U_busy     it has anything on the way
    U_fault    with U_fault_code (Cause) and U_fault_response (Status): its oldest command went wrong
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.fetch = fetch.definition(p)
        self.gates = {unit: gate.definition(command_bits(unit), p.queue) for unit in UNITS}
        self.tokens, self.faults = tokens.definition(), faults.definition()
        self.counting = counters.definition()
        self.uses = (self.fetch, *self.gates.values(), self.tokens, self.faults, self.counting)
        super().__init__({
            **control_ports(p),
            "fetch_command": Out(stream.Signature(bursts.command_layout(p.read))),
            "fetch_data": In(stream.Signature(read.data_layout(p.read))),
            "fetch_status": In(stream.Signature(2)),
            **{name: In(1) for name in ("word_read", "word_written", "progress", "quiet")},
            "clear": Out(1),
            "activity": Out(2 * COUNT),
            **{f"{unit}_command": Out(stream.Signature(BITS)) for unit in UNITS},
            **{f"{unit}_{name}": In(width) for unit in UNITS for name, width in UNIT_PORTS.items()},
        })

    def elaborate(self, platform):
        m = Module()
        names = ("running", "starts", "ends", "stops", "wipe", "fresh", "idle", "given")
        self.s = {name: Signal(name=name) for name in names}
        self.of = {
            name: Signal(COUNT * width, name=f"units_{name}")
            for name, width in {
                "done": 1, "busy": 1, "fault": 1, "fault_code": 4, "fault_response": 2, "room": 1, "empty": 1,
                "blocked": 1, "flying": 1, "head": NUMBER_BITS, "oldest": NUMBER_BITS, "overflow": 1,
                "passes": 1, "give": COUNT, "take": COUNT,
            }.items()
        }  # fmt: skip
        self.next = Signal(NUMBER_BITS)
        self.available = Signal(COUNT * COUNT)
        self.aims = Signal(COUNT)  # the unit of the next command
        self.run_state(m)
        command, valid, stuck, bad, bad_fetch, response = self.dispatch(m)
        self.place_gates(m, command, valid)
        self.place_tokens(m)
        self.find_faults(m, stuck, bad, bad_fetch, response)
        self.count(m)
        return m

    def run_state(self, m):
        """At rest, running or clearing; at rest with a program done, with a fault, or neither."""
        s, of = self.s, self.of
        done, error, done_event, error_event = bits("done_q", "error_q", "done_event_q", "error_event_q")
        m.d.comb += [
            s["starts"].eq(self.control_start & ~s["running"] & ~self.clear & ~error & ~self.control_reset),
            s["wipe"].eq(ResetSignal() | self.clear),
            s["fresh"].eq(s["wipe"] | s["starts"]),
            s["idle"].eq(~(of["flying"] | of["busy"]).any()),
            self.status_busy.eq(s["running"] | self.clear),
            self.status_done.eq(done),
            self.status_error.eq(error),
            self.interrupt_status_done.eq(done_event),
            self.interrupt_status_error.eq(error_event),
            self.activity.eq(Mux(s["running"], Cat(of["flying"], of["blocked"]), 0)),
        ]
        m.d.sync += [done_event.eq(0), error_event.eq(0)]
        with m.If(self.control_reset | self.clear):
            m.d.sync += [s["running"].eq(0), done.eq(0), error.eq(0)]
            m.d.sync += self.clear.eq(self.control_reset | ~self.quiet)
        with m.Elif(s["starts"]):
            m.d.sync += [s["running"].eq(1), done.eq(0)]
        with m.Elif(s["stops"]):
            m.d.sync += [s["running"].eq(0), error.eq(1), error_event.eq(1)]
        with m.Elif(s["ends"]):
            m.d.sync += [s["running"].eq(0), done.eq(1), done_event.eq(1)]

    def dispatch(self, m):
        """Fetch, check, and the command that is next: to its queue, or done here."""
        s, of = self.s, self.of
        fetched = stream.Signature(fetch.COMMAND).create(path=("fetched",))
        command = Signal(BITS, reset_less=True, name="checked")
        valid, wrong, error = bits("checked_valid", "checked_wrong", "checked_error")
        go, halt, exhausted, drained = bits("check_go", "halt", "exhausted", "drained")
        fetches, drops = self.begin_fetch(m, drained)
        clean, all_empty, room, can = bits("clean", "all_empty", "room", "can")
        ends, fences, bad, bad_fetch, stuck = bits("is_end", "is_fence", "bad", "bad_fetch", "stuck")
        failed = Signal(2)
        self.fetch.place(
            m, "fetch", reset=s["wipe"], start=fetches, address=self.program["address"],
            most=self.program["most"], halt=halt, failed=failed, exhausted=exhausted, drained=drained,
            **flat(self, "fetch_"),
            o_valid=fetched.valid, o_ready=go, o_payload=fetched.payload.as_value(),
        )
        excess = too_many(m, self.p, fetched.p.word, go)
        with m.If(go):
            m.d.sync += [
                valid.eq(fetched.valid),
                command.eq(fetched.p.word),
                wrong.eq(illegal(m, self.p, fetched.p.word)),
                error.eq(fetched.p.error),
            ]
        with m.If(s["wipe"] | drops | s["ends"]):
            m.d.sync += valid.eq(0)
        opcode = command[:8]
        for number in range(COUNT):
            m.d.comb += self.aims[number].eq(command[4:8] == number + 1)
        m.d.comb += [
            bad_fetch.eq(
                s["running"] & ~drops & ((failed == Status.REFUSED) | (valid & error & (failed != 0)))
            ),
            bad.eq(s["running"] & Mux(valid, (wrong | excess) & ~error, exhausted & ~drops)),
            clean.eq(s["running"] & valid & ~(wrong | excess | error)),
            ends.eq(clean & (opcode == Opcode.END)),
            fences.eq(clean & (opcode == Opcode.FENCE)),
            halt.eq(ends | drops),
            all_empty.eq(of["empty"].all() & s["idle"]),
            room.eq((self.aims & of["room"]).any()),
            can.eq(Mux(ends, all_empty & drained, Mux(fences, all_empty, room))),
            s["given"].eq(clean & can),
            s["ends"].eq(ends & can),
            go.eq(~valid | s["given"]),
            stuck.eq(clean & ~can & s["idle"] & of["blocked"].any() & (of["blocked"] | of["empty"]).all()),
        ]
        m.d.sync += self.next.eq(Mux(s["fresh"], 0, (self.next + s["given"])[:NUMBER_BITS]))
        return command, clean, stuck, bad, bad_fetch, failed

    def begin_fetch(self, m, drained):
        """(fetching begins, what it brings is dropped): ahead of the start, or at it, once nothing is on the
        way that was fetched for nothing."""
        s = self.s
        ahead, wanted, pending, begins, drops, stale = bits(
            "ahead", "ahead_wanted", "fetch_pending", "fetch_begins", "fetch_drops", "stale"
        )
        self.ahead, self.counts_anew = ahead, Signal(name="counts_anew")
        # a program that waits for its fetch is that of its start, whatever is written meanwhile
        self.program = {}
        for name, given in (("address", self.program_address), ("most", self.commands_most)):
            held, chosen = (Signal.like(given, name=f"{name}_{kind}") for kind in ("at_start", "to_fetch"))
            with m.If(s["starts"]):
                m.d.sync += held.eq(given)
            m.d.comb += chosen.eq(Mux(pending, held, given))
            self.program[name] = chosen
        at_start = s["starts"] & ~ahead | pending
        m.d.comb += [
            stale.eq(self.program_written | self.commands_written),
            begins.eq((at_start | wanted) & drained & ~self.clear),
            drops.eq(pending | ~(s["running"] | ahead)),
            # words that are fetched ahead count
            self.counts_anew.eq(Mux(s["running"] | s["starts"], s["starts"] & ~ahead, begins)),
        ]
        rests = ~(s["running"] | s["starts"] | self.status_error)
        m.d.sync += [
            pending.eq(at_start & ~begins),
            wanted.eq((self.commands_written | wanted & ~begins & ~self.program_written) & rests),
            ahead.eq((ahead | wanted & begins) & ~stale & ~s["starts"]),
        ]
        with m.If(self.clear | self.control_reset | s["stops"]):
            m.d.sync += [pending.eq(0), wanted.eq(0), ahead.eq(0)]
        return begins, drops

    def place_gates(self, m, command, clean):
        """A queue and a gate for each unit."""
        s, of = self.s, self.of
        for number, unit in enumerate(UNITS):
            width = command_bits(unit)
            for name in UNIT_PORTS:
                m.d.comb += lane(of[name], number, COUNT).eq(getattr(self, f"{unit}_{name}"))
            stream_out = getattr(self, f"{unit}_command")
            self.gates[unit].place(
                m, f"{unit}_gate", reset=s["wipe"], stop=~s["running"], done=of["done"][number],
                i_valid=clean & self.aims[number], i_ready=of["room"][number],
                i_payload=Cat(command[:width], self.next),
                available=Cat(self.available[giver * COUNT + number] for giver in range(COUNT)),
                command_valid=stream_out.valid, command_ready=stream_out.ready,
                command_payload=stream_out.payload,
                **{name: lane(of[name], number, COUNT)
                   for name in ("take", "give", "empty", "blocked", "flying", "head", "oldest")},
            )  # fmt: skip
            m.d.comb += of["passes"][number].eq(stream_out.valid & stream_out.ready)

    def place_tokens(self, m):
        """`give` is by giver, `take` by taker."""
        of = self.of
        pairs = [(giver, taker) for giver in range(COUNT) for taker in range(COUNT)]
        self.tokens.place(
            m, "tokens", reset=self.s["fresh"], give=of["give"],
            take=Cat(of["take"][taker * COUNT + giver] for giver, taker in pairs),
            available=self.available, overflow=of["overflow"],
        )

    def find_faults(self, m, stuck, bad, bad_fetch, response):
        """The first of all faults stops the program."""
        s, of = self.s, self.of
        quiet = Signal(name="nothing_moves")
        moves = Cat(self.word_read, self.word_written, self.progress, s["given"], of["passes"], of["done"])
        m.d.comb += quiet.eq(~moves.any())
        names = ("fault", "fault_code", "fault_response", "overflow", "blocked", "flying", "head", "oldest")
        self.faults.place(
            m, "faults", reset=ResetSignal() | s["starts"], **{name: of[name] for name in names},
            # a reset comes before what goes wrong in its cycle: no cause without its event
            running=s["running"] & ~self.control_reset, illegal=bad, bad_fetch=bad_fetch, stuck=stuck,
            quiet=quiet,
            response=response, limit=self.watchdog_cycles, next=self.next, stops=s["stops"],
            index=self.fault_command_index,
            **{name: getattr(self, name) for name in ("cause_code", "cause_unit", "cause_response")},
        )

    def count(self, m):
        """What software can read of the run."""
        s, of = self.s, self.of
        runs = s["running"]
        read, written = self.word_read & (runs | self.ahead), self.word_written & runs
        units = Mux(runs, Cat(runs, of["flying"], of["blocked"]), 0)
        self.counting.place(
            m, "counting", reset=ResetSignal() | self.counts_anew,
            events=Cat(units, read, written, s["given"]), counts=self.counters,
        )


def flat(component: wiring.Component, prefix: str) -> dict:
    """Ports whose name begins so, without it."""
    return {
        name.removeprefix(prefix): value
        for name, _, value in flat_ports(component)
        if name.startswith(prefix)
    }


def definition(p: AcceleratorParams) -> Definition:
    """Control of `p`."""
    rows, functions = p.unit.accumulator_rows, len(p.functions)
    limits = f"r{rows}_k{most_passes(p)}_f{functions}"
    return Definition(f"control_{p.lanes}_q{p.queue}_o{p.outstanding}_{limits}", Control(p))
