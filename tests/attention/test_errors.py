"""Errors over whole domains: weights by exhaustion, rows by their bound, which rows made for it come near."""

import numpy as np
import pytest

from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.errors import row_bound, score_error
from golden.attention.row import weigh
from golden.attention.weights import mantissas, power_of, tops, weights, worst_errors
from golden.formats import Int

VARIANTS = {
    "int8": Arithmetic(), "int8-w20": Arithmetic(weight_bits=20), "coarse": Arithmetic(segment_bits=1),
    "int8-table": Arithmetic(segment_bits=8, degree=0), "fp16": fp16(),
    "fp16-w16": fp16(weight_bits=16, segment_bits=4),
}  # fmt: skip
every = pytest.mark.parametrize("p", VARIANTS.values(), ids=VARIANTS)


@every
def test_a_weight_is_at_most_so_far_from_a_power_of_two(p):
    """Every score below a maximum, as the engine weighs it."""
    errors = worst_errors(p)
    s = np.arange(p.score.min, p.score.max + 1)
    for top in (s.max(), s.max() - 3):
        codes = s[s <= top]
        m = tops(p, codes, np.ones(codes.shape, bool))
        found = weights(p, codes, m)
        real = np.exp2(codes / 2**p.fraction - m + p.weight_bits)
        assert (np.diff(found) >= 0).all()
        assert np.abs(found - real).max() <= errors.absolute * 2**p.weight_bits * (1 + 1e-9)
    power = np.abs(power_of(p, s) / np.exp2(s / 2**p.fraction) - 1)
    assert power.max() == pytest.approx(errors.relative)


@every
def test_every_whole_octave_is_exact(p):
    octaves = np.arange(p.score.min, p.score.max + 1, 1 << p.fraction)
    assert (mantissas(p, octaves) == 1 << p.weight_bits).all()
    assert np.array_equal(power_of(p, octaves), np.exp2(octaves / 2**p.fraction))


def rows(p, rng, keys):
    """Scores of every kind, and such that all weights but one are cut, each by almost a bit."""
    spread = rng.choice([0, 1, 4, 12], (60, 1)) << p.fraction
    anything = np.rint(rng.normal(0, 1, (60, keys)) * spread)
    below = int(np.floor(np.log2(1.97 / 2**p.weight_bits) * 2**p.fraction))
    cut = np.full((60, keys), below)
    cut[:, 0] = rng.integers(-(1 << p.fraction) + 1, 1, 60)
    return np.clip(np.concatenate([anything, cut]), p.score.min, p.score.max).astype(np.int64)


@every
@pytest.mark.parametrize("keys", [2, 16, 512])
def test_rows_keep_their_bound(p, keys):
    rng = np.random.default_rng(keys)
    s = rows(p, rng, keys)
    unit = 1.0 if p.floating else 2.0**-p.out_fraction
    v = rng.integers(-128, 128, (keys, 8))
    if p.floating:
        v = rng.normal(0, 1, (keys, 8)).astype(np.float16).astype(float)
    v[0], v[1:, 0] = v.max(), v.min()
    found = weigh(p, s, np.zeros(s.shape, bool), v, np.ones(s.shape, bool)).out * unit
    powers = np.exp2(s / 2**p.fraction - (s.max(-1, keepdims=True) >> p.fraction))
    real = powers @ v / powers.sum(-1, keepdims=True)
    bound = row_bound(p, keys).of(v, real)
    assert (np.abs(found - real) <= bound).all()
    if keys == 512:  # the bound is not idle: rows made for it reach a fifth of it
        assert (np.abs(found - real) / bound).max() >= 0.2


def test_a_score_of_eight_bits_below_an_octave_costs_a_seventh_of_a_percent():
    assert score_error(Arithmetic()) == pytest.approx(1.4e-3, rel=0.05)
    assert score_error(fp16()) == pytest.approx(8.5e-5, rel=0.01)


@pytest.mark.parametrize("score", [Int(8), Int(12)], ids=str)
def test_narrow_scores_are_weighed_as_wide_ones(score):
    narrow, wide = Arithmetic(score=score, fraction=6), Arithmetic(score=Int(16), fraction=6)
    s = np.arange(score.min, score.max + 1)
    m = tops(wide, s, np.ones(s.shape, bool))
    assert np.array_equal(weights(narrow, s, m), weights(wide, s, m))
