"""Random ONNX models, built node by node: every tensor's value is known as soon as its node is added.

The values are onnxruntime's, with its optimisations off, one node at a time, so that an illegal node is told
at once and a generator can look at what it makes. The finished model is what a user would have saved.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSETS = (13, 14, 15, 17, 18, 19, 20, 21, 22, 23)
LARGEST = 1e6  # of a value in a network: beyond, float32 itself says little


class Illegal(Exception):
    """This draw is no legal model: draw again."""


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A session without optimisations, on one thread; Illegal where onnxruntime refuses the model."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors share no base class but Exception
        raise Illegal(str(error)) from None


def values_of(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """onnxruntime's outputs; Illegal where it cannot compute them."""
    made = session(model)
    try:
        return [np.asarray(value) for value in made.run(None, feeds)]
    except Exception as error:
        raise Illegal(str(error)) from None


def described(name: str, value: np.ndarray | None) -> onnx.ValueInfoProto:
    """Name, type and shape of a tensor; without a value the shape is left open."""
    if value is None:
        return helper.make_empty_tensor_value_info(name)
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, list(value.shape))


@dataclass
class Builder:
    """A model being built. values: of every tensor; inputs, constants: the names of those that are such."""

    random: np.random.Generator
    opset: int = 17
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)  # outputs of nodes, in order

    def input(self, value: np.ndarray) -> str:
        name = f"input_{len(self.inputs)}"
        self.inputs.append(name)
        self.values[name] = np.asarray(value)
        return name

    def constant(self, value: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(name)
        self.values[name] = np.asarray(value)
        return name

    def node(self, operator: str, inputs: list[str], outputs: int = 1, **attributes: object) -> str:
        """The name of the first output of a new node; Illegal where onnxruntime refuses the node."""
        name = f"{operator}_{len(self.nodes)}"
        names = [f"{name}_y{i}" if i else f"{name}_y" for i in range(outputs)]
        node = helper.make_node(operator, inputs, names, name=name, **attributes)
        read = [x for x in dict.fromkeys(inputs) if x]
        model = self.made_of([node], {x: self.values[x] for x in read if x not in self.constants}, names,
                             [x for x in read if x in self.constants])  # fmt: skip
        found = values_of(model, {x: self.values[x] for x in read if x not in self.constants})
        for value in found:
            if value.size == 0 or not np.all(np.isfinite(value.astype(np.float64))):
                raise Illegal("an empty result, or one that is not finite")
            if np.abs(value.astype(np.float64)).max(initial=0) > LARGEST:
                raise Illegal("a result beyond what is compared")
        self.nodes.append(node)
        self.values.update(zip(names, found, strict=True))
        self.made += names
        return names[0]

    def made_of(self, nodes, inputs, outputs, constants, known: bool = False) -> onnx.ModelProto:
        graph = helper.make_graph(
            nodes,
            "campaign",
            [described(name, value) for name, value in inputs.items()],
            [described(name, self.values[name] if known else None) for name in outputs],
            [numpy_helper.from_array(self.values[name], name) for name in constants],
        )
        imports = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=9)

    def model(self, outputs: list[str]) -> onnx.ModelProto:
        """The whole model with the given outputs; nodes that nothing reads stay, as exporters leave them."""
        read = {x for node in self.nodes for x in node.input} | set(outputs)
        inputs = {x: self.values[x] for x in self.inputs if x in read}
        constants = [x for x in self.constants if x in read]
        return self.made_of(self.nodes, inputs, outputs, constants, known=True)

    # draws

    def pick(self, *choices):
        """One of the choices."""
        return choices[int(self.random.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def real(self, shape, dtype=np.float32) -> np.ndarray:
        """Numbers up to +-200: normal or uniform, of a random spread and offset; sometimes zeros or ends."""
        spread = float(self.pick(0.02, 0.3, 1.0, 1.0, 5.0, 40.0, 200.0))
        how = self.pick("normal", "normal", "uniform", "offset", "ends", "sparse")
        value = self.random.standard_normal(shape) * spread / 3
        if how == "uniform":
            value = self.random.uniform(-spread, spread, shape)
        elif how == "offset":
            value = value / 4 + self.random.uniform(-spread, spread)
        elif how == "ends":
            value = self.random.choice([-spread, 0.0, spread, spread / 2], shape)
        elif how == "sparse":
            value = value * (self.random.random(shape) < 0.3)
        return np.clip(value, -200, 200).astype(dtype)

    def weights(self, shape, fan: int) -> np.ndarray:
        """Of a product: normal, about one over the root of the summed elements, times a random spread."""
        spread = float(self.pick(0.1, 1.0, 1.0, 5.0)) / np.sqrt(max(fan, 1))
        return (self.random.standard_normal(shape) * spread).astype(np.float32)

    def size(self) -> int:
        """Of an axis: 1, primes and round numbers."""
        return int(self.pick(1, 2, 3, 4, 5, 7, 8, 11, 13, 16, 17, 23, 32))

    def shape(self, rank: int | None = None) -> tuple[int, ...]:
        """A shape of few elements; the first axis is usually a batch of 1."""
        rank = int(self.pick(1, 2, 2, 3, 3, 4)) if rank is None else rank
        sizes = [self.size() for _ in range(rank)]
        if rank > 2 and self.chance(0.9):
            sizes[0] = 1
        while np.prod(sizes) > 4000:
            sizes[int(np.argmax(sizes))] //= 2
        return tuple(sizes)


KINDS = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16, TensorProto.DOUBLE: np.float64}
