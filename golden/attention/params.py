"""What every attention engine fixes when it is generated: formats, and the bits of scores and weights.

    D     = sum over head_dim of q k, exact ("units" of 2^-dot_fraction if q and k are FP16)
    s     = D scaled to octaves (powers of two), `score_fraction` bits below one, clipped to `score`
    w     = 2^(s - m) in units of 2^-weight_bits, m the row's maximum, an integer number of octaves
    out   = sum w v / sum w, rounded once to `out`, whose last bit is 2^-out_fraction of v's

Source: base-2 softmax with an integer maximum, Stevens et al., Softermax, DAC 2021, section 3.
"""

from dataclasses import dataclass

from golden import check
from golden.formats import FP16, Float, Int

LARGEST_HEAD = 256  # elements of a row of Q, K or V
SIGNIFICAND, LEAST, LARGEST = 11, -24, 16  # of FP16: bits; its last bit is 2^-24; its numbers are below 2^16


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionParams:
    """head_dim: elements of a row of Q, K and V. qk, v: formats of their elements, integers or FP16.

    score           what a score is clipped to, in units of 2^-score_fraction octaves
    weight_bits     bits of a softmax weight below 1
    multiplier      of a score's scale, dot product to octaves, a number of each job; with a shift of at most
                    max_shift
    dot_fraction    of FP16: bits below 1 that a product of q and k keeps
    softcap         whether a job may cap its scores
    out             of the results; FP16 where v is
    out_fraction    of integers: bits below v's last one that `out` has
    reciprocal_bits of the mantissa of 1 / sum w
    """

    head_dim: int = 64
    qk: Int | Float = Int(8)
    v: Int | Float = Int(8)
    score: Int = Int(16)
    score_fraction: int = 8
    weight_bits: int = 16
    multiplier: Int = Int(16, signed=False)
    max_shift: int = 47
    dot_fraction: int = 20
    softcap: bool = False
    out: Int | Float = Int(8)
    out_fraction: int = 0
    reciprocal_bits: int = 18

    def __post_init__(self) -> None:
        check.in_range("head_dim", self.head_dim, 1, LARGEST_HEAD)
        for name, fmt in (("qk", self.qk), ("v", self.v), ("out", self.out)):
            _check_format(name, fmt)
        if isinstance(self.v, Float) != isinstance(self.out, Float):
            raise check.fail("out", self.out, "fp16 where v is, integers where v is one")
        check.in_range("score.width", self.score.width, 8, 24)
        check.in_range("score_fraction", self.score_fraction, 1, self.score.width - 4, "16 octaves and more")
        check.in_range("weight_bits", self.weight_bits, 8, 24)
        check.one_of("multiplier.signed", self.multiplier.signed, [False])
        check.in_range("multiplier.width", self.multiplier.width, 8, 24)
        check.in_range("max_shift", self.max_shift, 1, 63)
        check.in_range("dot_fraction", self.dot_fraction, 8, 2 * -LEAST, "all bits of a product")
        check.in_range("out_fraction", self.out_fraction, 0, 16)
        check.in_range("reciprocal_bits", self.reciprocal_bits, 8, 20)

    @property
    def floating(self) -> bool:
        """Whether q and k are FP16."""
        return isinstance(self.qk, Float)

    @property
    def product(self) -> Int:
        """One product. Integers: |q k| <= 2^(2a-2), 2a bits. FP16: below 2^32, to 2^-dot_fraction."""
        if self.floating:
            return Int(2 * LARGEST + self.dot_fraction + 1)
        return Int(2 * self.qk.width)

    @property
    def dot(self) -> Int:
        """The sum of head_dim products, each of integers at most 2^(2a - 2)."""
        if self.floating:
            return Int(self.product.width + (self.head_dim - 1).bit_length())
        return Int((self.head_dim << 2 * self.qk.width - 2).bit_length() + 1)

    @property
    def value(self) -> Int:
        """A v as a whole number. FP16: in units of its last bit, 2^-24, it is below 2^40."""
        return Int(LARGEST - LEAST + 1) if isinstance(self.v, Float) else self.v

    @property
    def name(self) -> str:
        """The part of a definition's name that these parameters are."""
        scores = f"s{self.score.width}_{self.score_fraction}_w{self.weight_bits}"
        scale = f"m{self.multiplier.width}_{self.max_shift}"
        out = f"{self.out}_{self.out_fraction}_r{self.reciprocal_bits}"
        more = (f"_d{self.dot_fraction}" if self.floating else "") + ("_softcap" if self.softcap else "")
        return f"{self.head_dim}_{self.qk}_{self.v}_{scores}_{scale}_{out}{more}"


def _check_format(name: str, fmt: Int | Float) -> None:
    """Signed integers of 2 to 16 bits, or FP16."""
    integer = isinstance(fmt, Int) and fmt.signed and 2 <= fmt.width <= 16
    if not integer and fmt != FP16:
        raise check.fail(name, fmt, "int2 to int16, fp16")
