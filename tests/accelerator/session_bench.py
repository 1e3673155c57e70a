"""Hundreds of programs on one accelerator without a hard reset, each followed by golden's session.

Programs of all kinds, well formed and faulty; fetched ahead, for nothing, refused; registers written while
they run; resets, starts and clearings at any time, often in just the cycles in which a program ends.
"""

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from programs import DATA, Programs

from golden.accelerator.assembler import Command, assemble, pack
from golden.accelerator.machine import Fault
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import counters
from golden.accelerator.session import (
    DONE,
    ERROR,
    EVENT_TO_INTERRUPT,
    WRITE_TO_PULSE,
    Interrupt,
    Moment,
    Outcome,
    Status,
    outcome,
    touched,
)
from sim.accelerator import Bus, RtlModel

SLOT, SLOTS = 1 << 11, 4  # where programs stand, behind their data
FAILING = (DATA + SLOTS * SLOT, DATA + SLOTS * SLOT + 64)  # what answers SLVERR
SIZE = FAILING[0] + SLOT
NOWHERE = 0x8000_0000
WATCHDOG = 900
START, RESET = 1, 2  # of CONTROL
MOST_CYCLES = 60_000  # of a program
LONG_AGO = 1200  # cycles: all that was fetched then has come
EARLY = 40  # cycles of a program, its first
NEAR = 4  # cycles around the end of a program
STORES = "fill value=7 words=9 signal=store\nstore wait=load address=0x900 words=9\n"
FAULTY = (
    "load address={nowhere}\nend", "fence\nload address=0x42\nend", "load address={failing} words=3\nend",
    "load address=0xfffffffc words=2\nend", "store address={failing}\nend",
    "load address=0x40 words=80\nstore address={nowhere} words=2\nend",
    "fill value=0x101\ngather limit=0x1010101\nend",
    "fence\nstore wait=load\nend", "map out_kind=byte\nend", "multiply\nend",
    "fence\nmultiply count_x=33\nend",
    "fill\nfence", "load address=0x40 words=200\nfence\nload address=0x41\nend",
)  # fmt: skip


class Job(NamedTuple):
    """commands: none where no program can be read; address: where it is not in a slot; most: of COMMANDS."""

    name: str
    commands: list[Command]
    address: int | None
    most: int


class Act(NamedTuple):
    """A register is written in a cycle counted from the program's start, or from the end expected of it."""

    name: str
    value: int
    cycle: int
    from_end: bool


def jobs_of(p: AcceleratorParams, seed: int) -> tuple[list[Job], np.ndarray]:
    """Programs, and memory for them."""
    programs = Programs(p, seed)
    memory = np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)
    memory[:DATA] = programs.memory()[:DATA]
    found = [Job("copy", assemble("load address=0x900 words=20 signal=store\n"
                                  "store wait=load address=0xa00 words=20\nend"), None, 3),
             Job("end", assemble("end"), None, 1)]  # fmt: skip
    for number in range(10):
        commands = programs.program(3 + 2 * number)
        found.append(Job(f"program {number}", commands, None, len(commands) + 5 * (number % 2)))
    for number, text in enumerate(FAULTY):
        whole = (STORES if number % 2 else "") + text.format(nowhere=NOWHERE, failing=FAILING[0])
        found.append(Job(whole.splitlines()[-2], assemble(whole), None, len(assemble(whole))))
    for name, address in (("crooked", DATA + 2), ("nowhere", NOWHERE), ("failing", FAILING[0]),
                          ("last word", (1 << 32) - p.lanes)):  # fmt: skip
        found += [Job(f"{name} {most}", [], address, most) for most in (1, 70, 1 << 20)]
    found += [Job("no commands", [], DATA, 0), Job("crooked none", [], DATA + 1, 0)]
    return found, memory


