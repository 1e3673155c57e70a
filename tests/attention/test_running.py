"""Running sums: three ways of one result, against float64 within the stated bounds, and what is refused."""

import numpy as np
import pytest

from golden.attention import running
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.weights import power_of, worst_errors
from golden.check import BadValue
from golden.formats import FP16, FP32, Float, Int
from golden.formats.arithmetic import add

WIDE = Float("wide", 9, 23)
INTEGERS, FLOATS = Arithmetic(), fp16(weight_bits=23)
WAYS = {"int8": INTEGERS, "fp16": FLOATS}
SPREADS = (1, 5, 20, 60)  # standard deviations of scores, octaves


def rows_of(p, rng, *, rows, keys, spread, d=5, share=0.9):
    """(scores, values, which count): normal scores, clipped; some rows rise from key to key."""
    real = rng.normal(0, spread, (rows, keys))
    real[: rows // 4] = np.sort(real[: rows // 4], axis=1)
    s = p.score.saturate(np.rint(np.ldexp(real, p.fraction)).astype(np.int64))
    if p.floating:
        v = FP16.quantise(np.ldexp(rng.normal(size=(keys, d)), rng.integers(-20, 8, (keys, d))))
    else:
        v = rng.integers(p.value.min, p.value.max + 1, (keys, d)).astype(float)
    return s, v, rng.random((rows, keys)) < share


def weights_of(p, s, valid):
    return np.where(valid, power_of(p, s), 0.0)


def scaled(sums):
    """l, o without the octaves."""
    return np.ldexp(sums.total, sums.octave), np.ldexp(sums.weighted, sums.octave[:, None])


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("p", WAYS.values(), ids=WAYS)
def test_no_maximum_a_running_one_and_one_known_before_give_the_same_bits(p, spread):
    s, v, valid = rows_of(p, np.random.default_rng(spread), rows=150, keys=256, spread=spread)
    wide = scaled(running.wide(WIDE, weights_of(p, s, valid), v))
    for way in (running.running, running.two_pass):
        for found, wanted in zip(scaled(way(p, FP32, s, v, valid)), wide, strict=True):
            assert np.array_equal(found, wanted)
    assert len(np.unique(wide[0])) > 140  # of 150 rows: they are no trivial sums


def test_a_wide_exponent_is_needed_where_scores_cancel_in_fp32():
    """Of a row whose largest terms cancel, fp32 below a maximum loses the small ones."""
    s = INTEGERS.score.saturate(np.array([[100, 100, -90]]) << 8)
    v, valid = np.array([[3.0], [-3.0], [1.0]]), np.ones((1, 3), bool)
    assert running.wide(WIDE, power_of(INTEGERS, s), v).weighted == 2.0**-90
    assert running.running(INTEGERS, FP32, s, v, valid).weighted == 0


@pytest.mark.parametrize("keys", [1, 64, 1024])
@pytest.mark.parametrize("spread", SPREADS[:3])
@pytest.mark.parametrize("p", WAYS.values(), ids=WAYS)
def test_sums_are_within_the_stated_bounds_of_float64(p, spread, keys):
    rng = np.random.default_rng(keys + spread)
    s, v, valid = rows_of(p, rng, rows=40, keys=keys, spread=spread, share=1.0)
    sums = running.wide(WIDE, weights_of(p, s, valid), v)
    exact = np.exp2(np.ldexp(s.astype(float), -p.fraction))
    of_total, of_quotient = running.bounds(WIDE, keys, worst_errors(p).relative)
    assert (np.abs(sums.total / exact.sum(1) - 1) <= of_total + 1e-15).all()
    error = np.abs(sums.weighted / sums.total[:, None] - exact @ v / exact.sum(1, keepdims=True))
    assert error.max() <= of_quotient * np.abs(v).max()


def test_half_precision_sums_stay_below_a_hundredth_up_to_their_most_keys():
    p = fp16(weight_bits=10)
    fmt, rng = Float("half", 9, running.NARROW), np.random.default_rng(3)
    s, v, valid = rows_of(p, rng, rows=40, keys=running.MOST_KEYS, spread=1, share=1.0)
    v = FP16.quantise(rng.normal(1, 1, v.shape))
    sums = running.wide(fmt, weights_of(p, s, valid), v)
    exact = np.exp2(np.ldexp(s.astype(float), -p.fraction))
    error = np.abs(sums.weighted / sums.total[:, None] - exact @ v / exact.sum(1, keepdims=True))
    assert 1e-4 < error.max() / np.abs(v).max() < 1e-2
    _, bound = running.bounds(fmt, running.MOST_KEYS, worst_errors(p).relative)
    assert error.max() <= bound * np.abs(v).max()


def test_a_flat_row_of_half_precision_stagnates_which_is_why_more_keys_are_refused():
    fmt = Float("half", 9, running.NARROW)
    assert running.wide(fmt, np.ones((1, 4096)), np.ones((4096, 1))).total == 2048
    running.check_keys(fmt, 256)
    running.check_keys(WIDE, 1 << 16)
    with pytest.raises(BadValue, match=r"keys of a row is 257; allowed: 0 to 256 \(sums of 11 bits\)"):
        running.check_keys(fmt, 257)


@pytest.mark.parametrize("spread", SPREADS)
def test_values_of_one_give_exactly_the_sum_of_weights(spread):
    s, _, valid = rows_of(INTEGERS, np.random.default_rng(4), rows=50, keys=300, spread=spread)
    sums = running.wide(WIDE, weights_of(INTEGERS, s, valid), np.ones((300, 2)))
    assert np.array_equal(sums.weighted, np.stack([sums.total] * 2, axis=1))


@pytest.mark.parametrize("way", [running.running, running.two_pass])
def test_a_row_of_which_no_key_counts_has_sums_of_zero(way):
    s, v, _ = rows_of(INTEGERS, np.random.default_rng(5), rows=3, keys=7, spread=3)
    nothing = np.zeros(s.shape, bool)
    for sums in (way(INTEGERS, FP32, s, v, nothing), running.wide(WIDE, weights_of(INTEGERS, s, nothing), v)):
        assert not sums.total.any() and not sums.weighted.any()


def test_keys_that_do_not_count_change_no_bit():
    s, v, valid = rows_of(FLOATS, np.random.default_rng(6), rows=30, keys=50, spread=5, share=0.5)
    sums = running.wide(WIDE, weights_of(FLOATS, s, valid), v)
    for row, kept in enumerate(valid):
        alone = running.wide(WIDE, power_of(FLOATS, s[row, kept])[None], v[kept])
        assert alone.total == sums.total[row] and np.array_equal(alone.weighted[0], sums.weighted[row])


def test_one_addition_of_float64_is_the_sum_rounded_once():
    rng = np.random.default_rng(7)
    a = WIDE.quantise(np.ldexp(rng.normal(size=1 << 18), rng.integers(-30, 30, 1 << 18)))
    near = WIDE.quantise(-a * (1 + rng.integers(-4, 5, len(a)) * 2.0**-23))
    b = np.where(rng.random(len(a)) < 0.3, near, rng.permutation(a))
    halves = np.ldexp(np.where(a == 0, 1, a), -24)  # ties, and just beside them
    for other in (b, WIDE.quantise(halves), WIDE.quantise(halves * (1 + 2.0**-23))):
        assert np.array_equal(running.plus(WIDE, a, other), add(WIDE, a, other))


@pytest.mark.parametrize(
    ("p", "exponent_bits", "fits"),
    [
        (INTEGERS, 9, True),
        (FLOATS, 9, True),
        (INTEGERS, 8, False),
        (FLOATS, 8, False),
        (Arithmetic(score=Int(15)), 8, True),
        (Arithmetic(score=Int(17)), 9, False),
        (fp16(weight_bits=23, score=Int(18)), 8, True),
    ],
)
def test_no_maximum_is_safe_by_its_bound_or_refused(p, exponent_bits, fits):
    """And where it is safe, rows at both ends of a score stay normal numbers."""
    fmt = Float("sum", exponent_bits, 23)
    if not fits:
        with pytest.raises(BadValue, match="octaves of a score, without a maximum, in sums of"):
            running.check_range(p, fmt)
        return
    running.check_range(p, fmt)
    v = np.full((9, 1), FP16.max if p.floating else p.value.min)
    for end in (p.score.min, p.score.max):
        s = np.full((1, 9), end)
        sums = running.wide(fmt, power_of(p, s), v)
        assert np.isfinite(sums.weighted).all() and (np.abs(sums.weighted) >= 2.0 ** (1 - fmt.bias)).all()
        assert np.allclose(sums.weighted[:, 0] / sums.total, v[0], rtol=1e-6)
