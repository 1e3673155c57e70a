"""The sliding-window engine: its parameters, its jobs, and a job's operands.

Queries stream past keys and values that stay in rolling buffers for as long as a window holds them: slot =
position modulo slots. A row's scores wait until its maximum is known; the arithmetic is that of
golden.attention.row, so both organisations, prefill and decoding give the same bits.

Source: Bai et al., SWAT, DAC 2024 (arXiv 2405.17025): row-wise windows over stationary keys and values.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from golden import check
from golden.attention import masks
from golden.attention.arithmetic import Arithmetic
from golden.attention.masks import Mask
from golden.attention.scores import Scaling
from golden.division import ceil_div

MOST_ROWS = 1 << 12  # of one block of queries, heads included
TREE_LEVELS = 3  # of an adder tree between two registers
ORGANISATIONS = ("dimensions", "keys")


def tree_registers(inputs: int) -> int:
    """Registers of an adder tree."""
    return ceil_div((inputs - 1).bit_length(), TREE_LEVELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowParams:
    """arithmetic: formats; its `keys` are the slots of the rolling buffers.

    organisation  "dimensions": a key a cycle, by a multiplier for each element of q k and of w v; a row of n
                  keys takes n cycles. "keys": a lane with two multipliers for each slot, an element a cycle;
                  a row takes head_dim cycles, whatever its keys
    heads         of keys that are worked on at once, side by side in every word
    sinks         whether each query brings the score of a sink
    divide_lanes  elements of a result that are divided in a cycle; with a lane a key, one
    """

    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    organisation: str = "dimensions"
    heads: int = 1
    sinks: bool = False
    divide_lanes: int = 1

    def __post_init__(self) -> None:
        check.in_range("keys", self.slots, 2, masks.LONGEST, "a rolling buffer")
        check.one_of("organisation", self.organisation, ORGANISATIONS)
        check.in_range("heads", self.heads, 1, 64)
        check.one_of("sinks", self.sinks, [False, True])
        if self.by_keys:
            check.in_range("head_dim", self.arithmetic.head_dim, 2, 1024, "a lane's elements in a memory")
        most = 1 if self.by_keys else self.arithmetic.head_dim
        check.in_range("divide_lanes", self.divide_lanes, 1, most, "elements of a result that come at once")

    @property
    def multipliers(self) -> int:
        """Of q k and of w v: for each element of a key, or for each slot."""
        return 2 * self.heads * (self.slots if self.by_keys else self.arithmetic.head_dim)

    @property
    def by_keys(self) -> bool:
        """Whether there is a lane for each slot."""
        return self.organisation == "keys"

    @property
    def score_units(self) -> int:
        """With a lane a key, units of scores and weights: they are through all lanes in head_dim cycles."""
        return ceil_div(self.slots, self.arithmetic.head_dim)

    @property
    def lanes_of_unit(self) -> int:
        """Lanes that a unit of scores works for, one after the other; the last one may have fewer."""
        return ceil_div(self.slots, self.score_units)

    @property
    def slots(self) -> int:
        """Keys, and values, that stand in the buffers at once."""
        return self.arithmetic.keys

    @property
    def divide_cycles(self) -> int:
        """Cycles in which the elements of a result are divided."""
        return ceil_div(self.arithmetic.head_dim, self.divide_lanes)

    @property
    def name(self) -> str:
        """The definition's name."""
        a = self.arithmetic
        formats = "_".join(str(each) for each in dict.fromkeys((a.query, a.key, a.value)))
        scores = f"s{a.score.width}_{a.fraction}_w{a.weight_bits}_{a.segment_bits}_{a.degree}"
        more = f"_d{a.dot_integer}_{a.dot_fraction}" if a.floating else f"_o{a.out_fraction}"
        options = ("_softcap" if a.softcap else "") + ("_sinks" if self.sinks else "")
        heads = f"_x{self.heads}" if self.heads > 1 else ""
        lanes = "_keys" if self.by_keys else f"_by{self.divide_lanes}"
        return f"sliding_window_{self.slots}x{a.head_dim}_{formats}_{scores}{more}{options}{heads}{lanes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionJob:
    """Attention of one sequence. mask: which keys a query attends to. by: scale and cap of the scores.

    heads, kv_heads  of queries, and of keys and values: head h has the keys of h kv_heads // heads
    past             keys that earlier jobs brought and that stand in the buffers; 0: a sequence begins. The
                     job before ended there, with as many leading and random keys: places follow from these
    sinks            whether queries bring a sink's score
    skip             a row takes a slot of time a key; else each takes as many as the row with most keys
    """

    mask: Mask
    by: Scaling
    heads: int = 1
    kv_heads: int = 1
    past: int = 0
    sinks: bool = False
    skip: bool = False

    def __post_init__(self) -> None:
        check.in_range("kv_heads", self.kv_heads, 1, 1 << 10)
        check.in_range("heads", self.heads, 1, 1 << 10)
        if self.heads % self.kv_heads:
            raise check.fail("heads", self.heads, f"multiples of kv_heads, {self.kv_heads}")
        check.in_range("past", self.past, 0, self.mask.counted, "valid keys")
        if self.past:
            check.in_range("trailing", self.mask.trailing, 0, 0, "a sequence that goes on has no last keys")
        check.in_range("heads / kv_heads * block", self.group, 1, MOST_ROWS)

    @property
    def group(self) -> int:
        """Rows that have the same keys: those of a block, for each head that shares them."""
        return self.heads // self.kv_heads * self.mask.block

    @property
    def shape(self) -> str:
        """Heads, queries and keys."""
        return f"{self.heads} x {self.mask.queries} x {self.mask.keys}"

    @property
    def begin(self) -> int:
        """The first key that the first window can hold: positions of the buffers count from it."""
        low, _ = masks.bounds(self.mask)
        return max(int(low[0]), self.mask.leading)

    @property
    def end(self) -> int:
        """One past the last key that a window reads; a job that goes on has this as its past."""
        begin, own = masks.windows(self.mask)
        reads = own > 0
        read = (begin + self.mask.dilation * (own - 1))[reads]
        return max(int(read.max(initial=-1)) + 1, self.mask.leading, self.past)

    def check(self, p: WindowParams) -> None:
        """BadValue, unless an engine of `p` can do it."""
        self.by.check(p.arithmetic)
        if self.kv_heads % p.heads:
            raise check.fail("kv_heads", self.kv_heads, f"multiples of {p.heads}, the engine's heads")
        if self.past:
            check.in_range("kv_heads", self.kv_heads, 1, p.heads, "heads whose keys stand in the buffers")
        if self.sinks and not p.sinks:
            raise check.fail("sinks", self.sinks, "false: the engine was made without")
        if p.by_keys:
            most = 1 if self.past else p.slots
            why = "a lane a key" + (", and a sequence goes on" if self.past else "")
            check.in_range("dilation", self.mask.dilation, 1, most, why)
        slots, query = masks.span(self.mask)
        if slots > p.slots:
            raise check.fail(f"slots that query {query} needs", slots, f"up to {p.slots}, the engine's")
        away, room = self.past - self.begin, p.slots - len(self.mask.shared) - self.mask.randoms
        if self.past and away > room:
            allowed = f"up to {self.begin + room}, so that key {self.begin} still stands"
            raise check.fail("past", self.past, allowed)


class Operands(NamedTuple):
    """q [heads, queries, d]; k, v [kv_heads, keys, d], past keys included: values of the formats.

    table  int64 [steps, randoms]: random keys (golden.attention.masks.check_table)
    sinks  int64 [heads]: scores
    """

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    table: np.ndarray | None = None
    sinks: np.ndarray | None = None


def check_operands(p: WindowParams, job: AttentionJob, operands: Operands) -> None:
    """BadValue, naming the array, unless these are a job's operands; their values are checked where used."""
    job.check(p)
    mask, dim = job.mask, p.arithmetic.head_dim
    check.shape("q", operands.q, (job.heads, mask.queries, dim))
    for name, each in (("k", operands.k), ("v", operands.v)):
        check.shape(name, each, (job.kv_heads, mask.keys, dim))
    if mask.randoms:
        if operands.table is None:
            raise check.fail("random", None, f"{mask.randoms} keys for each block of queries")
        masks.check_table(mask, operands.table)
    if job.sinks:
        if operands.sinks is None:
            raise check.fail("sinks", None, "a score for each head")
        check.shape("sinks", p.arithmetic.score.check("sinks", operands.sinks), (job.heads,))
