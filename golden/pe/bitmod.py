"""BitMoD's PE: four fp16 activations by a signed power of two of each of four weights, a cycle.

It knows terms, and no datatype: weights reach it as golden.formats.bitmod takes them apart. A cycle has
activations (-1)^s sig 2^(E - 25), sig of 11 bits, E = max(exponent field, 1), and terms (-1)^t man 2^(exp +
bsig) of the weights, bsig in 0..6 for all four. In whole numbers:

    1  e_i = E_i + exp_i, or 0 where man_i = 0;   m = max_i e_i               at most 34: 6 bits
    2  S = sum_i (-1)^(s_i + t_i) floor(man_i sig_i 2^3 / 2^(m - e_i))        below 4 * 2^14: 17 bits signed
       D = S 2^bsig, its last bit worth 2^(m - 28)                            23 bits signed
    3  m' = m + BIAS;   X = max(m', x);   (A, x) is the running sum, worth A 2^(x - BIAS - 20)
       T = floor(D / 2^(X - m')) + floor(A 2^8 / 2^(X - x))                            24 bits each, T 25
       n = leading bits of T alike, but one;   A = floor(T 2^n / 2^9), x = X + 1 - n; of T = 0, x = 0

    4  finish: A * scale (8 bits), one bit of the scale a cycle: 24 bits signed, the exponent as it was

A has 16 bits, sign and 15, and fills them unless it is 0: so a number has one code, A + 2^16 x.

Source: Chen et al., "BitMoD", HPCA 2025 (arXiv 2411.11745), section IV: the steps, 3 bits more in the
alignment, 15 bits of mantissa and 6 of exponent, dequantisation bit by bit. Choices made here: the running
sum is two's complement, cut by floor; whichever of D and A has the smaller exponent is shifted (the
authors' RTL shifts A alone, which is wrong where A is the larger); activations with an exponent field of 31
are numbers (Arm's alternative half precision), and what packs them refuses infinity and NaN; BIAS. The
authors' repository says that BitMoD is "subject to a patent application filed by Cornell": see
golden.formats.bitmod.

Nothing underflows: activations and weights are whole in units of 2^-24, every cut leaves a whole number of
them, and -2^-24, whose exponent is the least, is -2^15 2^(x - BIAS - 20) with x = 1. Nothing overflows:
terms of a weight add up to at most 2 (1 + 4 + 16 + 64) = 170 in magnitude, activations are below 2^17, a
cut of the sum adds less than 2^-14 of it; so 4096 of them, in 4096 cycles, stay below 170 * 2^17 * 2^12 *
e^(1/4) < 2^37, what the largest exponent holds: 2^14 2^(63 - BIAS - 20).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from golden import check
from golden.formats import FP16, FP32, Float
from golden.formats.bitmod import LARGEST_SCALE, Datatype
from golden.formats.bitmod import quantise as quantise_datatypes
from golden.pe import by_format
from golden.pe.weights import PeWeights, QuantisedWeights

STANDS = ("tile",)
EXACT = False
GROUPED = True
activations = by_format.activations
SCALE, SELECTOR = LARGEST_SCALE.bit_length(), 2
LANES = 4
BIAS = 20
TERM, BSIG = 4, 3  # bits: a term is man + 2 exp + 8 sign
MANTISSA, EXPONENT, WINDOW = 16, 6, 24
MOST_DEPTH = 1 << 12


@dataclass(frozen=True, slots=True)
class RunningSum:
    """A format: 16 bits of mantissa, two's complement, with 6 bits of exponent above; sums that occur have
    one code."""

    width = MANTISSA + EXPONENT
    zero = 0

    def __str__(self) -> str:
        return f"m{MANTISSA}e{EXPONENT}"

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Values, float64, exact."""
        mantissa, exponent = self.parts(codes)
        return np.asarray(np.ldexp(mantissa.astype(np.float64), exponent - BIAS - 20))

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Codes, uint64, of values, cut downward to 16 bits; BadValue where the exponent has no room."""
        values = np.asarray(values, np.float64)
        fraction, place = np.frexp(values)  # 0.5 <= |fraction| < 1
        mantissa = np.floor(np.ldexp(fraction, MANTISSA - 1)).astype(np.int64)
        low = mantissa == -1 << MANTISSA - 2  # -2^14 is -2^15 with an exponent one less
        exponent = np.where(values == 0, 0, place + (BIAS + 20 - MANTISSA + 1) - low)
        check.array("exponent", exponent, 0, (1 << EXPONENT) - 1)
        return self.code(np.where(low, mantissa << 1, mantissa), exponent)

    def code(self, mantissa: np.ndarray, exponent: np.ndarray) -> np.ndarray:
        """Codes, uint64, of mantissa and exponent, each modulo its width."""
        low = mantissa.astype(np.int64) & (1 << MANTISSA) - 1
        return np.asarray(low | (exponent.astype(np.int64) & (1 << EXPONENT) - 1) << MANTISSA).view(np.uint64)

    def parts(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(mantissa, exponent), int64."""
        bits = np.asarray(codes, np.uint64).view(np.int64)
        mantissa = (bits & (1 << MANTISSA) - 1 ^ 1 << MANTISSA - 1) - (1 << MANTISSA - 1)
        return mantissa, bits >> MANTISSA & (1 << EXPONENT) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BitModParams:
    """weight: the columns' datatype; activation: fp16; group: pairs in a group's sum; registers: behind the
    sum of the lanes, then behind the matching of exponents (0 to 2)."""

    weight: Datatype = field(default_factory=Datatype)
    activation: Float = FP16
    group: int = 128
    registers: int = 1

    def __post_init__(self) -> None:
        check.one_of("pe.activation", str(self.activation), [str(FP16)])
        check.in_range("pe.registers", self.registers, 0, 2)
        check.in_range("pe.group", self.group, LANES, MOST_DEPTH, "the running sum's exponent has 6 bits")
        if self.group % LANES:
            raise check.fail("pe.group", self.group, f"multiples of {LANES}, the pairs of a word")

    @property
    def accumulator(self) -> RunningSum:
        return RunningSum()


