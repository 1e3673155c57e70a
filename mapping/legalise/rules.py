"""The rules: how each operator is legalised, and the forms in which it needs its operands."""

from collections.abc import Callable, Iterator

from mapping.legalise import (
    arithmetic,
    attention,
    computed_products,
    hosting,
    moving,
    pooling,
    products,
    reductions,
)
from mapping.legalise.coder import PASSED, REAL, Coder, computed, function_of
from mapping.network import HOST, Node
from mapping.patterns.curves import curve_of
from mapping.patterns.regions import MOVING
from mapping.quantise.requantise_points import constant_factor

Needs = Iterator[tuple[str, str]]


# forms that are needed


def product_needs(c: Coder, node: Node) -> Needs:
    if products.is_weighted(c, node):
        yield node.inputs[0], "byte"
        if len(node.inputs) > 3:
            yield node.inputs[3], "half"
    else:
        yield from ((t, "even") for t in node.inputs[:2])


def attention_needs(c: Coder, node: Node) -> Needs:
    made = attention.projections(c, node)
    yield from [(made[0].inputs[0], "byte")] if made else [(t, "even") for t in node.inputs[:3]]
    yield from ((t, "score") for t in node.inputs[3:])


def function_needs(c: Coder, node: Node) -> Needs:
    x = node.inputs[0]
    if x in c.network.inputs and c.network.inputs[x].dtype.kind != "f":
        yield x, "flag"
    elif arithmetic.slope_of(c, node) is not None:
        yield from passing_needs(c, node)
    else:
        whole = c.dtypes.get(x, REAL).kind != "f"  # 8 bits hold few integers
        steep = not c.given and (whole or curve_of(function_of(node))[0] == "table")
        yield x, "half" if steep or is_between_sums(c, node) else "any"


def is_between_sums(c: Coder, node: Node) -> bool:
    """Whether a function's argument is computed from two tensors and its result wanted in 16 bits: then its
    argument has 16 bits too."""
    maker = c.producers.get(node.inputs[0])
    wide = maker is not None and maker.operator in ("Add", "Sub", "Mul", "Div")
    return wide and "half" in c.wanted.get(node.outputs[0], ())


def passing_needs(c: Coder, node: Node) -> Needs:
    for out in node.outputs:
        for form in c.wanted.get(out, ()):
            if node.operator in MOVING or node.operator == "Transpose" or form in PASSED:
                yield node.inputs[0], form
            else:
                yield node.inputs[0], "half"


def rearranging_needs(c: Coder, node: Node) -> Needs:
    for form in c.wanted[node.outputs[0]]:
        yield node.inputs[0], form if form in PASSED else "half"


def gather_needs(c: Coder, node: Node) -> Needs:
    if node.inputs[1] in c.network.constants:
        yield from rearranging_needs(c, node)
    else:
        yield node.inputs[1], "index"


def joining_needs(c: Coder, node: Node) -> Needs:
    forms = {"byte"} if c.given else c.wanted[node.outputs[0]]
    for tensor in computed(c, node, *range(len(node.inputs))):
        yield from ((tensor, form) for form in forms)


def sum_needs(c: Coder, node: Node) -> Needs:
    yield from ((t, "half") for t in computed(c, node, 0, 1))


def any_needs(c: Coder, node: Node) -> Needs:
    if node.operator in ("Mul", "Div") and (constant_factor(node, c.network.constants) is not None):
        yield from passing_needs(c, node)
    else:
        given = computed(c, node, 0, 1)
        square = node.operator == "Mul" and node.inputs[0] == node.inputs[1]
        chosen = any(is_choice(c, t) for t in given)
        for tensor in given:
            whole = c.dtypes.get(tensor, REAL).kind != "f"
            exact = square or whole or is_reciprocal(c, tensor) or (chosen and not is_choice(c, tensor))
            yield tensor, "half" if exact and not c.given else "any"


