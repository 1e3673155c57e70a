"""Bench of hw.pe.bitmod: words of four activations and four terms each cycle, the sum `latency` later."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from golden.formats import FP16
from golden.pe.bitmod import EXPONENT, LANES, MANTISSA, TERM, BitModParams, side_by_side, step
from sim.benches import Faults, names
from sim.benches.pe.common import PeBench, case, tests_of
from sim.benches.pe.vectors import PeVectors, corners

COUNT = 1500
LARGEST_BSIG = 6
# positive: zero, subnormals, the least normal number, one, the largest, and what to IEEE is none
ACTIVATIONS = [code for code in corners(FP16) if code < 0x8000]
TERMS = [0x0000, 0x1191, 0x9919, 0xFF7F, 0x77F7, 0x9191, 0x0701, 0x7000, 0xF91B]
MANTISSAS = [0, 1, -1, 1 << 14, (1 << 15) - 1, -(1 << 14) - 1, -(1 << 15)]
EXPONENTS = [0, 1, 20, 21, 32, 45, 54, 62, 63]


def word(*parts: Any) -> np.ndarray:
    """uint64 of (codes, bits) from bit 0 on."""
    found, place = np.zeros((), np.uint64), 0
    for codes, bits in parts:
        found = np.asarray(found | np.asarray(codes).astype(np.uint64) << np.uint64(place))
        place += bits
    return found


def crossed() -> PeVectors:
    """Every two activations with every word of terms, every bsig and every running sum that is a corner."""
    sums = [
        (mantissa & 0xFFFF) | exponent << MANTISSA for mantissa, exponent in product(MANTISSAS, EXPONENTS)
    ]
    pairs = [a | (b | 0x8000) << 16 | b << 32 | b << 48 for a, b in product(ACTIVATIONS, ACTIVATIONS)]
    weights = [terms | bsig << LANES * TERM for terms, bsig in product(TERMS, (0, 1, 2, 4, 6))]
    return PeVectors(*np.array(list(product(weights, pairs, sums)), np.uint64).T)


def random_operands(p: BitModParams, rng: np.random.Generator, count: int) -> PeVectors:
    """Codes of all kinds; most activations of a word close to one another, most running sums close to theirs.

    A third of the sums are any code, a third have an exponent up to 27 away from the addend's own, a third
    nearly cancel it. One word in sixteen gives a sum of the lanes that is nearly the largest.
    """
    any_code = rng.integers(0, 1 << FP16.width, (count, LANES))
    field = np.clip(rng.integers(0, 32, (count, 1)) + rng.integers(-9, 1, (count, LANES)), 0, 31)
    near = any_code & 0x83FF | field << 10
    corner = rng.choice(np.array(ACTIVATIONS), (count, LANES)) | any_code & 0x8000
    kind = rng.integers(0, 8, (count, LANES))
    codes = np.select([kind == 0, kind == 1], [any_code, corner], near)
    alike = rng.random(count) < 1 / 16  # large lanes, all of one sign: the largest sums
    codes = np.where(alike[:, None], near[:, :1] & 0x7C00 | 0x3F0 | any_code & 15, codes)
    activation = side_by_side(codes, FP16.width)
    terms, bsig = rng.integers(0, 1 << LANES * TERM, count), rng.integers(0, LARGEST_BSIG + 1, count)
    terms |= np.where(rng.random(count) < 0.5, 0x1111, 0)
    terms = np.where(alike, rng.choice([0x1111, 0x9999, 0x7777, 0xFFFF], count), terms)
    weight = word((terms, LANES * TERM), (bsig, 3))

    alone = step(p, np.zeros(count, np.uint64), weight, activation)
    mantissa, exponent = p.accumulator.parts(alone)
    others = rng.integers(0, 1 << MANTISSA, (2, count))
    away = np.clip(exponent + rng.integers(-27, 28, count), 0, (1 << EXPONENT) - 1)
    little = rng.integers(-1 << rng.integers(0, 10, count), 1 << rng.integers(0, 10, count))
    kind = rng.integers(0, 3, count)
    mantissas = np.select([kind == 0, kind == 1], others, little - mantissa) & (1 << MANTISSA) - 1
    exponents = np.select([kind == 0, kind == 1], [rng.integers(0, 64, count), away], exponent)
    return PeVectors(weight, activation, word((mantissas, MANTISSA), (exponents, EXPONENT)))


class Bench(PeBench):
    """The common bench, on codes."""

    def stimulus(self, rng: np.random.Generator, exhaustive: bool) -> list[tuple[int, ...]]:
        """Some of the crossed corners, and random operands."""
        corner = rng.choice(np.stack(crossed(), 1), COUNT)
        words = np.concatenate([corner, np.stack(random_operands(self.p, rng, COUNT), 1)])
        return [tuple(each) for each in rng.permutation(words).tolist()]

    def golden(self, given: PeVectors) -> np.ndarray:
        """Codes of the sums."""
        return step(self.p, given.acc_in, given.weight, given.activation)

    def describe(self, given: PeVectors, index: int) -> str:
        """Codes alone."""
        return " ".join(f"{port}={int(codes[index]):#x}" for port, codes in given._asdict().items())


sums_match_golden, a_reset_changes_no_sum = tests_of(Bench)

CASES = [case("bitmod", f"r{registers}", registers=registers) for registers in range(3)]
QUICK = {"icarus": names(CASES), "verilator": ["r1"]}
EXTREME = [replace(each, slow=each is not CASES[0]) for each in CASES]
MUTANTS = [Faults("r0", 3), Faults("r0", 6, slow=True)]
