"""Random TFLite files: an operator or two in INT8, UINT8, INT16 or FLOAT32, with TFLite's own answers.

`build` fills a `Files`: a writer of the tests, the tensors' shapes and scales, the inputs' values. Integer
results are to be the same, code for code.
"""

from dataclasses import dataclass, field

import numpy as np

from systola.demonstration.tflite_runtime import TfliteInterpreter
from tests.campaign.builder import Illegal
from tests.tflite.conftest import Writer

ACTIVATIONS = (0, 0, 0, 1, 2, 3)  # NONE, RELU, RELU_N1_TO_1, RELU6
TYPES = {"INT8": np.int8, "UINT8": np.uint8, "INT16": np.int16, "FLOAT32": np.float32}


@dataclass
class Files:
    """A TFLite file being made. kind: of its activations; shapes: of its tensors, by number."""

    random: np.random.Generator
    kind: str
    writer: Writer = field(default_factory=Writer)
    inputs: list[int] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    scales: dict[int, float] = field(default_factory=dict)
    zeros: dict[int, int] = field(default_factory=dict)
    operators: list[str] = field(default_factory=list)
    made: list[np.ndarray] = field(default_factory=list)  # float weights

    def pick(self, *choices):
        return choices[int(self.random.integers(len(choices)))]

    @property
    def dtype(self):
        return TYPES[self.kind]

    def zero(self) -> int:
        """A zero point of the type: anywhere, its ends and the middle among them."""
        if self.kind in ("INT16", "FLOAT32"):
            return 0
        info = np.iinfo(self.dtype)
        return int(
            self.pick(
                info.min,
                info.max,
                (info.min + info.max + 1) // 2,
                *self.random.integers(info.min, info.max, 3),
            )
        )

    def tensor(self, shape, scale=None, zero=None) -> int:
        scale = float(np.float32(self.random.uniform(0.005, 0.12))) if scale is None else scale
        zero = self.zero() if zero is None else zero
        real = self.kind == "FLOAT32"
        number = self.writer.tensor(shape, self.kind, None if real else scale, zero)
        self.shapes[number], self.scales[number], self.zeros[number] = tuple(shape), scale, zero
        return number

    def codes(self, shape) -> np.ndarray:
        if self.kind == "FLOAT32":
            return (self.random.standard_normal(shape) * self.pick(0.1, 1, 10, 60)).astype(np.float32)
        info = np.iinfo(self.dtype)
        return self.random.integers(info.min, info.max + 1, shape).astype(self.dtype)

    def input(self, shape, **given) -> int:
        number = self.tensor(shape, **given)
        self.inputs.append(number)
        self.values.append(self.codes(shape))
        return number

    def other(self, shape) -> int:
        """A second operand: an input or a constant."""
        if self.random.random() < 0.5:
            return self.input(shape)
        scale, zero = float(np.float32(self.random.uniform(0.005, 0.12))), self.zero()
        real = self.kind == "FLOAT32"
        number = self.writer.constant(self.codes(shape), None if real else scale, zero)
        self.shapes[number], self.scales[number], self.zeros[number] = tuple(shape), scale, zero
        return number

    def weights(self, shape, x: int, axis: int) -> tuple[int, int]:
        """Numbers of the weights and of the bias of a product that reads x."""
        filters = shape[axis]
        if self.kind == "FLOAT32":
            w = (self.random.standard_normal(shape) / 4).astype(np.float32)
            self.made.append(w)
            return self.writer.constant(w), self.writer.constant(
                self.random.standard_normal(filters).astype(np.float32)
            )
        per = self.random.random() < 0.6 and self.kind != "UINT8"
        scale = self.random.uniform(0.001, 0.01, filters if per else 1).astype(np.float32)
        if self.kind == "UINT8":
            w = self.writer.constant(
                self.random.integers(0, 256, shape).astype(np.uint8), scale, int(self.random.integers(0, 256))
            )
        else:
            w = self.writer.constant(self.random.integers(-127, 128, shape).astype(np.int8), scale, axis=axis)
        bias = self.random.integers(-3000, 3000, filters).astype(
            np.int64 if self.kind == "INT16" else np.int32
        )
        return w, self.writer.constant(bias, np.float32(self.scales[x]) * scale)

    def add(self, kind, inputs, outputs, table=None, **options) -> None:
        self.operators.append(kind)
        self.writer.add(kind, inputs, outputs, table, **options)

    def constant(self, value) -> int:
        return self.writer.constant(np.asarray(value, np.int32))


