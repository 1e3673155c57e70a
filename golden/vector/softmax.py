"""Softmax of a row of fixed-point scores in units of an octave, in integers.

    top = ceil(max of the valid scores), an integer            scores: s = code / 2^fraction
    weight = floor(2^guard exp2(s - floor(s)) / 2^(top - floor(s)))
    p = min(round(weight * mantissa / 2^shift), out.max)       of a valid element, else 0
    with mantissa / 2^shift = 2^out.width / sum of the valid weights (golden.vector.reciprocal), ties up

so p / 2^out.width ~ 2^s / sum 2^s: e^x is 2^s with x log2(e) folded into the scale of the scores. exp2 is a
piecewise polynomial (golden.vector.piecewise); the power of two is exact but for the bits below a weight's
last, of which `guard` are kept so that max_length truncations together stay below one unit of the mantissa.

Measured: p is off by at most 0.8 codes, of which rounding is 0.5, and a flat row's sum by as much an element,
where mantissa_bits exceeds out.width and exp2 is as good (tests/vector/test_softmax.py, rows to 4096).

Source: Stevens et al., Softermax, DAC 2021 (base 2, the maximum rounded up to an integer). Theirs to avoid:
a reciprocal of few bits makes long flat rows sum to much less than 1 (ITA, arXiv 2307.03493).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.formats.integer import Int
from golden.vector.piecewise import PiecewiseParams, piecewise
from golden.vector.reciprocal import ReciprocalParams, reciprocal


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxParams:
    """score, out: formats of codes; score's last bit is 2^-fraction octaves, out's is 2^-out.width.

    mantissa_bits  of exp2, below 1
    segment_bits   2^segment_bits quadratic segments of exp2
    max_length     elements of the longest row; a multiple of lanes
    lanes          elements of a word, at most 64
    """

    score: Int = Int(16)
    fraction: int = 8
    out: Int = Int(16, signed=False)
    mantissa_bits: int = 17
    segment_bits: int = 4
    max_length: int = 512
    lanes: int = 4

    def __post_init__(self) -> None:
        check.one_of("score.signed", self.score.signed, [True])
        check.one_of("out.signed", self.out.signed, [False])
        check.in_range("out.width", self.out.width, 2, 18)
        check.in_range("mantissa_bits", self.mantissa_bits, 4, 20)
        check.in_range("score.width", self.score.width, self.fraction + 1, 24, "a bit above the fraction")
        check.in_range("lanes", self.lanes, 1, 64)
        check.in_range("max_length", self.max_length, 2 * self.lanes, 1 << 14, "two words to 2^14 elements")
        if self.max_length % self.lanes:
            raise check.fail("max_length", self.max_length, f"multiples of lanes, {self.lanes}")
        _ = self.power, self.reciprocal  # their own checks

    @property
    def power(self) -> PiecewiseParams:
        """Parameters of the polynomial for 2^f, 0 <= f < 1."""
        return PiecewiseParams(
            input=Int(self.fraction, signed=False),
            input_fraction=self.fraction,
            out=Int(self.mantissa_bits + 1, signed=False),
            out_fraction=self.mantissa_bits,
            functions=("exp2",),
            segment_bits=self.segment_bits,
            degree=2,
        )

    @property
    def guard(self) -> int:
        """2^guard >= max_length: as many truncations are less than 1 of the mantissa's last bits."""
        return (self.max_length - 1).bit_length()

    @property
    def weight(self) -> Int:
        """exp2 < 2^(mantissa_bits + 1), with the guard bits."""
        return Int(self.mantissa_bits + 1 + self.guard, signed=False)

    @property
    def reciprocal(self) -> ReciprocalParams:
        """Parameters for the reciprocal of the sum of max_length weights; its error is below a quarter of
        out's last bit."""
        return ReciprocalParams(width=self.weight.width + self.guard, bits=self.out.width + 2)

    @property
    def depth(self) -> int:
        """Words of the longest row."""
        return self.max_length // self.lanes

    @property
    def pause(self) -> int:
        """Cycles between the second and the third pass, for the word's sum, and the row's reciprocal."""
        return 1 + self.reciprocal.latency

    @property
    def latency(self) -> int:
        """Registers between a word's address and `o`: word, those of exp2, weight, scaled, o."""
        return self.power.latency + 4


def softmax(p: SoftmaxParams, scores: ArrayLike, valid: ArrayLike) -> np.ndarray:
    """Probabilities of rows, bit for bit what hw.vector.softmax gives.

    scores   integers [..., n], values of p.score, n at most p.max_length
    valid    booleans, scores' shape: what is not valid counts for nothing and gets 0
    returns  int64 [..., n], values of p.out; a row without a valid element is zeros
    raises   BadValue, naming the argument
    """
    scores = p.score.check("scores", scores)
    valid = check.array("valid", valid, 0, 1).astype(bool)
    check.shape("valid", valid, scores.shape)
    check.in_range("scores.shape[-1]", scores.shape[-1], 1, p.max_length)
    weights = np.where(valid, _weights(p, scores, valid), 0)
    mantissa, zeros = reciprocal(p.reciprocal, weights.sum(axis=-1, keepdims=True))
    # 2^out.width / sum = mantissa 2^out.width / 2^(bits + width - 1 - zeros): bits = out.width + 2
    shift = np.maximum(p.reciprocal.width + 1 - zeros, 2)  # less only where the sum is 0
    return np.asarray(np.minimum((weights * mantissa + (1 << shift - 1)) >> shift, p.out.max))


def _weights(p: SoftmaxParams, scores: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """2^(s - top), with mantissa_bits + guard bits below 1."""
    octave = scores >> p.fraction
    largest = np.where(valid, scores, p.score.min).max(axis=-1, keepdims=True)
    top = -(-largest >> p.fraction)
    mantissa = piecewise(p.power, "exp2", scores & (1 << p.fraction) - 1)
    return np.asarray((mantissa << p.guard) >> np.clip(top - octave, 0, 63))


def cycles(p: SoftmaxParams, words: Iterable[int]) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled.

    words  words of each row: it is read into the buffer, weighed, and delivered, one row at a time
    """
    return sum(3 * count + p.pause + p.latency for count in words)
