"""Random legal uses of ONNX's operators: a function each, of a builder and a tensor that is there.

`OPERATORS` has name -> (ranks that the tensor may have, function). A function adds nodes that read the tensor
and gives the name of the result, or raises Illegal where this tensor does not fit.
"""

import numpy as np

from tests.campaign import products, shapes
from tests.campaign.builder import Builder, Illegal

ANY = (1, 2, 3, 4)
UNARY = (
    "Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Log", "Sqrt", "Reciprocal", "Sign", "Floor",
    "Ceil", "Round", "Softplus", "Softsign", "HardSwish", "Mish", "Identity", "Sin", "Cos", "Tan", "Atan",
    "Sinh", "Cosh", "Asinh", "Not", "IsNaN",
)  # fmt: skip
BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu", "Mod")
COMPARE = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "And", "Or", "Xor")
REDUCE = (
    "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceProd",
    "ReduceSumSquare", "ReduceLogSumExp",
)  # fmt: skip
TYPES = (np.float16, np.float64, np.int8, np.uint8, np.int32, np.int64, np.bool_)


def unary(name):
    def use(b: Builder, x: str) -> str:
        if name == "Not":
            return b.node(name, [b.node("Greater", [x, b.constant(np.float32(0))])])
        if name == "Tan":  # beside a pole, what 8 bits leave of the argument decides everything
            x = b.node("Clip", [x, b.constant(np.float32(-1.4)), b.constant(np.float32(1.4))])
        if name in ("Log", "Sqrt", "Reciprocal"):
            shifted = np.float32(b.pick(0.05, 1.0, 3.0))
            x = b.node("Add", [b.node("Abs", [x]), b.constant(shifted)])
        return b.node(name, [x])

    return use


def slope(name, *attributes):
    """A function of one input with attributes, each present or left to its default."""

    def use(b: Builder, x: str) -> str:
        drawn = {key: float(b.random.uniform(low, high)) for key, low, high in attributes if b.chance(0.6)}
        return b.node(name, [x], **drawn)

    return use


def gelu(b: Builder, x: str) -> str:
    if b.opset < 20:
        raise Illegal("Gelu came with opset 20")
    return b.node("Gelu", [x], **({"approximate": b.pick("none", "tanh")} if b.chance(0.7) else {}))


def clip(b: Builder, x: str) -> str:
    low, high = sorted(b.random.uniform(-200, 200, 2))
    low, high = b.pick((low, high), (0.0, 6.0), (0.0, 255.0), (-1.0, 1.0), (low / 50, high / 50))
    bounds = [b.constant(np.float32(v)) if b.chance(0.8) else "" for v in (low, high)]
    while bounds and not bounds[-1]:
        bounds.pop()
    return b.node("Clip", [x, *bounds])


def other(b: Builder, x: str, spread: bool = True) -> str:
    """An operand that broadcasts against x: a constant, another input or x itself."""
    shape = b.values[x].shape
    kind = b.pick("same", "scalar", "channel", "row", "one axis")
    if kind == "scalar":
        shape = ()
    elif kind == "channel" and len(shape) > 2:
        shape = (shape[1], *[1] * (len(shape) - 2))
    elif kind == "row" and shape:
        shape = shape[-1:]
    elif kind == "one axis" and shape:
        kept = int(b.random.integers(len(shape)))
        shape = tuple(n if i == kept else 1 for i, n in enumerate(shape))
    where = b.pick("constant", "constant", "input", "itself", "made")
    alike = [t for t in b.made if b.values[t].shape == b.values[x].shape and b.values[t].dtype == np.float32]
    if where == "itself":
        return x
    if where == "made" and alike:
        return b.pick(*alike)
    value = b.real(shape)
    return b.input(value) if where == "input" and value.ndim else b.constant(value)


def binary(name):
    def use(b: Builder, x: str) -> str:
        if name == "PRelu":
            shape = (b.values[x].shape[1], 1, 1) if b.values[x].ndim == 4 else (1,)
            return b.node(name, [x, b.constant(b.real(shape) / 100)])
        y = other(b, x)
        if name == "Pow":
            exponent = b.constant(np.float32(b.pick(0.5, 1.0, 2.0, 2.0, 3.0)))
            base = b.node("Abs", [x]) if b.chance(0.5) else x
            return b.node(name, [base, exponent])
        if name in ("Div", "Mod"):
            y = b.constant(np.sign(v := b.values[y], where=v != 0, out=np.ones_like(v)) * (np.abs(v) + 0.5))
        pair = [x, y] if b.chance(0.6) else [y, x]
        if name in ("Div", "Mod") and pair[0] == y:
            pair[1] = b.node("Add", [b.node("Abs", [x]), b.constant(np.float32(0.5))])
        return b.node(name, pair, **({"fmod": 1} if name == "Mod" else {}))

    return use


