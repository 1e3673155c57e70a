"""The ONNX standard's 1,884 node tests: none does worse than the table beside this file says.

After a change for the better: python -m benchmarks.onnx_nodes --write
"""

import random

import pytest

from benchmarks import onnx_nodes
from benchmarks.onnx_nodes import DESIGNS

pytestmark = pytest.mark.broad

SAMPLES = {"matrix": 600, "accelerator": 300}  # whose programs take their time


def worse(names, unit):
    found = (onnx_nodes.worse(name, unit, onnx_nodes.outcome(name, unit)) for name in names)
    return [each for each in found if each]


@pytest.mark.parametrize("unit", DESIGNS)
def test_a_sample_does_as_well_as_before(unit):
    assert worse(random.Random(11).sample(sorted(onnx_nodes.cases()), SAMPLES[unit]), unit) == []


@pytest.mark.slow
def test_every_case_does_as_well_as_before_on_both():
    found = onnx_nodes.outcomes(onnx_nodes.cases())
    assert [each for each in (onnx_nodes.worse(*one) for one in found) if each] == []


@pytest.mark.parametrize("unit", DESIGNS)
def test_the_table_has_enough_taken_and_none_wrong(unit):
    found = [row[unit] for row in onnx_nodes.table().values()]
    assert found.count("taken") >= onnx_nodes.WANTED[unit]
    assert not set(found) & set(onnx_nodes.BAD)
