"""LUT Tensor Core's table, lookup and sum. Golden: golden.pe.lut."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import FP16, FP32
from golden.pe.lut import LutParams, activation_bits, column_bits, row_bits, weight_bits
from hw.emit import Definition
from hw.float.add import Adder, add_terms, term
from hw.float.product import product
from hw.float.unpack import Unpacked, unpack
from hw.formats import shape_of
from hw.lanes import chosen, lane
from hw.pe.integer import registered


class RowUnit(wiring.Component):
    """activation  a word of `inputs` activations
    take        the table of the word is made at this edge, and kept until the next
    word        its entries, entry 0 in the lowest bits; registered

    One for all PEs of a row of the tile, which it is broadcast to.
    """

    def __init__(self, params: LutParams):
        self.params = p = params
        super().__init__({"activation": In(activation_bits(p)), "take": In(1), "word": Out(row_bits(p))})

    def elaborate(self, platform):
        m = Module()
        p = self.params
        given = [lane(self.activation, k, p.inputs) for k in range(p.inputs)]
        entries = float_entries(m, p, given) if p.floating else integer_entries(m, p, given)
        table = Signal(row_bits(p), name="table", reset_less=True)
        with m.If(self.take):
            m.d.sync += [lane(table, j, p.entries).eq(entry) for j, entry in enumerate(entries)]
        m.d.comb += self.word.eq(table)
        return m


def integer_entries(m: Module, p: LutParams, given: list[Value]) -> list[Value]:
    """Sums of signed (half) or of chosen (full) activations: each one addition to an entry before it."""
    width = p.entry.width
    values = [each.as_signed() for each in given]
    last = values.pop() if p.table == "half" else None
    # the half's entry 0 has every sign -1; a bit of the index then adds its activation twice
    base = Signal(shape_of(p.entry), name="entry_0")
    m.d.comb += base.eq(-sum(values, last)[:width] if p.table == "half" else 0)
    entries = [base]
    for k, value in enumerate(values):
        for index in range(1 << k):
            entry = Signal(shape_of(p.entry), name=f"entry_{index + (1 << k)}")
            # |entry| <= inputs * the largest activation: golden's width holds it, carries cancel
            m.d.comb += entry.eq((entries[index] + (value << (p.table == "half")))[:width])
            entries.append(entry)
    return entries


def float_entries(m: Module, p: LutParams, given: list[Value]) -> list[Value]:
    """((+-a_0 +- a_1) + (+-a_2 - a_3)) in fp16."""

    def negated(value: Value) -> Value:
        return value ^ (1 << FP16.width - 1)

    def added(a: Value, b: Value, name: str) -> Value:
        m.submodules[name] = adder = Adder(FP16, p.mode)
        m.d.comb += [adder.a.eq(a), adder.b.eq(b)]
        return adder.o

    a0, a1, a2, a3 = given
    low = [added(x, y, f"low_{i}") for i, (x, y) in enumerate(
        (negated(a0) if not i & 1 else a0, negated(a1) if not i & 2 else a1) for i in range(4)
    )]  # fmt: skip
    high = [added(x, negated(a3), f"high_{i}") for i, x in enumerate((negated(a2), a2))]
    return [added(low[j & 3], high[j >> 2], f"entry_{j}") for j in range(8)]


class ColumnUnit(wiring.Component):
    """word, take   a plane of indices for each bit of the weights, kept until the next word
    phase        which bit of the weights
    weight       its plane, and which it is; of registers and phase
    """

    def __init__(self, params: LutParams):
        self.params = p = params
        phase = range(max(2, p.weight.width))
        super().__init__({
            "word": In(weight_bits(p)), "take": In(1), "phase": In(phase), "weight": Out(column_bits(p)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p = self.params
        word = Signal(weight_bits(p), reset_less=True)
        with m.If(self.take):
            m.d.sync += word.eq(self.word)
        planes = [lane(word, bit, p.weight.width) for bit in range(p.weight.width)]
        m.d.comb += self.weight.eq(Cat(chosen(m, planes, self.phase, "plane"), self.phase))
        return m


class Pe(wiring.Component):
    """activation  a table, from the row's `RowUnit`
    weight      index, sign and which bit of the weights, from the column
    acc_in, acc_out   the sum of what was looked up `registers` cycles before; combinational
    """

    def __init__(self, params: LutParams):
        self.params = p = params
        self.clocked = p.registers > 0
        acc = p.accumulator
        super().__init__(
            {
                "weight": In(column_bits(p)),
                "activation": In(row_bits(p)),
                "acc_in": In(acc.width),
                "acc_out": Out(acc.width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        entry, negative = self.look_up(m)
        bit = self.weight[p.inputs :]
        if p.registers:
            entry, negative, bit = (
                registered(m, value, f"{name}_q")
                for name, value in (("entry", entry), ("negative", negative), ("bit", bit))
            )
        m.d.comb += self.acc_out.eq(self.float_sum(m, entry, negative, bit) if p.floating
                                    else self.integer_sum(m, entry, negative, bit))  # fmt: skip
        return m

    def look_up(self, m: Module) -> tuple[Value, Value]:
        """The entry, as it stands in the table, and whether it counts with the other sign."""
        p = self.params
        index = Signal(range(p.entries), name="index")
        negative = Signal()
        if p.table == "full":
            m.d.comb += index.eq(self.weight[: p.inputs])
        else:
            low, top = self.weight[: p.inputs - 1], self.weight[p.inputs - 1]
            flip = top.replicate(p.inputs - 1) if p.remap == "online" else Const(0, p.inputs - 1)
            m.d.comb += [index.eq(low ^ flip), negative.eq(top)]
        # two-way choices: a part-select with a variable stride costs Yosys a shifter
        entries = [lane(self.activation, j, p.entries) for j in range(p.entries)]
        return chosen(m, entries, index, "entry"), negative

    def integer_sum(self, m: Module, entry: Value, negative: Value, bit: Value) -> Value:
        """acc_in + 2^bit (+-entry): inverted and one more where negative, the one as the addition's carry.

        What 2^bit leaves free below is filled with ones where negative, so that the carry passes through.
        """
        p = self.params
        width = p.accumulator.width
        flipped = (entry ^ negative.replicate(len(entry))).as_signed()
        terms = [Signal(signed(width), name=f"term_{b}") for b in range(p.weight.width)]
        for b, shifted in enumerate(terms):
            m.d.comb += shifted.eq(Cat(negative.replicate(b), flipped).as_signed())
        entering = chosen(m, terms, bit, "term")
        total = Signal(width + 1, name="total")
        # group bounds the sum (golden: accumulator), so the carry out of the accumulator is dropped
        m.d.comb += total.eq((Cat(negative, self.acc_in) + Cat(negative, entering))[: width + 1])
        return total[1:]

    def float_sum(self, m: Module, entry: Value, negative: Value, bit: Value) -> Value:
        """acc_in + 2^bit (+-entry) in fp32."""
        mode, no = self.params.mode, Const(0)
        looked_up = unpack(m, FP16, entry, mode.subnormals, "entry")
        power = Unpacked(negative, bit, Const(1, 1), no, no, no, 0, 0, self.params.weight.width - 1)
        entering = product(m, looked_up, power, FP32, mode)
        running = term(m, FP32, self.acc_in, mode, "acc", entering.offset)
        return add_terms(m, FP32, mode, running, entering)


class Whole(wiring.Component):
    """A row's table and a PE at it, for their bench: activation is a word; a cycle later than `Pe`."""

    def __init__(self, params: LutParams):
        self.params = p = params
        self.row = Definition("lut_row", RowUnit(p))
        self.pe = Definition("lut_pe", Pe(p), clocked=p.registers > 0)
        self.uses = (self.row, self.pe)
        super().__init__(
            {
                "weight": In(column_bits(p)),
                "activation": In(activation_bits(p)),
                "acc_in": In(p.accumulator.width),
                "acc_out": Out(p.accumulator.width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        table = Signal(row_bits(self.params))
        weight = registered(m, self.weight, "weight_q")
        self.row.place(m, "row", activation=self.activation, take=Const(1, 1), word=table)
        self.pe.place(m, "pe", weight=weight, activation=table, acc_in=self.acc_in, acc_out=self.acc_out)
        return m
