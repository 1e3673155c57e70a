"""Walks: nests of loops, number 0 innermost, and the address of each round.

    address = base + sum over i of index_i * stride_i, modulo 2^bits

Every unit that reads or writes the scratchpad walks it (16 bits, words); loads and stores walk the memory too
(32 bits, bytes).
"""

from collections.abc import Sequence

import numpy as np

from golden import check

COUNT_BITS = 16
SCRATCH_BITS = 16
MEMORY_BITS = 32
LATENCY = 1  # cycles from a command to its first address


def addresses(
    base: int, counts: Sequence[int], strides: Sequence[int], bits: int = SCRATCH_BITS
) -> np.ndarray:
    """Addresses of a walk, in order.

    counts   rounds of each loop, 1 to 65535, innermost first
    strides  of either sign, as many
    returns  int64 [product of counts], 0 to 2^bits - 1
    raises   BadValue for a count that no command holds, or if there are not as many strides
    """
    check.array("counts", list(counts), 1, (1 << COUNT_BITS) - 1)
    check.in_range("len(strides)", len(strides), len(counts), len(counts), "a stride for each loop")
    found = np.array([base], np.int64)
    for count, stride in zip(counts, strides, strict=True):
        # an outer loop repeats all that is inside it
        found = (np.arange(count, dtype=np.int64)[:, None] * stride + found).ravel()
    return found & (1 << bits) - 1


def ends(counts: Sequence[int]) -> np.ndarray:
    """For each address, bit i: it is the last one of loops 0 to i together.

    returns  int64 [product of counts]
    """
    check.array("counts", list(counts), 1, (1 << COUNT_BITS) - 1)
    number = np.arange(1, int(np.prod(counts, dtype=np.int64)) + 1)
    sizes = np.cumprod(np.asarray(counts, np.int64))
    return sum(((number % size == 0).astype(np.int64) << i for i, size in enumerate(sizes)), 0 * number)


def cycles(walks: Sequence[Sequence[int]]) -> int:
    """Cycles from the first command accepted to the last address taken, both counted; 0 without walks.

    walks  counts of each, offered one after another without a pause; addresses always taken
    """
    total = sum(int(np.prod(counts, dtype=np.int64)) for counts in walks)
    return total + LATENCY if total else 0
