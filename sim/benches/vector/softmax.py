"""Bench of hw.vector.softmax: rows in at `i`, rows out at `o`, one at a time."""

from collections.abc import Iterator
from random import Random
from typing import Any

import cocotb
import numpy as np

from golden.formats import parse
from golden.vector.softmax import SoftmaxParams, cycles, softmax
from sim.benches import Case, Faults, names, parameters
from sim.benches.stream import Bench, Layout, compare, pack_word, unpack_word

ROWS = 24
Row = list[int]  # packed words


def params_of(given: dict[str, Any]) -> SoftmaxParams:
    """SoftmaxParams of a case's parameters."""
    formats: dict[str, Any] = {name: parse(given[name]) for name in ("score", "out")}
    return SoftmaxParams(**(given | formats))


def in_layout(p: SoftmaxParams) -> Layout:
    """Fields of a word of `i`."""
    return [("score", p.score.width, p.lanes), ("keep", 1, p.lanes), ("last", 1, 1)]


def out_layout(p: SoftmaxParams) -> Layout:
    """Fields of a word of `o`."""
    return [("p", p.out.width, p.lanes), ("last", 1, 1)]


def rows_of(p: SoftmaxParams, words: list[int]) -> Iterator[Row]:
    """The complete rows of packed words of `i`: one ends at its last word, or where the buffer is full."""
    row: Row = []
    for word in words:
        row.append(word)
        if unpack_word(in_layout(p), word)["last"][0] or len(row) == p.depth:
            yield row
            row = []


def golden_row(p: SoftmaxParams, row: Row) -> list[list[int]]:
    """For each word of a row, the lanes of its word of `o`, and last."""
    fields = [unpack_word(in_layout(p), word) for word in row]
    scores = p.score.decode(np.array([word["score"] for word in fields], np.uint64))
    keep = np.array([word["keep"] for word in fields])
    codes = softmax(p, scores.ravel(), keep.ravel()).reshape(-1, p.lanes).tolist()
    return [[*word, int(index == len(row) - 1)] for index, word in enumerate(codes)]


def random_scores(random: Random, p: SoftmaxParams, count: int) -> list[int]:
    """Flat, one hot, the format's ends, or spread by up to some octaves about anywhere."""
    middle = random.randint(p.score.min, p.score.max)
    kind = random.choice(("flat", "hot", "ends", "near", "near", "near", "any"))
    if kind == "flat":
        return [middle] * count
    if kind == "hot":
        scores = [p.score.min] * count
        scores[random.randrange(count)] = random.choice((p.score.max, middle))
        return scores
    if kind == "ends":
        return [random.choice((p.score.min, p.score.max, p.score.max - 1)) for _ in range(count)]
    spread = (random.choice((1, 3, 12)) << p.fraction) if kind == "near" else 1 << p.score.width
    low, high = max(p.score.min, middle - spread), min(p.score.max, middle + spread)
    return [random.randint(low, high) for _ in range(count)]


def random_row(random: Random, p: SoftmaxParams, marked: float = 0.5) -> Row:
    """One word, the whole buffer, or anything between; some with a mask.

    marked  probability that the last word of a row that fills the buffer is marked as such
    """
    words = random.choice((1, p.depth, random.randint(1, p.depth), random.randint(1, p.depth)))
    count = words * p.lanes
    scores = random_scores(random, p, count)
    length = random.randint(count - p.lanes + 1, count)
    masked = random.choice((0.0, 0.0, 0.5, 1.0))
    keep = [int(index < length and random.random() >= masked) for index in range(count)]
    packed = []
    for start in range(0, count, p.lanes):
        end = start + p.lanes
        last = int(end == count and (words < p.depth or random.random() < marked))
        fields = {"score": scores[start:end], "keep": keep[start:end], "last": [last]}
        packed.append(pack_word(in_layout(p), fields))
    return packed


