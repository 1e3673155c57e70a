"""Leaving the maximum out: what the bound accepts is safe in the format's own arithmetic, nothing else is."""

import numpy as np
import pytest

from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.bounds import check_integer, check_natural, check_octaves, static_bound
from golden.attention.products import dots
from golden.attention.weights import power_of
from golden.check import BadValue
from golden.formats import FP8_E4M3, FP16, FP32, Float, Int

TYPES = {"fp32": (FP32, np.float32), "fp16": (FP16, np.float16)}
SIDE = 2.0**-8  # beside a bound, in scores


def accepted(check, *given):
    try:
        check(*given)
    except BadValue as refused:
        assert "without a maximum" in str(refused)
        return False
    return True


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize(("keys", "value"), [(8, 1.0), (512, 1.0), (1, 6.0), (8, 6.0), (512, 6.0)])
def test_both_sides_of_the_largest_sum(name, keys, value):
    """What is accepted gives a finite sum in numpy's arithmetic, what is refused an infinite one."""
    fmt, dtype = TYPES[name]
    edge = np.log(fmt.max) - np.log(keys * value)
    for score in (edge - SIDE, edge + SIDE):
        with np.errstate(over="ignore"):
            terms = np.full(keys, np.exp(dtype(score))) * dtype(value)
            total = np.add.reduce(terms, dtype=dtype)
        assert accepted(check_natural, fmt, score, keys, value) == np.isfinite(total) == (score < edge)


@pytest.mark.parametrize("name", TYPES)
def test_both_sides_of_the_least_weight(name):
    """A row whose scores are all -B: its weights are normal numbers, or lose bits."""
    fmt, dtype = TYPES[name]
    least = float(np.finfo(dtype).tiny)
    for score in (-np.log(least) - SIDE, -np.log(least) + SIDE):
        assert accepted(check_natural, fmt, score, 1) == (float(np.exp(dtype(-score))) >= least)


@pytest.mark.parametrize(("fmt", "keys", "largest"), [(FP32, 1, 87.33), (FP32, 512, 82.48), (FP16, 1, 9.70),
                                                      (FP16, 512, 4.85)])  # fmt: skip
def test_the_published_bounds(fmt, keys, largest):
    assert accepted(check_natural, fmt, largest, keys)
    assert not accepted(check_natural, fmt, largest + 0.01, keys)


@pytest.mark.parametrize(("bits", "safe"), [(8, False), (9, True)])
def test_one_bit_of_exponent_more_than_fp32_holds_every_clipped_score(bits, safe):
    """128 octaves either way, 65,536 keys, INT8 values: an exponent of 8 bits is refused, of 9 accepted."""
    p = Arithmetic()
    largest = 2.0 ** (p.score.width - 1 - p.fraction)
    wide = Float("wide", bits, 16)
    assert accepted(check_octaves, wide, largest, 1 << 16, 128.0) == safe
    ends = power_of(p, [p.score.min, p.score.max])
    total = ends[1] * 2.0**16 * 128
    assert (total < wide.max and ends[0] >= 2.0 ** (1 - wide.bias)) == safe


@pytest.mark.parametrize("keys", [1, 7, 512])
def test_both_sides_of_an_integer(keys):
    for octaves in (3, 5, 6, 12):
        assert accepted(check_integer, 15, octaves, keys) == (keys << octaves < 1 << 15)


def test_codes_have_a_bound_of_their_own():
    p = Arithmetic(head_dim=32)
    scale = 0.01
    largest, _ = dots(p, np.full((1, 32), -128), np.full((1, 32), -128))
    assert static_bound(p, scale) == pytest.approx(float(largest[0, 0]) * scale)
    with pytest.raises(BadValue, match="query is fp16; allowed: integers"):
        static_bound(fp16(), scale)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: check_natural(FP32, 100.0, 512), "largest scores, without a maximum is 100; allowed: less"),
        (lambda: check_natural(FP32, float("nan"), 512), "is nan"),
        (lambda: check_natural(FP32, -1.0, 512), "is -1"),
        (lambda: check_natural(FP8_E4M3, 1.0, 512), "sums is fp8_e4m3"),
        (lambda: check_octaves(FP32, 1.0, 0), "keys is 0; allowed: 1 to 65536"),
        (lambda: check_integer(16, 8.0, 512), "is 8; allowed: less than 7.00: their sum over 512 keys"),
    ],
)
def test_a_refusal_names_the_numbers(make, message):
    with pytest.raises(BadValue, match=message):
        make()


def test_int4_codes_need_no_maximum():
    p = Arithmetic(query=Int(4), key=Int(4), value=Int(4))
    check_natural(FP32, static_bound(p, 1 / 8 / 49 * 2), 512, 8.0)
