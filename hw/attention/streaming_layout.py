"""The words that pass between the nodes of the streaming engine."""

from amaranth.lib import data

from golden.attention.arithmetic import MAX_SHIFT, MULTIPLIER
from golden.attention.streaming_job import StreamingParams
from golden.attention.streaming_memory import slot_bits


def flags(p: StreamingParams) -> int:
    """Flags of a score: saturated and, of FP16, invalid: an element is infinite or NaN."""
    return 1 + p.arithmetic.floating


def turn(p: StreamingParams) -> data.StructLayout:
    """Of a row's turn with a key. slot: the row's in its group; first, last: the group's first or last key;
    counts: the row attends to the key; there: the row exists."""
    return data.StructLayout({
        "slot": slot_bits(p), "first": 1, "last": 1, "counts": 1, "there": 1,
    })  # fmt: skip


def operands(p: StreamingParams) -> data.StructLayout:
    """From the schedule to the score."""
    a = p.arithmetic
    return data.StructLayout({
        "q": a.head_dim * a.query.width, "k": a.head_dim * a.key.width,
        "multiplier": MULTIPLIER.width, "shift": MAX_SHIFT.bit_length(), "turn": turn(p),
    })  # fmt: skip


def score(p: StreamingParams) -> data.StructLayout:
    """From the score to the weight."""
    return data.StructLayout({"score": p.arithmetic.score.width, "flags": flags(p), "turn": turn(p)})


def term(p: StreamingParams, lanes: int, marks: int) -> data.StructLayout:
    """Into a node of sums: numbers of p.sum to be added up, and bits of which any is kept."""
    return data.StructLayout({"terms": lanes * p.sum.width, "marks": marks, "turn": turn(p)})


def total(p: StreamingParams, lanes: int, marks: int) -> data.StructLayout:
    """Out of a node of sums, once a row."""
    return data.StructLayout({"totals": lanes * p.sum.width, "marks": marks})


def reciprocal(p: StreamingParams) -> data.StructLayout:
    """1 / l, and the flags of the row: empty, then those of its scores."""
    return data.StructLayout({"code": p.reciprocal.width, "marks": 1 + flags(p)})
