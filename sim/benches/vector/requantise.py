"""Bench of hw.vector.requantise: `i` in, `o` out, a handshake over three registers."""

from itertools import product
from random import Random
from typing import Any

import cocotb
import numpy as np

from golden.formats import Int, parse
from golden.formats.rounding import Rounding
from golden.vector.requantise import LATENCY, RequantiseParams, cycles, requantise
from sim.benches import Case, parameters
from sim.benches.stream import Bench, Layout, compare, pack_word, unpack_word

WORDS = 400
Word = dict[str, list[int]]


def params_of(given: dict[str, Any]) -> RequantiseParams:
    """RequantiseParams of a case's parameters."""
    formats: dict[str, Any] = {name: parse(given[name]) for name in ("acc", "multiplier", "out")}
    return RequantiseParams(**formats, max_shift=given["max_shift"], rounding=Rounding(given["rounding"]))


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
    """What `o` must hold for a word: a value for each lane, as the accumulator's width shows it."""
    codes = np.array(word["acc"])
    if not word["raw"][0]:
        channels = [np.array(word[name]) for name in ("bias", "multiplier", "shift")]
        codes = requantise(p, codes, *channels, word["zero_point"][0], bool(word["relu"][0]))
    return [int(code) for code in codes & (1 << p.acc.width) - 1]


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


def random_lane(random: Random, p: RequantiseParams) -> dict[str, int]:
    """acc, bias, multiplier, shift of a lane: a third corners, a third such that the code is not clipped,
    half of these a tie or next to one, and a third whatever comes."""
    kind = random.randrange(3)
    draw = corner if kind == 0 else lambda random, fmt: random.randint(fmt.min, fmt.max)
    lane = {name: draw(random, fmt) for name, fmt in (("acc", p.acc), ("bias", p.acc), ("multiplier", p.multiplier))}
    shift = random.choice((1, p.max_shift)) if kind == 0 else random.randint(1, p.max_shift)
    if kind == 1:
        lane |= near_code(random, p, shift)
    return lane | {"shift": shift}


