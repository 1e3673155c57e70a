"""EXPONENTIAL: against the equation in float64, which is far from every tie but the exact ones."""

import numpy as np
import pytest

from golden.accelerator.exponential import (
    GREATEST,
    LONGEST,
    R,
    cycles,
    exponential,
    latency,
    r_latency,
    row_reciprocal,
    tree_registers,
)
from golden.accelerator.params import AcceleratorParams
from golden.check import BadValue
from golden.systolic.params import MatrixUnitParams

P = AcceleratorParams()
LANES = P.lanes
STATED = 0.6  # of r; rounding is 0.5


def command(count0=1, count1=1, count2=1, length=None, length_step=0):
    length = count0 * LANES if length is None else length
    counts = {"count0": count0, "count1": count1, "count2": count2}
    return counts | {"length": length, "length_step": length_step}


def run(scores, **given):
    """Of scores [rows, n]."""
    scores = np.asarray(scores)[None]
    codes, r = exponential(P, command(scores.shape[2] // LANES, scores.shape[1], **given), scores)
    return codes[0], r[0]


def wanted(scores):
    """Codes of one row, all valid."""
    return np.floor(GREATEST * np.exp2((scores - scores.max()) / 256.0) + 0.5)


def test_all_codes_are_the_correctly_rounded_ones():
    """One row holds LONGEST distances below its greatest; four of them and an offset hold all there are."""
    for start in range(0, 1 << 16, LONGEST - 1):
        below = np.minimum(np.arange(start, start + LONGEST - 1), (1 << 16) - 1)
        scores = (1 << 15) - 1 - np.concatenate([[0], below])
        assert np.array_equal(run(scores[None])[0][0], wanted(scores))


@pytest.mark.parametrize("spread", [0, 10, 300, 3000])
@pytest.mark.parametrize("vectors", [1, 2, 8, 31])
def test_random_rows(spread, vectors):
    rng = np.random.default_rng(vectors)
    middle = rng.integers(-(1 << 15), 1 << 15, (50, 1))
    scores = np.rint(middle + rng.normal(0, spread, (50, vectors * LANES)))
    scores = np.clip(scores, -(1 << 15), (1 << 15) - 1).astype(np.int64)
    codes, r = run(scores)
    assert np.array_equal(codes, [wanted(row) for row in scores])
    assert np.abs(r - 2.0**22 / codes.sum(-1)).max() <= STATED


def test_r_of_every_sum_is_within_the_stated_error():
    total = np.arange(GREATEST, GREATEST * LONGEST + 1)
    r = row_reciprocal(total)
    assert np.abs(r - 2.0**22 / total).max() <= STATED
    assert (r.min(), r.max()) == (2, 33026)
    assert r.max() <= R.max


def test_probabilities_are_as_good_as_eight_bits_allow():
    """Against the real softmax in base 2: half a code of the greatest, and r's own error."""
    rng = np.random.default_rng(1)
    scores = np.rint(rng.normal(0, 400, (200, 8 * LANES))).astype(np.int64)
    codes, r = run(scores)
    powers = np.exp2((scores - scores.max(-1, keepdims=True)) / 256.0)
    probability = powers / powers.sum(-1, keepdims=True)
    assert np.abs(codes * r[:, None] / 2.0**22 - probability).max() <= 0.004


def test_what_is_not_valid_counts_for_nothing():
    rng = np.random.default_rng(2)
    scores = rng.integers(-2000, 2000, (1, 3 * LANES))
    for length in range(3 * LANES + 1):
        masked = scores.copy()
        masked[:, length:] = (1 << 15) - 1
        codes, r = run(masked, length=length)
        assert not codes[:, length:].any()
        if length:
            assert np.array_equal(codes[0, :length], wanted(scores[0, :length]))
            assert abs(r[0] - 2.0**22 / codes.sum()) <= STATED
        else:
            assert r.tolist() == [0]


@pytest.mark.parametrize(("length", "step"), [(1, 1), (5, -2), (0, 3), (65535, -32768), (3, 32767)])
def test_the_length_steps_with_loop_1_and_starts_again_with_loop_2(length, step):
    scores = np.zeros((3, 40, 2 * LANES), np.int64)
    codes, r = exponential(P, command(2, 40, 3, length, step), scores)
    lengths = [min(max(length + step * row, 0), 2 * LANES) for row in range(40)]
    assert [np.count_nonzero(row) for row in codes[1]] == lengths
    assert np.array_equal(codes[0], codes[2])
    flat = [round(2**22 / (GREATEST * each)) if each else 0 for each in lengths]
    assert np.abs(r[2] - flat).max() <= 1


def test_cycles_count_every_vector_twice_and_no_pause():
    assert cycles(P, command(8, 16, 12)) == 2 * 8 * 16 * 12 + r_latency(P)
    assert [tree_registers(lanes) for lanes in (4, 8, 16, 32, 64)] == [1, 2, 2, 3, 3]
    wide = AcceleratorParams(unit=MatrixUnitParams(rows=64, cols=64))
    assert (latency(P), r_latency(P)) == (6, 15)
    assert (latency(wide), r_latency(wide)) == (7, 17)


@pytest.mark.parametrize(
    ("given", "scores", "message"),
    [
        (command(), np.zeros((1, 1, LANES + 1), int), "scores.shape"),
        (command(), np.full((1, 1, LANES), 1 << 15), r"scores\[0, 0, 0\] is 32768"),
        (command(LONGEST // LANES + 1), np.zeros((1, 1, LONGEST + LANES), int), "count0 . lanes is 16400"),
    ],
)
def test_an_argument_outside_is_refused(given, scores, message):
    with pytest.raises(BadValue, match=message):
        exponential(P, given, scores)