def extent(size, kernel, stride, same, dilation=1):
    reach = (kernel - 1) * dilation + 1
    found = -(-size // stride) if same else (size - reach) // stride + 1
    if found < 1:
        raise Illegal("a window larger than the image")
    return found


def image(f: Files) -> tuple[int, ...]:
    return (1, int(f.pick(1, 4, 7, 9)), int(f.pick(1, 3, 8)), int(f.pick(1, 3, 4, 16, 17)))


def convolution(f: Files, x: int, *, depthwise: bool = False) -> int:
    n, h, w, c = f.shapes[x]
    kernel, stride, same = (int(f.pick(1, 2, 3)), int(f.pick(1, 3))), int(f.pick(1, 2)), bool(f.pick(0, 1))
    dilation = int(f.pick(1, 1, 2)) if stride == 1 else 1
    out = [extent(s, k, stride, same, dilation) for s, k in zip((h, w), kernel, strict=True)]
    multiplier = int(f.pick(1, 1, 2))
    filters = c * multiplier if depthwise else int(f.pick(1, 5, 16))
    shape = (1, *kernel, filters) if depthwise else (filters, *kernel, c)
    weights = f.weights(shape, x, 3 if depthwise else 0)
    y = f.tensor((n, *out, filters))
    name = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    more = {"DepthMultiplier": multiplier} if depthwise else {}
    f.add("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x, *weights], [y], name, Padding=int(not same),
          StrideW=stride, StrideH=stride, DilationWFactor=dilation, DilationHFactor=dilation,
          FusedActivationFunction=f.pick(*ACTIVATIONS), **more)  # fmt: skip
    return y


def fully_connected(f: Files, x: int) -> int:
    shape = f.shapes[x]
    k, n = shape[-1], int(f.pick(1, 5, 16, 33))
    w, bias = f.weights((n, k), x, 0)
    y = f.tensor((int(np.prod(shape[:-1])), n), scale=float(np.float32(f.random.uniform(0.02, 0.3))))
    f.add("FULLY_CONNECTED", [x, w, bias if f.random.random() < 0.7 else -1], [y], "FullyConnectedOptions",
          FusedActivationFunction=f.pick(*ACTIVATIONS))  # fmt: skip
    return y


def binary(name: str):
    def use(f: Files, x: int) -> int:
        shape = f.shapes[x]
        y = f.other(f.pick(shape, shape[-1:], (1,)))
        pair = [x, y] if f.random.random() < 0.6 else [y, x]
        out = f.tensor(shape)
        f.add(name.upper(), pair, [out], f"{name}Options", FusedActivationFunction=f.pick(*ACTIVATIONS))
        return out

    return use


def pool(kind: str):
    def use(f: Files, x: int) -> int:
        n, h, w, c = f.shapes[x]
        kernel, stride, same = (
            (int(f.pick(1, 2, 3)), int(f.pick(1, 2))),
            int(f.pick(1, 2)),
            bool(f.pick(0, 1)),
        )
        out = [extent(s, k, stride, same) for s, k in zip((h, w), kernel, strict=True)]
        y = f.tensor((n, *out, c), scale=f.scales[x], zero=f.zeros[x])
        f.add(kind, [x], [y], "Pool2DOptions", Padding=int(not same), StrideW=stride, StrideH=stride,
              FilterHeight=kernel[0], FilterWidth=kernel[1],
              FusedActivationFunction=f.pick(*ACTIVATIONS))  # fmt: skip
        return y

    return use


def unary(kind: str, table=None, out=None, alike: bool = False, **options):
    def use(f: Files, x: int) -> int:
        given = {"scale": f.scales[x], "zero": f.zeros[x]} if alike else {}
        if out is not None and f.kind in ("INT8", "UINT8"):
            given = {"scale": out[0], "zero": out[1] + (128 if f.kind == "UINT8" else 0)}
        elif out is not None:
            given = {"scale": 1 / 32768, "zero": 0}
        y = f.tensor(f.shapes[x], **given)
        drawn = {key: float(f.random.uniform(*bounds)) for key, bounds in options.items()}
        f.add(kind, [x], [y], table, **drawn)
        return y

    return use


def mean(f: Files, x: int) -> int:
    shape = f.shapes[x]
    axes = sorted(f.pick((1, 2), (1, 2), (len(shape) - 1,), (1,)))
    if max(axes) >= len(shape):
        raise Illegal("no such axis")
    keep = bool(f.pick(0, 1, 1))
    out = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    y = f.tensor(out)
    f.add("MEAN", [x, f.constant(axes)], [y], "ReducerOptions", KeepDims=keep)
    return y


def pad(f: Files, x: int) -> int:
    pads = f.random.integers(0, 3, (len(f.shapes[x]), 2)) * (f.random.random((len(f.shapes[x]), 1)) < 0.6)
    pads[0] = 0
    y = f.tensor([int(n + sum(p)) for n, p in zip(f.shapes[x], pads, strict=True)], f.scales[x], f.zeros[x])
    f.add("PAD", [x, f.constant(pads)], [y], "PadOptions")
    return y


def concatenation(f: Files, x: int) -> int:
    shape = f.shapes[x]
    axis = int(f.random.integers(1, len(shape)))
    alike = {"scale": f.scales[x], "zero": f.zeros[x]}
    other = f.input(shape, **alike) if f.random.random() < 0.7 else f.other(shape)
    y = f.tensor([n * 2 if i == axis else n for i, n in enumerate(shape)], **alike)
    f.add("CONCATENATION", [x, other], [y], "ConcatenationOptions", Axis=axis)
    return y


def reshape(f: Files, x: int) -> int:
    size = int(np.prod(f.shapes[x]))
    shape = f.pick((1, size), (size,), (1, size, 1))
    y = f.tensor(shape, f.scales[x], f.zeros[x])
    f.add("RESHAPE", [x, f.constant(shape)], [y], "ReshapeOptions")
    return y


def quantize(f: Files, x: int) -> int:
    if f.kind == "FLOAT32":
        raise Illegal("FLOAT32 stays")
    return unary("QUANTIZE", "QuantizeOptions")(f, x)


OPERATORS = {
    "CONV_2D": (4, convolution), "DEPTHWISE_CONV_2D": (4, lambda f, x: convolution(f, x, depthwise=True)),
    "FULLY_CONNECTED": (2, fully_connected), "ADD": (0, binary("Add")), "SUB": (0, binary("Sub")),
    "MUL": (0, binary("Mul")), "AVERAGE_POOL_2D": (4, pool("AVERAGE_POOL_2D")),
    "MAX_POOL_2D": (4, pool("MAX_POOL_2D")), "LOGISTIC": (0, unary("LOGISTIC", out=(1 / 256, -128))),
    "TANH": (0, unary("TANH", out=(1 / 128, 0))), "RELU": (0, unary("RELU")), "RELU6": (0, unary("RELU6")),
    "SOFTMAX": (2, unary("SOFTMAX", "SoftmaxOptions", (1 / 256, -128), Beta=(0.3, 2))),
    "LEAKY_RELU": (0, unary("LEAKY_RELU", "LeakyReluOptions", Alpha=(-0.5, 1.2))),
    "HARD_SWISH": (0, unary("HARD_SWISH", "HardSwishOptions")), "QUANTIZE": (0, quantize),
    "MEAN": (4, mean), "PAD": (4, pad), "CONCATENATION": (2, concatenation), "RESHAPE": (4, reshape),
}  # fmt: skip


def build(random: np.random.Generator, seed: int) -> tuple[Files, list[int], bytes]:
    """A file of one operator of the table, at times behind a product; its outputs' numbers; its bytes."""
    kind = ("INT8", "INT8", "INT8", "UINT8", "INT16", "FLOAT32")[int(random.integers(6))]
    f = Files(random, kind)
    name = list(OPERATORS)[seed % len(OPERATORS)]
    rank, use = OPERATORS[name]
    rank = rank or int(f.pick(2, 4))
    x = f.input(image(f) if rank == 4 else (int(f.pick(1, 4, 7)), int(f.pick(1, 13, 16, 64))))
    if f.random.random() < 0.5:
        x = convolution(f, x) if rank == 4 else fully_connected(f, x)
    y = use(f, x)
    return f, [y], f.writer.bytes(f.inputs, [y])


def run(data: bytes, values: list[np.ndarray], outputs: int) -> list[np.ndarray]:
    """TFLite's own answers; Illegal where it takes the file for none."""
    interpreter = TfliteInterpreter(data)
    try:
        return interpreter.step(*values, outputs=outputs)
    except RuntimeError as error:
        raise Illegal(str(error)) from None
    finally:
        interpreter.close()
