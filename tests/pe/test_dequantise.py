"""The dequantising PE's golden against Python's own integers and fractions."""

import itertools
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from golden import pe
from golden.check import BadValue
from golden.formats import Int
from golden.pe import dequantise
from golden.pe.dequantise import DequantiseParams, accumulate, dot, pack, unpack

PARAMS = [
    DequantiseParams(),
    DequantiseParams(code=Int(3), scale_bits=6, shift=1),
    DequantiseParams(code=Int(2, False), scale_bits=4, shift=0),
]


def every_word(p):
    """q, z, s: all there are."""
    ranges = [range(fmt.min, fmt.max + 1) for fmt in dequantise.fields(p).values()]
    return np.array(list(itertools.product(*ranges))).T


def python_weight(p, q, z, s):
    rounded = floor(Fraction((q - z) * s, 1 << p.shift) + Fraction(1, 2) * (p.shift > 0))
    return min(127, max(-128, rounded))


@pytest.mark.parametrize("p", PARAMS, ids=dequantise.name)
def test_every_word_is_the_rounded_fraction(p):
    parts = every_word(p)
    words = pack(p, *parts)
    wanted = [python_weight(p, *each) for each in parts.T.tolist()]
    assert dequantise.dequantise(p, words).tolist() == wanted
    assert sorted(words.tolist()) == list(range(1 << p.weight.width))
    assert [each.tolist() for each in unpack(p, words)] == parts.tolist()


def test_a_tie_rounds_up_and_what_is_beyond_clips():
    p = DequantiseParams()
    words = pack(p, np.array([9, 7, 15, 0, 0]), np.array([8, 8, 0, 15, 8]), np.array([8, 8, 255, 255, 255]))
    assert dequantise.dequantise(p, words).tolist() == [1, 0, 127, -128, -127]


def test_a_step_and_a_whole_product_are_pythons():
    p = DequantiseParams(group=16)
    rng = np.random.default_rng(1)
    q, z, s = (rng.integers(0, top, (16, 3)) for top in (16, 16, 256))
    a, words = rng.integers(-128, 128, (5, 16)), pack(p, q, z, s)
    wanted = np.zeros((5, 3), int)
    acc = np.zeros((5, 3), np.int64)
    for k, m, n in itertools.product(range(16), range(5), range(3)):
        wanted[m, n] += python_weight(p, int(q[k, n]), int(z[k, n]), int(s[k, n])) * int(a[m, k])
    for k in range(16):
        acc = accumulate(p, acc, np.broadcast_to(words[k], (5, 3)), np.broadcast_to(a[:, k : k + 1], (5, 3)))
    assert acc.tolist() == dot(p, a, words).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"code": Int(9)}, "pe.code.width is 9; allowed: 1 to 8"),
        ({"scale_bits": 0}, "pe.scale_bits is 0; allowed: 1 to 16"),
        ({"shift": 13}, "pe.shift is 13; allowed: 0 to 12"),
        ({"registers": 3}, "pe.registers is 3; allowed: 0 to 2"),
    ],
)
def test_a_wrong_parameter_is_named(given, message):
    with pytest.raises(BadValue, match=message):
        DequantiseParams(**given)


def test_a_field_outside_its_format_is_named():
    with pytest.raises(BadValue, match=r"zero\[0\] is 16; allowed: 0 to 15"):
        pack(DequantiseParams(), np.array([1]), np.array([16]), np.array([1]))


def test_its_name_and_formats():
    p = DequantiseParams()
    assert (pe.kind_of(p), p.weight, p.accumulator) == ("dequantise", Int(16, False), Int(32))
    assert dequantise.name(p) == "dequantise_uint4_s8_shift4_int8_acc32_r0"
