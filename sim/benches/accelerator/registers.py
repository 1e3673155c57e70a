"""Bench of hw.accelerator.registers: cocotbext-axi's AxiLiteMaster writes and reads what the table says."""

from functools import partial
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import ADDRESS_BITS, FIRST_COUNTER, Bits, Register, counters, registers
from sim.benches import Faults, parameters, seed, verilog_case
from sim.benches.accelerator import extremes
from sim.benches.accelerator.control_bench import make_params
from sim.benches.axi.parts import pausing

WHOLE = (1 << 32) - 1


class RegistersBench:
    """The block, a master, and what each field should hold.

    held    by register and field: what was written, or the events that came
    pulses  cycles in which each stood
    """

    def __init__(self, dut: Any, pause: float = 0.0):
        self.dut, self.pause = dut, pause
        self.p: AcceleratorParams = make_params(**parameters())
        self.random = Random(f"{seed()} {pause}")
        self.registers = registers(self.p)
        self.by_name = {register.name: register for register in self.registers}
        self.held: dict[tuple[str, str], int] = {}
        self.pulses = {"control_start": 0, "control_reset": 0}
        self.inputs = {
            self.port(register, field): field.width
            for register in self.registers
            for field in register.fields
            if field.access in ("read", "event") and not register.constant and register.offset < FIRST_COUNTER
        }

    def port(self, register: Register, field: Bits) -> str:
        return f"{register.name}_{field.name}".lower()

    async def begin(self) -> None:
        """Clock, reset, master."""
        Clock(self.dut.clk, 10, unit="ns").start()
        for name in self.inputs:
            getattr(self.dut, name).value = 0
        self.dut.counters.value = 0
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            getattr(self.dut, f"s_axil_{name}").value = 0
        await self.reset()
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(self.dut, "s_axil"), self.dut.clk, self.dut.rst)
        write, read = self.master.write_if, self.master.read_if
        if self.pause:
            for part in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel):
                part.set_pause_generator(pausing(Random(self.random.random()), self.pause))
        cocotb.start_soon(self.watch())

    async def reset(self) -> None:
        """One cycle."""
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        every = [(register, field) for register in self.registers for field in register.fields]
        self.held = {(register.name, field.name): field.reset for register, field in every}

    async def watch(self) -> None:
        """Count cycles of pulses."""
        while True:
            await ReadOnly()
            for name in self.pulses:
                self.pulses[name] += int(getattr(self.dut, name).value)
            await RisingEdge(self.dut.clk)

    async def write(self, address: int, data: bytes) -> None:
        """Some bytes of one register; `held` follows."""
        done = await self.master.write(address, data)
        register = next((r for r in self.registers if r.offset == address // 4 * 4), None)
        wanted = AxiResp.SLVERR if register is None else AxiResp.OKAY
        assert done.resp == wanted, f"{address:#x}: {done.resp}"
        if register is None:
            return
        low = address % 4 * 8
        mask = (1 << 8 * len(data)) - 1 << low
        word = int.from_bytes(data, "little") << low
        for field in register.fields:
            key, every = (register.name, field.name), (1 << field.width) - 1
            ones, chosen = word >> field.low & every, mask >> field.low & every
            if field.access == "write":
                self.held[key] = self.held[key] & ~chosen | ones & chosen
            elif field.access == "event":
                self.held[key] &= ~(ones & chosen)

    async def read(self, address: int) -> int:
        """One register."""
        done = await self.master.read(address, 4)
        known = any(register.offset == address for register in self.registers)
        assert done.resp == (AxiResp.OKAY if known else AxiResp.SLVERR), f"{address:#x}: {done.resp}"
        return int.from_bytes(done.data, "little")

    def wanted(self, register: Register) -> int:
        """The value that a register before the counters should read."""
        word = 0
        for field in register.fields:
            if field.access == "read" and not register.constant:
                value = int(getattr(self.dut, self.port(register, field)).value)
            else:
                value = 0 if field.access == "pulse" else self.held[register.name, field.name]
            word |= value << field.low
        return word

    async def check(self) -> None:
        """All registers but the counters, and the outputs."""
        for register in self.registers:
            if register.offset < FIRST_COUNTER:
                found, wanted = await self.read(register.offset), self.wanted(register)
                assert found == wanted, f"{register.name} is {found:#x}, expected {wanted:#x}"
                for field in register.fields:
                    if field.access == "write" and register.name != "INTERRUPT_ENABLE":
                        output = int(getattr(self.dut, self.port(register, field)).value)
                        assert output == self.held[register.name, field.name], self.port(register, field)
        names = ("done", "error")
        wanted_irq = any(
            self.held["INTERRUPT_STATUS", name] and self.held["INTERRUPT_ENABLE", name] for name in names
        )
        assert int(self.dut.irq.value) == wanted_irq, f"irq is {self.dut.irq.value}"

    async def event(self, name: str) -> None:
        """An event, for a cycle."""
        port = getattr(self.dut, f"interrupt_status_{name}")
        await RisingEdge(self.dut.clk)
        port.value = 1
        await RisingEdge(self.dut.clk)
        port.value = 0
        self.held["INTERRUPT_STATUS", name] = 1

    def draw_inputs(self) -> None:
        """Other values on what the hardware shows."""
        for name, width in self.inputs.items():
            if not name.startswith("interrupt_status"):
                getattr(self.dut, name).value = self.random.getrandbits(width)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def registers_hold_what_the_table_says(dut: Any, pause: float) -> None:
    bench = RegistersBench(dut, pause)
    await bench.begin()
    await bench.check()
    for _ in range(40):
        register = bench.random.choice(bench.registers)
        first = bench.random.randrange(4)
        data = bench.random.randbytes(bench.random.randint(1, 4 - first))
        if bench.random.random() < 0.5:
            await bench.event(bench.random.choice(("done", "error")))
        await bench.write(register.offset + first, data)
        bench.draw_inputs()
        await ClockCycles(dut.clk, 2)
        await bench.check()


@cocotb.test
async def every_byte_is_written_alone(dut: Any) -> None:
    bench = RegistersBench(dut)
    await bench.begin()
    for register in bench.registers:
        for data in (0xFF, 0x00):
            for byte in range(4):
                await bench.event("done")
                await bench.event("error")
                await bench.write(register.offset + byte, bytes([data]))
                await bench.check()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.4])
