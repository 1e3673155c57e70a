"""The corner-turn: golden against a loop."""

import numpy as np
import pytest

from golden import check
from golden.accelerator.transpose import cycles, transpose


def test_lane_of_word_is_word_of_lane():
    words = np.arange(3 * 4 * 4).reshape(12, 4)
    turned = transpose(words)
    for tile in range(3):
        for i in range(4):
            for j in range(4):
                assert turned[4 * tile + i, j] == words[4 * tile + j, i]


@pytest.mark.parametrize("shape", [(5, 4), (4, 0), (4,)])
def test_part_of_a_tile_is_refused(shape):
    with pytest.raises(check.BadValue, match=r"words.shape"):
        transpose(np.zeros(shape))


def test_a_tile_takes_its_words_in_and_out():
    assert [cycles(4, tiles) for tiles in (0, 1, 5)] == [0, 8, 24]
