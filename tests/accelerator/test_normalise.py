"""NORMALISE: against Python's integers and float64, in rows and in columns."""

import numpy as np
import pytest

from golden.accelerator.normalise import EPSILON, LONGEST, ROOT, UNDER, cycles, epsilon_code, normalise, pause
from golden.accelerator.params import AcceleratorParams
from golden.check import BadValue
from golden.systolic.params import MatrixUnitParams
from golden.vector.root import RootParams, even_steps, inverse_root

P = AcceleratorParams()
LANES = P.lanes
STATED = 0.7  # codes; rounding is 0.5
LENGTHS = (1, 2, 3, 5, 16, 17, 64, 384, 1000, 4096)


def command(shape, **given):
    """For x [count2, count1, count0, lanes]."""
    counts = {"count2": shape[0], "count1": shape[1], "count0": shape[2]}
    columns = given.get("columns", 0)
    length = shape[2] * (1 if columns else LANES)
    return counts | {"columns": 0, "rms": 0, "length": length, "epsilon": 1, "fraction": 12} | given


def real(x, *, rms=0, epsilon=1, fraction=12):
    """Results of x [..., n], normalised along n, not rounded; D is Python's integer, hence exact."""
    exact = x.astype(object)
    n = x.shape[-1]
    total = exact.sum(-1, keepdims=True) * (1 - rms)
    under = n * (exact * exact).sum(-1, keepdims=True) - total * total + epsilon
    root = np.sqrt(np.maximum(under.astype(float), 1e-300))
    y = (n * exact - total).astype(float) * 2.0**fraction / root
    return np.clip(np.where(under > 0, y, 0), -(1 << 15), (1 << 15) - 1)


def rows(seed, count, n, kind):
    """[count, n]."""
    rng = np.random.default_rng(seed)
    middle = rng.integers(-20000, 20000, (count, 1))
    if kind == "constant":
        x = np.broadcast_to(middle, (count, n))
    elif kind == "ends":
        x = rng.choice([-(1 << 15), (1 << 15) - 1], (count, n))
    else:
        x = middle + rng.normal(0, {"narrow": 1, "usual": 300, "wide": 9000, "outlier": 20}[kind], (count, n))
        if kind == "outlier":
            x[:, 0] = rng.choice([-(1 << 15), (1 << 15) - 1], count)
    return np.clip(np.rint(x), -(1 << 15), (1 << 15) - 1).astype(np.int64)


def in_vectors(x):
    """[count, n] as [1, count, vectors, lanes], noise behind n."""
    spare = -x.shape[1] % LANES
    noise = np.full((x.shape[0], spare), 12345)
    return np.concatenate([x, noise], axis=1).reshape(1, x.shape[0], -1, LANES)


@pytest.mark.parametrize("rms", [0, 1])
@pytest.mark.parametrize("kind", ["constant", "ends", "narrow", "usual", "wide", "outlier"])
@pytest.mark.parametrize("fraction", [0, 8, 12, 15])
def test_rows_are_within_the_stated_error(kind, rms, fraction):
    for n in LENGTHS:
        x = rows(n, 5, n, kind)
        for epsilon in (0, 1, 5000, EPSILON.max):
            given = {"rms": rms, "epsilon": epsilon, "fraction": fraction}
            given_x = in_vectors(x)
            y = normalise(P, command(given_x.shape, length=n, **given), given_x).reshape(5, -1)
            assert np.abs(y[:, :n] - real(x, **given)).max() <= STATED
            assert not y[:, n:].any()


@pytest.mark.parametrize("rms", [0, 1])
@pytest.mark.parametrize("kind", ["constant", "usual", "outlier"])
def test_columns_are_rows_that_stand_upright(kind, rms):
    for n in (1, 2, 9, 100, 1000):
        x = rows(n, LANES, n, kind)
        upright = x.T.reshape(1, 1, n, LANES)
        y = normalise(P, command(upright.shape, columns=1, rms=rms), upright)
        assert np.abs(y[0, 0].T - real(x, rms=rms)).max() <= STATED


def test_columns_beyond_the_length_count_for_nothing():
    x = rows(3, LANES, 10, "usual")
    upright = x.T.reshape(1, 1, 10, LANES)
    y = normalise(P, command(upright.shape, columns=1, length=7), upright)
    assert np.abs(y[0, 0, :7].T - real(x[:, :7])).max() <= STATED
    assert not y[0, 0, 7:].any()