async def addresses_beyond_the_table_are_errors(dut: Any, pause: float) -> None:
    bench = RegistersBench(dut, pause)
    await bench.begin()
    known = {register.offset for register in bench.registers}
    end = max(known) + 4
    others = [o for o in range(0, end + 64, 4) if o not in known]
    others += [1 << bit | low for bit in range(8, ADDRESS_BITS) for low in (0, 4, 8, 0x40)]
    for address in others:
        assert await bench.read(address) == 0
        await bench.write(address, bench.random.randbytes(4))
    await bench.check()
    assert bench.pulses == {"control_start": 0, "control_reset": 0}


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def writes_of_the_program_are_told(dut: Any, pause: float) -> None:
    """For a cycle, in which the register shows what it now holds; of other registers nothing is told."""
    bench = RegistersBench(dut, pause)
    bench.pulses |= {"program_written": 0, "commands_written": 0}
    await bench.begin()
    told = {"PROGRAM": 0, "COMMANDS": 0}
    seen: list[int] = []

    async def watch() -> None:
        while True:
            await ReadOnly()
            if dut.commands_written.value == 1:
                seen.append(int(dut.commands_most.value))
            await RisingEdge(dut.clk)

    cocotb.start_soon(watch())
    for _ in range(40):
        name = bench.random.choice(("PROGRAM", "COMMANDS", "WATCHDOG", "INTERRUPT_ENABLE", "CAUSE"))
        data = bench.random.randbytes(bench.random.choice((1, 4)))
        before = len(seen)
        await bench.write(bench.by_name[name].offset, data)
        await ClockCycles(dut.clk, 4)
        if name in told:
            told[name] += 1
        if name == "COMMANDS":
            assert seen[before:] == [bench.held["COMMANDS", "most"]], f"{seen[before:]}"
        found = {name: bench.pulses[f"{name.lower()}_written"] for name in told}
        assert found == told, f"{found}, written {told}"


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def a_pulse_stands_for_one_cycle(dut: Any, pause: float) -> None:
    bench = RegistersBench(dut, pause)
    await bench.begin()
    for data, start, reset in ((1, 1, 0), (2, 1, 1), (3, 2, 2), (0, 2, 2), (0xFC, 2, 2)):
        await bench.write(bench.by_name["CONTROL"].offset, bytes([data]))
        await ClockCycles(dut.clk, 8)
        assert bench.pulses == {"control_start": start, "control_reset": reset}, f"{bench.pulses}"
    await bench.write(bench.by_name["CONTROL"].offset + 1, b"\xff\xff\xff")
    await ClockCycles(dut.clk, 8)
    assert bench.pulses == {"control_start": 2, "control_reset": 2}


