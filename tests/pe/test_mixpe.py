"""MixPE's golden against Python's own integers."""

import itertools

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.pe import mixpe
from golden.pe.mixpe import MixPeParams, accumulate, dot

WEIGHTS = [Int(2), Int(2, False), Int(4), Int(4, False), Int(8), Int(8, False)]
ACTIVATIONS = [Int(1), Int(4, False), Int(8), Int(16)]


@pytest.mark.parametrize("weight", WEIGHTS, ids=str)
@pytest.mark.parametrize("activation", [Int(1), Int(4, False), Int(8)], ids=str)
def test_shifts_and_adds_are_pythons_product(weight, activation):
    p = MixPeParams(weight=weight, activation=activation, group=4)
    values = [range(fmt.min, fmt.max + 1) for fmt in (weight, activation)]
    pairs = np.array(list(itertools.product(*values)))
    sums = accumulate(p, np.full(len(pairs), -1), pairs[:, 0], pairs[:, 1])
    assert sums.tolist() == p.accumulator.wrap(np.array([w * a - 1 for w, a in pairs.tolist()])).tolist()


@pytest.mark.parametrize("weight", WEIGHTS, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("group", [1, 3, 128])
def test_the_accumulator_is_the_narrowest_that_no_group_overflows(weight, activation, group):
    p = MixPeParams(weight=weight, activation=activation, group=group)
    sums = [group * w * a for w in (weight.min, weight.max) for a in (activation.min, activation.max)]
    narrower = Int(p.accumulator.width - 1)
    assert p.accumulator.min <= min(sums) and max(sums) <= p.accumulator.max
    assert min(sums) < narrower.min or narrower.max < max(sums)


@pytest.mark.parametrize("weight, bits", [(Int(4), 19), (Int(4, False), 19)], ids=str)
def test_w4a8_in_groups_of_128(weight, bits):
    assert MixPeParams(weight=weight).accumulator == Int(bits)


def test_the_scale_and_zero_point_of_a_group_come_after_its_sum():
    """sum s (q - z) a, in Python's integers and a power of two, is s (dot - z sum a)."""
    p = MixPeParams(weight=Int(4, False))
    rng = np.random.default_rng(1)
    q, a, z, s = rng.integers(0, 16, (128, 3)), rng.integers(-128, 128, (5, 128)), 7, 0.125
    wanted = [
        [sum(s * (int(q[k, n]) - z) * int(a[m, k]) for k in range(128)) for n in range(3)] for m in range(5)
    ]
    assert (s * (dot(p, a, q) - z * a.sum(1, keepdims=True))).tolist() == wanted


@pytest.mark.parametrize(
    "given, message",
    [
        ({"weight": Int(9)}, "pe.weight.width is 9; allowed: 2 to 8"),
        ({"weight": Int(1)}, "pe.weight.width is 1; allowed: 2 to 8"),
        ({"activation": Int(17)}, "pe.activation.width is 17; allowed: 1 to 16"),
        ({"registers": 3}, "pe.registers is 3; allowed: 0 to 2"),
        ({"group": 0}, "pe.group is 0; allowed: 1 to 1048576"),
    ],
)
def test_a_wrong_parameter_is_named(given, message):
    with pytest.raises(BadValue, match=message):
        MixPeParams(**given)


def test_the_name_and_the_latency_carry_the_registers():
    p = MixPeParams(weight=Int(4, False), registers=2)
    assert (mixpe.name(p), mixpe.latency(p)) == ("mixpe_uint4_int8_acc19_r2", 2)
