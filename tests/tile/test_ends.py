"""The tile's sums where they are widest, and PEs' at their group, against Python's integers and fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden import pe
from golden.blocks import Job
from golden.check import BadValue
from golden.formats import FP16, Int
from golden.pe import aligned, dequantise, lut, mixpe, multiplier, tiled
from golden.pe.weights import PeWeights
from golden.systolic.gemm import Gemm
from golden.tile import words
from golden.tile.params import TileParams
from golden.tile.sums import EXACT, grouped_product
from golden.tile.tile import Operands
from sim.device import Rtl
from sim.tools import ToolMissing
from tests.vector.test_ends import nearest32, values

often = settings(max_examples=60, deadline=None, derandomize=True)
SCALES = [1, 0x3FF, 0x400, 0x3C00, 0x3C01, 0x7BFF, 0x8001, 0xBC00, 0xFBFF]  # codes of fp16
WIDE = [
    TileParams(rows=1, cols=1, pe=multiplier.Params(weight=Int(24), activation=Int(24), group=4)),
    TileParams(rows=1, cols=1, pe=multiplier.Params(weight=Int(32), activation=Int(29), group=1)),
    TileParams(rows=1, cols=1, pe=multiplier.Params(weight=Int(30), activation=Int(22, False), group=8)),
    TileParams(rows=1, cols=1, pe=mixpe.Params(weight=Int(8), activation=Int(16), group=4)),
    TileParams(rows=1, cols=1, pe=lut.Params(weight=Int(4, False), group=8)),
]


def drawn(data, p, groups):
    """Operands of one sum of several groups, at their formats' ends."""
    many = groups * p.group
    least = -p.pe.activation.max if isinstance(p.pe, lut.Params) else p.pe.activation.min
    a = [max(data.draw(values(p.pe.activation)), least) for _ in range(many)]
    w = [data.draw(values(p.pe.weight)) for _ in range(many)]
    zeros = [data.draw(values(Int(tiled.zero_bits(p.pe)))) for _ in range(groups)]
    scale = st.sampled_from(SCALES) | st.integers(0, 0x7BFF)
    scales = [float(FP16.decode(np.array(data.draw(scale)))) for _ in range(groups)]
    return a, w, zeros, scales


def by_fractions(p, a, w, zeros, scales):
    counted = [2 * q - p.pe.weight.max for q in w] if isinstance(p.pe, lut.Params) else w
    total = 0.0
    for g, (zero, scale) in enumerate(zip(zeros, scales, strict=True)):
        place = slice(g * p.group, (g + 1) * p.group)
        term = sum(x * (q - zero) for x, q in zip(a[place], counted[place], strict=True))
        total = nearest32(Fraction(total) + term * Fraction(scale))
        if np.isinf(total):
            break
    return total


@often
@given(st.data(), st.sampled_from(WIDE))
def test_sums_are_rounded_once(data, p):
    a, w, zeros, scales = drawn(data, p, 3)
    weights = PeWeights(
        codes=np.array(w)[:, None], scales=np.array(scales)[:, None], zeros=np.array(zeros)[:, None]
    )
    assert grouped_product(p, np.array([a]), weights)[0, 0] == by_fractions(p, a, w, zeros, scales)


