"""Formats of attention in base 2, and the width of everything between two of them: the numerics "exact".

    D      = sum over head_dim of q k                 exact; FP16: products in units of 2^-dot_fraction
    s      = clip(floor(D multiplier / 2^shift + 1/2)) in units of 2^-fraction octaves        scores.py
    w      = floor(2^(s + weight_bits - m)), m = ceil(max s)                                  weights.py
    l, o   = sum of w, sum of w v                     exact
    out    = round(o / l)                                                                     row.py

log2(e) / sqrt(head_dim) and the scales of codes are in multiplier and shift. Every sum is one of integers and
exact, so it does not depend on its order: an engine that takes keys in another order, by lanes or one after
another, a prefill or a decoding step, gives the same bits.

Source: Stevens et al., Softermax, DAC 2021 (base 2, the maximum rounded up to an integer); division once,
behind P V: Dao, FlashAttention-2 (arXiv 2307.08691). Bounds of widths: here.
"""

from dataclasses import dataclass
from typing import Any

from golden import check
from golden.formats import FP16, Float, Int
from golden.pe.integers import narrowest, products
from golden.vector.piecewise import PiecewiseParams
from golden.vector.reciprocal import ReciprocalParams

MULTIPLIER = Int(16, signed=False)
MAX_SHIFT = 47
# s / cap before its tanh: 1 - tanh(8) = 2^-22
CAP_INPUT, CAP_FRACTION = Int(20), 16
CAP_OUT, CAP_OUT_FRACTION = Int(18), 17  # clipped below 1, so that what is capped stays within the cap
LIMB = 20  # bits of the lower part of a fixed-point FP16 value
FP16_FRACTION = 24  # FP16's least subnormal is 2^-24
GUARD = 3  # bits of o / l below the last of out
NORMAL = 24  # bits of |o| that are kept of a sum of FP16 values
LONGEST = 1 << 16  # keys
EXACT_BITS = 62  # of a product that golden.formats.rounding takes


