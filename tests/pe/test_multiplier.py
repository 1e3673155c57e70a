"""The multiplier PE's golden against Python's own integers."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from golden import pe
from golden.check import BadValue
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams, accumulate, dot, latency, name

FORMATS = [Int(1), Int(1, False), Int(4), Int(4, False), Int(5), Int(8), Int(8, False), Int(16), Int(32)]


def params(weight=Int(8), activation=Int(8), **more):
    return MultiplierParams(weight=weight, activation=activation, **more)


@pytest.mark.parametrize("weight", [Int(1), Int(3, False), Int(4)], ids=str)
@pytest.mark.parametrize("activation", [Int(4, False), Int(8)], ids=str)
def test_every_pair_of_operands_is_pythons_product(weight, activation):
    p = params(weight, activation, group=4)
    values = [range(fmt.min, fmt.max + 1) for fmt in (weight, activation)]
    pairs = np.array(list(itertools.product(*values)))
    sums = accumulate(p, np.full(len(pairs), 3), pairs[:, 0], pairs[:, 1])
    assert sums.tolist() == [3 + w * a for w, a in pairs.tolist()]


@pytest.mark.parametrize("weight", FORMATS, ids=str)
@pytest.mark.parametrize("activation", FORMATS, ids=str)
@pytest.mark.parametrize("group", [1, 3, 8])
def test_the_accumulator_is_the_narrowest_that_never_overflows(weight, activation, group):
    if weight.width + activation.width > 60:  # in 62 bits, no sum of such products is held
        with pytest.raises(BadValue, match="product of at most 62 bits"):
            params(weight, activation, group=group)
        return
    p = params(weight, activation, group=group)
    ends = [w * a for w in (weight.min, weight.max) for a in (activation.min, activation.max)]
    largest = group * max(abs(end) for end in ends)
    assert p.accumulator.min <= -largest and largest <= p.accumulator.max
    narrower = Int(p.accumulator.width - 1)
    assert not (narrower.min <= -largest and largest <= narrower.max)


def test_a_sum_of_depth_products_at_the_ends_is_exact():
    p = params(Int(8), Int(8), group=8)
    acc = np.zeros(1, np.int64)
    for _ in range(8):
        acc = accumulate(p, acc, np.array([-128]), np.array([-128]))
    assert acc.tolist() == [8 * 128 * 128]
    assert p.accumulator == Int(19)


def test_a_sum_past_the_accumulator_wraps_as_its_register_does():
    p = params(Int(8), Int(8), group=1)
    top = p.accumulator.max
    assert accumulate(p, np.array([top]), np.array([1]), np.array([1])).tolist() == [p.accumulator.min]


@pytest.mark.parametrize(
    "weight,activation", [(Int(4), Int(8)), (Int(8), Int(8, False)), (Int(32), Int(20))], ids=str
)
def test_dot_is_pythons_sum_of_products(weight, activation):
    p = params(weight, activation, group=64)
    rng = np.random.default_rng(1)
    a = rng.integers(activation.min, activation.max + 1, (2, 5, 33))
    w = rng.integers(weight.min, weight.max + 1, (2, 33, 3))
    wanted = [
        [[sum(int(a[b, m, k]) * int(w[b, k, n]) for k in range(33)) for n in range(3)] for m in range(5)]
        for b in range(2)
    ]
    assert dot(p, a, w).tolist() == wanted


def test_dot_is_exact_on_both_sides_of_what_float64_holds():
    for width in (22, 23, 24, 25):
        p = params(Int(width), Int(width), group=256)
        a, w = np.full((1, 255), p.activation.min), np.full((255, 1), p.weight.min)
        w[0, 0] = 1
        assert dot(p, a, w).tolist() == [[254 * (1 << 2 * width - 2) - (1 << width - 1)]]


def test_more_products_than_depth_are_refused():
    with pytest.raises(BadValue, match=r"K is 9; allowed: 1 to 8 \(pe.group"):
        dot(params(group=8), np.zeros((1, 9)).astype(int), np.zeros((9, 1)).astype(int))


@pytest.mark.parametrize(
    "given,message",
    [
        ({"registers": 4}, r"pe.multiplier_registers is 4; allowed: 0 to 3"),
        ({"group": 0}, r"pe.group is 0; allowed: 1 to 1048576"),
        ({"multiplier": "wallace"}, "pe.multiplier is 'wallace'; allowed: tool, booth"),
        ({"multiplier": "booth", "logic": True}, "pe.multiplier is 'booth'; allowed: tool"),
        ({"weight": Int(33)}, r"pe.weight.width is 33; allowed: 1 to 32"),
        ({"weight": Int(32), "activation": Int(32), "group": 1}, "pe is int32 x int32; allowed: operands"),
    ],
    ids=["registers", "group", "multiplier", "two", "weight", "accumulator"],
)
def test_a_wrong_parameter_is_named(given, message):
    with pytest.raises(BadValue, match=message):
        MultiplierParams(**given)


def test_an_operand_outside_its_format_is_named():
    with pytest.raises(BadValue, match=r"weight\[1\] is 8; allowed: -8 to 7"):
        accumulate(params(Int(4)), np.zeros(2, int), np.array([7, 8]), np.zeros(2, int))


def test_the_name_carries_the_parameters():
    p = params(Int(4), Int(8, False), group=16, registers=2)
    assert name(p) == "multiplier_int4_uint8_acc16_r2"
    assert name(replace(p, multiplier="booth")) == "multiplier_int4_uint8_acc16_r2_booth"


def test_the_latency_is_the_registers():
    assert [latency(params(registers=count)) for count in range(4)] == [0, 1, 2, 3]


def test_the_table_finds_the_pe_of_its_parameters():
    assert pe.kind_of(params()) == "multiplier"
    with pytest.raises(BadValue, match="pe is str; allowed: multiplier"):
        pe.kind_of("multiplier")
