"""BitMoD's RTL: golden for a million operands and all corners; its units for every code, or a million."""

import ctypes

import numpy as np
import pytest
from amaranth.hdl import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import FP32
from golden.formats.arithmetic import IEEE
from golden.formats.bitmod import BASIC, INTEGERS, Datatype
from golden.pe import bitmod
from golden.pe.bitmod import BitModParams, finish_cycles, finished, side_by_side, step, weight_bits
from hw.emit import Definition, verilog
from hw.float.multiply import rounded
from hw.pe.bitmod import partial
from hw.tile import cell, edges
from sim.benches.pe.bitmod import crossed, random_operands, word
from sim.benches.pe.vectors import PeVectors
from sim.build import build_with
from sim.pe_sweep import COUNT, DRIVER, PeModel
from sim.tools import ToolMissing

ALL = [Datatype.parse(name) for name in (*INTEGERS, *BASIC, "bitmod_fp4:7,-15,24,0")]
P = BitModParams()


class Ported(wiring.Component):
    """A unit behind the ports of a PE: `tie` places it."""

    def __init__(self, weight, activation, acc_in, acc_out, tie, uses=()):
        self.tie, self.uses = tie, uses
        super().__init__({
            "weight": In(weight), "activation": In(activation), "acc_in": In(acc_in), "acc_out": Out(acc_out),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        self.tie(m, self)
        return m


class Model(PeModel):
    """Compiled, whatever it is."""

    def __init__(self, component, latency=0, clocked=True):
        self.latency = latency
        text = verilog(Definition("ported", component, clocked=clocked))
        try:
            self.library = ctypes.CDLL(
                str(build_with(DRIVER, text, "ported", f"#define CLOCKED {int(clocked)}\n"))
            )
        except ToolMissing as missing:
            pytest.skip(str(missing))


def differ(found, golden, *operands):
    wrong = np.flatnonzero(found != golden)
    words = [[hex(int(each[index])) for each in (*operands, found, golden)] for index in wrong[:3]]
    assert not len(wrong), f"{len(wrong)}: operands, found, golden: {words}"


@pytest.mark.parametrize("registers", range(3))
@pytest.mark.parametrize("count", [1 << 17, pytest.param(COUNT, marks=pytest.mark.slow)])
def test_corners_and_random_ones(registers, count):
    p, rng, batch = BitModParams(registers=registers), np.random.default_rng(registers), 1 << 17
    try:
        model = PeModel(p)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    corners = crossed()
    assert len(corners.weight) > 300_000
    parts = [
        PeVectors(*(codes[at : at + batch] for codes in corners))
        for at in range(0, len(corners.weight), batch)
    ]
    for given in [*parts, *(random_operands(p, rng, batch) for _ in range(count // batch))]:
        differ(model.run(given), step(p, given.acc_in, given.weight, given.activation), *given)


@pytest.mark.parametrize("datatype", ALL, ids=str)
def test_a_column_gives_every_codes_terms(datatype):
    """16-bit words: every one, with every selector in every phase; longer ones: 2^18 random, in each."""
    p = BitModParams(weight=datatype)
    unit, _ = edges.column(p)
    one = Const(1, 1)

    def tie(m, ports):
        unit.place(
            m, "unit", word=ports.weight, take=one, selector=ports.activation, take_selector=one,
            phase=ports.acc_in, weight=ports.acc_out,
        )  # fmt: skip

    bits, phase = weight_bits(p), max(1, (datatype.cycles - 1).bit_length())
    model = Model(Ported(bits, 2, phase, bitmod.column_bits(p), tie, (unit,)), latency=1)
    rng = np.random.default_rng(1)
    if bits <= 16:
        words = np.repeat(np.arange(1 << bits, dtype=np.uint64), 4)
        selectors = np.tile(np.arange(4), 1 << bits)
    else:
        words = side_by_side(rng.integers(0, 1 << datatype.width, (COUNT // 4, 4)), datatype.width)
        selectors = rng.integers(0, 4, len(words))
    for cycle, wanted in enumerate(bitmod.column(p, words, selectors)):
        found = model.run(PeVectors(words, selectors, np.full(len(words), cycle)))
        differ(found, wanted, words, selectors)


def test_a_million_sums_are_finished():
    unit = cell.finisher(P)

    def tie(m, ports):
        unit.place(
            m, "unit", start=ports.weight[0], scale=ports.weight[1:], sum=ports.activation, o=ports.acc_out
        )

    model, rng = Model(Ported(9, 22, 1, 30, tie, (unit,))), np.random.default_rng(1)
    mantissas = np.append(rng.integers(0, 1 << 16, 4088), [0, 1, 2, 0x4000, 0x7FFF, 0x8000, 0xBFFF, 0xFFFF])
    sums, scales = (each.ravel() for each in np.meshgrid(mantissas, np.arange(256)))
    sums = word((sums, 16), (rng.integers(0, 64, len(sums)), 6))
    cycles = finish_cycles(P) + 1
    assert len(sums) == COUNT
    for at in range(0, len(sums), 1 << 17):
        some, by = sums[at : at + (1 << 17)], scales[at : at + (1 << 17)]
        start = np.tile(np.arange(cycles) == 0, len(some))
        held = PeVectors(
            word((start, 1), (np.repeat(by, cycles), 8)), np.repeat(some, cycles), np.zeros(len(start))
        )
        differ(model.run(held)[cycles - 1 :: cycles], finished(P, some, by), some, by)


def test_a_million_finished_sums_as_fp32():
    def tie(m, ports):
        m.d.comb += ports.acc_out.eq(rounded(m, FP32, IEEE, partial(m, P, ports.weight)))

    model, rng = Model(Ported(30, 1, 1, 32, tie), clocked=False), np.random.default_rng(1)
    most = (1 << 15) * 255
    near = rng.integers(-1 << rng.integers(0, 23, COUNT), 1 << rng.integers(0, 23, COUNT))
    mantissas = np.concatenate(
        [np.clip(near, -most, most), np.repeat([0, 1, -1, most, -most, 1 << 22, -1 << 22], 64)]
    )
    exponents = np.append(rng.integers(0, 64, COUNT), np.tile(np.arange(64), 7))
    given = word((mantissas & 0xFFFFFF, 24), (exponents, 6))
    golden = FP32.encode(np.ldexp(mantissas.astype(float), exponents - bitmod.BIAS - 20))
    none = np.zeros(len(given))
    differ(model.run(PeVectors(given, none, none)), golden, given)
