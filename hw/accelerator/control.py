"""Control of the units. Golden: golden.accelerator.control."""

from amaranth.hdl import Cat, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.control import command_bits
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import CAUSE_BITS, NUMBER_BITS
from golden.accelerator.units import numbers
from golden.axi.bursts import BurstStatus
from hw.accelerator import counters, faults, fetch, issue_gate, tokens
from hw.accelerator.legal import illegal, too_many
from hw.accelerator.ports import memory_read
from hw.accelerator.registers import inner_ports
from hw.accelerator.units import work
from hw.emit import Definition
from hw.lanes import bits, lane, tied


class Lanes:
    """Signals of all units side by side, a lane for each, in the order of NUMBERs.

    done, busy, fault, fault_code, fault_response  from the unit (hw.accelerator.units.work)
    room, empty, blocked, flying, head, oldest     from its gate
    passes                                         the unit accepts a command
    overflow                                       the unit gave one token too many
    give, take                                     tokens: to which units, from which units
    """

    def __init__(self, count: int):
        self.count = count
        of = self.vector
        self.done, self.busy, self.fault, self.room = of("done"), of("busy"), of("fault"), of("room")
        self.fault_code, self.fault_response = of("fault_code", CAUSE_BITS), of("fault_response", 2)
        self.empty, self.blocked, self.flying = of("empty"), of("blocked"), of("flying")
        self.head, self.oldest = of("head", NUMBER_BITS), of("oldest", NUMBER_BITS)
        self.passes, self.overflow = of("passes"), of("overflow")
        self.give, self.take = of("give", count), of("take", count)

    def vector(self, name: str, width: int = 1) -> Signal:
        return Signal(self.count * width, name=f"units_{name}")

    def of(self, vector: Signal, index: int) -> Value:
        """The lane of unit `index` in one of these vectors."""
        return lane(vector, index, self.count)


def control_ports(p: AcceleratorParams) -> dict:
    """Control's ports to the registers, named like their fields."""
    return {name: member.flip() for name, member in inner_ports(p).items() if name != "irq"}


