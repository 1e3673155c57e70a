"""The LUT PE's RTL with its row's table: golden for every word, or a million and all corners."""

import ctypes
import re

import numpy as np
import pytest

from golden.formats import FP16, Int
from golden.pe import lut
from golden.pe.lut import Params
from hw.emit import Definition, verilog
from hw.pe import definition
from hw.pe.lut import ColumnUnit, RowUnit, Whole
from sim.benches.pe.lut import crossed, every_word, golden, latency, random_pairs, with_sums
from sim.benches.pe.vectors import PeVectors
from sim.build import build_with
from sim.mutate import mutation_score
from sim.pe_sweep import BATCH, COUNT, DRIVER, EXHAUSTIVE_BITS, PeModel
from sim.tools import ToolMissing

BITS = [Int(width, signed=False) for width in range(1, 5)]
SWEPT = [
    *(Params(weight=weight) for weight in BITS),
    Params(activation=FP16),
    Params(weight=BITS[3], activation=FP16, subnormals=False),
    Params(table="full", registers=0),
]
MORE = [
    *(Params(weight=weight, activation=FP16) for weight in (BITS[0], BITS[2], BITS[3])),
    Params(weight=BITS[3], table="full"),
    Params(weight=BITS[3], remap="online", registers=0),
    Params(inputs=5, group=125),
    Params(activation=FP16, remap="online", registers=0),
]
EVERY = [
    Params(weight=BITS[0], activation=Int(4)),
    Params(weight=BITS[3], inputs=2, remap="online"),
    Params(weight=BITS[1], activation=Int(5), inputs=3, group=6, registers=0),
    Params(weight=BITS[3], activation=Int(7), inputs=2, table="full"),
]


class Model(PeModel):
    """Compiled, the table with the PE."""

    def __init__(self, p):
        self.latency = latency(p)
        block = Definition(f"whole_{lut.name(p)}", Whole(p))
        try:
            library = build_with(DRIVER, verilog(block), block.name, "#define CLOCKED 1\n")
        except ToolMissing as missing:
            pytest.skip(str(missing))
        self.library = ctypes.CDLL(str(library))


def check(p, model, given):
    """A batch of operands."""
    found, wanted = model.run(given), golden(p, given)
    wrong = np.flatnonzero(found != wanted)
    words = [[hex(int(each[index])) for each in (*given, found, wanted)] for index in wrong[:3]]
    assert not len(wrong), f"{len(wrong)}: weight, activation, acc_in, found, golden: {words}"
    return len(found)


def parts(operands):
    for start in range(0, len(operands[0]), BATCH):
        yield [each[start : start + BATCH] for each in operands]


def corners_and_random(p, count):
    model, rng = Model(p), np.random.default_rng(1)
    corners = sum(check(p, model, PeVectors(*part)) for part in parts(crossed(p)))
    done = sum(
        check(p, model, with_sums(p, rng, *random_pairs(p, rng, BATCH))) for _ in range(count // BATCH)
    )
    print(f"{corners} corners crossed, {done} random")
    assert done == count


@pytest.mark.parametrize("p", SWEPT, ids=lut.name)
def test_corners_and_a_sample(p):
    corners_and_random(p, BATCH)


@pytest.mark.slow
@pytest.mark.parametrize("p", [*SWEPT, *MORE], ids=lut.name)
def test_corners_and_a_million(p):
    corners_and_random(p, COUNT)


@pytest.mark.parametrize("p", EVERY, ids=lut.name)
def test_every_word_with_every_index(p):
    """Of up to 20 bits together; running sums near minus the entry, corners and any."""
    assert lut.activation_bits(p) + p.inputs + (p.weight.width - 1).bit_length() <= EXHAUSTIVE_BITS
    model, rng = Model(p), np.random.default_rng(1)
    done = sum(check(p, model, with_sums(p, rng, *part)) for part in parts(every_word(p)))
    assert done == (2 * p.activation.max + 1) ** p.inputs * p.weight.width << p.inputs


@pytest.mark.parametrize("p", [SWEPT[0], SWEPT[5], SWEPT[6], MORE[4]], ids=lut.name)
def test_every_tool_reads_it_and_finds_no_multiplier(readable, p):
    units = (Definition("row", RowUnit(p)), Definition("column", ColumnUnit(p)), definition(p))
    texts = [verilog(unit) for unit in units]
    for unit, text in zip(units, texts, strict=True):
        readable(text, unit.name)
        assert " * " not in text


# What may survive: the neighbour of a bit that copies the sign, of an entry or of what is added, is that too.
MORE_FAULTS = [("uint2-int8", 8), ("uint3-int8-full", 4)]
SIGNS = re.compile(r"neighbouring bits, line \d+: assign (term|entry)_")


@pytest.mark.parametrize(
    "case, count",
    [("uint2-int8", 3), *(pytest.param(*each, marks=pytest.mark.slow) for each in MORE_FAULTS)],
)
def test_broken_rtl_is_noticed(has, case, count):
    has("icarus")
    score = mutation_score("pe/lut", case, count)
    assert not [str(mutant) for mutant in score.survivors if not SIGNS.match(str(mutant))]
    assert score.killed > count // 2
