"""The structure of a function of one element, from how it is spelt: a line between two bounds.

    y = min(max(slope x + offset, low), high)

It holds for all x. What a function's values alone show holds only where they were computed
(mapping.patterns.curves).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from onnx import TensorProto, helper

from mapping.network import Network, Node

REALS = (TensorProto.FLOAT, TensorProto.DOUBLE)
JUMPS = frozenset(("Ceil", "Equal", "Floor", "Mod", "Not", "Round", "Sign"))
BOOLEAN = frozenset("And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor".split())
NUMBERS = frozenset(("ArgMax", "ArgMin", "NonZero", "Shape", "Size"))  # of axes and elements: int64


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line of the module's docstring. slope is not 0."""

    slope: float = 1.0
    offset: float = 0.0
    low: float = -np.inf
    high: float = np.inf

    def times(self, factor: float) -> "Line | None":
        """The line times a factor; None where that is a constant, or no number."""
        if not np.isfinite(factor) or not factor:
            return None
        low, high = sorted((self.low * factor, self.high * factor))
        return Line(slope=self.slope * factor, offset=self.offset * factor, low=low, high=high)

    def plus(self, c: float) -> "Line":
        return replace(self, offset=self.offset + c, low=self.low + c, high=self.high + c)

    def above(self, c: float) -> "Line":
        return replace(self, low=max(self.low, c), high=max(self.high, c))

    def below(self, c: float) -> "Line":
        return replace(self, low=min(self.low, c), high=min(self.high, c))

    @property
    def bounded(self) -> bool:
        return bool(np.isfinite(self.low) or np.isfinite(self.high))


Value = Line | float | None  # a line, a constant, or neither


def line_of(node: Node, start: Line | None = None, dtype: np.dtype | None = None) -> Line | None:
    """The line that an Elementwise node computes of an argument that is `start`; None if it is no line.

    dtype  of the argument: integers may wrap or truncate before a Cast makes them real
    """
    values: dict[str, Value] = {
        name: None if np.isnan(value) else float(value)
        for name, value in node.attributes["constants"].items()
    }
    begin = start or Line()
    values[node.inputs[0]] = begin
    whole = {node.inputs[0]} if dtype is not None and dtype.kind != "f" else set()
    for each in node.attributes["nodes"]:
        given = [values.get(tensor) if tensor else None for tensor in each.inputs]
        real = each.operator in ("Cast", "Identity") or not whole & set(each.inputs)
        rule = RULES.get(each.operator)
        values[each.outputs[0]] = rule(each, given) if rule and real else None
        if each.operator == "Identity" and each.inputs[0] in whole:
            whole.add(each.outputs[0])
    made = values.get(node.outputs[0])
    return made if isinstance(made, Line) and np.isfinite((made.slope, made.offset)).all() else None


def same(_: Node, given: list[Value]) -> Value:
    return given[0]


def cast(node: Node, given: list[Value]) -> Value:
    return given[0] if node.attributes.get("to") in REALS else None


def negated(_: Node, given: list[Value]) -> Value:
    return given[0].times(-1.0) if isinstance(given[0], Line) else None


def added(_: Node, given: list[Value]) -> Value:
    return total(given[0], given[1], 1.0)


def subtracted(_: Node, given: list[Value]) -> Value:
    return total(given[0], given[1], -1.0)


def total(a: Value, b: Value, sign: float) -> Value:
    """a + sign b."""
    if isinstance(a, Line) and isinstance(b, Line):
        slope = a.slope + sign * b.slope
        if a.bounded or b.bounded or not slope:
            return None
        return Line(slope=slope, offset=a.offset + sign * b.offset)
    if isinstance(a, Line) and isinstance(b, float):
        return a.plus(sign * b)
    if isinstance(a, float) and isinstance(b, Line):
        signed = b.times(sign)
        return None if signed is None else signed.plus(a)
    return None


def multiplied(_: Node, given: list[Value]) -> Value:
    a, b = given
    if isinstance(a, Line) and isinstance(b, float):
        return a.times(b)
    return b.times(a) if isinstance(b, Line) and isinstance(a, float) else None


def divided(_: Node, given: list[Value]) -> Value:
    a, b = given
    return a.times(1 / b) if isinstance(a, Line) and isinstance(b, float) and b else None


def bounds(given: list[Value], limit: Callable[[Line, float], Line]) -> Value:
    """Max or Min of one line and any number of constants."""
    lines = [each for each in given if isinstance(each, Line)]
    if len(lines) != 1 or None in given:
        return None
    made = lines[0]
    for each in given:
        if isinstance(each, float):
            made = limit(made, each)
    return made


def clipped(node: Node, given: list[Value]) -> Value:
    """Clip, its bounds as inputs or, before opset 11, as attributes."""
    made = given[0]
    if not isinstance(made, Line):
        return None
    for place, (key, limit) in enumerate((("min", Line.above), ("max", Line.below)), 1):
        stated = node.attributes.get(key)
        if place < len(node.inputs) and node.inputs[place]:
            stated = given[place]
            if not isinstance(stated, float):
                return None
        if stated is not None:
            made = limit(made, float(stated))
    return made


def rectified(_: Node, given: list[Value]) -> Value:
    return given[0].above(0.0) if isinstance(given[0], Line) else None


def hard_sigmoid(node: Node, given: list[Value]) -> Value:
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    inner = given[0].times(float(alpha)) if isinstance(given[0], Line) else None
    return None if inner is None else inner.plus(float(beta)).above(0.0).below(1.0)


RULES: Mapping[str, Callable[[Node, list[Value]], Value]] = {
    "Identity": same, "Cast": cast, "Neg": negated, "Add": added, "Sub": subtracted, "Mul": multiplied,
    "Div": divided, "Clip": clipped, "Relu": rectified, "HardSigmoid": hard_sigmoid,
    "Max": lambda _, given: bounds(given, Line.above), "Min": lambda _, given: bounds(given, Line.below),
}  # fmt: skip


def jumps(node: Node, whole: bool) -> bool:
    """Whether an Elementwise node's function may have a value at single points that it has nowhere near.

    whole  of integers, every comparison does
    """
    return any(
        each.operator in (JUMPS | BOOLEAN if whole else JUMPS)
        or (each.operator == "Cast" and each.attributes.get("to") not in REALS)
        for each in node.attributes["nodes"]
    )


def dtypes_of(network: Network) -> dict[str, np.dtype]:
    """The type of every tensor, as far as operators determine it."""
    found = {name: entry.dtype for name, entry in network.inputs.items()}
    found |= {name: value.dtype for name, value in network.constants.items()}
    for node in network.nodes:
        inside = node.attributes["nodes"] if node.operator == "Elementwise" else (node,)
        for each in inside:
            made = dtype_of(each, found)
            found.update(dict.fromkeys((t for t in each.outputs if t), made))
    return found


def dtype_of(node: Node, known: Mapping[str, np.dtype]) -> np.dtype:
    """The type of a node's results."""
    if node.operator in BOOLEAN:
        return np.dtype(bool)
    if node.operator in NUMBERS:
        return np.dtype(np.int64)
    if node.operator == "Cast":
        made: np.dtype = helper.tensor_dtype_to_np_dtype(node.attributes["to"])
        return made
    given = node.inputs[1:] if node.operator == "Where" else node.inputs
    return next((known[t] for t in given if t in known), np.dtype(np.float32))
