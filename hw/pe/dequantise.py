"""Dequantise in the loop, in RTL: a weight to int8, then multiply and add. Golden: golden.pe.dequantise."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.pe.dequantise import INT8, DequantiseParams, fields
from hw.fit import fit
from hw.formats import shape_of
from hw.pe.multiplier import registered


class Pe(wiring.Component):
    """weight, activation  operands; a weight is the word {code, zero, scale} from bit 0
    acc_in, acc_out        the sum of the operands `registers` cycles before; combinational

    The first register holds the product, the second the dequantised weight and its activation.
    """

    def __init__(self, params: DequantiseParams):
        self.params = p = params
        self.clocked = p.registers > 0
        super().__init__(
            {
                "weight": In(shape_of(p.weight)),
                "activation": In(shape_of(p.activation)),
                "acc_in": In(shape_of(p.accumulator)),
                "acc_out": Out(shape_of(p.accumulator)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        weight, activation = self.dequantised(m), self.activation
        if p.registers == 2:
            weight = registered(m, weight, "dequantised_q")
            activation = registered(m, activation, "activation_q")
        product = Signal((weight * activation).shape(), name="product")
        m.d.comb += product.eq(weight * activation)
        if p.registers:
            product = registered(m, product, "product_q")
        # depth bounds the sum (golden: accumulator), so the carry out of the accumulator is dropped
        m.d.comb += fit(self.acc_out, (self.acc_in + product)[: p.accumulator.width].as_signed())
        return m

    def dequantised(self, m):
        """clip(round_half_up((code - zero) * scale / 2^shift), int8)."""
        p = self.params
        each, place = {}, 0
        for name, fmt in fields(p).items():
            each[name] = Signal(shape_of(fmt), name=name)
            m.d.comb += each[name].eq(self.weight[place : place + fmt.width])
            place += fmt.width
        offset = Signal(signed(p.code.width + 1))  # the difference of two codes takes one bit more
        scaled = Signal(signed(p.code.width + 1 + p.scale_bits))
        with_half = Signal(signed(len(scaled) + 1))
        rounded = Signal(signed(len(with_half) - p.shift))
        weight = Signal(shape_of(INT8), name="dequantised")
        difference = each["code"] - each["zero"]
        m.d.comb += [
            offset.eq(difference),
            fit(scaled, offset * each["scale"]),
            fit(with_half, scaled + (1 << p.shift >> 1)),
            fit(rounded, with_half[p.shift :].as_signed()),
            weight.eq(rounded),
        ]
        if len(rounded) > INT8.width:
            sign, above = rounded[-1], rounded[INT8.width - 1 :]
            with m.If(above.any() & ~above.all()):  # int8 has fewer bits than that: the end of its sign
                m.d.comb += weight.eq(Cat((~sign).replicate(INT8.width - 1), sign))
        return weight
