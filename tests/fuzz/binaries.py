"""Readers of what programs write: TFLite, GGUF, Hugging Face's folders, arrays."""

import io
import json

import numpy as np
from safetensors.numpy import save

import systola
from systola import tables
from tests.fuzz import mutate
from tests.fuzz.onnx_files import EXAMPLES, perceptron, used
from tests.mapping.frontends import gguf_file
from tests.mapping.frontends.test_hugging_face import CONFIG, random_tensors
from tests.tflite.conftest import Writer


def convolutions(kind):
    """A convolution, a depthwise one, a mean and a fully connected layer."""
    w, random = Writer(), np.random.default_rng(3)
    real = kind == "FLOAT32"
    dtype = np.float32 if real else np.int8

    def tensor(*shape):
        return w.tensor(shape, kind, None if real else 0.05, 3)

    def weights(*shape):
        return w.constant(random.integers(-100, 100, shape).astype(dtype), None if real else 0.01)

    def bias(count):
        value = random.integers(-100, 100, count).astype(np.float32 if real else np.int32)
        return w.constant(value, None if real else 0.0005)

    x, a, b, c, d, y = (
        tensor(1, 6, 6, 3),
        tensor(1, 6, 6, 4),
        tensor(1, 3, 3, 4),
        tensor(1, 4),
        tensor(1, 5),
        tensor(1, 5),
    )
    window = {"Padding": 0, "FusedActivationFunction": 1}
    w.add(
        "CONV_2D",
        [x, weights(4, 3, 3, 3), bias(4)],
        [a],
        "Conv2DOptions",
        StrideW=1,
        StrideH=1,
        DilationWFactor=1,
        DilationHFactor=1,
        **window,
    )
    w.add(
        "DEPTHWISE_CONV_2D",
        [a, weights(1, 3, 3, 4), bias(4)],
        [b],
        "DepthwiseConv2DOptions",
        StrideW=2,
        StrideH=2,
        DepthMultiplier=1,
        DilationWFactor=1,
        DilationHFactor=1,
        **window,
    )
    w.add("MEAN", [b, w.constant(np.array([1, 2], np.int32))], [c], "ReducerOptions", KeepDims=False)
    w.add(
        "FULLY_CONNECTED",
        [c, weights(5, 4), bias(5)],
        [d],
        "FullyConnectedOptions",
        FusedActivationFunction=0,
    )
    w.add("ADD", [d, d], [y], "AddOptions", FusedActivationFunction=0)
    return w, [x], [y]


KINDS = ("INT8", "UINT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT16", "BOOL", "RESOURCE")
OPERATORS = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "ADD",
    "MEAN",
    "RESHAPE",
    "SOFTMAX",
    "MUL",
    "PAD",
    "AVERAGE_POOL_2D",
    "LOGISTIC",
    "CONCATENATION",
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "CALL_ONCE",
    "QUANTIZE",
    "DEQUANTIZE",
    "STRIDED_SLICE",
    "SPLIT",
    "WHILE",
    "TRANSPOSE",
)


def tensor_changed(random, tensor):
    """Another shape, type, scale, zero point, content or axis."""
    shape, kind, scales, zeros, data, axis = tensor
    place = mutate.pick(random, ("shape", "shape", "kind", "scale", "zero", "data", "axis"))
    if place == "shape":
        shape = tuple(mutate.changed(random, list(shape), 1))
        shape = tuple(x if isinstance(x, int) and abs(x) < 1 << 31 else 1 for x in shape)
    elif place == "kind":
        kind = mutate.pick(random, KINDS)
    elif place == "scale":
        with np.errstate(all="ignore"):
            scales = np.float32([mutate.pick(random, mutate.REAL)] * int(mutate.pick(random, (1, 1, 3, 4))))
        zeros = None if scales is None else np.zeros(int(mutate.pick(random, (len(scales), 1, 2))), np.int64)
    elif place == "zero" and zeros is not None:
        zeros = zeros + int(mutate.pick(random, (1, -200, 1 << 40)))
    elif place == "data" and data is not None:
        data = mutate.array(random, data)
    else:
        axis = int(mutate.pick(random, (-1, 1, 3, 99)))
    zeros = np.zeros(0, np.int64) if zeros is None else zeros
    return shape, kind, scales, zeros, data, axis


