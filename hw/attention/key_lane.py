"""A slot of the engine with a lane a key: its key and its value, and a multiplier for each."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.attention.arithmetic import Arithmetic
from golden.attention.products import stages
from hw.attention.products import dot_product, value_product
from hw.emit import Definition
from hw.lanes import delayed

SIDES = ("k", "v")


class KeyLane(wiring.Component):
    """k_write, k_write_at, k      an element of a key goes there; v likewise
    k_read, k_read_at              an element is read; a cycle later `q` is the query's
    first, adds                    the product with it begins the dot product, adds to it
    here                           with `first`: the row reads this slot
    dot, valid                     the dot product; whether the row of it reads this slot
    w, keep                        the slot's weight, and whether it counts, for as long as values are read
    product                        weight times value
    saturated, invalid             of FP16, with `dot`: of one of its products; value_invalid with `product`
    """

    def __init__(self, p: Arithmetic):
        self.p = p
        self.dots, self.values = dot_product(p), value_product(p)
        self.uses = (self.dots, self.values)
        self.flags = ("saturated", "invalid") if p.floating else ()
        at = range(max(2, p.head_dim))
        super().__init__({
            "k": In(p.key.width),
            "v": In(p.value.width),
            **{f"{side}_{name}": In(1) for side in SIDES for name in ("write", "read")},
            **{f"{side}_{name}_at": In(at) for side in SIDES for name in ("write", "read")},
            "q": In(p.query.width),
            **{name: In(1) for name in ("first", "adds", "here", "keep")},
            "w": In(p.weight.width),
            "dot": Out(p.dot.width),
            "valid": Out(1),
            "product": Out(p.weighted_width),
            **{name: Out(1) for name in (*self.flags, *(("value_invalid",) if self.flags else ()))},
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        self.dot_product(m, self.element(m, "k", self.k))
        self.value_product(m, self.element(m, "v", self.v))
        return m

    def element(self, m, side, given):
        """What stands in one of the two memories, read a cycle before."""
        store = memory.Memory(shape=len(given), depth=self.p.head_dim, init=[])
        m.submodules[f"{side}_elements"] = store
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            write.en.eq(getattr(self, f"{side}_write")),
            write.addr.eq(getattr(self, f"{side}_write_at")),
            write.data.eq(given),
            read.en.eq(getattr(self, f"{side}_read")),
            read.addr.eq(getattr(self, f"{side}_read_at")),
        ]
        return read.data

    def dot_product(self, m, key):
        """Products of one row after another."""
        p = self.p
        product = Signal(signed(p.product.width), name="dot_element")
        told = {flag: Signal(name=f"{flag}_now") for flag in self.flags}
        go = {f"{stage}_go": 1 for stage in stages(p)}
        self.dots.place(m, "dot_product", q=self.q, k=key, product=product, **told, **go)
        total = Signal(signed(p.dot.width), name="total", reset_less=True)
        with m.If(self.adds):
            # head_dim products: the width of a dot product
            m.d.sync += total.eq((Mux(self.first, 0, total) + product)[: len(total)])
        with m.If(self.adds & self.first):
            m.d.sync += self.valid.eq(self.here)
        for flag, now in told.items():
            seen = Signal(name=f"{flag}_seen", reset_less=True)
            with m.If(self.adds):
                m.d.sync += seen.eq(now | (seen & ~self.first))
            m.d.comb += getattr(self, flag).eq(seen)
        m.d.comb += self.dot.eq(total)

    def value_product(self, m, value):
        """The weight times an element, 0 where the slot does not count."""
        p = self.p
        product, wrong = Signal(p.weighted_width, name="value_element"), Signal(name="value_wrong")
        told = {"invalid": wrong} if self.flags else {}
        go = {f"{stage}_go": 1 for stage in stages(p)}
        self.values.place(m, "value_product", w=self.w, v=value, product=product, **told, **go)
        keep = delayed(m, self.keep, len(stages(p)), "keep")
        m.d.comb += self.product.eq(Mux(keep, product, 0))
        if self.flags:
            m.d.comb += self.value_invalid.eq(keep & wrong)


def definition(p: Arithmetic) -> Definition:
    """The lane of `p`, ready to be placed."""
    kind = f"{p.head_dim}_{p.query}_{p.key}_{p.dot_integer}_{p.dot_fraction}_w{p.weight_bits}_{p.value}"
    return Definition(f"attention_key_lane_{kind}", KeyLane(p))
