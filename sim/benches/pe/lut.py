"""Bench of hw.pe.lut: a row's table and a PE at it, words of activations and planes of weights each cycle.

What stands at acc_out belongs to the operands of the PE's registers and the table's own before.
"""

from itertools import product
from typing import Any

import numpy as np

from golden.formats import Float, Int
from golden.pe.lut import LutParams, column, name, step, words_of
from sim.benches import Case, names
from sim.benches.pe.common import PeBench, tests_of
from sim.benches.pe.vectors import PeVectors, corners, params_of

COUNT = 1000  # of corners, and of random operands
TABLE = 1  # cycle that the row's unit takes


def latency(p: LutParams) -> int:
    """Cycles from a word to the sum that its entry enters."""
    return p.registers + TABLE


def ports(p: LutParams) -> np.ndarray:
    """Every index of every plane, as they stand at the port `weight`."""
    indices = np.tile(np.arange(1 << p.inputs, dtype=np.uint64)[:, None], p.weight.width)
    return np.concatenate(column(p, words_of(indices, p.inputs, p.weight.width, 1)[:, 0]))


def activation_corners(p: LutParams) -> np.ndarray:
    """Codes: those of the format, but the least integer, which no table holds."""
    least = 1 << p.activation.width - 1 if isinstance(p.activation, Int) else -1
    return np.array([code for code in corners(p.activation) if code != least], np.uint64)


def packed(p: LutParams, lanes: np.ndarray) -> np.ndarray:
    """Words of codes [count, inputs]."""
    return words_of(lanes, p.activation.width, p.inputs, 1)[:, 0]


def crossed(p: LutParams) -> PeVectors:
    """Every index of every plane with words of corners and with corners of the sum.

    Integers: every word of the ends, one and zero. Floats: every two corners, in an order that has each added
    to, and taken from, itself and the other.
    """
    codes = activation_corners(p)
    if isinstance(p.activation, Int):
        codes = p.activation.encode(np.array(sorted({-p.activation.max, -1, 0, 1, p.activation.max})))
        lanes = np.array(list(product(codes, repeat=p.inputs)))
    else:
        lanes = np.array([(a, b, b, a) for a, b in product(codes, codes)])
    sums = np.array(corners(p.accumulator), np.uint64)
    return PeVectors(*(each.ravel() for each in np.meshgrid(ports(p), packed(p, lanes), sums, indexing="ij")))


def every_word(p: LutParams) -> tuple[np.ndarray, np.ndarray]:
    """(ports, words): each index of each plane with each word of activations that there is."""
    codes = np.arange(1 << p.activation.width, dtype=np.uint64)
    codes = np.delete(codes, 1 << p.activation.width - 1)  # the least integer
    words = np.zeros(1, np.uint64)
    for _ in range(p.inputs):
        words = (words[:, None] << np.uint64(p.activation.width) | codes).ravel()
    found = np.meshgrid(ports(p), words, indexing="ij")
    return found[0].ravel(), found[1].ravel()


