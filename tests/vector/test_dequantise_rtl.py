"""The group dequantiser's RTL, compiled: 10^6 groups are golden's."""

import numpy as np
import pytest

from golden.formats import BF16, FP32, Int
from golden.vector.dequantise import GroupScalingParams, dequantise
from hw.emit import verilog
from hw.vector.dequantise import definition
from sim.benches.pe.vectors import corners
from sim.build import build_model
from sim.driver import CompiledModel
from sim.ports import StreamPort

GROUPS = 4  # of a row
ROWS = 1 << 18
SWEPT = [
    GroupScalingParams(),
    GroupScalingParams(acc=Int(23), row_sum=Int(11), scale=BF16, exponent_bits=8, exponent_bias=137),
]


@pytest.mark.parametrize("p", SWEPT, ids=lambda p: definition(p).name)
def test_a_million_groups(has, p):
    """A tenth are corners; scales of all exponents in half of the rows, of few in the others."""
    has("verilator")
    rng, shape = np.random.default_rng(1), (ROWS, GROUPS)
    flag = Int(1, signed=False)
    layout = [*p.fields.items(), ("first", flag), ("last", flag)]
    codes = {}
    for name, fmt in p.fields.items():
        codes[name] = rng.integers(0, 1 << fmt.width, shape, np.uint64)
        corner = rng.choice(np.array(corners(fmt), np.uint64), shape)
        codes[name] = np.where(rng.random(shape) < 0.1, corner, codes[name])
    few = codes["scale"] & np.uint64(0x8BFF) | np.uint64(0x3000)  # for either format
    codes["scale"] = np.where(np.arange(ROWS)[:, None] % 2, few, codes["scale"])
    codes["first"], codes["last"] = (
        np.broadcast_to(np.arange(GROUPS) == at, shape) for at in (0, GROUPS - 1)
    )
    words, place = np.zeros(shape, np.uint64), 0
    for name, fmt in layout:
        words |= codes[name].astype(np.uint64) << np.uint64(place)
        place += fmt.width
    block = definition(p)
    ports = [StreamPort("i", "in", place), StreamPort("o", "out", FP32.width)]
    model = CompiledModel(build_model(verilog(block), block.name, ports))
    run = model.run({"i": words.reshape(-1, 1).view(np.uint8)}, {"o": ROWS})
    found = run.outputs["o"].view(np.uint32)[:, 0]
    with np.errstate(all="ignore"):
        golden = dequantise(p, *(fmt.decode(codes[name]) for name, fmt in p.fields.items()))
    golden = FP32.encode(np.where(np.isnan(golden), np.nan, golden))
    wrong = np.flatnonzero(found != golden)
    assert not wrong.size, {name: codes[name][wrong[0]] for name, _ in layout}
    assert np.isnan(FP32.decode(golden)).any() and np.isinf(FP32.decode(golden)).any()
