"""The ONNX standard's node tests: none does worse than the table beside this file says.

After a change for the better: python -m benchmarks.onnx_nodes --write
"""

import random

import pytest

from benchmarks import onnx_nodes
from benchmarks.onnx_nodes import DESIGNS

SAMPLE = 500  # of 1,884 in CI


@pytest.mark.parametrize("unit", DESIGNS)
def test_a_sample_does_as_well_as_before(unit):
    names = random.Random(11).sample(sorted(onnx_nodes.cases()), SAMPLE)
    found = [onnx_nodes.worse(name, unit, onnx_nodes.outcome(name, unit)) for name in names]
    assert [each for each in found if each] == []


@pytest.mark.slow
def test_all_do_as_well_as_before():
    found = onnx_nodes.outcomes(onnx_nodes.cases())
    assert [worse for each in found if (worse := onnx_nodes.worse(*each))] == []
