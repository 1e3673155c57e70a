"""BitMoD's golden: against whole fractions step by step, float64 sum by sum; what it refuses."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import FP16
from golden.formats.bitmod import BASIC, INTEGERS, Datatype, quantise
from golden.pe import bitmod
from golden.pe.bitmod import BIAS, BitModParams, group_sum, step
from sim.benches.pe.bitmod import random_operands

ALL = [Datatype.parse(name) for name in (*INTEGERS, *BASIC, "bitmod_fp4:7,-15,24,0")]
P = BitModParams()
TWO = Fraction(2)


def reached(codes):
    """Sums that fill their mantissa and are whole in units of 2^-24, as golden says all are, or zero."""
    mantissa, exponent = P.accumulator.parts(codes)
    full = np.where(mantissa < 0, ~mantissa, mantissa) >> 14 & 1
    below = np.clip(BIAS + 20 - 24 - exponent, 0, 16)  # bits of the mantissa worth less than the unit
    whole = (mantissa & (1 << below) - 1) == 0
    return np.where(full & (exponent < 63) & whole, codes, np.uint64(0))


def operands(count, seed=1):
    given = random_operands(P, np.random.default_rng(seed), count)
    return given.weight, given.activation, reached(given.acc_in)


def exact_step(acc, weight, activation):
    """The step in fractions: each number floored where the hardware drops bits."""
    bsig, lanes = weight >> 16, []
    for i in range(4):
        code, term = activation >> 16 * i & 0xFFFF, weight >> 4 * i & 15
        exponent = max(code >> 10 & 31, 1)
        size = ((code & 1023) + (1024 if code >> 10 & 31 else 0)) * TWO ** (exponent - 25)
        if term & 1:
            lanes.append(
                (size * 2 ** (term >> 1 & 3), exponent + (term >> 1 & 3), (code >> 15) ^ (term >> 3))
            )
    top = max((place for _, place, _ in lanes), default=0)
    unit = TWO ** (top - 28)
    addend = sum((-1) ** sign * floor(size / unit) * unit for size, _, sign in lanes) * 2**bsig
    mantissa, exponent = (int(part) for part in P.accumulator.parts(np.uint64(acc)))
    unit = TWO ** (max(top, exponent - BIAS) - 28)
    total = (floor(addend / unit) + floor(mantissa * TWO ** (exponent - BIAS - 20) / unit)) * unit
    unit = TWO**-60
    while not -(2**15) <= floor(total / unit) < 2**15:
        unit *= 2
    return floor(total / unit) * unit


def test_a_step_is_that_of_whole_fractions():
    given = operands(3000)
    found = P.accumulator.decode(step(P, given[2], given[0], given[1]))
    wanted = [exact_step(int(acc), int(w), int(a)) for w, a, acc in zip(*given, strict=True)]
    assert found.tolist() == [float(each) for each in wanted]


def test_a_sum_that_is_reached_has_one_code():
    weight, activation, acc = operands(20_000)
    sums = step(P, acc, weight, activation)
    sums = sums[sums >> np.uint64(16) < 63]
    assert np.array_equal(reached(sums), sums)
    assert np.array_equal(P.accumulator.encode(P.accumulator.decode(sums)), sums)
    with pytest.raises(BadValue, match="exponent"):
        P.accumulator.encode(np.array([1e30]))


@pytest.mark.parametrize("datatype", ALL, ids=str)
def test_a_groups_sum_is_its_words_steps(datatype):
    p, rng = BitModParams(weight=datatype, group=24), np.random.default_rng(2)
    a = FP16.decode(rng.integers(0, 0x7C00, (3, 24)) | rng.integers(0, 2, (3, 24)) << 15)
    codes, selectors = rng.integers(datatype.min, datatype.max + 1, (24, 5)), rng.integers(0, 4, 5)
    acc = np.zeros((3, 5), np.uint64)
    words, tops = bitmod.pack_activations(p, a), bitmod.pack_weights(p, codes)
    assert words.shape == (3, 6) and tops.shape == (6, 5)
    for k in range(6):
        ports = bitmod.column(p, tops[k], selectors)
        assert len(ports) == bitmod.interval(p) == datatype.cycles
        for port in ports:
            acc = step(
                p, acc, np.broadcast_to(port, acc.shape), np.broadcast_to(words[:, k, None], acc.shape)
            )
    assert np.array_equal(p.accumulator.decode(acc), group_sum(p, a, codes, selectors))


@pytest.mark.parametrize("datatype", ALL, ids=str)
def test_small_whole_numbers_are_summed_exactly(datatype):
    p, rng = BitModParams(weight=datatype), np.random.default_rng(3)
    a, selectors = rng.integers(-1, 2, (16, 128)).astype(float), rng.integers(0, 4, 8)
    codes = rng.integers(datatype.min, datatype.max + 1, (128, 8))
    assert np.array_equal(group_sum(p, a, codes, selectors), a @ datatype.represented(codes, selectors))
    tiny = a * 2.0**-24
    assert np.array_equal(group_sum(p, tiny, codes, selectors), tiny @ datatype.represented(codes, selectors))


def with_bound(p, a, codes, selectors):
    """A group's sums, and by how much the cuts can have moved each.

    A cycle cuts three lanes (that of the largest exponent is whole), the addend or the sum, and the new sum,
    each by less than the unit of the place where it is cut.
    """
    words = bitmod.activation_codes(p, a).reshape(len(a), -1, 1, 4)
    terms = (
        p.weight.terms(codes, selectors).transpose(0, 2, 1).reshape(p.weight.cycles, codes.shape[1], -1, 4)
    )
    mantissa = exponent = np.zeros((len(a), codes.shape[1]), np.int32)
    bound = np.zeros(mantissa.shape)
    for k in range(words.shape[1]):
        for cycle in range(p.weight.cycles):
            bsig = p.weight.bsig(cycle)
            t = bitmod.terms_of(terms[cycle, None, :, k], bsig)
            addend, top = bitmod.lane_sum(bitmod.activations_of(words[:, k]), t)
            highest = np.maximum(top + BIAS, exponent)
            mantissa, exponent = bitmod.gather(mantissa, exponent, addend, top)
            bound += (
                3 * 2.0 ** (bsig + top - 28) + 2.0 ** (highest - BIAS - 28) + 2.0 ** (exponent - BIAS - 20)
            )
    return p.accumulator.decode(p.accumulator.code(mantissa, exponent)), bound


# worst and mean error of a sum over the sums' root mean square: measured, a fifth added
WORST = {"int8": 0.015, "int6": 0.009, "int5": 0.008, "int4": 0.006, "bitmod_fp4": 0.006, "bitmod_fp3": 0.006}


@pytest.mark.parametrize("datatype", ALL[:6], ids=str)
def test_real_groups_stay_within_what_the_cuts_allow(datatype):
    """128 normal weights; normal activations, one in fifty ten times as large."""
    p, rng = BitModParams(weight=datatype), np.random.default_rng(0)
    found = quantise(rng.normal(size=(128, 128)), datatype, 128)
    outlier = np.where(rng.random((128, 128)) < 0.02, 10, 1)
    a = FP16.quantise(rng.normal(size=(128, 128)) * outlier)
    selectors = None if found.selectors is None else found.selectors[0]
    sums, bound = with_bound(p, a, found.codes, selectors)
    assert np.array_equal(sums, group_sum(p, a, found.codes, selectors))
    exact = a @ datatype.represented(found.codes, selectors)
    error, rms = sums - exact, np.sqrt((exact**2).mean())
    print(
        f"{datatype}: of the rms, worst {np.abs(error).max() / rms:.2e}, root mean square "
        f"{np.sqrt((error**2).mean()) / rms:.2e}, mean {error.mean() / rms:.2e}; "
        f"of the bound {(abs(error) / bound).max():.2f}"
    )
    assert (np.abs(error) < bound).all()
    assert np.abs(error).max() / rms < WORST[str(datatype)] and -0.002 < error.mean() / rms < 0


def test_whichever_has_the_smaller_exponent_is_shifted():
    """The authors' RTL shifts the sum alone: a small addend would count as a large one."""
    p = BitModParams(weight=Datatype("int4"), group=8)
    a = np.array([[1000.0, 0, 0, 0, 0.25, 0, 0, 0], [0.25, 0, 0, 0, 1000, 0, 0, 0]])
    assert group_sum(p, a, np.ones((8, 1), np.int64)).tolist() == [[1000.25], [1000.25]]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_deepest_sum_of_the_largest_numbers_does_not_overflow(sign):
    """4096 times 131008, an exponent of 31 included, by terms of 2, 8, 32 and 128, all of one sign."""
    code = 0x7FFF | (sign < 0) << 15
    activation = np.array([sum(code << 16 * i for i in range(4))], np.uint64)
    acc = np.zeros(1, np.uint64)
    for cycle in range(4096):
        acc = step(P, acc, np.array([0x3333 | 2 * (cycle % 4) << 16], np.uint64), activation)
    (found,), exact = P.accumulator.decode(acc), sign * 4096 * 131008 * 170
    assert acc[0] >> np.uint64(16) <= 63 and abs(found / exact - 1) < 0.13 and (found - exact) < 0


