"""The exact numerics of a row: against its equation in fractions, and against attention in float64."""

from fractions import Fraction
from math import floor, log2

import numpy as np
import pytest

from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.products import dots, sums
from golden.attention.quotients import divided
from golden.attention.row import attend
from golden.attention.scores import Scaling, scaling, scores
from golden.attention.weights import tops, weights
from golden.check import BadValue
from golden.formats import FP16, Int
from golden.vector.piecewise import piecewise
from golden.vector.reciprocal import reciprocal

INT8 = Arithmetic()
INT4 = Arithmetic(query=Int(4), key=Int(4), value=Int(4), head_dim=16, keys=32, weight_bits=8, out_fraction=4)
KV4 = Arithmetic(key=Int(4), value=Int(4), head_dim=48, score=Int(12), fraction=6, segment_bits=6, degree=0)
WIDE = Arithmetic(value=Int(12), out_fraction=4, keys=1 << 16, weight_bits=20, segment_bits=3, degree=2)
TINY = Arithmetic(
    query=Int(2), key=Int(3), value=Int(3), head_dim=3, keys=5, score=Int(8), fraction=4, weight_bits=4,
    segment_bits=1, out_fraction=0,
)  # fmt: skip
INTEGERS = {"int8": INT8, "int4": INT4, "kv4": KV4, "wide": WIDE, "tiny": TINY}
HALF = fp16()
SMALL_HALF = fp16(
    head_dim=8, keys=12, weight_bits=9, score=Int(10), fraction=4, segment_bits=2, dot_integer=6,
    dot_fraction=10,
)  # fmt: skip
ALL = INTEGERS | {"fp16": HALF, "fp16-small": SMALL_HALF}
CAPPED = {"int8": Arithmetic(softcap=True), "fp16": fp16(softcap=True)}
every = pytest.mark.parametrize("p", ALL.values(), ids=ALL)
halves = pytest.mark.parametrize("p", [HALF, SMALL_HALF], ids=["fp16", "fp16-small"])


def drawn(p, rng, shape, fmt, spread=1.0):
    if isinstance(fmt, Int):
        return rng.integers(fmt.min, fmt.max + 1, shape)
    values = rng.normal(0, spread, shape) * np.exp2(rng.integers(-6, 3, shape))
    return values.astype(np.float16).astype(np.float64)


def operands(p, rng, rows, keys, spread=1.0):
    q, k = (drawn(p, rng, (n, p.head_dim), f, spread) for n, f in ((rows, p.query), (keys, p.key)))
    return q, k, drawn(p, rng, (keys, 3), p.value, spread)


def usual(p, spread=2.0):
    """A scale that spreads scores over some octaves."""
    typical = 1.0 if p.floating else p.query.max * p.key.max / 3
    return scaling(p, spread / (typical * p.head_dim**0.5))


def exact_dot(p, q, k):
    """(D, saturated) in unbounded integers."""
    total, saturated = 0, False
    for a, b in zip(q.tolist(), k.tolist(), strict=True):
        product = Fraction(a) * Fraction(b)
        if p.floating:
            size = floor(abs(product) * 2**p.dot_fraction)
            saturated |= size > 2 ** (p.dot_integer + p.dot_fraction) - 1
            size = min(size, 2 ** (p.dot_integer + p.dot_fraction) - 1)
            product = size if product > 0 else -size
        total += product
    return int(total), saturated


def exact_score(p, dot, by):
    raw = floor(Fraction(dot * by.multiplier, 2**by.shift) + Fraction(1, 2))
    s = min(max(raw, p.score.min), p.score.max)
    return s, s != raw


def exact_weight(p, s, top):
    octave, fraction = divmod(s, 2**p.fraction)
    return int(piecewise(p.power, "power", fraction)) // 2 ** (top - octave)


def exact_quotient(p, o, total):
    """o / total by the reciprocal's own mantissa, rounded once, in fractions."""
    if total == 0:
        return 0
    mantissa = Fraction(int(reciprocal(p.reciprocal, total)[0]), 2**p.reciprocal.bits)
    e = total.bit_length() - 1
    if not p.floating:
        z = floor(Fraction(o * 2 ** (p.out_fraction + 3), 2**e))
        return floor(z * mantissa / 8 + Fraction(1, 2))
    cut = max(abs(o).bit_length() - 24, 0)
    size = (abs(o) >> cut << cut) * mantissa / 2**e / 2**24
    return nearest_half(size) * (1 if o >= 0 else -1)


