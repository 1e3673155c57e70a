"""Bench of load and store units at the memory port and the scratchpad: golden's cycles of each command."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.footprints import scratch_runs
from golden.accelerator.move_timing import LoadTiming, StoreTiming
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units.load import cycles as load_cycles
from golden.accelerator.units.store import cycles as store_cycles
from sim.benches import Case, parameters
from sim.benches.accelerator.moves import BASE, SIZE, Moves, number_of, params_of
from sim.benches.accelerator.units import load as load_bench
from sim.benches.axi.memory import FixedRead, FixedWrite
from sim.benches.stream import Bench, high

UNITS = ("load", "store")


class TimingBench(Bench):
    """Both units, a memory of fixed latency, and golden.

    stored  words that went to memory, in order
    done    cycles by unit
    """

    def __init__(self, dut: Any, latency: int):
        super().__init__(dut, [f"{unit}_unit_command" for unit in UNITS], [])
        self.p, self.latency = params_of(**parameters()), latency
        self.random = Random(f"{self.random.getrandbits(32)} {latency}")
        self.moves = Moves(self.p, self.random)
        self.memory = self.moves.machine.memory.copy()
        self.done: dict[str, list[int]] = {unit: [] for unit in UNITS}
        self.stored: list[int] = []

    async def start(self) -> None:
        await super().start()
        size = self.p.lanes
        parts = (FixedRead(self.dut, self.bytes_at, size, self.latency), FixedWrite(self.dut, self.latency))
        for part in (*(part.run() for part in parts), self.watch()):
            cocotb.start_soon(part)

    def bytes_at(self, address: int, count: int) -> bytes:
        return self.memory[address - BASE :][:count].tobytes()

    async def watch(self) -> None:
        """Pulses, and words on W."""
        dut, cycle = self.dut, 0
        while True:
            await ReadOnly()
            for unit in UNITS:
                assert getattr(dut, f"{unit}_fault").value == 0, f"{unit} faults"
                if high(getattr(dut, f"{unit}_done")):
                    self.done[unit].append(cycle)
            if high(dut.m_axi_wvalid):
                self.stored.append(int(dut.m_axi_wdata.value))
            await RisingEdge(dut.clk)
            cycle += 1

    async def all_done(self, unit: str, count: int) -> list[int]:
        """Cycles of `done`, from the first command accepted on."""
        quiet = before = 0
        # a command of 200 runs of a word each, two of them on the way at a time
        longest = 3000 + 200 * self.latency
        while before < count and quiet < longest:
            now = len(self.done[unit])
            quiet, before = (quiet + 1 if now == before else 0), now
            await RisingEdge(self.dut.clk)
        await self.cycles(10)
        assert len(self.done[unit]) == count, f"{unit}: {len(self.done[unit])} of {count} done"
        first = self.monitors[f"{unit}_unit_command"].moved[0][0]
        return [cycle - first for cycle in self.done[unit]]

    def do(self, unit: str, commands: Sequence[Command], when: Callable[[Command], int]) -> list[int]:
        """Queue commands; cycles of `done` that golden tells, one behind the other."""
        found = []
        for command in commands:
            self.sources[f"{unit}_unit_command"].send([number_of(command)])
            found.append(when(command))
            self.moves.machine.execute(command)
        return found

    def expect(self, unit: str) -> Callable[[Command], int]:
        """Golden's `done` of a command that is offered from the beginning, those before it first."""
        if unit == "store":
            stores = StoreTiming(self.p, self.latency)
            return lambda command: stores.command(command.fields, 0)
        loads = LoadTiming(self.p, self.latency)

        def when(command: Command) -> int:
            numbers = self.moves.numbers(command) if command.opcode == Opcode.GATHER else ()
            return loads.command(command.opcode, command.fields, 0, numbers)

        return when

    async def fill_scratchpad(self) -> None:
        """With what golden has, from memory: the first half of it."""
        words = min(self.p.words, SIZE // self.p.lanes)
        fields = {"address": BASE, "scratch": 0, "words": words}
        self.do("load", [Command(Opcode.LOAD, fields=fields)], lambda _: 0)
        self.moves.machine.scratch[words:] = 0
        if words < self.p.words:
            rest = {"scratch": words, "words": self.p.words - words}
            self.do("load", [Command(Opcode.FILL, fields=rest)], lambda _: 0)
        await self.start()
        await self.all_done("load", 1 + (words < self.p.words))
        self.done["load"].clear()
        self.monitors["load_unit_command"].moved.clear()


def random_loads(bench: TimingBench, count: int) -> list[Command]:
    """LOADs mostly; long runs and short, FILLs and GATHERs among them."""
    found = []
    for _ in range(count):
        bench.moves.longest = bench.random.choice((4, 40, 40, 200))
        kind = bench.random.randrange(8)
        found.append(
            bench.moves.fill() if kind == 0 else bench.moves.gather() if kind == 1
            else bench.moves.move(Opcode.LOAD)
        )  # fmt: skip
    return found


@cocotb.test
@cocotb.parametrize(latency=[1, 7, 50])
async def loads_take_golden_cycles(dut: Any, latency: int) -> None:
    bench = TimingBench(dut, latency)
    await bench.fill_scratchpad()
    golden = bench.do("load", random_loads(bench, 60), bench.expect("load"))
    assert_equal(await bench.all_done("load", len(golden)), golden)


@cocotb.test
@cocotb.parametrize(latency=[1, 7, 50])
async def stores_take_golden_cycles_and_bring_the_words(dut: Any, latency: int) -> None:
    bench = TimingBench(dut, latency)
    await bench.fill_scratchpad()
    commands, words = [], []
    for _ in range(50):
        bench.moves.longest = bench.random.choice((4, 40, 40, 200))
        commands.append(bench.moves.move(Opcode.STORE))
        places = bench.moves.machine.walked(scratch_runs(commands[-1].fields)).ravel()
        words += [int.from_bytes(word.tobytes(), "little") for word in bench.moves.machine.scratch[places]]
    golden = bench.do("store", commands, bench.expect("store"))
    assert_equal(await bench.all_done("store", len(golden)), golden)
    assert bench.stored == words, "words stored are not golden's"


@cocotb.test
@cocotb.parametrize(latency=[1, 50])
async def each_alone_takes_golden_cycles(dut: Any, latency: int) -> None:
    """A command, and the next when it is done."""
    bench = TimingBench(dut, latency)
    await bench.fill_scratchpad()
    loads = [*random_loads(bench, 12), bench.moves.gather(), bench.moves.fill()]
    for unit, commands in (("load", loads), ("store", [bench.moves.move(Opcode.STORE) for _ in range(12)])):
        for command in commands:
            (golden,) = bench.do(unit, [command], lambda each: alone(bench, each))
            found = await bench.all_done(unit, 1)
            assert_equal([found[0] + 1], [golden])
            bench.done[unit].clear()
            bench.monitors[f"{unit}_unit_command"].moved.clear()


def alone(bench: TimingBench, command: Command) -> int:
    """Golden's cycles of one command."""
    if command.opcode == Opcode.STORE:
        return store_cycles(bench.p, command.fields, bench.latency)
    numbers = bench.moves.numbers(command) if command.opcode == Opcode.GATHER else ()
    return load_cycles(bench.p, command.opcode, command.fields, bench.latency, numbers)


def assert_equal(found: list[int], golden: list[int]) -> None:
    for index, (one, other) in enumerate(zip(found, golden, strict=True)):
        assert one == other, f"command {index} is done in cycle {one}, golden {other}"


def whole(p: AcceleratorParams) -> Any:
    """A definition of both units with port and scratchpad, whose other clients are silent."""
    from amaranth.hdl import Module
    from amaranth.lib import stream, wiring
    from amaranth.lib.wiring import In, Out

    from golden.accelerator.commands import BITS
    from hw.accelerator import memory_port, scratchpad, units
    from hw.board import Board
    from hw.emit import Definition

    port, pad = memory_port.definition(p), scratchpad.definition(p)
    both = {name: units.definition(p, name) for name in UNITS}

    class Whole(wiring.Component):  # type: ignore[misc]
        uses = (port, pad, *both.values())

        def __init__(self) -> None:
            super().__init__(
                {
                    "m_axi": port.component.signature.members["m_axi"],
                    **{f"{unit}_unit_command": In(stream.Signature(BITS)) for unit in UNITS},
                    **{f"{unit}_{end}": Out(1) for unit in UNITS for end in ("done", "fault")},
                }
            )

        def elaborate(self, platform: Any) -> Module:
            m = Module()
            board = Board(m, self)
            memory, words = board.place(port, "port"), board.place(pad, "scratchpad")
            board.connect(wiring.flipped(self.m_axi), memory.m_axi)
            for name, definition in both.items():
                unit = board.place(definition, name)
                board.connect(wiring.flipped(getattr(self, f"{name}_unit_command")), unit.command)
                board.connect(unit.memory, getattr(memory, name))
                for end in ("done", "fault"):
                    board.tie(getattr(self, f"{name}_{end}"), getattr(unit, end))
                for member in unit.scratch.signature.members:
                    board.connect(getattr(unit.scratch, member), getattr(words, member))
            return m  # nobody drives what is silent

    return Definition(f"moving_{p.lanes}_{p.outstanding}", Whole())


def case(**given: int) -> Case:
    """Units, port and scratchpad."""

    def build() -> tuple[str, str]:
        from hw.emit import verilog

        block = whole(params_of(**given))
        return verilog(block), block.name

    return Case(f"{given['lanes']}-o{given['outstanding']}", build, given)


CASES = [case(**each.parameters) for each in load_bench.CASES]
QUICK = {"icarus": (), "verilator": ["4-o4"]}
EXTREME = ()  # of these units and the port, each bench has its own
MUTANTS = ()
