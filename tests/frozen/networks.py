"""The networks whose figures are frozen: trained ones inside installed packages, and small ones made here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from systola.demonstration import packages, speech
from tests.frozen.adapter import WITH_GROUPS, Job

Arrays = Mapping[str, np.ndarray]
HEADS, TOKENS, WIDTH = 2, 6, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """make   from an empty folder to what is run there
    exact   its real numbers are the same on every processor: sums in float have no rounding
    runs    it is run, else mapped alone
    grouped it is run on designs with groups too, else mapped alone there: their sums take minutes
    costly  left to the slow tests, but for its plan on a few designs
    """

    make: Callable[[Path], Job]
    exact: bool = False
    runs: bool = True
    grouped: bool = True
    costly: bool = False

    def runs_on(self, design: str) -> bool:
        return self.runs and (self.grouped or design not in WITH_GROUPS)


def grid(seed: int, *shape: int, bits: int = 1) -> np.ndarray:
    """Multiples of 2^-bits up to 1 either way: products of a few layers of them are exact in float32."""
    steps = np.random.default_rng(seed).integers(-(1 << bits), (1 << bits) + 1, shape)
    return np.asarray(steps / 2.0**bits, np.float32)


def written(
    folder: Path, constants: Arrays, nodes: list[tuple], x: np.ndarray, y: tuple[int, ...]
) -> Job:
    """net.onnx. nodes: (operator, inputs, output[, attributes]); input x, output y."""
    made = [
        helper.make_node(operator, inputs.split(), [output], name=output, **(rest[0] if rest else {}))
        for operator, inputs, output, *rest in nodes
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", x.shape), ("y", y))
    ]
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(made, "net", ends[:1], ends[1:], stored)
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), str(folder / "net.onnx"))
    return Job(path=folder / "net.onnx", inputs={"x": x})


def dense(folder: Path) -> Job:
    """A product whose K is two groups of 128, a bias, ReLU."""
    constants = {"w": grid(1, 256, 40), "b": grid(2, 40)}
    nodes = [("MatMul", "x w", "p"), ("Add", "p b", "s"), ("Relu", "s", "y")]
    return written(folder, constants, nodes, grid(3, 4, 256, bits=4), (4, 40))


def convolutions(folder: Path, batch: int = 1) -> Job:
    """Padded, depthwise, strided; pooling; a Gemm at the end."""
    constants = {
        "w1": grid(1, 8, 3, 3, 3), "b1": grid(2, 8), "w2": grid(3, 8, 1, 3, 3), "w3": grid(4, 16, 8, 2, 2),
        "flat": np.array([batch, 144]), "w4": grid(5, 10, 144), "b4": grid(6, 10),
    }  # fmt: skip
    nodes = [
        ("Conv", "x w1 b1", "c1", {"pads": [1, 1, 1, 1]}), ("Relu", "c1", "r1"),
        ("Conv", "r1 w2", "c2", {"pads": [1, 1, 1, 1], "group": 8}), ("Relu", "c2", "r2"),
        ("MaxPool", "r2", "m", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Conv", "m w3", "c3", {"strides": [2, 2]}), ("Reshape", "c3 flat", "f"),
        ("Gemm", "f w4 b4", "y", {"transB": 1}),
    ]  # fmt: skip
    return written(folder, constants, nodes, grid(7, batch, 3, 12, 12, bits=4), (batch, 10))


def attention(folder: Path) -> Job:
    """Self-attention of two heads, layer norm, GELU spelt out, a residual."""
    head = WIDTH // HEADS
    constants = {f"w{x}": grid(i, WIDTH, WIDTH) for i, x in enumerate("qkvo")}
    constants |= {
        "split": np.array([1, TOKENS, HEADS, head]), "join": np.array([1, TOKENS, WIDTH]),
        "root": np.float32(head**0.5), "gain": grid(8, WIDTH), "offset": grid(9, WIDTH),
        "root2": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5),
    }  # fmt: skip
    nodes: list[tuple] = []
    for x in "qkv":
        turned = [0, 2, 3, 1] if x == "k" else [0, 2, 1, 3]
        nodes += [("MatMul", f"x w{x}", x), ("Reshape", f"{x} split", f"{x}1"),
                  ("Transpose", f"{x}1", f"{x}2", {"perm": turned})]  # fmt: skip
    nodes += [
        ("Div", "q2 root", "q3"), ("MatMul", "q3 k2", "scores"), ("Softmax", "scores", "share"),
        ("MatMul", "share v2", "context"), ("Transpose", "context", "c1", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "c1 join", "c2"), ("MatMul", "c2 wo", "out"), ("Add", "out x", "sum"),
        ("LayerNormalization", "sum gain offset", "norm"), ("Div", "norm root2", "g1"), ("Erf", "g1", "g2"),
        ("Add", "g2 one", "g3"), ("Mul", "norm g3", "g4"), ("Mul", "g4 half", "y"),
    ]  # fmt: skip
    return written(folder, constants, nodes, grid(7, 1, TOKENS, WIDTH, bits=4), (1, TOKENS, WIDTH))


def elementwise(folder: Path) -> Job:
    """Nothing but elements: no product at all."""
    nodes = [("Sigmoid", "x", "a"), ("Mul", "a x", "b"), ("Tanh", "b", "c"), ("Sub", "c x", "y")]
    return written(folder, {}, nodes, grid(7, 3, 20, bits=4), (3, 20))


def quantised(folder: Path) -> Job:
    """ONNX that states its codes: a product between QuantizeLinear and DequantizeLinear."""
    random = np.random.default_rng(4)
    constants = {
        "sx": np.float32(1 / 16), "sw": np.float32(1 / 64), "sy": np.float32(1 / 4), "zero": np.int8(0),
        "codes": random.integers(-127, 128, (256, 24)).astype(np.int8),
    }  # fmt: skip
    nodes = [
        ("QuantizeLinear", "x sx zero", "xq"), ("DequantizeLinear", "xq sx zero", "xd"),
        ("DequantizeLinear", "codes sw zero", "wd"), ("MatMul", "xd wd", "p"),
        ("QuantizeLinear", "p sy zero", "pq"), ("DequantizeLinear", "pq sy zero", "y"),
    ]  # fmt: skip
    return written(folder, constants, nodes, grid(7, 4, 256, bits=4), (4, 24))


def shapes(folder: Path) -> Job:
    """Shapes without weights, as SCALE-Sim's files have them: convolutions."""
    rows = ["Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,",
            "conv1, 58, 58, 3, 3, 16, 32, 1,", "conv2, 28, 28, 1, 1, 128, 40, 2,"]  # fmt: skip
    (folder / "net.csv").write_text("\n".join(rows) + "\n")
    return Job(path=folder / "net.csv")


