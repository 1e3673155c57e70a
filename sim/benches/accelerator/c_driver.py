"""The C driver on the accelerator's RTL: its code runs as it is, its register accesses are AXI4-Lite's.

No bench of a block: tests give the driver, compiled, as the parameter `library`.
"""

import ctypes
import logging
from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from golden.accelerator.assembler import Command, pack
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NO_UNIT, Cause, counters
from sim.benches import parameters

MEMORY = 1 << 14
RESULT, PROGRAM = 0x1000, 0x2000
READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
DONE, STOPPED, IDLE, NO_DEVICE, TIMEOUT = 0, 2, 3, -1, -2


class DeviceStruct(ctypes.Structure):
    """struct systola_device."""

    _fields_ = (("read32", READ), ("write32", WRITE), ("context", ctypes.c_void_p))


class FaultStruct(ctypes.Structure):
    """struct systola_fault."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("cause", "unit", "response", "command"))


class Driver:
    """The library's functions, without their first argument and their prefix."""

    def __init__(self, path: str, read32: Callable[[int], int], write32: Callable[[int, int], None]):
        self.library = ctypes.CDLL(path)
        self.library.systola_fault.restype = FaultStruct
        self.library.systola_read_counter.restype = ctypes.c_uint64
        self.library.systola_cause_text.restype = self.library.systola_unit_text.restype = ctypes.c_char_p
        self.device = DeviceStruct(
            READ(lambda context, offset: read32(offset)),
            WRITE(lambda context, offset, value: write32(offset, value)),
            None,
        )

    def __call__(self, name: str, *arguments: int) -> Any:
        """systola_NAME(device, ...)."""
        return getattr(self.library, f"systola_{name}")(ctypes.byref(self.device), *arguments)

    def unit_text(self, unit: int) -> str:
        return str(self.library.systola_unit_text(unit).decode())

    def cause_text(self, cause: int) -> str:
        return str(self.library.systola_cause_text(cause).decode())


def fill(lanes: int, words: int, value: int) -> list[Command]:
    """Bytes of `value` at RESULT: load fills a scratchpad, store writes it back."""
    return [
        Command(
            Opcode.FILL, signal=("store",), fields={"scratch": 3, "words": words, "value": value * 0x101}
        ),
        Command(Opcode.STORE, wait=("load",), fields={"scratch": 3, "words": words, "address": RESULT}),
    ]


@cocotb.test
async def the_driver_runs_programs(dut: Any) -> None:
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 1
    host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=MEMORY)
    for part in (ram.read_if, ram.write_if, host.read_if, host.write_if):
        part.log.setLevel(logging.WARNING)
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)

    async def read32(offset: int) -> int:
        return int(await host.read_dword(offset))

    async def write32(offset: int, value: int) -> None:
        await host.write_dword(offset, value)

    driver = Driver(parameters()["library"], resume(read32), resume(write32))
    ram.write(0, bytes(MEMORY))
    await bridge(use)(driver, dut, ram, parameters()["lanes"])


def load(ram: Any, commands: list[Command]) -> int:
    """The program into memory; how many commands."""
    ram.write(PROGRAM, pack(commands))
    return len(commands)


def use(driver: Driver, dut: Any, ram: Any, lanes: int) -> None:
    """What a program of the user's would do; blocks."""
    assert driver("probe") == DONE and driver("word_bytes") == lanes
    assert driver("state") == IDLE
    for value in (0x5A, 0xC3):
        count = load(ram, [*fill(lanes, 20, value), Command(Opcode.END)])
        driver("start", PROGRAM, count, 1)
        assert driver("wait", 1000) == DONE
        assert ram.read(RESULT, 21 * lanes) == bytes([value]) * 20 * lanes + bytes(lanes)
        assert dut.irq.value == 1
        driver("acknowledge")
        assert driver("state") == DONE
    names = [name for name, _ in counters(AcceleratorParams())]
    found = {name: driver("read_counter", index) for index, name in enumerate(names)}
    assert found["WORDS_WRITTEN"] == 20 and found["WORDS_READ"] == 3 * 64 // lanes
    assert found["COMMANDS_GIVEN"] == 3 and 20 < found["LOAD_BUSY"] < found["CYCLES"] < 1000
    stop(driver, ram, lanes)


def stop(driver: Driver, ram: Any, lanes: int) -> None:
    """Faults, their texts, and recovery."""
    first, second = fill(lanes, 4, 7)
    for commands, cause, unit, index in (
        ([first, second], Cause.ILLEGAL_COMMAND, NO_UNIT, 2),  # no END
        ([second, Command(Opcode.END)], Cause.DEADLOCK, 3, 0),
    ):
        driver("start", PROGRAM, load(ram, commands), 0)
        assert driver("wait", 1000) == STOPPED
        fault = driver("fault")
        assert (fault.cause, fault.unit, fault.response, fault.command) == (cause, unit, 0, index)
        assert cause.name.split("_")[0].lower() in driver.cause_text(fault.cause)
        assert driver("reset", 1000) == IDLE
    driver("set_watchdog", 300)
    driver("start", PROGRAM, load(ram, [first, second, Command(Opcode.END)]), 0)
    assert driver("wait", 1000) == DONE
