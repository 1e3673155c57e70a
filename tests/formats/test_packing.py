"""Packing against Python's unbounded integers: a word is the sum of code << i*width."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import BF16, FP16, Int, pack, pack_values, unpack, unpack_values

WIDTHS = range(1, 65)


def random_codes(width, words=5, lanes=7):
    codes = np.random.default_rng(width).integers(0, 2**64, (words, lanes), np.uint64, endpoint=False)
    codes[0], codes[1] = 0, 2**64 - 1
    return codes >> np.uint64(64 - width)


def as_integers(packed):
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lanes", [1, 7, 8, 16])
def test_lane_i_is_the_bits_from_i_times_width(width, lanes):
    codes = random_codes(width, lanes=lanes)
    words = [sum(int(c) << i * width for i, c in enumerate(row)) for row in codes]
    packed = pack(codes, width)
    assert packed.shape == (5, -(-lanes * width // 8))
    assert as_integers(packed) == words


@pytest.mark.parametrize("width", WIDTHS)
def test_unpack_ignores_padding(width):
    codes = random_codes(width)
    packed = pack(codes, width, 64)
    packed[:, -(-7 * width // 8) :] = 0xFF
    got = unpack(packed, width, 7)
    assert got.dtype == np.uint64
    assert np.array_equal(got, codes)


@pytest.mark.parametrize("width", [1, 4, 5, 8, 12, 24, 32])
def test_stride_pads_with_zeros(width):
    codes = random_codes(width)
    packed = pack(codes, width, 32)
    assert packed.shape == (5, 32)
    assert as_integers(packed) == as_integers(pack(codes, width))


def test_fewer_lanes_than_a_word_holds_are_read_from_its_start():
    packed = pack(random_codes(8), 8)
    assert np.array_equal(unpack(packed, 8, 3), random_codes(8)[:, :3])


def test_strided_and_read_only_input_packs():
    codes = np.arange(48, dtype=np.uint8).reshape(4, 12)[::2, ::3]
    codes.flags.writeable = False
    assert pack(codes, 8).tolist() == codes.tolist()


def test_a_dtype_of_the_width_is_taken_for_its_bits():
    assert pack(np.array([[-1, 2]], np.int8), 8).tolist() == [[255, 2]]


def test_bytes_of_the_width_are_not_copied():
    codes = np.zeros((4, 16), np.uint8)
    assert np.shares_memory(pack(codes, 8), codes)


@pytest.mark.parametrize("width", [8, 64])
def test_what_is_unpacked_outlives_the_words(width):
    packed = pack(random_codes(width), width)
    assert not np.shares_memory(unpack(packed, width, 7), packed)
    assert not np.shares_memory(unpack_values(Int(width), packed, 7), packed)


@pytest.mark.parametrize("lanes", [0, 3])
@pytest.mark.parametrize("width", [3, 4, 8])
def test_no_words_pack_to_no_bytes(width, lanes):
    packed = pack(np.zeros((0, lanes), np.int64), width)
    assert packed.shape == (0, -(-lanes * width // 8))
    assert unpack(packed, width, lanes).shape == (0, lanes)


@pytest.mark.parametrize(
    "fmt",
    [Int(w, s) for w in (1, 2, 3, 4, 7, 8, 12, 16, 20, 32, 63) for s in (True, False)] + [Int(64)],
    ids=str,
)
@pytest.mark.parametrize("stride", [None, 64])
def test_values_of_integers_return(fmt, stride):
    values = fmt.decode(random_codes(fmt.width))
    got = unpack_values(fmt, pack_values(fmt, values, stride), 7)
    assert got.dtype == np.int64
    assert np.array_equal(got, values)


def test_values_pack_as_their_twos_complement():
    assert pack_values(Int(4), [[-1, 7, -8]]).tolist() == [[0x7F, 0x08]]
    assert pack_values(Int(16), np.array([[-2]])).tolist() == [[0xFE, 0xFF]]


@pytest.mark.parametrize(("fmt", "dtype"), [(FP16, "<u2"), (BF16, "<u2")], ids=str)
def test_values_of_floats_return(fmt, dtype):
    values = np.array([[0.5, -1.0, 0.0, np.inf]])
    packed = pack_values(fmt, values)
    assert packed.view(dtype).tolist() == fmt.encode(values).tolist()
    assert np.array_equal(unpack_values(fmt, packed, 4), values)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64])
def test_a_value_outside_the_format_is_refused(dtype):
    with pytest.raises(BadValue, match=r"values\[0, 1\] is 8; allowed: -8 to 7"):
        pack_values(Int(4), np.array([[0, 8]], dtype))


def test_unsigned_bytes_do_not_pass_for_signed_ones():
    with pytest.raises(BadValue, match=r"values\[0, 0\] is 200; allowed: -128 to 127"):
        pack_values(Int(8), np.array([[200]], np.uint8))


@pytest.mark.parametrize(
    ("codes", "width", "stride", "message"),
    [
        ([[16]], 4, None, r"codes\[0, 0\] is 16; allowed: 0 to 15"),
        ([[-1]], 4, None, r"codes\[0, 0\] is -1"),
        ([[0.5]], 4, None, "codes.dtype is float64"),
        ([1], 4, None, r"codes.shape is \[1\]"),
        ([[1]], 0, None, "width is 0; allowed: 1 to 64"),
        ([[1, 2]], 12, 2, "stride_bytes is 2; allowed: 3 to"),
    ],
)
def test_pack_refuses(codes, width, stride, message):
    with pytest.raises(BadValue, match=message):
        pack(codes, width, stride)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (np.zeros((1, 2), np.uint8), "words is uint8 of 2 bytes; allowed: uint8 of at least 3 bytes"),
        (np.zeros((1, 3), np.int8), "words is int8"),
        (np.zeros(3, np.uint8), r"words.shape is \[3\]"),
    ],
)
def test_unpack_refuses(words, message):
    with pytest.raises(BadValue, match=message):
        unpack(words, 12, 2)
