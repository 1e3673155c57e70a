"""TFLite files of uint8 codes, with reals at their ends, of types that are refused: against its run-time."""

from pathlib import Path

import numpy as np
import pytest

import systola
from golden.check import BadValue
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.as_codes import coded
from mapping.frontends.tflite.ends import ends_of
from mapping.frontends.tflite.integer_run import Runner
from mapping.run.quantised import run

EXAMPLES = Path(__file__).parents[3] / "examples"
WINDOW = {"StrideW": 1, "StrideH": 1}
DILATED = {**WINDOW, "Padding": 0, "DilationWFactor": 1, "DilationHFactor": 1}
POOL = {**WINDOW, "Padding": 1, "FilterWidth": 3, "FilterHeight": 2}
PRODUCTS = {
    "FULLY_CONNECTED": ("FullyConnectedOptions", {}), "CONV_2D": ("Conv2DOptions", DILATED),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {**DILATED, "DepthMultiplier": 1}),
}  # fmt: skip
SUMS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}
POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
TABLES = {"LOGISTIC": (1 / 256, 0), "TANH": (1 / 128, 128)}
TABLES |= dict.fromkeys(("HARD_SWISH", "RELU6", "QUANTIZE"))


@pytest.fixture(scope="session")
def oracle(tflite_tools):
    """TFLite's own run-time."""
    try:
        tflite_tools.tflite_runtime.library()
    except BadValue as missing:
        pytest.skip(str(missing))
    return tflite_tools.tflite_runtime.TfliteInterpreter


class Case:
    """A file of one operator on codes of `kind`, drawn by a seed; zero points at both ends of the range."""

    def __init__(self, tools, kind, seed):
        self.w, self.kind, self.random = tools.Writer(), np.dtype(kind), np.random.default_rng(seed)
        self.info, self.inputs, self.values = np.iinfo(kind), [], []

    def scale(self, low=-6, high=-2):
        """Powers of two often: ties."""
        return float(2.0 ** (self.random.integers(low, high) if self.random.integers(2) else
                             self.random.uniform(low, high)))  # fmt: skip

    def zero(self):
        ends = (self.info.min, self.info.max, self.info.min + 128, self.random.integers(*self.ends))
        return int(ends[self.random.integers(4)])

    @property
    def ends(self):
        return self.info.min, self.info.max + 1

    def draw(self, shape):
        return self.random.integers(*self.ends, shape).astype(self.kind)

    def x(self, shape, scale, zero=None):
        zero = self.zero() if zero is None else zero
        self.inputs.append(self.w.tensor(shape, self.kind.name.upper(), scale, zero))
        self.values.append(self.draw(shape))
        return self.inputs[-1]

    def y(self, shape, scale, zero=None):
        zero = self.zero() if zero is None else zero
        return self.w.tensor(shape, self.kind.name.upper(), scale, zero)

    def product(self, operator, activation=0):
        scale, weight = self.scale(), self.scale(-9, -5)
        c = int(self.random.integers(1, 12))
        n = c if operator == "DEPTHWISE_CONV_2D" else int(self.random.integers(1, 12))
        flat = operator == "FULLY_CONNECTED"
        shape = (n, c) if flat else (1, 3, 2, n) if n is c else (n, 3, 2, c)
        zero = self.zero() if self.kind == np.uint8 else 0
        weights = self.w.constant(self.draw(shape), weight, zero)
        bias = self.w.constant(self.random.integers(-999, 999, n).astype(np.int32), scale * weight)
        x = self.x((3, c) if flat else (1, 4, 5, c), scale)
        y = self.y((3, n) if flat else (1, 4, 5, n), self.scale(-3, 1))
        table, options = PRODUCTS[operator]
        self.w.add(operator, [x, weights, bias], [y], table, FusedActivationFunction=activation, **options)
        return y

    def one(self, operator, activation=0):
        """The result's number."""
        if operator in PRODUCTS:
            return self.product(operator, activation)
        if operator in SUMS:
            shape = (1, 4, 5, 6)
            given = [self.x(shape, self.scale()), self.x(shape, self.scale())]
            y = self.y(shape, self.scale(-4, 0))
            self.w.add(operator, given, [y], SUMS[operator], FusedActivationFunction=activation)
        elif operator in POOLS:
            scale, zero = self.scale(), self.zero()
            x, y = self.x((1, 5, 6, 9), scale, zero), self.y((1, 4, 4, 9), scale, zero)
            self.w.add(operator, [x], [y], "Pool2DOptions", FusedActivationFunction=activation, **POOL)
        elif operator == "MEAN":
            axes = self.w.constant(np.array([1, 2], np.int32))
            x, y = self.x((1, 5, 6, 32), self.scale()), self.y((1, 1, 1, 32), self.scale())
            self.w.add(operator, [x, axes], [y], "ReducerOptions", KeepDims=True)
        else:
            scale, zero = TABLES[operator] or (self.scale(), None)
            zero = zero if zero is None else zero + self.info.min
            x, y = self.x((1, 320), self.scale(-7, -3)), self.y((1, 320), scale, zero)
            self.w.add(operator, [x], [y])
        return y


def computed(data, params, values):
    """The first output, in the file's type."""
    model = reader.from_bytes(data, "m.tflite", "m")
    network, ends, g = coded(model), ends_of(model), model.graphs[0]
    given = ends.encode({g.tensors[i].name: v for i, v in zip(g.inputs, values, strict=True)})
    given = {name: v.reshape(network.tensors[name].shape) for name, v in given.items()}
    return next(iter(ends.decode(run(network, params, given)).values()))


