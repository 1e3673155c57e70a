"""LUT Tensor Core's PE: a dot product of K activations with one bit of K weights is one entry of a table.

A weight code q of B bits stands for the odd number q' = 2 q - (2^B - 1) = sum_b 2^b s_b, s_b = +1 or -1 as
bit b of q is 1 or 0 (w = s (q - z) becomes s/2 (q' - z'), z' = 2 z + 1 - 2^B). For each b, over K neighbours,

    sum_k s_bk a_k = T[j] or -T[j],   T[j] = sum_{k < K-1} (+-a_k) - a_{K-1},  + where bit k of j is 1

since a table of all 2^K signs is odd: T[~i] = -T[i]. Half of it is kept, that of s_{K-1} = -1. `column` gives
the index with its low K-1 bits already complemented where the top one is set (remap "offline"), so that the
hardware only looks up and negates; with "online" the PE complements them. With table "full", as UNPU has it,
bits count 0 or 1, T[j] = sum_k j_k a_k has 2^K entries, and the sum is that of q a.

    acc_out = acc_in + 2^b (+-T[j])          a bit b a cycle, B cycles for K pairs

Source: Mo et al., "LUT Tensor Core", ISCA 2025 (arXiv 2408.06003), equations 1 to 8; Wei et al., "T-MAC"
(arXiv 2407.00088); Lee et al., "UNPU", ISSCC 2018. Choices they leave open: an int8 activation is -127 to 127
(symmetric), so that four fill 10 bits; entries of fp16 activations are fp16, each the rounded sum
((+-a_0 +- a_1) + (+-a_2 - a_3)) to nearest, and are added to a running sum of fp32, rounded to nearest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from golden import check
from golden.formats import FP16, FP32, Float, Int, grouped
from golden.formats.arithmetic import Mode, add
from golden.pe import by_format, integers
from golden.pe.weights import QuantisedWeights, scaled, spread

STANDS = ("tile",)
EXACT = False  # with fp16; integers do not mind
GROUPED = True
activations = by_format.activations


@dataclass(frozen=True, slots=True, kw_only=True)
class LutParams:
    """weight: codes, unsigned, 1 to 4 bits; activation: int8 or narrower, or fp16; inputs: K; group: pairs in
    a group's sum; table: "half", "full"; remap: "offline", "online"; subnormals: of fp16, kept or flushed;
    registers: behind the table (0, 1)."""

    weight: Int = Int(2, signed=False)
    activation: Int | Float = Int(8)
    inputs: int = 4
    group: int = 128
    table: str = "half"
    remap: str = "offline"
    subnormals: bool = True
    registers: int = 1

    def __post_init__(self) -> None:
        check.one_of("pe.weight", str(self.weight), [f"uint{bits}" for bits in range(1, 5)])
        allowed = [f"int{bits}" for bits in range(2, 9)] + [str(FP16)]
        check.one_of("pe.activation", str(self.activation), allowed)
        check.in_range("pe.inputs", self.inputs, 4 if self.floating else 2, 4 if self.floating else 5)
        check.one_of("pe.table", self.table, ("half", "full"))
        check.one_of("pe.remap", self.remap, ("offline", "online"))
        check.one_of("pe.subnormals", self.subnormals, (True, False))
        check.in_range("pe.registers", self.registers, 0, 1)
        check.in_range("pe.group", self.group, self.inputs, 1 << 16)
        if self.group % self.inputs:
            raise check.fail("pe.group", self.group, f"multiples of pe.inputs, {self.inputs}")
        if self.floating and self.table == "full":
            raise check.fail("pe.table", self.table, "half, where activations are fp16")

    @property
    def floating(self) -> bool:
        return isinstance(self.activation, Float)

    @property
    def mode(self) -> Mode:
        """The rounding mode of the floating additions."""
        return Mode(subnormals=self.subnormals)

    @property
    def entries(self) -> int:
        """Number of entries of a table."""
        return 1 << self.inputs - (self.table == "half")

    @property
    def entry(self) -> Int | Float:
        """Format of an entry: inputs * the largest activation, which is +-(2^(bits-1) - 1)."""
        if isinstance(self.activation, Float):
            return self.activation
        most = self.inputs * self.activation.max
        return integers.narrowest(-most, most)

    @property
    def accumulator(self) -> Int | Float:
        """Format of a group's sum: group * the largest activation * the largest weight."""
        if isinstance(self.activation, Float):
            return FP32
        most = self.group * self.activation.max * self.weight.max
        return integers.narrowest(-most, most)


