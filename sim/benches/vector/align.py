"""Bench of hw.vector.align: groups in, integers at the group's exponent out."""

from itertools import chain
from typing import Any

import cocotb
import numpy as np

from golden.formats import parse
from golden.vector.align import AlignParams, align, capacity, cycles
from sim.benches import Faults, names, parameters, verilog_case
from sim.benches.stream import Bench, compare, pack_word, unpack_word

GROUPS = 40


def params_of(**given: Any) -> AlignParams:
    """AlignParams of a case's parameters."""
    return AlignParams(**given | {"format": parse(given["format"])})


class AlignBench(Bench):
    """Random groups, and golden."""

    def __init__(self, dut: Any, *, stall_in: float = 0.0, stall_out: float = 0.0):
        super().__init__(dut, stall_in=stall_in, stall_out=stall_out)
        self.p = params_of(**parameters())
        self.rng = np.random.default_rng(self.random.getrandbits(32))

    def group(self) -> np.ndarray:
        """Codes: of a narrow range of exponents, of all, of subnormals and zeros alone, or with specials."""
        p, fmt = self.p, self.p.format
        kind = self.random.choice(("near", "near", "any", "tiny", "special"))
        codes = self.rng.integers(0, 1 << fmt.width, p.group)
        field = self.rng.integers(0, 1 << fmt.exponent_bits)
        fields = np.clip(field - self.rng.integers(0, p.bits + 2, p.group), 0, (1 << fmt.exponent_bits) - 2)
        if kind == "tiny":
            fields = np.zeros(p.group, np.int64)
        if kind != "any":
            codes = codes & ~(fmt.max_code + 1) | fields << fmt.mantissa_bits
        if kind == "tiny":
            codes = codes * self.rng.integers(0, 2, p.group)
        if kind == "special":
            at = self.rng.integers(0, p.group)
            codes[at] |= fmt.max_code + 1
        return codes

    def send_groups(self, count: int) -> None:
        for _ in range(count):
            words = self.group().reshape(self.p.words, self.p.lanes)
            layout = [("codes", self.p.format.width, self.p.lanes)]
            self.sources["i"].send(pack_word(layout, {"codes": word}) for word in words.tolist())

    def scoreboard(self, accepted: list[int], delivered: list[int]) -> None:
        """Golden on the whole groups that the RTL accepted, against what it delivered."""
        p = self.p
        whole = len(accepted) // p.words * p.words
        codes = [
            unpack_word([("codes", p.format.width, p.lanes)], word)["codes"] for word in accepted[:whole]
        ]
        integers, exponents, specials = align(p, np.array(codes, np.uint64).reshape(-1, p.group))
        lanes = p.out.encode(integers).reshape(whole, p.lanes).tolist()
        golden = [
            [
                *lanes[i],
                int(exponents[i // p.words]),
                int(specials[i // p.words]),
                int((i + 1) % p.words == 0),
            ]
            for i in range(whole)
        ]
        layout = [
            ("aligned", p.bits, p.lanes),
            ("exponent", p.exponent.width, 1),
            ("special", 1, 1),
            ("last", 1, 1),
        ]
        found = [list(chain.from_iterable(unpack_word(layout, word).values())) for word in delivered]
        compare(found, golden[: len(found)], lambda index, lane: f"{codes[index]}")


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def groups_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = AlignBench(dut, stall_in=stall_in, stall_out=stall_out)
    count = GROUPS * bench.p.words
    bench.send_groups(GROUPS)
    await bench.start()
    await bench.moved("o", count, within=8 * count + 100)
    i, o = bench.monitors["i"], bench.monitors["o"]
    bench.scoreboard(i.words, o.words)
    if stall_in == stall_out == 0:
        took = o.moved[-1][0] - i.moved[0][0] + 1
        assert took == cycles(bench.p, GROUPS), f"took {took} cycles, golden {cycles(bench.p, GROUPS)}"
    assert (bench.sources["i"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    assert (o.waits > 0) == (stall_out > 0), "the waits asked for did not happen"


@cocotb.test
async def a_stalled_output_lets_exactly_the_buffer_fill(dut: Any) -> None:
    bench = AlignBench(dut, stall_out=1.0)
    groups = capacity(bench.p) // bench.p.words + 1
    bench.send_groups(groups)
    await bench.start()
    await bench.moved("i", capacity(bench.p), within=10 * groups * bench.p.words)
    assert not bench.monitors["o"].moved, "a word moved though o was never ready"
    bench.sinks["o"].stall = 0.0
    await bench.moved("o", groups * bench.p.words, within=100 + 10 * groups * bench.p.words)
    bench.scoreboard(bench.monitors["i"].words, bench.monitors["o"].words)


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    bench = AlignBench(dut, stall_out=stall_out)
    bench.send_groups(3)
    await bench.start()
    await bench.cycles(2 * bench.p.words + 1)
    await bench.reset()
    bench.sinks["o"].stall = 0.0
    accepted, delivered = ([word for _, word in bench.monitors[name].before_reset] for name in ("i", "o"))
    assert len(accepted) > len(delivered), "nothing was in flight"
    bench.scoreboard(accepted, delivered)
    await bench.cycles(4 * bench.p.words)
    i = bench.monitors["i"]
    missing = -len(i.words) % bench.p.words  # of a group that begins with the first word after the reset
    bench.sources["i"].send([0] * missing)
    await bench.moved("o", len(i.words) + missing, within=10 * bench.p.words)
    bench.scoreboard(i.words, bench.monitors["o"].words)


def case(fmt: str, bits: int, group: int, lanes: int) -> Any:
    """The block of these parameters."""
    name = f"{fmt}-int{bits}-g{group}-x{lanes}"
    return verilog_case("vector/align", params_of, name, format=fmt, bits=bits, group=group, lanes=lanes)


CASES = [
    case("fp16", 14, 32, 8),
    case("fp16", 12, 6, 2),
    case("bf16", 12, 4, 2),
    case("fp8_e5m2", 6, 5, 1),
]
QUICK = {"icarus": names(CASES), "verilator": ["fp16-int14-g32-x8", "fp8_e5m2-int6-g5-x1"]}
EXTREME = CASES[:1]
MUTANTS = [Faults("bf16-int12-g4-x2", 3), Faults("bf16-int12-g4-x2", 6, slow=True)]
