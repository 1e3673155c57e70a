"""The ONNX standard's 1,884 node tests: none does worse than the table beside this file says.

After a change for the better: python -m benchmarks.onnx_nodes --write
"""

import pytest

from benchmarks import onnx_nodes
from benchmarks.onnx_nodes import DESIGNS


@pytest.mark.parametrize("unit", DESIGNS)
def test_every_case_does_as_well_as_before(unit):
    found = (onnx_nodes.worse(name, unit, onnx_nodes.outcome(name, unit)) for name in onnx_nodes.cases())
    assert [each for each in found if each] == []
