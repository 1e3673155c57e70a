"""The multiplier PE: acc_out = acc_in + weight * activation. Golden: golden.pe.multiplier."""

from amaranth.hdl import Const, Mux, Signal

from golden.pe.multiplier import MultiplierParams
from hw.pe import booth
from hw.pe.integer import IntegerPe, exact, registered


class Pe(IntegerPe):
    """Ports: hw.pe.integer.

    One register holds the product, the second the operands, the third the product again: the
    places where a DSP block has its own. In logic cells the product is a tree of additions, and they hold the
    product, the sums of its last level, and those of the level before.
    """

    params: MultiplierParams

    def product(self, m):
        """As a tool likes to make it, by Booth's digits, or as a tree of additions."""
        if self.params.logic:
            return self.added(m)
        multiply = booth.multiply if self.params.multiplier == "booth" else exact
        return self.multiplied(m, self.weight, self.activation, multiply)

    def added(self, m):
        """The product as a sum over the bits of its narrower operand, neighbours first."""
        few, many = sorted((self.weight, self.activation), key=len)
        # (value, place, sign): the product is the sum of sign * value << place
        terms = [(Mux(bit, many, Const(0, many.shape())), place, 1) for place, bit in enumerate(few)]
        # two's complement: the top bit of the narrower operand weighs -2^(n - 1)
        if few.shape().signed:
            terms[-1] = (*terms[-1][:2], -1)
        levels = (len(terms) - 1).bit_length()
        for level in range(levels - 1, -1, -1):
            terms = [self.pair(m, level, *terms[at : at + 2]) for at in range(0, len(terms), 2)]
            if level < self.params.registers:
                terms = [(registered(m, value, f"level_{level}_{place}"), place, sign)
                         for value, place, sign in terms]
        value, _, sign = terms[0]
        for stage in range(self.params.registers - levels):
            value = registered(m, value, f"product_q{stage}")
        return value if sign > 0 else -value

    @staticmethod
    def pair(m, level, low, *high):
        """Two neighbours as one, at the lower one's place; one without a neighbour as it is."""
        if not high:
            return low
        (value, place, _), (more, above, sign) = low, high[0]
        total = value + (more << above - place) if sign > 0 else value - (more << above - place)
        q = Signal(total.shape(), name=f"sum_{level}_{place}")
        m.d.comb += q.eq(total)
        return q, place, 1
