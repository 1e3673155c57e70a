"""Random MAP commands and operands, corners often, for the benches of the lanes and of the vector unit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.map_lanes import TABLE_ENTRIES, MapOperation, map_lanes
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from golden.systolic.params import MatrixUnitParams

Command = dict[str, int]
BITS = {Kind.BYTE: 8, Kind.HALF: 16, Kind.WORD: 32, Kind.NONE: 32}


def params_of(given: Mapping[str, Any]) -> AcceleratorParams:
    """AcceleratorParams of a case's parameters: lanes, functions."""
    unit = MatrixUnitParams(rows=given["lanes"], cols=given["lanes"])
    return AcceleratorParams(unit=unit, functions=tuple(given["functions"]), banks=4, bank_words=1024)


def spread(rng: np.random.Generator, low: Any, high: Any, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Integers of any magnitude; corners, powers of two and their neighbours among them.

    low, high  the least and the greatest: of all, or of each as an array of `shape`
    """
    values = rng.integers(low, high + 1, shape) >> rng.integers(0, 32, shape)
    powers = (1 << rng.integers(0, 32, shape)) + rng.integers(-1, 2, shape)
    powers = np.where(rng.random(shape) < 0.5, powers, -powers)
    ends = [np.broadcast_to(each, shape) for each in (low, low + 1, -1, 0, 1, high - 1, high)]
    corners = np.choose(rng.integers(0, len(ends), shape), ends)
    choice = rng.random(shape)
    values = np.where(choice < 0.2, powers, np.where(choice < 0.35, corners, values))
    return np.asarray(values.clip(low, high))


def spread_fields(rng: np.random.Generator, opcode: Opcode) -> Command:
    """All fields of a command, each in its range."""
    ranges = np.array([each.range for each in opcode.fields], np.int64)
    values = spread(rng, ranges[:, 0], ranges[:, 1], (len(ranges),))
    return {each.name: value for each, value in zip(opcode.fields, values.tolist(), strict=True)}


def range_of(kind: int, unsigned: int = 0) -> tuple[int, int]:
    """Least and greatest element."""
    bits = BITS[Kind(kind)]
    if unsigned and bits < 32:
        return 0, (1 << bits) - 1
    return -(1 << bits - 1), (1 << bits - 1) - 1


def random_fields(rng: np.random.Generator, p: AcceleratorParams) -> Command:
    """All fields of a legal MAP command; counts small, addresses and strides anything."""
    c = spread_fields(rng, Opcode.MAP)
    c["operation"] = int(rng.integers(4))
    c["reduce"] = int(rng.random() < 0.3 and c["operation"] != MapOperation.ADD)
    c["a_kind"], c["b_kind"] = (int(kind) for kind in rng.integers(0, 4, 2))
    c["out_kind"] = int(rng.integers(1, 4))
    for name in ("a_unsigned", "b_unsigned", "p_loop"):
        c[name] = int(rng.integers(2))
    if c["operation"] == MapOperation.MUL:
        c["b_kind"] = int(rng.integers(1, 3))
    if c["operation"] == MapOperation.ADD:
        c["b_kind"] = int(rng.integers(1, 4))
    c["b_shift"] = int(rng.choice([0, 1, 31, int(rng.integers(32))]))
    c["function"] = int(rng.integers(FIRST_FUNCTION + len(p.functions)))
    c["post_multiplier"] *= int(rng.integers(2))
    c["post_shift"] = int(rng.integers(32))
    c |= {f"count{i}": int(rng.choice([1, 1, 2, 3, 5])) for i in range(4)}
    c["low"], c["high"] = clip_range(rng, c["out_kind"])
    return c


def clip_range(rng: np.random.Generator, kind: int) -> tuple[int, int]:
    """The clip range of the result: mostly its format's, or a ReLU's, sometimes anything."""
    low, high = range_of(kind, int(rng.integers(2)))
    low, high = max(low, -(1 << 15)), min(high, (1 << 15) - 1)
    choice = rng.integers(4)
    if choice == 0:
        low, high = (int(end) for end in spread(rng, -(1 << 15), (1 << 15) - 1, (2,)))
    return (0 if choice == 1 else low), high


def sets_of(c: Command) -> tuple[int, int]:
    """(blocks of parameters on loop 3, on loop 2) that the command reads."""
    if c["p_stride"] == 0:
        return 1, 1
    return c["count3"], 1 if c["p_loop"] else c["count2"]


@dataclass
class MapJob:
    """A command with a, b [n3, n2, n1, n0, L] and blocks: bias, multiplier, shift [sets3, sets2, L]."""

    p: AcceleratorParams
    command: Command
    a: np.ndarray
    b: np.ndarray | None
    blocks: list[np.ndarray]
    entries: np.ndarray = field(default_factory=lambda: np.zeros(TABLE_ENTRIES, np.int64))

    def results(self) -> np.ndarray:
        """Golden's, int64 [vectors, L], as out_kind stores them: not negative."""
        bias, multiplier, shift = (each[:, :, None, None] for each in self.blocks)
        given = (self.a, self.b, bias, multiplier, shift, self.entries)
        out = map_lanes(self.p, self.command, *given)
        bits = BITS[Kind(self.command["out_kind"])]
        return out.reshape(-1, out.shape[-1]) & (1 << bits) - 1


def random_blocks(rng: np.random.Generator, sets: tuple[int, int], lanes: int) -> list[np.ndarray]:
    """Parameters; shifts about as large as the multiplier, so that results are neither 0 nor saturated."""
    shape = (*sets, lanes)
    bias = spread(rng, -(1 << 31), (1 << 31) - 1, shape)
    multiplier = spread(rng, 0, (1 << 31) - 1, shape)
    near = np.log2(multiplier + 1).astype(np.int64) + rng.integers(-2, 30, shape)
    anywhere = rng.choice(np.array([0, 1, 31, 32, 61, 62]), shape)
    shift = np.where(rng.random(shape) < 0.7, near, anywhere).clip(0, 62)
    return [bias, multiplier, shift]


def random_job(rng: np.random.Generator, p: AcceleratorParams, **fixed: int) -> MapJob:
    """A job of random_fields, of which `fixed` are given."""
    c = random_fields(rng, p) | fixed
    counts = tuple(c[f"count{i}"] for i in (3, 2, 1, 0))
    a = spread(rng, *range_of(c["a_kind"], c["a_unsigned"]), (*counts, p.lanes))
    b = None
    if c["b_kind"] != Kind.NONE:
        b = spread(rng, *range_of(c["b_kind"], c["b_unsigned"]), (*counts, p.lanes))
    entries = spread(rng, -(1 << 15), (1 << 15) - 1, (TABLE_ENTRIES,))
    return MapJob(p, c, a, b, random_blocks(rng, sets_of(c), p.lanes), entries)


def packed(values: np.ndarray, bits: int) -> int:
    """Elements as one integer, the first in its low bits."""
    word = 0
    for value in reversed(values.tolist()):
        word = word << bits | value & (1 << bits) - 1
    return word


def block_words(blocks: list[np.ndarray], lanes: int) -> list[int]:
    """The words of all blocks, in order."""
    words = []
    for bias, multiplier, shift in zip(*(each.reshape(-1, lanes) for each in blocks), strict=True):
        block = packed(bias, 32) | packed(multiplier, 32) << 32 * lanes | packed(shift, 8) << 64 * lanes
        words += [block >> 8 * lanes * i & (1 << 8 * lanes) - 1 for i in range(9)]
    return words
