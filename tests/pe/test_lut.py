"""The LUT PE's golden: against sums of numbers, tables by brute force, float64 within the rounding."""

from itertools import product

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import FP16, FP32, Int
from golden.pe import lut
from golden.pe.lut import Params, group_sum, pack_activations, pack_weights, represented, step, table

BITS = [Int(width, signed=False) for width in range(1, 5)]
U32 = 2.0**-24  # largest relative error of a rounding to fp32
U16, TINY = 2.0**-11, 2.0**-25  # of one to fp16; half of its least number


def operands(p, k, seed=1, m=5, n=7):
    """Activations that fill the format (floats: normal ones), codes of weights."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, p.weight.max + 1, (k, n))
    if p.floating:
        return FP16.quantise(rng.normal(size=(m, k)) * 2.0 ** rng.integers(-3, 4, (m, k))), codes
    return rng.integers(-p.activation.max, p.activation.max + 1, (m, k)), codes


def counted(p, codes):
    """What codes count, by the definition: 2 q - (2^B - 1), with a full table q."""
    return codes if p.table == "full" else 2 * codes - (2**p.weight.width - 1)


@pytest.mark.parametrize("weight", BITS, ids=str)
@pytest.mark.parametrize("table", ["half", "full"])
@pytest.mark.parametrize("remap", ["offline", "online"])
@pytest.mark.parametrize("inputs", [2, 4, 5])
def test_integer_sums_are_numpys(weight, table, remap, inputs):
    """group_sum, and the same made of words: column's ports, step by step, as the hardware goes."""
    p = Params(weight=weight, table=table, remap=remap, inputs=inputs, group=8 * inputs)
    a, codes = operands(p, 6 * inputs)
    assert np.array_equal(group_sum(p, a, codes), a @ counted(p, codes))
    assert np.array_equal(by_steps(p, a, codes), a @ counted(p, codes))


@pytest.mark.parametrize("weight", BITS, ids=str)
@pytest.mark.parametrize("subnormals", [True, False])
def test_a_groups_sum_is_its_words_steps(weight, subnormals):
    p = Params(weight=weight, activation=FP16, subnormals=subnormals)
    a, codes = operands(p, 64)
    assert np.array_equal(group_sum(p, a, codes), by_steps(p, a, codes))


def by_steps(p, a, codes):
    """A group's sums, word by word, plane by plane."""
    words, tops = pack_activations(p, a), pack_weights(p, codes)
    acc = np.zeros((len(a), codes.shape[1]), float if p.floating else np.int64)
    for index in range(len(tops)):
        ports = lut.column(p, tops[index])
        assert len(ports) == lut.interval(p) == p.weight.width
        for port in ports:
            shared = np.broadcast_arrays(port, words[:, index, None])
            acc = step(p, acc, *shared)
    return acc


@pytest.mark.parametrize("weight", BITS, ids=str)
def test_sums_of_small_whole_numbers_are_exact_in_fp16(weight):
    """Entries up to 4 * 127 fit in 11 bits, sums in 24."""
    p, rng = Params(weight=weight, activation=FP16), np.random.default_rng(2)
    a, codes = rng.integers(-127, 128, (6, 128)).astype(float), rng.integers(0, weight.max + 1, (128, 5))
    assert np.array_equal(group_sum(p, a, codes), a @ counted(p, codes))
    tiny = a * 2.0**-24
    assert np.array_equal(group_sum(p, tiny, codes), tiny @ counted(p, codes))


