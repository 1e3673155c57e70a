"""Bench of hw.vector.piecewise: `i` in, `o` out, a handshake over the stages."""

from random import Random
from typing import Any

import cocotb
import numpy as np

from golden.formats import Int, parse
from golden.vector.piecewise import PiecewiseParams, cycles, piecewise
from sim.benches import Case, Faults, names, parameters
from sim.benches.block import BlockBench
from sim.benches.stream import Layout, pack_word, unpack_word

WORDS = 300


def params_of(given: dict[str, Any]) -> PiecewiseParams:
    """PiecewiseParams of a case's parameters."""
    formats: dict[str, Any] = {name: parse(given[name]) for name in ("input", "out")}
    others = {name: given[name] for name in ("input_fraction", "out_fraction", "segment_bits", "degree")}
    return PiecewiseParams(**formats, **others, functions=tuple(given["functions"]))


def layout_of(p: PiecewiseParams, lanes: int) -> Layout:
    """Fields of a word of `i`."""
    return [("x", p.input.width, lanes), ("function", p.function_bits, 1)]


def decoded(fmt: Int, codes: list[int]) -> list[int]:
    """Values of bit patterns."""
    return [int(value) for value in fmt.decode(np.array(codes, np.uint64))]


def random_code(random: Random, p: PiecewiseParams) -> int:
    """A value of p.input: a third at the ends of segments, the rest whatever comes."""
    if random.randrange(3):
        return random.randint(p.input.min, p.input.max)
    edge = p.input.min + (random.randrange(1 << p.segment_bits) << p.offset_bits)
    return max(p.input.min, edge - random.randrange(2))


class PiecewiseBench(BlockBench):
    """The block's words, and golden."""

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, **stalls)
        given = parameters()
        self.p, self.lanes = params_of(given), given["lanes"]
        self.latency = self.p.latency
        self.layout = layout_of(self.p, self.lanes)

    def send_words(self) -> int:
        """Random words; before them, where nothing stalls, every code of every function; returns how many."""
        words: list[int] = []
        if not self.stall_in and not self.stall_out:
            codes = list(range(self.p.input.min, self.p.input.max + 1))
            self.random.shuffle(codes)
            codes += codes[: -len(codes) % self.lanes]
            groups = [codes[start : start + self.lanes] for start in range(0, len(codes), self.lanes)]
            words = [self.word(group, number) for group in groups for number in range(len(self.p.functions))]
        self.sources["i"].send(words)
        self.send_random(WORDS)
        return len(words) + WORDS

    def word(self, codes: list[int], function: int) -> int:
        return pack_word(self.layout, {"x": codes, "function": [function]})

    def random_word(self) -> int:
        codes = [random_code(self.random, self.p) for _ in range(self.lanes)]
        return self.word(codes, self.random.randrange(len(self.p.functions)))

    def values(self, word: int) -> tuple[str, list[int]]:
        """(function, values of x) of a word of `i`."""
        fields = unpack_word(self.layout, word)
        return self.p.functions[fields["function"][0]], decoded(self.p.input, fields["x"])

    def golden(self, word: int) -> list[int]:
        return [int(y) for y in piecewise(self.p, *self.values(word))]

    def found(self, word: int) -> list[int]:
        return decoded(self.p.out, unpack_word([("o", self.p.out.width, self.lanes)], word)["o"])

    def describe(self, word: int, lane: int) -> str:
        function, codes = self.values(word)
        return f"{function} of {codes[lane]}"


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def codes_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = PiecewiseBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.matches_golden(bench.send_words(), lambda count: cycles(bench.p, count))


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    await PiecewiseBench(dut, stall_out=1.0).holds_latency_words()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    await PiecewiseBench(dut, stall_out=stall_out).forgets_at_reset()


def case(name: str, source: str, out: str, functions: tuple[str, ...], degree: int, **more: int) -> Case:
    """The block of these formats, "int8.4" being int8 with 4 bits of fraction."""
    (source, source_bits), (out, out_bits) = source.split("."), out.split(".")
    given = {"input": source, "input_fraction": int(source_bits), "out": out, "out_fraction": int(out_bits)}
    given |= {"functions": list(functions), "degree": degree} | more

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.emit import verilog
        from hw.vector.piecewise import definition

        block = definition(params_of(given), given["lanes"])
        return verilog(block), block.name

    return Case(name, build, given)


SMOOTH = ("gelu", "silu", "sigmoid", "tanh")
STRAIGHT = ("relu", "leaky_relu", "relu6")
CASES = [
    case("smooth-int16", "int16.12", "int16.12", SMOOTH, 2, segment_bits=6, lanes=16),
    case("all-int8", "int8.4", "int8.4", (*SMOOTH, *STRAIGHT), 1, segment_bits=5, lanes=2),
    case("exp2-uint12", "uint12.12", "uint16.15", ("exp2",), 2, segment_bits=3, lanes=4),
    case("int6-saturating", "int6.2", "int3.3", ("tanh", "gelu"), 2, segment_bits=3, lanes=3),
    case("tanh-wide-out", "int6.2", "int12.4", ("tanh",), 1, segment_bits=3, lanes=2),
]
QUICK = {"verilator": names(CASES), "icarus": ["all-int8", "exp2-uint12"]}
EXTREME = [
    case("three", "int8.4", "int16.12", ("gelu", "tanh", "relu"), 2, segment_bits=5, lanes=3)
]
MUTANTS = [Faults("int6-saturating", 3, seed=31), Faults("int6-saturating", 8, seed=31, slow=True)]
