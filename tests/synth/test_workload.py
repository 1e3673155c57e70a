"""Operands for power: what a PE and a matrix unit in an array see, and that they say what they are."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.formats.packing import unpack_values
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from golden.systolic.words import fields
from synth.workload import RUNS, Workload, for_block, for_pe, gaussian
from systola import recorded
from systola.demonstration import packages

SMALL = gaussian(Int(8), Int(8), k=24, n=80, m=10)


def test_gaussian_operands_say_what_they_are_and_fill_their_formats():
    work = gaussian(Int(4), Int(8, signed=False), seed=7)
    assert work.name == "gaussian" and "seed 7" in work.source and "no network" in work.source
    assert (work.weights.min(), work.weights.max()) in [(-7, 7), (-7, 6), (-6, 7), (-8, 7)]
    assert (work.activations.min(), work.activations.max()) == (0, 255)
    assert (gaussian(Int(4), Int(8), seed=7).weights == work.weights).all()
    assert (gaussian(Int(4), Int(8), seed=8).weights != work.weights).any()


@pytest.mark.parametrize("registers", [0, 2])
def test_a_pe_sees_one_weight_and_the_sums_of_the_rows_above(registers):
    p = MultiplierParams(registers=registers)
    work = for_pe(p, SMALL, rows=8, cycles=30)
    assert {values.shape for values in work.ports.values()} == {(30, RUNS)}
    assert (work.ports["weight"] == work.ports["weight"][0]).all()
    run, row, first = 13, 13 % 8, 8  # the second tile of eight rows
    column = SMALL.weights[first : first + row + 1, run]
    vectors = np.resize(SMALL.activations, (30, 24))[:, first : first + row + 1]
    assert (work.ports["activation"][:, run] == vectors[:, -1]).all()
    late = vectors[: 30 - registers, :-1] @ column[:-1]
    assert (work.ports["acc_in"][registers:, run] == late).all()
    assert (work.expected[:, run] == (vectors @ column)[: 30 - registers]).all()


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_a_unit_gets_each_run_its_own_weights(dataflow):
    p = MatrixUnitParams(rows=4, cols=2, dataflow=dataflow, accumulator_rows=32)
    work = for_block(p, SMALL, vectors=10)
    resting = "left" if dataflow == "input" else "top"
    assert len(np.unique(work.streams[resting].reshape(RUNS, -1), axis=0)) > RUNS // 4
    assert set(work.streams) == {"command", "left", "top", "drain", "scale"}
    assert work.macs == np.prod(work.expected.shape[1:]) * (10 if dataflow == "output" else 8)
    taken = unpack_values(p.left, work.streams["left"][0], p.rows)
    assert taken.shape[1] == 4 and fields(p)["left"] == [("lanes", 8, 4)]


def test_codes_span_their_format():
    codes = for_block(MatrixUnitParams(rows=4, cols=4, accumulator_rows=32), SMALL, vectors=10).expected
    assert 20 < codes.std() < 50  # a quarter of 127


def test_operands_outside_a_format_are_refused():
    with pytest.raises(BadValue, match="gaussian: weights"):
        for_pe(MultiplierParams(weight=Int(4)), SMALL)
    with pytest.raises(BadValue, match=r"activations\.shape"):
        Workload("w", "s", np.zeros((3, 4), int), np.zeros((5, 2), int))


def test_without_the_network_operands_are_gaussian_and_say_so(monkeypatch):
    def missing():
        raise BadValue("package is missing")

    monkeypatch.setattr(packages, "minilm", missing)
    work = recorded.workload(MatrixUnitParams())
    assert work.name == "gaussian" and "no network" in work.source


@pytest.mark.slow
def test_the_recorded_layer_is_minilm(monkeypatch):
    try:
        packages.minilm()
    except BadValue as missing:
        pytest.skip(str(missing))
    work = recorded.workload(MatrixUnitParams())
    assert "all-MiniLM-L6-v2" in work.source
    assert work.weights.shape == (384, 1536) and work.activations.shape[1] == 384
    assert np.abs(work.weights).max(axis=0).min() == 127  # each channel by a scale of its own
