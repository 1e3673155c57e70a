"""The fetcher: it walks the scratchpad and delivers the words as a stream, each with its `ends`.

A word is requested only when the queue has room for it, so no word ever waits in the scratchpad.
"""

from collections.abc import Sequence

import numpy as np

from golden.accelerator import scratchpad, walk
from golden.accelerator.params import AcceleratorParams

QUEUE = 4  # words: those under way in a cycle, if the stream never waits
LATENCY = walk.LATENCY + scratchpad.READ_LATENCY + 1  # from a command to its first word; 1: the queue


def fetch(
    p: AcceleratorParams, scratch: np.ndarray, base: int, counts: Sequence[int], strides: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The words that a command's walk reads, and their `ends`.

    scratch  uint8 [p.words, p.lanes]
    returns  uint8 [product of counts, p.lanes]; int64 [product of counts]
    """
    return scratch[walk.addresses(base, counts, strides) % p.words], walk.ends(counts)


def cycles(walks: Sequence[Sequence[int]]) -> int:
    """Cycles from the first command accepted to the last word taken, both counted; 0 without walks.

    walks  counts of each, offered one after another without a pause; words always taken; nobody else reads
    """
    steps = walk.cycles(walks)
    return steps and steps - walk.LATENCY + LATENCY
