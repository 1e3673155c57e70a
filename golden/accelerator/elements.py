"""Elements of the vector unit's operands, and its blocks of parameters, in words of `lanes` bytes."""

from enum import IntEnum

import numpy as np


class Kind(IntEnum):
    """The kind of the elements of a vector unit's operand; `NONE`: no operand or, as `a`, the sums."""

    NONE = 0
    BYTE = 1
    HALF = 2
    WORD = 3


KIND_WORDS = {Kind.NONE: 0, Kind.BYTE: 1, Kind.HALF: 2, Kind.WORD: 4}  # of a vector
DTYPES = {
    (Kind.BYTE, 0): np.int8, (Kind.BYTE, 1): np.uint8, (Kind.HALF, 0): np.int16, (Kind.HALF, 1): np.uint16,
    (Kind.WORD, 0): np.int32, (Kind.WORD, 1): np.int32,
}  # fmt: skip
# of a block of parameters, which has bias, multiplier and shift of each lane: first word, words, elements
BLOCK = ((0, 4, np.int32), (4, 4, np.uint32), (8, 1, np.uint8))
BLOCK_WORDS = sum(words for _, words, _ in BLOCK)
