"""Operators on inputs that are no float32: float16, float64, whole numbers of every width, booleans.

Results in whole numbers and booleans have to be the same; where a type's arithmetic is not in onnxruntime the
draw is none. A product of reals stands before or behind in some cases, with a Cast between.
"""

import numpy as np
from onnx import helper

from tests.campaign import shapes
from tests.campaign.builder import Builder
from tests.campaign.products import matmul

REAL = (np.float16, np.float64)
WHOLE = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
MOVED = ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Split", "Slice", "Gather", "Tile",
         "Expand", "Trilu")  # fmt: skip
UNARY = ("Abs", "Neg", "Sign", "Relu", "Identity", "Not", "Sqrt", "Exp", "Tanh", "Floor", "BitwiseNot")
BINARY = ("Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Equal", "Less", "GreaterOrEqual", "And", "Or",
          "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor")  # fmt: skip
REDUCED = ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd", "ArgMax", "ArgMin")


def values(b: Builder, shape, dtype, nonzero: bool = False) -> np.ndarray:
    """Of a type: small, over +-200, or its ends."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return b.random.random(shape) < 0.5
    if dtype.kind == "f":
        return b.real(shape, dtype)
    info = np.iinfo(dtype)
    most = int(b.pick(3, 100, 200, 1000))
    found = b.random.integers(max(info.min, -most), min(info.max, most), shape, endpoint=True)
    if nonzero:
        found = np.where(found == 0, 1, found)
    return np.asarray(found).astype(dtype)


def applied(b: Builder, x: str) -> str:
    """An operator of any kind on x, in x's own type."""
    kind = b.pick("moved", "unary", "binary", "binary", "reduced", "clip", "where", "concat", "cast", "pad")
    shape, dtype = b.values[x].shape, b.values[x].dtype
    if kind == "moved":
        return shapes.OPERATORS[b.pick(*MOVED)][1](b, x)
    if kind == "unary":
        return b.node(b.pick(*UNARY), [x])
    if kind == "binary":
        name = b.pick(*BINARY)
        other = values(b, b.pick(shape, shape[-1:], ()), dtype, nonzero=name in ("Div", "Mod"))
        y = b.input(other) if b.chance(0.3) and other.ndim else b.constant(other)
        pair = [x, y] if name in ("Div", "Mod") or b.chance(0.6) else [y, x]
        more = {"fmod": 1} if name == "Mod" and (dtype.kind == "f" or b.chance(0.3)) else {}
        return b.node(name, pair, **more)
    if kind == "reduced":
        name, rank = b.pick(*REDUCED), len(shape)
        axis = int(b.random.integers(-rank, rank))
        keep = int(b.pick(0, 1))
        if name.startswith("Arg"):
            return b.node(name, [x], axis=axis, keepdims=keep)
        if b.opset >= 18 or name == "ReduceSum":
            return b.node(name, [x, b.constant(np.array([axis]))], keepdims=keep)
        return b.node(name, [x], axes=[axis], keepdims=keep)
    if kind == "clip":
        low, high = np.sort(values(b, (2,), dtype))
        return b.node("Clip", [x, b.constant(low), b.constant(high)])
    if kind == "where":
        other = b.constant(values(b, shape, dtype))
        return b.node("Where", [b.constant(b.random.random(shape) < 0.5), x, other])
    if kind == "concat":
        return b.node(
            "Concat", [x, b.constant(values(b, shape, dtype))], axis=int(b.random.integers(len(shape)))
        )
    if kind == "pad":
        pads = b.random.integers(0, 3, 2 * len(shape)).astype(np.int64)
        return b.node("Pad", [x, b.constant(pads), b.constant(values(b, (), dtype))])
    to = b.pick(np.float32, np.float64, np.int32, np.int64, np.bool_)
    return b.node("Cast", [x], to=helper.np_dtype_to_tensor_dtype(np.dtype(to)))


def build(b: Builder) -> list[str]:
    """One or two operators on an input of a random type; a product of its reals in some."""
    b.opset = b.pick(13, 17, 18, 20, 22)
    dtype = b.pick(*REAL, *WHOLE, np.bool_)
    x = b.input(values(b, b.shape(b.pick(1, 2, 3)), dtype))
    made = applied(b, x)
    if b.chance(0.3):
        made = applied(b, made)
    outputs = [made]
    if b.chance(0.5):
        real = b.node("Cast", [b.pick(x, made)], to=1)
        product = matmul(b, real)
        outputs = [product] if b.chance(0.4) else [product, made]
    return outputs
