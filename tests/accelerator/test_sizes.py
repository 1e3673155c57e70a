"""The whole accelerator at 8, 16, 32 and 64 lanes, compiled: networks of every unit's operations.

At 4 lanes tests/sim/test_accelerator.py and tests/accelerator/test_accelerator.py run it.
"""

from functools import cache

import numpy as np
import pytest

from golden.accelerator.accelerator import AcceleratorParams, Machine
from golden.accelerator.registers import Cause
from golden.systolic.params import MatrixUnitParams
from mapping.backends.program.compiler import compile
from mapping.ir.graph import CodedNetwork, Exponential, Gather, MatMul, Normalise
from mapping.run.quantised import run
from sim.accelerator import Bus, RtlModel, build_accelerator
from tests.mapping.backends.program.machines import any_codes
from tests.mapping.backends.program.nets import epilogue, single
from tests.mapping.backends.program.test_chains import Chain

pytestmark = pytest.mark.rtl

LANES = (8, 16, 32, 64)
BASE = 4096
BUSES = (Bus(), Bus(stalls=0.1, seed=2), Bus(read_latency=90, bandwidth=(1, 2), stalls=0.5, seed=3))


def params(lanes: int) -> AcceleratorParams:
    """Small ones; of 16 lanes the design that the demo's tests compile anyway."""
    if lanes == 16:
        return AcceleratorParams()
    unit = MatrixUnitParams(rows=lanes, cols=lanes, accumulator_rows=64)
    return AcceleratorParams(
        unit=unit, banks=4, bank_words=1024, queue=4, outstanding=8, read_buffer=64, functions=()
    )


@cache
def accelerator(lanes: int) -> RtlModel:
    """The C++ compiler takes most of the time: large ones are not optimised."""
    p = params(lanes)
    library = build_accelerator(p, opt="-O0" if lanes > 16 else None)
    return RtlModel(p, np.zeros(64, np.uint8), library=library)


def attention(lanes: int) -> list[CodedNetwork]:
    """What chains have none of: computed factors, softmax, normalisation, rows by number."""
    rows, width = 9, lanes + 3
    scores = MatMul(
        name="scores", x="x", w="w", y="y", heads=2, transposed=True, epilogue=epilogue(1, shift=4),
        heads_in_x="first", heads_in_w="first",
    )  # fmt: skip
    weights = Exponential(name="softmax", x="x", y="y", r="r", length=width)
    norm = Normalise(name="norm", x="x", y="y", axis=-1, rms=False, epsilon=1000, fraction=10)
    table = np.random.default_rng(lanes).integers(-128, 128, (30, width))
    gather = Gather(name="gather", x="x", i="i", y="y")
    return [
        single(scores, x=(2, rows, width), w=(2, 7, width), y=(2, rows, 7)),
        single(weights, ("y", "r"), x=((3, rows, width), "int16"), y=(3, rows, width),
               r=((3, rows), "uint16")),
        single(norm, x=((rows, width), "int16"), y=((rows, width), "int16")),
        single(gather, x=((30, width), "int8", table), i=((rows,), "int32"), y=(rows, width)),
    ]  # fmt: skip


def runs(network: CodedNetwork, lanes: int, bus: Bus, seed: int) -> None:
    """Memory is the interpreter's byte by byte, and the outputs are the coded network's own."""
    p, program = params(lanes), compile(network, params(lanes), BASE)
    inputs = {name: any_codes(network, name, seed) for name in network.inputs}
    if "i" in inputs:
        inputs["i"] %= 30
    memory = program.memory.copy()
    for name, codes in inputs.items():
        program.write(memory, name, codes)
    wanted = memory.copy()
    Machine(p, wanted, BASE).run(program.address, program.count)
    device = accelerator(lanes)
    device.attach(memory, BASE)
    result = device.run(program.address, program.count, bus)
    assert result.cause == Cause.NONE, f"{network.name}: {result.cause.name}, command {result.command}"
    assert (memory == wanted).all()
    codes = run(network, p, inputs)
    for name in network.outputs:
        assert np.array_equal(program.read(memory, name), codes[name]), name


@pytest.mark.parametrize("lanes", [*LANES[:-1], pytest.param(LANES[-1], marks=pytest.mark.slow)])
def test_random_networks_at_every_size(lanes):
    networks = [Chain(seed + lanes).network(8) for seed in range(6)]
    kinds = {type(operation).__name__ for network in networks for operation in network.operations}
    assert kinds >= {"Product", "Depthwise", "Map", "Pool"}
    for seed, network in enumerate([*networks, *attention(lanes)]):
        runs(network, lanes, BUSES[seed % len(BUSES)], seed)
