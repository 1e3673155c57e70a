"""ITA's integer attention: its own results to the bit, and its equations in Python's integers."""

import numpy as np
import pytest

from golden.attention import ita
from golden.attention.ita import ItaFactor, ItaWeights, attention, gelu, requantised, softmax
from golden.check import BadValue
from systola.reproduction.ita import THEIRS, layer, vectors

VECTORS = vectors()
ROWS = sorted({name.removesuffix("__x") for name in VECTORS if name.endswith("__x")})


@pytest.mark.parametrize("name", ROWS)
def test_its_rows_to_the_bit(name):
    assert np.array_equal(softmax(VECTORS[f"{name}__x"]), VECTORS[f"{name}__p"])


def test_there_are_rows_of_every_kind_and_length():
    assert len(ROWS) == 20
    assert {int(name.rsplit("_", 1)[1]) for name in ROWS} == {64, 128, 256, 512}


@pytest.mark.parametrize("name", THEIRS)
def test_its_layer_to_the_bit_at_every_step(name):
    found = attention(*layer())
    theirs = VECTORS[f"mha_{THEIRS[name]}"]
    assert np.array_equal(found[name], theirs[0])


def test_its_gelu_to_the_bit_for_every_code():
    raw = gelu(VECTORS["gelu_x"], q1=-7091, b=-80, c=-7091)
    assert len(raw) == 256 and np.array_equal(raw, VECTORS["gelu_raw"])
    assert np.array_equal(requantised(raw, ItaFactor(multiplier=74, shift=20)), VECTORS["gelu_code"])


def by_steps(scores):
    """The running sum, a score at a time, in unbounded integers."""
    top, total = -128, 0
    for start in range(0, len(scores), 16):
        new = max(top, *scores[start : start + 16], -128)
        total = total // 2 ** (new - top) + sum(256 // 2 ** (new - x) for x in scores[start : start + 16])
        top = new
    return [(65280 // total) // 2 ** (top - x) for x in scores]


@pytest.mark.parametrize("length", [1, 15, 16, 17, 33, 200, 2048])
@pytest.mark.parametrize("spread", [0, 1, 4, 60])
def test_the_equations_in_unbounded_integers(length, spread):
    rng = np.random.default_rng(length)
    scores = np.clip(np.rint(rng.normal(0, spread, (3, length))), -128, 127).astype(int)
    assert softmax(scores).tolist() == [by_steps(row) for row in scores.tolist()]


@pytest.mark.parametrize(("length", "total"), [(16, 240), (64, 192), (128, 128), (256, 0), (2048, 0)])
def test_its_rows_of_equal_scores_sum_to_less_and_less(length, total):
    assert softmax(np.zeros(length, int)).sum() == total


def test_its_weights_are_powers_of_two_to_eight_octaves_below():
    """Every distance of two scores: a row of the maximum and one other, whose inverse is 255 from nine on."""
    below = np.arange(256)
    found = softmax(np.stack([np.full(256, 127), 127 - below], axis=1))[:, 1] / 255
    real = np.exp2(-below.astype(float)) / (1 + np.exp2(-below.astype(float)))
    assert np.abs(found - real).max() <= 2.0**-8
    assert not found[9:].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: softmax([0, 128]), r"scores\[1\] is 128; allowed: -128 to 127"),
        (lambda: ItaFactor(multiplier=256, shift=1), "multiplier is 256; allowed: 0 to 255"),
        (lambda: ItaFactor(multiplier=1, shift=0), "shift is 0; allowed: 1 to 31"),
        (lambda: ItaFactor(multiplier=1, shift=1, add=200), "add is 200"),
        (lambda: ItaWeights(**dict.fromkeys(("wq", "wk", "wv", "wo"), np.full((1, 1), 300)),
                         **dict.fromkeys(("bq", "bk", "bv", "bo"), np.zeros(1, int)), factors=()),
         r"wq\[0, 0\] is 300"),
        (lambda: ItaWeights(**dict.fromkeys(("wq", "wk", "wv", "wo"), np.zeros((1, 1), int)),
                         **dict.fromkeys(("bq", "bk", "bv", "bo"), np.zeros(1, int)), factors=()),
         r"len\(factors\) is 0; allowed: 7 to 7"),
    ],
)  # fmt: skip
def test_what_it_cannot_take_is_refused(make, message):
    with pytest.raises(BadValue, match=message):
        make()


def test_the_steps_are_those_of_a_layer():
    assert set(ita.STEPS) == set(THEIRS) - {"probabilities"}
