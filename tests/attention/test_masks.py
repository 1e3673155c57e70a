"""Masks against their definitions, key by key; closed forms of pairs against counting; what is refused."""

import itertools

import numpy as np
import pytest

from golden.attention import masks
from golden.attention.masks import Mask
from golden.check import BadValue

SIDES = [(-1, -1), (-1, 0), (0, 0), (2, 0), (0, 3), (3, 2), (20, 20)]
SHAPES = [(1, 1, None), (7, 7, None), (3, 9, None), (9, 3, None), (6, 8, -4), (6, 8, 5), (4, 9, 0)]


def attends(mask, query, key):
    """The module's definition, word for word, without random keys."""
    if key >= mask.counted:
        return False
    if key < mask.leading or key >= mask.keys - mask.trailing:
        return True
    begin = mask.first + query // mask.block * mask.block
    low = begin - mask.left * mask.dilation if mask.left >= 0 else -1
    high = begin + mask.block - 1 + mask.right * mask.dilation if mask.right >= 0 else mask.keys
    return low <= key <= high and (begin - key) % mask.dilation == 0


def every_mask():
    for (queries, keys, position), (left, right), dilation in itertools.product(SHAPES, SIDES, (1, 2, 3)):
        given = {"queries": queries, "keys": keys, "position": position, "left": left, "right": right}
        yield Mask(**given, dilation=dilation)
        yield Mask(**given, dilation=dilation, valid=keys // 2, leading=keys // 4)
        yield Mask(**given, dilation=dilation, leading=keys // 3, trailing=keys // 3)


def test_every_mask_is_its_definition():
    for mask in every_mask():
        wanted = [[attends(mask, i, j) for j in range(mask.keys)] for i in range(mask.queries)]
        assert np.array_equal(masks.matrix(mask), wanted), mask
        assert np.array_equal(masks.counts(mask), np.sum(wanted, axis=1)), mask
        for query, row in enumerate(wanted):
            keys = masks.keys_of(mask, query)
            assert sorted(keys) == np.flatnonzero(row).tolist(), mask


def test_the_span_holds_all_keys_from_the_oldest_that_is_needed():
    for mask in every_mask():
        _, high = masks.bounds(mask)
        found = 0
        for query in range(mask.queries):
            later = [key for i in range(query, mask.queries) for key in masks.keys_of(mask, i)]
            own = [key for key in later if mask.leading <= key <= min(high[query], mask.last)]
            found = max(found, max(own) - min(own) + 1 if own else 0)
        assert found <= masks.span(mask)[0] - len(mask.shared), mask


def test_a_block_has_one_window():
    mask = Mask(queries=6, keys=12, position=3, left=3, right=3, block=3)
    assert np.array_equal(masks.matrix(mask), [[attends(mask, i, j) for j in range(12)] for i in range(6)])
    assert masks.keys_of(mask, 4).tolist() == list(range(3, 12))


@pytest.mark.parametrize("length", [1, 2, 5, 12])
@pytest.mark.parametrize("left, right", [(0, 0), (3, 0), (2, 4), (-1, 0), (-1, -1), (30, 1)])
@pytest.mark.parametrize("dilation", [1, 2, 5])
def test_pairs_of_a_window_are_counted_in_closed_form(length, left, right, dilation):
    mask = Mask(queries=length, keys=length, left=left, right=right, dilation=dilation)
    assert masks.window_pairs(length, left, right, dilation) == masks.matrix(mask).sum()


@pytest.mark.parametrize("globals_", [0, 1, 3])
@pytest.mark.parametrize("side", [0, 2, 30])
def test_pairs_of_longformer_are_counted_in_closed_form(globals_, side):
    length = 11
    local = masks.matrix(masks.longformer(length, 2 * side, globals_))
    assert masks.longformer_pairs(length, side, globals_) == globals_ * length + local.sum()


def test_presets_keep_to_their_conventions():
    """Longformer's 512 is 513 keys, a causal window of 512 is 512, BigBird's rows have 8 blocks."""
    assert masks.counts(masks.longformer(2000, 512))[1000] == 513
    assert masks.counts(masks.causal(2000, 512))[1000] == 512
    assert np.all(masks.counts(masks.bigbird(1024))[64:-64] == 512)
    assert masks.counts(masks.longformer(40, 8, 4))[:6].tolist() == [9, 10, 11, 12, 13, 13]


def test_random_keys_are_attended_to_once():
    mask = Mask(queries=4, keys=12, left=1, right=0, position=4, leading=1, randoms=2)
    table = masks.check_table(mask, [[1, 9], [2, 10], [11, 1], [3, 2]])
    found = masks.matrix(mask, table)
    assert np.array_equal(found.sum(axis=1), masks.counts(mask))
    for query in range(4):
        assert sorted(masks.keys_of(mask, query, table)) == np.flatnonzero(found[query]).tolist()


@pytest.mark.parametrize(
    "row, place, key",
    [([9, 12], "random\\[0, 1\\]", 12), ([9, 9], "random\\[0, 1\\]", 9), ([0, 9], "random\\[0, 0\\]", 0),
     ([3, 9], "random\\[0, 0\\]", 3), ([9, -1], "random\\[0, 1\\]", -1)],
)  # fmt: skip
def test_a_random_key_that_is_no_other_is_refused(row, place, key):
    mask = Mask(queries=1, keys=12, left=1, right=0, position=4, leading=1, randoms=2)
    with pytest.raises(BadValue, match=f"{place} is {key}; allowed"):
        masks.check_table(mask, [row])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: masks.causal(8, 0), "window is 0; allowed: 1 to"),
        (lambda: masks.causal(8, -5), "window is -5"),
        (lambda: masks.longformer(8, -2), "attention_window is -2; allowed: 0 to"),
        (lambda: masks.longformer(8, 3), "attention_window is 3; allowed: even numbers"),
        (lambda: masks.longformer(8, 2, 9), "queries is -1"),
        (lambda: masks.bigbird(12, 0), "block is 0; allowed: 1 to"),
        (lambda: masks.bigbird(12, 2, -1), "randoms is -1; allowed: 0 to"),
        (lambda: masks.bigbird(13, 2, 1), "length is 13; allowed: multiples of 2, 6 blocks or more"),
        (lambda: masks.window_pairs(0, 1, 1), "queries is 0"),
        (lambda: masks.window_pairs(8, -7, 0), "left is -7"),
        (lambda: masks.window_pairs(8, 1, 1, 0), "dilation is 0"),
        (lambda: masks.longformer_pairs(8, 1, 9), "globals_ is 9; allowed: 0 to 8"),
        (lambda: masks.longformer_pairs(8, 1, -1), "globals_ is -1"),
    ],
)
def test_a_preset_that_is_none_is_refused_by_name(call, message):
    """A causal window of no key is not one without a bound."""
    with pytest.raises(BadValue, match=message):
        call()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"queries": 0}, "queries is 0"),
        ({"keys": 0}, "keys is 0"),
        ({"left": -2}, "left is -2"),
        ({"dilation": 0}, "dilation is 0"),
        ({"valid": 9}, "valid is 9; allowed: 0 to 8"),
        ({"leading": 9}, "leading is 9"),
        ({"trailing": 1, "valid": 7}, "trailing is 1; allowed: 0 to 0"),
        ({"randoms": 9}, "randoms is 9"),
        ({"block": 3}, "queries is 8; allowed: multiples of block, 3"),
        ({"block": 2, "dilation": 2}, "dilation is 2; allowed: 1 where"),
        ({"position": 1, "block": 2}, "position is 1"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(given, message):
    with pytest.raises(BadValue, match=message):
        Mask(**{"queries": 8, "keys": 8, **given})
