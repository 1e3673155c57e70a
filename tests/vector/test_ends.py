"""The vector blocks' golden at the ends of every legal range, against Python's integers and fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.check import BadValue
from golden.formats import BF16, FP16, FP32, Int
from golden.vector.align import AlignParams, align
from golden.vector.dequantise import EXACT_BITS, GroupScalingParams, dequantise
from golden.vector.functions import FUNCTIONS
from golden.vector.piecewise import MAX_INPUT, PiecewiseParams, piecewise, table
from golden.vector.reciprocal import ReciprocalParams, reciprocal
from golden.vector.requantise import ROUNDINGS, RequantiseParams, requantise
from golden.vector.root import RootParams, inverse_root
from golden.vector.softmax import SoftmaxParams, softmax
from tests.vector.test_requantise import exact as requantised
from tests.vector.test_softmax import exact as softmaxed

often = settings(max_examples=80, deadline=None, derandomize=True)
seldom = settings(max_examples=25, deadline=None, derandomize=True)


def values(fmt):
    """Of an integer format, its ends and what is beside them as often as others."""
    ends = {fmt.min, fmt.min + 1, -1, 0, 1, fmt.max - 1, fmt.max}
    return st.sampled_from(sorted(e for e in ends if fmt.min <= e <= fmt.max)) | st.integers(fmt.min, fmt.max)


@st.composite
def requantisers(draw):
    """All widths together, the widest product that golden holds among them."""
    acc = draw(st.integers(2, 61) | st.sampled_from([2, 32, 46, 61]))
    multiplier = draw(st.sampled_from([1, 62 - acc]) | st.integers(1, 62 - acc))
    out = draw(st.sampled_from([1, acc]) | st.integers(1, acc))
    return RequantiseParams(
        acc=Int(acc), multiplier=Int(multiplier, signed=False), out=Int(out, signed=draw(st.booleans())),
        max_shift=acc + multiplier, rounding=draw(st.sampled_from(ROUNDINGS)),
    )  # fmt: skip


@often
@given(st.data(), requantisers())
def test_requantise(data, p):
    acc, bias = data.draw(values(p.acc)), data.draw(values(p.acc))
    multiplier = data.draw(values(p.multiplier))
    shift = data.draw(st.sampled_from([1, p.max_shift]) | st.integers(1, p.max_shift))
    zero, relu = data.draw(values(p.out)), data.draw(st.booleans())
    found = requantise(p, [[acc]], [bias], [multiplier], [shift], zero, relu)
    assert int(found[0, 0]) == requantised(p, acc, bias, multiplier, shift, zero, relu)


def test_a_requantiser_a_bit_wider_is_refused():
    RequantiseParams(acc=Int(46), multiplier=Int(16, signed=False))
    with pytest.raises(BadValue, match=r"acc.width \+ 1 \+ multiplier.width is 64"):
        RequantiseParams(acc=Int(47), multiplier=Int(16, signed=False))


def nearest32(exact):
    """The number of fp32 that a fraction rounds to: ties to even, infinity beyond the largest."""
    size = abs(exact)
    if not size:
        return 0.0
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    unit = Fraction(2) ** max(exponent - 23, -149)
    found = round(exact / unit) * unit
    return float(found) if abs(found) < Fraction(2) ** 128 else float("inf") * (1 if exact > 0 else -1)


@st.composite
def dequantisers(draw):
    """Differences as wide as golden takes with each scale."""
    scale = draw(st.sampled_from([FP16, BF16]))
    most = EXACT_BITS - scale.mantissa_bits
    acc = draw(st.sampled_from([2, most - 1]) | st.integers(2, most - 1))
    zero = draw(st.integers(1, 9))
    row = draw(st.integers(1, max(1, acc - zero - 1)))
    bits = draw(st.sampled_from([0, 1, 8]))
    return GroupScalingParams(
        acc=Int(acc), row_sum=Int(row), zero=Int(zero, signed=False), scale=scale, exponent_bits=bits,
        exponent_bias=draw(st.sampled_from([0, 255])) if bits else 0,
    )  # fmt: skip


@often
@given(st.data(), dequantisers())
def test_dequantise(data, p):
    """Three groups; a total that overflows stays infinite, and is not followed."""
    total, each = 0.0, []
    scales = st.sampled_from([1, 0x3FF, 0x400, p.scale.max_code]) | st.integers(0, p.scale.max_code)
    for _ in range(3):
        acc, row, zero = (data.draw(values(fmt)) for fmt in (p.acc, p.row_sum, p.zero))
        code = data.draw(scales) | data.draw(st.booleans()) << p.scale.width - 1
        scale = float(p.scale.decode(np.array(code)))
        group = [acc, row, zero, scale]
        unit = Fraction(1)
        if p.exponent_bits:
            group.append(data.draw(values(p.fields["exponent"])))
            unit = Fraction(2) ** (group[-1] - p.exponent_bias)
        each.append(group)
        total = nearest32(Fraction(total) + (acc - zero * row) * Fraction(scale) * unit)
        if np.isinf(total):
            break
    found = dequantise(p, *(np.array(column)[None] for column in zip(*each, strict=True)))
    assert found[0] == total


def test_a_dequantiser_a_bit_wider_is_refused():
    wide = {"row_sum": Int(1), "zero": Int(1, signed=False)}
    GroupScalingParams(acc=Int(EXACT_BITS - FP16.mantissa_bits - 1), **wide)
    with pytest.raises(BadValue, match="products of 48 bits or fewer"):
        GroupScalingParams(acc=Int(EXACT_BITS - FP16.mantissa_bits + 1), **wide)


@often
@given(st.data(), st.sampled_from([FP16, BF16, FP32]), st.sampled_from([2, 3, 16]))
def test_align(data, fmt, group):
    p = AlignParams(
        format=fmt, bits=data.draw(st.sampled_from([fmt.mantissa_bits + 2, 32])), group=group, lanes=1
    )
    ends = [0, 1, (1 << fmt.mantissa_bits) - 1, 1 << fmt.mantissa_bits, fmt.max_code, fmt.max_code + 1]
    code = st.sampled_from(ends) | st.integers(0, (1 << fmt.width - 1) - 1)
    codes = [data.draw(code) | data.draw(st.booleans()) << fmt.width - 1 for _ in range(group)]
    integers, shared, special = align(p, np.array(codes, np.uint64))
    sizes = [min(c & (1 << fmt.width - 1) - 1, fmt.max_code) for c in codes]
    exponent = max(max(size >> fmt.mantissa_bits, 1) for size in sizes)
    unit = Fraction(2) ** (exponent - fmt.bias - p.bits + 2)
    wanted = []
    for code, size in zip(codes, sizes, strict=True):
        whole = floor(Fraction(float(fmt.decode(np.array(size)))) / unit)
        wanted.append(-whole if code >> fmt.width - 1 else whole)
    assert (integers.tolist(), int(shared)) == (wanted, exponent)
    assert bool(special) == any((c & (1 << fmt.width - 1) - 1) > fmt.max_code for c in codes)


def polynomial(p, name, x):
    """The unit's arithmetic in Python's integers."""
    above = x - p.input.min
    rows = table(p, name)[above >> p.offset_bits].tolist()
    t = above & (1 << p.offset_bits) - 1
    exact = rows[0] + t * (rows[1] + t * rows[2])
    assert abs(exact) < 1 << 62
    return max(p.out.min, min(exact >> p.fraction, p.out.max))


@st.composite
def piecewises(draw):
    """Parameters of every kind: BadValue, or none of them leaves 62 bits."""
    width = draw(st.sampled_from([4, 5, 8, 12]))
    name = draw(st.sampled_from(sorted(FUNCTIONS)))
    unit = FUNCTIONS[name].unit and draw(st.integers(0, 9)) > 0
    return {
        "input": Int(width, signed=not unit),
        "input_fraction": width if unit else draw(st.sampled_from([0, 24]) | st.integers(0, 24)),
        "out": Int(draw(st.sampled_from([1, 2, 26])), signed=draw(st.booleans())),
        "out_fraction": draw(st.sampled_from([0, 24]) | st.integers(0, 24)), "functions": (name,),
        "segment_bits": draw(st.integers(1, width - 2)), "degree": draw(st.sampled_from([0, 1, 2])),
    }  # fmt: skip


@often
@given(st.data(), piecewises())
def test_piecewise(data, given):
    try:
        p = PiecewiseParams(**given)
    except BadValue:
        return
    x = [data.draw(values(p.input)) for _ in range(8)]
    found = piecewise(p, given["functions"][0], x)
    assert found.tolist() == [polynomial(p, given["functions"][0], each) for each in x]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_widest_piecewise_units_are_refused(name):
    """2^19 codes a segment, squared, behind 24 bits below 1."""
    unit = FUNCTIONS[name].unit
    wide = {"input": Int(MAX_INPUT, signed=not unit), "input_fraction": MAX_INPUT if unit else 0}
    with pytest.raises(BadValue, match="bits of a constant"):
        PiecewiseParams(**wide, functions=(name,), segment_bits=1, out_fraction=24)


@pytest.mark.parametrize("name", ["exp2", "power", "inverse", "root_1", "root_2"])
@pytest.mark.parametrize("width, signed, fraction", [(12, True, 12), (12, False, 11), (20, False, 0)])
def test_functions_of_0_to_1_take_nothing_else(name, width, signed, fraction):
    """2^524288 is no number; nor is 1 / (1 + -1)."""
    with pytest.raises(BadValue, match=rf"{name}'s input is .* it is one of \[0, 1\)"):
        PiecewiseParams(input=Int(width, signed), input_fraction=fraction, functions=(name,))


@seldom
@given(st.data(), st.sampled_from([4, 7, 18, 20]), st.booleans())
def test_reciprocal(data, bits, least):
    p = ReciprocalParams(width=bits + 1 if least else 62, bits=bits)
    value = data.draw(values(Int(p.width, signed=False)) | st.sampled_from([1 << i for i in range(p.width)]))
    mantissa, zeros = (int(each) for each in reciprocal(p, value))
    if not value:
        return
    assert zeros == p.width - value.bit_length()
    x = (value << p.width - value.bit_length()) - (1 << p.width - 1) >> p.width - 1 - bits
    assert mantissa == polynomial(p.inverse, "inverse", x)
    found = Fraction(mantissa, 1 << bits) / Fraction(2) ** (p.width - 1 - zeros)
    assert abs(found * value - 1) <= Fraction(4, 1 << bits)


@seldom
@given(st.data(), st.sampled_from([4, 8, 18, 20]), st.booleans())
def test_root(data, bits, least):
    p = RootParams(width=bits + 2 + bits % 2 if least else 62, bits=bits)
    value = data.draw(values(Int(p.width, signed=False)) | st.sampled_from([1 << i for i in range(p.width)]))
    mantissa, zeros = (int(each) for each in inverse_root(p, value))
    if not value:
        assert mantissa == 1 << bits
        return
    assert zeros == p.width - value.bit_length() - (p.width - value.bit_length()) % 2
    raised = value << zeros
    large = raised >> p.width - 1
    x = (raised >> p.width - 2 - bits + large) & (1 << bits) - 1
    assert mantissa == polynomial(p.inverse, "root_2" if large else "root_1", x)
    found = Fraction(mantissa, 1 << bits) / Fraction(2) ** ((p.width - 2 - zeros) // 2)
    assert abs(found**2 * value - 1) <= Fraction(8, 1 << bits)


WIDEST = SoftmaxParams(
    score=Int(24), fraction=12, out=Int(18, signed=False), mantissa_bits=20, max_length=1 << 14, lanes=64
)
NARROWEST = SoftmaxParams(
    score=Int(5), fraction=4, out=Int(2, signed=False), mantissa_bits=4, segment_bits=1, max_length=2, lanes=1
)


@pytest.mark.parametrize("p", [WIDEST, NARROWEST], ids=["widest", "narrowest"])
@pytest.mark.parametrize("kind", ["least", "largest", "both", "none valid", "one valid"])
def test_softmax(p, kind):
    """Rows as long as they may be."""
    scores = np.full(p.max_length, p.score.max if kind == "largest" else p.score.min)
    valid = np.full(p.max_length, kind != "none valid")
    if kind == "both":
        scores[::2] = p.score.max
    if kind == "one valid":
        valid[1:] = False
    assert softmax(p, scores, valid).tolist() == softmaxed(p, scores.tolist(), valid.tolist())


def test_a_longer_row_of_softmax_is_refused():
    with pytest.raises(BadValue, match=r"scores.shape\[-1\] is 3"):
        softmax(NARROWEST, [0, 0, 0], [1, 1, 1])
