"""ONNX files, float and quantised: messages changed field by field, run on designs of each family."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import systola
from golden import operators
from mapping.frontends.onnx_message import messages
from systola import tables
from tests.fuzz import mutate

EXAMPLES = Path(__file__).parents[2] / "examples"
DESIGNS = ("ws16_int8", "accelerator16_int8", "tile8_int8")
OTHERS = (
    "Softmax",
    "Transpose",
    "Where",
    "QuantizeLinear",
    "DequantizeLinear",
    "If",
    "Foo",
    "Dropout",
    "Pad",
)


def f32(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def graph(nodes, inputs, outputs, constants, opset=17):
    """A model. inputs: shapes by name; outputs: names."""
    made = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def chain(x, *steps):
    """Nodes one after the other: (operator, further inputs, attributes); the last makes y."""
    nodes = []
    for i, (operator, more, attributes) in enumerate(steps):
        y = "y" if i == len(steps) - 1 else f"{operator}_{i}"
        nodes.append(helper.make_node(operator, [x, *more], [y], name=f"n{i}", **attributes))
        x = y
    return nodes


def perceptron():
    steps = [
        ("Gemm", ["w", "b"], {"transB": 1}),
        ("Relu", [], {}),
        ("MatMul", ["v"], {}),
        ("Add", ["c"], {}),
        ("Softmax", [], {"axis": -1}),
    ]
    constants = {"w": f32(8, 16), "b": f32(8), "v": f32(8, 5), "c": f32(5)}
    return graph(chain("x", *steps), {"x": ["n", 16]}, ["y"], constants)


def convolution():
    steps = [
        ("Conv", ["w", "b"], {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("BatchNormalization", ["g", "b", "b", "v"], {"epsilon": 1e-3}),
        ("Relu", [], {}),
        ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("GlobalAveragePool", [], {}),
        ("Flatten", [], {}),
        ("Gemm", ["u"], {"transB": 1, "alpha": 0.5}),
    ]
    constants = {"w": f32(4, 3, 3, 3), "b": f32(4), "g": f32(4), "v": np.abs(f32(4)) + 1, "u": f32(5, 4)}
    return graph(chain("x", *steps), {"x": [1, 3, 8, 8]}, ["y"], constants)


def normalised():
    steps = [
        ("MatMul", ["w"], {}),
        ("LayerNormalization", ["g", "b"], {"epsilon": 1e-5}),
        ("Mul", ["s"], {}),
        ("Tanh", [], {}),
        ("MatMul", ["w"], {}),
        ("Sigmoid", [], {}),
    ]
    constants = {"w": f32(8, 8), "g": f32(8), "b": f32(8), "s": np.float32(0.3)}
    return graph(chain("x", *steps), {"x": [4, 8]}, ["y"], constants)


def shaped():
    """What follows from shapes and constants, folded when the file is read."""
    node = helper.make_node
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n", "axes"], ["n1"]),
        node("Concat", ["n1", "rest"], ["t"], axis=0),
        node("Reshape", ["x", "t"], ["r"]),
        node("ConstantOfShape", ["rest"], ["o"]),
        node("Range", ["zero", "eight", "one"], ["i"]),
        node("Cast", ["i"], ["f"], to=1),
        node("Expand", ["f", "e"], ["ef"]),
        node("Slice", ["ef", "axes", "two"], ["sl"]),
        node("Tile", ["sl", "reps"], ["ti"]),
        node("Trilu", ["w", "zero"], ["tr"], upper=0),
        node("MatMul", ["r", "tr"], ["m"]),
        node("Add", ["m", "ti"], ["a"]),
        node("Split", ["a", "halves"], ["p", "q"], axis=1),
        node("Where", ["mask", "p", "q"], ["h"]),
        node("Transpose", ["h"], ["u"], perm=[1, 0]),
        node("Pad", ["u", "pads", "zf"], ["y"]),
    ]
    constants = {
        "zero": np.int64(0),
        "one": np.int64(1),
        "eight": np.int64(8),
        "axes": np.array([0]),
        "rest": np.array([8]),
        "two": np.array([1]),
        "e": np.array([2, 8]),
        "reps": np.array([2, 1]),
        "w": f32(8, 8),
        "halves": np.array([4, 4]),
        "mask": np.array([True, False, True, False]),
        "pads": np.array([0, 0, 1, 1]),
        "zf": np.float32(0),
    }
    return graph(nodes, {"x": [2, 8]}, ["y"], constants)


def attention():
    node = helper.make_node
    nodes = [node("MatMul", ["x", w], [f"{w}x"]) for w in ("q", "k", "v")]
    nodes += [
        node("Transpose", ["kx"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["qx", "kt"], ["s"]),
        node("Mul", ["s", "c"], ["sc"]),
        node("Add", ["sc", "m"], ["sm"]),
        node("Softmax", ["sm"], ["p"], axis=-1),
        node("MatMul", ["p", "vx"], ["o"]),
        node("Add", ["o", "x"], ["y"]),
    ]
    constants = {w: f32(16, 16) for w in "qkv"} | {
        "c": np.float32(0.25),
        "m": np.zeros((1, 4, 4), np.float32),
    }
    return graph(nodes, {"x": [1, 4, 16]}, ["y"], constants)


def function():
    """A function of the file's own."""
    model = perceptron()
    opset = helper.make_opsetid("", 17)
    body = [helper.make_node("Relu", ["a"], ["t"]), helper.make_node("Neg", ["t"], ["b"])]
    model.functions.append(helper.make_function("loc", "F", ["a"], ["b"], body, [opset]))
    model.opset_import.append(helper.make_opsetid("loc", 1))
    model.graph.node[1].op_type, model.graph.node[1].domain = "F", "loc"
    return model