@cocotb.test
async def an_upper_half_is_that_of_the_lower_one_read_before(dut: Any) -> None:
    bench = RegistersBench(dut)
    await bench.begin()
    for _ in range(2):
        names = [name for name, _ in counters(bench.p)]
        for index, name in enumerate(names):
            value = bench.random.getrandbits(64)
            others = bench.random.getrandbits(64 * len(names)) & ~((1 << 64) - 1 << 64 * index)
            dut.counters.value = others | value << 64 * index
            await RisingEdge(dut.clk)
            low = await bench.read(FIRST_COUNTER + 8 * index)
            dut.counters.value = bench.random.getrandbits(64 * len(names))
            await bench.read(bench.by_name["STATUS"].offset)
            high = await bench.read(FIRST_COUNTER + 8 * index + 4)
            assert low | high << 32 == value, f"{name} is {low | high << 32:#x}, expected {value:#x}"


@cocotb.test
@cocotb.parametrize(first=["aw", "w"])
async def address_and_data_come_in_any_order(dut: Any, first: str) -> None:
    bench = RegistersBench(dut)
    await bench.begin()
    slow = {"aw": bench.master.write_if.w_channel, "w": bench.master.write_if.aw_channel}[first]
    for value in (0x12345678, 0x9ABCDEF0):
        slow.pause = True
        writing = cocotb.start_soon(bench.write(bench.by_name["PROGRAM"].offset, value.to_bytes(4, "little")))
        await ClockCycles(dut.clk, 20)
        assert int(dut.program_address.value) != value and not writing.done()
        slow.pause = False
        await writing
        await bench.check()


@cocotb.test
async def answers_wait_for_their_master(dut: Any) -> None:
    bench = RegistersBench(dut)
    await bench.begin()
    write, read = bench.master.write_if, bench.master.read_if
    write.b_channel.pause = read.r_channel.pause = True
    offset = bench.by_name["PROGRAM"].offset
    writes = [cocotb.start_soon(bench.master.write(offset, bytes([i, 0, 0, 0]))) for i in (1, 2, 3)]
    reads = [cocotb.start_soon(bench.master.read(bench.by_name[name].offset, 4)) for name in ("ID", "DESIGN")]
    await ClockCycles(dut.clk, 30)
    assert dut.s_axil_bvalid.value == 1 and dut.s_axil_rvalid.value == 1
    assert int(dut.program_address.value) == 1, "a second write happened before the first was answered"
    write.b_channel.pause = read.r_channel.pause = False
    for each in writes:
        assert (await each).resp == AxiResp.OKAY
    found = [int.from_bytes((await each).data, "little") for each in reads]
    assert found == [bench.wanted(bench.by_name[name]) for name in ("ID", "DESIGN")]
    assert int(dut.program_address.value) == 3


