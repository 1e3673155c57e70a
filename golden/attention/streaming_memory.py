"""What the streaming engine holds, in bits: nothing of it is a row's length."""

from golden.attention import streaming_words as words
from golden.attention.masks import LONGEST
from golden.attention.streaming_job import StreamingParams

TURN = 4  # bits of a turn beside its slot: first, last, counts, there


def slot_bits(p: StreamingParams) -> int:
    """Bits of a row's number in its group: one where a group is a row."""
    return max(1, (p.interleave - 1).bit_length())


def memory(p: StreamingParams) -> dict[str, int]:
    """Bits of the engine's memories, by what they hold; registers of pipelines are not among them.

    rows    two groups of q, and the keys that each row attends to
    sums    l and o of a group's rows, and their flags
    fifos   between the nodes
    """
    a, places = p.arithmetic, 2 << slot_bits(p)
    rows = a.head_dim * a.query.width + (2 * LONGEST).bit_length() + LONGEST.bit_length()
    flags = len(words.flags(p)) + a.floating  # one is kept beside o, too
    sums = (a.head_dim + 1) * p.sum.width + flags
    return {"rows": places * rows, "sums": max(2, p.interleave) * sums, "fifos": sum(fifos(p).values())}


def fifos(p: StreamingParams) -> dict[str, int]:
    """Bits of each FIFO."""
    a, flags, turn = p.arithmetic, len(words.flags(p)), TURN + slot_bits(p)
    return {
        "score": p.places * (a.score.width + flags - 1 + turn),
        "to_l": p.places * (p.sum.width + flags + turn),
        "to_o": p.places * (p.sum.width + turn),
        "l": p.places * (p.sum.width + flags),
        "o": p.waiting * (a.head_dim * p.sum.width + a.floating),
        "reciprocal": p.places * (p.reciprocal.width + flags),
    }