def nearest_half(size):
    """FP16's number nearest to a fraction, ties to even."""
    if size == 0:
        return 0.0
    power = max(floor(log2(size)), -14)
    while 2**power > size and power > -14:
        power -= 1
    unit = Fraction(2) ** (power - 10)
    return float(round(size / unit) * unit)


def exact_row(p, q, k, v, valid, by, sink):
    """(values, saturated) of a row by the equations of the docstrings, element by element."""
    kept = [j for j in range(len(k)) if valid[j]]
    each = {j: exact_dot(p, q, k[j]) for j in kept}
    s = {j: exact_score(p, dot, by) for j, (dot, _) in each.items()}
    if not kept:
        return [0] * v.shape[1], False
    best = max([code for code, _ in s.values()] + ([] if sink is None else [sink]))
    top = -(-best // 2**p.fraction)
    w = {j: exact_weight(p, code, top) for j, (code, _) in s.items()}
    total = sum(w.values()) + (0 if sink is None else exact_weight(p, sink, top))
    unit = 2**24 if p.floating else 1
    o = [int(sum(w[j] * Fraction(v[j, c]) * unit for j in kept)) for c in range(v.shape[1])]
    saturated = any(each[j][1] or s[j][1] for j in kept)
    return [exact_quotient(p, value, total) for value in o], saturated


@every
@pytest.mark.parametrize("spread", [0.3, 2.0, 300.0])
def test_the_equations_in_fractions(p, spread):
    rng = np.random.default_rng(round(spread * 10))
    q, k, v = operands(p, rng, 6, min(p.keys, 9), spread if p.floating else 1)
    by = usual(p, spread)
    valid = rng.random((6, len(k))) < np.array([0.0, 0.2, 0.7, 0.7, 1.0, 1.0])[:, None]
    for sink in (None, p.score.min, 3, p.score.max):
        found = attend(p, q, k, v, valid, by, sink)
        wanted = [exact_row(p, row, k, v, keep, by, sink) for row, keep in zip(q, valid, strict=True)]
        assert found.out.tolist() == [out for out, _ in wanted]
        assert found.saturated.tolist() == [saturated for _, saturated in wanted]
        assert found.empty.tolist() == (~valid.any(1)).tolist()


def real(q, k, v, valid, scale, cap=0.0):
    logits = q.astype(float) @ k.T.astype(float) * scale
    logits = np.where(valid, cap * np.tanh(logits / cap) if cap else logits, -np.inf)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ v


# worst and mean error over the largest |value|, of 512 keys of which four in five are valid
STATED = {"int8": (1.6e-3, 3e-4), "fp16": (6e-4, 6e-5)}


@pytest.mark.parametrize("cap", [0.0, 30.0])
@pytest.mark.parametrize("name", STATED)
def test_the_error_against_attention_in_float64(name, cap):
    p, rng = CAPPED[name], np.random.default_rng(7)
    shape = [(48, 64), (512, 64), (512, 64)]
    if p.floating:
        spreads = zip(shape, (2, 2, 1), strict=True)
        q, k, v = (rng.normal(0, s, n).astype(np.float16).astype(float) for n, s in spreads)
        scale, unit = 1 / 8, 1.0
    else:
        q, k, v = (rng.integers(-127, 128, n) for n in shape)
        scale, unit = (2 / 64) ** 2 / 8, 2.0**-p.out_fraction
    valid = rng.random((48, 512)) < 0.8
    found = attend(p, q, k, v, valid, scaling(p, scale, cap))
    error = np.abs(found.out * unit - real(q, k, v, valid, scale, cap)) / np.abs(v).max()
    worst, mean = STATED[name]
    assert error.max() <= worst
    assert error.mean() <= mean
    assert not found.saturated.any()


@every
def test_values_that_are_alike_come_out_as_they_are(p):
    """V = 1 gives 1: whatever the weights, they are divided by their own sum."""
    rng = np.random.default_rng(3)
    by = usual(p, 3.0)
    numbers = [1.0, -1.0, 0.1, -3.7, 65504.0, -65504.0, 2**-24, 2**-14] if p.floating else range(-128, 128)
    fit = [x for x in numbers if p.floating or p.value.min <= x <= p.value.max]
    wanted = FP16.quantise(fit) if p.floating else np.array(fit)
    unit = 1 if p.floating else 2**p.out_fraction
    for keys in (1, 2, 3, min(p.keys, 300), min(p.keys, 511)):
        q, k, _ = operands(p, rng, 4, keys)
        v = np.broadcast_to(wanted, (keys, len(fit)))
        out = attend(p, q, k, v, np.ones(keys, bool), by).out
        assert np.array_equal(out, np.broadcast_to(wanted * unit, out.shape))


@pytest.mark.parametrize("bits", range(2, 25))
@pytest.mark.parametrize("value", [Int(8), FP16], ids=str)
def test_v_of_one_gives_one_in_every_width_of_weights(bits, value):
    """The significands of E5M2, E4M3, BF16, FP16 and FP32 (2, 3, 7, 10, 23) are among them."""
    given = {"weight_bits": bits, "segment_bits": 3, "degree": 1, "keys": 700}
    p = fp16(**given) if value == FP16 else Arithmetic(**given)
    rng = np.random.default_rng(bits)
    s = np.clip(rng.normal(0, 3 << p.fraction, (20, 700)), p.score.min, p.score.max).astype(np.int64)
    w = weights(p, s, tops(p, s, np.ones(s.shape, bool)))
    out = divided(p, w.sum(-1), sums(p, w, np.ones((700, 1), np.float64 if p.floating else np.int64)))
    assert (out == (1 if p.floating else 1 << p.out_fraction)).all()


@pytest.mark.parametrize("name", ["int8", "fp16"])
@pytest.mark.parametrize("keys", [1, 2, 3, 64, 256, 511, 512, 513, 4096, 16384, 65535, 65536])
def test_rows_of_equal_scores_are_means_at_every_window(name, keys):
    """ITA's give 0 from 256 keys on. Half the values are 1, the others 0."""
    p = fp16(keys=1 << 16, weight_bits=20) if name == "fp16" else WIDE
    s = np.full((1, keys), 3 << p.fraction)
    w = weights(p, s, tops(p, s, np.ones(s.shape, bool)))
    v = (np.arange(keys) % 2 == 0)[:, None] * (1.0 if p.floating else 1000)
    out = divided(p, w.sum(-1), sums(p, w, v))[0, 0]
    unit = 2**-11 * v.mean() if p.floating else 2**-p.out_fraction
    assert abs(out * (1 if p.floating else unit) - v.mean()) <= unit


@pytest.mark.parametrize("name", ["int8", "fp16"])
def test_equal_scores_of_every_number_of_keys_give_one(name):
    """1 to 65,536 keys of the largest weight, or of the least that a largest one has; V = 1."""
    p = fp16(keys=1 << 16, weight_bits=20) if name == "fp16" else WIDE
    for weight in (1 << p.weight_bits, (1 << p.weight_bits - 1) + 1):
        total = np.arange(1, (1 << 16) + 1) * weight
        ones = total[:, None] << (24 if p.floating else 0)
        weighted = np.stack([ones >> 20, ones & (1 << 20) - 1]) if p.floating else ones
        one = 1 if p.floating else 1 << p.out_fraction
        assert set(divided(p, total, weighted).ravel().tolist()) == {one}


@every
def test_a_row_that_is_wholly_masked_is_zero_and_says_so(p):
    rng = np.random.default_rng(5)
    q, k, v = operands(p, rng, 3, min(p.keys, 7))
    for sink in (None, 5):
        found = attend(p, q, k, v, np.zeros((3, len(k)), bool), usual(p), sink)
        assert not found.out.any()
        assert found.empty.all()
        assert not found.saturated.any()


@every
def test_the_order_and_what_is_masked_have_no_effect(p):
    rng = np.random.default_rng(6)
    q, k, v = operands(p, rng, 5, min(p.keys, 40))
    valid = rng.random((5, len(k))) < 0.6
    found = attend(p, q, k, v, valid, usual(p)).out
    order = rng.permutation(len(k))
    assert np.array_equal(found, attend(p, q, k[order], v[order], valid[:, order], usual(p)).out)
    for row in range(5):
        kept = np.flatnonzero(valid[row])
        alone = attend(p, q[row : row + 1], k[kept], v[kept], np.ones(len(kept), bool), usual(p)).out
        assert np.array_equal(found[row], alone[0])


def test_a_sink_takes_mass_and_gives_none():
    q, k, v = np.zeros((1, 64), int), np.zeros((3, 64), int), np.full((3, 1), 100)
    by = scaling(INT8, 0.01)
    assert attend(INT8, q, k, v, np.ones(3, bool), by, 0).out[0, 0] == 75 << 8
    assert attend(INT8, q, k, v, np.ones(3, bool), by, 512).out[0, 0] == round(300 * 256 / 7)


def test_leading_axes_are_heads():
    rng = np.random.default_rng(8)
    q, k, v = (rng.integers(-128, 128, (2, 3, n, 64)) for n in (4, 9, 9))
    valid = np.tri(4, 9, 5, bool)
    found = attend(INT8, q, k, v, valid, usual(INT8), np.array([[[3], [4], [5]], [[6], [7], [8]]])).out
    for a in range(2):
        for b in range(3):
            alone = attend(INT8, q[a, b], k[a, b], v[a, b], valid, usual(INT8), 3 + 3 * a + b)
            assert np.array_equal(found[a, b], alone.out)


@pytest.mark.parametrize("p", CAPPED.values(), ids=CAPPED)
@pytest.mark.parametrize("cap", [1.0, 20.0, 50.0])
def test_a_capped_score_is_the_cap_times_a_tanh(p, cap):
    """To within 2^-16 of the cap for s / cap, as much for tanh, and half a score."""
    rng = np.random.default_rng(9)
    scale = 2.0**-10
    by = scaling(p, scale, cap)
    dot = rng.integers(p.dot.min, p.dot.max + 1, 20000) >> rng.integers(0, p.dot.width - 6, 20000)
    logits = dot * scale * (2.0**-p.dot_fraction if p.floating else 1)
    octave = by.cap / 2**p.fraction
    found, clipped = scores(p, dot, by)
    real = octave * np.tanh(logits / cap) * 2**p.fraction
    assert np.abs(found - real).max() <= 0.5 + 2.2 * by.cap * 2**-16
    assert np.abs(found).max() <= by.cap
    assert not clipped.any()


@halves
def test_a_product_that_saturates_says_so(p):
    edge = 2.0 ** (p.dot_integer / 2)
    q = np.array([[edge, 1.0], [edge, 0.5], [-edge * 2, 1.0]])
    k = np.array([[edge, 1.0], [1.0, 1.0]])
    dot, saturated = dots(p, q, k)
    assert saturated.tolist() == [[True, False], [True, False], [True, False]]
    one = 1 << p.dot_fraction
    limit = (1 << p.dot_integer + p.dot_fraction) - 1
    assert dot[:, 0].tolist() == [limit + one, limit + one // 2, -limit + one]


@pytest.mark.parametrize("p", [INT8, HALF], ids=["int8", "fp16"])
def test_the_widths_hold_what_is_largest(p):
    """The ends of every format, in rows of as many keys as there may be."""
    ends = [p.query.min, p.query.max] if isinstance(p.query, Int) else [-65504.0, 65504.0]
    dtype = np.int64 if isinstance(p.query, Int) else np.float64
    for a in ends:
        for b in ends:
            dot, _ = dots(p, np.full((1, 64), a, dtype), np.full((1, 64), b, dtype))
            p.dot.check("dot", dot)
    for value in [p.value.min, p.value.max] if isinstance(p.value, Int) else ends:
        w = np.full((1, p.keys), 1 << p.weight_bits)
        p.total.check("total", w.sum(-1) + (1 << p.weight_bits))
        weighted = sums(p, w, np.full((p.keys, 1), value, dtype))
        limbs = [int(limb[0, 0]) for limb in (weighted if p.floating else weighted[None])]
        whole = (limbs[0] << 20) + limbs[1] if p.floating else limbs[0]
        assert whole == p.keys * int(Fraction(value) * (1 << 24 if p.floating else 1)) << p.weight_bits
        assert -(1 << p.sum_width - 1) <= whole < 1 << p.sum_width - 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"query": Int(9)}, "query.width is 9; allowed: 2 to 8"),
        ({"value": Int(17)}, "value.width is 17; allowed: 2 to 16"),
        ({"key": Int(8, signed=False)}, "key.signed is False; allowed: True"),
        ({"value": FP16}, "value is fp16; allowed: an integer format"),
        ({"query": FP16}, "key is int8; allowed: fp16"),
        ({"query": FP16, "key": FP16}, "value is int8; allowed: fp16"),
        ({"keys": 65537}, "keys is 65537; allowed: 1 to 65536"),
        ({"fraction": 15}, "fraction is 15; allowed: 4 to 14"),
        ({"fraction": 10, "score": Int(11)}, r"score.width is 11; allowed: 12 to 24"),
        ({"weight_bits": 25}, "weight_bits is 25; allowed: 2 to 24"),
        ({"value": Int(12)}, r"value.width \+ out_fraction is 20; allowed: 2 to 18"),
        ({"softcap": True, "score": Int(22)}, "score.width is 22; allowed: 6 to 20"),
        ({"segment_bits": 7}, "segment_bits is 7; allowed: 1 to 6"),
    ],
)
def test_arithmetic_that_cannot_be_is_refused(given, message):
    with pytest.raises(BadValue, match=message):
        Arithmetic(**given)