@pytest.mark.parametrize("weight", BITS, ids=str)
def test_fp16_sums_are_float64s_within_the_rounding(weight):
    """Each entry errs by up to two roundings to fp16 of its four numbers, each addition to fp32 by one."""
    p = Params(weight=weight, activation=FP16)
    a, codes = operands(p, 128, seed=3, m=32, n=64)
    exact = a @ counted(p, codes)
    size = np.abs(a).sum(1, keepdims=True) * weight.max
    steps = 128 // 4 * weight.width
    bound = size * ((1 + U16) ** 2 - 1 + steps * U32 * (1 + U16) ** 2) + steps * weight.max * 3 * TINY
    error = np.abs(group_sum(p, a, codes) - exact)
    rms = np.sqrt((exact**2).mean())
    print(f"{weight}: worst {error.max() / rms:.2e} of the rms, {(error / bound).max():.3f} of the bound")
    assert (error <= bound).all() and 0 < error.max() / rms < 2e-3


@pytest.mark.parametrize("inputs", [2, 3, 4, 5])
def test_an_entry_is_the_sum_that_its_index_spells(inputs):
    rng = np.random.default_rng(4)
    words = rng.integers(-127, 128, (20, inputs))
    for kind in ("half", "full"):
        p = Params(inputs=inputs, table=kind, group=60)
        found = table(p, pack_activations(p, words)[:, 0])
        assert found.shape == (20, p.entries) and p.entries == 2 ** (inputs - (kind == "half"))
        for word, entries in zip(words.tolist(), found.tolist(), strict=True):
            spelt = [bits[::-1] for bits in product((0, 1), repeat=inputs)]
            if kind == "full":
                wanted = [sum(x for x, bit in zip(word, bits, strict=True) if bit) for bits in spelt]
            else:
                signs = [[2 * bit - 1 for bit in bits] for bits in spelt if not bits[-1]]
                wanted = [sum(s * x for s, x in zip(sign, word, strict=True)) for sign in signs]
            assert entries == wanted


