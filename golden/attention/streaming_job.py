"""The streaming engine's parameters, and a job: rows in groups, and the keys that each group passes.

Rows are the queries of a sequence, `heads` of each position one behind the other, which share its keys and
values (grouped queries). `interleave` rows that follow one another are a group. A group passes the keys
that any of its rows attends to, oldest first, each key by all rows of the group in turn; a row that does not
attend to one takes its turn and adds nothing. A group that attends to nothing passes one key all the same, so
that its rows come out.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from golden import check
from golden.attention.arithmetic import Arithmetic
from golden.attention.masks import LONGEST, UNLIMITED, Mask, bounds
from golden.attention.running import check_keys, check_range
from golden.attention.scores import Scaling
from golden.division import ceil_div
from golden.formats import BF16, FP16, Float
from golden.vector.piecewise import PiecewiseParams
from golden.vector.reciprocal import ReciprocalParams

MOST_HEADS = 64
MOST_IN_TURN = 64
RECIPROCAL_BITS = 18  # of 1 / l: off by 2^-18, a 64th of the last place of FP16
WEIGHTED = ("product", "rounded")  # registers from a weight and a value to what is added to o
SHORT = 2  # places of a FIFO between two nodes: golden.attention.graphs


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingParams:
    """arithmetic: formats, scores and weights.

    interleave     rows of a group, which use a key in turn
    registers      of the loop of a sum: those of the adder, and the sum itself
    exponent_bits, mantissa_bits  of sums: wide enough for rows without a maximum (golden.attention.running)
    out            format of results
    places         of every FIFO but `behind`
    behind         places of the FIFO in which o waits for 1 / l; None: as many as throughput needs
    """

    arithmetic: Arithmetic = field(default_factory=lambda: Arithmetic(keys=LONGEST))
    interleave: int = 4
    registers: int = 4
    exponent_bits: int = 9
    mantissa_bits: int = 23
    out: Float = FP16
    places: int = SHORT
    behind: int | None = None

    def __post_init__(self) -> None:
        p = self.arithmetic
        check.in_range("interleave", self.interleave, 1, MOST_IN_TURN)
        check.in_range("registers", self.registers, 1, 5, "the sum, and four cuts of its adder")
        check.in_range("mantissa_bits", self.mantissa_bits, 7, 23)
        check_range(p, self.sum)
        check.in_range("weight_bits", p.weight_bits, 2, self.mantissa_bits, "sums add weights as they are")
        check.one_of("softcap", p.softcap, [False])
        if self.out not in (FP16, BF16):  # 1 / l is off by 2^-18: a result of fp32 would show it
            raise check.fail("out", self.out, "fp16, bf16")
        check.in_range("places", self.places, 1, 64)
        check.in_range("behind", self.waiting, 1, 64)

    @property
    def multipliers(self) -> int:
        """Of q k and of w v: for each element."""
        return 2 * self.arithmetic.head_dim

    @property
    def sum(self) -> Float:
        """Format of l and o, which are finite: it has no infinity, and nothing beside numbers."""
        return Float("sum", self.exponent_bits, self.mantissa_bits, "none")

    @property
    def inverse(self) -> PiecewiseParams:
        """Of 1 / (1 + x), x the mantissa of l."""
        return ReciprocalParams(width=RECIPROCAL_BITS + 1, bits=RECIPROCAL_BITS).inverse

    @property
    def reciprocal(self) -> Float:
        """Format of 1 / l: `inverse` below 1 begins with a one."""
        return Float("reciprocal", self.exponent_bits, RECIPROCAL_BITS - 1, "none")

    @property
    def waiting(self) -> int:
        """Places in which o waits: those of a FIFO, and the cycles that 1 / l takes more than o.

        l leaves for its reciprocal a cycle earlier for each register of w v, and passes a FIFO more.
        """
        return SHORT + self.inverse.latency + 1 - len(WEIGHTED) if self.behind is None else self.behind

    @property
    def name(self) -> str:
        """The definition's name."""
        p = self.arithmetic
        formats = f"{p.head_dim}_{p.query}_{p.key}_{p.value}_{self.out}"
        scores = f"s{p.score.width}_{p.fraction}_w{p.weight_bits}_p{p.segment_bits}_{p.degree}"
        dot = f"_d{p.dot_integer}_{p.dot_fraction}" if p.floating else ""
        sums = f"c{self.interleave}_r{self.registers}_e{self.exponent_bits}m{self.mantissa_bits}"
        return f"streaming_{formats}_{scores}{dot}_{sums}_f{self.places}_{self.waiting}"


def check_places(p: StreamingParams) -> None:
    """BadValue where a FIFO has fewer places than throughput needs: cycles are exact with no fewer."""
    why = "fewer take more cycles than golden says"
    check.in_range("places", p.places, SHORT, 64, why)
    check.in_range("behind", p.waiting, replace(p, behind=None).waiting, 64, why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One job. mask: a window, or all keys; heads: rows of a query; scaling: of scores."""

    mask: Mask
    scaling: Scaling
    heads: int = 1

    def __post_init__(self) -> None:
        check.in_range("heads", self.heads, 1, MOST_HEADS)
        for name, only in (("dilation", 1), ("block", 1), ("leading", 0), ("trailing", 0), ("randoms", 0)):
            check.in_range(f"mask.{name}", getattr(self.mask, name), only, only, "keys pass in one run")

    @property
    def rows(self) -> int:
        """Words of q, and of o."""
        return self.mask.queries * self.heads

    @property
    def shape(self) -> str:
        """queries x heads x keys."""
        return f"{self.mask.queries} x {self.heads} x {self.mask.keys}"


def reach(side: int) -> int:
    """Keys to one side, of which -1 is more than there can be."""
    return 2 * LONGEST if side == UNLIMITED else side


def spans(job: Attention) -> tuple[np.ndarray, np.ndarray]:
    """int64 [rows] each: the first and the last key of each row; where it has none, the last is below."""
    low, high = bounds(job.mask)
    first, last = np.maximum(low, 0), np.minimum(high, job.mask.last)
    return np.repeat(first, job.heads), np.repeat(last, job.heads)


def groups(p: StreamingParams, job: Attention) -> tuple[np.ndarray, np.ndarray]:
    """int64 [groups] each: the first key that each group passes, and how many."""
    first, last = spans(job)
    starts = np.arange(0, job.rows, p.interleave)
    begin = np.minimum(first[starts], max(job.mask.last, 0))
    end = last[np.minimum(starts + p.interleave, job.rows) - 1]
    return begin, np.maximum(end - begin + 1, 1)


def check_mask(p: StreamingParams, job: Attention) -> None:
    """BadValue where a row has more keys than the engine's sums take."""
    first, last = spans(job)
    most = max(int((last - first).max()) + 1, 0)
    check_keys(p.sum, most)
    check.in_range("keys of a row", most, 0, p.arithmetic.keys, "arithmetic.keys")
    job.scaling.check(p.arithmetic)


def passed(p: StreamingParams, job: Attention) -> int:
    """Keys that all groups pass: words of k, and of v."""
    return int(groups(p, job)[1].sum())


def loaded(p: StreamingParams, job: Attention) -> tuple[int, int]:
    """Rows of the first and of the last group."""
    count = ceil_div(job.rows, p.interleave)
    return min(p.interleave, job.rows), job.rows - (count - 1) * p.interleave
