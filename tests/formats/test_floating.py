"""Floating point against numpy, ml_dtypes, and exact fractions."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.check import BadValue
from golden.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, Float

FP4 = Float("fp4_e2m1", 2, 1, "none")
FP6_E3M2 = Float("fp6_e3m2", 3, 2, "none")
FP6_E2M3 = Float("fp6_e2m3", 2, 3, "none")
DTYPES = {
    FP16: np.float16,
    BF16: ml_dtypes.bfloat16,
    FP8_E4M3: ml_dtypes.float8_e4m3fn,
    FP8_E5M2: ml_dtypes.float8_e5m2,
    FP6_E3M2: ml_dtypes.float6_e3m2fn,
    FP6_E2M3: ml_dtypes.float6_e2m3fn,
    FP4: ml_dtypes.float4_e2m1fn,
}
small = pytest.mark.parametrize("fmt", DTYPES, ids=str)
with_nan = pytest.mark.parametrize("fmt", [FP16, BF16, FP8_E4M3, FP8_E5M2], ids=str)


def oracle_decode(fmt, codes):
    unsigned = np.uint16 if fmt.width > 8 else np.uint8
    with np.errstate(invalid="ignore"):  # signalling NaNs
        return codes.astype(unsigned).view(DTYPES[fmt]).astype(np.float64)


def oracle_encode(fmt, values):
    """From float32: ml_dtypes goes through it, so a float64 might be rounded twice."""
    assert np.array_equal(values.astype(np.float32), values, equal_nan=True)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32).astype(DTYPES[fmt])
    return narrow.view(np.uint16 if fmt.width > 8 else np.uint8).astype(np.uint64)


def numbers(fmt):
    """Every number of the format from 0 up."""
    return fmt.decode(np.arange(fmt.max_code + 1))


def around_ties(fmt):
    """Both signs of each number and each midpoint, and of their float32 neighbours."""
    up = numbers(fmt)
    exact = np.concatenate([up, (up[1:] + up[:-1]) / 2, [2 * up[-1] - (up[-1] + up[-2]) / 2]])
    exact = np.float32(exact)
    near = [exact, np.nextafter(exact, np.float32(0)), np.nextafter(exact, np.float32(np.inf))]
    return np.concatenate([*near, *(-x for x in near)]).astype(np.float64)


@small
def test_every_code_decodes_as_the_oracle_does(fmt):
    codes = np.arange(1 << fmt.width)
    got, wanted = fmt.decode(codes), oracle_decode(fmt, codes)
    assert np.array_equal(got, wanted, equal_nan=True)
    assert np.array_equal(np.signbit(got), np.signbit(wanted))


@small
def test_every_number_encodes_to_its_own_code(fmt):
    codes = np.arange(1 << fmt.width, dtype=np.uint64)
    codes = codes[(codes & np.uint64((1 << fmt.width - 1) - 1)) <= fmt.max_code]
    assert np.array_equal(fmt.encode(fmt.decode(codes)), codes)


@small
def test_encode_around_every_tie(fmt):
    values = around_ties(fmt)
    assert np.array_equal(fmt.encode(values), oracle_encode(fmt, values))


@small
def test_encode_over_the_range_of_float32(fmt):
    bits = np.random.default_rng(2).integers(0, 2**32, 200_000, np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)].astype(np.float64)
    assert np.array_equal(fmt.encode(values), oracle_encode(fmt, values))


@with_nan
def test_infinity_and_nan_encode_as_the_oracle_does(fmt):
    values = np.array([np.inf, -np.inf, np.nan, -np.nan, 0.0, -0.0])
    assert np.array_equal(fmt.encode(values), oracle_encode(fmt, values))


def test_fp32_decodes_as_numpy_does():
    codes = np.random.default_rng(3).integers(0, 2**32, 200_000, np.uint32)
    codes[:6] = [0, 1, 0x007FFFFF, 0x7F800000, 0x7FC00000, 0x80000001]
    with np.errstate(invalid="ignore"):  # signalling NaNs
        wanted = codes.view(np.float32).astype(np.float64)
    assert np.array_equal(FP32.decode(codes), wanted, equal_nan=True)


@pytest.mark.parametrize(("fmt", "dtype"), [(FP32, np.float32), (FP16, np.float16)], ids=["fp32", "fp16"])
def test_encode_from_float64_as_numpy_does(fmt, dtype):
    rng = np.random.default_rng(4)
    values = np.ldexp(rng.uniform(-2, 2, 100_000), rng.integers(-160, 130, 100_000))
    values[:5] = [np.inf, -np.inf, np.nan, 5e-324, 1e308]
    with np.errstate(over="ignore"):
        wanted = values.astype(dtype).view(f"u{fmt.width // 8}")
    assert np.array_equal(fmt.encode(values), wanted)


@pytest.mark.parametrize("fmt", [BF16, FP8_E4M3], ids=str)
@given(x=st.floats(-400, 400))
def test_a_float64_rounds_once_to_the_nearest_even(fmt, x):
    code = int(fmt.encode(abs(x)))
    near = [c for c in (code - 1, code, code + 1) if 0 <= c <= fmt.max_code]
    distance = {c: abs(Fraction(float(fmt.decode(c))) - Fraction(abs(x))) for c in near}
    assert code == min(near, key=lambda c: (distance[c], c & 1))


def test_a_value_just_above_a_tie_is_not_rounded_twice():
    x = 1 + 2.0**-8 + 2.0**-40  # by way of float32 it would become the tie, and 1.0
    assert BF16.quantise(x) == 1 + 2.0**-7


@pytest.mark.parametrize(
    ("fmt", "largest", "least"),
    [
        (FP32, float(np.finfo(np.float32).max), 2.0**-149),
        (FP16, 65504.0, 2.0**-24),
        (BF16, float(ml_dtypes.finfo(ml_dtypes.bfloat16).max), 2.0**-133),
        (FP8_E4M3, 448.0, 2.0**-9),
        (FP8_E5M2, 57344.0, 2.0**-16),
        (FP4, 6.0, 0.5),
    ],
    ids=str,
)
def test_range(fmt, largest, least):
    assert (fmt.max, fmt.min, float(fmt.decode(1))) == (largest, -largest, least)


@pytest.mark.parametrize(
    ("fmt", "quantised"),
    [
        (FP16, [65504.0, np.inf, -np.inf, np.inf]),
        (Float("fp16", 5, 10, saturating=True), [65504.0, 65504.0, -65504.0, 65504.0]),
        (FP8_E4M3, [np.nan, np.nan, np.nan, np.nan]),
        (Float("e4m3", 4, 3, "nan", saturating=True), [448.0, 448.0, -448.0, 448.0]),
        (FP4, [6.0, 6.0, -6.0, 6.0]),
    ],
    ids=["fp16", "fp16-saturating", "e4m3", "e4m3-saturating", "fp4"],
)
def test_overflow_does_what_the_format_says(fmt, quantised):
    values = [65519.99, 65520.0, -1e300, np.inf]
    assert np.array_equal(fmt.quantise(values), quantised, equal_nan=True)


def test_saturation_keeps_nan():
    assert np.isnan(Float("e4m3", 4, 3, "nan", saturating=True).quantise(np.nan))


def test_a_format_without_nan_refuses_it():
    with pytest.raises(BadValue, match=r"values is nan; allowed: numbers \(fp4_e2m1 has no NaN\)"):
        FP4.encode([0.0, np.nan])


def test_shape_is_kept():
    assert FP16.quantise(np.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert FP16.encode(1.0).shape == ()


def test_check_names_what_the_format_does_not_hold():
    assert FP16.check("w", [0.5, np.nan, np.inf]).dtype == np.float64
    with pytest.raises(BadValue, match=r"w\[1\] is 0.1; allowed: numbers fp16 holds exactly"):
        FP16.check("w", [0.5, 0.1])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((1, 3), "x.exponent_bits is 1; allowed: 2 to 9"),
        ((5, 24), "x.mantissa_bits is 24; allowed: 1 to 23"),
        ((5, 2, "inf"), "x.specials is 'inf'; allowed: ieee, nan, none"),
    ],
)
def test_parameters_out_of_range_are_refused(fields, message):
    with pytest.raises(BadValue, match=message):
        Float("x", *fields)