class SessionBench:
    """The accelerator and golden, step by step.

    seen  how many times each thing was met; an offset is that from a program's event
    """

    def __init__(self, device: RtlModel, seed: int, bus: Bus):
        self.device, self.p, self.random = device, device.p, np.random.default_rng(seed)
        self.jobs, self.memory = jobs_of(self.p, seed)
        device.attach(self.memory)
        device.reset()
        device.set_up(replace(bus, failing=FAILING))
        self.golden = self.memory.copy()
        self.status, self.interrupt = Status(), Interrupt()
        self.moments: list[Moment] = []
        self.decks: dict[str, list[int]] = {}
        self.seen: Counter[tuple[str, object]] = Counter()
        self.slot, self.took, self.fetched = 0, 0, 0
        self.write("WATCHDOG", WATCHDOG)

    # The host.

    def write(self, name: str, value: int) -> int:
        """The cycle in which the register is written."""
        self.device.write(name, value)
        cycle = self.device.cycle - 2
        if name == "INTERRUPT_STATUS":
            self.moments.append(Moment(cycle, clears=value))
        if name == "INTERRUPT_ENABLE":
            self.moments.append(Moment(cycle, enables=value))
        return cycle

    def read(self, name: str) -> tuple[int, int]:
        """(value, the cycle in which it stood)."""
        return self.device.read(name), self.device.cycle - 2

    def below(self, end: int) -> int:
        return int(self.random.integers(end))

    def chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    def choose(self, *given: int) -> int:
        return int(self.random.choice(given))

    def deal(self, deck: str, count: int) -> int:
        """One of `count` numbers, each as often as the others; a deck's numbers are of its own."""
        if not self.decks.get(deck):
            self.decks[deck] = self.random.permutation(count).tolist()
        return self.decks[deck].pop()

    def rest(self) -> tuple[int, int]:
        """Until STATUS is not busy: the last cycle found in which it was, or 0; the first in which not."""
        busy = 0
        begin = self.device.cycle
        while True:
            status, cycle = self.read("STATUS")
            if not status & 1:
                return busy, cycle
            busy = cycle
            assert cycle - begin < MOST_CYCLES, f"busy for {MOST_CYCLES} cycles"
            self.device.step(self.below(4) if cycle - begin < 3000 else 40)

    # Steps.

    def step(self) -> None:
        """One of all kinds."""
        kind = self.below(10)
        if kind == 0:
            self.fetch_for_nothing(self.below(120))
        elif kind == 1:
            self.write("INTERRUPT_ENABLE", self.below(4))
        elif kind == 2:
            self.write("INTERRUPT_STATUS", self.below(4))
        elif kind == 3:
            self.reset(self.choose(RESET, START | RESET))
        else:
            self.run_twice()
        self.check()

    def fetch_for_nothing(self, cycles: int) -> None:
        """Of any program, and so many cycles."""
        job = self.jobs[self.deal("fetch", len(self.jobs))]
        self.seen["fetched for nothing", job.name.split()[0]] += 1
        for name in self.random.permutation(["PROGRAM", "COMMANDS"]):
            self.write(name, job.most if name == "COMMANDS" else self.put(job))
        if self.chance(0.2):
            self.write("PROGRAM", self.below(1 << 32))
        self.device.step(cycles)
        self.fetched = self.device.cycle

    def put(self, job: Job) -> int:
        """The program into a slot where none was just now; its address."""
        if job.address is not None:
            return job.address
        self.slot = (self.slot + 1) % SLOTS
        address = DATA + self.slot * SLOT
        program = np.frombuffer(pack(job.commands), np.uint8)
        assert len(program) <= SLOT
        for memory in (self.memory, self.golden):
            memory[address : address + len(program)] = program
        return address

    def reset(self, value: int) -> None:
        """At rest."""
        self.write("CONTROL", value)
        self.rest()
        self.status.reset()
        self.seen["reset at rest", value] += 1

    def run_twice(self) -> None:
        """A program; then again, with something done while it runs, mostly where it ended before."""
        job = self.jobs[self.deal("run", len(self.jobs))]
        ahead, nothing = self.choose(0, 0, 1, 7, 60, 200), self.choose(0, 0, 0, 1, 2)
        self.run(job, ahead, nothing, [])
        if self.status.error:
            self.recover()
        self.run(job, ahead, nothing, self.acts())
        if self.status.error:
            self.recover()

    def acts(self) -> list[Act]:
        """What to do while a program runs."""
        near, kind = self.chance(0.8), self.deal("acts", 6)
        at = self.deal(f"offsets {kind}", 2 * NEAR + 1) - NEAR if near else self.below(max(self.took, 1))
        if kind == 0:
            return [Act("CONTROL", self.choose(RESET, START | RESET), at, near)]
        if kind == 1:
            return [Act("CONTROL", START, at, near)]
        if kind == 2:
            other = self.jobs[self.below(len(self.jobs))]
            # behind a program's end COMMANDS would clear the counters
            name = ("PROGRAM", "COMMANDS")[self.below(2) if self.took > 2 * EARLY else 0]
            value = other.most if name == "COMMANDS" else self.below(1 << 32)
            return [Act(name, value, self.below(EARLY), False)]
        register = ("INTERRUPT_STATUS", "INTERRUPT_ENABLE")[self.below(3) == 0]
        return [Act(register, self.choose(1, 2, 3, 3), at, near)]

    def recover(self) -> None:
        """After an error: a start does nothing, a reset all."""
        if self.chance(0.3):
            self.fetch_for_nothing(self.below(30))
        if self.chance(0.5):
            self.write("CONTROL", START)
            self.device.step(40)
            self.check()
            self.seen["start after an error", ""] += 1
        self.reset(RESET)
        self.golden[:] = self.memory

    # A program.

    def run(self, job: Job, ahead: int, nothing: int, acts: list[Act]) -> None:
        """Fetched ahead by some cycles, after so much that was fetched for nothing."""
        second = any(act.name == "CONTROL" and act.value == START for act in acts)
        if second:  # its first end is known by the interrupt
            self.write("INTERRUPT_ENABLE", DONE | ERROR)
            self.write("INTERRUPT_STATUS", DONE | ERROR)
            self.check()
        for _ in range(nothing):
            self.fetch_for_nothing(self.below(9))
        address = self.put(job)
        wanted = outcome(self.p, self.golden, address, job.most, FAILING)
        self.write("PROGRAM", address)
        self.write("COMMANDS", job.most)
        self.device.step(ahead)
        self.ran = [self.write("CONTROL", START) + WRITE_TO_PULSE]
        reset = self.act(acts)
        busy, free = self.rest()
        cycles = self.device.counter("CYCLES")
        before = self.golden
        started = self.started(cycles, busy, free, wanted.fault) if second else self.ran[0]
        if started != self.ran[0]:  # it ran twice
            before = wanted.memory
            wanted = outcome(self.p, before, address, job.most, FAILING)
        event = self.status.end(started, cycles, reset, wanted.fault)
        if event:
            self.moments.append(event)
            self.note(acts, event.cycle)
        elif reset is not None:
            self.seen["reset before a program's end", ""] += 1
        self.seen["program", wanted.fault.cause.name if wanted.fault else "ended"] += 1
        self.took = cycles
        exact = job.most == wanted.given and self.ran[0] - self.fetched > LONG_AGO
        self.compare(job, before, wanted, whole=bool(event) and reset is None, exact=exact)
        self.check()

    def act(self, acts: list[Act]) -> int | None:
        """Each at its time; the cycle of a reset's pulse."""
        reset = None
        self.written: list[int] = []
        for act in acts:
            at = self.ran[0] + act.cycle + (self.took + 1 if act.from_end else 0)
            at -= WRITE_TO_PULSE if act.name == "CONTROL" else 0
            self.device.step(max(0, at - 1 - self.device.cycle))
            self.written.append(self.write(act.name, act.value))
            if act.name == "CONTROL":
                pulse = self.written[-1] + WRITE_TO_PULSE
                if act.value == START:
                    self.ran.append(pulse)
                else:
                    reset = pulse
        return reset

    def started(self, cycles: int, busy: int, free: int, fault: Fault | None) -> int:
        """Which of two starts the counters are of: the second, if the program of the first had ended.

        busy, free  the last cycle in which STATUS was busy, the first in which it was not
        """
        first, second = self.ran
        ended = int(self.device.state.interrupted) - EVENT_TO_INTERRUPT
        again = ended <= second and Status(error=fault is not None).takes_start()
        start = second if again else first
        assert max(busy, start) <= start + cycles < free, f"{start} + {cycles}, busy in {busy}, not in {free}"
        assert again or fault or second <= first + cycles
        if again:
            assert first < ended, f"the first of {self.ran} ended in {ended}"
            self.moments.append(Moment(ended, comes=DONE))
            self.seen["started again", second - ended] += 1
        return start

    def note(self, acts: list[Act], event: int) -> None:
        """How far from the event what was done was: a pulse, or a write."""
        for act, cycle in zip(acts, self.written, strict=True):
            name = act.name
            at = cycle - event
            if name == "CONTROL":
                name, at = ("reset" if act.value & RESET else "start"), at + WRITE_TO_PULSE
            self.seen[f"{name} around an event", at if abs(at) <= NEAR else "far"] += 1

    # Checks.

    def compare(self, job: Job, before: np.ndarray, wanted: Outcome, whole: bool, exact: bool) -> None:
        """Memory and counters: all of them of a program that ended. exact: no other words were read."""
        if whole and not wanted.fault:
            wrong = np.flatnonzero(self.memory != wanted.memory)
            assert not len(wrong), f"{job.name}: {len(wrong)} bytes differ, the first at {wrong[0]:#x}"
            self.check_counters(wanted, exact)
        elif wanted.fault:
            may = touched(self.p, job.commands, SIZE)
            assert ((self.memory == before) | may).all(), f"{job.name}: other bytes than those it stores"
        else:
            assert wanted.explains(before, self.memory), f"{job.name}, reset: bytes that it never stores"
        self.golden[:] = self.memory

    def check_counters(self, wanted: Outcome, exact: bool) -> None:
        """Of the last program: commands and words."""
        counts = {name: self.device.counter(name) for name, _ in counters(self.p)}
        assert counts["COMMANDS_GIVEN"] == wanted.given
        assert counts["WORDS_WRITTEN"] == wanted.written
        least = wanted.read + wanted.given * self.p.command_words
        found = counts["WORDS_READ"]
        assert least == found or (found > least and not exact), f"{found} words read, golden {least}"
        self.seen["words read are", "exact" if exact else "at least"] += 1

    def check(self) -> None:
        """All that a host can read, and how many times the interrupt rose, is golden's."""
        self.device.step(EVENT_TO_INTERRUPT)
        self.interrupt.pass_through(self.moments)
        self.moments.clear()
        wanted = {**self.status.registers(), "INTERRUPT_STATUS": self.interrupt.held,
                  "INTERRUPT_ENABLE": self.interrupt.enabled}  # fmt: skip
        found = {name: self.device.read(name) for name in wanted}
        assert found == wanted, f"{found}, golden {wanted}"
        state = self.device.state
        rose = (state.interrupts, state.interrupted if state.interrupts else 0)
        wanted_rose = (self.interrupt.rises, self.interrupt.rose)
        assert rose == wanted_rose, f"(interrupts, cycle of the last) {rose}, golden {wanted_rose}"


def report(seen: Counter[tuple[str, object]]) -> str:
    """For a log."""
    kinds: dict[str, dict[object, int]] = {}
    for (kind, of), times in sorted(seen.items(), key=str):
        kinds.setdefault(kind, {})[of] = times
    return "\n".join(f"{kind}: {each}" for kind, each in kinds.items())
