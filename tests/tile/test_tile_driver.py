"""The tile through the compiled driver: real sizes, stalls, digits that cancel; golden to the bit."""

import numpy as np
import pytest

from golden.blocks import Job
from golden.formats import FP16, Int
from golden.formats.bitmod import Datatype
from golden.formats.bitmod import quantise as bitmod_quantise
from golden.formats.grouped import nearest
from golden.pe import bitmod, lut, mixpe, multiplier, tiled
from golden.pe.weights import PeWeights
from golden.systolic.gemm import Gemm
from golden.tile import cycles as tile_cycles
from golden.tile.params import TileParams
from golden.tile.sums import grouped_product
from golden.tile.tile import Operands
from sim.benches.tile.tile import TileJob as RandomJob
from sim.device import Rtl
from sim.tools import ToolMissing

pytestmark = pytest.mark.rtl

K = 384
W4A8 = TileParams(rows=8, cols=8, pe=mixpe.Params(weight=Int(4, signed=False)))
W2A8 = TileParams(rows=2, cols=16, pe=lut.Params(weight=Int(2, signed=False)))
W2A16 = TileParams(rows=2, cols=4, pe=lut.Params(weight=Int(2, signed=False), activation=FP16))
FP4 = TileParams(rows=4, cols=4, pe=bitmod.Params())
SHORT = TileParams(rows=8, cols=8, pe=multiplier.Params(group=4))


def layer(p, m, n, seed=1):
    """Activations and quantised weights of a layer, as real ones are distributed."""
    rng = np.random.default_rng(seed)
    w, a = rng.normal(size=(K, n)), rng.normal(size=(m, K)) * np.where(rng.random((m, K)) < 0.02, 10, 1)
    whole = isinstance(p.pe.activation, Int)
    a = np.clip(np.rint(a * 40), -127, 127).astype(np.int64) if whole else FP16.quantise(a)
    if isinstance(p.pe.weight, Datatype):
        q = bitmod_quantise(w, p.pe.weight, p.group)
        return a, PeWeights(codes=q.codes, scales=q.scales.astype(float), selectors=q.selectors)
    bits = p.pe.weight.width
    q = nearest(w, bits, p.group, symmetric=False)
    half = getattr(p.pe, "table", "") == "half"
    zeros = 2 * q.zero + 1 - (1 << bits) if half else q.zero
    kept = zeros if tiled.zero_bits(p.pe) else None
    return a, PeWeights(codes=q.codes, scales=FP16.quantise(q.scale), zeros=kept)


def run(p, a, weights, stalls=0.0):
    """Through the RTL; values are golden's, and where nothing stalls the cycles."""
    shape = Gemm(m=len(a), n=weights.codes.shape[1], k=len(weights.codes))
    job = Job(name="product", p=p, shape=shape, operands=Operands(a, weights))
    try:
        found = Rtl(stalls=stalls, seed=3).run(job)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    with np.errstate(all="ignore"):
        wanted = grouped_product(p, a, weights)
    wrong = np.argwhere((found.values != wanted) & ~(np.isnan(found.values) & np.isnan(wanted)))
    places = [(tuple(at), found.values[tuple(at)], wanted[tuple(at)]) for at in wrong[:3].tolist()]
    assert not len(wrong), f"{len(wrong)} of {wanted.size}: place, found, golden: {places}"
    m, n = wanted.shape
    groups = -(-m // p.rows) * -(-n // p.cols) * (a.shape[1] // p.group)
    if not stalls:
        assert found.cycles == tile_cycles.cycles(p, groups)
    else:
        assert found.cycles > tile_cycles.cycles(p, groups)
    return found.cycles


@pytest.mark.parametrize("stalls", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("p", [W4A8, W2A8, W2A16, FP4], ids=lambda p: p.name)
def test_a_layer_is_golden(p, stalls):
    cycles = run(p, *layer(p, 40, 100), stalls)
    print(f"{p.name}: 40x{K}x100 in {cycles} cycles")


@pytest.mark.parametrize("stalls", [0.0, 0.3])
def test_a_quarter_of_a_million_groups_of_corners_are_golden(stalls):
    """Scales from subnormal to the largest, sums that cancel to their last digits, group behind group."""
    rng, products = np.random.default_rng(4), 0
    for _ in range(6):
        job = RandomJob(SHORT, rng, 3, (128, 128))
        run(SHORT, job.activations, job.weights, stalls)
        products += job.m * job.n * job.groups
    assert products > 250_000
