"""Words of streams: fields side by side from bit 0, lane i of a field of w bits in bits [low + i*w +: w].

A layout lists the fields of each stream's word: {stream: [(field, bits of a lane, lanes)]}.
"""

from collections.abc import Mapping

import numpy as np

from golden.division import ceil_div

Fields = list[tuple[str, int, int]]
Layout = dict[str, Fields]


def bits(fields: Fields) -> int:
    """Width of a word."""
    return sum(width * lanes for _, width, lanes in fields)


def size(fields: Fields) -> int:
    """Bytes that hold a word."""
    return ceil_div(bits(fields), 8)


def pack(fields: Fields, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """uint8 [words, bytes]: each field's values, integers [words, lanes] modulo its width, little-endian."""
    words = len(values[fields[0][0]])
    planes = [
        (each.reshape(words, lanes, 1) >> np.arange(width)).reshape(words, lanes * width) & 1
        for name, width, lanes in fields
        for each in [values[name].astype(np.int64)]  # the same bits of 64
    ]
    return np.packbits(np.concatenate(planes, axis=1).astype(np.uint8), axis=1, bitorder="little")


def folds(values: np.ndarray, lanes: int) -> np.ndarray:
    """[words, length] -> [folds, words, lanes]: pieces of the last axis, the last filled up with zeros."""
    words, length = values.shape
    padded = np.pad(values, ((0, 0), (0, -length % lanes)))
    return padded.reshape(words, -1, lanes).swapaxes(0, 1)
