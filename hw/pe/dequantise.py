"""Dequantise in the loop, in RTL: a weight to int8, then multiply and add. Golden: golden.pe.dequantise."""

from amaranth.hdl import Cat, Signal, signed

from golden.pe.dequantise import INT8, DequantiseParams, fields
from hw.fit import fit
from hw.formats import shape_of
from hw.pe.integer import IntegerPe, exact


class Pe(IntegerPe):
    """Ports: hw.pe.integer; a weight is the word {code, zero, scale} from bit 0.

    The first register holds the product, the second the dequantised weight and its activation.
    """

    params: DequantiseParams

    def product(self, m):
        """Of the dequantised weight and the activation."""
        return self.multiplied(m, self.dequantised(m), self.activation, exact)

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
