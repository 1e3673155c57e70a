"""Bench of hw.accelerator.units.matrix: commands in, both read ports of a scratchpad, sums out."""

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.multiply import count_of, matrix_unit_of, multiply, passes_of, tiles_of, words_of_pass
from golden.accelerator.multiply_cycles import times
from golden.pe import integers
from golden.systolic.cycles import cycles_of, delivery, rows_needed
from sim.benches import Case, Faults, parameters, verilog_case
from sim.benches.accelerator.multiply_commands import (
    Command,
    convolution,
    in_parts,
    pack,
    params_of,
    product,
    random_command,
    rows_of,
    unpack,
)
from sim.benches.accelerator.read_port import ReadPort
from sim.benches.stream import Bench, compare, high, settled

PORTS = ("left", "top")
PAUSES = ("command", *PORTS, "sums")


class MultiplyBench(Bench):
    """The unit, a scratchpad of noise, and golden.

    pauses      probability by name (PAUSES), 0 where not given
    done, busy  cycles of the pulse; the level in each cycle; since the last reset
    """

    def __init__(self, dut: Any, **pauses: float):
        super().__init__(dut, ["command"], ["sums"])
        self.p = params_of(parameters())
        self.rng = np.random.default_rng(self.random.getrandbits(64))
        self.scratch = self.rng.integers(0, 256, (self.p.words, self.p.lanes), np.uint8)
        self.ports = {n: ReadPort(dut, f"scratch_{n}", self.scratch, self.random_of(n)) for n in PORTS}
        self.done: list[int] = []
        self.busy: list[bool] = []
        self.pause(**pauses)

    def pause(self, **pauses: float) -> None:
        """Probabilities from here on."""
        self.sources["command"].stall = pauses.get("command", 0.0)
        self.sinks["sums"].stall = pauses.get("sums", 0.0)
        for name, port in self.ports.items():
            port.pause = pauses.get(name, 0.0)

    async def start(self) -> None:
        for port in self.ports.values():
            port.rest()
        await super().start()
        for port in self.ports.values():
            cocotb.start_soon(port.run())
        cocotb.start_soon(self.watch())

    async def watch(self) -> None:
        """Fill `done` and `busy`."""
        cycle = 0
        while True:
            await ReadOnly()
            if high(self.dut.rst):
                self.done, self.busy = [], []
            else:
                self.busy.append(bool(settled(self.dut.busy)))
                if settled(self.dut.done):
                    self.done.append(cycle)
            await RisingEdge(self.dut.clk)
            cycle += 1

    async def begin(self, commands: list[Command]) -> None:
        """One cycle of reset, in which these commands replace what was offered."""
        resetting = cocotb.start_soon(self.reset())
        await RisingEdge(self.dut.clk)
        self.sources["command"].words.clear()
        self.send(commands)
        await resetting

    def send(self, commands: list[Command]) -> None:
        self.sources["command"].send(pack(command) for command in commands)

    async def run(self, commands: list[Command], within: int | None = None) -> None:
        """Send, wait, check."""
        self.send(commands)
        await self.settle(commands, within)

    async def settle(self, commands: list[Command], within: int | None = None) -> None:
        """Wait for what `commands` give, and check it."""
        rows = sum(rows_of(c) for c in commands)
        work = sum(tiles_of(c) * passes_of(c) * (count_of(c) + 2 * self.p.lanes) for c in commands)
        await self.moved("sums", rows, within=within or 30 * work + 500)
        self.check()
        assert len(self.done) == len(commands), f"done {len(self.done)} times, {len(commands)} commands"
        assert self.dut.busy.value == 0, "busy when all has left"

    def words(self, name: str, command: Command) -> int:
        """Words that a command reads at a port."""
        each = count_of(command) if name == "left" else words_of_pass(self.p, command)
        return tiles_of(command) * passes_of(command) * each

    def accepted(self) -> list[Command]:
        return [unpack(word) for word in self.monitors["command"].words]

    def check(self) -> None:
        """Check that the delivered words are the first of golden's, and that `done` comes at its time."""
        commands = self.accepted()
        self.scoreboard(commands, self.monitors["sums"].words)
        ends = {name: np.cumsum([self.words(name, c) for c in commands]).tolist() for name in PORTS}
        for index, at in enumerate(self.done):
            asked = max(self.ports[name].accepted[ends[name][index] - 1] for name in PORTS)
            assert asked < at <= asked + 2, f"command {index} done in cycle {at}, all asked for in {asked}"
        assert len(self.busy) < 2 or not self.busy[0], "busy before anything came"

    def check_cycles(self, commands: list[Command]) -> None:
        """All that golden says of these commands, if nothing paused."""
        start = self.monitors["command"].moved[0][0]
        golden = times(self.p, commands)
        rows = np.cumsum([rows_of(c) for c in commands])
        taken = [
            (self.monitors["command"].moved[i][0] - start, self.done[i] - start,
             self.monitors["sums"].moved[int(rows[i]) - 1][0] - start if rows_of(commands[i]) else 0)
            for i in range(len(commands))
        ]  # fmt: skip
        wanted = [
            (each.accepted, each.done, each.sums_last if rows_of(command) else 0)
            for each, command in zip(golden, commands, strict=True)
        ]
        parts = ("accepted", "done", "last sums")
        compare(taken, wanted, lambda index, part: f"{parts[part]} of command {index} {commands[index]}")
        for name, port in self.ports.items():
            asked = [cycle - start for cycle in port.accepted]
            ends = [(getattr(each, f"{name}_first"), getattr(each, f"{name}_last")) for each in golden]
            sizes = [self.words(name, c) for c in commands]
            firsts = [0, *np.cumsum(sizes)[:-1].tolist()]
            pairs = zip(firsts, sizes, strict=True)
            found = [(asked[first], asked[first + size - 1]) for first, size in pairs]
            assert found == ends, f"{name} asked first and last in {found}, golden in {ends}"

    def scoreboard(self, commands: list[Command], delivered: list[int]) -> None:
        golden, names = [], []
        opened: list[np.ndarray] = []
        for index, command in enumerate(commands):
            sums = multiply(self.p, command, self.scratch)
            if command["open"]:
                sums = sums + opened.pop(0)
            if command["more"]:
                opened.append(sums)
                continue
            golden += sums.reshape(-1, self.p.lanes).tolist()
            names += [f"command {index} {command}, tile {t}" for t in range(len(sums)) for _ in sums[t]]
        mask = (1 << 32) - 1
        found = [[word >> 32 * n & mask for n in range(self.p.lanes)] for word in delivered]
        wanted = [[value & mask for value in row] for row in golden[: len(found)]]
        compare(found, wanted, lambda index, _: names[index])


