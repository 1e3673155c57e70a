"""Each integer operator against TFLite's own, on codes over the whole range and random scales."""

import numpy as np
import pytest

from mapping.frontends.tflite import reader
from mapping.frontends.tflite.integer_run import Runner

PADDING = {"SAME": 0, "VALID": 1}
ACTIVATION = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
DISTINCT = 4  # codes that a result must at least have: a constant proves nothing


@pytest.fixture
def random(request):
    return np.random.default_rng(len(request.node.name))


@pytest.fixture
def code(random):
    return lambda *shape: random.integers(-128, 128, shape, dtype=np.int8)


@pytest.fixture
def scale(random):
    return lambda low=0.01, high=0.1: np.float32(random.uniform(low, high))


@pytest.fixture
def agree(writer, oracle):
    """Check that the graph in `writer` computes what TFLite computes. values: of the inputs."""

    def check(inputs, outputs, *values):
        data = writer.bytes(inputs, outputs)
        interpreter = oracle(data)
        wanted = interpreter.step(*values, outputs=len(outputs))
        interpreter.close()
        named = {f"t{index}": value for index, value in zip(inputs, values, strict=True)}
        found = Runner(reader.from_bytes(data, "test.tflite", "test")).step(named)
        for index, value in zip(outputs, wanted, strict=True):
            assert found[f"t{index}"].dtype == value.dtype
            np.testing.assert_array_equal(found[f"t{index}"], value)
        assert len(np.unique(wanted[0])) >= DISTINCT

    return check


