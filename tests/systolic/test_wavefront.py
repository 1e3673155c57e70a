"""The wavefront as golden draws it: it does the work of the product. That the RTL does, its bench says."""

import numpy as np
import pytest

from golden.systolic.cycles import cycles
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import MatrixUnitParams
from golden.systolic.wavefront import PeActivity, film


def schedule(dataflow, m=7, n=5, k=9, stream=6):
    unit = MatrixUnitParams(rows=4, cols=3, dataflow=dataflow, accumulator_rows=64)
    return Schedule(unit, Gemm(m=m, n=n, k=k, batch=2), Tiling(stream=stream))


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_every_multiply_accumulate_is_drawn_once(dataflow):
    plan = schedule(dataflow)
    states, vectors = film(plan)
    assert (states == PeActivity.MULTIPLYING).sum() == plan.gemm.macs
    assert ((vectors >= 0) == (states >= PeActivity.MULTIPLYING)).all()
    assert len(states) == cycles(plan)


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_padding_and_work_together_are_the_vectors_that_pass(dataflow):
    plan = schedule(dataflow)
    states, _ = film(plan)
    assert (states >= PeActivity.MULTIPLYING).sum() == plan.counts().sum() * 12


def test_the_front_is_diagonal():
    _, vectors = film(schedule("weight"))
    first = np.argmax(vectors == 0, axis=0)
    assert (np.diff(first, axis=0) == 1).all() and (np.diff(first, axis=1) == 1).all()


def test_output_stationary_loads_nothing():
    assert not (film(schedule("output"))[0] == PeActivity.LOADING).any()
