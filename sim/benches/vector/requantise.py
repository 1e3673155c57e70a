"""Bench of hw.vector.requantise: `i` in, `o` out, a handshake over three registers or more."""

from itertools import product
from random import Random
from typing import Any

import cocotb
import numpy as np

from golden.formats import Int, parse
from golden.formats.rounding import Rounding
from golden.vector.requantise import ADDED, LATENCY, RequantiseParams, cycles, requantise
from sim.benches import Case, Faults, names, parameters
from sim.benches.block import BlockBench
from sim.benches.stream import Layout, pack_word, unpack_word

WORDS = 400
Lane = dict[str, int]
Word = dict[str, list[int]]


def params_of(given: dict[str, Any]) -> RequantiseParams:
    """RequantiseParams of a case's parameters."""
    formats: dict[str, Any] = {name: parse(given[name]) for name in ("acc", "multiplier", "out")}
    more = {name: given[name] for name in ("max_shift", "registers")}
    return RequantiseParams(**formats, **more, rounding=Rounding(given["rounding"]))


def layout_of(p: RequantiseParams, lanes: int) -> Layout:
    """Fields of a word of `i`."""
    return [
        ("acc", p.acc.width, lanes),
        ("bias", p.acc.width, lanes),
        ("multiplier", p.multiplier.width, lanes),
        ("shift", p.max_shift.bit_length(), lanes),
        ("raw", 1, 1),
        ("relu", 1, 1),
        ("zero_point", p.out.width, 1),
    ]


def golden_codes(p: RequantiseParams, word: Word) -> list[int]:
    """The codes that `o` must hold for a word: a value for each lane, read in the accumulator's format."""
    codes = np.array(word["acc"])
    if not word["raw"][0]:
        bias, multiplier, shift = (np.array(word[name]) for name in ("bias", "multiplier", "shift"))
        codes = requantise(p, codes, bias, multiplier, shift, word["zero_point"][0], bool(word["relu"][0]))
    return [int(code) for code in p.acc.wrap(codes)]


def values_of(p: RequantiseParams, layout: Layout, packed: int) -> Word:
    """Values of a packed word's fields."""
    word = unpack_word(layout, packed)
    for name, fmt in (("acc", p.acc), ("bias", p.acc), ("zero_point", p.out)):
        word[name] = [int(value) for value in fmt.decode(np.array(word[name], np.uint64))]
    return word


def corner(random: Random, fmt: Int) -> int:
    """An end of the format or next to it, or next to zero."""
    near = (fmt.min, fmt.min + 1, -1, 0, 1, fmt.max - 1, fmt.max)
    return random.choice([value for value in near if fmt.min <= value <= fmt.max])


def anything(random: Random, fmt: Int) -> int:
    """A value of the format, all alike."""
    return random.randint(fmt.min, fmt.max)


def random_lane(random: Random, p: RequantiseParams) -> Lane:
    """acc, bias, multiplier, shift of a lane: a third corners, half near a code, the rest whatever comes."""
    kind = random.choice("ccnnna")
    if kind == "n":
        return near_code(random, p)
    draw = corner if kind == "c" else anything
    formats = {"acc": p.acc, "bias": p.acc, "multiplier": p.multiplier}
    shift = random.choice((1, p.max_shift)) if kind == "c" else random.randint(1, p.max_shift)
    return {name: draw(random, fmt) for name, fmt in formats.items()} | {"shift": shift}


