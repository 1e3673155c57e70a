"""Operators that only move codes, and bad arguments of integer operators."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.tflite import fixed_point, moving
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.integer_run import Runner

CODES = np.arange(2 * 6 * 5, dtype=np.int8).reshape(2, 6, 5)


@pytest.fixture
def same(writer, oracle):
    """A maker of checks: one operator on CODES against TFLite. shapes: of the results."""

    def check(kind, constants, shapes, table=None, first=True, **options):
        x = writer.tensor(CODES.shape, scale=0.5, zero=3)
        more = [writer.constant(np.array(value, np.int32)) for value in constants]
        results = [writer.tensor(shape, scale=0.5, zero=3) for shape in shapes]
        writer.add(kind, [x, *more] if first else [*more, x], results, table, **options)
        data = writer.bytes([x], results)
        wanted = oracle(data).step(CODES, outputs=len(results))
        found = Runner(reader.from_bytes(data, "test.tflite", "test")).step({f"t{x}": CODES})
        for index, value in zip(results, wanted, strict=True):
            np.testing.assert_array_equal(found[f"t{index}"], value)

    return check


def test_reshape(same):
    same("RESHAPE", [[4, 15]], [(4, 15)])


def test_pad_is_of_real_zero(same):
    same("PAD", [[[0, 1], [2, 0], [0, 0]]], [(3, 8, 5)])


def test_split_takes_its_axis_first(same):
    same("SPLIT", [1], [(2, 2, 5)] * 3, "SplitOptions", first=False, NumSplits=3)


def test_split_into_unequal_parts(same):
    same("SPLIT_V", [[1, 3, 2], 1], [(2, 1, 5), (2, 3, 5), (2, 2, 5)], "SplitVOptions", NumSplits=3)


def test_strided_slice(same):
    same("STRIDED_SLICE", [[0, -4, 0], [2, 9, 5], [1, 2, 1]], [(2, 2, 5)], "StridedSliceOptions", EndMask=1)


def test_strided_slice_backwards(same):
    options = {"BeginMask": 2, "EndMask": 2}
    same("STRIDED_SLICE", [[0, 0, 1], [2, 0, 4], [1, -2, 1]], [(2, 3, 3)], "StridedSliceOptions", **options)


def test_strided_slice_that_drops_an_axis(same):
    ends = [[1, 2, 0], [2, 3, 5], [1, 1, 1]]
    same("STRIDED_SLICE", ends, [(1, 5)], "StridedSliceOptions", ShrinkAxisMask=2)


def test_concatenation(writer, oracle):
    a, b = writer.tensor(CODES.shape, scale=0.5), writer.tensor((2, 1, 5), scale=0.5)
    y = writer.tensor((2, 7, 5), scale=0.5)
    writer.add("CONCATENATION", [a, b], [y], "ConcatenationOptions", Axis=-2)
    data, values = writer.bytes([a, b], [y]), (CODES, CODES[:, :1])
    runner = Runner(reader.from_bytes(data, "t.tflite", "t"))
    found = runner.step({"t0": values[0], "t1": values[1]})
    np.testing.assert_array_equal(found["t2"], oracle(data).step(*values)[0])


def test_a_move_that_would_change_the_scale_is_refused(writer):
    x, shape = writer.tensor((4,), scale=0.5), writer.constant(np.array([2, 2], np.int32))
    y = writer.tensor((2, 2), scale=0.25)
    writer.add("RESHAPE", [x, shape], [y])
    runner = Runner(reader.from_bytes(writer.bytes([x], [y]), "t.tflite", "t"))
    with pytest.raises(BadValue, match=r"operator 0 \(RESHAPE\): scale of t2 is 0.25; allowed: 0.5"):
        runner.step({"t0": np.zeros(4, np.int8)})


@pytest.mark.parametrize("sizes", [(4, 3), (-1, -1), (7, -1)])
def test_parts_that_do_not_add_up(sizes):
    with pytest.raises(BadValue, match="sizes is"):
        moving.split(CODES, sizes, 1)


def test_stride_of_zero():
    with pytest.raises(BadValue, match="stride is 0"):
        moving.slices((4,), [0], [4], [0])


ROUNDED = [("double", -6, -2), ("upward", -6, -1), ("single", -6, -1), ("double", 6, 2), ("upward", 6, 2)]


@pytest.mark.parametrize("rounding, x, wanted", ROUNDED)
def test_a_half_is_rounded_as_the_variant_says(rounding, x, wanted):
    quarter = fixed_point.quantise_multiplier(np.array([0.25]))
    assert fixed_point.multiply(np.array([x]), *quarter, rounding)[0] == wanted


@pytest.mark.parametrize("real", [1e-9, 0.3, 0.99999999999, 1.0, 37.5, 0.0])
def test_a_multiplier_is_within_a_unit_of_its_significand(real):
    multiplier, shift = fixed_point.quantise_multiplier(np.array([real]))
    assert abs(multiplier[0] * 2.0 ** (shift[0] - 31) - real) <= real * 2.0**-31


def test_single_and_double_rounding_differ_by_at_most_one():
    random = np.random.default_rng(0)
    x = random.integers(-(1 << 24), 1 << 24, 100_000)
    multiplier, shift = fixed_point.quantise_multiplier(random.uniform(1e-6, 1e-3, 100_000))
    exact = np.array(x * multiplier.astype(object) / 2.0 ** (31 - shift), float)
    for rounding in fixed_point.ROUNDINGS:
        found = fixed_point.multiply(x, multiplier, shift, rounding)
        assert np.abs(found - exact).max() <= (0.5 if rounding == "single" else 1.0) + 1e-6
