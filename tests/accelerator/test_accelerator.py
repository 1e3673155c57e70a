"""The whole accelerator, compiled: products of any size and width at any pace of the bus; what stops it."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from golden.accelerator import races
from golden.accelerator.accelerator import AcceleratorParams, Fault, Machine
from golden.accelerator.assembler import Command, pack, unpack
from golden.accelerator.commands import Opcode
from golden.accelerator.registers import Cause
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from mapping.backends.program.compiler import Program, compile
from mapping.ir.encodings import Affine
from mapping.ir.graph import CodedNetwork
from mapping.run.quantised import run
from sim.accelerator import CHANNELS, Bus, RtlModel, RtlOutcome
from tests.mapping.backends.program.gemm import gemm

sys.path.insert(0, str(Path(__file__).parent))
from programs import SMALL

pytestmark = pytest.mark.rtl

EDGES = (1, 2, 3, 4, 5, 15, 16, 17, 64, 65)
WAYS = ((1, 1, 1), (1, 70, 70), (9, 9, 60), (17, 16, 15), (65, 17, 64))
STALLS = (0.001, 0.1, 0.5)
BUSES = {"0": Bus()} | {
    f"{name}-{stall}": Bus(stalls=stall if name == "all" else {name: stall})
    for name in (*CHANNELS, "all")
    for stall in STALLS
}
INT8 = "int8-int8"
# weight-activation; weights of 1, 2 and 4 bits stand packed in memory, the others a byte each
WIDTHS = {
    f"{weight}-{activation}": MultiplierParams(weight=weight, activation=activation, group=1 << 12)
    for weight, activation in (
        *((Int(width), Int(8)) for width in range(1, 9)),
        (Int(8, signed=False), Int(8, signed=False)),
        (Int(4, signed=False), Int(8)),
        (Int(2), Int(4)),
        (Int(5), Int(7, signed=False)),
        (Int(1, signed=False), Int(1, signed=False)),
    )
}
QUICK = (INT8, "int2-int8", "uint8-uint8")
WIDE = (INT8, "int4-int8", "int2-int8", "int1-int8", "int5-uint7")  # each way that weights are packed
# one channel's stalls are the bus's, whatever the weights are
RUNS = [
    pytest.param(width, bus, marks=[] if width in QUICK else pytest.mark.slow)
    for width in WIDTHS for bus in BUSES
    if width in QUICK or bus in ("0", *(f"all-{stall}" for stall in STALLS))
]  # fmt: skip
START, RESET = 1, 2  # of CONTROL


def small(width: str) -> AcceleratorParams:
    """4x4."""
    return replace(SMALL, functions=(), unit=replace(SMALL.unit, pe=WIDTHS[width]))


def usual(width: str) -> AcceleratorParams:
    """16x16."""
    p = AcceleratorParams()
    return replace(p, unit=replace(p.unit, pe=WIDTHS[width]))


@cache
def accelerator(p: AcceleratorParams) -> RtlModel:
    return RtlModel(p, np.zeros(64, np.uint8))


def sizes(count: int, seed: int) -> list[tuple[int, int, int]]:
    """Of products: a few that take each way of the compiler; 1 to 70, half of them at an edge."""
    random = np.random.default_rng(seed)
    drawn = np.where(random.random((count, 3)) < 0.5, random.choice(EDGES, (count, 3)),
                     random.integers(1, 71, (count, 3)))  # fmt: skip
    return [*WAYS, *((m, n, k) for m, n, k in drawn.tolist())][:count]


def network_of(p: AcceleratorParams, size: tuple[int, int, int]) -> CodedNetwork:
    """A product of random weights in the PE's format."""
    weight, activation = p.unit.pe.weight, p.unit.pe.activation
    network = gemm(*size, seed=sum(size), bits=weight.width)
    (product,) = network.operations
    weights = np.random.default_rng(size).integers(weight.min, weight.max + 1, product.weights.shape)
    x = replace(network.tensors["x"], encoding=Affine.whole("int8" if activation.signed else "uint8"))
    return replace(
        network, operations=(replace(product, weights=weights),), tensors={**network.tensors, "x": x}
    )


