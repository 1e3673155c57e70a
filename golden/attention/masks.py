"""Which keys a query attends to: window, dilation, global keys, random keys, padding; counts in closed form.

Query i stands at position p = position + i, key j at j. With one row a block the query attends to

    leading and trailing    the first and the last keys, each once, whatever the window says
    random                  `randoms` keys of a table, a line a block of queries
    window                  p - left dilation <= j <= p + right dilation, (p - j) mod dilation = 0

-1 is unlimited, 0 is the query's own position alone: left_window_size and right_window_size of ONNX's
Attention (opset 25), flash-attention's window_size. A query beyond the keys may have none at all. With a
block of b rows (BigBird) all queries of a block have one window: from its first position less left to its
last plus right.

Sources: Beltagy et al., Longformer, arXiv 2004.05150, section 3.1 (window, dilation, global tokens); Zaheer
et al., BigBird, NeurIPS 2020, appendix D (blocks, random keys, both ends global).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.division import ceil_div

LONGEST = 1 << 16  # queries, keys
UNLIMITED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """queries, keys: how many there are. position: of query 0; None: keys - queries, the ends stand together.
    valid: keys that count, those behind are padding; None: all. The rest: see the module.
    """

    queries: int
    keys: int
    position: int | None = None
    valid: int | None = None
    left: int = UNLIMITED
    right: int = UNLIMITED
    dilation: int = 1
    block: int = 1
    leading: int = 0
    trailing: int = 0
    randoms: int = 0

    def __post_init__(self) -> None:
        check.in_range("queries", self.queries, 1, LONGEST)
        check.in_range("keys", self.keys, 1, LONGEST)
        check.in_range("position", self.first, -LONGEST, LONGEST)
        check.in_range("valid", self.counted, 0, self.keys, "keys")
        for name in ("left", "right"):
            check.in_range(name, getattr(self, name), UNLIMITED, LONGEST, "-1 is unlimited")
        check.in_range("dilation", self.dilation, 1, LONGEST)
        self._check_block()
        check.in_range("leading", self.leading, 0, self.counted, "valid keys")
        spare = self.counted - self.leading if self.counted == self.keys else 0
        check.in_range(
            "trailing", self.trailing, 0, spare, "keys that are not leading, where none is padding"
        )
        others = self.counted - len(self.shared)
        if self.randoms:
            others -= int(windows(self)[1].max())
        check.in_range("randoms", self.randoms, 0, others, "keys that every query has not otherwise")

    def _check_block(self) -> None:
        """Blocks are whole, stand at multiples of their size, and have no dilation."""
        check.in_range("block", self.block, 1, self.queries)
        for name, value in (("queries", self.queries), ("position", self.first)):
            if value % self.block:
                raise check.fail(name, value, f"multiples of block, {self.block}")
        if self.block > 1 and self.dilation > 1:
            raise check.fail("dilation", self.dilation, "1 where a block has several rows")

    @property
    def first(self) -> int:
        """Position of query 0."""
        return self.keys - self.queries if self.position is None else self.position

    @property
    def counted(self) -> int:
        """Keys that are not padding."""
        return self.keys if self.valid is None else self.valid

    @property
    def last(self) -> int:
        """The last key that a window can hold."""
        return min(self.counted, self.keys - self.trailing) - 1

    @property
    def steps(self) -> int:
        """Blocks of queries."""
        return self.queries // self.block

    @property
    def shared(self) -> np.ndarray:
        """int64 [leading + trailing]: keys of every query."""
        ends = (np.arange(self.leading), np.arange(self.keys - self.trailing, self.keys))
        return np.concatenate(ends).astype(np.int64)


def bounds(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """int64 [steps] each: where each block's window begins and ends, before the ends of the keys cut it.

    An unlimited side reaches, in whole dilations, beyond every key.
    """
    position = mask.first + mask.block * np.arange(mask.steps, dtype=np.int64)
    far = (int(np.abs(position).max()) + mask.keys + mask.block) // mask.dilation + 1
    left, right = (far if side == UNLIMITED else side for side in (mask.left, mask.right))
    return position - left * mask.dilation, position + mask.block - 1 + right * mask.dilation


def windows(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """int64 [steps] each: the first key of each block's window, and how many it has, `dilation` apart."""
    low, high = bounds(mask)
    begin = np.maximum(low, mask.leading + (low - mask.leading) % mask.dilation)
    return begin, np.maximum((np.minimum(high, mask.last) - begin) // mask.dilation + 1, 0)


def counts(mask: Mask) -> np.ndarray:
    """int64 [queries]: keys that each query attends to."""
    _, own = windows(mask)
    return np.repeat(own + len(mask.shared) + mask.randoms, mask.block)


def span(mask: Mask) -> tuple[int, int]:
    """(slots, query): places of a rolling buffer that all keys need, and the first query that needs so many.

    From the oldest key that a later query still needs to a query's newest; with dilation, keys of other
    queries stand between. Shared and random keys have places of their own.
    """
    low, high = bounds(mask)
    oldest, newest = np.maximum(low, mask.leading), np.minimum(high, mask.last)
    needed = np.maximum(newest - oldest + 1, 0)
    at = int(needed.argmax())
    return int(needed[at]) + len(mask.shared) + mask.randoms, at * mask.block


def check_table(mask: Mask, table: ArrayLike) -> np.ndarray:
    """int64 [steps, randoms], the keys of a table of random keys.

    raises  BadValue, naming block and place, for a key that is out of range, given twice, or one that every
            query has or the block's window
    """
    keys = check.array("random", table, 0, max(mask.counted - 1, 0))
    check.shape("random", keys, (mask.steps, mask.randoms))
    begin, count = (each[:, None] for each in windows(mask))
    away = keys - begin
    inside = (away >= 0) & (away % mask.dilation == 0) & (away < count * mask.dilation)
    twice = np.zeros(keys.shape, bool)
    for place in range(1, mask.randoms):
        twice[:, place] = (keys[:, :place] == keys[:, place : place + 1]).any(axis=1)
    allowed = "keys that the block has not otherwise, once each"
    for step, place in np.argwhere(inside | twice | np.isin(keys, mask.shared))[:1]:
        raise check.fail(f"random[{step}, {place}]", int(keys[step, place]), allowed)
    return keys


def keys_of(mask: Mask, query: int, table: np.ndarray | None = None) -> np.ndarray:
    """int64: keys of a query in the order of the window engine: shared, random, the window's oldest first.

    table  as check_table gives it
    """
    step = query // mask.block
    begin, count = (int(each[step]) for each in windows(mask))
    random = np.zeros(0, np.int64) if table is None else table[step]
    return np.concatenate([mask.shared, random, begin + mask.dilation * np.arange(count)])


def matrix(mask: Mask, table: np.ndarray | None = None) -> np.ndarray:
    """bool [queries, keys]: whether a query attends to a key."""
    begin, count = (np.repeat(each, mask.block)[:, None] for each in windows(mask))
    away = np.arange(mask.keys)[None] - begin
    found = (away >= 0) & (away % mask.dilation == 0) & (away < count * mask.dilation)
    found[:, mask.shared] = True
    if table is not None:
        np.put_along_axis(found, np.repeat(table, mask.block, axis=0), True, axis=1)
    return np.asarray(found)


def window_pairs(length: int, left: int, right: int, dilation: int = 1) -> int:
    """Pairs of query and key of a window over as many queries as keys, in closed form.

    One side of w keys has w N - w (w + 1) / 2 pairs, w at most N - 1; a dilation of d is d such windows over
    the positions of each remainder.

    raises  BadValue, naming it, for a length, a side or a dilation that no mask has
    """
    Mask(queries=length, keys=length, left=left, right=right, dilation=dilation)
    total, longer = 0, length % dilation
    for size, many in ((ceil_div(length, dilation), longer), (length // dilation, dilation - longer)):
        most = max(size - 1, 0)
        sides = (most if side == UNLIMITED else min(side, most) for side in (left, right))
        total += many * (size + sum(w * size - w * (w + 1) // 2 for w in sides))
    return total


def longformer_pairs(length: int, side: int, globals_: int) -> int:
    """Pairs of Longformer, whose `globals_` leading tokens attend to all and are attended by all."""
    check.in_range("globals_", globals_, 0, length, "tokens")
    local = window_pairs(length - globals_, side, side) if globals_ < length else 0
    return 2 * globals_ * length - globals_**2 + local


def causal(length: int, window: int) -> Mask:
    """A causal window of `window` keys, the query's own among them (sliding_window of Mistral and Gemma)."""
    check.in_range("window", window, 1, LONGEST, "keys; the query's own is one")
    return Mask(queries=length, keys=length, left=window - 1, right=0)


def longformer(length: int, window: int, globals_: int = 0) -> Mask:
    """Local rows of Longformer: attention_window / 2 keys on each side and the query's own, window + 1 keys.

    Rows of the global tokens, which attend to all with projections of their own, are another job.
    """
    check.in_range("attention_window", window, 0, 2 * LONGEST)
    if window % 2:
        raise check.fail("attention_window", window, "even numbers, half on each side")
    return Mask(queries=length - globals_, keys=length, left=window // 2, right=window // 2, leading=globals_)


def bigbird(length: int, block: int = 64, randoms: int = 3) -> Mask:
    """Rows of BigBird's inner blocks: three blocks of window, the first and the last block, `randoms` others.

    Of a sequence of `length` tokens the second to the last but one block; the ends attend to all.
    """
    check.in_range("block", block, 1, LONGEST)
    check.in_range("randoms", randoms, 0, LONGEST)
    if length % block or length < (5 + randoms) * block:
        raise check.fail("length", length, f"multiples of {block}, {5 + randoms} blocks or more")
    return Mask(
        queries=length - 2 * block, keys=length, position=block, left=block, right=block, block=block,
        leading=block, trailing=block, randoms=randoms * block,
    )  # fmt: skip