Params = LutParams


def name(p: LutParams) -> str:
    """The definition's name: kind, formats, inputs, table, registers."""
    shape = f"k{p.inputs}_{p.table}_{p.remap}" + ("" if p.subnormals else "_flush")
    return f"lut_{p.weight}_{p.activation}_{shape}_acc{p.accumulator.width}_r{p.registers}"


def latency(p: LutParams) -> int:
    """Cycles from table and index to the sum that the entry enters."""
    return p.registers


def lanes(p: LutParams) -> int:
    return p.inputs


def interval(p: LutParams) -> int:
    return p.weight.width


def activation_bits(p: LutParams) -> int:
    """Bits of a word of activations: `inputs` of them, the first in the lowest bits."""
    return p.inputs * p.activation.width


def weight_bits(p: LutParams) -> int:
    """Bits of a word of weights: a plane of `inputs` bits for each bit of the weights, the least significant
    first."""
    return p.inputs * p.weight.width


def row_bits(p: LutParams) -> int:
    """Bits of the port `activation`: the table, entry 0 in the lowest bits."""
    return p.entries * p.entry.width


def column_bits(p: LutParams) -> int:
    """Bits of the port `weight`: an index of `inputs` bits and, above it, which bit of the weights it is."""
    return p.inputs + max(1, (p.weight.width - 1).bit_length())


def represented(p: LutParams, codes: np.ndarray) -> np.ndarray:
    """The number that a code stands for in the sum: q', or q with a full table. int64."""
    codes = p.weight.check("weights", codes)
    return codes if p.table == "full" else 2 * codes - p.weight.max


def checked_activations(p: LutParams, values: np.ndarray) -> np.ndarray:
    """Values of the activation format; BadValue on the most negative integer, which the table cannot hold."""
    if isinstance(p.activation, Int):
        return check.array("activations", values, -p.activation.max, p.activation.max)
    return p.activation.check("activations", values)


def words_of(values: np.ndarray, bits: int, count: int, axis: int) -> np.ndarray:
    """`count` neighbours along `axis`, codes of `bits`, in one uint64, the first in the lowest bits."""
    codes = np.moveaxis(np.asarray(values, np.uint64), axis, -1)
    if codes.shape[-1] % count:
        raise check.fail("K", codes.shape[-1], f"multiples of {count} (operands of a word)")
    parted = codes.reshape(*codes.shape[:-1], -1, count)
    return np.moveaxis(
        (parted << (np.arange(count) * bits).astype(np.uint64)).sum(-1, dtype=np.uint64), -1, axis
    )


def pack_activations(p: LutParams, values: np.ndarray) -> np.ndarray:
    """uint64 [M, K / inputs] of values [M, K]."""
    return words_of(p.activation.encode(checked_activations(p, values)), p.activation.width, p.inputs, 1)


def pack_weights(p: LutParams, codes: np.ndarray) -> np.ndarray:
    """uint64 [K / inputs, N] of codes [K, N]: planes, each the index that `column` hands on."""
    codes = p.weight.check("weights", codes)
    planes = [words_of(codes >> bit & 1, 1, p.inputs, 0) for bit in range(p.weight.width)]
    top, low = np.uint64(p.inputs - 1), np.uint64((1 << p.inputs - 1) - 1)
    if p.table == "half" and p.remap == "offline":
        planes = [plane ^ (plane >> top) * low for plane in planes]
    return words_of(np.stack(planes, -1), p.inputs, p.weight.width, 2)[..., 0]


def column(p: LutParams, words: np.ndarray) -> list[np.ndarray]:
    """Values of the port `weight` in each of the `interval` cycles of a word. uint64."""
    mask, inputs = np.uint64((1 << p.inputs) - 1), p.inputs
    return [words >> np.uint64(b * inputs) & mask | np.uint64(b << inputs) for b in range(p.weight.width)]


