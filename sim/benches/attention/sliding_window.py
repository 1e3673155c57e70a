"""Bench of hw.attention.sliding_window: kinds of masks, decoding, jobs in a row, stalls, resets."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from golden import formats
from golden.attention import masks, sliding_window, window_cycles
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.masks import Mask
from golden.attention.window import AttentionJob, Operands, WindowParams
from golden.check import BadValue
from sim.benches import Case, names, parameters, verilog_case
from sim.benches.stream import Bench, compare

RESETS = 12
BLOCK = "attention/sliding_window"


def params_of(
    sinks: bool = False,
    divide_lanes: int = 1,
    floating: bool = False,
    organisation: str = "dimensions",
    heads: int = 1,
    **arithmetic: Any,
) -> WindowParams:
    """WindowParams of a case's parameters; formats as text; floating: FP16 and what goes with it."""
    given: dict[str, Any] = {
        name: formats.parse(each) if isinstance(each, str) else each for name, each in arithmetic.items()
    }
    made = fp16(**given) if floating else Arithmetic(**given)
    return WindowParams(
        arithmetic=made, sinks=sinks, divide_lanes=divide_lanes, organisation=organisation, heads=heads
    )


def job_of(p: WindowParams, mask: Mask, **given: Any) -> AttentionJob:
    """A job whose scores spread over some octaves, a cap among them where the engine has one."""
    by = sliding_window.example_scaling(p.arithmetic, cap=given.pop("cap", 0.0))
    given = {"heads": given.get("kv_heads", p.heads), "kv_heads": p.heads, **given}
    return AttentionJob(mask=mask, by=by, **given)


def standard_masks(slots: int) -> list[Mask]:
    """Each length about the window's, and each thing that a mask can have."""
    half = slots // 2
    lengths = [masks.causal(length, slots) for length in (1, slots - 1, slots, slots + 1, 2 * slots)]
    return [
        *lengths,
        masks.causal(2 * slots + 1, slots),
        Mask(queries=2 * slots, keys=2 * slots, left=half, right=slots - half - 1),
        Mask(queries=slots, keys=slots),
        Mask(queries=slots + 3, keys=2 * slots, left=1, right=half - 2),
        Mask(queries=slots, keys=half, left=2, right=0),
        Mask(queries=slots, keys=slots + 3, left=1, right=1, dilation=3),
        Mask(queries=slots, keys=slots, left=half - 1, right=0, leading=2, valid=slots - 2),
        Mask(queries=slots, keys=slots + 2, left=1, right=1, leading=1, trailing=2, randoms=2),
        masks.bigbird(12, 2, 1),
        Mask(queries=3, keys=slots, left=0, right=0, valid=0),
        Mask(queries=4, keys=4, position=-2, left=1, right=1),
    ]


