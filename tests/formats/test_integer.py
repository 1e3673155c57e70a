"""Integers against Python's own, and int4 and int2 against ml_dtypes."""

import ml_dtypes
import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import BF16, FP8_E4M3, FP16, FP32, Int, parse

ALL = [Int(w, s) for w in range(1, 65) for s in (True, False) if s or w < 64]
everywhere = pytest.mark.parametrize("fmt", ALL, ids=str)


@everywhere
def test_range_is_that_of_the_width(fmt):
    assert fmt.max - fmt.min + 1 == 1 << fmt.width
    assert fmt.min == (-(fmt.max + 1) if fmt.signed else 0)


@everywhere
def test_codes_are_the_value_modulo_two_to_the_width(fmt):
    values = sorted({fmt.min, fmt.min // 2, fmt.max // 3, fmt.max - 1, fmt.max})
    values = [v for v in values if v >= fmt.min]
    codes = fmt.encode(values)
    assert codes.dtype == np.uint64
    assert codes.tolist() == [v % (1 << fmt.width) for v in values]
    assert fmt.decode(codes).tolist() == values


@pytest.mark.parametrize(
    ("fmt", "dtype"),
    [
        (Int(4), ml_dtypes.int4),
        (Int(2), ml_dtypes.int2),
        (Int(4, False), ml_dtypes.uint4),
        (Int(8), np.int8),
    ],
    ids=str,
)
def test_wrap_and_decode_agree_with_the_oracle(fmt, dtype):
    values = np.arange(-512, 512)
    wanted = (values & (1 << fmt.width) - 1).astype(np.uint8)
    if fmt.width == 8:
        wanted = wanted.view(dtype)
    else:  # of a narrow integer, ml_dtypes keeps the low bits
        wanted = values.astype(np.int8).astype(dtype)
    assert np.array_equal(fmt.wrap(values), wanted.astype(np.int64))
    assert np.array_equal(fmt.decode(values % 1024), fmt.wrap(values % 1024))


def test_saturate_gives_the_nearest_value():
    assert Int(4).saturate(np.array([-100, -8, 3, 8])).tolist() == [-8, -8, 3, 7]
    assert Int(4, signed=False).saturate(np.array([-1, 16])).tolist() == [0, 15]


def test_a_value_outside_is_refused_by_name():
    with pytest.raises(BadValue, match=r"w\[1, 0\] is 128; allowed: -128 to 127"):
        Int(8).check("w", [[0], [128]])


@pytest.mark.parametrize(("width", "signed"), [(0, True), (65, True), (64, False), (True, True)])
def test_a_width_int64_cannot_hold_is_refused(width, signed):
    with pytest.raises(BadValue, match=r"Int.width is"):
        Int(width, signed)


@everywhere
def test_parse_reads_what_str_writes(fmt):
    assert parse(str(fmt)) == fmt


@pytest.mark.parametrize("fmt", [FP32, FP16, BF16, FP8_E4M3], ids=str)
def test_parse_knows_the_floats(fmt):
    assert parse(fmt.name) is fmt


@pytest.mark.parametrize("name", ["int0", "int65", "uint64", "int08", "", "int8 ", 8])
def test_parse_refuses_with_the_list(name):
    allowed = r"allowed: int1 to int64, uint1 to uint63, fp32, fp16, bf16, fp8_e4m3, fp8_e5m2"
    with pytest.raises(BadValue, match=allowed):
        parse(name)
