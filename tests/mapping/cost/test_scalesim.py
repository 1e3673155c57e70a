"""SCALE-Sim's formulae against SCALE-Sim."""

import importlib

import numpy as np
import pytest

from golden.systolic.gemm import Gemm
from golden.systolic.params import MatrixUnitParams
from mapping.cost.scalesim import cycles

FILES = {"weight": "ws", "output": "os", "input": "is"}


def counted_by_scalesim(dataflow: str, rows: int, cols: int, m: int, n: int, k: int) -> int:
    """Rows of the demand matrix: a row is a cycle."""
    config = pytest.importorskip("scalesim.scale_config").scale_config()
    config.valid_conf_flag, config.array_rows, config.array_cols = True, rows, cols
    name = f"systolic_compute_{FILES[dataflow]}"
    compute = getattr(importlib.import_module(f"scalesim.compute.{name}"), name)()
    left, right, out = (np.arange(a * b).reshape(a, b) for a, b in ((m, k), (k, n), (m, n)))
    compute.set_params(config_obj=config, ifmap_op_mat=left, filter_op_mat=right, ofmap_op_mat=out)
    return len(compute.get_demand_matrices()[2])


@pytest.mark.parametrize("dataflow", FILES)
@pytest.mark.parametrize("sizes", [(4, 4, 5, 6, 7), (4, 8, 16, 3, 9), (2, 2, 1, 1, 1), (3, 5, 10, 11, 12)])
def test_cycles_are_scalesims(dataflow, sizes):
    rows, cols, m, n, k = sizes
    unit = MatrixUnitParams(rows=rows, cols=cols, dataflow=dataflow)
    assert cycles(unit, Gemm(m=m, n=n, k=k)) == counted_by_scalesim(dataflow, rows, cols, m, n, k)


def test_a_batch_is_so_many_products():
    unit = MatrixUnitParams()
    assert cycles(unit, Gemm(m=9, n=8, k=7, batch=5)) == 5 * cycles(unit, Gemm(m=9, n=8, k=7))
