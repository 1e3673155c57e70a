"""A corner-turn: square tiles of lanes, a word in and a word out a cycle.

Word i of a tile, lane j, leaves in word j, lane i, of the tile that comes out. A tile leaves once all of it
is there, while the next one enters: one square of registers, through which words move down and across in
turns.
"""

import numpy as np

from golden import check


def transpose(words: np.ndarray) -> np.ndarray:
    """[tiles * lanes, lanes] -> the same of each tile transposed; any dtype.

    raises  BadValue if it is not whole tiles
    """
    lanes = words.shape[-1]
    if words.ndim != 2 or not lanes or len(words) % lanes:
        raise check.fail("words.shape", list(words.shape), "[tiles * lanes, lanes]")
    return words.reshape(-1, lanes, lanes).swapaxes(1, 2).reshape(words.shape)


def cycles(lanes: int, tiles: int) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled."""
    return lanes * (tiles + 1) if tiles else 0
