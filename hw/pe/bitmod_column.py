"""A column's unit: weights as terms, one a cycle. Golden: golden.formats.bitmod."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats.bitmod import term_table
from golden.pe.bitmod import BSIG, LANES, SELECTOR, TERM, BitModParams, column_bits, weight_bits
from hw.float.bits import named
from hw.lanes import chosen, lane


class ColumnUnit(wiring.Component):
    """word, take                four codes, kept until the next
    selector, take_selector   which special value their group has, likewise
    phase                     which of the word's cycles
    weight                    four terms and bsig; of registers and phase

    For one datatype, with its special values as constants: any four numbers of two terms.
    """

    def __init__(self, params: BitModParams):
        self.params = p = params
        super().__init__({
            "word": In(weight_bits(p)), "take": In(1), "phase": In(range(max(2, p.weight.cycles))),
            "selector": In(SELECTOR), "take_selector": In(1), "weight": Out(column_bits(p)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        datatype = self.params.weight
        word = Signal(weight_bits(self.params), reset_less=True)
        with m.If(self.take):
            m.d.sync += word.eq(self.word)
        codes = [lane(word, i, LANES) for i in range(LANES)]
        if datatype.integer:
            terms = [self.booth_term(m, code, i) for i, code in enumerate(codes)]
        else:
            selector = Signal(SELECTOR, reset_less=True)
            with m.If(self.take_selector):
                m.d.sync += selector.eq(self.selector)
            minus_zero = 1 << datatype.width - 1
            table = term_table(datatype)[:, :, minus_zero].T  # [selectors, cycles]
            special = self.constants(m, table, selector, "special")
            terms = [self.listed_term(m, code, special, i) for i, code in enumerate(codes)]
        bsigs = [Const(datatype.bsig(cycle), BSIG) for cycle in range(datatype.cycles)]
        m.d.comb += self.weight.eq(Cat(*terms, chosen(m, bsigs, self.phase, "bsig")))
        return m

    def booth_term(self, m: Module, code: Value, i: int) -> Value:
        """The digit of the phase: -2 high + here + low."""
        cycles = self.params.weight.cycles
        bits = Cat(Const(0, 1), code, code[-1])  # from below the last bit, to the sign's second
        triples = [bits[2 * cycle : 2 * cycle + 3] for cycle in range(cycles)]
        low, here, high = chosen(m, triples, self.phase, f"triple_{i}")
        one, differ = low ^ here, high ^ here
        return Cat(one | differ, ~one & differ, Const(0, 1), high & ~(low & here))

    def listed_term(self, m: Module, code: Value, special: Value, i: int) -> Value:
        """The term that the magnitude has in the phase, with the code's sign; -0: the special value's."""
        magnitude, sign = code[:-1], code[-1]
        table = term_table(self.params.weight)[:, 0, : 1 << len(magnitude)].T  # [magnitudes, cycles]
        listed = self.constants(m, table, magnitude, f"listed_{i}")
        ordinary = Cat(listed[: TERM - 1], sign & listed[0])
        is_special = named(m, sign & ~magnitude.any(), f"is_special_{i}")
        return chosen(m, [ordinary, special], is_special, f"term_{i}")

    def constants(self, m: Module, table: np.ndarray, index: Value, name: str) -> Value:
        """table[index, phase], of terms."""
        cycles = [
            chosen(m, [Const(int(term), TERM) for term in column], index, f"{name}_{cycle}")
            for cycle, column in enumerate(table.T)
        ]
        return chosen(m, cycles, self.phase, name)
