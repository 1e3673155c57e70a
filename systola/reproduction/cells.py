"""Parts to measure: a PE with its registers, and the PEs that papers compare with and the table of PEs lacks.

    RegisteredCell  registers of both operands, the PE, the register of its running sum and what clears it
    Inner           the same without the operands' registers, which stand once a row and once a column
    RegisteredWord  such a register
    DotCell         acc + sum_k w_k a_k of K pairs, all bits at once
    SerialDot       acc + 2^b sum_k w_kb a_k of K pairs, a bit b of the weights a cycle

Sums stay in their cell (output-stationary), as in the tile.
"""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Int
from golden.pe import integers
from hw.emit import Definition
from hw.lanes import chosen, delayed, lane, tree
from hw.pe import booth


class RegisteredCell(wiring.Component):  # type: ignore[misc]
    """weight, activation  operands of the PE; operands: registered in here
    clear      with operands: their sum begins at zero
    sum        registered
    """

    def __init__(self, pe: Definition, latency: int, *, operands: bool = True):
        self.pe, self.latency, self.operands = pe, latency, operands
        self.uses = (pe,)
        inner = pe.component
        super().__init__({
            "weight": In(len(inner.weight)), "activation": In(len(inner.activation)), "clear": In(1),
            "sum": Out(len(inner.acc_in)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stages = int(self.operands)
        acc = Signal(len(self.sum), reset_less=True)
        base, total = Signal.like(acc), Signal.like(acc)
        clear = delayed(m, self.clear, self.latency + stages, "clear")
        m.d.comb += [base.eq(Mux(clear, 0, acc)), self.sum.eq(acc)]  # every format's zero is the code 0
        self.pe.place(
            m, "pe", acc_in=base, acc_out=total,
            weight=delayed(m, self.weight, stages, "weight"),
            activation=delayed(m, self.activation, stages, "activation"),
        )  # fmt: skip
        m.d.sync += acc.eq(total)
        return m


class RegisteredWord(wiring.Component):  # type: ignore[misc]
    """i, take -> o: a word, until the next is taken."""

    def __init__(self, width: int):
        super().__init__({"i": In(width), "take": In(1), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.take):
            m.d.sync += self.o.eq(self.i)
        return m


@dataclass(frozen=True, slots=True, kw_only=True)
class DotParams:
    """A dot product of `inputs` pairs; group: pairs in a sum; serial: a bit of the weight a cycle."""

    weight: Int
    activation: Int = Int(8)
    inputs: int = 4
    group: int = 4096
    serial: bool = False

    @property
    def accumulator(self) -> Int:
        least, largest = integers.products(self.weight, self.activation)
        return integers.narrowest(self.group * least, self.group * largest)

    @property
    def name(self) -> str:
        kind = "serial_dot" if self.serial else "dot"
        return f"{kind}{self.inputs}_{self.weight}_{self.activation}_acc{self.accumulator.width}"


class DotCell(wiring.Component):  # type: ignore[misc]
    """weight, activation  `inputs` operands each, the first in the lowest bits; acc_in -> acc_out at once."""

    clocked = False

    def __init__(self, params: DotParams, multiply: Callable[[Module, Value, Value], Value] | None = None):
        self.params, self.multiply = params, multiply
        p = params
        super().__init__({
            "weight": In(p.inputs * p.weight.width), "activation": In(p.inputs * p.activation.width),
            "acc_in": In(p.accumulator.width), "acc_out": Out(p.accumulator.width),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.params
        products = []
        for k in range(p.inputs):
            weight, activation = (
                lane(vector, k, p.inputs).as_signed() if fmt.signed else lane(vector, k, p.inputs)
                for vector, fmt in ((self.weight, p.weight), (self.activation, p.activation))
            )
            with_name = Module()
            m.submodules[f"product_{k}"] = with_name
            found = (self.multiply or times)(with_name, weight, activation)
            product = Signal(found.shape(), name=f"product_{k}")
            m.d.comb += product.eq(found)
            products.append(product)
        total = tree(m, products, lambda a, b: a + b, "sum")
        # group bounds the sum, so the carry out of the accumulator is dropped
        m.d.comb += self.acc_out.eq((self.acc_in.as_signed() + total)[: p.accumulator.width])
        return m


def times(m: Module, weight: Value, activation: Value) -> Value:
    """The product, as a tool likes to make it."""
    return weight * activation


class SerialDot(wiring.Component):  # type: ignore[misc]
    """weight      a bit of each of `inputs` weights, and above them which bit it is
    activation  `inputs` activations; acc_in -> acc_out, at once: unsigned weights
    """

    clocked = False

    def __init__(self, params: DotParams):
        self.params = p = params
        self.place_bits = max(1, (p.weight.width - 1).bit_length())
        super().__init__({
            "weight": In(p.inputs + self.place_bits), "activation": In(p.inputs * p.activation.width),
            "acc_in": In(p.accumulator.width), "acc_out": Out(p.accumulator.width),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.params
        rows = []
        for k in range(p.inputs):
            row = Signal(signed(p.activation.width), name=f"row_{k}")
            activation = lane(self.activation, k, p.inputs)
            m.d.comb += row.eq((activation & self.weight[k].replicate(p.activation.width)).as_signed())
            rows.append(row)
        total = tree(m, rows, lambda a, b: a + b, "sum")
        width = p.accumulator.width
        terms = [Signal(signed(width), name=f"term_{b}") for b in range(p.weight.width)]
        for b, term in enumerate(terms):
            m.d.comb += term.eq(Cat(Const(0, b), total).as_signed())
        entering = chosen(m, terms, self.weight[p.inputs :], "term")
        m.d.comb += self.acc_out.eq((self.acc_in + entering.as_unsigned())[:width])
        return m


def dot(p: DotParams, multiplier: str = "tool") -> Definition:
    """The dot product of `p`; multiplier: "tool" or "booth"."""
    if p.serial:
        return Definition(p.name, SerialDot(p), clocked=False)
    by_hand = multiplier == "booth"
    cell = DotCell(p, booth.multiply if by_hand else None)
    return Definition(f"{p.name}_booth" if by_hand else p.name, cell, clocked=False)


def kept(width: int) -> Definition:
    """A register of `width` bits."""
    return Definition(f"kept_{width}", RegisteredWord(width))


def cell(pe: Definition, latency: int, *, operands: bool = True) -> Definition:
    """The cell of a PE."""
    kind = "cell" if operands else "inner"
    return Definition(f"{kind}_{pe.name}", RegisteredCell(pe, latency, operands=operands))


__all__ = ["DotParams", "RegisteredCell", "RegisteredWord", "cell", "dot", "kept"]
