"""BitMoD in the dot-product tile, compiled: weights of its quantiser, values and cycles as golden's."""

import numpy as np
import pytest

from golden.blocks import Job
from golden.formats import FP16
from golden.formats.bitmod import Datatype, quantise
from golden.pe.bitmod import BitModParams
from golden.pe.weights import PeWeights
from golden.systolic.gemm import Gemm
from golden.tile import cycles as tile_cycles
from golden.tile.params import TileParams
from golden.tile.sums import grouped_product
from golden.tile.tile import Operands
from sim.device import Rtl
from sim.tools import ToolMissing

pytestmark = pytest.mark.rtl


def product(p, m, k, n, seed):
    """Random activations [m, k], and coded weights [k, n]."""
    rng = np.random.default_rng(seed)
    found = quantise(rng.standard_t(4, size=(k, n)), p.pe.weight, p.group)
    a = FP16.quantise(np.ldexp(rng.normal(size=(m, k)), rng.integers(-6, 4, (m, k))))
    weights = PeWeights(codes=found.codes, scales=found.scales.astype(float), selectors=found.selectors)
    return a, found, weights


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(
    "weight, group, registers",
    [("bitmod_fp4", 128, 1), ("bitmod_fp3", 4, 1), ("int8", 16, 2), ("int5", 8, 0)],  # finishing: 8 cycles
)
def test_values_and_cycles_are_golden(weight, group, registers, stalls):
    pe = BitModParams(weight=Datatype(weight), group=group, registers=registers)
    p = TileParams(rows=3, cols=4, pe=pe)
    m, n, groups = 7, 9, 3
    a, coded, weights = product(p, m, groups * group, n, 1)
    shape = Gemm(m=len(a), n=weights.codes.shape[1], k=len(weights.codes))
    job = Job(name="product", p=p, shape=shape, operands=Operands(a, weights))
    try:
        found = Rtl(stalls=stalls).run(job)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    assert np.array_equal(found.values, grouped_product(p, a, weights))
    assert stalls or found.cycles == tile_cycles.cycles(p, 3 * 3 * groups)
    exact = a @ coded.values
    assert np.abs(found.values * coded.channel - exact).max() < 0.02 * np.sqrt((exact**2).mean())