def coding(name, real, scale, zero):
    """Q and DQ of a tensor: nodes, and the constants they read."""
    names = [f"{name}_scale", f"{name}_zero"]
    nodes = [
        helper.make_node("QuantizeLinear", [real, *names], [f"{name}_q"], name=f"{name}_ql"),
        helper.make_node("DequantizeLinear", [f"{name}_q", *names], [name], name=f"{name}_dq"),
    ]
    return nodes, dict(zip(names, (np.float32(scale), zero), strict=True))


def stored(name, codes, scale, axis=None):
    """DQ of constant codes."""
    names = [f"{name}_q", f"{name}_scale", f"{name}_zero"]
    more = {} if axis is None else {"axis": axis}
    zero = np.zeros(np.shape(scale), codes.dtype)
    node = helper.make_node("DequantizeLinear", names, [name], name=f"{name}_dq", **more)
    return [node], dict(zip(names, (codes, np.float32(scale), zero), strict=True))


def qdq(operator, shape, weights, more, axis):
    """One product between codes."""
    random = np.random.default_rng(1)
    codes = random.integers(-127, 128, weights).astype(np.int8)
    filters = weights[axis]
    bias = random.integers(-999, 999, filters).astype(np.int32)
    parts = [
        coding("xd", "x", 0.05, np.uint8(120)),
        stored("wd", codes, np.full(filters, 0.01), axis),
        stored("bd", bias, np.full(filters, 0.0005), 0),
    ]
    product = helper.make_node(operator, ["xd", "wd", "bd"], ["p"], name="product", **more)
    relu = helper.make_node("Relu", ["p"], ["r"], name="relu")
    parts += [([product, relu], {}), coding("y", "r", 0.1, np.uint8(0))]
    nodes = [node for made, _ in parts for node in made]
    return graph(nodes, {"x": shape}, ["y"], {k: v for _, given in parts for k, v in given.items()})


def qlinear():
    names = [f"{x}_{kind}" for x in "xw" for kind in ("q", "scale", "zero")]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["x_q"], name="q"),
        helper.make_node("QLinearMatMul", [*names, "y_scale", "y_zero"], ["y_q"], name="product"),
        helper.make_node("DequantizeLinear", ["y_q", "y_scale", "y_zero"], ["y"], name="dq"),
    ]
    constants = {"w_q": np.random.default_rng(2).integers(-127, 128, (8, 5)).astype(np.int8)}
    for x, zero in (("x", np.uint8(99)), ("w", np.int8(0)), ("y", np.uint8(3))):
        constants |= {f"{x}_scale": np.float32(0.03), f"{x}_zero": zero}
    return graph(nodes, {"x": [4, 8]}, ["y"], constants)


FLOATS = (perceptron, convolution, normalised, shaped, attention, function)
CODED = (
    lambda: qdq("Gemm", [4, 8], (5, 8), {"transB": 1}, 0),
    lambda: qdq("Conv", [1, 3, 6, 6], (4, 3, 3, 3), {"pads": [1, 1, 1, 1]}, 0),
    qlinear,
)


def change(random, model):
    """One change of a message somewhere in the model."""
    found = [m for m in messages(model) if m.ListFields() and not isinstance(m, onnx.OperatorSetIdProto)]
    message = mutate.pick(random, found)
    if isinstance(message, TensorProto) and random.random() < 0.7:
        tensor(random, message)
        return
    field, value = mutate.pick(random, message.ListFields())
    if isinstance(message, onnx.NodeProto) and field.name == "op_type":
        message.op_type = mutate.pick(random, (*operators.OPERATORS, *OTHERS))
    elif field.message_type is not None and not hasattr(value, "append") and not hasattr(value, "add"):
        message.ClearField(field.name) if random.random() < 0.3 else None
    elif hasattr(value, "__delitem__"):
        several(random, model, field, value)
    else:
        single(random, model, message, field, value)


