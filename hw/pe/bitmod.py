"""BitMoD's PE; with it a column's unit, and what finishes a group's sum. Golden: golden.pe.bitmod.

The tile's own registers are the row's unit: words of activations are what the PE takes.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.pe.bitmod import (
    BIAS,
    BSIG,
    EXPONENT,
    LANES,
    MANTISSA,
    TERM,
    WINDOW,
    BitModParams,
    activation_bits,
    column_bits,
)
from hw.float.bits import named
from hw.lanes import lane, tree
from hw.pe.bitmod_column import ColumnUnit
from hw.pe.bitmod_finish import Finish, partial
from hw.pe.integer import registered

__all__ = ["ColumnUnit", "Finish", "Pe", "partial"]

GUARD = 3  # bits below a significand that alignment keeps
SIGNIFICAND = 11 + GUARD


class Pe(wiring.Component):
    """weight      four terms (man, exp of 2, sign, from bit 0) and above them bsig
    activation  four fp16 codes
    acc_in, acc_out   the running sum of the operands `registers` cycles before; combinational

    One register holds the sum of the lanes, the second what matching exponents gives. The same for all
    datatypes: they are the column's.
    """

    def __init__(self, params: BitModParams):
        self.params = p = params
        self.clocked = p.registers > 0
        acc = p.accumulator.width
        super().__init__(
            {
                "weight": In(column_bits(p)),
                "activation": In(activation_bits(p)),
                "acc_in": In(acc),
                "acc_out": Out(acc),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = self.params.registers
        lanes, top = self.match_exponents(m)
        bsig = self.weight[LANES * TERM :]
        if stages == 2:
            lanes = [[registered(m, value, f"{name}_{i}_q") for name, value in each.items()]
                     for i, each in enumerate(lanes)]  # fmt: skip
            top, bsig = registered(m, top, "matched_top"), registered(m, bsig, "matched_bsig")
        else:
            lanes = [list(each.values()) for each in lanes]
        total = self.add_lanes(m, lanes)
        if stages:
            total, top, bsig = (
                registered(m, value, f"{name}_q")
                for name, value in (("total", total), ("top", top), ("bsig", bsig))
            )
        m.d.comb += self.acc_out.eq(self.gather(m, total, top, bsig))
        return m

    def match_exponents(self, m: Module) -> tuple[list[dict[str, Value]], Value]:
        """Step 1: each lane's significand, its sign, by how much it is shifted, whether it counts; m."""
        significands, signs, mans, places = [], [], [], []
        for i in range(LANES):
            code, term = lane(self.activation, i, LANES), lane(self.weight[: LANES * TERM], i, LANES)
            field = code[10:15]
            normal = named(m, field.any(), f"normal_{i}")
            exponent = Cat(field[0] | ~normal, field[1:])
            mans.append(term[0])
            # at most 31 + 3
            places.append(named(m, (exponent + term[1:3]) & term[0].replicate(6), f"place_{i}"))
            significands.append(Cat(code[:10], normal))
            signs.append(named(m, code[15] ^ term[3], f"sign_{i}"))
        top = tree(m, places, lambda a, b: Mux(a > b, a, b), "top")
        lanes = []
        for i in range(LANES):
            distance = named(m, (top - places[i])[:6], f"distance_{i}")
            # shifted by 16 or more, nothing of a significand of 14 bits is left
            keep = named(m, mans[i] & ~distance[4:].any(), f"keep_{i}")
            lanes.append(
                {"significand": significands[i], "sign": signs[i], "distance": distance[:4], "keep": keep}
            )
        return lanes, top

    def add_lanes(self, m: Module, lanes: list[list[Value]]) -> Value:
        """Step 2, up to S: magnitudes, inverted where negative; three additions carry the ones that lack.

        The fourth lane is negated whole: four numbers have one carry too many for three additions.
        """
        terms, signs = [], []
        for i, (significand, sign, distance, keep) in enumerate(lanes):
            value = Cat(Const(0, GUARD), significand)
            for stage in range(4):
                by = 1 << stage
                value = named(m, Mux(distance[stage], value[by:], value), f"shifted_{i}_{by}")
            flipped = (value & keep.replicate(SIGNIFICAND)) ^ sign.replicate(SIGNIFICAND)
            terms.append(named(m, Cat(flipped, sign).as_signed(), f"term_{i}"))
            signs.append(sign)
        # |magnitude| < 2^14: the negated one fits into the same 15 bits
        terms[3] = named(
            m, (terms[3].as_unsigned() + signs[3])[: SIGNIFICAND + 1].as_signed(), "term_3_whole"
        )
        low = signed_sum(m, terms[0], terms[1], signs[0], "low")
        high = signed_sum(m, terms[2], terms[3], signs[1], "high")
        return signed_sum(m, low, high, signs[2], "total")

    def gather(self, m: Module, total: Value, top: Value, bsig: Value) -> Value:
        """Step 2's D, and step 3."""
        addend = total
        for stage in range(BSIG):
            by = 1 << stage
            addend = named(m, Mux(bsig[stage], Cat(Const(0, by), addend).as_signed(), addend), f"addend_{by}")
        addend = addend[: WINDOW - 1].as_signed()  # bsig is at most 6
        mantissa, exponent = self.acc_in[:MANTISSA], self.acc_in[MANTISSA:]
        window = Cat(Const(0, WINDOW - MANTISSA), mantissa).as_signed()

        # Align: one shifter, for whichever has the smaller exponent.
        above = named(m, (top + BIAS)[:EXPONENT], "above")  # at most 34 + 20
        lead = named(m, above - exponent, "lead")
        swap = named(m, lead[-1], "swap")
        distance = named(m, Mux(swap, (exponent - above)[:EXPONENT], lead[:EXPONENT]), "distance")
        highest = named(m, Mux(swap, exponent, above), "highest")
        big = named(m, Mux(swap, window, addend), "big")
        small = named(m, Mux(swap, addend, window), "small")
        for stage in reversed(range(EXPONENT)):
            by = min(1 << stage, WINDOW)
            fill = small[-1].replicate(by)
            shifted = Cat(small[by:], fill).as_signed()
            small = named(m, Mux(distance[stage], shifted, small), f"small_{1 << stage}")

        # Add, and shift out the bits below the sign that repeat it.
        total = named(m, big + small, "sum")
        body, sign = total[:-1], total[-1]
        spare = []
        for stage in reversed(range(5)):
            by = 1 << stage
            first = Cat(body[-by:], sign)
            shift = named(m, first.all() | ~first.any(), f"spare_{by}")
            body = named(m, Mux(shift, Cat(Const(0, by), body[:-by]), body), f"body_{by}")
            spare.insert(0, shift)
        # of zero nothing but zeros is left; of all else the first bit differs from the sign
        there = named(m, body[-1] ^ sign, "there")
        place = named(m, (highest + 1 - Cat(*spare))[:EXPONENT], "place")
        return Cat(body[1 - MANTISSA :], sign, place & there.replicate(EXPONENT))


def signed_sum(m: Module, a: Value, b: Value, carry: Value, name: str) -> Value:
    """a + b + carry, of one width, signed, one bit wider."""
    wide = named(m, Cat(carry, a).as_signed() + Cat(carry, b).as_signed(), f"{name}_with_carry")
    return named(m, wide[1:].as_signed(), name)