def mix(bench: MultiplyBench, count: int) -> list[Command]:
    return [random_command(bench.random, bench.p, 12) for _ in range(count)]


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.5])
async def sums_match_golden(dut: Any, pause: float) -> None:
    bench = MultiplyBench(dut, **dict.fromkeys(PAUSES, pause))
    await bench.start()
    parts = [command for _ in range(6) for command in (*in_parts(bench.random, bench.p), *mix(bench, 1))]
    await bench.run([*mix(bench, 25), convolution(bench.p, 3, 6, 2, 2), *parts])
    waits = [bench.sources["command"].stalls, bench.monitors["sums"].waits]
    waits += [port.waits for port in bench.ports.values()]
    assert all(waits) if pause == 0.5 else pause or not any(waits), f"paused {waits} times, asked for {pause}"


@cocotb.test
@cocotb.parametrize(commands=[1, 2, 12], transpose=[0, 1, None])
async def takes_golden_cycles(dut: Any, commands: int, transpose: int | None) -> None:
    """Commands without a pause: each is accepted, reads, is done, gives its last sums when golden says."""
    bench = MultiplyBench(dut)
    await bench.start()
    for _ in range(3):
        given = mix(bench, commands)
        given = [c | ({} if transpose is None else {"transpose": transpose}) for c in given]
        await bench.begin(given)
        await bench.settle(given)
        bench.check_cycles(given)


