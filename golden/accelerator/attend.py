"""Values of ATTEND: rows of INT8 codes by the exact numerics of golden.attention, results as INT8 codes.

    s    = clip(clip(floor(D multiplier / 2^shift + 1/2)) + mask mask_multiplier)     octaves, 8 bits below 1
    o    = golden.attention.row of s, with 8 bits below v's last
    out  = clip(floor(o out_multiplier / 2^out_shift + 1/2) + zero_point, low, high)

Query i stands at position + i, key j at j. Both count in a head; a key counts for a query unless the command
bounds a side of the window and the key is further than `left` behind the query's position, or than `right`
ahead of it. A row that no key counts for has o = 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from golden import check
from golden.attention import row
from golden.attention.arithmetic import Arithmetic
from golden.attention.products import dots
from golden.attention.scores import Scaling, scores
from golden.division import ceil_div
from golden.formats import Int, Rounding, round_shift

QUERIES = (1, 2, 4, 8, 16, 32, 64)
KEYS = tuple(1 << bits for bits in range(4, 13))
MASK, MASK_MULTIPLIER = Int(16), Int(3, signed=False)
OUT, OUT_MULTIPLIER = Int(8), Int(16, signed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionParams:
    """The keys of a table [[unit]] of kind "attention".

    queries   rows that are held at once: each word of keys and of values meets all of them
    keys      of a row, at most; scores of twice as many wait
    head_dim  elements of a query, a key, a value, at most
    """

    queries: int = 16
    keys: int = 512
    head_dim: int = 128

    def __post_init__(self) -> None:
        check.one_of("queries", self.queries, QUERIES)
        check.one_of("keys", self.keys, KEYS)
        check.in_range("head_dim", self.head_dim, 1, 256)

    def words(self, lanes: int) -> int:
        """Words of the longest query, key or value."""
        return ceil_div(self.head_dim, lanes)

    def arithmetic(self, lanes: int) -> Arithmetic:
        """Formats between a row's codes and its result's."""
        return Arithmetic(head_dim=self.words(lanes) * lanes, keys=self.keys)

    @property
    def name(self) -> str:
        """What hardware that depends on these is called by."""
        return f"{self.queries}x{self.keys}x{self.head_dim}"


def counts(f: Mapping[str, int]) -> np.ndarray:
    """bool [queries, keys]: whether a key counts for a query, of a command's fields."""
    ahead = np.arange(f["keys"]) - (f["position"] + np.arange(f["queries"]))[:, None]
    behind = (ahead >= -f["left"]) | (not f["bounded_left"])
    return np.asarray(behind & ((ahead <= f["right"]) | (not f["bounded_right"])))


def attend(
    a: Arithmetic, f: Mapping[str, int], q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Results, int64 [..., queries, d].

    f        fields of the command
    q, k, v  codes [..., queries, d], [..., keys, d] twice
    mask     codes [keys]; none counts where mask_multiplier is 0
    """
    dot, _ = dots(a, q, k)
    s, clipped = scores(a, dot, Scaling(multiplier=f["multiplier"], shift=f["shift"]))
    s = a.score.saturate(s + mask * f["mask_multiplier"])
    return result(f, row.weigh(a, s, clipped, v, counts(f)).out)


def result(f: Mapping[str, int], o: np.ndarray) -> np.ndarray:
    """The codes of rows' values."""
    scaled = round_shift(o * f["out_multiplier"], f["out_shift"], Rounding.HALF_UP)
    return np.asarray(np.clip(scaled + f["zero_point"], f["low"], f["high"]))
