"""Whether a command is legal, from the units' rules. Golden: golden.accelerator.legal."""

from operator import or_

from amaranth.hdl import Cat, Module, Signal, Value

from golden.accelerator.commands import BITS, CONTROL, KINDS, MASKS, AtMost, Not, Opcode
from golden.accelerator.legal import mask_of
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import names
from hw.lanes import tree


def field(word: Value, opcode: Opcode, name: str) -> Value:
    """A field of a command."""
    found, low = opcode.places[name]
    return word[low : low + found.width]


def known(p: AcceleratorParams) -> list[Opcode]:
    """Control's opcodes and those of the units that the design has."""
    return [opcode for opcode in Opcode if opcode.unit == CONTROL or names()[opcode.unit] in p.present]


def illegal(m: Module, p: AcceleratorParams, word: Value) -> Value:
    """Golden's `illegal`, except products of fields, which take a cycle more: see `too_many`."""
    is_known = Signal(name="opcode_known")
    wrong = []
    for opcode in known(p):
        here, bad = Signal(name=f"is_{opcode.name.lower()}"), Signal(name=f"bad_{opcode.name.lower()}")
        zeros = [~field(word, opcode, name).any() for name, (each, _) in opcode.places.items() if each.least]
        # bits that no field has must be 0, so that later versions may use them
        beyond = word[opcode.bits : BITS].any()
        allowed = 0 if opcode.unit == CONTROL else mask_of(p.present)
        # a unit that the design lacks would never give the token
        absent = (1 << KINDS) - 1 & ~allowed
        strangers = [(field(word, opcode, mask) & absent).any() for mask in MASKS]
        rules = [breach for rule in opcode.rules for breach in breaches(p, opcode, rule, word)]
        m.d.comb += [here.eq(word[:8] == opcode), bad.eq(Cat(beyond, *zeros, *strangers, *rules).any())]
        wrong.append((here, bad))
    m.d.comb += is_known.eq(Cat(here for here, _ in wrong).any())
    return ~is_known | tree(m, [here & bad for here, bad in wrong], or_, "bad")


def breaches(p: AcceleratorParams, opcode: Opcode, rule, word: Value) -> list[Value]:
    """Conditions under which a command breaks a rule, as far as they need no product."""
    if isinstance(rule, AtMost):
        bound = rule.bound(p)
        if len(rule.fields) == 1:
            return [field(word, opcode, rule.fields[0]) > bound]
        return [field(word, opcode, name)[bound.bit_length() :].any() for name in rule.fields]
    return [Cat(meets(field(word, opcode, name), asked) for name, asked in rule.when.items()).all()]


def meets(value: Value, asked) -> Value:
    """Whether a field has one of the values that a Forbid names."""
    if isinstance(asked, Not):
        return value != asked.value
    return Cat(value == each for each in (asked if isinstance(asked, tuple) else (asked,))).any()


def too_many(m: Module, p: AcceleratorParams, word: Value, go: Value) -> Value:
    """Whether a product of fields exceeds its rule's bound, for the word that stood while `go` was high."""
    wrong = []
    for opcode in known(p):
        products = [rule for rule in opcode.rules if isinstance(rule, AtMost) and len(rule.fields) > 1]
        if products:
            # the word moves on with `go`, and its opcode must stand beside the product
            here = Signal(name=f"was_{opcode.name.lower()}", reset_less=True)
            with m.If(go):
                m.d.sync += here.eq(word[:8] == opcode)
            wrong += [here & beyond(m, p, opcode, rule, word, go) for rule in products]
    return Cat(wrong).any()


def beyond(m: Module, p: AcceleratorParams, opcode: Opcode, rule: AtMost, word: Value, go: Value) -> Value:
    """Whether the product of two or three fields exceeds the bound. Three factors take two cycles: where the
    product of the first two exceeds the bound's bits, it is too large by itself."""
    bound = rule.bound(p)
    width, name = bound.bit_length(), f"{opcode.name.lower()}_{rule.fields[0]}"
    first, second, *third = (field(word, opcode, each)[:width] for each in rule.fields)
    inner = Signal(2 * width, name=f"{name}_product", reset_less=True)
    with m.If(go):
        m.d.sync += inner.eq(first * second)
    if not third:
        return inner > bound
    (last,) = third
    outer = Signal(len(last), name=f"{name}_outer", reset_less=True)
    with m.If(go):
        m.d.sync += outer.eq(last)
    return inner[width:].any() | (inner[:width] * outer > bound)