@cocotb.test
async def parts_take_golden_cycles(dut: Any) -> None:
    """Parts follow one another as commands do."""
    bench = MultiplyBench(dut)
    await bench.start()
    for _ in range(8):
        given = [*in_parts(bench.random, bench.p), *mix(bench, 1), *in_parts(bench.random, bench.p)]
        await bench.begin(given)
        await bench.settle(given)
        bench.check_cycles(given)


@cocotb.test
async def a_product_adds_five_cycles_to_the_matrix_unit(dut: Any) -> None:
    """Two walks' first words come five cycles after the command; in one command or several."""
    bench = MultiplyBench(dut)
    await bench.start()
    p, side = bench.p, min(4 * bench.p.lanes, bench.p.unit.accumulator_rows)
    whole = product(p, side, side, side)
    tiles = [whole | {"tiles0": 1} for _ in range(whole["tiles0"])]
    for commands in ([whole], tiles):
        await bench.begin(commands)
        await bench.settle(commands)
        bench.check_cycles(commands)
        counts = np.full(sum(tiles_of(c) * passes_of(c) for c in commands), side)
        took = bench.monitors["sums"].moved[-1][0] - bench.monitors["command"].moved[0][0] + 1
        wanted = cycles_of(matrix_unit_of(p), counts) + 5
        enough = rows_needed(matrix_unit_of(p), side) <= p.unit.accumulator_rows
        assert took == wanted or not enough, f"took {took} cycles, the matrix unit and 5: {wanted}"


@cocotb.test
async def a_matrix_vector_product_takes_a_word_of_weights_a_cycle(dut: Any) -> None:
    """In many passes of one vector, all but the way in and out."""
    bench = MultiplyBench(dut)
    await bench.start()
    p = bench.p
    passes = p.unit.pe.group // p.lanes
    command = product(p, 1, passes * p.lanes, 3 * p.lanes)
    await bench.begin([command])
    await bench.settle([command])
    bench.check_cycles([command])
    took = bench.monitors["sums"].moved[-1][0] - bench.monitors["command"].moved[0][0] + 1
    way = 5 + 1 + delivery(matrix_unit_of(p))
    assert took == 3 * passes * words_of_pass(p, command) + way + 1, f"took {took} cycles"


@cocotb.test
@cocotb.parametrize(paused=PAUSES)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = MultiplyBench(dut, **{paused: 0.8})
    await bench.start()
    await bench.run(mix(bench, 12))