Params = BitModParams


def name(p: BitModParams) -> str:
    """The definition's name: kind, datatype, registers."""
    datatype = str(p.weight).removeprefix("bitmod_").replace(":", "_").replace("-", "m").replace(",", "_")
    return f"bitmod_{datatype}_{p.activation}_r{p.registers}"


def latency(p: BitModParams) -> int:
    """Cycles from terms and activations to the sum that they enter."""
    return p.registers


def lanes(p: BitModParams) -> int:
    return LANES


def interval(p: BitModParams) -> int:
    return p.weight.cycles


def activation_bits(p: BitModParams) -> int:
    """Bits of a word of activations, and of the port: four activations, the first in the lowest bits."""
    return LANES * p.activation.width


row_bits = activation_bits


def weight_bits(p: BitModParams) -> int:
    """Bits of a word of weights: four codes, the first in the lowest bits."""
    return LANES * p.weight.width


def column_bits(p: BitModParams) -> int:
    """Bits of the port `weight`: four terms and, above them, bsig."""
    return LANES * TERM + BSIG


def finish_cycles(p: BitModParams) -> int:
    return SCALE


def side_by_side(codes: np.ndarray, bits: int) -> np.ndarray:
    """uint64 [...] of codes [..., count], the first in the lowest bits."""
    places = (np.arange(codes.shape[-1]) * bits).astype(np.uint64)
    return np.asarray((codes.astype(np.uint64) << places).sum(-1, dtype=np.uint64))


def in_words(values: np.ndarray, where: str) -> np.ndarray:
    """[..., K] as [..., K / 4, 4]."""
    if values.shape[-1] % LANES:
        raise check.fail(f"K of {where}", values.shape[-1], f"multiples of {LANES}, the pairs of a word")
    return values.reshape(*values.shape[:-1], -1, LANES)


def activation_codes(p: BitModParams, values: np.ndarray) -> np.ndarray:
    """fp16 codes of activations; BadValue for a value that is no fp16 number, infinity and NaN included."""
    values = p.activation.check("activations", values)
    if not np.isfinite(values).all():
        index = [int(i) for i in np.argwhere(~np.isfinite(values))[0]]
        raise check.fail(f"activations{index}", float(values[tuple(index)]), "finite numbers")
    return p.activation.encode(values)


def pack_activations(p: BitModParams, values: np.ndarray) -> np.ndarray:
    """uint64 [M, K / 4] of values [M, K]."""
    return side_by_side(in_words(activation_codes(p, values), "activations"), p.activation.width)


def pack_weights(p: BitModParams, codes: np.ndarray) -> np.ndarray:
    """uint64 [K / 4, N] of codes [K, N]."""
    patterns = p.weight.pattern(codes)
    return side_by_side(in_words(patterns.T, "weights"), p.weight.width).T


def column(p: BitModParams, words: np.ndarray, selectors: np.ndarray | None = None) -> list[np.ndarray]:
    """Values of the port `weight` in each of the `interval` cycles of a word; uint64."""
    places = (np.arange(LANES) * p.weight.width).astype(np.uint64)
    patterns = words[..., None] >> places & np.uint64((1 << p.weight.width) - 1)
    codes = patterns.astype(np.int64)
    codes -= (codes > p.weight.max) * (1 << p.weight.width)
    terms = p.weight.terms(codes, None if selectors is None else np.asarray(selectors)[..., None])
    return [
        side_by_side(each, TERM) | np.uint64(p.weight.bsig(cycle) << LANES * TERM)
        for cycle, each in enumerate(terms)
    ]


class Activations(NamedTuple):
    """Fields of fp16 activations, int32 [..., 4]: sign, E, sig."""

    sign: np.ndarray
    exponent: np.ndarray
    significand: np.ndarray


class Terms(NamedTuple):
    """Fields of terms, int32 [..., 4], and bsig, int32 [...] or one for all."""

    sign: np.ndarray
    exp: np.ndarray
    man: np.ndarray
    bsig: Any


