"""Primitives for Resize between elements: along each axis a product with the filter's weights."""

from math import prod

import numpy as np

from golden import check, operators
from mapping.legalise.primitives.writer import Rule, Writer
from mapping.network import Node


def resized(w: Writer, node: Node) -> bool:
    """Linear and cubic Resize, each axis by a matrix [from, to]; a nearest element is moved as it is."""
    x, a = node.inputs[0], node.attributes
    if a.get("mode", "nearest") == "nearest":
        return False
    if a.get("coordinate_transformation_mode") == "tf_crop_and_resize" and a.get("extrapolation_value", 0.0):
        raise check.fail("extrapolation_value", a["extrapolation_value"], "0 between elements")
    rank, made = len(w.shape(x)), x
    chosen = [int(axis) % rank for axis in a.get("axes", range(rank))]
    for place, axis in enumerate(chosen):
        matrix = filter_of(w, node, place, len(chosen), axis)
        if matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix))):
            continue
        made = along(w, made, axis, matrix)
    return w.named(made, node.outputs[0])


def filter_of(w: Writer, node: Node, place: int, count: int, axis: int) -> np.ndarray:
    """The operator's matrix along one axis, from its results for unit vectors."""
    given = [w.constant(t) if t else None for t in (*node.inputs, "", "", "")[1:4]]
    for tensor, value in zip(node.inputs[1:], given, strict=False):
        if tensor and value is None:
            raise check.fail(f"input {tensor}", "computed", "a constant")
    region, scales, _ = (None if v is None or not v.size else v.ravel() for v in given)
    size, out = w.shape(node.inputs[0])[axis], w.shape(node.outputs[0])[axis]
    attributes = {k: v for k, v in node.attributes.items() if k != "keep_aspect_ratio_policy"}
    if region is not None:
        region = np.array([region[place], region[count + place]])
    own = [region, None, np.array([out], np.int64)]
    if scales is not None:
        own = [region, scales[place : place + 1], None]
    elif node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise check.fail("keep_aspect_ratio_policy", node.attributes["keep_aspect_ratio_policy"], "stretch")
    one = np.eye(size, dtype=np.float64)
    made = operators.evaluate("Resize", [one, *own], {**attributes, "axes": [1]})[0]
    return np.asarray(made)


def along(w: Writer, x: str, axis: int, matrix: np.ndarray) -> str:
    """The matrix [from, to] applied to an axis."""
    shape = w.shape(x)
    perm = [*(i for i in range(len(shape)) if i != axis), axis]
    back = [perm.index(i) for i in range(len(shape))]
    rest = [shape[i] for i in perm[:-1]]
    flat = w.reshape(w.turn(x, perm), (prod(rest), shape[axis]))
    made = w("MatMul", flat, w.value(matrix, w.dtype(x)))
    return w.turn(w.reshape(made, (*rest, matrix.shape[1])), back)


RULES: dict[str, Rule] = {"Resize": resized}
