"""The walks of the vector unit's commands: fields of a command as commands of the fetchers and walks."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS, Kind
from golden.accelerator.map_lanes import TABLE_ENTRIES
from golden.accelerator.params import AcceleratorParams
from hw.accelerator.command_fields import fields, is_one
from hw.accelerator.walk import command_layout

OPCODES = (Opcode.MAP, Opcode.TABLE, Opcode.EXPONENTIAL, Opcode.NORMALISE)
DIMS = 5  # words of a vector, then the command's loops
P_DIMS, R_DIMS = 3, 3
Loop = tuple[Value | int, Value | int]  # count, stride


def words_of(kind: Value) -> Value:
    """Words of a vector of that kind: 1, 2, 4; 0 for none."""
    one, two, four = (kind == each for each in (Kind.BYTE, Kind.HALF, Kind.WORD))
    return Cat(one, two, four)


class Walks:
    """The commands of all walks of `command`, 512 bits: `a`, `b`, `out`, `loops`, `p`, `r`.

    loops: no addresses, only the ends of MAP's loops. is_map and so on: which opcode the command has.
    """

    def __init__(self, m: Module, p: AcceleratorParams, command: Value):
        self.is_map, self.is_table, self.is_softmax, self.is_norm = (
            Signal(name=f"is_{opcode.name.lower()}") for opcode in OPCODES
        )
        kinds = (self.is_map, self.is_table, self.is_softmax, self.is_norm)
        m.d.comb += [kind.eq(is_one(command, opcode)) for kind, opcode in zip(kinds, OPCODES, strict=True)]
        self.map, softmax, norm = (
            fields(command, opcode) for opcode in (Opcode.MAP, Opcode.EXPONENTIAL, Opcode.NORMALISE)
        )
        c = self.map
        # every opcode has as many loops: those it lacks go round once
        none: Loop = (1, 0)
        # engines read each group twice
        twice: Loop = (2, 0)
        a = [self.loops_of(c, "a", 4), [(512 // p.lanes, 1), none, none, none]]
        for view in (softmax, norm):
            inner, *outer = self.loops_of(view, "a", 3)
            a.append([inner, twice, *outer])
        out = [[(Mux(c.reduce, 1, count), stride) if i < 2 else (count, stride)
                for i, (count, stride) in enumerate(self.loops_of(c, "out", 4))], [none] * 4]  # fmt: skip
        out += [[*self.loops_of(view, "out", 3), none] for view in (softmax, norm)]
        a_words = self.choose([words_of(c.a_kind), 1, 2, 2])
        out_words = self.choose([words_of(c.out_kind), 1, 1, 2])
        self.a = self.walk(m, "a_walk", c.a, [(a_words, 1), *self.chosen(a)])
        self.b = self.walk(m, "b_walk", c.b, [(words_of(c.b_kind), 1), *self.loops_of(c, "b", 4)])
        base = self.choose([c.out, 0, softmax.out, norm.out])
        self.out = self.walk(m, "out_walk", base, [(out_words, 1), *self.chosen(out)])
        self.loops = self.walk(m, "loops", Const(0, 16), [(c[f"count{i}"], 0) for i in range(4)])
        # one block; or one for each round of loop 3 (p_loop); or of loop 2, again in each round of loop 3
        same = c.p_stride == 0
        inner = Mux(same, 1, Mux(c.p_loop, c.count3, c.count2))
        outer = Mux(same | c.p_loop, 1, c.count3)
        self.p = self.walk(m, "p_walk", c.p, [(BLOCK_WORDS, 1), (inner, c.p_stride), (outer, 0)])
        rows = [(softmax[f"count{i}"], softmax[f"r_stride{i}"]) for i in (1, 2)]
        self.r = self.walk(m, "r_walk", softmax.r, [(2, 1), *rows])
        self.entries_in_word = TABLE_ENTRIES * p.lanes // 512

    def loops_of(self, view: data.View, operand: str, count: int) -> list[Loop]:
        """Loops 0 to count - 1 of an operand."""
        return [(view[f"count{i}"], view[f"{operand}_stride{i}"]) for i in range(count)]

    def choose(self, values: Sequence[Value | int]) -> Value:
        """The value for the command's opcode."""
        of_map, of_table, of_softmax, of_norm = values
        engine = Mux(self.is_softmax, of_softmax, of_norm)
        return Mux(self.is_map, of_map, Mux(self.is_table, of_table, engine))

    def chosen(self, loops: Sequence[Sequence[Loop]]) -> list[Loop]:
        """Each loop for the command's opcode."""
        each = zip(*loops, strict=True)
        return [(self.choose([n for n, _ in own]), self.choose([s for _, s in own])) for own in each]

    def walk(self, m: Module, name: str, base: Value, loops: Sequence[Loop]) -> Value:
        """A walk's command, from its loops, innermost first."""
        layout = command_layout(len(loops))
        word = Signal(layout, name=name)
        m.d.comb += word.base.eq(base)
        for index, (count, stride) in enumerate(loops):
            m.d.comb += [word[f"count_{index}"].eq(count), word[f"stride_{index}"].eq(stride)]
        return word.as_value()