def near_code(random: Random, p: RequantiseParams) -> Lane:
    """A product that is a code, or halfway between two, or off by one bit somewhere below, and not clipped.

    Multipliers that are powers of two, 1 above all, meet the half exactly and leave single bits below it.
    """
    power = random.choice((0, random.randrange(p.multiplier.width)))
    multiplier = random.choice((1 << power, random.randint(1, p.multiplier.max)))
    reaches = p.acc.width - p.out.width + multiplier.bit_length() - 1  # the largest shift for all codes
    largest = max(1, min(p.max_shift, reaches))
    shift = random.choice((largest, random.randint(1, largest)))
    off = random.choice((-1, 0, 1)) << random.choice((0, max(0, shift - 2), random.randrange(shift)))
    product = (random.randint(2 * p.out.min, 2 * p.out.max) << shift - 1) + off
    total = int(p.acc.saturate(np.array(product // multiplier)))
    return split(random, p, total) | {"multiplier": multiplier, "shift": shift}


def split(random: Random, p: RequantiseParams, total: int) -> Lane:
    """acc and bias whose sum is `total`."""
    bias = random.randint(max(p.acc.min, total - p.acc.max), min(p.acc.max, total - p.acc.min))
    return {"acc": total - bias, "bias": bias}


def random_word(random: Random, p: RequantiseParams, lanes: int) -> Word:
    """A word of random lanes; one in eight is raw, half have relu, a third a corner as zero point."""
    each = [random_lane(random, p) for _ in range(lanes)]
    zero_point = random.choice((corner, anything, anything))(random, p.out)
    lane_fields = {name: [lane[name] for lane in each] for name in each[0]}
    raw = int(random.randrange(8) == 0)
    return lane_fields | {"raw": [raw], "relu": [random.randrange(2)], "zero_point": [zero_point]}


def every_lane(random: Random, p: RequantiseParams) -> list[Lane]:
    """Every sum with every multiplier and shift, once, in a random order."""
    sums = range(2 * p.acc.min, 2 * p.acc.max + 1)
    each = list(product(sums, range(p.multiplier.max + 1), range(1, p.max_shift + 1)))
    random.shuffle(each)
    return [split(random, p, total) | {"multiplier": m, "shift": shift} for total, m, shift in each]


def single_bits(random: Random, p: RequantiseParams) -> list[Lane]:
    """1/2, 3/2 and their negatives at each shift: exactly, then with each bit below the half set alone."""
    lanes = []
    for shift, factor, sign in product(range(1, p.max_shift + 1), (1, 3), (1, -1)):
        # half = total << power: what the sum cannot reach, a larger multiplier does
        powers = range(min(shift, p.multiplier.width))
        ways = [(factor << power, (sign << shift - 1) >> power) for power in powers]
        fits = [way for way in ways if way[0] <= p.multiplier.max and p.sum.min <= way[1] <= 2 * p.acc.max]
        for multiplier, total in fits[:1]:
            bits = range(abs(total).bit_length() - 1)
            totals = [total, *(total + (1 << place) for place in bits)]
            lanes += [split(random, p, each) | {"multiplier": multiplier, "shift": shift} for each in totals]
    return lanes


def grouped(random: Random, p: RequantiseParams, each: list[Lane], lanes: int, shared: Word) -> list[Word]:
    """Words of the lanes given, none raw; `shared` is the same in all; what is missing is random."""
    words = []
    for start in range(0, len(each), lanes):
        own = each[start : start + lanes]
        own += [random_lane(random, p) for _ in range(lanes - len(own))]
        words.append(random_word(random, p, lanes) | {name: [lane[name] for lane in own] for name in own[0]})
    return [word | {"raw": [0]} | shared for word in words]


class RequantiseBench(BlockBench):
    """The block's words, and golden."""

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, **stalls)
        given = parameters()
        self.p, self.lanes = params_of(given), given["lanes"]
        self.layout, self.latency = layout_of(self.p, self.lanes), LATENCY + self.p.registers

    def send_words(self) -> int:
        """Random words; before them, where nothing stalls, the case's own; returns how many."""
        directed: list[Word] = []
        if not self.stall_in and not self.stall_out:
            if parameters().get("exhaustive"):
                own, shared = every_lane(self.random, self.p), {}
            else:
                own, shared = single_bits(self.random, self.p), {"relu": [0], "zero_point": [0]}
            directed = grouped(self.random, self.p, own, self.lanes, shared)
        self.sources["i"].send(pack_word(self.layout, word) for word in directed)
        self.send_random(WORDS)
        return len(directed) + WORDS

    def random_word(self) -> int:
        return pack_word(self.layout, random_word(self.random, self.p, self.lanes))

    def golden(self, word: int) -> list[int]:
        return golden_codes(self.p, values_of(self.p, self.layout, word))

    def found(self, word: int) -> list[int]:
        codes = unpack_word([("o", self.p.acc.width, self.lanes)], word)["o"]
        return [int(value) for value in self.p.acc.decode(np.array(codes, np.uint64))]

    def describe(self, word: int, lane: int) -> str:
        values = values_of(self.p, self.layout, word)
        return " ".join(f"{name}={(own * self.lanes)[lane]}" for name, own in values.items())


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def codes_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = RequantiseBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.matches_golden(bench.send_words(), lambda count: cycles(count, bench.p.registers))


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    await RequantiseBench(dut, stall_out=1.0).holds_latency_words()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    await RequantiseBench(dut, stall_out=stall_out).forgets_at_reset()


def case(
    acc: str,
    multiplier: str,
    out: str,
    max_shift: int,
    rounding: str,
    lanes: int,
    registers: int = 0,
    **more: Any,
) -> Case:
    """The block of these parameters."""
    given = {"acc": acc, "multiplier": multiplier, "out": out, "max_shift": max_shift, "rounding": rounding}
    given["registers"] = registers

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.emit import verilog
        from hw.vector.requantise import definition

        block = definition(params_of(given), lanes)
        return verilog(block), block.name

    added = f"-r{registers}" if registers else ""
    return Case(f"{acc}-{out}-{rounding}{added}", build, given | {"lanes": lanes} | more)


ROUNDINGS = ("half_up", "half_even", "half_away")
CASES = [
    *(case("int32", "uint16", "int8", 47, rounding, 4) for rounding in ROUNDINGS),
    case("int20", "uint12", "int4", 31, "half_even", 3),
    case("int32", "uint16", "uint8", 47, "half_up", 2),
    *(case("int5", "uint4", "int3", 8, rounding, 4, exhaustive=True) for rounding in ROUNDINGS),
    *(case("int32", "uint16", "int8", 47, rounding, 2, len(ADDED)) for rounding in ROUNDINGS),
    case("int20", "uint12", "uint4", 31, "half_away", 3, 2),
    case("int5", "uint4", "int3", 8, "half_up", 4, 1, exhaustive=True),
    case("int5", "uint4", "uint3", 8, "half_even", 4, 3, exhaustive=True),
    case("int5", "uint4", "int3", 8, "half_away", 4, 4, exhaustive=True),
    case("int5", "uint4", "int3", 8, "half_even", 4, len(ADDED), exhaustive=True),
]
QUICK = {"icarus": names(CASES), "verilator": ["int32-int8-half_even", "int5-int3-half_away-r4"]}
EXTREME = CASES[:1]
MUTANTS = [Faults("int5-int3-half_even", 3), Faults("int5-int3-half_even", 6, slow=True)]
