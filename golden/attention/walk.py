"""One command of the sliding-window engine: which keys are loaded and read, in which order.

Positions of the rolling buffer count from the first key that the command's first window can hold. A step is a
block of queries that share their keys; it takes `group` rows, one after the other. A row reads

    its sink (if `sink`), `shared` keys, `randoms` keys, its window from `begin` on, `dilation` apart

a slot of time each, then idles until it has taken `least` slots. Keys are loaded in the same order: the
shared ones once, then each step's random keys and what its window has that no earlier one had. A key's place
is free when the last row that needs it has read it, so reading follows loading within a cycle and loading
follows reading, and the buffer needs no more places than a window.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from golden.attention import masks
from golden.attention.window import AttentionJob, WindowParams

POSITION = 18  # bits, signed, of a position: it begins up to 2^16 before the first key, and ends 2^16 behind


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockWalk:
    """steps: blocks of queries. group: rows of each. shared, randoms: keys of a row beside its window.

    low, high   positions where the first window begins and ends, before the keys' ends cut it
    last        of the last key that a window holds, -1: none
    stride      positions from a step's window to the next one's
    dilation    positions from a key of a window to the next
    phase       of the first window's first key, if the window begins before the keys do
    held        keys that stand in the buffer already
    goes_on     the buffer, and the shared keys, are those of the command before
    least       slots of time that a row takes at the least
    sink        whether a row has one
    """

    steps: int
    group: int
    shared: int
    randoms: int
    low: int
    high: int
    last: int
    stride: int
    dilation: int
    phase: int
    held: int
    goes_on: bool
    least: int
    sink: bool

    @property
    def beside(self) -> int:
        """Slots of a row that are not its window's."""
        return self.sink + self.shared + self.randoms

    @property
    def loads(self) -> int:
        """Keys that are loaded."""
        shared = 0 if self.goes_on else self.shared
        return shared + self.randoms * self.steps + self.last + 1 - self.held


class Steps(NamedTuple):
    """Of each step, int64 [steps]: positions of its window's first and last key; keys of the window; slots
    that one of its rows takes; the position up to which the window's keys are loaded for it."""

    begin: np.ndarray
    end: np.ndarray
    keys: np.ndarray
    slots: np.ndarray
    loaded: np.ndarray


def walk_of(job: AttentionJob, least: int) -> BlockWalk:
    """The command of each head of keys; least: slots that any row of the engine takes."""
    mask, begin = job.mask, job.begin
    low, high = (int(each[0]) - begin for each in masks.bounds(mask))
    shared = len(mask.shared)
    most = int(masks.counts(mask).max()) + job.sinks
    return BlockWalk(
        steps=mask.steps,
        group=job.group,
        shared=shared,
        randoms=mask.randoms,
        low=max(low, -masks.LONGEST),
        high=min(high, masks.LONGEST),
        last=job.end - begin - 1 if job.end > begin else -1,
        stride=mask.block,
        dilation=mask.dilation,
        phase=low % mask.dilation,
        held=max(job.past - begin, 0),
        goes_on=job.past > 0,
        least=max(least, 1 if job.skip else most),
        sink=job.sinks,
    )


def steps_of(walk: BlockWalk) -> Steps:
    """What every step reads and loads."""
    at = walk.stride * np.arange(walk.steps, dtype=np.int64)
    low, high = walk.low + at, np.minimum(walk.high + at, walk.last)
    phase = (walk.phase + at) % walk.dilation
    begin = np.where(low < 0, phase, low)
    count = np.maximum((high - begin) // walk.dilation + 1, 0)
    end = begin + walk.dilation * (count - 1)
    slots = np.maximum(walk.beside + count, walk.least)
    loaded = np.maximum(high, walk.held - 1)
    return Steps(begin, end, count, slots, np.maximum(loaded, -1))


def sequence(p: WindowParams, job: AttentionJob, table: np.ndarray | None) -> np.ndarray:
    """int64: keys in the order in which a command loads them, as positions of the sequence."""
    walk, mask = walk_of(job, 1), job.mask
    shared = np.zeros(0, np.int64) if walk.goes_on else mask.shared
    first = job.begin + walk.held
    if table is None or not mask.randoms:
        return np.concatenate([shared, np.arange(first, job.end)])
    ends = job.begin + steps_of(walk).loaded + 1
    begins = np.concatenate([[first], ends[:-1]])
    parts = [
        np.concatenate([random, np.arange(begin, end)])
        for random, begin, end in zip(table, begins, ends, strict=True)
    ]
    return np.concatenate([shared, *parts])