def several(random, model, field, value):
    """A repeated field: an entry less, twice, elsewhere, or other."""
    place = int(random.integers(len(value)))
    kind = mutate.pick(random, ("gone", "twice", "moved", "other", "other"))
    if kind == "gone" or (kind == "other" and field.message_type is not None):
        del value[place]
    elif kind == "twice":
        value.append(value[place]) if field.message_type is None else value.add().CopyFrom(value[place])
    elif kind == "moved":
        other = int(random.integers(len(value)))
        a, b = value[place], value[other]
        if field.message_type is None:
            value[place], value[other] = b, a
        else:
            kept = type(a)()
            kept.CopyFrom(a)
            a.CopyFrom(b)
            b.CopyFrom(kept)
    else:
        value[place] = fitting(random, model, field, value[place])


def single(random, model, message, field, value):
    if random.random() < 0.15:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, fitting(random, model, field, value))


def fitting(random, model, field, old):
    """A value that protobuf lets stand in the field."""
    if isinstance(old, str):
        names = [name for node in model.graph.node for name in (*node.input, *node.output)]
        return mutate.pick(random, (*names, "", *(t for t in mutate.TEXT if "\0" not in t)))
    if isinstance(old, bytes):
        return mutate.pick(random, (b"", b"\xff", b"NOTSET", b"SAME_UPPER", b"tanh", b"edge", b"x" * 5000))
    if isinstance(old, float):
        return mutate.pick(random, (old * 2, -old, old + 1, *mutate.REAL))
    if field.enum_type is not None:
        return mutate.pick(random, [v.number for v in field.enum_type.values])
    end = 1 << (31 if field.type == field.TYPE_INT32 else 63)
    # of sizes between those that are quick and those that nothing holds, a compiler takes minutes
    whole = [x for x in mutate.WHOLE if not 1000 < x < 1 << 31]
    new = mutate.pick(random, (old + 1, old - 1, 0, 1, 2, -1, *whole))
    return min(max(new, -end), end - 1)


def tensor(random, message):
    """An initialiser or a constant: other numbers, another shape or type, bytes that do not fit."""
    kind = mutate.pick(random, ("numbers", "numbers", "dims", "type", "bytes"))
    if kind == "numbers":
        try:
            value = mutate.array(random, numpy_helper.to_array(message))
        except Exception:
            return
        name = message.name
        message.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))
    elif kind == "dims" and message.dims:
        place = int(random.integers(len(message.dims)))
        new = mutate.nasty(random, int(message.dims[place]))
        message.dims[place] = int(new) if isinstance(new, int) and abs(new) < 1 << 63 else 0
    elif kind == "type":
        message.data_type = int(random.integers(0, 25))
    elif message.raw_data:
        message.raw_data = mutate.bytes_of(random, message.raw_data)


def design(name, path):
    """An example, its groups so small that they divide the cases' products. path: where it is written."""
    text = (EXAMPLES / f"{name}.toml").read_text()
    path.write_text(text.replace("group = 128 ", "group = 4 "))
    return path


def used(random, path, designs):
    """`systola map` or `run` on one of the designs, and what it prints."""
    on = design(mutate.pick(random, designs), path.with_name("design.toml"))
    if random.random() < 0.5:
        result = systola.map(path, on=on)
    else:
        result = systola.run(path, on=on, engine="model", write_to=path.with_name("y.npz"))
    assert tables.whole(result)
    return result


class Onnx:
    """Damaged models of some shapes, mapped or run on one of several designs."""

    bases: tuple = FLOATS
    designs: tuple = DESIGNS

    def prepare(self):
        self.models = [make() for make in self.bases]

    def damage(self, random, folder):
        model = onnx.ModelProto()
        model.CopyFrom(mutate.pick(random, self.models))
        for _ in range(int(mutate.pick(random, (1, 1, 1, 2, 3)))):
            change(random, model)
        path = folder / "net.onnx"
        data = model.SerializeToString()
        path.write_bytes(mutate.bytes_of(random, data) if random.random() < 0.1 else data)
        return path

    def use(self, random, path):
        return used(random, path, self.designs)


class Coded(Onnx):
    """Models that state their own codes."""

    bases = CODED
    designs = ("accelerator16_int8",)
