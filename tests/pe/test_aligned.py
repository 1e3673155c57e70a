"""The pre-aligned PE's golden: on aligned FP16 activations, exact in the aligner's units."""

from fractions import Fraction

import numpy as np

from golden import pe
from golden.formats import FP16, Int
from golden.pe import aligned
from golden.pe.aligned import AlignedParams, accumulate, dot
from golden.vector.align import AlignParams, align, unit


def test_w4a16_in_groups_of_128():
    p = AlignedParams()
    assert (p.weight, p.activation, p.accumulator) == (Int(4), Int(14), Int(25))
    assert pe.kind_of(p) == "aligned"
    assert aligned.name(p) == "aligned_int4_int14_acc25_r0"


def test_a_groups_sum_is_that_of_the_numbers_but_for_what_alignment_cuts_off():
    """Activations of one binade lose nothing; others less than a unit each, times the weight."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-8, 8, (128, 3))
    for spread in (0, 9):
        codes = rng.integers(0, 1 << 16, (5, 128)) & 0x83FF | 15 - rng.integers(0, spread + 1, (5, 128)) << 10
        integers, exponent, _ = align(AlignParams(), codes.astype(np.uint64))
        worth, values = unit(AlignParams(), exponent), FP16.decode(codes)
        sums = dot(AlignedParams(), integers, weights)
        for m in range(5):
            for n in range(3):
                exact = sum(Fraction(x) * int(w) for x, w in zip(values[m], weights[:, n], strict=True))
                lost = abs(exact - int(sums[m, n]) * Fraction(worth[m]))
                assert lost < np.abs(weights[:, n]).sum() * Fraction(worth[m]) if spread else not lost


def test_a_step_is_pythons():
    p = AlignedParams()
    rng = np.random.default_rng(2)
    w, a, acc = (
        rng.integers(fmt.min // 2, fmt.max // 2, 999) for fmt in (p.weight, p.activation, p.accumulator)
    )
    assert accumulate(p, acc, w, a).tolist() == [
        int(c) + int(x) * int(y) for c, x, y in zip(acc, w, a, strict=True)
    ]