def operator_changed(random, operator, tensors):
    """Other operands, another kind, other options or none."""
    kind, inputs, outputs, table, options = operator
    place = mutate.pick(random, ("inputs", "outputs", "kind", "option", "option", "table"))
    if place == "inputs":
        inputs = wild(random, inputs, tensors)
    elif place == "outputs":
        outputs = wild(random, outputs, tensors)
    elif place == "kind":
        kind = mutate.pick(random, OPERATORS)
    elif place == "option" and options:
        key = mutate.pick(random, list(options))
        most = 1 if key == "KeepDims" else 100
        options = options | {key: min(int(mutate.pick(random, (0, 1, 2, 3, 5, 100))), most)}
    else:
        table, options = None, {}
    return kind, inputs, outputs, table, options


def wild(random, given, tensors):
    """Numbers of tensors, some of them others, some left out."""
    choices = (-1, *range(tensors), tensors, 1 << 30)
    found = [int(mutate.pick(random, choices)) if random.random() < 0.4 else x for x in given]
    return found[: int(random.integers(len(found) + 1))] if random.random() < 0.5 else found


def changed_file(random, kind):
    """A file whose parts were changed before it was written."""
    writer, inputs, outputs = convolutions(kind)
    for _ in range(int(mutate.pick(random, (1, 1, 2)))):
        if random.random() < 0.5:
            place = int(random.integers(len(writer.tensors)))
            writer.tensors[place] = tensor_changed(random, writer.tensors[place])
        else:
            place = int(random.integers(len(writer.operators)))
            writer.operators[place] = operator_changed(random, writer.operators[place], len(writer.tensors))
    return writer.bytes(inputs, outputs)


class Tflite:
    """Damaged TFLite files, in INT8 and in reals."""

    def prepare(self):
        self.files = [w.bytes(x, y) for w, x, y in map(convolutions, ("INT8", "FLOAT32"))]

    def damage(self, random, folder):
        path, data = folder / "net.tflite", mutate.pick(random, self.files)
        kind = random.random()
        if kind < 0.7:
            data = changed_file(random, mutate.pick(random, ("INT8", "INT8", "FLOAT32")))
        elif kind < 0.95:
            data = mutate.words(random, data, int(mutate.pick(random, (1, 4))))
        else:
            data = mutate.bytes_of(random, data)
        path.write_bytes(data)
        return path

    def use(self, random, path):
        return used(random, path, ("ws16_int8", "accelerator16_int8"))


class Gguf:
    """A small decoder: its entries, its tensors or its bytes damaged."""

    def prepare(self):
        self.tensors = gguf_file.weights()

    def damage(self, random, folder):
        entries, tensors = gguf_file.entries(), dict(self.tensors)
        kind = mutate.pick(random, ("entry", "entry", "tensor", "words", "bytes"))
        if kind == "entry":
            key = mutate.pick(random, [key for key in entries if key.startswith("llama.")])
            wrong = (0, 1, 3, 8, 1 << 31, 0.0, -1.0, float("nan"), True, "x", [1, 2])
            entries[key] = mutate.pick(random, wrong)
        elif kind == "tensor":
            name = mutate.pick(random, list(tensors))
            value = np.ascontiguousarray(mutate.array(random, tensors[name]), np.float32)
            tensors[name] = value.reshape(value.shape or (1,))
        data = gguf_file.contents(tensors, entries)
        if kind == "words":
            data = mutate.words(random, data[:3000], int(mutate.pick(random, (1, 4, 8)))) + data[3000:]
        elif kind == "bytes":
            data = mutate.bytes_of(random, data)
        (folder / "net.gguf").write_bytes(data)
        return folder / "net.gguf"

    def use(self, random, path):
        result = systola.map(path, on=EXAMPLES / "ws16_int8.toml", tokens=int(mutate.pick(random, (1, 4, 6))))
        assert tables.whole(result)
        return result


