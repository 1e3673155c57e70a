"""One run of a compiled model, from numpy to the C structures and back."""

import ctypes
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden import check
from sim.library import CHANGED, DONE, DROPPED, FATAL, HUNG, JOB, NEVER, STREAM, SURPLUS
from sim.ports import StreamPort, WatchPort

Words = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
MOST_STALLED = 0.99  # of all cycles; at 1 nothing would ever move


class SimulationError(RuntimeError):
    """The model hung, broke a stream's rules or gave a word too many; str() says where and when."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The results of a run. Cycles count from 0, the first after reset.

    outputs   for each output stream uint8 [words, stride]
    cycles    from the first input word accepted to the last output word delivered, both counted (to the
              last input word where there is no output); 0 if nothing moved
    first_cycle, last_cycle   the two ends; first_cycle is 0 if no input word was accepted
    waits     for each stream the cycles in which a word waited for ready (an output waits only if stalled)
    stalls    for each stream the cycles in which the driver held back at random
    watched   for each watched port uint8 [cycles of the window, stride]; empty unless asked for
    """

    outputs: dict[str, Words]
    cycles: int
    first_cycle: int
    last_cycle: int
    waits: dict[str, int]
    stalls: dict[str, int]
    watched: dict[str, Words]


def words_for(port: StreamPort, given: object) -> Words:
    """`given` as contiguous uint8 [words, stride]; BadValue for another shape, or bits above the port's."""
    where = f"inputs[{port.name}]"
    words = np.asarray(given)
    if words.dtype != np.uint8:
        raise check.fail(f"{where}.dtype", words.dtype, "uint8")
    check.shape(where, words, (words.shape[0] if words.ndim else 0, port.stride))
    whole, part = divmod(port.bits, 8)
    if (part and (words[:, whole] >> np.uint8(part)).any()) or words[:, whole + bool(part) :].any():
        raise check.fail(where, "wider than its port", f"words of {port.bits} bits")
    return np.ascontiguousarray(words)


def known(what: str, names: Iterable[str], ports: Sequence[StreamPort]) -> None:
    """Raise BadValue for a name that is none of `ports`."""
    for name in names:
        check.one_of(what, name, [port.name for port in ports])


def probabilities(stalls: Mapping[str, float] | float, ports: Sequence[StreamPort]) -> dict[str, float]:
    """For each port the probability of a stall."""
    if not isinstance(stalls, Mapping):
        stalls = {port.name: stalls for port in ports}
    known("stalls", stalls, ports)
    for name, value in stalls.items():
        if not 0 <= value <= MOST_STALLED:
            raise check.fail(f"stalls[{name}]", value, f"0 to {MOST_STALLED}")
    return {port.name: stalls.get(port.name, 0.0) for port in ports}


def seeded(seed: int) -> int:
    """A state for the generator, not 0: SplitMix64's mix, so that seeds 1 and 2 have nothing in common."""
    state = (seed + 1) * 0x9E3779B97F4A7C15 % 2**64
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
    return (state ^ state >> 31) or 1


