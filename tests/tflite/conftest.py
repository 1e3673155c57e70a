"""TFLite files made here, and TFLite's own C library (it comes inside pymicro-wakeword) to run them."""

import importlib.util
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
import tflite

from golden.check import BadValue
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from mapping.frontends.tflite.options import OPERATORS, TENSOR_TYPES
from mapping.target import Target
from systola.demonstration import tflite_runtime

BUILTIN = {name: number for number, name in OPERATORS.items()}
TYPES = {name: number for number, name in TENSOR_TYPES.items()}
WORDS = ("okay_nabu", "hey_jarvis", "alexa", "hey_mycroft")


def package(name):
    """Folder of an installed package; skips without it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


class Writer:
    """A model with one graph: tensors by number in the order they are added, then operators."""

    def __init__(self):
        self.tensors, self.operators = [], []

    def tensor(self, shape, kind="INT8", scale=None, zero=0, data=None, axis=0):
        """Number of a new tensor. scale: one or several. data: of a constant."""
        scales = None if scale is None else np.atleast_1d(np.asarray(scale, np.float32))
        zeros = None if scale is None else np.broadcast_to(np.asarray(zero, np.int64), scales.shape).copy()
        self.tensors.append((tuple(shape), kind, scales, zeros, data, axis))
        return len(self.tensors) - 1

    def constant(self, value, scale=None, zero=0, axis=0):
        value = np.asarray(value)
        return self.tensor(value.shape, str(value.dtype).upper(), scale, zero, value, axis)

    def add(self, kind, inputs, outputs, table=None, **options):
        """An operator; `table` and `options` by the schema's names: "Conv2DOptions", StrideW=2."""
        self.operators.append((kind, inputs, outputs, table, options))

    def bytes(self, inputs, outputs):
        """The file."""
        b = self.b = flatbuffers.Builder(1024)
        empty, buffers = self.buffer(None), []
        for each in self.tensors:
            buffers.append(empty if each[4] is None else self.buffer(each[4]))
        kinds = sorted({each[0] for each in self.operators})
        codes = [
            self.table("OperatorCode", BuiltinCode=number, DeprecatedBuiltinCode=min(number, 127), Version=1)
            for number in (BUILTIN[kind] for kind in kinds)
        ]
        tensors = [self.one_tensor(i, *each) for i, each in enumerate(self.tensors)]
        operators = [self.operator(kinds, *each) for each in self.operators]
        graph = self.table(
            "SubGraph", Tensors=self.offsets(tensors), Operators=self.offsets(operators),
            Inputs=b.CreateNumpyVector(np.array(inputs, np.int32)),
            Outputs=b.CreateNumpyVector(np.array(outputs, np.int32)),
        )  # fmt: skip
        b.Finish(self.table(
            "Model", Version=3, OperatorCodes=self.offsets(codes), Subgraphs=self.offsets([graph]),
            Buffers=self.offsets([empty, *buffers]),
        ), b"TFL3")  # fmt: skip
        return bytes(b.Output())

    def table(self, name, **fields):
        getattr(tflite, f"{name}Start")(self.b)
        for field, value in fields.items():
            getattr(tflite, f"{name}Add{field}")(self.b, value)
        return getattr(tflite, f"{name}End")(self.b)

    def offsets(self, tables):
        self.b.StartVector(4, len(tables), 4)
        for each in reversed(tables):
            self.b.PrependUOffsetTRelative(each)
        return self.b.EndVector()

    def buffer(self, data):
        if data is None:
            return self.table("Buffer")
        return self.table("Buffer", Data=self.b.CreateNumpyVector(np.frombuffer(data.tobytes(), np.uint8)))

    def one_tensor(self, index, shape, kind, scales, zeros, data, axis):
        b, more = self.b, {}
        if scales is not None:
            vectors = {"Scale": b.CreateNumpyVector(scales), "ZeroPoint": b.CreateNumpyVector(zeros)}
            more["Quantization"] = self.table("QuantizationParameters", QuantizedDimension=axis, **vectors)
        more |= {"Shape": b.CreateNumpyVector(np.array(shape, np.int32)), "Name": b.CreateString(f"t{index}")}
        return self.table("Tensor", Type=TYPES[kind], Buffer=index + 1, **more)

    def operator(self, kinds, kind, inputs, outputs, table, options):
        b, more = self.b, {}
        if table:
            more["BuiltinOptions"] = self.table(table, **options)
            more["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, table)
        more["Inputs"], more["Outputs"] = (
            b.CreateNumpyVector(np.array(each, np.int32)) for each in (inputs, outputs)
        )
        return self.table("Operator", OpcodeIndex=kinds.index(kind), **more)


@pytest.fixture(scope="session")
def reference_design():
    """Path of the design of every document."""
    return Path(__file__).parents[2] / "examples" / "ws16_int8.toml"


@pytest.fixture
def make_target():
    """A maker of targets: weight-stationary, int8; sizes as in Target and MatrixUnitParams."""

    def make(group, weight_buffer, activation_buffer, **unit):
        pe = MultiplierParams(weight=Int(8), activation=Int(8), group=group)
        params = MatrixUnitParams(pe=pe, out=Int(8), **unit)
        sizes = {"weight_buffer": weight_buffer, "activation_buffer": activation_buffer}
        return Target(name="t", unit=params, bytes_per_cycle=16, **sizes)

    return make


@pytest.fixture
def writer():
    return Writer()


@pytest.fixture(scope="session")
def oracle():
    """An interpreter of TFLite's C library, from a file's bytes."""
    try:
        tflite_runtime.library()
    except BadValue as missing:
        pytest.skip(str(missing))
    return tflite_runtime.TfliteInterpreter


@pytest.fixture(scope="session")
def wake_word():
    """Path of a wake-word model by its name."""
    return lambda word: package("pymicro_wakeword") / "models" / f"{word}.tflite"