def okay_nabu(folder: Path) -> Job:
    """An INT8 TFLite network with state, 60 steps of its word."""
    path, name = packages.micro_wake_word() / "models" / "okay_nabu.tflite", "serving_default_input_audio:0"
    heard = speech.features(speech.said("okay_nabu"))[:180]
    codes = np.clip(np.round(heard / (26 / 255)) - 128, -128, 127).astype(np.int8)
    return Job(path=path, inputs={name: codes.reshape(60, 3, -1)})


def light(name: str, folder: Path) -> Job:
    """A network of ONNX's model zoo with constant weights, which the package onnx brings along."""
    return Job(path=Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx")


NETWORKS = {
    "dense": Network(make=dense, exact=True),
    "convolutions": Network(make=convolutions, exact=True),
    "batch": Network(make=partial(convolutions, batch=2), exact=True),
    "attention": Network(make=attention),
    "elementwise": Network(make=elementwise),
    "quantised": Network(make=quantised, exact=True),
    "shapes": Network(make=shapes, exact=True),
    "okay_nabu": Network(make=okay_nabu),
    "alexa": Network(
        make=lambda _: Job(path=packages.micro_wake_word() / "models" / "alexa.tflite"), exact=True
    ),
    "embedding": Network(
        make=lambda _: Job(path=packages.open_wake_word() / "embedding_model.tflite"),
        grouped=False,
        costly=True,
    ),
    "magika": Network(
        make=lambda _: Job(path=packages.magika() / "model.onnx"), grouped=False, costly=True
    ),
    "minilm": Network(make=lambda _: Job(path=packages.minilm(), tokens=16), costly=True),
    "shufflenet": Network(make=partial(light, "shufflenet"), grouped=False, costly=True),
    "resnet50": Network(make=partial(light, "resnet50"), runs=False, costly=True),
}