@pytest.mark.parametrize("rms", [0, 1])
def test_the_longest_row_stays_within_its_widths(rms):
    for x in (np.full(LONGEST, -(1 << 15)), np.repeat([-(1 << 15), (1 << 15) - 1], LONGEST // 2)):
        given_x = in_vectors(x[None])
        given = {"rms": rms, "epsilon": EPSILON.max, "fraction": 14}
        y = normalise(P, command(given_x.shape, **given), given_x)
        assert np.abs(y.reshape(1, -1) - real(x[None], **given)).max() <= STATED
    assert UNDER.width % 2 == 0
    assert LONGEST**2 * 2**30 + EPSILON.max <= UNDER.max


def test_a_shift_and_a_scale_of_a_row_change_little():
    """What layer norm is for; exact in the mean, since n x - S is."""
    x = rows(7, 4, 384, "usual") // 8
    x = x - x.min()
    one, shifted, scaled = (in_vectors(each) for each in (x, x + 1000, 4 * x))
    results = [normalise(P, command(one.shape, epsilon=0), each) for each in (one, shifted, scaled)]
    assert np.array_equal(results[0], results[1])
    assert np.abs(results[0] - results[2]).max() <= 1


def test_the_code_of_epsilon():
    """Of a layer in real numbers, whose x is scale times the code."""
    rng = np.random.default_rng(5)
    scale, epsilon, n = 2.0**-10, 1e-5, 384
    codes = np.rint(rng.normal(3, 4, (6, n))).astype(np.int64)  # a variance of the order of epsilon
    given_x = in_vectors(codes)
    given = command(given_x.shape, epsilon=epsilon_code(epsilon, scale, n), fraction=12)
    y = normalise(P, given, given_x).reshape(6, -1)
    values = codes * scale
    wanted = (values - values.mean(-1, keepdims=True)) / np.sqrt(values.var(-1, keepdims=True) + epsilon)
    assert np.abs(y - wanted * 2.0**12).max() <= STATED
    assert epsilon_code(1e-12, 1.0, 4) == 1
    with pytest.raises(BadValue, match=r"epsilon n\^2 / scale\^2 is .*; allowed: 1 to 4294967295"):
        epsilon_code(1e-5, 2.0**-16, 4096)


@pytest.mark.parametrize(("width", "bits"), [(12, 8), (40, 16), (58, 18), (62, 20)])
def test_the_inverse_root_is_as_good_as_its_bits(width, bits):
    p = RootParams(width=width, bits=bits)
    rng = np.random.default_rng(1)
    anything = rng.integers(1, 2**width, 20000) >> rng.integers(0, width, 20000)
    value = np.concatenate([2 ** np.arange(width), 2 ** np.arange(1, width + 1) - 1, anything[anything > 0]])
    mantissa, zeros = inverse_root(p, value)
    assert (zeros % 2 == 0).all()
    error = mantissa / 2.0**bits * np.sqrt(value.astype(float)) / 2.0 ** ((width - 2 - zeros) // 2) - 1
    assert np.abs(error).max() <= 1.7 * 2.0**-bits
    assert inverse_root(p, 0)[1] == sum(even_steps(width))


def test_the_root_of_the_unit_has_sixteen_good_bits():
    value = np.random.default_rng(2).integers(1, 1 << ROOT.width, 200000)
    mantissa, zeros = inverse_root(ROOT, value)
    error = mantissa * np.sqrt(value.astype(float)) / 2.0 ** (ROOT.bits + (ROOT.width - 2 - zeros) // 2) - 1
    assert np.abs(error).max() <= 2.0**-17


def test_cycles_are_two_passes_and_a_pause():
    assert pause(P, columns=False) == 12
    assert pause(P, columns=True) == 25
    wide = AcceleratorParams(unit=MatrixUnitParams(rows=64, cols=64))
    assert (pause(wide, columns=False), pause(wide, columns=True)) == (13, 73)
    assert cycles(P, command((3, 4, 24, LANES))) == 12 * (48 + 12) + 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"length": LONGEST + 1}, "length is 8193; allowed: 1 to 8192"),
        ({"length": 0}, "length is 0"),
        ({"epsilon": 1 << 32}, "epsilon is 4294967296"),
        ({"fraction": 16}, "fraction is 16; allowed: 0 to 15"),
        ({"count0": 2}, r"x.shape is \[1, 1, 1, 16\]; allowed: \[1, 1, 2, 16\]"),
    ],
)
def test_a_command_outside_is_refused(given, message):
    with pytest.raises(BadValue, match=message):
        normalise(P, command((1, 1, 1, LANES), **given), np.zeros((1, 1, 1, LANES), int))


@pytest.mark.parametrize("width", [19, 63, 21])
def test_a_root_that_cannot_be_is_refused(width):
    with pytest.raises(BadValue, match="width"):
        RootParams(width=width)
