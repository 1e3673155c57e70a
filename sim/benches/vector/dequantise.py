"""Bench of hw.vector.dequantise: groups in, a total for each row out."""

from typing import Any

import cocotb
import numpy as np

from golden.formats import FP32, parse
from golden.vector.dequantise import LATENCY, GroupScalingParams, cycles, step
from sim.benches import Faults, names, parameters, verilog_case
from sim.benches.pe.vectors import corners
from sim.benches.stream import Bench, Layout, compare, pack_word, unpack_word

GROUPS = 1200


def params_of(**given: Any) -> GroupScalingParams:
    """GroupScalingParams of a case's parameters."""
    formats: dict[str, Any] = {
        name: parse(value) if isinstance(value, str) else value for name, value in given.items()
    }
    return GroupScalingParams(**formats)


class DequantiseBench(Bench):
    """Random rows of groups, and golden."""

    def __init__(self, dut: Any, *, stall_in: float = 0.0, stall_out: float = 0.0):
        super().__init__(dut, stall_in=stall_in, stall_out=stall_out)
        self.p = params_of(**parameters())
        self.formats = self.p.fields
        self.layout: Layout = [(name, fmt.width, 1) for name, fmt in self.formats.items()]
        self.layout = [*self.layout, ("first", 1, 1), ("last", 1, 1)]
        self.starts = True
        self.before: dict[str, int] = {}

    def number(self, name: str) -> int:
        """A code: a corner, any, or one near zero; scales mostly of one binade, as a tensor's are."""
        fmt, kind = self.formats[name], self.random.choice("cannn")
        if kind == "c":
            return self.random.choice(corners(fmt))
        code = self.random.getrandbits(fmt.width)
        if kind == "n" and name == "scale":
            mantissa, bias = self.p.scale.mantissa_bits, self.p.scale.bias
            return code & (1 << mantissa + 2) - 1 | bias - 4 << mantissa
        return code if kind == "a" else self.random.randint(-99, 99) & (1 << fmt.width) - 1

    def group(self) -> dict[str, int]:
        """Codes of a group: random, of few bits, or opposite to the one before but for a few bits."""
        draw, acc = self.random, self.p.acc
        codes = {name: self.number(name) for name in self.formats}
        kind = draw.choice(("random", "few", "opposite", "opposite"))
        codes["zero"] *= draw.randrange(2)
        if kind != "random":
            codes["zero"] = 0
            value = draw.choice((0, draw.randint(-3, 3) << draw.randrange(4)))
            if kind == "opposite":
                codes |= {name: code for name, code in self.before.items() if name in ("scale", "exponent")}
                value -= int(acc.decode(np.array(self.before.get("acc", 0), np.uint64)))
            codes["acc"] = min(max(value, acc.min), acc.max) & (1 << acc.width) - 1
        self.before = codes
        return codes

    def tie(self) -> list[dict[str, int]]:
        """Codes of two groups: the second's product ends halfway between two totals, or a few bits beside.

        With an odd significand s, d s = 2^(q-1) + r (mod 2^q) has one d for each r; q bits of the product
        then lie below the last bit of the total that the first group leaves.
        """
        draw, p = self.random, self.p
        bits, top = p.acc.width - 1, p.scale.mantissa_bits
        while True:
            q, s, first = (
                draw.randint(3, bits - 1),
                draw.getrandbits(top) | 1 | 1 << top,
                draw.getrandbits(bits),
            )
            r = draw.choice((-1, 0, 1)) * draw.getrandbits(draw.randint(1, max(1, q - 8)))
            d = ((1 << q - 1) + r) * pow(s, -1, 1 << q) % (1 << q) + (draw.getrandbits(bits - q) << q)
            highest = min((1 << p.scale.exponent_bits) - 2, p.scale.bias + 15)  # no total overflows
            lower = (first << top).bit_length() - (d * s).bit_length() - (q + 24 - (d * s).bit_length())
            if first and d and 0 < highest + lower <= highest:
                break
        scales = highest << top, highest + lower << top | s & (1 << top) - 1
        same = {name: draw.getrandbits(fmt.width) for name, fmt in self.formats.items()} | {"zero": 0}
        values = first, draw.choice((d, -d & (1 << p.acc.width) - 1))
        return [same | {"acc": acc, "scale": scale} for acc, scale in zip(values, scales, strict=True)]

    def send_groups(self, count: int) -> None:
        """The last one ends a row. A row in four is a tie."""
        sent = 0
        while sent < count:
            tied = self.tie() if self.starts and count - sent > 1 and self.random.random() < 1 / 4 else []
            groups = tied or [self.group()]
            sent += len(groups)
            for index, codes in enumerate(groups):
                last = sent == count or self.random.random() < 1 / 4
                if tied:
                    last = index == 1
                word = {name: [value] for name, value in codes.items()}
                word |= {"first": [int(self.starts)], "last": [int(last)]}
                self.sources["i"].send([pack_word(self.layout, word)])
                self.starts = last

    def golden(self, accepted: list[int]) -> tuple[list[int], list[int]]:
        """Totals of rows that ended, and which word ended each; a row without a first group has none."""
        totals, ends, total = [], [], None
        for index, packed in enumerate(accepted):
            word = unpack_word(self.layout, packed)
            values = [fmt.decode(np.array(word[name], np.uint64)) for name, fmt in self.formats.items()]
            if word["first"][0]:
                total = np.zeros(1)
            total = None if total is None else step(self.p, total, *values)
            if word["last"][0]:
                totals.append(-1 if total is None else int(FP32.encode(total)[0]))
                ends.append(index)
        return totals, ends

    def scoreboard(self, accepted: list[int], delivered: list[int], *, whole: bool = True) -> None:
        """Golden on what the RTL accepted, against what it delivered; of a reset's, as far as it came."""
        golden, ends = self.golden(accepted)
        pairs = list(zip(delivered, golden, strict=whole))
        known = [
            (found, wanted, end) for (found, wanted), end in zip(pairs, ends, strict=False) if wanted >= 0
        ]
        compare(
            [[found] for found, _, _ in known],
            [[wanted] for _, wanted, _ in known],
            lambda index, _: str(unpack_word(self.layout, accepted[known[index][2]])),
        )


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def totals_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = DequantiseBench(dut, stall_in=stall_in, stall_out=stall_out)
    bench.send_groups(GROUPS)
    await bench.start()
    await bench.moved("i", GROUPS, within=8 * GROUPS)
    await bench.cycles(50)
    i, o = bench.monitors["i"], bench.monitors["o"]
    bench.scoreboard(i.words, o.words)
    if stall_in == stall_out == 0:
        took = o.moved[-1][0] - i.moved[0][0] + 1
        assert took == cycles(GROUPS), f"took {took} cycles, golden {cycles(GROUPS)}"
    assert (bench.sources["i"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    assert (o.waits > 0) == (stall_out > 0), "the waits asked for did not happen"


@cocotb.test
async def a_stalled_output_lets_exactly_latency_totals_in(dut: Any) -> None:
    bench = DequantiseBench(dut, stall_out=1.0)
    await bench.start()
    for _ in range(LATENCY + 1):
        bench.send_groups(1)
        await bench.cycles(LATENCY + 2)
    await bench.moved("i", LATENCY, within=1)
    assert not bench.monitors["o"].moved, "a word moved though o was never ready"
    bench.sinks["o"].stall = 0.0
    await bench.moved("o", LATENCY + 1, within=100)
    bench.scoreboard(bench.monitors["i"].words, bench.monitors["o"].words)


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    bench = DequantiseBench(dut, stall_out=stall_out)
    bench.send_groups(60)
    await bench.start()
    await bench.cycles(21)
    await bench.reset()
    bench.sinks["o"].stall = 0.0
    i, o = bench.monitors["i"], bench.monitors["o"]
    bench.scoreboard(*([word for _, word in port.before_reset] for port in (i, o)), whole=False)
    await bench.moved("i", 60 - len(i.before_reset), within=200)
    bench.scoreboard(i.words, o.words)


def case(acc: str, row_sum: str, zero: str, scale: str, **exponent: int) -> Any:
    """The block of these parameters."""
    given = {"acc": acc, "row_sum": row_sum, "zero": zero, "scale": scale}
    name = "-".join(given.values()) + "-aligned" * bool(exponent)
    return verilog_case("vector/dequantise", params_of, name, **given, **exponent)


CASES = [
    case("int19", "int15", "uint4", "fp16"),
    case("int25", "int21", "uint4", "bf16"),
    case("int12", "uint8", "int3", "fp8_e5m2"),
    case("int25", "int21", "uint4", "fp16", exponent_bits=5, exponent_bias=27),
    case("int23", "int19", "uint4", "bf16", exponent_bits=8, exponent_bias=137),
]
QUICK = {"icarus": names(CASES), "verilator": ["int19-int15-uint4-fp16"]}
EXTREME = [verilog_case("vector/dequantise", lambda p: p, "usual", p=GroupScalingParams())]
MUTANTS = [Faults("int12-uint8-int3-fp8_e5m2", 3), Faults("int12-uint8-int3-fp8_e5m2", 6, slow=True)]
