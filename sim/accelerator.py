"""The Verilated accelerator as a Python object: registers, and a numpy array as the memory behind AXI.

All that happens in a cycle is C++ (sim/native/accelerator.cpp), without the interpreter's lock: the memory
with its latency, bandwidth and stalls, and the rules of AXI4, which it checks.
"""

import ctypes
import os
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import UNIT_BITS, Cause, counters, registers
from hw.accelerator import accelerator
from hw.emit import verilog
from sim.build import build_with
from sim.declared import Declared
from sim.elaborated import kept_verilog
from sim.job import MOST_STALLED, SimulationError, seeded

DRIVER = "accelerator.cpp"
DECLARED = Declared(DRIVER)
SETUP = DECLARED.structs["Setup"]
CHANNELS = ("ar", "r", "aw", "w", "b")
PAUSED, INTERRUPTED, OUT_OF_CYCLES, SILENT, FATAL = range(5)  # enum Outcome
MAX_IDLE = 1 << 22  # beyond the watchdog's cycles at reset
START, RESET = 1, 2  # bits of CONTROL
ERROR = 2  # bit of INTERRUPT_STATUS
EVENTS = 3  # all of them
EVERYTHING = (0, 1 << 62)  # window
Intervals = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """How the memory behaves.

    read_latency   cycles from AR accepted to the burst's first beat
    write_latency  cycles from a burst's last word accepted to its response
    bandwidth      (words, cycles): each data channel moves at most so many words in so many cycles
    stalls         probability, in each cycle, that a channel is held back; for all, or for each of CHANNELS
    failing        first address, and one past the last, of what answers SLVERR
    """

    read_latency: int = 50
    write_latency: int = 50
    bandwidth: tuple[int, int] = (1, 1)
    stalls: Mapping[str, float] | float = 0.0
    seed: int = 1
    failing: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        check.in_range("read_latency", self.read_latency, 1, 1 << 20)
        check.in_range("write_latency", self.write_latency, 1, 1 << 20)
        check.in_range("bandwidth cycles", self.bandwidth[1], 1, 1 << 16)
        check.in_range("bandwidth words", self.bandwidth[0], 1, self.bandwidth[1], "a word a cycle at most")
        if isinstance(self.stalls, Mapping):
            for name in self.stalls:
                check.one_of("stalls", name, CHANNELS)
        for name, value in self.chances().items():
            if not 0 <= value <= MOST_STALLED:
                raise check.fail(f"stalls[{name}]", value, f"0 to {MOST_STALLED}")

    def chances(self) -> dict[str, float]:
        """For each channel the probability of a stall."""
        stalls = self.stalls
        if isinstance(stalls, Mapping):
            return {name: stalls.get(name, 0.0) for name in CHANNELS}
        return dict.fromkeys(CHANNELS, stalls)


@dataclass(frozen=True, slots=True, kw_only=True)
class RtlOutcome:
    """The outcome of a program.

    cause     NONE: it ended; else why it was stopped, with unit (its NUMBER; NO_UNIT: control), the bus's
              response and the number of the command
    cycles    from start to end, as the accelerator counts them
    counters  by their names in golden.accelerator.registers.counters
    simulated cycles that the model ran, those of the registers' accesses among them
    seconds   that it took
    busy, waiting  of each unit the intervals [first cycle, end) in which it did a command, and in which its
              next one waited for tokens, counted from the start; empty unless recorded
    """

    cause: Cause
    unit: int
    response: int
    command: int
    cycles: int
    counters: dict[str, int]
    simulated: int
    seconds: float
    busy: Intervals = field(default_factory=dict)
    waiting: Intervals = field(default_factory=dict)


@cache
def named_verilog(p: AcceleratorParams) -> tuple[str, str]:
    """Name and Verilog of the accelerator."""
    name = accelerator.name_of(p)
    return name, kept_verilog(name, p, lambda: str(verilog(accelerator.definition(p))))


def build_accelerator(p: AcceleratorParams, *, trace: bool = False, opt: str | None = None) -> Path:
    """The model's library, from the cache if it is there. opt: of the C++ compiler, one of
    sim.build.LEVELS; None: $SYSTOLA_OPT, else -O3."""
    top, text = named_verilog(p)
    return build_with(DRIVER, text, top, f"#define LANES {p.lanes}\n", trace=trace, opt=opt)