class SoftmaxBench(Bench):
    """Rows, and golden."""

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, ["i"], ["o"], **stalls)
        self.p = params_of(parameters())

    def send_rows(self, count: int, **more: float) -> int:
        """Queue random rows; returns how many words."""
        words = [word for _ in range(count) for word in random_row(self.random, self.p, **more)]
        self.sources["i"].send(words)
        return len(words)

    def scoreboard(self, accepted: list[int], delivered: list[int], *, complete: bool = True) -> None:
        """Golden on the rows that the RTL accepted, against what it delivered, or its first part."""
        golden = [word for row in rows_of(self.p, accepted) for word in golden_row(self.p, row)]
        fields = [unpack_word(out_layout(self.p), word) for word in delivered]
        found = [[*word["p"], *word["last"]] for word in fields]
        wanted = golden if complete else golden[: len(found)]
        compare(found, wanted, lambda index, lane: f"{accepted[index]:#x}")

    def within(self, words: int) -> int:
        """Cycles that `words` and as many rows take at most, stalled half the time."""
        return words * (8 + cycles(self.p, [1])) + 200


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def codes_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = SoftmaxBench(dut, stall_in=stall_in, stall_out=stall_out)
    count = bench.send_rows(ROWS)
    await bench.start()
    i, o = bench.monitors["i"], bench.monitors["o"]
    await bench.moved("o", count, within=bench.within(count))
    bench.scoreboard(i.words, o.words)
    if stall_in == stall_out == 0:
        took = o.moved[-1][0] - i.moved[0][0] + 1
        expected = cycles(bench.p, [len(row) for row in rows_of(bench.p, i.words)])
        assert took == expected, f"took {took} cycles, golden {expected}"
    assert (bench.sources["i"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    assert (o.waits > 0) == (stall_out > 0), "the waits asked for did not happen"


@cocotb.test
async def a_stalled_output_lets_exactly_one_row_in(dut: Any) -> None:
    bench = SoftmaxBench(dut, stall_out=1.0)
    rows = [random_row(bench.random, bench.p) for _ in range(2)]
    bench.sources["i"].send(word for row in rows for word in row)
    await bench.start()
    await bench.cycles(bench.within(len(rows[0])))
    await bench.moved("i", len(rows[0]), within=1)
    assert not bench.monitors["o"].moved, "a word moved though o was never ready"
    bench.sinks["o"].stall = 0.0
    await bench.moved("o", len(rows[0]) + len(rows[1]), within=bench.within(2 * bench.p.depth))
    bench.scoreboard(bench.monitors["i"].words, bench.monitors["o"].words)


@cocotb.test
@cocotb.parametrize(after=[3, 17, 29, 45, 80], stall_out=[0.0, 0.5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, after: int, stall_out: float) -> None:
    """A row that the reset tears is read on from there: what is left of it is a row of its own."""
    bench = SoftmaxBench(dut, stall_out=stall_out)
    count = bench.send_rows(12, marked=1.0)
    await bench.start()
    await bench.cycles(after)
    i, o = bench.monitors["i"], bench.monitors["o"]
    while len(i.moved) <= len(o.moved):  # between two rows: nothing is in flight
        await bench.cycles(1)
    await bench.reset()
    bench.sinks["o"].stall = 0.0
    accepted, delivered = ([word for _, word in port.before_reset] for port in (i, o))
    await bench.moved("o", count - len(accepted), within=bench.within(count))
    bench.scoreboard(accepted, delivered, complete=False)
    bench.scoreboard(i.words, o.words)


@cocotb.test
async def what_a_reset_left_of_a_row_is_not_in_the_next_sum(dut: Any) -> None:
    """A reset at each moment of a full row's passes, and at once a row of one word."""
    bench = SoftmaxBench(dut)
    p = bench.p
    lanes = {"score": [p.score.max] * p.lanes, "keep": [1] * p.lanes}
    inner, last = (pack_word(in_layout(p), lanes | {"last": [end]}) for end in (0, 1))
    await bench.start()
    for moment in range(2, cycles(p, [p.depth]) - p.depth):
        bench.sources["i"].send([inner] * (p.depth - 1) + [last, last])
        await bench.cycles(p.depth + moment)
        await bench.reset()
        await bench.moved("o", 1, within=bench.within(1))
        bench.scoreboard(bench.monitors["i"].words, bench.monitors["o"].words)


def case(name: str, **given: Any) -> Case:
    """The engine of these parameters."""

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.emit import verilog
        from hw.vector.softmax import definition

        engine = definition(params_of(given))
        return verilog(engine), engine.name

    return Case(name, build, given)


SMALL = {"score": "int8", "fraction": 4, "out": "uint8", "mantissa_bits": 9, "segment_bits": 1}
CASES = [
    case("small-x1", **SMALL, max_length=5, lanes=1),
    case("small-x3", **SMALL, max_length=36, lanes=3),
    case("int16-uint16-x4", score="int16", fraction=8, out="uint16", max_length=64, lanes=4),
    case("int12-uint8-x16", score="int12", fraction=6, out="uint8", mantissa_bits=9, segment_bits=3,
         max_length=64, lanes=16),
    case("int12-uint8-x2", score="int12", fraction=6, out="uint8", mantissa_bits=9, segment_bits=3,
         max_length=32, lanes=2),
]  # fmt: skip
QUICK = {"verilator": names(CASES), "icarus": ["small-x1", "int16-uint16-x4"]}
EXTREME = [case("x3", score="int12", fraction=6, out="uint16", max_length=24, lanes=3)]
MUTANTS = [Faults("small-x3", 3, seed=8), Faults("small-x3", 6, seed=8, slow=True)]