def compare(name):
    def use(b: Builder, x: str) -> str:
        if name in ("And", "Or", "Xor"):
            zero = b.constant(np.float32(0))
            return b.node(name, [b.node("Greater", [x, zero]), b.node("Less", [other(b, x), zero])])
        return b.node(name, [x, other(b, x)])

    return use


def reduce(name):
    def use(b: Builder, x: str) -> str:
        rank = b.values[x].ndim
        count = int(b.random.integers(1, rank + 1))
        axes = b.random.permutation(rank)[:count]
        axes = np.array([a - rank if b.chance(0.3) else a for a in axes], np.int64)
        given = {"keepdims": int(b.pick(0, 1))} if b.chance(0.7) else {}
        if b.chance(0.1):
            return b.node(name, [x], **given)
        as_input = b.opset >= 18 or (name == "ReduceSum" and b.opset >= 13)
        if as_input:
            return b.node(name, [x, b.constant(axes)], **given)
        return b.node(name, [x], axes=axes.tolist(), **given)

    return use


def arg(name):
    def use(b: Builder, x: str) -> str:
        rank = b.values[x].ndim
        given = {"axis": int(b.random.integers(-rank, rank))} if b.chance(0.8) else {}
        given |= {"keepdims": int(b.pick(0, 1))} if b.chance(0.5) else {}
        given |= {"select_last_index": 1} if b.chance(0.3) else {}
        return b.node(name, [x], **given)

    return use


def axis_only(name):
    """Softmax and its kind: over one axis, or the default one."""

    def use(b: Builder, x: str) -> str:
        rank = b.values[x].ndim
        return b.node(name, [x], **({"axis": int(b.random.integers(-rank, rank))} if b.chance(0.8) else {}))

    return use


def cast(b: Builder, x: str) -> str:
    """To another type and back, so that what follows is real again."""
    dtype = np.dtype(b.pick(*TYPES))
    if dtype.kind in "iu":  # what does not fit is undefined in the standard
        info = np.iinfo(dtype)
        low, high = np.float32(max(info.min, -1e5)), np.float32(min(info.max, 1e5))
        x = b.node("Clip", [x, b.constant(low), b.constant(high)])
    from onnx import helper

    return b.node("Cast", [b.node("Cast", [x], to=helper.np_dtype_to_tensor_dtype(dtype))], to=1)


def where(b: Builder, x: str) -> str:
    condition = b.node("Greater", [x, b.constant(np.float32(b.random.normal()))])
    if b.chance(0.4):
        condition = b.constant(b.random.random(b.values[x].shape) < 0.5)
    pair = [x, other(b, x)] if b.chance(0.5) else [other(b, x), x]
    return b.node("Where", [condition, *pair])


OPERATORS = {
    **{name: (ANY, unary(name)) for name in UNARY},
    **{name: (ANY, binary(name)) for name in BINARY},
    **{name: (ANY, compare(name)) for name in COMPARE},
    **{name: (ANY, reduce(name)) for name in REDUCE},
    **{name: (ANY, axis_only(name)) for name in ("Softmax", "LogSoftmax", "Hardmax")},
    "ArgMax": (ANY, arg("ArgMax")),
    "ArgMin": (ANY, arg("ArgMin")),
    "LeakyRelu": (ANY, slope("LeakyRelu", ("alpha", -0.5, 1.5))),
    "Elu": (ANY, slope("Elu", ("alpha", 0.1, 2))),
    "Celu": (ANY, slope("Celu", ("alpha", 0.2, 2))),
    "Selu": (ANY, slope("Selu", ("alpha", 0.5, 2), ("gamma", 0.5, 2))),
    "HardSigmoid": (ANY, slope("HardSigmoid", ("alpha", 0.05, 1), ("beta", -0.5, 1))),
    "ThresholdedRelu": (ANY, slope("ThresholdedRelu", ("alpha", -1, 60))),
    "Shrink": (ANY, slope("Shrink", ("bias", 0, 1), ("lambd", 0, 60))),
    "Gelu": (ANY, gelu),
    "Clip": (ANY, clip),
    "Cast": (ANY, cast),
    "Where": (ANY, where),
    **products.OPERATORS,
    **shapes.OPERATORS,
}
