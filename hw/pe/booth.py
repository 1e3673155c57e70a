"""A radix-4 Booth multiplier, written out: recoded digits, rows, full adders, one addition.

    x = sum_j d_j 4^j,  d_j = -2 x_(2j+1) + x_(2j) + x_(2j-1) in {-2, ..., 2}          x * y = sum_j d_j y 4^j

Source: MacSorley, Proc. IRE 49(1), 1961. x is the operand with fewer digits, the weight where they are alike.
A row is d_j y with its bits inverted where the digit is below zero; the 1 that completes the negative goes
into the empty places below the next row. A signed row's top bit b counts -b 2^n = (1-b) 2^n - 2^n: it is
inverted, and the constants of all rows are one. Yosys would make one $macc of a + b + c, with rows as wide as
the sum: here vectors of full adders (carry-save) leave it one addition. All counts modulo 2^(product bits).
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from hw.fit import fit


def multiply(m: Module, weight: Value, activation: Value) -> Value:
    """weight * activation, signed unless neither is."""
    x, y = sorted((weight, activation), key=lambda value: len(value) + (not value.shape().signed))
    width = len(x) + len(y)
    rows, constant = partial_products(m, x, y, width)
    sums = carry_save(m, [*rows, constant], width)
    product = Signal((weight * activation).shape(), name="product")
    m.d.comb += product.eq((sums[0] + sums[1])[:width])
    return product


def partial_products(m: Module, x: Value, y: Value, width: int) -> tuple[list[Value], Value]:
    """A row for each digit of x, in place; and the constant, with the last row's one."""
    if not x.shape().signed:
        x = Cat(x, Const(0, 1))
    code = Cat(Const(0, 1), x, x[-1])  # x_(-1), and the sign once more for an odd number of bits
    multiple = signed(len(y) + 1 + (not y.shape().signed))  # holds 2y
    rows, constant, ones = [], 0, Const(0, 1)
    for place in range(0, len(x), 2):
        below, middle, negative = code[place], code[place + 1], code[place + 2]
        single, double = Signal(name=f"single_{place}"), Signal(name=f"double_{place}")
        chosen = Signal(multiple, name=f"chosen_{place}")
        row = Signal(multiple.width, name=f"row_{place}")
        m.d.comb += [
            single.eq(middle ^ below),
            double.eq(~single & (negative ^ middle)),
            fit(chosen, Mux(single, y, 0) | Mux(double, y << 1, 0)),
            row.eq(chosen.as_unsigned() ^ negative.replicate(len(row))),
        ]
        lower = Const(0, place) if not rows else Cat(Const(0, place - 2), ones, Const(0, 1))
        shifted = Signal(width, name=f"shifted_{place}")
        m.d.comb += shifted.eq(Cat(lower, row[:-1], ~row[-1])[:width])
        rows.append(shifted)
        constant -= 1 << place + multiple.width - 1
        ones = negative
    last = len(rows) * 2 - 2  # below every bit of the constant, as y has no fewer bits than x
    rest = Const(constant >> last + 1, width - last - 1)
    return rows, Cat(Const(0, last), ones, rest)


def carry_save(m: Module, rows: list[Value], width: int) -> list[Value]:
    """Two rows, or fewer, whose sum is that of `rows`: full adders, three rows to two, level by level."""
    level = 0
    while len(rows) > 2:
        level += 1
        whole = len(rows) // 3 * 3
        reduced = []
        for index in range(0, whole, 3):
            a, b, c = rows[index : index + 3]
            sums = Signal(width, name=f"sums_{level}_{index // 3}")
            carries = Signal(width, name=f"carries_{level}_{index // 3}")
            majority = (a & b) | (c & (a ^ b))
            m.d.comb += [fit(sums, a ^ b ^ c), carries.eq(Cat(Const(0, 1), majority[:-1]))]
            reduced += [sums, carries]
        rows = [*reduced, *rows[whole:]]
    return rows