@cocotb.test
async def sums_reach_the_ends_of_the_accumulator(dut: Any) -> None:
    """The least and the largest operands, as many passes as a sum may have."""
    bench = MultiplyBench(dut)
    await bench.start()
    p, pe = bench.p, bench.p.unit.pe
    for code, fmt in enumerate((pe.activation, pe.weight)):
        least, largest = (int(fmt.encode(value)) for value in (fmt.min, fmt.max))
        each = fmt.width if code and p.packed_rows > 1 else 8  # bits that a code stands in
        for place, value in ((code, least), (code + 2, largest)):
            bench.scratch[place] = sum(value << bit for bit in range(0, 8, each))
    still = {"count_k0": pe.group // p.lanes, "stride_k0": 0, "top_row_stride": 0, "top_pass_stride": 0}
    whole = product(p, 2, p.lanes, p.lanes) | still
    await bench.run([whole | {"left": left, "top": top} for left in (0, 2) for top in (1, 3)])
    found = {word & (1 << 32) - 1 for word in bench.monitors["sums"].words}
    largest = max(map(abs, integers.products(pe.weight, pe.activation)))
    assert pe.group // p.lanes * p.lanes * largest in found | {(1 << 32) - each for each in found}


@cocotb.test
async def sums_that_nobody_takes_stop_it_and_nothing_is_lost(dut: Any) -> None:
    bench = MultiplyBench(dut, sums=1.0)
    await bench.start()
    p = bench.p
    commands = [product(p, p.unit.accumulator_rows, p.lanes, p.lanes) for _ in range(4)]
    bench.send(commands)
    await bench.cycles(8 * p.unit.accumulator_rows + 20 * p.lanes)
    asked = {name: len(port.accepted) for name, port in bench.ports.items()}
    await bench.cycles(50)
    assert asked == {name: len(port.accepted) for name, port in bench.ports.items()}, "it goes on for ever"
    assert asked["left"] < 3 * p.unit.accumulator_rows, "more rows went in than the unit holds"
    assert high(dut.busy), "not busy with sums inside"
    bench.check()
    bench.pause()
    await bench.settle(commands)


@cocotb.test
@cocotb.parametrize(stuck=["left", "top", "sums"])
async def as_many_commands_as_have_room_and_nothing_is_lost(dut: Any, stuck: str) -> None:
    """Short commands, of a word of packed weights where there are any: each of its own kind."""
    bench = MultiplyBench(dut, **{stuck: 1.0})
    await bench.start()
    p, count = bench.p, bench.p.unit.accumulator_rows
    small = [
        product(p, 1 + (n % 7 == 0), p.lanes, p.lanes, left=n, top=40 + n, transpose=int(n % 23 == 22))
        for n in range(count + 20)
    ]
    bench.send(small)
    await bench.cycles(20 * count + 200)
    taken = len(bench.monitors["command"].moved)
    await bench.cycles(100)
    assert taken == len(bench.monitors["command"].moved) < len(small), f"{taken} commands taken"
    bench.pause()
    await bench.settle(small)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], after=[1, 2, 3])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, after: int) -> None:
    bench = MultiplyBench(dut, **dict.fromkeys(PAUSES, pause))
    await bench.start()
    bench.send(mix(bench, 30))
    await bench.cycles(bench.random.randint(1, 40 * after))
    fresh = mix(bench, 4)
    await bench.begin(fresh)
    before = [unpack(word) for _, word in bench.monitors["command"].before_reset]
    bench.scoreboard(before, [word for _, word in bench.monitors["sums"].before_reset])
    await bench.settle(fresh)


USUAL = {
    "kind": "multiplier", "lanes": 4, "weight": "int8", "activation": "int8", "group": 256, "registers": 0,
    "accumulator_rows": 64, "accumulator_registers": 0,
}  # fmt: skip


def case(name: str, **changed: Any) -> Case:
    """The usual unit but for what is changed."""
    return verilog_case("accelerator/units/matrix", lambda **given: params_of(given), name, **USUAL | changed)


CASES = [
    case("4-int8-int8"),
    case("4-int4-int8-r1", weight="int4", registers=1, accumulator_rows=13),
    case("4-uint1-uint8", weight="uint1", activation="uint8"),
    case("8-int2-int5", lanes=8, weight="int2", activation="int5", accumulator_rows=128),
    case("4-int7-uint3-r2", weight="int7", activation="uint3", registers=2),
    case("4-int8-int8-a1", accumulator_rows=13, accumulator_registers=1),
    case("8-mixpe-int4-int8-r1", kind="mixpe", lanes=8, weight="int4", registers=1, accumulator_rows=32),
    case("16-int8-int8", lanes=16, accumulator_rows=128, group=1024),
    case("16-int4-int8", lanes=16, weight="int4", accumulator_rows=128, group=1024),
]
QUICK = {"verilator": ["4-int8-int8", "4-int4-int8-r1"], "icarus": ["4-uint1-uint8"]}
LONG = {"icarus": ["4-int8-int8", "4-int4-int8-r1"]}
EXTREME = [replace(each, slow=each not in (CASES[0], CASES[-1])) for each in CASES]
MUTANTS = [Faults("4-uint1-uint8", 2)]  # commands of one word: the queue of their kinds fills
MUTANTS += [Faults(name, 3, slow=True) for name in ("4-int8-int8", "4-int4-int8-r1")]