def table(p: LutParams, words: np.ndarray) -> np.ndarray:
    """Entries, values [..., entries] of the entry format, of words of activations."""
    shift = (np.arange(p.inputs) * p.activation.width).astype(np.uint64)
    a: Any = p.activation.decode(np.asarray(words, np.uint64)[..., None] >> shift)
    index = np.arange(p.entries)
    bits = index[:, None] >> np.arange(p.inputs) & 1  # [entries, inputs]; the half's top sign is -1
    if p.table == "full":
        return np.asarray((a[..., None, :] * bits).sum(-1))
    signed = a[..., None, :] * (2 * bits - 1)
    if not isinstance(p.activation, Float):
        return np.asarray(signed.sum(-1))
    low, high = (add(FP16, signed[..., i], signed[..., i + 1], p.mode) for i in (0, 2))
    return add(FP16, low, high, p.mode)


def row(p: LutParams, words: np.ndarray) -> np.ndarray:
    """Values of the port `activation`: tables, Python integers in an object array shaped like `words`."""
    codes = p.entry.encode(table(p, words)).astype(object)
    return np.asarray(sum(codes[..., i] << i * p.entry.width for i in range(p.entries)), object)


def looked_up(p: LutParams, entries: np.ndarray, port: np.ndarray) -> np.ndarray:
    """2^b (+-T[j]) for ports `weight` [...] and tables [..., entries] that broadcast: values."""
    port = np.asarray(port, np.uint64).astype(np.int64)
    index, bit = port & (1 << p.inputs) - 1, port >> p.inputs
    if p.table == "full":
        return np.asarray(np.take_along_axis(entries, index[..., None], -1)[..., 0] * (1 << bit))
    negative, low = index >> p.inputs - 1, index & p.entries - 1
    if p.remap == "online":
        low = low ^ negative * (p.entries - 1)
    found = np.take_along_axis(entries, low[..., None], -1)[..., 0]
    return np.asarray(np.where(negative == 1, -found, found) * (1 << bit))


def step(p: LutParams, acc: np.ndarray, port: np.ndarray, words: np.ndarray) -> np.ndarray:
    """One cycle: running sums, ports `weight`, words of activations, of one shape; new sums, values."""
    entry = looked_up(p, table(p, words), port)
    if isinstance(p.accumulator, Float):
        return add(p.accumulator, acc, entry, p.mode)
    return p.accumulator.wrap(acc + entry)


def group_sum(
    p: LutParams, activations: np.ndarray, codes: np.ndarray, selectors: np.ndarray | None = None
) -> np.ndarray:
    """A group's sums, values of the accumulator [M, N], of activations [M, K] by codes [K, N], K up to group.

    In the order of the hardware: word by word of K, the planes of a word from the least significant.
    """
    check.in_range("K", activations.shape[1], 1, p.group, "pe.group: more could overflow the accumulator")
    values = checked_activations(p, activations)
    if not p.floating:
        return np.asarray(values @ represented(p, codes))
    acc = np.zeros((len(values), codes.shape[1]))
    tables, words = table(p, pack_activations(p, values)), pack_weights(p, codes)
    for index in range(words.shape[0]):
        for port in column(p, words[index]):
            shape = (*acc.shape, p.entries)
            entries = np.broadcast_to(tables[:, index, None, :], shape)
            acc = add(FP32, acc, looked_up(p, entries, np.broadcast_to(port, acc.shape)), p.mode)
    return acc


def quantise(p: LutParams, weights: np.ndarray) -> QuantisedWeights:
    """Codes of weights float64 [K, N], in groups of p.group along K that share a scale of fp16.

    Integers about a zero point: q' = 2 q - (2^B - 1), z' = 2 z + 1 - 2^B, half the scale. A single bit, and
    weights
    of floating sums: the nearest of the odd q', z' = 0; a single bit has the scale mean|w|, the best in least
    squares (Rastegari et al., XNOR-Net, ECCV 2016).
    """
    most = p.weight.max
    if p.table == "half" and (p.floating or most == 1):
        w = grouped.in_groups(weights, p.group)
        scale = np.abs(w).mean(1) if most == 1 else np.abs(w).max(1) / most
        scale = FP16.quantise(grouped.kept(scale))
        codes = np.clip(np.rint((weights / spread(p, scale) + most) / 2), 0, most).astype(np.int64)
        if most == 1:
            codes = (weights >= 0).astype(np.int64)
        return scaled(p, codes, represented(p, codes), scale)
    found = grouped.nearest(weights, p.weight.width, p.group, symmetric=False)
    assert found.zero is not None
    if p.table == "full":
        return scaled(p, found.codes, found.codes, found.scale, found.zero)
    return scaled(p, found.codes, represented(p, found.codes), found.scale / 2, 2 * found.zero - most)