def test_an_entry_of_fp16_is_two_rounded_sums_added_and_rounded():
    """numpy's own float16, for every pair of signs."""
    p, rng = Params(activation=FP16), np.random.default_rng(5)
    words = rng.integers(0, 1 << 16, (4000, 4)).astype(np.uint64)
    codes = (words << np.uint64(16) * np.arange(4, dtype=np.uint64)).sum(1, dtype=np.uint64)
    a = words.astype(np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        found = table(p, codes)
        for j in range(8):
            s = [1 if j >> k & 1 else -1 for k in range(3)]
            low = np.float16(s[0]) * a[:, 0] + np.float16(s[1]) * a[:, 1]
            wanted = low + (np.float16(s[2]) * a[:, 2] - a[:, 3])
            assert np.array_equal(found[:, j], wanted.astype(float), equal_nan=True)


@pytest.mark.parametrize("weight", BITS, ids=str)
@pytest.mark.parametrize("remap", ["offline", "online"])
def test_remapped_words_decode_to_the_weights(weight, remap):
    """Each plane's index, undone by hand, is bit b of the codes; the top bit is the sign either way."""
    p = Params(weight=weight, remap=remap)
    codes = np.array(list(product(range(weight.max + 1), repeat=4))).T  # every word
    words = pack_weights(p, codes)[0].tolist()
    for word, column in zip(words, codes.T.tolist(), strict=True):
        assert word < 1 << lut.weight_bits(p)
        for bit in range(weight.width):
            plane = word >> 4 * bit & 15
            if remap == "offline" and plane >> 3:
                plane ^= 7
            assert [plane >> k & 1 for k in range(4)] == [code >> bit & 1 for code in column]


@pytest.mark.parametrize("weight", BITS, ids=str)
def test_weights_stand_for_odd_numbers_and_zero_points_follow(weight):
    """s (q - z) = s/2 (q' - z') with z' = 2 z + 1 - 2^B, the paper's equation 3."""
    p, bits = Params(weight=weight), weight.width
    q = np.arange(1 << bits)
    for z in range(1 << bits):
        assert ((represented(p, q) - (2 * z + 1 - (1 << bits))) == 2 * (q - z)).all()


@pytest.mark.parametrize("table", ["half", "full"])
def test_the_accumulator_holds_the_largest_sums(table):
    p = Params(weight=Int(4, signed=False), group=256, table=table)
    for value, code in product((127, -127), (0, 15)):
        a, codes = np.full((1, 256), value), np.full((256, 1), code)
        assert by_steps(p, a, codes) == group_sum(p, a, codes) == 256 * value * counted(p, code)
    assert p.accumulator.max >= 256 * 127 * 15 > Int(p.accumulator.width - 1).max


def test_flushed_subnormals_are_zeros():
    a, codes = np.full((1, 4), 2.0**-15), np.full((4, 1), 3)
    kept, flushed = (Params(activation=FP16, subnormals=keep) for keep in (True, False))
    assert group_sum(kept, a, codes) == 4 * 3 * 2.0**-15 and group_sum(flushed, a, codes) == 0


def test_infinity_is_added_and_infinities_of_both_signs_are_no_number():
    p, codes = Params(activation=FP16), np.full((4, 1), 3)
    with np.errstate(all="ignore"):
        assert group_sum(p, np.array([[np.inf, 1, 2, 3]]), codes) == np.inf
        assert np.isnan(group_sum(p, np.array([[np.inf, 1, 2, -np.inf]]), codes))


@pytest.mark.parametrize("given, message", [
    ({"weight": Int(8)}, "pe.weight is 'int8'; allowed: uint1, uint2, uint3, uint4"),
    ({"weight": Int(5, signed=False)}, "pe.weight is 'uint5'"),
    ({"activation": FP32}, "pe.activation is 'fp32'"),
    ({"activation": Int(16)}, "pe.activation is 'int16'"),
    ({"inputs": 6}, "pe.inputs is 6; allowed: 2 to 5"),
    ({"activation": FP16, "inputs": 5}, "pe.inputs is 5; allowed: 4"),
    ({"group": 130}, "pe.group is 130; allowed: multiples of pe.inputs, 4"),
    ({"activation": FP16, "table": "full"}, "pe.table is full; allowed: half, where"),
    ({"table": "quarter"}, "pe.table is 'quarter'; allowed: half, full"),
    ({"remap": "later"}, "pe.remap is 'later'"),
    ({"registers": 2}, "pe.registers is 2; allowed: 0 to 1"),
])  # fmt: skip
def test_a_wrong_parameter_is_named(given, message):
    with pytest.raises(BadValue, match=message):
        Params(**given)


def test_bad_operands_are_named():
    p = Params()
    a, codes = np.zeros((2, 8), np.int64), np.zeros((8, 2), np.int64)
    least = a.copy()
    least[1, 2] = -128
    for take in (lambda: pack_activations(p, least), lambda: group_sum(p, least, codes)):
        with pytest.raises(BadValue, match=r"activations\[1, 2\] is -128; allowed: -127 to 127"):
            take()
    with pytest.raises(BadValue, match="K is 6; allowed: multiples of 4"):
        pack_activations(p, a[:, :6])
    with pytest.raises(BadValue, match="K is 6; allowed: multiples of 4"):
        pack_weights(p, codes[:6])
    with pytest.raises(BadValue, match=r"weights\[0, 1\] is 4; allowed: 0 to 3"):
        pack_weights(p, codes + np.array([0, 4]))
    with pytest.raises(BadValue, match="K is 132; allowed: 1 to 128"):
        group_sum(p, np.zeros((1, 132), np.int64), np.zeros((132, 1), np.int64))


def test_the_name_carries_the_parameters():
    p = Params(weight=Int(4, signed=False), activation=FP16, subnormals=False, remap="online", registers=0)
    assert lut.name(p) == "lut_uint4_fp16_k4_half_online_flush_acc32_r0"
    assert (lut.latency(p), lut.lanes(p), lut.interval(p)) == (0, 4, 4)
    assert (lut.row_bits(p), lut.column_bits(p), lut.activation_bits(p), lut.weight_bits(p)) == (
        128,
        6,
        64,
        16,
    )