class Run:
    """A product as a program, with its operand and what memory holds afterwards: the network's result."""

    def __init__(self, p: AcceleratorParams, size: tuple[int, int, int]):
        network, codes = network_of(p, size), p.unit.pe.activation
        self.p, self.program = p, compile(network, p)
        x = np.random.default_rng(size).integers(codes.min, codes.max + 1, network.tensors["x"].shape)
        self.memory = self.program.memory.copy()
        self.program.write(self.memory, "x", x)
        self.wanted = self.memory.copy()
        Machine(p, self.wanted, self.program.base).run(self.program.address, self.program.count)
        equal = self.program.read(self.wanted, "y") == run(network, p, {"x": x})["y"]
        assert equal.all(), f"{self.program.name}: not what the network says"

    def check(self, bus: Bus) -> RtlOutcome:
        """The RTL leaves just that in memory."""
        memory = self.memory.copy()
        device = accelerator(self.p)
        device.attach(memory, self.program.base)
        result = device.run(self.program.address, self.program.count, bus)
        name = self.program.name
        assert result.cause == Cause.NONE, f"{name}: {result.cause.name}, command {result.command}"
        wrong = np.flatnonzero(memory != self.wanted)
        assert not len(wrong), f"{name}: {len(wrong)} bytes differ, the first at {wrong[0]:#x}"
        return result


@cache
def prepared(p: AcceleratorParams, count: int, seed: int = 1) -> list[Run]:
    return [Run(p, size) for size in sizes(count, seed)]


@pytest.mark.parametrize("width, bus", RUNS)
def test_products_are_exact_whatever_the_bus_stalls(width, bus):
    for each in prepared(small(width), 12):
        each.check(BUSES[bus])


@pytest.mark.slow
@pytest.mark.parametrize("bus", ["0", "all-0.1", "all-0.5"])
@pytest.mark.parametrize("width", WIDE)
def test_products_are_exact_on_16x16(width, bus):
    for each in prepared(usual(width), 12):
        each.check(BUSES[bus])


@pytest.mark.parametrize("width", QUICK)
def test_programs_of_many_sizes_say_what_the_network_does(width):
    for size in sizes(80, 11):
        Run(small(width), size)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 4))
@pytest.mark.parametrize("width", WIDTHS)
def test_products_of_many_sizes_are_exact(width, seed):
    for number, each in enumerate(prepared(small(width), 25, seed)):
        each.check(Bus(stalls=(0.0, *STALLS)[number % 4], seed=seed))


@pytest.mark.parametrize("seed", range(10))
def test_products_are_exact_at_any_latency_and_bandwidth(seed):
    random = np.random.default_rng(seed)
    for each in prepared(small(INT8), 12):
        read, write = random.integers(1, 201, 2).tolist()
        bandwidth = ((1, 1), (1, 2), (1, 4))[random.integers(3)]
        each.check(Bus(read_latency=read, write_latency=write, bandwidth=bandwidth, seed=seed))


def test_stalls_and_bandwidth_cost_cycles():
    each = Run(small(INT8), (17, 16, 15))
    took = [each.check(bus).cycles for bus in (Bus(), Bus(stalls=0.1), Bus(stalls=0.5))]
    assert took == sorted(set(took))
    took = [each.check(Bus(bandwidth=(1, cycles))).cycles for cycles in (1, 2, 4)]
    assert took == sorted(set(took))


# Faults: a product that is broken, and behind a reset by register the whole one.


@cache
def whole() -> Run:
    return Run(small(INT8), (9, 10, 11))


def commands() -> list[Command]:
    return unpack(whole().program.commands)


def first(opcode: Opcode) -> int:
    return next(i for i, each in enumerate(commands()) if each.opcode == opcode)


def changed(number: int, **fields: int) -> bytes:
    """The program with other fields in one command."""
    given = commands()
    given[number] = replace(given[number], fields={**given[number].fields, **fields})
    return pack(given)


def without_signals(given: Sequence[Command], unit: str) -> list[Command]:
    """None of a unit's commands gives a token."""
    return [replace(each, signal=()) if each.unit == unit else each for each in given]


def only(opcode: Opcode) -> bytes:
    """A single command of the program, its tokens taken off, and END."""
    command = replace(commands()[first(opcode)], wait=(), signal=())
    return pack([command, Command(Opcode.END)])


def place(name: str) -> tuple[int, int]:
    """Where a tensor stands: first address, and one past the last."""
    found = whole().program.places[name]
    return found.address, found.address + found.bytes


def places_of_commands(program: Program) -> tuple[int, int]:
    """Where the last command stands."""
    return program.address + 64 * (program.count - 1), program.address + 64 * program.count


