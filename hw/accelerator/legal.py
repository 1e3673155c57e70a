"""Whether a command is legal. Golden: golden.accelerator.legal."""

from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from golden.accelerator import normalise
from golden.accelerator.commands import BITS, Kind, Opcode, Operation
from golden.accelerator.legal import most_vectors, places, unit_of, used_bits
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from hw.lanes import tree

PASSES = ("count_k0", "count_k1", "count_k2")


def field(word: Value, opcode: Opcode, name: str) -> Value:
    """A field of a command."""
    found, low = places(opcode)[name]
    return word[low : low + found.width]


def illegal(m: Module, p: AcceleratorParams, word: Value) -> Value:
    """All of golden's `illegal` but the products of counts, which take a cycle more: `too_many`."""
    known = Signal(name="opcode_known")
    wrong = []
    for opcode in Opcode:
        here, bad = Signal(name=f"is_{opcode.name.lower()}"), Signal(name=f"bad_{opcode.name.lower()}")
        zeros = [
            ~field(word, opcode, name).any() for name, (each, _) in places(opcode).items() if each.least
        ]
        beyond = word[used_bits(opcode) : BITS].any()
        m.d.comb += [here.eq(word[:8] == opcode), bad.eq(Cat(beyond, *zeros, *extra(p, opcode, word)).any())]
        wrong.append((here, bad))
    m.d.comb += known.eq(Cat(here for here, _ in wrong).any())
    return ~known | tree(m, [here & bad for here, bad in wrong], or_, "bad")


def extra(p: AcceleratorParams, opcode: Opcode, word: Value) -> list[Value]:
    """What no field shows by itself."""
    if unit_of(opcode) < 0:
        return [word[8:16].any()]
    if opcode == Opcode.MULTIPLY:
        width = count_bits(p)
        part = field(word, opcode, "open") | field(word, opcode, "more")
        wrong = [field(word, opcode, name)[width:].any() for name in ("count_x", "count_y")]
        wrong += [field(word, opcode, name)[pass_bits(p) :].any() for name in PASSES]
        return [*wrong, *(part & (field(word, opcode, name) != 1) for name in ("tiles0", "tiles1"))]
    if opcode == Opcode.MAP:
        function, operation, b_kind, reduce = (
            field(word, opcode, name) for name in ("function", "operation", "b_kind", "reduce")
        )
        multiplies, adds = operation == Operation.MUL, operation == Operation.ADD
        return [
            function >= FIRST_FUNCTION + len(p.functions),
            adds & reduce,
            (multiplies | adds) & (b_kind == Kind.NONE),
            multiplies & (b_kind == Kind.WORD),
        ]
    if opcode == Opcode.EXPONENTIAL:
        return [field(word, opcode, "count0") > most_vectors(p)]
    if opcode == Opcode.NORMALISE:
        return [field(word, opcode, "length") > normalise.LONGEST]
    return []


def count_bits(p: AcceleratorParams) -> int:
    """Of a count that is no more than the accumulator's rows."""
    return p.unit.accumulator_rows.bit_length()


def pass_bits(p: AcceleratorParams) -> int:
    """Of a count that is no more than the passes of a product."""
    return most_passes(p).bit_length()


def too_many(m: Module, p: AcceleratorParams, word: Value, go: Value) -> Value:
    """Whether a MULTIPLY wants more rows than there are, or more passes than the accumulators hold; of the
    word that stood when `go` was high."""
    width, deep = count_bits(p), pass_bits(p)
    counts = [field(word, Opcode.MULTIPLY, name)[:width] for name in ("count_x", "count_y")]
    passes = [field(word, Opcode.MULTIPLY, name)[:deep] for name in PASSES]
    total = Signal(2 * width, name="rows_wanted", reset_less=True)
    # two cycles for the product of three: beyond `deep` bits that of the first two is too large by itself
    inner, outer = Signal(2 * deep, name="inner_passes", reset_less=True), Signal(deep, reset_less=True)
    multiplies = Signal(name="multiplies", reset_less=True)
    with m.If(go):
        m.d.sync += [total.eq(counts[0] * counts[1]), multiplies.eq(word[:8] == Opcode.MULTIPLY)]
        m.d.sync += [inner.eq(passes[0] * passes[1]), outer.eq(passes[2])]
    deeper = inner[deep:].any() | (inner[:deep] * outer > most_passes(p))
    return Mux(multiplies, (total > p.unit.accumulator_rows) | deeper, 0)