def test_fp16_that_int64_does_not_hold_is_refused():
    with pytest.raises(BadValue, match="dot_fraction is 24; allowed: 4 to 23"):
        fp16(dot_fraction=24)
    with pytest.raises(BadValue, match="dot_integer is 33; allowed: 1 to 32"):
        fp16(dot_integer=33)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": np.full((1, 64), 128)}, r"q\[0, 0\] is 128; allowed: -128 to 127"),
        ({"k": np.zeros((2, 63), int)}, r"k.shape\[-1\] is 63; allowed: 64 to 64"),
        ({"v": np.zeros((3, 4), int)}, r"v.shape\[-2\] is 3; allowed: 2 to 2"),
        ({"valid": np.ones(3, bool)}, r"valid.shape is \[3\]"),
        ({"sink": 40000}, "sink is 40000; allowed: -32768 to 32767"),
        ({"sink": [1, 2]}, r"sink.shape is \[2\]; allowed: what broadcasts to \[1\]"),
        ({"q": np.zeros(64, int)}, r"q.shape is \[64\]; allowed: two axes or more"),
        ({"v": np.zeros(2, int)}, r"v.shape is \[2\]; allowed: two axes or more"),
        ({"q": np.zeros((2, 1, 64), int), "k": np.zeros((3, 2, 64), int)}, r"k.shape is \[3, 2, 64\]"),
        ({"q": np.zeros((2, 1, 64), int), "v": np.zeros((3, 2, 4), int)}, r"v.shape is \[3, 2, 4\]; allowed"),
        ({"by": Scaling(multiplier=1, shift=1, cap=5)}, r"cap is 5; allowed: 0 to 0 \(the engine has"),
    ],
)
def test_an_argument_outside_is_refused(change, message):
    given = {"q": np.zeros((1, 64), int), "k": np.zeros((2, 64), int), "v": np.zeros((2, 4), int)}
    given |= {"valid": np.ones(2, bool), "by": Scaling(multiplier=1, shift=1)}
    with pytest.raises(BadValue, match=message):
        attend(INT8, **(given | change))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 0.1])