def tie_and_one():
    """Operands of a sum S for which 1025 S, 56 bits, is a tie of 24 bits and one unit more."""
    low = ((1 << 31) + 1) * pow(1025, -1, 1 << 33) % (1 << 33)
    found = (low + (j << 33) for j in range(1 << 12, 1 << 13))
    total = next(s for s in found if s < 1 << 46 and (s * 1025).bit_length() == 56)
    high = total >> 22
    return [[high // 2], [high - high // 2], [total & (1 << 22) - 1], [0]], [1 << 22, 1 << 22, 1, 0]


def test_a_sum_beyond_float64_is_not_rounded_twice():
    w, a = tie_and_one()
    weights = PeWeights(codes=np.array(w), scales=np.array([[1025 / 1024]]), zeros=np.array([[0]]))
    (found,) = grouped_product(WIDE[0], np.array([a]), weights)[0]
    total = sum(x * q[0] for x, q in zip(a, w, strict=True))
    assert total.bit_length() + 11 > EXACT
    assert found == nearest32(Fraction(total * 1025, 1024)) == 35219809763328.0


def test_what_cancels_leaves_its_last_bit():
    """-S rounded, then S: what is left is all below fp32's 24 bits."""
    w, a = tie_and_one()
    codes = np.array([[-q[0]] for q in w] + w)
    weights = PeWeights(
        codes=codes, scales=np.full((2, 1), 1025 / 1024), zeros=np.zeros((2, 1), np.int64)
    )
    total = Fraction(sum(x * q[0] for x, q in zip(a, w, strict=True)) * 1025, 1024)
    left = nearest32(Fraction(nearest32(-total)) + total)
    assert left and grouped_product(WIDE[0], np.array([a + a]), weights)[0, 0] == left


def test_zeros_groups_and_scales_have_their_ranges():
    p = TileParams(rows=1, cols=1, pe=mixpe.Params(group=2), groups=2)
    one, many = np.ones((1, 1)), np.ones((6, 1), np.int64)
    with pytest.raises(BadValue, match=r"zeros\[0\] is 16; allowed: -16 to 15"):
        grouped_product(p, many[:2].T, PeWeights(codes=many[:2], scales=one, zeros=np.array([16])[:, None]))
    with pytest.raises(BadValue, match="groups is 3; allowed: 1 to 2"):
        grouped_product(p, many.T, PeWeights(codes=many, scales=np.ones((3, 1))))
    with pytest.raises(BadValue, match="scales"):
        grouped_product(p, many[:2].T, PeWeights(codes=many[:2], scales=one / 3))
    bitmod = TileParams(pe=pe.PES["bitmod"].Params(group=8))
    with pytest.raises(BadValue, match="scales is not whole"):
        words.scale_codes(bitmod, one / 2)


INTEGERS = [
    multiplier.Params(weight=Int(8), activation=Int(8), group=1 << 12),
    multiplier.Params(weight=Int(1), activation=Int(1, False), group=1 << 10),
    multiplier.Params(weight=Int(32), activation=Int(29), group=1),
    multiplier.Params(weight=Int(16), activation=Int(25), group=1 << 12),
    mixpe.Params(weight=Int(8), activation=Int(16), group=1 << 12),
    mixpe.Params(weight=Int(2, False), activation=Int(1), group=3),
    aligned.Params(weight=Int(4), activation=Int(14), group=1 << 12),
    dequantise.Params(group=1 << 12),
    dequantise.Params(code=Int(8), scale_bits=16, shift=0, activation=Int(16), group=1 << 10),
]


@pytest.mark.parametrize("p", INTEGERS, ids=lambda p: pe.module_of(p).name(p))
def test_sums_of_depth_products_fit_and_no_more_are_taken(p):
    module = pe.module_of(p)
    for a in {p.activation.min, p.activation.max}:
        for w in {p.weight.min, p.weight.max}:
            worth = int(dequantise.dequantise(p, np.array(w))) if module is dequantise else w
            activations, weights = np.full((1, p.group), a), np.full((p.group, 1), w)
            found = int(module.dot(p, activations, weights)[0, 0])
            assert found == p.group * a * worth and p.accumulator.min <= found <= p.accumulator.max
            before = np.array(found - a * worth)
            assert int(module.accumulate(p, before, np.array(w), np.array(a))) == found
    with pytest.raises(BadValue, match="K is"):
        module.dot(p, np.zeros((1, p.group + 1), np.int64), np.zeros((p.group + 1, 1), np.int64))


@pytest.mark.parametrize(
    "given, allowed",
    [
        ({"weight": Int(32), "activation": Int(31)}, "a product of at most 62 bits"),
        ({"weight": Int(32), "activation": Int(29), "group": 4}, "pe.group is 4; allowed: 1 to 3"),
        ({"group": (1 << 20) + 1}, "pe.group"),
    ],
)
def test_a_multiplier_whose_sums_leave_62_bits_is_refused(given, allowed):
    with pytest.raises(BadValue, match=allowed):
        multiplier.Params(**given)


@pytest.mark.rtl
def test_the_rtl_rounds_wide_sums_as_golden_does():
    """The same ends, and what cancels, through the compiled tile: 56 bits and more beside a total."""
    p, rng = WIDE[0], np.random.default_rng(7)
    (w, a), groups = tie_and_one(), 40
    ends = np.array([p.pe.weight.min, p.pe.weight.max, -1, 1])
    own = rng.integers(p.pe.weight.min, p.pe.weight.max + 1, (groups, p.group))
    codes = np.where(rng.random(own.shape) < 0.5, rng.choice(ends, own.shape), own)
    activations = rng.permutation(codes.ravel()).reshape(codes.shape)
    codes[:6:2], codes[1:6:2] = -np.array(w)[:, 0], np.array(w)[:, 0]
    activations[:6] = a
    weights = PeWeights(
        codes=codes.reshape(-1, 1),
        zeros=rng.integers(-(1 << 24), 1 << 24, (groups, 1)) * rng.integers(0, 2, (groups, 1)),
        scales=FP16.decode(np.array(SCALES)[rng.integers(0, len(SCALES), (groups, 1))]),
    )  # fmt: skip
    weights.zeros[:6], weights.scales[:6] = 0, 1025 / 1024
    a = activations.reshape(1, -1)
    shape = Gemm(m=1, n=1, k=len(weights.codes))
    job = Job(name="product", p=p, shape=shape, operands=Operands(a, weights))
    try:
        found = Rtl().run(job)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    assert found.values.tolist() == grouped_product(p, a, weights).tolist()
