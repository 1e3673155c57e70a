"""The scratchpad's golden model: banks, priority; and the fetcher's words."""

import numpy as np

from golden.accelerator import fetcher
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.scratchpad import banks, granted, readers, writers

P = AcceleratorParams(banks=4, bank_words=64)
READERS, WRITERS = readers(P), writers(P)


def test_an_address_wraps_and_has_one_bank():
    assert banks(P, np.array([0, 63, 64, 255, 256, 65535])).tolist() == [0, 0, 1, 3, 0, 3]


def test_the_first_of_those_who_want_a_bank_has_it():
    assert granted(P, READERS, {"index": 0, "left": 1, "a": 64, "top": 200}) == {"left", "a", "top"}
    assert granted(P, WRITERS, {"load": 5, "vector": 6}) == {"vector"}


def test_nobody_else_waits():
    assert granted(P, READERS, {"top": 0, "left": 64, "a": 128, "b": 192}) == {"top", "left", "a", "b"}
    assert granted(P, READERS, {}) == set()


def test_fetched_words_come_from_the_walk_with_their_ends():
    scratch = np.arange(P.words, dtype=np.uint16)[:, None].repeat(P.lanes, 1).astype(np.uint8)
    words, ends = fetcher.fetch(P, scratch, 250, [2, 2], [1, 4])
    assert words[:, 0].tolist() == [250, 251, 254, 255]
    assert ends.tolist() == [0, 1, 0, 3]


def test_a_fetchers_words_come_one_a_cycle():
    assert fetcher.cycles([[2, 2], [5]]) == 9 + fetcher.LATENCY
    assert fetcher.cycles([]) == 0