class AcceleratorLibrary:
    """A loaded library."""

    def __init__(self, path: Path):
        self.c = DECLARED.load(path)

    def __getattr__(self, name: str) -> Callable[..., int]:
        return getattr(self.c, f"accelerator_{name}")  # type: ignore[no-any-return]


class RtlModel:
    """An accelerator with its memory; by one thread at a time.

    memory   uint8 [bytes] from address `base` on, changed in place; elsewhere the bus answers DECERR
    library  of build_accelerator; None: build it
    """

    def __init__(
        self,
        p: AcceleratorParams,
        memory: np.ndarray,
        base: int = 0,
        *,
        library: Path | None = None,
        trace: bool = False,
    ):
        self.p = p
        self.library = AcceleratorLibrary(library or build_accelerator(p, trace=trace))
        check.in_range("lanes of the library", self.library.lanes(), p.lanes, p.lanes)
        self.model = self.library.new()
        weakref.finalize(self, self.library.c.accelerator_delete, self.model)
        self.offsets = {register.name: register.offset for register in registers(p)}
        self.attach(memory, base)
        self.reset()

    def attach(self, memory: np.ndarray, base: int = 0) -> None:
        """Another memory."""
        if memory.dtype != np.uint8 or memory.ndim != 1 or not memory.flags.c_contiguous:
            raise check.fail("memory", f"{memory.dtype} {list(memory.shape)}", "uint8 [bytes], contiguous")
        self.memory, self.base = memory, base
        self.set_up(Bus())

    def set_up(self, bus: Bus, *, record: bool = False, window: tuple[int, int] = EVERYTHING,
               trace_file: Path | None = None) -> None:  # fmt: skip
        """How the memory behaves from now on, and what is recorded. Not while bursts are under way."""
        if trace_file is not None and not self.library.traces():
            raise check.fail("trace_file", trace_file, "None, for a library built without trace")
        setup = SETUP(
            memory=self.memory.ctypes.data,
            base=self.base,
            bytes=len(self.memory),
            failing=bus.failing,
            random=seeded(bus.seed),
            window=window,
            trace_file=os.fsencode(trace_file) if trace_file else None,
            read_latency=bus.read_latency,
            write_latency=bus.write_latency,
            words=bus.bandwidth[0],
            cycles=bus.bandwidth[1],
            record=record,
        )
        for index, chance in enumerate(bus.chances().values()):
            setup.stall[index] = int(chance * 2**32)
        self.library.set_up(self.model, ctypes.byref(setup))

    def reset(self) -> None:
        """A cycle of `rst`."""
        self.library.reset(self.model)

    @property
    def cycle(self) -> int:
        """Cycles since the reset."""
        return int(self.state.cycle)

    @property
    def state(self) -> ctypes.Structure:
        """The traffic that the memory has seen since the reset."""
        state: ctypes.Structure = self.library.state(self.model).contents  # type: ignore[attr-defined]
        return state

    def access(self, offset: int, value: int, *, write: bool) -> tuple[int, int]:
        """A register access: (response, what was read); SimulationError if none comes."""
        word = ctypes.c_uint32(value)
        response = self.library.access(self.model, int(write), offset, ctypes.byref(word))
        if response < 0:
            raise SimulationError(self.message() or f"register {offset:#x}: no response")
        return response, word.value

    def write32(self, offset: int, value: int) -> None:
        """Write a register; SimulationError for an error response."""
        if response := self.access(offset, value, write=True)[0]:
            raise SimulationError(f"register {offset:#x}: response {response}")

    def read32(self, offset: int) -> int:
        """Read a register; SimulationError for an error response."""
        response, value = self.access(offset, 0, write=False)
        if response:
            raise SimulationError(f"register {offset:#x}: response {response}")
        return value

    def write(self, name: str, value: int) -> None:
        """Write a register by name."""
        self.write32(self.offsets[name], value)

    def read(self, name: str) -> int:
        """Read a register by name."""
        return self.read32(self.offsets[name])

    def step(self, cycles: int) -> None:
        """So many cycles, whatever happens."""
        if self.library.step(self.model, cycles) == FATAL:
            raise SimulationError(self.message())

    def message(self) -> str:
        """The last message of the model, or of the check of the bus."""
        return str(self.library.c.accelerator_message(self.model).decode())

    def wait(
        self, *, max_cycles: int = 1 << 62, max_idle: int = MAX_IDLE,
        on_progress: Callable[[int], object] | None = None,
    ) -> None:  # fmt: skip
        """Go on until the interrupt; SimulationError if none comes, or a rule of AXI4 is broken."""
        until = min(self.cycle + max_cycles, (1 << 64) - 1)
        while (outcome := self.library.run(self.model, until, max_idle)) == PAUSED:
            if on_progress:
                on_progress(self.cycle)
        if outcome == FATAL:
            raise SimulationError(self.message())
        if outcome != INTERRUPTED:
            why = f"for {max_idle} cycles nothing moved" if outcome == SILENT else f"in {max_cycles} cycles"
            raise SimulationError(f"no interrupt: {why}, cycle {self.cycle}")

    def run(
        self,
        address: int,
        commands: int,
        bus: Bus | None = None,
        *,
        watchdog: int | None = None,
        ahead: int = 0,
        record: bool = False,
        window: tuple[int, int] = EVERYTHING,
        trace_file: Path | None = None,
        max_cycles: int = 1 << 62,
        max_idle: int = MAX_IDLE,
        on_progress: Callable[[int], object] | None = None,
    ) -> RtlOutcome:
        """Reset, run the program at `address` and say what became of it.

        commands     most of them to fetch
        watchdog     cycles in which nothing moves that are a deadlock; None: as after reset
        ahead        cycles more that the program is fetched ahead: control.HOST and these
        record       the units' intervals
        trace_file   where to write the window's waves (FST, 10 ns a cycle); needs a library with trace
        on_progress  called about five times a second with the cycle
        raises       SimulationError if the interrupt does not come, or a rule of AXI4 is broken
        """
        self.reset()
        self.set_up(bus or Bus(), record=record, window=window, trace_file=trace_file)
        begin = time.perf_counter()
        try:
            if watchdog is not None:
                self.write("WATCHDOG", watchdog)
            self.write("PROGRAM", address)
            self.write("COMMANDS", commands)
            self.write("INTERRUPT_ENABLE", EVENTS)
            self.step(ahead)
            started = self.cycle
            self.write("CONTROL", START)
            self.wait(max_cycles=max_cycles, max_idle=max_idle, on_progress=on_progress)
            seconds = time.perf_counter() - begin
            return self.result(started, seconds)
        finally:
            self.library.end_trace(self.model)

    def result(self, started: int, seconds: float) -> RtlOutcome:
        """The result of the program that has ended, from the registers and the record."""
        cause = self.read("CAUSE")
        failed = bool(self.read("INTERRUPT_STATUS") & ERROR)
        ended = self.cycle
        counts = {name: self.counter(name) for name, _ in counters(self.p)}
        busy, waiting = self.intervals(started, ended)
        self.write("INTERRUPT_STATUS", EVENTS)
        return RtlOutcome(
            cause=Cause.of(cause & 0xF) if failed else Cause.NONE,
            unit=cause >> 8 & (1 << UNIT_BITS) - 1,
            response=cause >> 16 & 3,
            command=self.read("FAULT_COMMAND"),
            cycles=counts["CYCLES"],
            counters=counts,
            simulated=self.cycle,
            seconds=seconds,
            busy=busy,
            waiting=waiting,
        )

    def counter(self, name: str) -> int:
        """All 64 bits; the lower half keeps the upper."""
        low = self.read(f"{name}_LO")
        return self.read(f"{name}_HI") << 32 | low

    def intervals(self, started: int, ended: int) -> tuple[Intervals, Intervals]:
        """Intervals in which each unit was busy, and in which it waited."""
        count = ctypes.c_uint64()
        pointer = self.library.c.accelerator_changes(self.model, ctypes.byref(count))
        if not count.value:
            return {}, {}
        changes = np.array(pointer[: count.value], np.int64).reshape(-1, 2)
        values, cycles = changes[:, 1], np.append(changes[:, 0], ended) - started
        busy, waiting = (
            {unit: runs(values >> first + index & 1, cycles) for index, unit in enumerate(self.p.present)}
            for first in (0, len(self.p.present))
        )
        return busy, waiting


def runs(level: np.ndarray, cycles: np.ndarray) -> list[tuple[int, int]]:
    """[first, end) of the times in which a level is 1. level[i] holds from cycles[i] on; cycles [n + 1]."""
    edges = np.flatnonzero(np.diff(level, prepend=0, append=0))
    return [(int(cycles[first]), int(cycles[end])) for first, end in edges.reshape(-1, 2)]
