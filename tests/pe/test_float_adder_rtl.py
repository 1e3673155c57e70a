"""The adder of the floating multiply-add PE by itself: golden over a million operands and all corners.

In the PE, sums are near products; here anything meets anything.
"""

import ctypes

import numpy as np
import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import BF16, FP8_E5M2, FP16, FP32
from golden.formats.arithmetic import Mode
from golden.pe import float_multiply_add as multiply_add
from hw.emit import Definition, verilog
from hw.pe.float_multiply_add import Combine
from sim.benches.pe import vectors
from sim.build import build_with
from sim.pe_sweep import DRIVER, PeModel

LEAN = {"rounding": "truncate", "subnormals": False}
IEEE = {"rounding": "nearest", "subnormals": True}
MIXED = [{"rounding": "nearest", "subnormals": False}, {"rounding": "truncate", "subnormals": True}]


class AdderAsPe(wiring.Component):
    """A Combine at the ports that the sweep drives: acc_out = acc_in + weight."""

    def __init__(self, params):
        self.params, code = params, unsigned(params.accumulator.width)
        super().__init__({"weight": In(code), "activation": In(1), "acc_in": In(code), "acc_out": Out(code)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.combine = adder = Combine(self.params)
        m.d.comb += [adder.a.eq(self.acc_in), adder.b.eq(self.weight), self.acc_out.eq(adder.o)]
        return m


def combine_is_golden(has, fmt, mode, count):
    """Of `count` random pairs, half of them near to cancelling, and all ends crossed."""
    has("verilator")
    p, rng = multiply_add.Params(accumulator=fmt, **mode), np.random.default_rng(1)
    block = Definition("adder_as_pe", AdderAsPe(p), clocked=False)
    library = build_with(DRIVER, verilog(block), block.name, "#define CLOCKED 0\n")
    model = PeModel.__new__(PeModel)
    model.latency, model.library = 0, ctypes.CDLL(str(library))
    ends = np.array(vectors.corners(fmt), np.uint64)
    a, b = rng.integers(0, 1 << fmt.width, (2, count), np.uint64)
    off = rng.integers(0, 1 << rng.integers(1, fmt.mantissa_bits + 3, len(a))).astype(np.uint64)
    near = (a ^ np.uint64(1 << fmt.width - 1)) + off & np.uint64((1 << fmt.width) - 1)
    b = np.where(rng.random(len(a)) < 0.5, near, b)
    a, b = np.append(a, np.repeat(ends, len(ends))), np.append(b, np.tile(ends, len(ends)))
    found = model.run(vectors.PeVectors(b, np.zeros_like(a), a))
    assert np.array_equal(found, fmt.encode(multiply_add.combine(p, fmt.decode(a), fmt.decode(b))))


FORMATS = pytest.mark.parametrize("fmt", [FP32, FP16, BF16, FP8_E5M2], ids=str)
MODES = pytest.mark.parametrize("mode", [LEAN, IEEE, *MIXED], ids=lambda mode: str(Mode(**mode)))


@FORMATS
@MODES
def test_combine_is_golden_over_a_sample(has, fmt, mode):
    combine_is_golden(has, fmt, mode, 1 << 17)


@pytest.mark.slow
@FORMATS
@MODES
def test_combine_is_golden_over_a_million(has, fmt, mode):
    combine_is_golden(has, fmt, mode, 1 << 20)
