"""A query by a key: head_dim products and the tree that adds them up. Golden: golden.attention.products."""

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention.arithmetic import Arithmetic
from golden.attention.products import stages
from golden.attention.window import TREE_LEVELS
from hw.attention.products import dot_product, name_of
from hw.emit import Definition
from hw.lanes import lane


def registered_tree(m: Module, values: list[Value], combine, name: str) -> Value:
    """`values` combined pair by pair, with a register behind every TREE_LEVELS levels and the last one."""
    level = 0
    while len(values) > 1:
        level += 1
        pairs = [combine(a, b) for a, b in zip(values[::2], values[1::2], strict=False)]
        pairs += values[len(values) & ~1 :]
        domain = m.d.sync if level % TREE_LEVELS == 0 or len(pairs) == 1 else m.d.comb
        values = []
        for index, pair in enumerate(pairs):
            values.append(Signal(pair.shape(), name=f"{name}_{level}_{index}", reset_less=True))
            domain += values[-1].eq(pair)
    return values[0]


class Dot(wiring.Component):
    """q, k: head_dim codes each. dot: the sum of the products, window_cycles.tree_registers behind them.

    Of FP16 also: saturated, a product was too large; invalid, a code is no finite number.
    """

    def __init__(self, p: Arithmetic):
        self.p = p
        self.product = dot_product(p)
        self.uses = (self.product,)
        self.flags = ("saturated", "invalid") if p.floating else ()
        super().__init__(
            {
                "q": In(p.head_dim * p.query.width),
                "k": In(p.head_dim * p.key.width),
                "dot": Out(p.dot.width),
                **{flag: Out(1) for flag in self.flags},
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.p
        products, flags = [], {flag: [] for flag in self.flags}
        for h in range(p.head_dim):
            product = Signal(signed(p.product.width), name=f"product_{h}")
            told = {flag: Signal(name=f"{flag}_{h}") for flag in self.flags}
            self.product.place(
                m, f"product_{h}", q=lane(self.q, h, p.head_dim), k=lane(self.k, h, p.head_dim),
                product=product, **told, **{f"{stage}_go": 1 for stage in stages(p)},
            )  # fmt: skip
            products.append(product)
            for flag, signal in told.items():
                flags[flag].append(signal)
        total = registered_tree(m, products, lambda a, b: a + b, "sum")
        m.d.comb += self.dot.eq(total[: p.dot.width])
        for flag, each in flags.items():
            m.d.comb += getattr(self, flag).eq(registered_tree(m, each, lambda a, b: a | b, flag))
        return m


def definition(p: Arithmetic) -> Definition:
    """The dot product of `p`, ready to be placed."""
    return Definition(f"attention_dots_{p.head_dim}_{name_of(p)}", Dot(p))
