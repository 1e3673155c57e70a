"""ResNet-50 (He et al. 2015; its stride on the 3 x 3 convolution) as an ONNX model of random weights."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))  # blocks, channels of their 3 x 3 convolutions
EXPANSION = 4


class Writer:
    """Nodes and weights of a model as they are added; every weight is drawn from `seed`."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, shape: tuple[int, ...], spread: float) -> str:
        value = self.random.standard_normal(shape, np.float32) * np.float32(spread)
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator: str, inputs: list[str], name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def conv(self, x: str, name: str, shape: tuple[int, int, int], stride: int = 1, relu: bool = True) -> str:
        """A convolution with BatchNorm folded into its bias; shape: filters, channels, kernel."""
        filters, channels, kernel = shape
        spread = (2 / (channels * kernel**2)) ** 0.5
        weights = self.constant(f"{name}.w", (filters, channels, kernel, kernel), spread)
        bias = self.constant(f"{name}.b", (filters,), 0.1)
        y = self.add(
            "Conv", [x, weights, bias], name, strides=[stride] * 2, kernel_shape=[kernel] * 2,
            pads=[kernel // 2] * 4,
        )  # fmt: skip
        return self.add("Relu", [y], f"{name}.relu") if relu else y


def block(w: Writer, x: str, name: str, channels: int, width: int, stride: int) -> str:
    """A bottleneck: 1 x 1, 3 x 3, 1 x 1, and the shortcut."""
    y = w.conv(x, f"{name}.1", (width, channels, 1))
    y = w.conv(y, f"{name}.2", (width, width, 3), stride)
    y = w.conv(y, f"{name}.3", (width * EXPANSION, width, 1), relu=False)
    if channels != width * EXPANSION:
        x = w.conv(x, f"{name}.short", (width * EXPANSION, channels, 1), stride, relu=False)
    return w.add("Relu", [w.add("Add", [y, x], f"{name}.sum")], f"{name}.relu")


def model(size: int = 224, seed: int = 0) -> onnx.ModelProto:
    """The model, batch 1, an image of size x size."""
    w = Writer(seed)
    x = w.conv("image", "stem", (64, 3, 7), 2)
    x = w.add("MaxPool", [x], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for stage, (blocks, width) in enumerate(STAGES):
        for number in range(blocks):
            stride = 2 if stage and not number else 1
            x = block(w, x, f"layer{stage + 1}.{number}", channels, width, stride)
            channels = width * EXPANSION
    x = w.add("Flatten", [w.add("GlobalAveragePool", [x], "mean")], "flat")
    weights, bias = w.constant("fc.w", (1000, channels), channels**-0.5), w.constant("fc.b", (1000,), 0.1)
    w.add("Gemm", [x, weights, bias], "classes", transB=1)
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, size, size))
    out = helper.make_tensor_value_info("classes", TensorProto.FLOAT, (1, 1000))
    graph = helper.make_graph(w.nodes, "resnet50", [given], [out], w.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