def near_code(random: Random, p: RequantiseParams, shift: int) -> dict[str, int]:
    """acc, bias, multiplier whose product is about a code, or a half from one, times 2^shift."""
    wanted = random.randint(2 * p.out.min, 2 * p.out.max) << shift - 1
    power = 1 << random.randrange(p.multiplier.width)  # of two: the half is met exactly
    multiplier = random.choice((power, random.randint(1, p.multiplier.max)))
    acc = max(p.acc.min, min(p.acc.max, wanted // multiplier + random.choice((0, 0, -1, 1))))
    bias = random.randint(max(p.acc.min, acc - p.acc.max), min(p.acc.max, acc - p.acc.min))
    return {"acc": acc - bias, "bias": bias, "multiplier": multiplier}


def random_word(random: Random, p: RequantiseParams, lanes: int) -> Word:
    """A word of random lanes; one in eight is raw, half have relu, a third a corner as zero point."""
    each = [random_lane(random, p) for _ in range(lanes)]
    zero_point = corner(random, p.out) if random.randrange(3) == 0 else random.randint(p.out.min, p.out.max)
    shared = {"raw": [int(random.randrange(8) == 0)], "relu": [random.randrange(2)], "zero_point": [zero_point]}
    return {name: [lane[name] for lane in each] for name in each[0]} | shared


def every_word(random: Random, p: RequantiseParams, lanes: int) -> list[Word]:
    """Every sum with every multiplier and shift, once, in a random order; zero point and relu at random."""
    sums = range(2 * p.acc.min, 2 * p.acc.max + 1)
    lines = list(product(sums, range(p.multiplier.max + 1), range(1, p.max_shift + 1)))
    random.shuffle(lines)
    words = [random_word(random, p, lanes) | {"raw": [0]} for _ in range(-(-len(lines) // lanes))]
    for index, (total, multiplier, shift) in enumerate(lines):
        word, lane = words[index // lanes], index % lanes
        bias = random.randint(max(p.acc.min, total - p.acc.max), min(p.acc.max, total - p.acc.min))
        for name, value in (("acc", total - bias), ("bias", bias), ("multiplier", multiplier), ("shift", shift)):
            word[name][lane] = value
    return words


class RequantiseBench(Bench):
    """The block's streams, its words, and golden."""

    def __init__(self, dut: Any, *, stall_in: float = 0.0, stall_out: float = 0.0):
        super().__init__(dut, stall_in=stall_in, stall_out=stall_out)
        given = parameters()
        self.p, self.lanes = params_of(given), given["lanes"]
        self.layout = layout_of(self.p, self.lanes)
        self.accepted, self.delivered = self.monitors["i"], self.monitors["o"]

    def send(self, words: list[Word]) -> None:
        self.sources["i"].send(pack_word(self.layout, word) for word in words)

    def send_random(self, count: int) -> None:
        self.send([random_word(self.random, self.p, self.lanes) for _ in range(count)])

    def scoreboard(self, accepted: list[int], delivered: list[int]) -> None:
        """Golden on what the RTL accepted, against what it delivered."""
        words = [values_of(self.p, self.layout, packed) for packed in accepted]
        golden = [golden_codes(self.p, word) for word in words]
        found = [unpack_word([("o", self.p.acc.width, self.lanes)], packed)["o"] for packed in delivered]
        compare(found, golden, lambda index: " ".join(f"{name}={values}" for name, values in words[index].items()))


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def codes_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = RequantiseBench(dut, stall_in=stall_in, stall_out=stall_out)
    exhaustive = parameters().get("exhaustive") and stall_in == stall_out == 0
    words = every_word(bench.random, bench.p, bench.lanes) if exhaustive else []
    bench.send(words)
    bench.send_random(0 if exhaustive else WORDS)
    count = len(words) or WORDS
    await bench.start()
    await bench.moved("o", count, within=8 * count)
    bench.scoreboard(bench.accepted.words, bench.delivered.words)
    if stall_in == stall_out == 0:
        took = bench.delivered.moved[-1][0] - bench.accepted.moved[0][0] + 1
        assert took == cycles(count), f"took {took} cycles, golden {cycles(count)}"
    assert (bench.sources["i"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    assert (bench.delivered.waits > 0) == (stall_out > 0), "the waits asked for did not happen"


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    bench = RequantiseBench(dut, stall_in=0.5, stall_out=1.0)
    bench.send_random(20)
    await bench.start()
    await bench.moved("i", LATENCY, within=100)
    assert not bench.delivered.moved, "a word moved though o was never ready"
    bench.sinks["o"].stall = 0.0
    await bench.moved("o", 20, within=200)
    bench.scoreboard(bench.accepted.words, bench.delivered.words)


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    bench = RequantiseBench(dut, stall_out=stall_out)
    bench.send_random(60)
    await bench.start()
    await bench.cycles(20)
    await bench.reset()
    bench.sinks["o"].stall = 0.0
    accepted = [word for _, word in bench.accepted.before_reset]
    delivered = [word for _, word in bench.delivered.before_reset]
    assert len(accepted) > len(delivered), "nothing was in flight"
    await bench.moved("o", 60 - len(accepted), within=200)
    bench.scoreboard(accepted[: len(delivered)], delivered)
    bench.scoreboard(bench.accepted.words, bench.delivered.words)


def case(acc: str, multiplier: str, out: str, max_shift: int, rounding: str, lanes: int, **more: Any) -> Case:
    """The block of these parameters."""
    given = {"acc": acc, "multiplier": multiplier, "out": out, "max_shift": max_shift, "rounding": rounding}

    def build() -> tuple[str, str]:
        from hw.emit import verilog  # the simulator's process, which imports this module, needs no Amaranth
        from hw.vector.requantise import definition

        block = definition(params_of(given), lanes)
        return verilog(block), block.name

    return Case(f"{acc}-{out}-{rounding}", build, given | {"lanes": lanes} | more)


CASES = [
    *(case("int32", "uint16", "int8", 47, rounding, 2) for rounding in ("half_up", "half_even", "half_away")),
    case("int20", "uint12", "int4", 31, "half_even", 3),
    case("int32", "uint16", "uint8", 47, "half_up", 2),
    *(case("int5", "uint4", "int3", 8, rounding, 4, exhaustive=True) for rounding in ("half_up", "half_even", "half_away")),
]
