"""The accelerator's programs, start to interrupt: 16x16 int8, a 128-bit bus, 50 cycles of latency."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks.executable import executable
from benchmarks.result import Result
from golden.accelerator.accelerator import AcceleratorParams, predict
from golden.accelerator.assembler import unpack
from golden.accelerator.control import HOST
from golden.accelerator.registers import Cause
from mapping.backends.program.compiler import Program, compile
from mapping.frontends import load
from mapping.ir.graph import CodedNetwork, MatMul, Product
from mapping.legalise.float_network import encoded, quantise_network
from mapping.network import Network
from mapping.run.quantised import run
from sim.accelerator import Bus, RtlModel, RtlOutcome, named_verilog
from systola.demonstration.packages import minilm
from systola.demonstration.sentences import TEXTS, tokenised
from tests.mapping.backends.program.gemm import gemm

P = AcceleratorParams()
LATENCY = 50
AHEAD = 200  # cycles between naming the program and starting it, in which its commands are fetched
PES = P.lanes**2
ROUNDS = 5
Codes = dict[str, np.ndarray]


def measure() -> Iterator[Result]:
    """Bars: 97 and 80 % of the bound, a prediction within 3 %, 90 % of the bare model, MiniLM in a minute."""
    for side, bar in ((512, 97), (64, 80)):
        yield from product(side, bar)
    yield driver_speed()
    for tokens, bar in ((16, 1.5), (128, 1.25)):
        yield from sentence(tokens, bar)


def rtl(network: CodedNetwork, program: Program, codes: Codes, ahead: int = 0) -> tuple[RtlOutcome, float]:
    """The program in RTL, and by how many per cent `predict` is off; its outputs are the network's."""
    memory = program.memory.copy()
    for name, values in codes.items():
        program.write(memory, name, values)
    device = RtlModel(P, memory, program.base)
    bus = Bus(read_latency=LATENCY, write_latency=LATENCY)
    result = device.run(program.address, program.count, bus, ahead=ahead)
    assert result.cause == Cause.NONE, f"{result.cause.name}, command {result.command}"
    for name, wanted in run(network, P, codes).items():
        assert (program.read(memory, name) == wanted).all(), f"{name}: RTL differs from golden"
    found = predict(P, unpack(program.commands), LATENCY, LATENCY, program.address, ahead + HOST)
    return result, 100 * (found.cycles / result.cycles - 1)


def predicted(what: str, error: float) -> Result:
    return Result(f"predicted cycles, {what}", abs(error), 3, "% off", f"{error:+.2f} %", at_most=True)


def product(side: int, bar: float) -> Iterator[Result]:
    """side^3, by the lesser of what array and bus could do."""
    network = gemm(side, side, side)
    x = np.random.default_rng(side).integers(-128, 128, (side, side))
    program = compile(network, P)
    at_once, _ = rtl(network, program, {"x": x})
    result, error = rtl(network, program, {"x": x}, AHEAD)
    bound = max(side**3 / PES, 3 * side**2 / P.lanes)
    what = f"{side}x{side}x{side} int8"
    yield Result(
        f"utilisation, {what}, start to interrupt", 100 * bound / result.cycles, bar, "%",
        f"{result.cycles:,} cycles in RTL, outputs bit-exact; {bound:,.0f} would be 100 %; the program was "
        f"named {AHEAD} cycles ahead of the start, else {at_once.cycles:,}, "
        f"{100 * bound / at_once.cycles:.1f} %",
    )  # fmt: skip
    yield predicted(what, error)


def driver_speed() -> Result:
    """The driver beside the bare model, in one program and alternating, by processor time."""
    side = 256
    program = compile(gemm(side, side, side), P)
    top, verilog = named_verilog(P)
    with TemporaryDirectory() as name:
        folder = Path(name)
        program.memory.tofile(folder / "memory")
        made = executable(folder, verilog, top, "replay.cpp", beside="accelerator.cpp",
                          header=f"#define LANES {P.lanes}\n")  # fmt: skip
        command = [made, folder / "memory", str(program.address), str(program.count), str(ROUNDS)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    cycles = int(lines[0])
    seconds = np.array([line.split() for line in lines[1:] if line], float)
    speeds = [cycles / median(column) / 1e3 for column in seconds.T.tolist()]
    return Result(
        "compiled driver, of the bare model", 100 * median((seconds[:, 1] / seconds[:, 0]).tolist()), 90, "%",
        f"{side}^3, {cycles:,} cycles, medians of {ROUNDS}: {speeds[0]:.0f} k and {speeds[1]:.0f} k cycles/s "
        "of processor time; bare: its inputs as recorded, the clock toggled, nothing looked at",
    )  # fmt: skip


def sentence(tokens: int, bar: float) -> Iterator[Result]:
    """MiniLM whole, by the larger of its products' cycles and its weights' bus words."""
    found = load(minilm(), tokens=tokens)
    assert isinstance(found, Network)
    judged, others = TEXTS[tokens]
    network = quantise_network(found, P, tokenised(others, tokens))
    began = perf_counter()
    program = compile(network, P)
    compiled = perf_counter() - began
    codes = encoded(network, tokenised(judged, tokens)[0])
    result, error = rtl(network, program, codes)
    compute = sum(products(network, each) for each in network.operations) / PES
    weights = sum(each.weights.size for each in network.operations if isinstance(each, Product)) / P.lanes
    bound = max(compute, weights)
    what = f"MiniLM, {tokens} tokens"
    yield Result(
        f"{what}, cycles over the bound", result.cycles / bound, bar, "times",
        f"{result.cycles:,} cycles in RTL, {program.count:,} commands, outputs bit-exact; products "
        f"{compute:,.0f}, weights {weights:,.0f}",
        at_most=True,
    )  # fmt: skip
    yield predicted(what, error)
    if tokens == 16:
        yield Result(
            f"{what}, simulated in", result.seconds, 60, "s",
            f"{result.simulated / result.seconds / 1e3:.0f} k cycles/s; compiled in {compiled:.1f} s",
            at_most=True,
        )  # fmt: skip


def products(network: CodedNetwork, operation: object) -> int:
    """Multiply-accumulates of a matrix product."""
    if isinstance(operation, Product):
        return int(np.prod(network.tensors[operation.y].shape[:-1])) * operation.weights.size
    if not isinstance(operation, MatMul):
        return 0
    shape = network.tensors[operation.x].shape
    width = shape[-1] // operation.heads if operation.heads_in_x == "columns" else shape[-1]
    return int(np.prod(network.tensors[operation.y].shape)) * width
