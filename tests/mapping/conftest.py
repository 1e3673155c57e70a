"""Small networks and targets for the mapper's tests; integer graphs, ONNX files, a writer of TFLite files."""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from golden.accelerator.params import AcceleratorParams
from golden.formats import parse
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from mapping.frontends import onnx_file
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.fixed import plain
from mapping.network import Network, Node, TensorType
from mapping.target import Target

HEADS, TOKENS, WIDTH = 2, 6, 12
AT_FIRST: dict = {}  # state of a test module's generator as its import left it


@pytest.fixture(autouse=True)
def same_draws(request):
    """A test draws the same numbers whichever tests ran before it."""
    generator = getattr(request.module, "RANDOM", None) or getattr(request.module, "RNG", None)
    if generator is not None:
        now = generator.bit_generator.state
        generator.bit_generator.state = AT_FIRST.setdefault(request.module.__name__, now)


@pytest.fixture
def target():
    """A maker of targets; formats by name, the rest as in Target and MatrixUnitParams."""

    def make(weight="int8", activation="int8", out="int8", group=256, weight_buffer=4096,
             activation_buffer=4096, bytes_per_cycle=4, **unit):  # fmt: skip
        pe = MultiplierParams(weight=parse(weight), activation=parse(activation), group=group)
        sizes = {"rows": 4, "cols": 3, "accumulator_rows": 64, "multiplier_bits": 14, "max_shift": 34}
        return Target(
            name="t",
            unit=MatrixUnitParams(pe=pe, out=parse(out), **(sizes | unit)),
            weight_buffer=weight_buffer,
            activation_buffer=activation_buffer,
            bytes_per_cycle=bytes_per_cycle,
        )

    return make


@pytest.fixture
def build():
    """A maker of networks: inputs by shape, constants, then (operator, inputs, output, shape, attributes)."""

    def make(inputs, constants, *nodes, outputs=("y",)):
        constants = {name: np.asarray(value) for name, value in constants.items()}
        made = [
            Node(name=out, operator=op, inputs=tuple(given.split()), outputs=(out,), attributes=dict(*rest))
            for op, given, out, _, *rest in nodes
        ]
        shapes = {out: shape for _, _, out, shape, *_ in nodes} | inputs
        return Network(
            name="net",
            nodes=tuple(made),
            constants=constants,
            inputs={name: TensorType(shape, np.dtype(np.float32)) for name, shape in inputs.items()},
            outputs=outputs,
            shapes=shapes | {name: value.shape for name, value in constants.items()},
        )

    return make


@pytest.fixture
def normal():
    """float32 samples of a normal distribution, the same in every run."""
    random = np.random.default_rng(5)
    return lambda *shape: random.normal(size=shape).astype(np.float32)


@pytest.fixture
def attention(build, normal):
    """Self-attention with 1/sqrt(d) on the queries; of six products q, k, v and context leave as codes."""
    one_head = WIDTH // HEADS
    weights = {f"w{x}": normal(WIDTH, WIDTH) for x in "qkvo"}
    shapes = {"split": [1, TOKENS, HEADS, one_head], "join": [1, TOKENS, WIDTH]}
    constants = weights | {name: np.array(value) for name, value in shapes.items()}
    constants |= {"bias": normal(WIDTH), "root": np.float32(one_head**0.5)}
    flat, apart = (1, TOKENS, WIDTH), (1, TOKENS, HEADS, one_head)
    heads, turned = (1, HEADS, TOKENS, one_head), (1, HEADS, one_head, TOKENS)
    nodes = []
    for x in "qkv":
        perm, shape = ([0, 2, 3, 1], turned) if x == "k" else ([0, 2, 1, 3], heads)
        nodes += [
            ("MatMul", f"x w{x} bias", x, flat),
            ("Reshape", f"{x} split", f"{x}_apart", apart),
            ("Transpose", f"{x}_apart", f"{x}_heads", shape, {"perm": perm}),
        ]
    square = (1, HEADS, TOKENS, TOKENS)
    nodes += [
        ("Div", "q_heads root", "q_scaled", heads),
        ("MatMul", "q_scaled k_heads", "scores", square),
        ("Softmax", "scores", "share", square),
        ("MatMul", "share v_heads", "context", heads),
        ("Transpose", "context", "context_apart", apart, {"perm": [0, 2, 1, 3]}),
        ("Reshape", "context_apart join", "context_flat", flat),
        ("MatMul", "context_flat wo bias", "y", flat),
    ]
    return build({"x": flat}, constants, *nodes)


@pytest.fixture
def convolutions(build, normal):
    """Convolutions: padded with ReLU, strided, in groups; then a Gemm that transposes its weights."""
    constants = {
        "w1": normal(4, 3, 3, 3), "b1": normal(4), "w2": normal(6, 4, 2, 2), "w3": normal(6, 3, 1, 1),
        "b3": normal(6), "flat": np.array([2, 54]), "w4": normal(5, 54), "b4": normal(5),
    }  # fmt: skip
    return build(
        {"x": (2, 3, 7, 7)},
        constants,
        ("Conv", "x w1 b1", "c1", (2, 4, 7, 7), {"pads": [1, 1, 1, 1], "activation": "Relu"}),
        ("Conv", "c1 w2", "c2", (2, 6, 3, 3), {"strides": [2, 2]}),
        ("Conv", "c2 w3 b3", "c3", (2, 6, 3, 3), {"group": 2}),
        ("Reshape", "c3 flat", "r", (2, 54)),
        ("Gemm", "r w4 b4", "y", (2, 5), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    )


@pytest.fixture(scope="session")
def params():
    """The accelerator of every test."""
    return AcceleratorParams()


@pytest.fixture
def net():
    """A maker of a coded network: tensors by (shape, dtype[, data]); inputs x (and i), output y."""

    def make(tensors, *operations, inputs=("x",), outputs=("y",), **more):
        described = {
            name: graph.Tensor(
                name=name, shape=each[0], encoding=Affine.whole(each[1]), data=each[2] if each[2:] else None
            )
            for name, each in tensors.items()
        }
        return graph.CodedNetwork(
            name="net", tensors=described, operations=operations, inputs=inputs, outputs=outputs, **more
        )

    return make


@pytest.fixture
def codes():
    """Random int64 codes of a type, the same in every run."""
    random = np.random.default_rng(11)

    def make(shape, dtype="int8"):
        info = np.iinfo(dtype)
        return random.integers(info.min, int(info.max) + 1, shape)

    return make


@pytest.fixture
def epilogue():
    return plain


@pytest.fixture(scope="session")
def from_onnx():
    """A maker of networks: inputs {name: shape}, constants, nodes (operator, inputs, output, attributes)."""

    def make(inputs, constants, *nodes, output="y", shape=None):
        made = [
            helper.make_node(op, x.split(), [y], name=y, **(rest[0] if rest else {}))
            for op, x, y, *rest in nodes
        ]
        value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in inputs.items()]
        stored = [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
        out = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph_ = helper.make_graph(made, "net", value, [out], stored)
        model = helper.make_model(graph_, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        return onnx_file.from_model(model, "net.onnx", "net")

    return make


@pytest.fixture(scope="session")
def tflite_tools():
    """tests/tflite/conftest.py: the writer of TFLite files, where packages lie."""
    spec = importlib.util.spec_from_file_location(
        "tools", Path(__file__).parents[1] / "tflite" / "conftest.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