def spatial(size, kernel, stride, padding, dilation=1):
    extent = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == "SAME" else (size - extent) // stride + 1


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("stride, dilation", [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("activation", ACTIVATION)
def test_convolutions(writer, agree, random, code, scale, kind, padding, stride, dilation, activation):
    channels, filters, per = 4, 8, random.uniform(0.001, 0.01, 8).astype(np.float32)
    depthwise = kind == "DEPTHWISE_CONV_2D"
    x_scale = scale()
    x = writer.tensor((2, 11, 10, channels), scale=x_scale, zero=random.integers(-128, 127))
    shape = (1, 3, 3, filters) if depthwise else (filters, 3, 3, channels)
    weights = writer.constant(np.maximum(code(*shape), -127), per, axis=3 if depthwise else 0)
    bias = writer.constant(random.integers(-2000, 2000, filters).astype(np.int32), x_scale * per)
    out = [spatial(size, 3, stride, padding, dilation) for size in (11, 10)]
    y = writer.tensor((2, *out, filters), scale=scale(0.01, 0.04), zero=random.integers(-90, 90))
    writer.add(
        kind, [x, weights, bias], [y], "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        Padding=PADDING[padding], StrideW=stride, StrideH=stride, DilationWFactor=dilation,
        DilationHFactor=dilation, FusedActivationFunction=ACTIVATION[activation],
        **({"DepthMultiplier": 2} if depthwise else {}),
    )  # fmt: skip
    agree([x], [y], code(2, 11, 10, channels))


@pytest.mark.parametrize("channels", [3, 13, 30])
def test_depthwise_channels_that_fill_no_vector(writer, agree, random, code, scale, channels):
    per, x_scale = random.uniform(0.001, 0.01, channels).astype(np.float32), scale()
    x = writer.tensor((20, 5, 4, channels), scale=x_scale, zero=random.integers(-128, 127))
    weights = writer.constant(np.maximum(code(1, 3, 1, channels), -127), per, axis=3)
    y = writer.tensor((20, 3, 4, channels), scale=scale(0.01, 0.05), zero=random.integers(-90, 90))
    bias = writer.constant(random.integers(-2000, 2000, channels).astype(np.int32), x_scale * per)
    writer.add(
        "DEPTHWISE_CONV_2D", [x, weights, bias], [y], "DepthwiseConv2DOptions", Padding=1, StrideW=1,
        StrideH=1, DilationWFactor=1, DilationHFactor=1, DepthMultiplier=1,
    )  # fmt: skip
    agree([x], [y], code(20, 5, 4, channels))


@pytest.mark.parametrize("rows", [1, 5, 200])
@pytest.mark.parametrize("activation", ["NONE", "RELU"])
def test_fully_connected(writer, agree, random, code, scale, rows, activation):
    scales = scale(), scale(0.001, 0.01)
    x = writer.tensor((rows, 64), scale=scales[0], zero=random.integers(-128, 127))
    weights = writer.constant(np.maximum(code(32, 64), -127), scales[1])
    bias = writer.constant(random.integers(-2000, 2000, 32).astype(np.int32), scales[0] * scales[1])
    y = writer.tensor((rows, 32), scale=scale(0.1, 0.3), zero=random.integers(-90, 90))
    options = {"FusedActivationFunction": ACTIVATION[activation]}
    writer.add("FULLY_CONNECTED", [x, weights, bias], [y], "FullyConnectedOptions", **options)
    agree([x], [y], code(rows, 64))


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("activation", ["NONE", "RELU6"])
@pytest.mark.parametrize("shape", [(1, 9, 7, 4), (4,)], ids=str)
def test_binary(writer, agree, random, code, scale, kind, activation, shape):
    a = writer.tensor((1, 9, 7, 4), scale=scale(), zero=random.integers(-90, 90))
    b = writer.tensor(shape, scale=scale(), zero=random.integers(-90, 90))
    y = writer.tensor((1, 9, 7, 4), scale=scale(0.03), zero=random.integers(-90, 40))
    options = {"FusedActivationFunction": ACTIVATION[activation]}
    writer.add(kind.upper(), [a, b], [y], f"{kind}Options", **options)
    agree([a, b], [y], code(1, 9, 7, 4), code(*shape))


UNARY = [
    ("LOGISTIC", None, {}, (1 / 256, -128)), ("TANH", None, {}, (1 / 128, 0)), ("RELU", None, {}, None),
    ("SOFTMAX", "SoftmaxOptions", {"Beta": 0.7}, (1 / 256, -128)), ("RELU6", None, {}, None),
    ("LEAKY_RELU", "LeakyReluOptions", {"Alpha": 0.2}, None), ("HARD_SWISH", "HardSwishOptions", {}, None),
    ("QUANTIZE", "QuantizeOptions", {}, None),
]  # fmt: skip


@pytest.mark.parametrize("kind, table, options, out", UNARY, ids=[each[0] for each in UNARY])
@pytest.mark.parametrize("seed", range(6))
def test_unary(writer, agree, kind, table, options, out, seed):
    random = np.random.default_rng(seed)
    x = writer.tensor((3, 256), scale=random.uniform(0.02, 0.06), zero=random.integers(-60, 60))
    scale, zero = out or (random.uniform(0.01, 0.1), random.integers(-60, 60))
    y = writer.tensor((3, 256), scale=scale, zero=zero)
    writer.add(kind, [x], [y], table, **options)
    every = np.arange(-128, 128, dtype=np.int8)
    agree([x], [y], np.stack([every, every, random.permutation(every)]))


def test_int8_to_uint8(writer, agree, code):
    x, y = writer.tensor((256,), scale=0.5, zero=-128), writer.tensor((256,), "UINT8", scale=0.5, zero=0)
    writer.add("QUANTIZE", [x], [y], "QuantizeOptions")
    agree([x], [y], code(256))


def test_reals_to_codes_and_back(writer, agree, random, scale):
    x, y, z = (
        writer.tensor((500,), "FLOAT32"), writer.tensor((500,), scale=scale(), zero=5),
        writer.tensor((500,), "FLOAT32"),
    )  # fmt: skip
    writer.add("QUANTIZE", [x], [y], "QuantizeOptions")
    writer.add("DEQUANTIZE", [y], [z], "DequantizeOptions")
    agree([x], [y, z], random.normal(0, 4, 500).astype(np.float32))


@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("kernel, stride", [(3, 2), (4, 1)])
def test_pools(writer, agree, code, scale, kind, padding, kernel, stride):
    one = scale()
    out = [spatial(size, kernel, stride, padding) for size in (9, 8)]
    x, y = (writer.tensor(shape, scale=one, zero=7) for shape in ((2, 9, 8, 3), (2, *out, 3)))
    writer.add(
        kind, [x], [y], "Pool2DOptions", Padding=PADDING[padding], StrideW=stride, StrideH=stride,
        FilterWidth=kernel, FilterHeight=kernel, FusedActivationFunction=1,
    )  # fmt: skip
    agree([x], [y], code(2, 9, 8, 3))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("axes", [(1, 2), (3,), (1,), (-1, 1)], ids=str)
@pytest.mark.parametrize("ratio, zero", [(1, 7), (6, -3)])
def test_mean(writer, agree, code, scale, keep, axes, ratio, zero):
    one, shape = scale(), (2, 7, 9, 16)
    reduced = {axis % 4 for axis in axes}
    out = [1 if i in reduced else size for i, size in enumerate(shape) if keep or i not in reduced]
    x, y = writer.tensor(shape, scale=one, zero=7), writer.tensor(out, scale=one / ratio, zero=zero)
    over = writer.constant(np.array(axes, np.int32))
    writer.add("MEAN", [x, over], [y], "ReducerOptions", KeepDims=keep)
    agree([x], [y], code(*shape))


@pytest.mark.parametrize("channels", [5, 16, 17, 40])
def test_the_mean_of_an_image_rounds_the_channels_beside_whole_vectors_otherwise(writer, oracle, channels):
    """Four codes under a mean: many ties."""
    x, y = (writer.tensor(shape, "INT8", 0.5, 3) for shape in ((1, 2, 2, channels), (1, 1, 1, channels)))
    writer.add("MEAN", [x, writer.constant(np.int32([1, 2]))], [y], "ReducerOptions", KeepDims=True)
    data = writer.bytes([x], [y])
    runner, interpreter = Runner(reader.from_bytes(data, "m", "m")), oracle(data)
    random = np.random.default_rng(channels)
    for _ in range(40):
        codes = random.integers(-128, 128, (1, 2, 2, channels)).astype(np.int8)
        np.testing.assert_array_equal(runner.step({"t0": codes})["t1"], interpreter.step(codes)[0])
