"""Attention on the attention unit, or as products and exponentials: whether the unit can, and what is faster.

Both are predicted from golden's cycles of their commands, with operands at hand. The matrix unit and the
vector unit take turns: scores of all heads, their exponentials, the weighted values.
"""

from collections.abc import Iterator

from golden.accelerator import attend_cycles
from golden.accelerator.attend import OUT_MULTIPLIER, AttentionParams
from golden.accelerator.commands import Opcode
from golden.accelerator.units import attention as attention_unit
from golden.accelerator.units import vector
from golden.attention.arithmetic import MAX_SHIFT, MULTIPLIER
from golden.division import ceil_div
from golden.vector.requantise import multiplier_and_shift
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import Coded, Coder
from mapping.network import Node
from mapping.patterns.curves import Stage

BELOW = 2.0**-8  # of a value's last bit: what the unit's values are in


def choice(c: Coder, node: Node, q: Coded, k: Coded, v: Coded, score: Affine) -> tuple[bool, str]:
    """(whether the attention unit does an Attend node, why); "" where the design has none."""
    unit = attention_unit.found(c.p)
    if unit is None:
        return False, ""
    for wrong in refusals(c, unit, node, q, k, v, score):
        return False, f"matrix and vector unit: {wrong}"
    rows, keys, width, heads = sizes(c, node, q, k)
    words = width // c.p.lanes
    own = attend_cycles.cycles(unit, c.p.lanes, rows, keys, words, heads, len(node.inputs) > 3)
    others = in_turn(c, rows, keys, words, heads)
    cost = f"predicted {own:,} cycles, matrix and vector unit {others:,}"
    return own < others, f"{'attention' if own < others else 'not the attention'} unit: {cost}"


def sizes(c: Coder, node: Node, q: Coded, k: Coded) -> tuple[int, int, int, int]:
    """Rows, keys, width of a head, heads."""
    heads = int(node.attributes["heads"])
    rows, channels = c.tensors[q.name].shape
    return rows, c.tensors[k.name].shape[0], channels // heads, heads


def refusals(
    c: Coder, unit: AttentionParams, node: Node, q: Coded, k: Coded, v: Coded, score: Affine
) -> Iterator[str]:
    """What of an Attend node the unit cannot do."""
    _, keys, width, _ = sizes(c, node, q, k)
    if c.tensors[v.name].shape != c.tensors[k.name].shape:
        yield "values are not as wide as keys"
    if width % c.p.lanes:
        yield f"head_dim is {width}; allowed: multiples of {c.p.lanes}"
    if width > unit.words(c.p.lanes) * c.p.lanes:
        yield f"head_dim is {width}; allowed: up to {unit.head_dim}"
    if keys > unit.keys:
        yield f"keys is {keys}; allowed: up to {unit.keys}"
    if score.zero:
        yield f"scores' zero point is {score.zero}; allowed: 0"
    for name, each in (("q", q), ("k", k), ("v", v)):
        if each.form.dtype != "int8":
            yield f"{name} is {each.form.dtype}; allowed: int8"
    wanted = c.wanted[node.outputs[0]]
    for form in sorted(wanted - {"byte", "even"}):
        yield f"a result in the form {form} is wanted; allowed: 8 bits"
    for form in sorted(wanted & {"byte", "even"}):
        found = c.form(node.outputs[0], form)
        if found.dtype != "int8" or found.evened is not None:
            scales = "one" if found.evened is None else "one a channel"
            yield f"the result is {found.dtype} of scales: {scales}; allowed: int8, one"


def in_turn(c: Coder, rows: int, keys: int, words: int, heads: int) -> int:
    """Cycles of the scores, of their exponentials and of the weighted values."""
    across = ceil_div(keys, c.p.lanes)
    product = heads * rows * words * across
    fields = {"count0": across, "count1": rows, "count2": heads}
    return 2 * product + vector.cycles(c.p, Opcode.EXPONENTIAL, fields)


def attend(
    c: Coder, node: Node, q: Coded, k: Coded, v: Coded, score: Affine, mask: graph.Residual | None, why: str
) -> None:  # fmt: skip
    """The one operation of an Attend node on the unit."""
    y = node.outputs[0]
    unit = q.scale * k.scale * float(node.attributes["scale"])
    multiplier, shift = multiplier_and_shift(unit / score.scale, MULTIPLIER, MAX_SHIFT)

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        scaled = multiplier_and_shift(v.scale * BELOW / how.scale, OUT_MULTIPLIER, MAX_SHIFT)
        return graph.Attend(
            name=name, x=q.name, k=k.name, v=v.name, y=name, heads=int(node.attributes["heads"]),
            multiplier=int(multiplier), shift=int(shift), out_multiplier=int(scaled[0]),
            out_shift=int(scaled[1]), mask=mask.b if mask else None,
            mask_multiplier=mask.multiplier if mask else 0, why=why, **how.fields,
        )  # fmt: skip

    c.emit(y, (c.tensors[q.name].shape[0], c.tensors[v.name].shape[1]), c.natural(y), make)
