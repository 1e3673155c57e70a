"""Bench of hw.accelerator.map_lanes: `i` and `parameters` in, `o` out, constants that stand still."""

from functools import partial
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.map_cycles import latency
from golden.accelerator.params import FIRST_FUNCTION
from sim.benches import Faults, parameters, verilog_case
from sim.benches.accelerator.maps import BITS, MapJob, block_words, packed, params_of, random_job, sets_of
from sim.benches.stream import Bench, compare, unpack_word

JOBS = 40
NAMES = [each.name for each in Opcode.MAP.fields]
CONSTANTS = Opcode.MAP.fields[NAMES.index("a_kind") :]


class MapLanesBench(Bench):
    """The block, and jobs one after the other."""

    def __init__(self, dut: Any, *, stall_in: float = 0.0, stall_out: float = 0.0):
        super().__init__(dut, ["i", "parameters"], ["o"], stall_in=stall_in, stall_out=stall_out)
        self.p = params_of(parameters())
        self.rng = np.random.default_rng(self.random.getrandbits(32))
        dut.entry_write.value = 0

    def constants(self, job: MapJob) -> int:
        word = place = 0
        for each in CONSTANTS:
            word |= (job.command[each.name] & (1 << each.width) - 1) << place
            place += each.width
        return word

    def words(self, job: MapJob) -> list[int]:
        """Of `i`; what the operand's kind does not use is noise."""
        c, lanes = job.command, self.p.lanes
        n3, n2, n1, n0, _ = job.a.shape
        words = []
        for i3, i2, i1, i0 in np.ndindex(n3, n2, n1, n0):
            fields = [self.random.getrandbits(32 * lanes) for _ in range(3)]
            for index, (kind, values) in enumerate(((c["a_kind"], job.a), (c["b_kind"], job.b)), 1):
                own = packed(values[i3, i2, i1, i0], BITS[Kind(kind)]) if values is not None else 0
                if kind == Kind.NONE and index == 1:
                    fields[0] = own
                elif kind != Kind.NONE:
                    below = (32 - BITS[Kind(kind)]) * lanes
                    fields[index] = fields[index] & (1 << below) - 1 | own << below
            inner = (i1, i0) == (n1 - 1, n0 - 1)
            tile = inner and (c["p_loop"] == 0 or i2 == n2 - 1)
            whole = inner and (i3, i2) == (n3 - 1, n2 - 1)
            first, last = ((i1, i0) == (0, 0), inner) if c["reduce"] else (True, True)
            marks = first | last << 1 | (tile if c["p_stride"] else whole) << 2
            words.append(sum(each << 32 * lanes * at for at, each in enumerate(fields)) | marks << 96 * lanes)
        return words

    async def fill(self, entries: np.ndarray) -> None:
        """The table, while nothing moves."""
        for address, entry in enumerate(entries.tolist()):
            await RisingEdge(self.dut.clk)
            self.dut.entry_write.value = 1
            self.dut.entry_address.value = address
            self.dut.entry.value = entry & 0xFFFF
        await RisingEdge(self.dut.clk)
        self.dut.entry_write.value = 0

    def found(self, job: MapJob, words: list[int]) -> list[list[int]]:
        """The bits of each lane that out_kind stores."""
        mask = (1 << BITS[Kind(job.command["out_kind"])]) - 1
        lanes = [unpack_word([("o", 32, self.p.lanes)], word)["o"] for word in words]
        return [[value & mask for value in values] for values in lanes]

    async def offer(self, job: MapJob, *, parameters: list[int] | None = None, ahead: int = 0) -> None:
        """Constants, parameters and, `ahead` cycles later, operands."""
        if job.command["function"] == FIRST_FUNCTION - 1:
            await self.fill(job.entries)
        self.dut.constants.value = self.constants(job)
        await RisingEdge(self.dut.clk)
        self.sources["parameters"].send(parameters or block_words(job.blocks, self.p.lanes))
        await self.cycles(1 + ahead)
        self.sources["i"].send(self.words(job))

    async def check(self, job: MapJob, ahead: int | None = None) -> int:
        """Run it; the results are golden's. Returns cycles from the first word in to the last out."""
        o, i = self.monitors["o"], self.monitors["i"]
        before, first = len(o.moved), len(i.moved)
        golden = job.results()
        await self.offer(job, ahead=self.random.choice((0, 4, 20)) if ahead is None else ahead)
        await self.moved("o", before + len(golden), within=3000)
        shown = self.found(job, o.words[before:])
        compare(shown, golden.tolist(), lambda index, lane: f"vector {index} lane {lane} of {job.command}")
        return o.moved[-1][0] - i.moved[first][0] + 1


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def results_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = MapLanesBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.start()
    for _ in range(JOBS):
        await bench.check(random_job(bench.rng, bench.p))
    assert (bench.sources["i"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    assert (bench.monitors["o"].waits > 0) == (stall_out > 0), "the waits asked for did not happen"


@cocotb.test
async def every_function_and_format_takes_golden_cycles(dut: Any) -> None:
    bench = MapLanesBench(dut)
    await bench.start()
    for function in range(FIRST_FUNCTION + len(bench.p.functions)):
        job = random_job(bench.rng, bench.p, function=function, reduce=0, p_stride=0)
        assert sets_of(job.command) == (1, 1)
        took = await bench.check(job, ahead=20)
        wanted = len(job.results()) + latency(bench.p, function)
        assert took == wanted, f"function {function}: took {took} cycles, golden {wanted}"


@cocotb.test
async def a_stalled_output_stops_all_stages(dut: Any) -> None:
    bench = MapLanesBench(dut, stall_out=1.0)
    given = {"function": 0, "reduce": 0, "p_stride": 0, "count0": 5, "count1": 5, "count2": 1, "count3": 1}
    job = random_job(bench.rng, bench.p, **given)
    await bench.start()
    await bench.offer(job)
    await bench.moved("i", latency(bench.p, 0), within=60)
    bench.sinks["o"].stall = 0.0
    await bench.moved("o", 25, within=60)
    assert bench.found(job, bench.monitors["o"].words) == job.results().tolist()


@cocotb.test
@cocotb.parametrize(words=[5, 9, 16], after=[1, 6, 20])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, words: int, after: int) -> None:
    """What was taken of the blocks and of the vectors is gone; the rest comes out right."""
    bench = MapLanesBench(dut, stall_out=0.3)
    single = {"count2": 1, "count3": 1, "count0": 5, "count1": 5, "p_stride": 0, "reduce": 0}
    job = random_job(bench.rng, bench.p, **single)
    block = block_words(job.blocks, bench.p.lanes)
    await bench.start()
    await bench.offer(job, parameters=(block + block)[:words], ahead=20)
    await bench.cycles(after)
    await bench.reset()
    o, i = bench.monitors["o"], bench.monitors["i"]
    assert len(i.before_reset) > len(o.before_reset), "nothing was in flight"
    bench.sources["parameters"].send(block)
    wanted = job.results().tolist()[len(i.before_reset) :]
    await bench.moved("o", len(wanted), within=300)
    assert bench.found(job, o.words) == wanted
    for _ in range(3):
        await bench.check(random_job(bench.rng, bench.p))


case = partial(verilog_case, "accelerator/map_lanes", lambda **given: params_of(given))
CASES = [
    case("x4", lanes=4, functions=["gelu", "tanh"]),
    case("x16", lanes=16, functions=["gelu", "silu", "sigmoid", "tanh"]),
    case("x8-plain", lanes=8, functions=[]),
    case("x4-plain", lanes=4, functions=[]),
]
QUICK = {"verilator": ["x4"]}
LONG = {"icarus": ["x4-plain"]}
EXTREME = [CASES[0], CASES[2]]
MUTANTS = [Faults("x4-plain", 2, seed=5), Faults("x4-plain", 4, seed=5, slow=True)]
