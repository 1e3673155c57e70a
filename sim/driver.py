"""A compiled model as a Python object: whole arrays of words in, whole arrays of words out.

All that happens between is C++ (sim/native/driver.cpp), without the interpreter's lock. Streams move by
their own handshakes, in any order among each other; a run ends when every word has moved.
"""

import ctypes
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

from golden import check
from sim.job import RunResult, RunStructs, SimulationError, Words
from sim.library import PAUSED, Library

__all__ = ["CompiledModel", "RunResult", "SimulationError", "Words"]


class CompiledModel:
    """The model in a library of sim.build.build_model; made once, run often, by one thread at a time."""

    def __init__(self, library: Path):
        self.library = Library(library)
        self.handle = self.library.c.systola_new()
        weakref.finalize(self, self.library.c.systola_delete, self.handle)

    def stride(self, name: str) -> int:
        """Bytes of a word of stream `name`: its bits, little-endian, padded with zeros."""
        strides = {port.name: port.stride for port in self.library.streams}
        check.one_of("stream", name, strides)
        return strides[name]

    def run(
        self,
        inputs: Mapping[str, Words],
        outputs: Mapping[str, int],
        *,
        stalls: Mapping[str, float] | float = 0.0,
        seed: int = 1,
        max_idle: int = 10_000,
        settle: int = 16,
        keep_state: bool = False,
        window: tuple[int, int] = (0, 0),
        watch: bool = False,
        trace_file: Path | None = None,
        on_progress: Callable[[int, int], object] | None = None,
    ) -> RunResult:
        """Send `inputs` and take `outputs` words; a stream that is not named moves none.

        inputs       for each stream uint8 [words, stride]
        outputs      for each stream how many words to take
        stalls       probability, in each cycle, that the driver holds a stream back; for all, or for each
        max_idle     cycles without a transfer that count as a hang
        settle       cycles after the last word in which no output may offer another; 0 to go on later
        keep_state   go on without reset from where the last run ended
        window       cycles to watch and trace: the first, and one past the last
        watch        record the watched ports in the window
        trace_file   where to write the window's waves (FST, 10 ns a cycle); needs a library with trace
        on_progress  called about five times a second with (words moved, words in all)
        raises       BadValue for what cannot be run, SimulationError for what the model does wrong
        """
        run = RunStructs(self.library.streams, self.library.watches, window)
        check.in_range("max_idle", max_idle, 1, 1 << 62)
        check.in_range("settle", settle, 0, 1 << 62)
        run.job.max_idle, run.job.settle, run.job.keep_state = max_idle, settle, keep_state
        run.move(inputs, outputs)
        run.stall(stalls, seed)
        if watch:
            run.watch()
        if trace_file is not None:
            if not self.library.traces:
                raise check.fail("trace_file", trace_file, "None, for a library built without trace")
            run.trace(trace_file)
        self._advance(run, on_progress)
        run.raise_error(self.library.c.systola_message(self.handle).decode())
        return run.result()

    def _advance(self, run: RunStructs, on_progress: Callable[[int, int], object] | None) -> None:
        """Slice after slice, so that Ctrl-C and progress have their turn."""
        job, total = run.job, run.job.remaining
        try:
            while job.outcome == PAUSED:
                self.library.c.systola_run(self.handle, ctypes.byref(job), run.states)
                if on_progress:
                    on_progress(total - job.remaining, total)
        finally:
            self.library.c.systola_end(self.handle)
            run.keep_trace()
