"""Dequantise in the loop: a group-quantised weight becomes an int8 in the PE, then multiply and add, exact.

    sum = acc + w8 * a          w8 = clip(floor(((q - z) s + 2^(shift-1)) / 2^shift), int8)

with a code q, a zero point z and a scale s of its own for each weight: the word of a weight is {q, z, s} from
bit 0. Source: the conventional PE that MixPE (arXiv 2411.16158) argues against, which brings a low-bit weight
back to the activation's precision before each product. The paper gives no widths. Choices: z has q's format,
s is an unsigned integer; ties round up (toward +infinity); a shift of 0 rounds nothing. By the defaults uint4
codes about z = 8 and the greatest scale just fill int8.
"""

from dataclasses import dataclass, replace

import numpy as np

from golden import check
from golden.formats import FP16, Int, grouped
from golden.pe import by_format, integers
from golden.pe.weights import QuantisedWeights, scaled, spread

STANDS = ("array", "tile")
EXACT = True
GROUPED = True
activations = by_format.activations
INT8 = Int(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class DequantiseParams:
    """code: format of q and z; scale_bits: of s; shift: of (q - z) s; group: products in a sum;
    registers: 0 to 2, the first behind the product, the second behind the dequantised weight;
    scale_group: weights along K that `quantise` gives one z and s, a divisor of group; 0: all of a sum."""

    code: Int = Int(4, False)
    scale_bits: int = 8
    shift: int = 4
    activation: Int = Int(8)
    group: int = 65536
    registers: int = 0
    scale_group: int = 0

    def __post_init__(self) -> None:
        check.in_range("pe.code.width", self.code.width, 1, 8)
        check.in_range("pe.scale_bits", self.scale_bits, 1, 16)
        scaled = self.code.width + self.scale_bits
        check.in_range("pe.shift", self.shift, 0, scaled, f"|(q - z) s| is below 2^{scaled}")
        check.in_range("pe.activation.width", self.activation.width, 1, 16)
        check.in_range("pe.group", self.group, 1, 1 << 20)
        check.in_range("pe.registers", self.registers, 0, 2)
        check.in_range("pe.scale_group", self.scale_group, 0, self.group)
        if self.scale_group and self.group % self.scale_group:
            raise check.fail("pe.scale_group", self.scale_group, f"divisors of pe.group, {self.group}, and 0")

    @property
    def weight(self) -> Int:
        """The word {q, z, s}."""
        return Int(2 * self.code.width + self.scale_bits, signed=False)

    @property
    def accumulator(self) -> Int:
        least, largest = integers.products(INT8, self.activation)
        return integers.narrowest(self.group * least, self.group * largest)


Params = DequantiseParams


def name(p: DequantiseParams) -> str:
    """The definition's name: kind, formats, scale, accumulator, registers."""
    scale = f"s{p.scale_bits}_shift{p.shift}"
    return f"dequantise_{p.code}_{scale}_{p.activation}_acc{p.accumulator.width}_r{p.registers}"


def latency(p: DequantiseParams) -> int:
    """Cycles from operands to the sum that they enter; acc is taken in that later cycle."""
    return p.registers


def fields(p: DequantiseParams) -> dict[str, Int]:
    """Formats of a weight's fields, from bit 0."""
    return {"code": p.code, "zero": p.code, "scale": Int(p.scale_bits, signed=False)}


def pack(p: DequantiseParams, code: np.ndarray, zero: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Words, int64 values of p.weight, of q, z and s, which broadcast; BadValue outside their formats."""
    word, place = np.zeros((), np.int64), 0
    for (field, fmt), values in zip(fields(p).items(), (code, zero, scale), strict=True):
        word = np.asarray(word | fmt.encode(fmt.check(field, values)).view(np.int64) << place)
        place += fmt.width
    return word


def unpack(p: DequantiseParams, word: np.ndarray) -> tuple[np.ndarray, ...]:
    """q, z and s, int64, of words; BadValue if one is outside p.weight."""
    word, found = p.weight.check("weight", word), []
    for fmt in fields(p).values():
        found.append(fmt.decode(word))
        word = word >> fmt.width
    return tuple(found)


def dequantise(p: DequantiseParams, word: np.ndarray) -> np.ndarray:
    """w8, int64, of words."""
    code, zero, scale = unpack(p, word)
    return INT8.saturate((code - zero) * scale + (1 << p.shift >> 1) >> p.shift)


def accumulate(
    p: DequantiseParams, acc: np.ndarray, weight: np.ndarray, activation: np.ndarray
) -> np.ndarray:
    """One step of the PE, elementwise: int64 arrays of any one shape, weights as words.

    raises BadValue if a value is outside its format
    """
    activation = p.activation.check("activation", activation)
    return p.accumulator.wrap(p.accumulator.check("acc", acc) + dequantise(p, weight) * activation)


def dot(p: DequantiseParams, activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """activations [..., M, K] by words [..., K, N] -> int64 [..., M, N]; raises as golden.pe.integers.dot."""
    return integers.dot(integers.Formats(INT8, p.activation, p.group), activations, dequantise(p, weights))


def quantise(p: DequantiseParams, weights: np.ndarray) -> QuantisedWeights:
    """Words {q, z, s} of weights float64 [K, N], z and s shared in groups of p.scale_group along K.

    The greatest scale of a channel takes all bits of s, unless int8 would then not hold the weights; the
    channel's unit of s, of fp16, is the scale of all its groups.
    """
    each = replace(p, group=p.scale_group or p.group)
    found = grouped.nearest(weights, p.code.width, each.group, symmetric=p.code.signed)
    zero = np.zeros_like(found.scale, np.int64) if found.zero is None else found.zero
    shifted, most = found.scale * (1 << p.shift), (1 << p.scale_bits) - 1
    reach = np.abs(grouped.in_groups(found.codes - spread(each, zero), each.group)).max(1)
    unit = np.maximum(shifted.max(0) / most, (reach * found.scale).max(0) / INT8.max)
    unit = FP16.quantise(grouped.kept(unit))
    s = np.clip(np.rint(shifted / unit), 0, most).astype(np.int64)
    codes = pack(p, found.codes, spread(each, zero), spread(each, s))
    scales = np.broadcast_to(unit, (len(weights) // p.group, weights.shape[1]))
    return scaled(p, codes, dequantise(p, codes), scales)