def test_scales_are_applied_exactly():
    rng = np.random.default_rng(4)
    codes = reached(rng.integers(0, 1 << 22, (500, 64)).astype(np.uint64))
    scales = np.append(rng.integers(0, 256, 62), [0, 255])
    sums = P.accumulator.decode(codes)
    parts = bitmod.partial(P, sums, scales.astype(float))
    assert np.array_equal(parts, sums * scales)
    done = bitmod.finished(P, codes, np.broadcast_to(scales, codes.shape)).view(np.int64)
    mantissa = (done & 0xFFFFFF ^ 0x800000) - 0x800000
    assert np.array_equal(np.ldexp(mantissa.astype(float), (done >> 24) - BIAS - 20), parts)


@pytest.mark.parametrize("given, message", [
    ({"group": 130}, "pe.group is 130; allowed: multiples of 4"),
    ({"group": 8192}, "pe.group is 8192; allowed: 4 to 4096"),
    ({"registers": 3}, "pe.registers"),
    ({"activation": bitmod.FP32}, "pe.activation is 'fp32'; allowed: fp16"),
])  # fmt: skip
def test_parameters_out_of_range_are_named(given, message):
    with pytest.raises(BadValue, match=message):
        BitModParams(**given)


def test_bad_operands_are_named():
    a, codes = np.zeros((2, 8)), np.zeros((8, 2), np.int64)
    for value in (np.nan, np.inf, 65520.0):
        broken = a.copy()
        broken[1, 2] = value
        with pytest.raises(BadValue, match=r"activations\[1, 2\] is"):
            bitmod.pack_activations(P, broken)
    with pytest.raises(BadValue, match="K of activations is 6; allowed: multiples of 4"):
        bitmod.pack_activations(P, a[:, :6])
    with pytest.raises(BadValue, match=r"weights\[0, 1\] is 16; allowed: 0 to 15"):
        bitmod.pack_weights(P, codes + np.array([0, 16]))
    with pytest.raises(BadValue, match=r"weights.shape is \[4, 2\]"):
        group_sum(P, a, codes[:4])
    with pytest.raises(BadValue, match="K is 132; allowed: 4 to 128"):
        group_sum(P, np.zeros((1, 132)), np.zeros((132, 1), np.int64))
    for scale in (256, -1, 0.5):
        with pytest.raises(BadValue, match="scales"):
            bitmod.partial(P, a, np.full(8, scale))
