"""What finishes a group's sum, one bit of its scale a cycle. Golden: golden.pe.bitmod, step 4."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import FP32, Int
from golden.formats.arithmetic import IEEE
from golden.pe.bitmod import BIAS, EXPONENT, MANTISSA, SCALE, WINDOW, BitModParams
from hw.float.product import Term, product
from hw.float.unpack import Unpacked, unpack_integer


class Finish(wiring.Component):
    """start       sum and scale are taken up, and keep still from now on for SCALE cycles, this one counted
    sum, scale  of a group
    o           behind those cycles: mantissa * scale and, above it, the sum's exponent

    The product's register begins as the scale, with nothing above it: each cycle its last bit says whether
    the mantissa is added to the upper bits, and all move one place down.
    """

    def __init__(self, params: BitModParams):
        self.params = p = params
        super().__init__({
            "start": In(1), "sum": In(p.accumulator.width), "scale": In(SCALE), "o": Out(WINDOW + EXPONENT),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        mantissa, exponent = self.sum[:MANTISSA].as_signed(), self.sum[MANTISSA:]
        product_q = Signal(WINDOW, name="product", reset_less=True)
        left = Signal(range(SCALE), name="left", reset_less=True)  # what was begun before harms no one
        now = Signal(WINDOW, name="now")
        upper = Signal(signed(MANTISSA + 1), name="upper")
        m.d.comb += [
            now.eq(Mux(self.start, self.scale, product_q)),
            upper.eq(now[SCALE:].as_signed() + Mux(now[0], mantissa, Const(0, signed(MANTISSA)))),
            self.o.eq(Cat(product_q, exponent)),
        ]
        with m.If(self.start):
            m.d.sync += left.eq(SCALE - 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq((left - 1)[: len(left)])
        with m.If(self.start | (left != 0)):
            m.d.sync += product_q.eq(Cat(now[1:SCALE], upper))
        return m


def partial(m: Module, p: BitModParams, finished) -> Term:
    """What `Finish` gives, as a number of fp32, exact: |mantissa * scale| < 2^23."""
    whole = unpack_integer(m, Int(WINDOW), finished[:WINDOW], True, "whole")
    no, most = Const(0), (1 << EXPONENT) - 1
    power = Unpacked(no, finished[WINDOW:], Const(1, 1), no, no, no, BIAS + 20, 0, most)
    return product(m, whole, power, FP32, IEEE)
