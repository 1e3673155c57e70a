"""Cycles of whole programs: against the RTL, and what must hold for any."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from golden.accelerator.assembler import Command, assemble, pack, unpack
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.timing import Prediction, predict
from golden.check import BadValue
from mapping.backends.program.compiler import Program, compile
from sim.accelerator import Bus, RtlModel, RtlOutcome
from tests.mapping.backends.program.gemm import gemm

sys.path.insert(0, str(Path(__file__).parent))
from programs import SMALL, Programs

P = AcceleratorParams()
COPY = "load words=64 signal=store\nstore wait=load words=64 address=0x1000\nend"
PROGRAM = 1 << 13
SIZES = [(4, 4, 4), (5, 33, 70), (32, 32, 32), (1, 64, 64), (24, 8, 200)]


@pytest.fixture(scope="module")
def small() -> RtlModel:
    return RtlModel(SMALL, np.zeros(64, np.uint8))


def ran(small: RtlModel, commands: list[Command], bus: Bus, program: Program | None = None) -> RtlOutcome:
    """By the RTL."""
    memory = np.zeros(1 << 14, np.uint8) if program is None else program.memory.copy()
    address = PROGRAM if program is None else program.address
    if program is None:
        memory[address : address + 64 * len(commands)] = np.frombuffer(pack(commands), np.uint8)
    small.attach(memory, 0 if program is None else program.base)
    return small.run(address, len(commands), bus, record=True)


@pytest.mark.rtl
@pytest.mark.parametrize("latency", [1, 20, 50, 120])
@pytest.mark.parametrize("text", ["end", "fence\nend", "fill words=9\nend", "load words=64\nend", COPY])
def test_simple_programs_take_just_that(small, text, latency):
    commands = assemble(text)
    result = ran(small, commands, Bus(read_latency=latency, write_latency=latency))
    assert predict(SMALL, commands, latency, latency, PROGRAM).cycles == result.cycles


@pytest.mark.rtl
@pytest.mark.parametrize("latency", [10, 50])
@pytest.mark.parametrize("size", SIZES)
def test_products_take_that_within_three_percent(small, size, latency):
    program = compile(gemm(*size), SMALL)
    commands = unpack(program.commands)
    result = ran(small, commands, Bus(read_latency=latency, write_latency=latency), program)
    found = predict(SMALL, commands, latency, latency, program.address).cycles
    assert abs(found / result.cycles - 1) < 0.03


@pytest.mark.rtl
@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16, 16), (64, 64, 64), (128, 128, 128), (1, 256, 256)])
def test_products_of_the_usual_design(size):
    program = compile(gemm(*size), P)
    commands = unpack(program.commands)
    result = ran(RtlModel(P, program.memory), commands, Bus(), program)
    found = predict(P, commands, 50, 50, program.address).cycles
    assert abs(found / result.cycles - 1) < 0.01


@pytest.mark.rtl
def test_the_timeline_is_the_rtl_s(small):
    program = compile(gemm(5, 33, 70), SMALL)
    commands = unpack(program.commands)
    result = ran(small, commands, Bus(), program)
    found = predict(SMALL, commands, 50, 50, program.address)
    for unit in SMALL.present:
        counted = sum(end - first for first, end in result.busy[unit])
        predicted = sum(end - first for first, end in found.busy(unit))
        assert predicted == pytest.approx(counted, rel=0.05, abs=4)


def predicted(size: tuple[int, int, int], latency: int = 50, p: AcceleratorParams = P) -> Prediction:
    return predict(p, unpack(compile(gemm(*size), p).commands), latency, latency)


@pytest.mark.parametrize("size", [(16, 16, 16), (5, 33, 70), (64, 64, 64), (1, 256, 256)])
def test_losses_add_up(size):
    found = predicted(size)
    assert sum(found.losses.values()) == found.cycles
    assert min(found.losses.values()) >= 0
    assert min(min(cycles) for cycles in found.lost.values()) >= 0


def test_a_large_product_is_nearly_all_compute():
    found = predicted((256, 256, 256))
    assert found.losses["compute"] == 256**3 // 256
    assert found.losses["compute"] / found.cycles > 0.97


def test_a_single_vector_wastes_what_the_array_does_not_see():
    losses = predicted((1, 256, 256)).losses
    assert losses["waste"] > 10 * losses["compute"]


def test_latency_is_lost_to_memory():
    quick, slow = predicted((64, 64, 64), 10), predicted((64, 64, 64), 300)
    assert quick.losses["compute"] == slow.losses["compute"]
    assert slow.losses["memory"] + slow.losses["control"] > quick.losses["memory"] + quick.losses["control"]


def test_units_do_one_command_after_another():
    found = predicted((64, 64, 64))
    for spans in found.spans.values():
        assert all(a.done <= b.done and a.start <= b.start for a, b in pairwise(spans))
        assert all(span.ready <= span.start < span.done <= found.cycles for span in spans)


def test_a_span_says_whose_token_it_waited_for():
    found = predict(P, assemble(COPY), 50, 50)
    assert found.spans["store"][0].waits == "load"
    assert found.spans["load"][0].waits == ""


@pytest.mark.parametrize("seed", range(5))
def test_random_programs_end(seed):
    commands = Programs(SMALL, seed).program(30)
    assert sum(len(spans) for spans in predict(SMALL, commands, 20, 20).spans.values()) > 0


def test_a_token_that_never_comes_is_refused():
    with pytest.raises(BadValue, match="command 0: token of load is missing; allowed: one given before"):
        predict(P, assemble("store wait=load\nend"), 50, 50)


def test_a_program_that_never_ends_is_refused():
    rows = P.unit.accumulator_rows
    text = f"multiply count_x={rows} tiles0=2 signal=vector\nmap wait=matrix count0={2 * rows}\nend"
    with pytest.raises(BadValue, match="program is stuck"):
        predict(P, assemble(text), 50, 50)