class RunStructs:
    """The structures of a run, and the arrays they point to."""

    def __init__(self, ports: Sequence[StreamPort], watches: Sequence[WatchPort], window: tuple[int, int]):
        if not 0 <= window[0] <= window[1]:
            raise check.fail("window", window, "(first cycle, one past the last)")
        self.ports = ports
        self.watches = watches
        self.window = window
        self.states = (STREAM * len(ports))()
        self.arrays: dict[str, Words] = {}
        self.watched: Words | None = None
        self.trace_file: Path | None = None
        self.job = JOB(first_in=NEVER, last_in=NEVER, last_out=NEVER, window=window)

    def move(self, inputs: Mapping[str, Words], outputs: Mapping[str, int]) -> None:
        """Set what is to be sent and how much is to be taken."""
        known("inputs", inputs, [port for port in self.ports if port.direction == "in"])
        known("outputs", outputs, [port for port in self.ports if port.direction == "out"])
        for port, state in zip(self.ports, self.states, strict=True):
            empty = np.zeros((0, port.stride), np.uint8)
            if port.direction == "in":
                array = words_for(port, inputs.get(port.name, empty))
            else:
                count = outputs.get(port.name, 0)
                check.in_range(f"outputs[{port.name}]", count, 0, 1 << 40)
                array = np.empty((count, port.stride), np.uint8)
            self.arrays[port.name] = array
            state.words, state.count = array.ctypes.data, len(array)
            self.job.remaining += len(array)

    def stall(self, stalls: Mapping[str, float] | float, seed: int) -> None:
        chances = probabilities(stalls, self.ports)
        self.job.random = seeded(seed)
        self.job.full |= any(chances.values())
        for port, state in zip(self.ports, self.states, strict=True):
            state.stall = int(chances[port.name] * 2**32)

    def watch(self) -> None:
        """Record the watched ports in the window."""
        length = self.window[1] - self.window[0]
        self.watched = np.zeros((length, sum(port.stride for port in self.watches)), np.uint8)
        self.job.watched = self.watched.ctypes.data
        self.job.full = 1

    def trace(self, path: Path) -> None:
        """Write the window's waves to `path`, by way of a file beside it."""
        if not path.absolute().parent.is_dir():
            raise check.fail("trace file", path, "a file in a folder that exists")
        self.trace_file = path
        self.job.trace_file = os.fsencode(self.partial_trace(path))
        self.job.full = 1

    @staticmethod
    def partial_trace(path: Path) -> Path:
        return path.with_name(f"{path.name}.part")

    def keep_trace(self) -> None:
        """Give the waves their name, whatever became of the run."""
        if self.trace_file and self.partial_trace(self.trace_file).exists():
            self.partial_trace(self.trace_file).replace(self.trace_file)

    def raise_error(self, fatal: str) -> None:
        """SimulationError unless all went well; `fatal` is the model's own last message."""
        job = self.job
        if job.outcome == DONE:
            return
        if job.outcome == HUNG:
            raise SimulationError(self.hang())
        if job.outcome == FATAL:
            raise SimulationError(f"cycle {job.cycle}: {fatal}")
        port, state = self.ports[job.culprit], self.states[job.culprit]
        what = {
            DROPPED: f"valid fell while word {state.moved} waited for ready",
            CHANGED: f"word {state.moved} changed while it waited for ready",
            SURPLUS: f"offers a word after the {state.count} that were expected",
        }
        raise SimulationError(f"cycle {job.cycle - 1}: {port.name}: {what[job.outcome]}")

    def hang(self) -> str:
        """Where each stream stands, one a line."""
        since = self.job.cycle - self.job.idle
        lines = [f"no word moved for {self.job.max_idle} cycles, since cycle {since}"]
        for port, state in zip(self.ports, self.states, strict=True):
            moved = "accepted" if port.direction == "in" else "delivered"
            lines.append(f"{port.name}: {state.moved} of {state.count} words {moved}, {self.waiting(state)}")
        return "\n  ".join(lines)

    @staticmethod
    def waiting(state: ctypes.Structure) -> str:
        """The reason for which the stream waits."""
        if state.moved == state.count:
            return "done, and offers another" if state.valid else "done"
        return {
            (0, 0): "waits for valid and ready",
            (0, 1): "waits for valid",
            (1, 0): "waits for ready",
        }.get((state.valid, state.ready), "held back by the stall at random")

    def result(self) -> RunResult:
        job = self.job
        first = 0 if job.first_in == NEVER else job.first_in
        last = next((cycle for cycle in (job.last_out, job.last_in) if cycle != NEVER), None)
        return RunResult(
            outputs={port.name: self.arrays[port.name] for port in self.ports if port.direction == "out"},
            cycles=0 if last is None else last - first + 1,
            first_cycle=first,
            last_cycle=last or 0,
            waits={port.name: state.waits for port, state in zip(self.ports, self.states, strict=True)},
            stalls={port.name: state.stalls for port, state in zip(self.ports, self.states, strict=True)},
            watched=self.recorded(),
        )

    def recorded(self) -> dict[str, Words]:
        """The record of each watched port, as many cycles as there were."""
        if self.watched is None:
            return {}
        rows = self.watched[: max(0, min(self.job.cycle, self.window[1]) - self.window[0])]
        ends = np.cumsum([port.stride for port in self.watches])
        ranges = zip(self.watches, ends, strict=True)
        return {port.name: rows[:, end - port.stride : end] for port, end in ranges}
