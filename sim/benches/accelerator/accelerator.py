"""Bench of hw.accelerator.accelerator: cocotbext-axi's AxiLiteMaster drives it, its AxiRam is the memory.

Whole programs, random but well formed, from start to interrupt; memory afterwards is what the interpreter
leaves, whatever each channel of the bus stalls. And programs that are none: the cause, a reset, another run.
"""

import logging
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from golden.accelerator import races
from golden.accelerator.assembler import Command, pack
from golden.accelerator.commands import Opcode
from golden.accelerator.machine import Machine
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import Cause, registers
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from sim.benches import parameters, seed, verilog_case
from sim.benches.accelerator.whole_programs import Maker
from sim.benches.axi.parts import pausing

MEMORY = 1 << 16


def params_of(
    lanes: int, weight: int, accumulator_rows: int, bank_words: int, functions: list[str]
) -> AcceleratorParams:
    """The design of a case."""
    unit = MatrixUnitParams(
        rows=lanes, cols=lanes, accumulator_rows=accumulator_rows,
        pe=MultiplierParams(weight=Int(weight), activation=Int(8), group=1 << 10),
    )  # fmt: skip
    return AcceleratorParams(
        unit=unit, banks=4, bank_words=bank_words, queue=4, outstanding=8, read_buffer=64,
        functions=tuple(functions),
    )  # fmt: skip


class AcceleratorBench:
    """The accelerator with a host and a memory.

    stall  probability of a pause on each channel of the memory's bus, in each cycle
    """

    def __init__(self, dut: Any, stall: float = 0.0):
        self.dut, self.stall = dut, stall
        self.p = params_of(**parameters())
        self.random = Random(f"{seed()} {stall}")
        self.offsets = {register.name: register.offset for register in registers(self.p)}

    async def start(self) -> None:
        """Clock, reset, host and memory."""
        dut = self.dut
        Clock(dut.clk, 10, unit="ns").start()
        dut.rst.value = 1
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=MEMORY)
        reading, writing = self.ram.read_if, self.ram.write_if
        for part in (reading, writing, self.host.read_if, self.host.write_if):
            part.log.setLevel(logging.WARNING)  # or a line for each burst
        if self.stall:
            for part in (reading.ar_channel, reading.r_channel,
                         writing.aw_channel, writing.w_channel, writing.b_channel):  # fmt: skip
                part.set_pause_generator(pausing(self.random, self.stall))
        await ClockCycles(dut.clk, 3)
        await RisingEdge(dut.clk)
        dut.rst.value = 0
        await RisingEdge(dut.clk)

    async def write(self, name: str, value: int) -> None:
        await self.host.write_dword(self.offsets[name], value)

    async def read(self, name: str) -> int:
        return int(await self.host.read_dword(self.offsets[name]))

    async def begin(self, commands: int, address: int = 0) -> None:
        """Everything up to the start."""
        await self.write("PROGRAM", address)
        await self.write("COMMANDS", commands)
        await self.write("INTERRUPT_ENABLE", 3)
        await self.write("CONTROL", 1)

    async def interrupt(self, within: int = 400_000) -> int:
        """Wait for it, clear it; the events."""
        if self.dut.irq.value != 1:
            await with_timeout(RisingEdge(self.dut.irq), within * 10, "ns")
        events = await self.read("INTERRUPT_STATUS")
        await self.write("INTERRUPT_STATUS", events)
        await ClockCycles(self.dut.clk, 4)
        assert self.dut.irq.value == 0, "the interrupt was cleared and stands"
        return events

    async def recover(self) -> None:
        """Reset through the register, until it is not busy."""
        await self.write("CONTROL", 2)
        for _ in range(2000):
            if await self.read("STATUS") & 1 == 0:
                return
        raise AssertionError("the reset never ended")

    async def run(self, maker: Maker) -> None:
        """A well-formed program: done, and the memory is golden's."""
        faults = races.check(self.p, maker.commands)
        assert not faults, faults
        self.ram.write(0, maker.memory.tobytes())
        await self.begin(len(maker.commands))
        events = await self.interrupt()
        status, cause = await self.read("STATUS"), await self.read("CAUSE")
        assert (events, status) == (1, 2), f"events {events}, status {status:#x}, cause {cause:#x}"
        self.compare(maker)
        given = await self.read("COMMANDS_GIVEN_LO")
        assert given == len(maker.commands), f"{given} commands were given, not {len(maker.commands)}"

    def compare(self, maker: Maker) -> None:
        """The memory, byte by byte."""
        golden = maker.memory.copy()
        Machine(self.p, golden).run(0, len(maker.commands))
        found = self.ram.read(0, MEMORY)
        wrong = [i for i, byte in enumerate(golden.tolist()) if found[i] != byte]
        first = wrong[0] if wrong else 0
        told = f"the first at {first:#x}: {found[first]}, golden {golden[first]}"
        assert not wrong, f"{len(wrong)} bytes differ, {told}"


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.001, 0.1, 0.5])
async def programs_leave_what_golden_does(dut: Any, stall: float) -> None:
    bench = AcceleratorBench(dut, stall)
    await bench.start()
    assert await bench.read("ID") == 0x53595354
    for _ in range(3):
        await bench.run(Maker(bench.p, bench.random, MEMORY, 12))


