"""MAP's arithmetic against the equations in Python's integers, element by element, and against float64."""

import math
import time

import numpy as np
import pytest

from golden.accelerator import map_lanes as golden
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.map_lanes import MapOperation
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from golden.check import BadValue
from golden.vector.piecewise import piecewise
from tests.helpers import fields_of

P = AcceleratorParams()
SHAPE = (2, 3, 2, 5, 4)
LOOPED = (*SHAPE[:2], 1, 1, SHAPE[4])
ENDS = {"high": 32767, "low": -32768}


def command(**given):
    return fields_of(Opcode.MAP) | {"out_kind": Kind.WORD} | ENDS | given


def run(given, a, b=None, bias=0, multiplier=1, shift=0, table=None):
    return golden.map_lanes(P, command(**given), a, b, bias, multiplier, shift, table)


def one(values):
    """Values as elements of one vector."""
    return np.array(values, np.int64).reshape(1, 1, 1, 1, -1)


def clip(x, bits):
    return max(-(1 << bits - 1), min(x, (1 << bits - 1) - 1))


def wrap(x, bits):
    return (x + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def up(x, shift):
    """round(x / 2^shift), ties up."""
    return (2 * x + (1 << shift)) // (2 << shift)


def exact_t(c, a, b):
    near, far = a - c["a_zero"], None if b is None else b - c["b_zero"]
    if c["operation"] == MapOperation.MUL:
        return clip(up(near * wrap(far, 18), c["b_shift"]), 32)
    if c["operation"] == MapOperation.MAX and far is not None:
        near = max(near, far)
    return clip(near, 32)


def exact_o(c, t, b, bias, multiplier, shift, table):
    s = clip(up(wrap(t + bias, 32) * multiplier, shift), 32)
    if c["operation"] == MapOperation.ADD:
        s = clip(s + clip(up((b - c["b_zero"]) * c["b_multiplier"], c["b_shift"]), 32), 32)
    if c["function"] == 1:
        s = table[max(-128, min(s, 127)) + 128]
    elif c["function"] > 1:
        s = int(piecewise(P.piecewise, P.functions[c["function"] - FIRST_FUNCTION], clip(s, 16)))
    if c["post_multiplier"]:
        s = up(clip(s, 16) * c["post_multiplier"], c["post_shift"])
    if c["out_kind"] == Kind.WORD:
        return s
    s += c["zero_point"]
    return c["low"] if s < c["low"] else min(s, c["high"])


def exact(c, a, b, bias, multiplier, shift, table):
    """The whole command, one element at a time."""
    out = np.zeros(LOOPED if c["reduce"] else SHAPE, np.int64)
    table = table.tolist()
    for place in np.ndindex(out.shape):
        i3, i2, _, _, lane = place
        own = [int(each[i3, i2, 0, 0, lane]) for each in (bias, multiplier, shift)]
        if c["reduce"]:
            inner = [(i3, i2, j1, j0, lane) for j1 in range(SHAPE[2]) for j0 in range(SHAPE[3])]
        else:
            inner = [place]
        ts = [exact_t(c, int(a[j]), None if b is None else int(b[j])) for j in inner]
        t = max(ts) if c["operation"] == MapOperation.MAX else wrap(sum(ts), 32)
        out[place] = exact_o(c, t, None if b is None else int(b[inner[0]]), *own, table)
    return out


def spread(rng, low, high, shape):
    """Integers of any magnitude and sign, the ends among them."""
    values = rng.integers(low, high + 1, shape) >> rng.integers(0, 32, shape)
    corners = np.array([low, low + 1, -1, 0, 1, high - 1, high]).clip(low, high)
    return np.where(rng.random(shape) < 0.3, rng.choice(corners, shape), values)


def random_command(rng):
    given = {}
    for each in Opcode.MAP.fields:
        low, high = each.range
        given[each.name] = int(spread(rng, low, high, ()))
    given |= {"operation": int(rng.integers(4)), "out_kind": int(rng.integers(1, 4))}
    given |= {"function": int(rng.integers(FIRST_FUNCTION + len(P.functions)))}
    given["post_multiplier"] *= int(rng.integers(2))
    given["reduce"] = int(rng.integers(2)) if given["operation"] != MapOperation.ADD else 0
    return given


@pytest.mark.parametrize("seed", range(60))
def test_random_commands_are_the_equations(seed):
    rng = np.random.default_rng(seed)
    c = random_command(rng)
    word = (-(1 << 31), (1 << 31) - 1)
    a = spread(rng, *word, SHAPE)
    with_b = c["operation"] in (MapOperation.MUL, MapOperation.ADD) or rng.integers(2)
    b = spread(rng, *((-(1 << 15), (1 << 16) - 1) if rng.integers(2) else word), SHAPE) if with_b else None
    bias = spread(rng, *word, LOOPED)
    multiplier = spread(rng, 0, (1 << 31) - 1, LOOPED)
    shift = rng.integers(0, 63, LOOPED)
    table = rng.integers(-(1 << 15), 1 << 15, 256)
    got = golden.map_lanes(P, c, a, b, bias, multiplier, shift, table)
    assert np.array_equal(got, exact(c, a, b, bias, multiplier, shift, table))


def test_requantisation_is_float64s_where_that_is_exact():
    rng = np.random.default_rng(3)
    t, bias = rng.integers(-(1 << 20), 1 << 20, (2, 1000, 16))
    multiplier, shift = rng.integers(0, 1 << 31, 16), rng.integers(20, 50, 16)
    real = np.floor((t + bias).astype(np.float64) * multiplier / 2.0**shift + 0.5)
    wanted = np.clip(real, -(2.0**31), 2.0**31 - 1)
    assert np.array_equal(golden.requantise32(t, bias, multiplier, shift), wanted)


@pytest.mark.parametrize(
    ("t", "bias", "multiplier", "shift", "r"),
    [
        ((1 << 31) - 1, 1, 1, 0, -(1 << 31)),  # wraps
        (-(1 << 31), 0, (1 << 31) - 1, 0, -(1 << 31)),
        (-(1 << 31), 0, (1 << 31) - 1, 62, -1),  # -2^62 + 2^31: most of -1
        ((1 << 31) - 1, 0, (1 << 31) - 1, 62, 1),
        ((1 << 31) - 1, 0, 3, 0, (1 << 31) - 1),
        (-3, 0, 1, 1, -1),
        (3, 0, 1, 1, 2),
        (3, 0, 1, 0, 3),
        (7, 0, 0, 5, 0),
    ],
)
def test_corners_of_requantisation(t, bias, multiplier, shift, r):
    assert golden.requantise32([t], bias, multiplier, shift).tolist() == [r]


@pytest.mark.parametrize(("b", "b_zero"), [(65535, -32768), (-32768, 32767), (0, -32768)])
def test_any_16_bits_less_their_zero_point_are_a_factor(b, b_zero):
    given = {"operation": MapOperation.MUL, "b_zero": b_zero}
    assert run(given, one([3]), one([b])).item() == 3 * (b - b_zero)


def test_a_product_takes_18_bits_of_b():
    assert run({"operation": MapOperation.MUL}, one([3]), one([1 << 17])).item() == -3 << 17


def test_a_sum_wraps_where_a_sum_of_products_is_too_large():
    a = np.full((1, 1, 2, 2, 1), (1 << 31) - 1)
    assert run({"reduce": 1}, a).item() == wrap(4 * ((1 << 31) - 1), 32)


def test_the_greatest_of_two_operands_and_of_loops():
    a, b = one([1, 9, 3]), one([5, 2, 3])
    assert run({"operation": MapOperation.MAX}, a, b).ravel().tolist() == [5, 9, 3]
    looped = np.arange(12).reshape(1, 2, 2, 3, 1)
    got = run({"operation": MapOperation.MAX, "reduce": 1}, looped)
    assert (got.shape, got.ravel().tolist()) == ((1, 2, 1, 1, 1), [5, 11])


def test_an_unsigned_byte_may_be_the_result():
    given = {"out_kind": Kind.BYTE, "zero_point": 128, "low": 0, "high": 255}
    assert run(given, one([-200, 0, 200])).ravel().tolist() == [0, 128, 255]


def test_low_above_high_gives_low_below_it():
    given = {"out_kind": Kind.BYTE, "low": 5, "high": -5}
    assert run(given, one([0, 5, 9])).ravel().tolist() == [5, -5, -5]


def test_the_table_is_read_at_the_nearest_of_its_ends():
    got = run({"function": 1}, one([-1000, -128, 0, 127, 128]), table=np.arange(256) - 300)
    assert got.ravel().tolist() == [-300, -300, -172, -45, -45]


def test_functions_are_those_of_the_parameters():
    s = np.array([-(1 << 31), -40000, -5, 0, 4096, (1 << 31) - 1])
    for number, name in enumerate(P.functions, FIRST_FUNCTION):
        wanted = piecewise(P.piecewise, name, np.clip(s, -32768, 32767))
        assert np.array_equal(golden.function(P, number, s), wanted)


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ({"operation": MapOperation.MUL}, {}, r"b is None; allowed: an operand \(MUL\)"),
        ({"operation": MapOperation.ADD, "reduce": 1}, {"b": one([1])}, r"reduce is 1; allowed: 0 \(ADD\)"),
        ({"function": 6}, {}, "function is 6; allowed: 0 to 5"),
        ({"function": 1}, {}, "table is None; allowed: 256 integers of 16 bits"),
        ({"function": 1}, {"table": [1, 2]}, r"table.shape is \[2\]; allowed: \[256\]"),
        ({}, {"shift": 63}, "shift.* is 63; allowed: 0 to 62"),
        ({}, {"multiplier": 1 << 31}, "multiplier.* is 2147483648"),
        ({}, {"a": [1]}, r"a.shape is \[1\]; allowed: \[n3, n2, n1, n0, lanes\]"),
        ({}, {"a": one([1 << 31])}, "a.* is 2147483648"),
    ],
)
def test_what_is_no_command_is_refused(given, more, message):
    with pytest.raises(BadValue, match=message):
        run(given, **({"a": one([1])} | more))


def test_a_million_elements_take_a_moment():
    a = np.random.default_rng(1).integers(-(1 << 20), 1 << 20, (1, 64, 32, 32, 16))
    given = {"operation": MapOperation.ADD, "b_multiplier": 77, "b_shift": 3, "function": 2}
    started = time.perf_counter()
    run(given | {"out_kind": Kind.BYTE}, a, a, multiplier=1 << 30, shift=40)
    assert time.perf_counter() - started < 3 and math.prod(a.shape) == 1 << 20