def test_fp16_takes_finite_numbers_that_it_holds(value):
    with pytest.raises(BadValue, match=r"q\[0, 3\] is .*; allowed: finite numbers of fp16"):
        dots(HALF, [[0.0, 1.0, 2.0, value]], [[0.0, 0.0, 0.0, 0.0]])


@pytest.mark.parametrize("values", [[["a"]], [[1j]], [[None]]], ids=["text", "complex", "nothing"])
def test_fp16_takes_real_numbers(values):
    with pytest.raises(BadValue, match=r"q.dtype is .*; allowed: real numbers"):
        dots(HALF, values, [[0.0]])


@pytest.mark.parametrize("p", CAPPED.values(), ids=CAPPED)
@pytest.mark.parametrize("cap", [-1.0, -1e-9, 1e-9, 1e12, np.nan, np.inf])
def test_a_cap_that_scores_do_not_hold_is_refused(p, cap):
    """One that rounds to 0 would be none at all."""
    with pytest.raises(BadValue, match=r"softcap is .*; allowed: 0, or .* to "):
        scaling(p, 1e-6, cap)
    least = 0.51 * 2.0**-p.fraction / np.log2(np.e)
    assert scaling(p, 1e-6, least).cap == 1 and scaling(p, 1e-6, 0.0).cap == 0


@pytest.mark.parametrize("scale", [-0.1, np.nan, np.inf])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(BadValue, match=r"scale is .*; allowed: finite numbers, 0 or more"):
        scaling(INT8, scale)
    with pytest.raises(BadValue, match=r"softcap is 1.0; allowed: 0: the engine has none"):
        scaling(INT8, 0.01, 1.0)


def test_more_keys_than_the_sums_hold_are_refused():
    p = Arithmetic(keys=4)
    with pytest.raises(BadValue, match="keys of a row is 5; allowed: 0 to 4"):
        attend(p, np.zeros((1, 64), int), np.zeros((5, 64), int), np.zeros((5, 1), int), np.ones(5, bool),
               Scaling(multiplier=1, shift=1))  # fmt: skip