class Control(wiring.Component):
    """control_start and others that are named like a register's field: tied to hw.accelerator.registers
    program_written, commands_written  pulses; after the latter, at rest, the program is fetched ahead
    fetch      a client of hw.accelerator.memory_port, whose are word_read and word_written, too
    clear      to the memory port and all units: forget all; registered, until `quiet`
    progress   something else moved in this cycle; for the watchdog
    activity   a bit a unit, by NUMBER: a command is being done; then as many: the next waits for a token
    UNIT       of each unit, what hw.accelerator.units.work lists; command's valid and payload are
               combinational, from registers
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.fetcher = fetch.definition(p)
        count = len(p.present)
        self.gates = {unit: issue_gate.definition(p, command_bits(unit)) for unit in p.present}
        self.tokens, self.faults = tokens.definition(count), faults.definition(p)
        self.counting = counters.definition(p)
        self.uses = (self.fetcher, *self.gates.values(), self.tokens, self.faults, self.counting)
        super().__init__({
            **control_ports(p),
            "fetch": Out(memory_read(p)),
            **{name: In(1) for name in ("word_read", "word_written", "progress", "quiet")},
            "clear": Out(1),
            "activity": Out(2 * count),
            **{unit: In(wiring.Signature(work(unit))) for unit in p.present},
        })

    def elaborate(self, platform):
        m = Module()
        self.running, self.starts, self.ends, self.stops, self.wipe, self.fresh, self.idle, self.given = bits(
            "running", "starts", "ends", "stops", "wipe", "fresh", "idle", "given"
        )
        count = len(self.p.present)
        self.of = Lanes(count)
        self.next = Signal(NUMBER_BITS)
        self.available = Signal(count * count)
        self.aims = Signal(count)  # the unit of the next command
        self.run_state(m)
        command, valid, stuck, bad, bad_fetch, response = self.dispatch(m)
        self.place_gates(m, command, valid)
        self.place_tokens(m)
        self.find_faults(m, stuck, bad, bad_fetch, response)
        self.place_counters(m)
        return m

    def run_state(self, m):
        """The state: at rest, running or clearing; and at rest, whether the last program is done, failed, or
        neither."""
        of = self.of
        done, error, done_event, error_event = bits("done_q", "error_q", "done_event_q", "error_event_q")
        m.d.comb += [
            self.starts.eq(self.control_start & ~self.running & ~self.clear & ~error & ~self.control_reset),
            self.wipe.eq(ResetSignal() | self.clear),
            self.fresh.eq(self.wipe | self.starts),
            self.idle.eq(~(of.flying | of.busy).any()),
            self.status_busy.eq(self.running | self.clear),
            self.status_done.eq(done),
            self.status_error.eq(error),
            self.interrupt_status_done.eq(done_event),
            self.interrupt_status_error.eq(error_event),
            self.activity.eq(Mux(self.running, Cat(of.flying, of.blocked), 0)),
        ]
        # events are pulses: the registers keep them until software clears them
        m.d.sync += [done_event.eq(0), error_event.eq(0)]
        # a reset wins over all that its cycle brings; `clear` then stands until the memory port is quiet
        with m.If(self.control_reset | self.clear):
            m.d.sync += [self.running.eq(0), done.eq(0), error.eq(0)]
            m.d.sync += self.clear.eq(self.control_reset | ~self.quiet)
        with m.Elif(self.starts):
            m.d.sync += [self.running.eq(1), done.eq(0)]
        with m.Elif(self.stops):
            m.d.sync += [self.running.eq(0), error.eq(1), error_event.eq(1)]
        with m.Elif(self.ends):
            m.d.sync += [self.running.eq(0), done.eq(1), done_event.eq(1)]

    def dispatch(self, m):
        """Fetch and check commands; send the next one to its queue, or execute it here (END, FENCE)."""
        of = self.of
        fetched = stream.Signature(fetch.COMMAND).create(path=("fetched",))
        command = Signal(BITS, reset_less=True, name="checked")
        valid, wrong, error = bits("checked_valid", "checked_wrong", "checked_error")
        go, halt, exhausted, drained = bits("check_go", "halt", "exhausted", "drained")
        fetches, drops = self.begin_fetch(m, drained)
        clean, all_empty, room, can = bits("clean", "all_empty", "room", "can")
        ends, fences, bad, bad_fetch, stuck = bits("is_end", "is_fence", "bad", "bad_fetch", "stuck")
        failed = Signal(2)
        self.fetcher.place(
            m, "fetch", reset=self.wipe, start=fetches, address=self.address,
            most=self.most, halt=halt, failed=failed, exhausted=exhausted, drained=drained,
            **tied("command", self.fetch.command), **tied("data", self.fetch.data),
            **tied("status", self.fetch.status),
            o_valid=fetched.valid, o_ready=go, o_payload=fetched.payload.as_value(),
        )
        # products of fields take a cycle more than the other rules
        excess = too_many(m, self.p, fetched.p.word, go)
        with m.If(go):
            m.d.sync += [
                valid.eq(fetched.valid),
                command.eq(fetched.p.word),
                wrong.eq(illegal(m, self.p, fetched.p.word)),
                error.eq(fetched.p.error),
            ]
        # what was fetched beyond END, or for another program, is no command
        with m.If(self.wipe | drops | self.ends):
            m.d.sync += valid.eq(0)
        opcode = command[:8]
        for index, unit in enumerate(self.p.present):
            m.d.comb += self.aims[index].eq(command[4:8] == numbers()[unit] + 1)
        m.d.comb += [
            bad_fetch.eq(
                self.running & ~drops & ((failed == BurstStatus.REFUSED) | (valid & error & (failed != 0)))
            ),
            # the words have run out before an END: the program is too short
            bad.eq(self.running & Mux(valid, (wrong | excess) & ~error, exhausted & ~drops)),
            clean.eq(self.running & valid & ~(wrong | excess | error)),
            ends.eq(clean & (opcode == Opcode.END)),
            fences.eq(clean & (opcode == Opcode.FENCE)),
            # nothing beyond an END is asked for; the END waits until what is on the way has come
            halt.eq(ends | drops),
            all_empty.eq(of.empty.all() & self.idle),
            room.eq((self.aims & of.room).any()),
            can.eq(Mux(ends, all_empty & drained, Mux(fences, all_empty, room))),
            self.given.eq(clean & can),
            self.ends.eq(ends & can),
            go.eq(~valid | self.given),
            # all units rest, and each queue is empty or waits for tokens: nobody is left to give one
            stuck.eq(clean & ~can & self.idle & of.blocked.any() & (of.blocked | of.empty).all()),
        ]
        m.d.sync += self.next.eq(Mux(self.fresh, 0, (self.next + self.given)[:NUMBER_BITS]))
        return command, clean, stuck, bad, bad_fetch, failed

    def begin_fetch(self, m, drained):
        """Decide when fetching begins: ahead of a start, or at it, once stale prefetches have drained.

        returns  (fetching begins at this edge, fetched words are dropped)
        """
        ahead, wanted, pending, begins, drops, stale = bits(
            "ahead", "ahead_wanted", "fetch_pending", "fetch_begins", "fetch_drops", "stale"
        )
        self.ahead, self.counts_anew = ahead, Signal(name="counts_anew")
        self.address = self.of_start(m, self.program_address, pending, "address")
        self.most = self.of_start(m, self.commands_most, pending, "most")
        at_start = self.starts & ~ahead | pending
        m.d.comb += [
            # another program may have been written: what was fetched ahead counts no more
            stale.eq(self.program_written | self.commands_written),
            begins.eq((at_start | wanted) & drained & ~self.clear),
            drops.eq(pending | ~(self.running | ahead)),
            # words that are fetched ahead count
            self.counts_anew.eq(Mux(self.running | self.starts, self.starts & ~ahead, begins)),
        ]
        rests = ~(self.running | self.starts | self.status_error)
        m.d.sync += [
            pending.eq(at_start & ~begins),
            wanted.eq((self.commands_written | wanted & ~begins & ~self.program_written) & rests),
            ahead.eq((ahead | wanted & begins) & ~stale & ~self.starts),
        ]
        with m.If(self.clear | self.control_reset | self.stops):
            m.d.sync += [pending.eq(0), wanted.eq(0), ahead.eq(0)]
        return begins, drops

    def of_start(self, m, given, pending, name):
        """A parameter of the fetch: while a started program waits for its fetch, the value that it had at the
        start."""
        held, chosen = (Signal.like(given, name=f"{name}_{kind}") for kind in ("at_start", "to_fetch"))
        with m.If(self.starts):
            m.d.sync += held.eq(given)
        m.d.comb += chosen.eq(Mux(pending, held, given))
        return chosen

    def place_gates(self, m, command, clean):
        """A queue and a gate for each unit."""
        of, count = self.of, self.of.count
        for number, (unit, definition) in enumerate(self.gates.items()):
            port, width = getattr(self, unit), definition.component.width
            m.d.comb += [of.done[number].eq(port.done), of.busy[number].eq(port.busy)]
            if hasattr(port, "fault"):
                m.d.comb += [
                    of.fault[number].eq(port.fault),
                    of.of(of.fault_code, number).eq(port.fault_code),
                    of.of(of.fault_response, number).eq(port.fault_response),
                ]
            definition.place(
                m, f"{unit}_gate", reset=self.wipe, stop=~self.running, done=of.done[number],
                i_valid=clean & self.aims[number], i_ready=of.room[number],
                i_payload=Cat(command[:width], self.next),
                available=Cat(self.available[giver * count + number] for giver in range(count)),
                **tied("command", port.command),
                take=of.of(of.take, number), give=of.of(of.give, number),
                empty=of.empty[number], blocked=of.blocked[number], flying=of.flying[number],
                head=of.of(of.head, number), oldest=of.of(of.oldest, number),
            )  # fmt: skip
            m.d.comb += of.passes[number].eq(port.command.valid & port.command.ready)

    def place_tokens(self, m):
        """Place the token counters: `give` is ordered by giver, `take` by taker."""
        of = self.of
        count = of.count
        pairs = [(giver, taker) for giver in range(count) for taker in range(count)]
        self.tokens.place(
            m, "tokens", reset=self.fresh, give=of.give,
            take=Cat(of.take[taker * count + giver] for giver, taker in pairs),
            available=self.available, overflow=of.overflow,
        )

    def find_faults(self, m, stuck, bad, bad_fetch, response):
        """Place the fault logic: the first of all faults stops the program."""
        of = self.of
        quiet = Signal(name="nothing_moves")
        # a unit that works for long shows it by words of the bus or of the scratchpad
        moves = Cat(self.word_read, self.word_written, self.progress, self.given, of.passes, of.done)
        m.d.comb += quiet.eq(~moves.any())
        self.faults.place(
            m, "faults", reset=ResetSignal() | self.starts, fault=of.fault, fault_code=of.fault_code,
            fault_response=of.fault_response, overflow=of.overflow, blocked=of.blocked, flying=of.flying,
            head=of.head, oldest=of.oldest,
            # a reset comes before what goes wrong in its cycle: no cause without its event
            running=self.running & ~self.control_reset, illegal=bad, bad_fetch=bad_fetch, stuck=stuck,
            quiet=quiet,
            response=response, limit=self.watchdog_cycles, next=self.next, stops=self.stops,
            index=self.fault_command_index, cause_code=self.cause_code, cause_unit=self.cause_unit,
            cause_response=self.cause_response,
        )

    def place_counters(self, m):
        """Place the counters that software reads."""
        of = self.of
        runs = self.running
        read, written = self.word_read & (runs | self.ahead), self.word_written & runs
        units = Mux(runs, Cat(runs, of.flying, of.blocked), 0)
        self.counting.place(
            m, "counting", reset=ResetSignal() | self.counts_anew,
            events=Cat(units, read, written, self.given), counts=self.counters,
        )


def definition(p: AcceleratorParams) -> Definition:
    """Control of `p`."""
    rows, functions = p.unit.accumulator_rows, len(p.functions)
    limits = f"r{rows}_k{most_passes(p)}_f{functions}"
    return Definition(f"control_{p.lanes}_q{p.queue}_o{p.outstanding}_{limits}{p.suffix}", Control(p))