def activations_of(codes: np.ndarray) -> Activations:
    """Fields of fp16 codes [..., 4]."""
    bits = codes.astype(np.int32)
    field = bits >> 10 & 31
    return Activations(bits >> 15 & 1, np.maximum(field, 1), bits & 1023 | (field > 0) << 10)


def terms_of(codes: np.ndarray, bsig: Any) -> Terms:
    """Fields of term codes [..., 4]."""
    bits = codes.astype(np.int32)
    return Terms(bits >> 3, bits >> 1 & 3, bits & 1, bsig)


def lane_sum(a: Activations, t: Terms) -> tuple[np.ndarray, np.ndarray]:
    """Steps 1 and 2: (D, m), int32."""
    place = (a.exponent + t.exp) * t.man
    top = place.max(-1)
    shifted = (a.significand * t.man << 3) >> np.minimum(top[..., None] - place, 31)
    total = np.where(a.sign ^ t.sign, -shifted, shifted).sum(-1, dtype=np.int32)
    return total << t.bsig, top


def gather(
    mantissa: np.ndarray, exponent: np.ndarray, addend: np.ndarray, top: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Step 3: (A, x) of the new sum, from A, x, D, m; x modulo 2^6, which no sum of `group` pairs reaches."""
    above = top + BIAS
    highest = np.maximum(above, exponent)
    window = mantissa << WINDOW - MANTISSA
    total = (addend >> np.minimum(highest - above, 31)) + (window >> np.minimum(highest - exponent, 31))
    used = np.frexp(np.where(total < 0, ~total, total).astype(np.float64))[1]  # bits beside the sign
    spare = WINDOW - used
    exponent = np.where(total == 0, 0, highest + 1 - spare) & (1 << EXPONENT) - 1
    return (total << spare) >> WINDOW + 1 - MANTISSA, exponent


def step(p: BitModParams, acc: np.ndarray, weight: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """One cycle of the PE on codes of one shape, uint64: the new sums."""
    fields = np.arange(LANES).astype(np.uint64)
    codes = activation[..., None] >> fields * np.uint64(16) & np.uint64(0xFFFF)
    terms = weight[..., None] >> fields * np.uint64(TERM) & np.uint64(15)
    bsig = (weight >> np.uint64(LANES * TERM) & np.uint64(7)).astype(np.int32)
    mantissa, exponent = p.accumulator.parts(acc)
    found = gather(mantissa, exponent, *lane_sum(activations_of(codes), terms_of(terms, bsig)))
    return p.accumulator.code(*found)


def group_sum(
    p: BitModParams, activations: np.ndarray, codes: np.ndarray, selectors: np.ndarray | None = None
) -> np.ndarray:
    """A group's sums, values [M, N], of activations [M, K] by codes [K, N]; selectors [N]; K up to group.

    In the order of the hardware: word by word of K, cycle by cycle of a word.
    """
    check.in_range("K", activations.shape[1], LANES, p.group, "pe.group")
    if len(codes) != activations.shape[1]:
        raise check.fail("weights.shape", list(codes.shape), f"[{activations.shape[1]}, N]")
    words = in_words(activation_codes(p, activations), "activations")  # [M, words, 4]
    terms = p.weight.terms(codes, selectors).transpose(0, 2, 1)  # [cycles, N, K]
    terms = in_words(terms, "weights")
    mantissa = exponent = np.zeros((len(activations), codes.shape[1]), np.int32)
    for index in range(words.shape[1]):
        a = activations_of(words[:, None, index])
        for cycle in range(p.weight.cycles):
            t = terms_of(terms[cycle, None, :, index], p.weight.bsig(cycle))
            mantissa, exponent = gather(mantissa, exponent, *lane_sum(a, t))
    return p.accumulator.decode(p.accumulator.code(mantissa, exponent))


def partial(p: BitModParams, sums: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The contribution of a group to the total: values of fp32 [M, N], exact in 24 bits, from its sums [M, N]
    and scales [N], 0 to 255."""
    whole = np.asarray(scales)
    scales = check.array("scales", whole.astype(np.int64), 0, LARGEST_SCALE)
    if not np.array_equal(whole, scales):
        raise check.fail("scales", "not whole", f"whole numbers, 0 to {LARGEST_SCALE}")
    return FP32.check("partial sums", sums * scales)


def finished(p: BitModParams, codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Step 4 on codes: A * scale, 24 bits, and the exponent above them; uint64."""
    mantissa, exponent = p.accumulator.parts(codes)
    product = mantissa * check.array("scales", scales, 0, LARGEST_SCALE)
    return np.asarray(product & (1 << WINDOW) - 1 | exponent << WINDOW).view(np.uint64)


def quantise(p: BitModParams, weights: np.ndarray) -> QuantisedWeights:
    """Weights float64 [K, N]: each group along K in the datatype of least error, with a whole scale.

    A channel's factor is a number of fp32 (golden.formats.bitmod).
    """
    found = quantise_datatypes(weights, p.weight, p.group)
    coded = PeWeights(codes=found.codes, scales=found.scales.astype(np.float64), selectors=found.selectors)
    return QuantisedWeights(weights=coded, values=found.values, channel=found.channel)