def is_reciprocal(c: Coder, tensor: str) -> bool:
    """Whether a tensor is a reciprocal: it spans decades, of which 8 bits hold one or two."""
    maker = c.producers.get(tensor)
    nodes = maker.attributes["nodes"] if maker is not None and maker.operator == "Elementwise" else ()
    return any(n.operator == "Reciprocal" for n in nodes)


def is_choice(c: Coder, tensor: str) -> bool:
    """Whether a tensor is a boolean as 0 or 1: it chooses between two tensors, one of which may be far
    smaller."""
    maker = c.producers.get(tensor)
    if maker is None or maker.operator != "Elementwise":
        return False
    last = maker.attributes["nodes"][-1]
    return bool(last.operator == "Cast" and c.dtypes.get(last.inputs[0], REAL).kind == "b")


def reducing_needs(c: Coder, node: Node) -> Needs:
    """The forms that a reduction needs; one that only drops axes of length 1 needs what its readers need."""
    shape = c.shape(node.inputs[0])
    if all(shape[axis] == 1 for axis in reductions.axes_of(c, node)):
        yield from ((node.inputs[0], form) for form in c.wanted[node.outputs[0]])
    elif node.operator == "ReduceMean":
        yield from mean_needs(c, node)
    else:
        yield node.inputs[0], "half"


def mean_needs(c: Coder, node: Node) -> Needs:
    """The forms that a mean needs: over an image's pixels or over rows 8 bits are enough, since they are
    many."""
    axes = reductions.axes_of(c, node)
    rows = axes == list(range(2, 4)) or (axes == [1] and len(c.shape(node.inputs[0])) == 3)
    real = c.dtypes.get(node.inputs[0], REAL).kind == "f"
    yield node.inputs[0], "any" if rows and real else "half"


def host_needs(c: Coder, node: Node) -> Needs:
    yield from ((t, "half") for t in computed(c, node, *range(len(node.inputs))) if t)


def product(c: Coder, node: Node) -> None:
    if products.is_weighted(c, node):
        products.product(c, node)
    elif c.given:
        computed_products.computed_product(c, node)
    else:
        attention.computed_product(c, node)


REARRANGING = ("DepthToSpace", "Expand", "GatherElements", "GatherND", "Pad", "ReverseSequence", "Resize",
               "SpaceToDepth", "Tile", "Trilu")  # fmt: skip

Rule = tuple[Callable[[Coder, Node], Needs], Callable[[Coder, Node], None]]
RULES: dict[str, Rule] = {
    **dict.fromkeys(("MatMul", "Gemm", "Conv"), (product_needs, product)),
    "Attend": (attention_needs, attention.attention),
    "Elementwise": (function_needs, arithmetic.function),
    "Normalise": (lambda c, n: iter([(n.inputs[0], "half")]), arithmetic.normalise),
    "Softmax": (lambda c, n: iter([(n.inputs[0], "score")]), arithmetic.softmax),
    "QuantizeLinear": (lambda c, n: iter([(n.inputs[0], "byte")]), arithmetic.requantise),
    "DequantizeLinear": (lambda c, n: iter([(n.inputs[0], "byte")]), arithmetic.reread),
    "Gather": (gather_needs, moving.gather),
    **dict.fromkeys(REARRANGING, (rearranging_needs, moving.rearrange)),
    **dict.fromkeys(("Add", "Sub"), (sum_needs, arithmetic.add)),
    **dict.fromkeys(("Mul", "Div"), (any_needs, arithmetic.multiply)),
    **dict.fromkeys(("MaxPool", "GlobalMaxPool"), (passing_needs, pooling.pool)),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool"), (any_needs, pooling.pool)),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceSum"), (reducing_needs, reductions.reduce)),
    **dict.fromkeys(MOVING, (passing_needs, moving.move)),
    "Transpose": (passing_needs, moving.transpose),
    **dict.fromkeys(("Slice", "Split"), (passing_needs, moving.cut)),
    "Concat": (joining_needs, moving.concat),
    HOST: (host_needs, hosting.host),
}
