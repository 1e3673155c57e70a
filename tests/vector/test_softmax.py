"""Softmax of integers: against the equation in Python's integers, and against the real softmax."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.vector.piecewise import piecewise
from golden.vector.reciprocal import ReciprocalParams, reciprocal
from golden.vector.softmax import SoftmaxParams, cycles, softmax

U8 = Int(8, signed=False)
DEFAULT = SoftmaxParams()
NARROW = SoftmaxParams(out=U8, mantissa_bits=9, segment_bits=3)
LONG = SoftmaxParams(max_length=4096, fraction=10)
FINE = SoftmaxParams(fraction=12, segment_bits=3)
SMALL = SoftmaxParams(
    score=Int(8), fraction=4, out=Int(4, signed=False), mantissa_bits=6, segment_bits=1, max_length=12,
    lanes=3,
)  # fmt: skip
UNITS = [DEFAULT, NARROW, LONG, FINE]
units = pytest.mark.parametrize("p", UNITS, ids=["uint16", "uint8", "long", "fine"])
STATED = 0.8  # codes of out: the largest error against the real softmax of the same scores; rounding is 0.5


def real(p, scores, valid):
    """The softmax of 2, in codes of out, not rounded."""
    octaves = np.where(valid, scores / 2.0**p.fraction, -np.inf)
    largest = octaves.max(-1, keepdims=True)
    powers = np.exp2(octaves - np.where(np.isfinite(largest), largest, 0))
    return powers / np.maximum(powers.sum(-1, keepdims=True), 1e-300) * 2.0**p.out.width


def exact(p, scores, valid):
    """The module's equation, in integers without bound, element by element."""
    kept = [s for s, v in zip(scores, valid, strict=True) if v]
    if not kept:
        return [0] * len(scores)
    top = -(-max(kept) // 2**p.fraction)

    def weight(s):
        mantissa = int(piecewise(p.power, "exp2", s % 2**p.fraction))
        return mantissa * 2**p.guard // 2 ** (top - s // 2**p.fraction)

    total = sum(weight(s) for s in kept)
    exponent = total.bit_length() - 1
    x = (total * 2**p.reciprocal.bits >> exponent) - 2**p.reciprocal.bits
    mantissa = int(piecewise(p.reciprocal.inverse, "inverse", x))
    shift = p.reciprocal.bits + exponent - p.out.width

    def code(s):
        return min((2 * weight(s) * mantissa // 2**shift + 1) // 2, p.out.max)

    return [code(s) if v else 0 for s, v in zip(scores, valid, strict=True)]


def rows(p, seed, count, length, spread):
    """Scores about a random middle, `spread` octaves wide, and a mask of half or none of them."""
    rng = np.random.default_rng(seed)
    middle = rng.integers(p.score.min, p.score.max + 1, (count, 1))
    scores = np.rint(middle + rng.normal(0, spread * 2**p.fraction, (count, length)))
    valid = rng.random((count, length)) < rng.choice([0.5, 1.0], (count, 1))
    return np.clip(scores, p.score.min, p.score.max).astype(np.int64), valid


@pytest.mark.parametrize("p", [*UNITS, SMALL], ids=["uint16", "uint8", "long", "fine", "small"])
@pytest.mark.parametrize("spread", [0, 0.5, 4, 60])
def test_the_equation_in_unbounded_integers(p, spread):
    for length in (1, 2, 7, 12):
        scores, valid = rows(p, length, 12, length, spread)
        wanted = [exact(p, s, v) for s, v in zip(scores.tolist(), valid.tolist(), strict=True)]
        assert softmax(p, scores, valid).tolist() == wanted


@units
@pytest.mark.parametrize("spread", [0, 0.3, 1, 5, 40])
def test_the_error_against_the_real_softmax_is_the_stated_one(p, spread):
    for length in (1, 2, 3, 16, 65, p.max_length):
        scores, valid = rows(p, length, 40, length, spread)
        wanted = np.minimum(real(p, scores, valid), p.out.max)
        assert np.abs(softmax(p, scores, valid) - wanted).max() <= STATED


@units
def test_flat_rows_of_every_length_are_flat_and_sum_to_one(p):
    """To within 0.8 code an element; where the length divides 2^out.width the sum is 1, but for its clip."""
    for length in range(1, p.max_length + 1) if p.max_length <= 512 else (1, 3, 1000, 2048, 4095, 4096):
        codes = softmax(p, np.full(length, 77), np.ones(length, bool))
        assert len(set(codes.tolist())) == 1
        assert abs(int(codes.sum()) - (1 << p.out.width)) <= STATED * length + (length == 1)
        if (1 << p.out.width) % length == 0 and length > 1:
            assert abs(int(codes.sum()) - (1 << p.out.width)) <= 2 ** (p.out.width - 14)


@pytest.mark.parametrize("p", UNITS[:3], ids=["uint16", "uint8", "long"])  # whose scores span 2^5 octaves
def test_a_one_hot_row_is_one_hot(p):
    for length in (2, 31, p.max_length):
        scores = np.full(length, p.score.min)
        scores[length // 2] = p.score.max
        codes = softmax(p, scores, np.ones(length, bool))
        assert codes[length // 2] == p.out.max
        assert codes.sum() == p.out.max


@units
@pytest.mark.parametrize("end", ["min", "max"])
def test_rows_at_an_end_of_the_scores_are_like_any_other(p, end):
    score = getattr(p.score, end)
    assert softmax(p, [score] * 4, [True] * 4).tolist() == [1 << p.out.width - 2] * 4


@units
def test_a_row_without_a_valid_element_is_zeros(p):
    assert softmax(p, [[5, -5], [p.score.max, 0]], np.zeros((2, 2), bool)).tolist() == [[0, 0], [0, 0]]


@units
def test_what_is_not_valid_has_no_effect(p):
    scores, _ = rows(p, 3, 20, 16, 2)
    masked = np.concatenate([scores, np.full((20, 5), p.score.max)], axis=1)
    valid = np.arange(21) < 16
    codes = softmax(p, masked, np.broadcast_to(valid, masked.shape))
    assert np.array_equal(codes[:, :16], softmax(p, scores, np.ones((20, 16), bool)))
    assert not codes[:, 16:].any()


@units
def test_adding_whole_octaves_to_a_row_changes_nothing(p):
    scores, valid = rows(p, 4, 50, 32, 0.5)
    scores = np.clip(scores, p.score.min // 2, p.score.max // 2)
    assert np.array_equal(softmax(p, scores, valid), softmax(p, scores + (2 << p.fraction), valid))


def test_a_larger_score_has_no_smaller_probability():
    codes = softmax(DEFAULT, np.arange(-400, 112), np.ones(512, bool))
    assert (np.diff(codes) >= 0).all()


@pytest.mark.parametrize(("width", "bits"), [(12, 8), (17, 16), (36, 18), (49, 20)])
def test_the_reciprocal_is_as_good_as_its_bits(width, bits):
    p = ReciprocalParams(width=width, bits=bits)
    rng = np.random.default_rng(1)
    anything = rng.integers(1, 2**width, 3000) >> rng.integers(0, width, 3000)
    value = np.concatenate([2 ** np.arange(width), 2 ** np.arange(1, width + 1) - 1, anything[anything > 0]])
    mantissa, zeros = reciprocal(p, value)
    assert [width - int(v).bit_length() for v in value] == zeros.tolist()
    error = mantissa / 2.0**bits * value / 2.0 ** (width - 1 - zeros) - 1
    assert np.abs(error).max() <= 2.1 * 2.0**-bits


def test_the_reciprocal_of_a_power_of_two_is_exact():
    p = ReciprocalParams(width=36, bits=18)
    assert set(reciprocal(p, 2 ** np.arange(36))[0].tolist()) == {1 << 18}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lanes": 3}, "max_length is 512; allowed: multiples of lanes, 3"),
        ({"max_length": 4}, "max_length is 4; allowed: 8 to 16384"),
        ({"score": Int(16, signed=False)}, "score.signed is False"),
        ({"out": Int(16)}, "out.signed is True"),
        ({"out": Int(19, signed=False)}, "out.width is 19; allowed: 2 to 18"),
        ({"fraction": 16}, r"score.width is 16; allowed: 17 to 24 \(a bit above the fraction\)"),
        ({"segment_bits": 7}, "segment_bits is 7; allowed: 1 to 6"),
        ({"mantissa_bits": 4, "max_length": 8}, "width is 11; allowed: 19 to 62"),
    ],
)
def test_a_unit_that_cannot_be_is_refused(change, message):
    with pytest.raises(BadValue, match=message):
        SoftmaxParams(**change)


@pytest.mark.parametrize(
    ("scores", "valid", "message"),
    [
        ([0, 1 << 15], [1, 1], r"scores\[1\] is 32768"),
        ([0, 1], [1, 2], r"valid\[1\] is 2; allowed: 0 to 1"),
        ([0, 1], [1], r"valid.shape is \[1\]; allowed: \[2\]"),
        ([0] * 513, [1] * 513, r"scores.shape\[-1\] is 513; allowed: 1 to 512"),
    ],
)
def test_an_argument_outside_is_refused(scores, valid, message):
    with pytest.raises(BadValue, match=message):
        softmax(DEFAULT, scores, valid)


def test_cycles_are_three_passes_and_what_lies_between():
    assert cycles(DEFAULT, []) == 0
    assert cycles(DEFAULT, [1, 128]) == 3 * 129 + 2 * (DEFAULT.pause + DEFAULT.latency)