class HuggingFace:
    """A small encoder's folder: its configuration or its weights damaged."""

    def prepare(self):
        self.tensors = random_tensors()
        self.weights = save(self.tensors)

    def damage(self, random, folder):
        config, weights = json.dumps(CONFIG).encode(), self.weights
        kind = mutate.pick(random, ("config", "config", "config bytes", "weights", "weights bytes", "header"))
        if kind == "config":
            config = json.dumps(mutate.changed(random, CONFIG), default=str).encode()
        elif kind == "config bytes":
            config = mutate.bytes_of(random, config)
        elif kind == "weights":
            name = mutate.pick(random, list(self.tensors))
            found = self.tensors | {name: np.ascontiguousarray(mutate.array(random, self.tensors[name]))}
            weights = save(found if random.random() < 0.8 else {k: v for k, v in found.items() if k != name})
        elif kind == "header":
            weights = self.header(random)
        else:
            weights = mutate.bytes_of(random, weights)
        (folder / "config.json").write_bytes(config)
        (folder / "model.safetensors").write_bytes(weights)
        return folder

    def header(self, random):
        """Other types, shapes and places of tensors."""
        size = int.from_bytes(self.weights[:8], "little")
        changed = mutate.changed(random, json.loads(self.weights[8 : 8 + size]))
        header = json.dumps(changed, default=str).encode()
        return len(header).to_bytes(8, "little") + header + self.weights[8 + size :]

    def use(self, random, path):
        result = systola.map(path, on=EXAMPLES / "ws16_int8.toml", tokens=int(mutate.pick(random, (1, 4, 6))))
        assert tables.whole(result)
        return result


SHAPES = ("(-1,)", "(True, 16)", "(1 << 60,)", "()", "(1e3,)", "[1, 16]", "(1, 16, 0)", "(2, 8)", "(16, 1)")
TYPES = ("|O", ">f4", "<f8", "|S9", "<M8[s]", "|V16", "f4,f4", "<f2", "<c8", "q", "<i4", "|u1")


class Arrays:
    """Inputs in .npy files, and what is none; outputs under any name."""

    def prepare(self):
        self.model = perceptron().SerializeToString()

    def damage(self, random, folder):
        values = np.random.default_rng(1).normal(size=(1, 16)).astype(np.float32)
        kind = mutate.pick(random, (*["array"] * 4, "bytes", "header", "archive"))
        buffer = io.BytesIO()
        if kind == "archive":
            np.savez(buffer, x=values)
        else:
            np.save(buffer, mutate.array(random, values) if kind == "array" else values)
        data = buffer.getvalue()
        if kind == "header":
            old = mutate.pick(random, ("(1, 16)", "<f4"))
            new = mutate.pick(random, SHAPES if old == "(1, 16)" else TYPES)
            text = data[10:128].decode().replace(old, new)
            data = data[:8] + len(text).to_bytes(2, "little") + text.encode() + data[128:]
        if kind in ("bytes", "archive"):
            data = mutate.bytes_of(random, data)
        (folder / "net.onnx").write_bytes(self.model)
        (folder / "x.npy").write_bytes(data)
        return folder / "x.npy"

    def use(self, random, path):
        on = EXAMPLES / f"{mutate.pick(random, ('ws16_int8', 'accelerator16_int8'))}.toml"
        options = {"inputs": {"": path}, "write_to": path.with_name("y.npz")}
        return systola.run(path.with_name("net.onnx"), on=on, engine="model", **options)