def random_job(p: WindowParams, rng: np.random.Generator) -> AttentionJob:
    """Whatever the engine takes, small."""

    def some(low: int, high: int, chance: float = 1.0, otherwise: int = 0) -> int:
        return int(rng.integers(low, high + 1)) if rng.random() < chance else otherwise

    while True:
        block, keys = some(2, 3, 0.2, 1), some(1, 2 * p.slots)
        queries, position = block * some(1, p.slots // block), block * some(-2, keys // block)
        try:
            mask = Mask(
                queries=queries, keys=keys, position=position, block=block,
                left=some(-1, p.slots), right=some(-1, p.slots // 2, 0.7),
                dilation=1 if block > 1 else some(2, 4, 0.3, 1), leading=some(1, 3, 0.3),
                trailing=some(1, 2, 0.2), randoms=some(1, 3, 0.3),
                valid=some(0, keys, 0.2, keys),
            )  # fmt: skip
            kv_heads = p.heads * some(2, 2, 0.3, 1)
            capped = p.arithmetic.softcap and rng.random() < 1 / 2
            job = job_of(
                p, mask, heads=kv_heads * some(2, 3, 0.3, 1), kv_heads=kv_heads, skip=rng.random() < 1 / 2,
                sinks=p.sinks and rng.random() < 1 / 2, cap=4.0 * capped,
            )  # fmt: skip
            job.check(p)
        except BadValue:
            continue
        return job


def operands_of(p: WindowParams, job: AttentionJob, rng: np.random.Generator) -> Operands:
    """Normal values, a quarter of them the formats' ends; keys that are the query, and their opposites."""
    given = sliding_window.random_operands(p, job, rng)
    for values, fmt in (
        (given.q, p.arithmetic.query),
        (given.k, p.arithmetic.key),
        (given.v, p.arithmetic.value),
    ):
        ends = rng.random(values.shape[:2]) < 1 / 4
        values[ends] = rng.choice(ends_of(fmt), (int(ends.sum()), values.shape[-1]))
    return given


def ends_of(fmt: formats.Int | formats.Float) -> list[float]:
    """The ends of a format and 0; of a float both zeros, and both ends of its subnormal numbers, too."""
    if isinstance(fmt, formats.Int):
        return [fmt.min, fmt.max, 0]
    least = 2.0 ** (1 - fmt.bias - fmt.mantissa_bits)
    first = 2.0 ** (1 - fmt.bias) - least
    return [fmt.min, fmt.max, 0.0, -0.0, least, -least, first, -first]


class WindowBench(Bench):
    """The engine's streams, and jobs on them."""

    def __init__(self, dut: Any, **stalls: float):
        self.p = params_of(**parameters())
        super().__init__(dut, sliding_window.INPUTS, ("o",))
        for name, end in (self.sources | self.sinks).items():
            end.stall = stalls.get(name, 0.0)
        self.rng = np.random.default_rng(self.random.getrandbits(32))

    def jobs(self, count: int) -> list[tuple[AttentionJob, Operands]]:
        drawn = [random_job(self.p, self.rng) for _ in range(count)]
        return [(job, operands_of(self.p, job, self.rng)) for job in drawn]

    def send(self, jobs: list[tuple[AttentionJob, Operands]]) -> None:
        """The words of `jobs` replace what is offered."""
        for source in self.sources.values():
            source.words.clear()
        for job, operands in jobs:
            for name, words in sliding_window.pack(self.p, job, operands).items():
                self.sources[name].send(int.from_bytes(row, "little") for row in words)

    async def begin(self, jobs: list[tuple[AttentionJob, Operands]]) -> None:
        """One cycle of reset, in which the words of `jobs` replace what was offered."""
        resetting = cocotb.start_soon(self.reset())
        await RisingEdge(self.dut.clk)
        self.send(jobs)
        await resetting

    def golden(self, jobs: list[tuple[AttentionJob, Operands]]) -> list[int]:
        """The words of `o`."""
        words = [sliding_window.delivered(self.p, *each) for each in jobs]
        return [int.from_bytes(row, "little") for each in words for row in each]

    def cycles_of(self, jobs: list[tuple[AttentionJob, Operands]]) -> int:
        commands = [each for job, _ in jobs for each in window_cycles.commands_of(self.p, job)]
        return window_cycles.cycles_of_commands(self.p, commands)

    async def finish(self, jobs: list[tuple[AttentionJob, Operands]]) -> int:
        """All of their output, and the right one; cycles from the first command to the last word."""
        golden, o = self.golden(jobs), self.monitors["o"]
        await self.moved("o", len(golden), within=60 * self.cycles_of(jobs) + 500)
        left = {name: len(source.words) for name, source in self.sources.items() if source.words}
        assert not left, f"words were left at the inputs: {left}"
        self.scoreboard(golden, jobs)
        return o.moved[-1][0] - self.monitors["command"].moved[0][0] + 1

    def scoreboard(self, golden: list[int], jobs: list[tuple[AttentionJob, Operands]]) -> None:
        """What was delivered since the last reset, as far as it went."""
        found = self.monitors["o"].words
        said = "; ".join(str(job) for job, _ in jobs)
        compare(
            [[word] for word in found],
            [[word] for word in golden[: len(found)]],
            lambda row, _: f"{said}: row {row}",
        )


@cocotb.test
async def each_kind_of_mask_is_golden_in_values_and_cycles(dut: Any) -> None:
    bench = WindowBench(dut)
    await bench.start()
    for index, mask in enumerate(standard_masks(bench.p.slots)):
        # where heads share keys, loading is ahead of the rows, and waits for room
        shared = 1 + index % 2
        sinks = bench.p.sinks and index % 3 == 0
        job = job_of(bench.p, mask, heads=shared * bench.p.heads, skip=index % 3 == 1, sinks=sinks)
        jobs = [(job, operands_of(bench.p, job, bench.rng))]
        await bench.begin(jobs)
        took, golden = await bench.finish(jobs), window_cycles.cycles(bench.p, job)
        assert took == golden, f"{job}: took {took} cycles, golden {golden}"
        moved = {name: len(bench.monitors[name].moved) for name in ("q", "k", "v")}
        keys = mask.steps * mask.randoms + job.end - job.begin + len(mask.shared)
        wanted = {"q": shared * mask.queries, "k": keys, "v": keys}
        assert moved == wanted or not masks.counts(mask).any(), moved
    assert not any(source.stalls for source in bench.sources.values()), "a source stalled unasked"


@cocotb.test
async def jobs_follow_one_another_in_the_cycles_of_golden(dut: Any) -> None:
    bench = WindowBench(dut)
    await bench.start()
    for _ in range(3):
        jobs = bench.jobs(4)
        await bench.begin(jobs)
        took, golden = await bench.finish(jobs), bench.cycles_of(jobs)
        assert took == golden, f"{[job for job, _ in jobs]}: took {took} cycles, golden {golden}"


@cocotb.test
async def what_a_command_frees_last_is_no_room_of_the_next(dut: Any) -> None:
    """Its rows read the window's only key in their last slot; the next command fills all places."""
    bench = WindowBench(dut)
    slots, rng = bench.p.slots, bench.rng
    late = Mask(queries=3, keys=slots + 1, left=0, right=0, leading=slots - 2)
    jobs = [job_of(bench.p, mask, skip=True) for mask in (late, masks.causal(2 * slots, slots))]
    given = [(job, operands_of(bench.p, job, rng)) for job in jobs]
    await bench.start()
    await bench.begin(given)
    took, golden = await bench.finish(given), bench.cycles_of(given)
    assert took == golden, f"took {took} cycles, golden {golden}"


@cocotb.test
@cocotb.parametrize(spare=[0, 3])
async def tokens_one_after_another_are_the_rows_of_a_prefill(dut: Any, spare: int) -> None:
    """Decoding 1, 2, 3 tokens at once behind a prefill, past the window's length and twice that.

    spare  places of the buffer that a window leaves, so that where it begins in the buffer matters
    """
    bench = WindowBench(dut, o=0.2)
    slots, rng = bench.p.slots, bench.rng
    length, left = 2 * slots + 4, slots - 3 - spare
    whole = job_of(bench.p, Mask(queries=length, keys=length, left=left, right=0, leading=2))
    operands = operands_of(bench.p, whole, rng)
    await bench.start()
    jobs, past = [], 0
    for many in [slots - 3, *rng.integers(1, 4, 40).tolist()]:
        end = min(past + many, whole.mask.keys)
        if end == past:
            break
        mask = Mask(queries=end - past, keys=end, left=left, right=0, leading=2)
        given = Operands(operands.q[:, past:end], operands.k[:, :end], operands.v[:, :end])
        part = job_of(bench.p, mask, past=past, skip=bool(past % 2))
        jobs.append((part, given))
        past = jobs[-1][0].end
    assert past == whole.mask.keys
    await bench.begin(jobs)
    await bench.finish(jobs)
    assert bench.monitors["o"].words == bench.golden([(whole, operands)]), "rows differ from the prefill's"
    assert len(bench.monitors["k"].moved) == whole.mask.keys, "a key was loaded twice"


@cocotb.test
async def a_row_that_reads_what_is_no_number_says_so(dut: Any) -> None:
    """An infinity in a query, a key, a value: the rows that read it raise `invalid`, no other."""
    bench = WindowBench(dut)
    if not bench.p.arithmetic.floating:
        return
    length, window = 30, 5
    job = job_of(bench.p, masks.causal(length, window))
    operands = operands_of(bench.p, job, bench.rng)
    await bench.start()
    for name, reach in (("q", 1), ("k", window), ("v", window)):
        await bench.begin([(job, operands)])
        at = int(bench.rng.integers(length - window))
        bench.sources[name].words[at] |= 0x7C00 << 16 * int(bench.rng.integers(bench.p.arithmetic.head_dim))
        await bench.moved("o", length, within=2 * bench.cycles_of([(job, operands)]))
        place = 16 * bench.p.arithmetic.head_dim + 2
        found = [row for row, word in enumerate(bench.monitors["o"].words) if word >> place & 1]
        assert found == list(range(at, at + reach)), f"{name} {at}: rows {found}"


@cocotb.test
@cocotb.parametrize(stalled=["command", "q", "k", "v", "o", "all"], stall=[0.1, 0.7])
async def stalls_change_no_value(dut: Any, stalled: str, stall: float) -> None:
    streams = (*sliding_window.INPUTS, "o") if stalled == "all" else (stalled,)
    bench = WindowBench(dut, **dict.fromkeys(streams, stall))
    await bench.start()
    jobs = bench.jobs(3)
    await bench.begin(jobs)
    await bench.finish(jobs)
    ends = [bench.sources[name].stalls for name in streams if name not in ("o", "command")]
    ends += [bench.monitors["o"].waits] if "o" in streams else []
    assert all(ends) or stall < 0.5, f"the stalls asked for did not happen: {ends}"


@cocotb.test
async def a_reset_leaves_nothing_behind(dut: Any) -> None:
    """In whatever cycle it comes; what was delivered before it was right, too."""
    bench = WindowBench(dut, o=0.5, k=0.2, command=0.8)  # words come before their command, too
    await bench.start()
    for _ in range(RESETS):
        jobs = bench.jobs(2)
        await bench.begin(jobs)
        await bench.cycles(bench.random.randrange(2, bench.cycles_of(jobs)))
        bench.scoreboard(bench.golden(jobs), jobs)
    jobs = bench.jobs(2)
    await bench.begin(jobs)
    await bench.finish(jobs)


def case(name: str, **given: Any) -> Case:
    """The engine with these parameters."""
    return verilog_case(BLOCK, params_of, name, **given)


CASES = [
    case("int8", head_dim=4, keys=12, divide_lanes=4),
    case("int4-int8-sinks", head_dim=3, keys=13, query="int4", key="int4", sinks=True, divide_lanes=2),
    case("fp16", head_dim=4, keys=12, floating=True, sinks=True, divide_lanes=4),
    case("keys-int8", head_dim=4, keys=12, organisation="keys"),
    case(
        "keys-int4-int8-sinks", head_dim=3, keys=13, query="int4", key="int4", sinks=True, organisation="keys"
    ),
    case("heads-int8", head_dim=3, keys=12, heads=2, sinks=True, divide_lanes=3),
    case("keys-heads-int8", head_dim=3, keys=12, heads=2, sinks=True, organisation="keys"),
    case("keys-fp16", head_dim=2, keys=12, floating=True, sinks=True, organisation="keys"),
    case("int8-softcap-table", head_dim=5, keys=16, softcap=True, degree=0, segment_bits=6, divide_lanes=1),
]
QUICK = {"verilator": ["int8", "fp16", "keys-int8", "keys-fp16", "heads-int8"]}
LONG = {
    "verilator": ["int4-int8-sinks", "keys-int4-int8-sinks", "keys-heads-int8", "int8-softcap-table"],
    "icarus": names(CASES),
}
EXTREME = [
    case("2x1", head_dim=1, keys=2),
    case("keys-2x2", head_dim=2, keys=2, organisation="keys"),
    case("keys-sinks-softcap", head_dim=16, keys=14, sinks=True, softcap=True, organisation="keys"),
    case(
        "sinks-softcap",
        head_dim=8,
        keys=24,
        value="int16",
        out_fraction=2,
        sinks=True,
        softcap=True,
        degree=2,
        divide_lanes=3,
    ),
]
MUTANTS = ()  # tests/attention/test_sliding_window_rtl.py: of its own modules alone