@cocotb.test
@cocotb.parametrize(name=["done", "error"])
async def an_event_of_one_cycle_around_its_clearing(dut: Any, name: str) -> None:
    """At each offset: what came before it is gone, what came in its cycle or later stays and interrupts."""
    bench = RegistersBench(dut)
    await bench.begin()
    offset = bench.by_name["INTERRUPT_STATUS"].offset
    await bench.write(bench.by_name["INTERRUPT_ENABLE"].offset, b"\x03")
    bits = {"done": 1, "error": 2}
    seen = set()
    for at in range(12):
        await bench.event(name)
        writing = cocotb.start_soon(bench.master.write(offset, bytes([bits[name]])))
        answered = came = cycle = 0
        while not (answered and came and writing.done()):
            await RisingEdge(dut.clk)
            cycle += 1
            getattr(dut, f"interrupt_status_{name}").value = int(cycle == at + 1)
            await ReadOnly()
            if cycle == at + 1:
                came = cycle
            if not answered and dut.s_axil_bvalid.value == 1:
                answered = cycle
        clearing = answered - 1  # B stands in the cycle after
        stays = came >= clearing
        seen.add(min(1, max(-1, came - clearing)))
        bench.held["INTERRUPT_STATUS", name] = int(stays)
        await ClockCycles(dut.clk, 3)
        await bench.check()
        await bench.write(offset, b"\x03")
    assert seen == {-1, 0, 1}, f"the event came before, in or after the clearing's cycle: {seen}"


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def an_event_that_goes_on_is_set_again(dut: Any, pause: float) -> None:
    """Events every cycle: cleared, it stands again."""
    bench = RegistersBench(dut, pause)
    await bench.begin()
    await bench.write(bench.by_name["INTERRUPT_ENABLE"].offset, b"\x03")
    dut.interrupt_status_done.value = 1
    await RisingEdge(dut.clk)
    await bench.write(bench.by_name["INTERRUPT_STATUS"].offset, b"\x03")
    assert await bench.read(bench.by_name["INTERRUPT_STATUS"].offset) == 1
    dut.interrupt_status_done.value = 0
    bench.held["INTERRUPT_STATUS", "done"] = 1
    await RisingEdge(dut.clk)
    await bench.check()
    await bench.write(bench.by_name["INTERRUPT_STATUS"].offset, b"\x01")
    await ClockCycles(dut.clk, 2)
    await bench.check()
    for cleared in (1, 2):
        for enabled in (1, 2, 3):
            await bench.write(bench.by_name["INTERRUPT_ENABLE"].offset, bytes([enabled]))
            await bench.event("done")
            await bench.event("error")
            await bench.write(bench.by_name["INTERRUPT_STATUS"].offset, bytes([cleared]))
            await ClockCycles(dut.clk, 2)
            await bench.check()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float) -> None:
    bench = RegistersBench(dut, pause)
    await bench.begin()
    for _ in range(8):
        for register in bench.registers[:9]:
            cocotb.start_soon(bench.master.write(register.offset, b"\xff\xff\xff\xff"))
            cocotb.start_soon(bench.master.read(register.offset, 4))
        dut.interrupt_status_done.value = 1
        await ClockCycles(dut.clk, bench.random.randint(4, 30))
        dut.interrupt_status_done.value = 0
        await bench.reset()
        await ClockCycles(dut.clk, 3)
        bench.pulses.update(control_start=0, control_reset=0)
        await bench.check()
        assert bench.pulses == {"control_start": 0, "control_reset": 0}


case = partial(verilog_case, "accelerator/registers", make_params)
CASES = [
    case("l16", lanes=16, queue=8, rows=1024, functions=4),
    case("l4", lanes=4, queue=3, rows=40, functions=0),
]
QUICK = {"icarus": ["l4"], "verilator": ["l16"]}
LONG = {"icarus": ["l16"]}
EXTREME = extremes("accelerator/registers")
MUTANTS = [Faults("l4", 2), Faults("l16", 3, slow=True)]