def bits_of(count: int) -> int:
    """Bits by which a sum of `count` numbers is wider than one: 2^bits >= count."""
    return (count - 1).bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """query, key: Int of 2 to 8 bits each, or both FP16. value: Int, or FP16 with them.

    head_dim       elements of a query, a key, a value, at most
    keys           of a row, at most; a sink is not one
    score, fraction  format of scores, whose last bit is 2^-fraction octaves
    weight_bits    of the largest weight, 2^weight_bits
    segment_bits, degree  of 2^f, 0 <= f < 1: golden.vector.piecewise; degree 0 is a table
    out_fraction   bits of out below the last one of an Int value
    dot_integer, dot_fraction  of a product of FP16 numbers: |q k| is cut to units of 2^-dot_fraction and
                   saturates below 2^dot_integer
    softcap        whether scores can be capped, s -> cap tanh(s / cap), by a cap given at run time
    """

    query: Int | Float = Int(8)
    key: Int | Float = Int(8)
    value: Int | Float = Int(8)
    head_dim: int = 64
    keys: int = 512
    score: Int = Int(16)
    fraction: int = 8
    weight_bits: int = 16
    segment_bits: int = 4
    degree: int = 1
    out_fraction: int = 8
    dot_integer: int = 16
    dot_fraction: int = 20
    softcap: bool = False

    def __post_init__(self) -> None:
        check.in_range("head_dim", self.head_dim, 1, 1024)
        self._check_formats()
        check.in_range("keys", self.keys, 1, LONGEST)
        check.one_of("score.signed", self.score.signed, [True])
        check.in_range("fraction", self.fraction, 4, 14)
        check.in_range("score.width", self.score.width, self.fraction + 2, 24, "an octave above the fraction")
        check.in_range("weight_bits", self.weight_bits, 2, 24)
        check.one_of("softcap", self.softcap, [False, True])
        if self.softcap:
            check.in_range("score.width", self.score.width, 6, CAP_INPUT.width, "what is capped has no more")
        if not self.floating:
            check.in_range("out_fraction", self.out_fraction, 0, 16)
            check.in_range("value.width + out_fraction", self.out_width, 2, 18, "bits of a result")
            why = "of the sum of weighted values, with those of out_fraction"
            check.in_range("bits", self.sum_width + self.out_fraction + GUARD, 2, 63, why)
        _ = self.power, self.reciprocal  # their own checks

    def _check_formats(self) -> None:
        """Integers, or FP16 throughout."""
        for name in ("query", "key", "value"):
            fmt = getattr(self, name)
            if isinstance(fmt, Int):
                check.one_of(f"{name}.signed", fmt.signed, [True])
                check.in_range(f"{name}.width", fmt.width, 2, 16 if name == "value" else 8)
            elif fmt != FP16:
                raise check.fail(name, fmt, "int2 to int8 (value: to int16), fp16")
            elif self.query != FP16:
                raise check.fail(name, fmt, "an integer format, as query's, or fp16 for all three")
        if self.query == FP16:
            for name in ("key", "value"):
                if getattr(self, name) != FP16:
                    raise check.fail(name, getattr(self, name), "fp16, as the query")
            check.in_range("dot_integer", self.dot_integer, 1, 32, "65504^2 < 2^32")
            room = EXACT_BITS - MULTIPLIER.width - 1 - bits_of(self.head_dim) - self.dot_integer
            check.in_range("dot_fraction", self.dot_fraction, 4, room, "golden is exact in int64")

    @property
    def floating(self) -> bool:
        """Whether queries, keys, values and results are FP16."""
        return isinstance(self.query, Float)

    @property
    def product(self) -> Int:
        """q k; of FP16, its magnitude saturates below 2^dot_integer, in units of 2^-dot_fraction."""
        if isinstance(self.query, Int) and isinstance(self.key, Int):
            return narrowest(*products(self.query, self.key))
        return Int(self.dot_integer + self.dot_fraction + 1)

    @property
    def product_limit(self) -> int:
        """Of FP16: the largest magnitude of a product, in units of 2^-dot_fraction."""
        return (1 << self.dot_integer + self.dot_fraction) - 1

    @property
    def dot(self) -> Int:
        """The sum of head_dim products; of FP16 each is below 2^(product.width - 1) in magnitude."""
        if isinstance(self.query, Int) and isinstance(self.key, Int):
            least, largest = products(self.query, self.key)
            return narrowest(self.head_dim * least, self.head_dim * largest)
        return Int(self.product.width + bits_of(self.head_dim))

    @property
    def scaled(self) -> Int:
        """D multiplier: |D| < 2^(dot.width - 1), or equal with D negative, and multiplier < 2^16."""
        return Int(self.dot.width + MULTIPLIER.width)

    @property
    def power(self) -> PiecewiseParams:
        """Of 2^f, with weight_bits bits below 1."""
        return PiecewiseParams(
            input=Int(self.fraction, signed=False),
            input_fraction=self.fraction,
            out=Int(self.weight_bits + 1, signed=False),
            out_fraction=self.weight_bits,
            functions=("power",),
            segment_bits=self.segment_bits,
            degree=self.degree,
        )

    @property
    def tanh(self) -> PiecewiseParams:
        """Of tanh(s / cap), where there is a softcap."""
        return PiecewiseParams(
            input=CAP_INPUT,
            input_fraction=CAP_FRACTION,
            out=CAP_OUT,
            out_fraction=CAP_OUT_FRACTION,
            functions=("tanh",),
            segment_bits=8,
            degree=2,
        )

    @property
    def octave(self) -> Int:
        """A score's floor, and the ceiling of the largest: one bit more than the part above the fraction."""
        return Int(self.score.width - self.fraction + 1)

    @property
    def weight(self) -> Int:
        """w <= 2^weight_bits: where the fraction of s is not 0, m - floor(s) is 1 or more."""
        return Int(self.weight_bits + 1, signed=False)

    @property
    def total(self) -> Int:
        """l <= (keys + 1) 2^weight_bits, the sink's weight included."""
        return Int(((self.keys + 1) << self.weight_bits).bit_length(), signed=False)

    @property
    def value_width(self) -> int:
        """Bits of a value as a fixed-point number; of FP16 |v| < 2^16 in units of 2^-24."""
        return self.value.width if isinstance(self.value, Int) else 16 + FP16_FRACTION + 1

    @property
    def weighted_width(self) -> int:
        """Bits of w v: |w v| <= 2^weight_bits 2^(value_width - 1), and equal only where it is negative."""
        return self.weight_bits + self.value_width

    @property
    def sum_width(self) -> int:
        """Bits of o, the sum of w v of `keys` keys."""
        return self.weighted_width + bits_of(self.keys)

    @property
    def out_width(self) -> int:
        """Bits of an integer result: |o / l| is at most the largest |v|."""
        return self.value_width + self.out_fraction

    @property
    def out(self) -> Int | Float:
        """Format of results: FP16, or an Int whose last bit is 2^-out_fraction of a value's last one."""
        return FP16 if self.floating else Int(self.out_width)

    @property
    def quotient(self) -> Int:
        """Of integers: o / 2^floor(log2 l) with out_fraction + GUARD bits below, at most twice a value."""
        return Int(self.value_width + 1 + self.out_fraction + GUARD)

    @property
    def reciprocal(self) -> ReciprocalParams:
        """Of l. It is off by 2.1 2^-bits: with two bits more than an integer out by at most .27 of its last
        one, so that values that are all alike come out as they are; with 18 bits by 2^-5 of FP16's last."""
        bits = 18 if self.floating else max(self.out_width + 2, 4)
        return ReciprocalParams(width=max(self.total.width, bits + 1), bits=bits)


def fp16(**given: Any) -> Arithmetic:
    """FP16 throughout, with finer scores and weights than integers have, unless `given` otherwise."""
    finer: dict[str, Any] = {"score": Int(20), "fraction": 12, "weight_bits": 24}
    finer |= {"segment_bits": 5, "degree": 2, "query": FP16, "key": FP16, "value": FP16}
    return Arithmetic(**(finer | given))
