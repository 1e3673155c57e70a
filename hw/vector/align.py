"""Align in RTL: a buffer of two groups, and shifters behind it. Golden: golden.vector.align."""

from functools import cache

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.vector.align import AlignParams
from hw.emit import Definition
from hw.lanes import lane, tree
from hw.stages import hold_stages


class Align(wiring.Component):
    """`lanes` numbers in, as many integers out, every cycle, a group later.

    i  stream of codes; i.ready is a register's: the half of the buffer that is written is free
    o  stream of {aligned: lanes of integers; exponent, special: the group's; last: its last word}; registered

    A half of the buffer takes a group, while the greatest exponent so far is kept; when it is full it is
    read, and the other half takes the next group.
    """

    def __init__(self, params: AlignParams):
        self.params = p = params
        flags = {"exponent": p.exponent.width, "special": 1, "last": 1}
        self.flags = data.StructLayout(flags)
        word = data.StructLayout({"aligned": p.lanes * p.bits, **flags})
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(p.lanes * p.format.width))),
                "o": Out(stream.Signature(word)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        m.submodules.buffer = buffer = memory.Memory(
            shape=unsigned(p.lanes * p.format.width), depth=2 << (p.words - 1).bit_length(), init=[]
        )
        written, read = buffer.write_port(), buffer.read_port(transparent_for=())
        full = Signal(2)
        exponents = [Signal(p.exponent.width, name=f"exponent_{half}", reset_less=True) for half in range(2)]
        specials = [Signal(name=f"special_{half}", reset_less=True) for half in range(2)]

        # In: a word into its half, the greatest exponent and the flag beside it.
        in_count, in_half, in_moves = Signal(range(p.words)), Signal(), Signal()
        greatest, flagged = self.of_word(m)
        in_first, in_last = in_count == 0, in_count == p.words - 1
        so_far, before = Mux(in_half, *exponents[::-1]), Mux(in_half, *specials[::-1])
        m.d.comb += [
            self.i.ready.eq(~Mux(in_half, full[1], full[0])),
            in_moves.eq(self.i.valid & self.i.ready),
            written.addr.eq(Cat(in_count, in_half)),
            written.data.eq(self.i.payload),
            written.en.eq(in_moves),
        ]
        with m.If(in_moves):
            for half in range(2):
                with m.If(in_half == half):
                    m.d.sync += exponents[half].eq(Mux(in_first | (greatest > so_far), greatest, so_far))
                    m.d.sync += specials[half].eq(flagged | (before & ~in_first))
            m.d.sync += [
                in_count.eq(Mux(in_last, 0, in_count + 1)),
                in_half.eq(in_half ^ in_last),
            ]

        # Out: a word of a full half to the memory's register, then shifted into o.
        out_count, out_half, out_moves = Signal(range(p.words)), Signal(), Signal()
        # A half is full from its last word in to its last word out; the two halves take turns.
        there, out_last = Signal(), out_count == p.words - 1
        stored = Signal(self.flags, reset_less=True)
        go = {"stored": Signal(name="stored_go"), "o": Signal(name="o_go")}
        m.d.comb += [
            there.eq(Mux(out_half, full[1], full[0])),
            self.o.valid.eq(hold_stages(m, go, valid=there, ready=self.o.ready)),
            out_moves.eq(there & go["stored"]),
            read.addr.eq(Cat(out_count, out_half)),
            read.en.eq(go["stored"]),
        ]
        with m.If(go["stored"]):
            m.d.sync += [
                stored.exponent.eq(Mux(out_half, *exponents[::-1])),
                stored.special.eq(Mux(out_half, *specials[::-1])),
                stored.last.eq(out_last),
            ]
        with m.If(out_moves):
            m.d.sync += [out_count.eq(Mux(out_last, 0, out_count + 1)), out_half.eq(out_half ^ out_last)]
        for half in range(2):
            with m.If(in_moves & in_last & (in_half == half)):
                m.d.sync += full[half].eq(1)
            with m.Elif(out_moves & out_last & (out_half == half)):
                m.d.sync += full[half].eq(0)
        self.shift_out(m, read.data, stored, go["o"])
        return m

    def shift_out(self, m, word, stored, go):
        """o takes a stored word, aligned, when it may."""
        p = self.params
        o = Signal(self.o.p.shape(), name="o_q", reset_less=True)
        aligned = Signal(p.lanes * p.bits)
        for index in range(p.lanes):
            m.d.comb += lane(aligned, index, p.lanes).eq(
                self.aligned(m, lane(word, index, p.lanes), stored, index)
            )
        with m.If(go):
            m.d.sync += [o.aligned.eq(aligned), *(o[name].eq(stored[name]) for name in self.flags.members)]
        m.d.comb += self.o.payload.eq(o)

    def of_word(self, m):
        """The greatest exponent of a word's numbers, and whether one is an infinity or a NaN."""
        p, fmt = self.params, self.params.format
        codes = [lane(self.i.payload, index, p.lanes) for index in range(p.lanes)]
        fields = [code[fmt.mantissa_bits : -1] for code in codes]
        largest = Signal(p.exponent.width)
        greatest = Signal.like(largest)
        special = Signal()
        m.d.comb += [
            largest.eq(tree(m, fields, lambda a, b: Mux(a > b, a, b), "greater")),
            special.eq(largest.all()),
            # no less than a subnormal's 1, no more than the largest number's
            greatest.eq(Cat((largest[0] | ~largest.any()) & ~special, largest[1:])),
        ]
        return greatest, special

    def aligned(self, m, code, stored, index):
        """One number at the group's exponent."""
        p, fmt = self.params, self.params.format
        mantissa, field = code[: fmt.mantissa_bits], code[fmt.mantissa_bits : -1]
        special, normal = field.all(), field.any()
        own = Signal(p.exponent.width, name=f"own_{index}")
        significand = Signal(p.bits - 1, name=f"significand_{index}")
        distance = Signal.like(own, name=f"distance_{index}")
        magnitude = Signal(p.bits - 1, name=f"magnitude_{index}")
        m.d.comb += [
            own.eq(Cat((field[0] | ~normal) & ~special, field[1:])),
            significand.eq(Cat(Const(0, p.guard), mantissa | special.replicate(fmt.mantissa_bits), normal)),
            distance.eq((stored.exponent - own)[: p.exponent.width]),  # own is no more than the greatest
            magnitude.eq(significand >> distance),
        ]
        return Mux(code[-1], -magnitude, magnitude)[: p.bits]


@cache
def definition(p: AlignParams) -> Definition:
    """The aligner of `p`."""
    return Definition(f"align_{p.format}_int{p.bits}_g{p.group}_x{p.lanes}", Align(p))