def random_pairs(p: LutParams, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(ports, words): a third of the activations are corners; half of the words of floats are of neighbouring
    binades, so that entries carry, cancel and round."""
    width = p.activation.width
    lanes = rng.integers(0, 1 << width, (count, p.inputs))
    if isinstance(p.activation, Float):
        mantissa = p.activation.mantissa_bits
        top = (1 << width - 1 - mantissa) - 1
        field = np.clip(rng.integers(0, top + 1, (count, 1)) + rng.integers(-2, 3, lanes.shape), 0, top)
        near = lanes & ~(top << mantissa) | field << mantissa
        lanes = np.where(rng.random((count, 1)) < 1 / 2, near, lanes)
    else:
        lanes[lanes == 1 << width - 1] += 1
    lanes = np.where(rng.random(lanes.shape) < 1 / 3, rng.choice(activation_corners(p), lanes.shape), lanes)
    return rng.choice(ports(p), count), packed(p, lanes.astype(np.uint64))


def with_sums(p: LutParams, rng: np.random.Generator, weight: np.ndarray, words: np.ndarray) -> PeVectors:
    """Running sums: a quarter any, a quarter corners, half near minus what enters, so that digits cancel."""
    fmt, count = p.accumulator, len(weight)
    anything = rng.integers(0, 1 << fmt.width, count, np.uint64)
    corner = rng.choice(np.array(corners(fmt), np.uint64), count)
    alone = golden(p, PeVectors(weight, words, np.zeros(count, np.uint64)))
    if isinstance(fmt, Int):
        near = fmt.encode(fmt.wrap(rng.integers(-2, 3, count) - fmt.decode(alone)))
    else:
        reach = rng.integers(0, fmt.mantissa_bits + 3, count)
        near = (alone ^ np.uint64(1 << fmt.width - 1)).view(np.int64) + rng.integers(-1 << reach, 1 << reach)
        near = (near & (1 << fmt.width) - 1).astype(np.uint64)
    kind = rng.integers(0, 4, count)
    return PeVectors(weight, words, np.select([kind == 0, kind == 1], [anything, corner], near))


def golden(p: LutParams, given: PeVectors) -> np.ndarray:
    """acc_out, uint64 codes."""
    with np.errstate(all="ignore"):
        sums = step(p, p.accumulator.decode(given.acc_in), given.weight, given.activation)
        return np.asarray(p.accumulator.encode(sums), np.uint64)


class Bench(PeBench):
    """The common bench, with words and planes for operands."""

    def __init__(self, dut: Any):
        super().__init__(dut)
        self.latency = latency(self.p)

    def stimulus(self, rng: np.random.Generator, exhaustive: bool) -> list[tuple[int, ...]]:
        """Some of the crossed corners, and random operands."""
        corner = rng.choice(np.stack(crossed(self.p), 1), COUNT)
        random = np.stack(with_sums(self.p, rng, *random_pairs(self.p, rng, COUNT)), 1)
        return [tuple(each) for each in rng.permutation(np.concatenate([corner, random])).tolist()]

    def golden(self, given: PeVectors) -> np.ndarray:
        """Codes of the sums."""
        return golden(self.p, given)

    def describe(self, given: PeVectors, index: int) -> str:
        """Codes alone."""
        return " ".join(f"{port}={int(codes[index]):#x}" for port, codes in given._asdict().items())


sums_match_golden, a_reset_changes_no_sum = tests_of(Bench)


def case(weight: str, activation: str, /, *more: str, **params: Any) -> Case:
    """The table and the PE of these parameters: formats as text."""
    given = {"weight": weight, "activation": activation, **params}

    def build() -> tuple[str, str]:
        from hw.emit import Definition, verilog  # the simulator's process needs no Amaranth
        from hw.pe.lut import Whole

        p = params_of("lut", given)
        return verilog(Definition(f"whole_{name(p)}", Whole(p))), f"whole_{name(p)}"

    whole = {"kind": "lut", "params": given, "exhaustive": False}
    return Case("-".join((weight, activation, *more)), build, whole)


CASES = [
    *(case(f"uint{bits}", "int8") for bits in range(1, 5)),
    *(case(f"uint{bits}", "fp16") for bits in range(1, 5)),
    case("uint1", "int8", "r0", registers=0),
    case("uint2", "int8", "online", remap="online"),
    case("uint3", "int8", "full", table="full", registers=0),
    case("uint4", "int5", "k5", inputs=5, group=125, registers=0),
    case("uint4", "int8", "k2", "online", inputs=2, remap="online"),
    case("uint4", "fp16", "flush", subnormals=False),
    case("uint2", "fp16", "online", "r0", remap="online", registers=0),
]
QUICK = {"verilator": ["uint2-int8", "uint3-int8-full", "uint4-int8-k2-online", "uint1-fp16"]}
LONG = {"icarus": names(CASES)}
EXTREME = ()  # tests/pe/test_lut_rtl.py: row, column and PE apart, and
MUTANTS = ()  # its faults, some of which are none
