"""The order of a program: steps one by one, and between them constants that later steps will need.

Constants wait for nobody, so they are loaded ahead, as far as their region goes: while a step's own loads
wait for results, the bus brings weights. But a step's own loads stand behind the constants in the same
queue, so each step may prefetch a limited number of words: GROWTH (1.5) times the constants that the step
released, or SHORT (100) if the step released none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mapping.backends.program.builder import Builder, Step
from mapping.refused import Refused, at

LAG = 2  # steps that constants stay beyond their last, so that loading others waits for no one
AHEAD = 2  # steps whose constants are asked for in any case
GROWTH = 1.5  # words granted for each that a step has used up
SHORT = 100  # words granted by a step without constants of its own
START = 200  # words granted before an operation that must wait for its operands
MOST = 600  # words that may be granted at once


@dataclass(slots=True)
class Emission:
    """The emission of steps and prefetches. names: each step's operation."""

    builder: Builder
    steps: Sequence[Step]
    names: Sequence[str]
    granted: float = 0
    next: int = 0
    written: set[str] = field(default_factory=set)

    def run(self, note: Callable[[int], None]) -> None:
        """Emit everything. note: called with each step's number once its commands are emitted."""
        for number, step in enumerate(self.steps):
            for chunk in step.chunks:
                chunk.last = number
        for number, step in enumerate(self.steps):
            if number and self.names[number] != self.names[number - 1]:
                self.builder.regions.b.let_go()
            self.constants_of(number)
            if not self.written.isdisjoint(step.reads):
                self.written.difference_update(step.reads)
                self.prefetch(number, START)
            with at(self.names[number]):
                step.load()
                step.work()
            self.written.update(step.writes)
            note(number)
            used = sum(chunk.words for chunk in step.chunks if chunk.last == number)
            if step.ahead:
                self.prefetch(number, GROWTH * used or SHORT)

    def constants_of(self, number: int) -> None:
        """Load the constants of a step, if need be in place of constants that steps before are still
        reading."""
        weights = self.builder.regions.weights
        for lag in range(LAG, -1, -1):
            weights.release(number - lag)
            if all(self.builder.load_chunk(chunk) for chunk in self.steps[number].chunks):
                return
        words = sum(chunk.words for chunk in self.steps[number].chunks)
        raise Refused(
            f"operation {self.names[number]}: constants of a step take {words} words of the scratchpad, "
            f"{sum(chunk.words for chunk in weights.live)} are in use; allowed: {weights.words} in all",
            self.names[number],
        )

    def prefetch(self, number: int, words: float) -> None:
        """Prefetch constants of the steps after `number`, up to `words` words and as far as there is room."""
        self.granted = min(self.granted + words, MOST)
        self.next = max(self.next, number + 1)
        while self.next < len(self.steps) and (self.granted > 0 or self.next <= number + AHEAD):
            for chunk in self.steps[self.next].chunks:
                if chunk.scratch < 0:
                    if not self.builder.load_chunk(chunk):
                        return
                    self.granted -= chunk.words
            self.next += 1
