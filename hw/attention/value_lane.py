"""One element of a row's result: weighted values add up, while the sum of the row before is divided."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention.arithmetic import Arithmetic
from golden.attention.products import stages
from hw.attention.products import value_product
from hw.emit import Definition
from hw.fit import fit


class ValueLane(wiring.Component):
    """w, v           a weight, and a value's code
    adds, first      what was their product counts; it is its row's first
    capture, shift   the row's sum is complete and is kept; the lane behind gives what it keeps
    behind, kept     that lane's, and this one's
    invalid          of FP16: the value that counts is no finite number
    """

    def __init__(self, p: Arithmetic):
        self.p = p
        self.product = value_product(p)
        self.uses = (self.product,)
        super().__init__(
            {
                "w": In(p.weight.width),
                "v": In(p.value.width),
                **{name: In(1) for name in ("adds", "first", "capture", "shift")},
                "behind": In(p.sum_width),
                "kept": Out(p.sum_width),
                **({"invalid": Out(1)} if p.floating else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.p
        product = Signal(signed(p.weighted_width))
        flag = Signal()
        wrong = {"invalid": flag} if p.floating else {}
        self.product.place(
            m,
            "product",
            w=self.w,
            v=self.v,
            product=product,
            **wrong,
            **{f"{each}_go": 1 for each in stages(p)},
        )
        if p.floating:
            m.d.comb += self.invalid.eq(flag & self.adds)
        total = Signal(signed(p.sum_width), name="total", reset_less=True)
        kept = Signal(signed(p.sum_width), name="kept_q", reset_less=True)
        # at most p.keys products are added: sum_width
        m.d.sync += total.eq((Mux(self.first, 0, total) + Mux(self.adds, product, 0))[: len(total)])
        with m.If(self.capture):
            m.d.sync += kept.eq(total)
        with m.Elif(self.shift):
            m.d.sync += kept.eq(self.behind)
        m.d.comb += fit(self.kept, kept.as_unsigned())
        return m


def definition(p: Arithmetic) -> Definition:
    """The lane of `p`, ready to be placed."""
    kind = f"{p.sum_width}_w{p.weight_bits}_{p.value}"
    return Definition(f"attention_value_lane_{kind}", ValueLane(p))