@cocotb.test
async def a_reset_in_mid_flight_leaves_nothing_behind(dut: Any) -> None:
    bench = AcceleratorBench(dut, 0.2)
    await bench.start()
    for cycles in (40, 150, 500, 1500):
        maker = Maker(bench.p, bench.random, MEMORY, 16)
        bench.ram.write(0, maker.memory.tobytes())
        await bench.begin(len(maker.commands))
        await ClockCycles(dut.clk, cycles)
        await bench.recover()
        assert await bench.read("STATUS") == 0
        await bench.write("INTERRUPT_STATUS", 3)
        await bench.run(Maker(bench.p, bench.random, MEMORY, 4))


@cocotb.test
async def what_was_fetched_for_nothing_is_forgotten(dut: Any) -> None:
    """Programs at addresses that are none, and others; resets between; an interrupt for each that runs."""
    bench = AcceleratorBench(dut, 0.1)
    await bench.start()
    rises = 0

    async def count() -> None:
        nonlocal rises
        while True:
            await RisingEdge(dut.irq)
            rises += 1

    cocotb.start_soon(count())
    for index, address in enumerate((1, 2, 0, bench.p.lanes + 2, (1 << 32) - 1, 64, 3)):
        await bench.write("PROGRAM", address)
        await bench.write("COMMANDS", bench.random.choice((1, 5, 300, (1 << 24) - 1)))
        await ClockCycles(dut.clk, bench.random.choice((1, 3, 9, 80)))
        if index % 3 == 2:
            await bench.recover()
        await bench.run(Maker(bench.p, bench.random, MEMORY, 1))
        assert rises == index + 1, f"{rises} interrupts, {index + 1} programs"


def hopeless(p: AcceleratorParams) -> dict[str, tuple[bytes, Cause, int]]:
    """Programs that no one can run: commands, the cause, and which command is to blame."""
    load = Command(Opcode.LOAD, fields={"address": 0x1000, "words": 4})
    end = Command(Opcode.END)
    top = (1 << 32) - 2 * p.lanes
    far = Command(Opcode.LOAD, fields={"address": top, "words": 4})
    crooked = Command(Opcode.LOAD, fields={"address": 0x1001, "words": 4})
    beyond = Command(Opcode.STORE, fields={"address": top, "words": 4})
    never = Command(Opcode.STORE, wait=("vector",), fields={"address": 0x2000})
    sums = Command(Opcode.MAP, fields={"out_kind": 1})
    number = Command(Opcode.GATHER, fields={"limit": 0, "address": 0x1000})
    raw = bytearray(pack([load]))
    raw[60] = 1
    return {
        "no opcode": (pack([load]) + bytes(64), Cause.ILLEGAL_COMMAND, 1),
        "bits beyond fields": (bytes(raw) + pack([end]), Cause.ILLEGAL_COMMAND, 0),
        "no end": (pack([load]), Cause.ILLEGAL_COMMAND, 1),
        "an address outside memory": (pack([load, far, end]), Cause.LOAD_ERROR, 1),
        "an address in mid-word": (pack([load, crooked, end]), Cause.LOAD_ERROR, 1),
        "a result outside memory": (pack([load, beyond, end]), Cause.STORE_ERROR, 1),
        "a token that never comes": (pack([load, never, end]), Cause.DEADLOCK, 1),
        "sums that never come": (pack([load, sums, end]), Cause.DEADLOCK, 1),
        "a row that the table has not": (pack([load, number, end]), Cause.ROW_NUMBER, 1),
    }


@cocotb.test
async def hopeless_programs_stop_with_their_cause(dut: Any) -> None:
    bench = AcceleratorBench(dut, 0.1)
    await bench.start()
    await bench.write("WATCHDOG", 3000)
    for name, (program, cause, blamed) in hopeless(bench.p).items():
        bench.ram.write(0, program + bytes(4096 - len(program)))
        await bench.begin(len(program) // 64)
        assert await bench.interrupt() == 2, name
        found, index = await bench.read("CAUSE") & 15, await bench.read("FAULT_COMMAND")
        assert await bench.read("STATUS") & 4, name
        assert (found, index) == (cause, blamed), f"{name}: {Cause.of(found)!r} of command {index}"
        await bench.recover()
        await bench.run(Maker(bench.p, bench.random, MEMORY, 2))


case = partial(verilog_case, "accelerator/accelerator", params_of)
FULL = ["gelu", "silu", "sigmoid", "tanh"]
CASES = [
    case("4x4", lanes=4, weight=8, accumulator_rows=64, bank_words=512, functions=["gelu"]),
    case("4x4-w4", lanes=4, weight=4, accumulator_rows=32, bank_words=512, functions=[]),
    case("16x16", lanes=16, weight=8, accumulator_rows=128, bank_words=512, functions=FULL),
]
QUICK = {"verilator": ["4x4"]}
LONG = {"icarus": ["4x4-w4"]}
EXTREME = [
    verilog_case(
        "accelerator/accelerator", lambda p: p, "4x4-no-functions",
        p=AcceleratorParams(
            unit=MatrixUnitParams(
                rows=4, cols=4, accumulator_rows=4,
                pe=MultiplierParams(weight=Int(2), activation=Int(4), group=1 << 10),
            ),
            banks=2, bank_words=128, queue=2, outstanding=2, read_buffer=16, functions=(),
        ),
    ),
    CASES[0],
    replace(CASES[2], slow=True),
]  # fmt: skip
MUTANTS = ()  # its parts have theirs, and the whole takes minutes a fault