def faulty(name: str) -> tuple[bytes, tuple[int, int], Cause]:
    """A program, what answers SLVERR, the cause."""
    far, as_it_is, none = 0x4000_0000, whole().program.commands, (0, 0)
    illegal = bytearray(as_it_is)
    illegal[64 * first(Opcode.MULTIPLY)] = 0x7F
    return {
        "load of nothing": (changed(first(Opcode.LOAD), address=far), none, Cause.LOAD_ERROR),
        "store to nothing": (changed(first(Opcode.STORE), address=far), none, Cause.STORE_ERROR),
        "commands of nothing": (as_it_is, none, Cause.FETCH_ERROR),
        "load that fails": (as_it_is, place("x"), Cause.LOAD_ERROR),
        "store that fails": (as_it_is, place("y"), Cause.STORE_ERROR),
        "command that fails": (as_it_is, places_of_commands(whole().program), Cause.FETCH_ERROR),
        "tokens that never come": (pack(without_signals(commands(), "load")), none, Cause.DEADLOCK),
        "sums that never come": (only(Opcode.MAP), none, Cause.DEADLOCK),
        "sums that no one takes": (only(Opcode.MULTIPLY), none, Cause.DEADLOCK),
        "no command": (bytes(illegal), none, Cause.ILLEGAL_COMMAND),
        "no end": (as_it_is[:-64] + bytes(64), none, Cause.ILLEGAL_COMMAND),
        "too deep": (changed(first(Opcode.MULTIPLY), count_k0=0xFFFF), none, Cause.ILLEGAL_COMMAND),
    }[name]


FAULTS = ("load of nothing", "store to nothing", "commands of nothing", "load that fails", "store that fails",
          "command that fails", "tokens that never come", "sums that never come", "sums that no one takes",
          "no command", "no end", "too deep")  # fmt: skip


def begin(device: RtlModel, address: int, count: int) -> RtlOutcome:
    """Start a program and wait for its end; no reset."""
    started = device.cycle
    device.write("PROGRAM", address)
    device.write("COMMANDS", count)
    device.write("INTERRUPT_ENABLE", 3)
    device.write("CONTROL", START)
    device.wait()
    return device.result(started, 0.0)


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_stops_with_its_cause_and_the_next_program_runs(name, stall):
    each = whole()
    program, (given, failing, cause) = each.program, faulty(name)
    address = 0x4000_0000 if name == "commands of nothing" else program.address
    memory = each.memory.copy()
    memory[program.address - program.base :][: len(given)] = np.frombuffer(given, np.uint8)
    with pytest.raises(Fault) as error:
        Machine(each.p, memory.copy(), program.base, failing).run(address, len(given) // 64)
    assert error.value.cause == cause

    device = accelerator(each.p)
    device.attach(memory, program.base)
    result = device.run(address, len(given) // 64, Bus(failing=failing, stalls=stall), watchdog=2000)
    assert result.cause == cause
    blamed = (error.value.unit, error.value.command, error.value.response)
    assert (result.unit, result.command, result.response) == blamed

    device.write("CONTROL", RESET)
    while device.read("STATUS") & 1:
        device.step(1)
    memory[:] = each.memory
    device.set_up(Bus(stalls=stall))
    assert begin(device, program.address, program.count).cause == Cause.NONE
    assert (memory == each.wanted).all()


@pytest.mark.parametrize("cycles", [1, 30, 70, 100, 200, 400, 700, 1000])
def test_a_reset_in_mid_program_leaves_nothing_behind(cycles):
    each, device = whole(), accelerator(small(INT8))
    program, memory = each.program, each.memory.copy()
    device.attach(memory, program.base)
    device.reset()
    device.write("PROGRAM", program.address)
    device.write("COMMANDS", program.count)
    device.write("CONTROL", START)
    device.step(cycles)
    device.write("CONTROL", RESET)
    while device.read("STATUS") & 1:
        device.step(1)
    device.write("INTERRUPT_STATUS", 3)
    memory[:] = each.memory
    assert begin(device, program.address, program.count).cause == Cause.NONE
    assert (memory == each.wanted).all()


@pytest.mark.parametrize("offset", [0x30, 0x3C, 0x7FC, 0xFFC])
def test_no_register_answers_where_none_is(offset):
    device = accelerator(small(INT8))
    assert offset not in device.offsets.values()
    assert device.access(offset, 0, write=False)[0] == device.access(offset, 0, write=True)[0] == 2
    assert device.read("ID") == 0x53595354


# Tokens: a compiled program needs what it has.


def token_faults(given: Sequence[Command]) -> dict[str, list[Command]]:
    """The program less one wait, less one signal, or with one signal given to another unit."""
    found = {}
    for number, command in enumerate(given):
        for kind in ("wait", "signal"):
            for unit in getattr(command, kind):
                left = tuple(each for each in getattr(command, kind) if each != unit)
                fewer = list(given)
                fewer[number] = replace(command, **{kind: left})
                found[f"{number} without {kind}={unit}"] = fewer
    return found


def test_each_wait_and_each_signal_of_a_program_is_missed():
    p = small(INT8)
    given = unpack(Run(p, (33, 20, 40)).program.commands)
    assert races.check(p, given) == []
    faults = token_faults(given)
    assert len(faults) > 20
    unseen = [name for name, fewer in faults.items() if not races.check(p, fewer)]
    assert not unseen