def agree(case, y, params, oracle):
    data = case.w.bytes(case.inputs, [y])
    interpreter = oracle(data)
    (wanted,) = interpreter.step(*case.values)
    interpreter.close()
    got = computed(data, params, case.values)
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    g = (model := reader.from_bytes(data, "m.tflite", "m")).graphs[0]
    given = {g.tensors[i].name: v for i, v in zip(g.inputs, case.values, strict=True)}
    assert (next(iter(Runner(model).step(given).values())) == got).all()
    assert (got == wanted).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("operator", [*PRODUCTS, *SUMS, *POOLS, "MEAN", *TABLES])
def test_codes_of_uint8_are_tflites(tflite_tools, params, oracle, operator, seed):
    case = Case(tflite_tools, np.uint8, seed)
    agree(case, case.one(operator, (0, 1, 3, 2)[seed]), params, oracle)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [np.int8, np.uint8], ids=str)
def test_reals_at_both_ends_are_tflites(tflite_tools, params, oracle, kind, seed):
    case = Case(tflite_tools, kind, seed)
    y = case.product("FULLY_CONNECTED", seed)
    (x,), shape = case.inputs, case.values[0].shape
    real, out = case.w.tensor(shape, "FLOAT32"), case.w.tensor(case.w.tensors[y][0], "FLOAT32")
    case.w.operators.insert(0, ("QUANTIZE", [real], [x], None, {}))
    case.w.add("DEQUANTIZE", [y], [out])
    case.inputs = [real]
    scale = float(case.w.tensors[x][2][0])
    case.values = [case.random.normal(0, 100 * scale, shape).astype(np.float32)]
    agree(case, out, params, oracle)


def refused(writer, inputs, outputs, said):
    with pytest.raises(BadValue) as caught:
        coded(reader.from_bytes(writer.bytes(inputs, outputs), "m.tflite", "m"))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_codes_of_16_bits_are_refused_by_name(tflite_tools):
    w = tflite_tools.Writer()
    x, y = w.tensor((1, 8), "INT16", 0.01), w.tensor((1, 8), "INT16", 1 / 32768)
    w.add("TANH", [x], [y])
    refused(w, [x], [y], "m.tflite: operator 0 (TANH): tensor t1 is codes of int16: 8 bits of them would be")


def test_reals_amid_codes_are_refused_by_name(tflite_tools):
    w = tflite_tools.Writer()
    x, real, y = w.tensor((1, 8), "INT8", 0.1), w.tensor((1, 8), "FLOAT32"), w.tensor((1, 8), "INT8", 0.1)
    w.add("DEQUANTIZE", [x], [real])
    w.add("QUANTIZE", [real], [y])
    refused(w, [x], [y], "m.tflite: operator 0 (DEQUANTIZE): output 0 is real, and not the network's")
    w = tflite_tools.Writer()
    real, x, y = w.tensor((1, 8), "FLOAT32"), w.tensor((1, 8), "INT8", 0.1), w.tensor((1, 8), "FLOAT32")
    w.add("QUANTIZE", [real], [x])
    w.add("TANH", [real], [y])
    refused(w, [real], [x, y], "m.tflite: operator 1 (TANH): input t0 is float32; allowed: codes")


def test_a_zero_point_of_int8_filters_is_refused_by_name(tflite_tools):
    """TFLite's kernel takes none off, whatever the file says."""
    w = tflite_tools.Writer()
    x, y = w.tensor((1, 4, 4, 2), "INT8", 0.1), w.tensor((1, 4, 4, 3), "INT8", 0.1)
    weights = w.constant(np.ones((3, 1, 1, 2), np.int8), 0.1, 5)
    w.add("CONV_2D", [x, weights, -1], [y], "Conv2DOptions", **DILATED)
    refused(w, [x], [y], "m.tflite: operator 0 (CONV_2D): zero point of int8 weights is 5; allowed: 0")


@pytest.mark.parametrize("design", ["ws16_mixpe_w4a8", "tile8_int8"])
def test_a_design_without_the_files_integers_does_not_run_it(tflite_tools, tmp_path, design):
    case = Case(tflite_tools, np.int8, 1)
    y = case.one("FULLY_CONNECTED")
    (tmp_path / "m.tflite").write_bytes(case.w.bytes(case.inputs, [y]))
    on = EXAMPLES / f"{design}.toml"
    said = r"m\.tflite: operator 0 \(FULLY_CONNECTED\): tensor t3 is codes of int8, which this design"
    with pytest.raises(BadValue, match=said):
        systola.run(tmp_path / "m.tflite", on=on, engine="model")


def test_weights_of_half_precision_are_their_reals(tflite_tools, tmp_path, oracle):
    w, random = tflite_tools.Writer(), np.random.default_rng(3)
    x, y = w.tensor((4, 16), "FLOAT32"), w.tensor((4, 10), "FLOAT32")
    half = w.constant(random.normal(0, 1, (10, 16)).astype(np.float16))
    weights = w.tensor((10, 16), "FLOAT32")
    w.add("DEQUANTIZE", [half], [weights])
    w.add("FULLY_CONNECTED", [x, weights, -1], [y], "FullyConnectedOptions")
    (tmp_path / "m.tflite").write_bytes(w.bytes([x], [y]))
    value = random.normal(0, 1, (4, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", value)
    interpreter = oracle(w.bytes([x], [y]))
    (wanted,) = interpreter.step(value)
    interpreter.close()
    for design in ("accelerator16_int8", "ws16_int8"):
        systola.run(tmp_path / "m.tflite", on=EXAMPLES / f"{design}.toml", engine="model",
                    inputs={"": tmp_path / "x.npy"}, write_to=tmp_path / f"{design}.npy")  # fmt: skip
        off = np.load(tmp_path / f"{design}.npy").reshape(wanted.shape) - wanted
        assert np.linalg.norm(off) < 0.03 * np.linalg.norm(wanted)
