"""Sums, differences, products, means and padding of INT8 TFLite networks as coded networks, bit for bit."""

import numpy as np
import pytest

from golden.check import BadValue
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.as_codes import coded
from mapping.frontends.tflite.ends import ends_of
from mapping.frontends.tflite.integer_run import Runner
from mapping.run.quantised import run
from tests.mapping.backends.program.machines import holds

OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}
EVERY = np.arange(-128, 128).astype(np.int8)
PAIRS = [each.ravel().reshape(1, 32, 32, 64) for each in np.meshgrid(EVERY, EVERY)]  # all pairs of codes
SCALES = [
    ((0.5, 3), (0.25, -7), (0.5, 4)),
    ((0.25, 3), (0.5, -7), (1.0, 4)),
    ((2**-7, -128), (0.5, 127), (0.5, 0)),
    ((0.5, 0), (2**-12, 0), (2.0, 0)),
    ((0.0371, 5), (0.0911, -20), (0.0437, 11)),
    ((0.11, -128), (0.0003, 127), (0.001, -1)),
]


def same(data, params, *values, oracle=None, compiled=False):
    """The coded network's outputs, which are what Runner, TFLite (`oracle`) and the program compute."""
    model = reader.from_bytes(data, "m.tflite", "m")
    network = coded(model)
    given = {model.graphs[0].tensors[i].name: v for i, v in zip(model.graphs[0].inputs, values, strict=True)}
    wanted = Runner(model).step(given)
    ends = ends_of(model)
    codes = {name: v.reshape(network.tensors[name].shape) for name, v in ends.encode(given).items()}
    made = ends.decode(run(network, params, codes))
    for name in network.outputs:
        assert (made[name].ravel() == wanted[name].ravel()).all(), name
    if oracle:
        interpreter = oracle(data)
        own = interpreter.step(*values, outputs=len(network.outputs))
        interpreter.close()
        for name, value in zip(network.outputs, own, strict=True):
            assert (made[name].ravel() == value.ravel()).all(), name
    if compiled:
        holds(network, params, **codes)
    return [made[name] for name in network.outputs]


@pytest.fixture
def oracle(tflite_tools):
    """TFLite's own run-time, or None."""
    try:
        tflite_tools.tflite_runtime.library()
    except BadValue:
        return None
    return tflite_tools.tflite_runtime.TfliteInterpreter


def binary(tools, kind, a, b, y, q, activation=0, constants=()):
    """The file of one operator of two operands; `constants` their places' codes. a, b, y: shapes."""
    w = tools.Writer()
    constants = dict(constants)
    inputs = [
        w.constant(constants[place], *q[place]) if place in constants else w.tensor(shape, "INT8", *q[place])
        for place, shape in enumerate((a, b))
    ]
    out = w.tensor(y, "INT8", *q[2])
    w.add(kind, inputs, [out], OPTIONS[kind], FusedActivationFunction=activation)
    return w.bytes([i for place, i in enumerate(inputs) if place not in constants], [out])


@pytest.mark.parametrize("activation", [0, 1, 3])
@pytest.mark.parametrize("q", SCALES)
@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
def test_every_pair_of_codes(tflite_tools, params, oracle, kind, q, activation):
    shape = PAIRS[0].shape
    data = binary(tflite_tools, kind, shape, shape, shape, q, activation)
    same(data, params, *PAIRS, oracle=oracle)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
def test_every_pair_of_codes_at_random_scales(tflite_tools, params, oracle, kind, seed):
    random = np.random.default_rng(seed)
    tops = (-4, -4, 0)
    q = [(2 ** random.uniform(top - 6, top), int(random.integers(-128, 128))) for top in tops]
    if seed % 2:
        q = [(2.0 ** np.round(np.log2(scale)), zero) for scale, zero in q]
    shape = PAIRS[0].shape
    same(binary(tflite_tools, kind, shape, shape, shape, q), params, *PAIRS, oracle=oracle)


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
def test_a_result_that_tflite_wraps_is_refused(tflite_tools, kind):
    q = ((1.0, 3), (1.0, -7), (2**-8, 0))
    data = binary(tflite_tools, kind, (1, 8), (1, 8), (1, 8), q)
    with pytest.raises(BadValue, match=rf"\({kind}\): the greatest result is \d+ steps"):
        coded(reader.from_bytes(data, "m.tflite", "m"))


@pytest.mark.parametrize("far", [(1, 1, 1, 6), (6,), (1, 6), (1, 4, 5, 6)])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
def test_a_row_and_a_constant_as_either_operand(tflite_tools, params, oracle, kind, fixed, place, far):
    random = np.random.default_rng(3)
    shapes = [(1, 4, 5, 6), (1, 4, 5, 6)]
    shapes[place] = far
    values = [random.integers(-128, 128, shape).astype(np.int8) for shape in shapes]
    constants = {place: values[place]} if fixed else {}
    data = binary(tflite_tools, kind, *shapes, (1, 4, 5, 6), SCALES[1], 0, constants)
    given = [value for at, value in enumerate(values) if at not in constants]
    if kind == "SUB" and place == 0 and not fixed and far != (1, 4, 5, 6):
        with pytest.raises(BadValue, match=r"operator 0 \(SUB\): input 0 is"):
            coded(reader.from_bytes(data, "m.tflite", "m"))
        return
    same(data, params, *given, oracle=oracle, compiled=True)


def test_a_constant_that_is_one_number_and_one_a_row(tflite_tools, params, oracle):
    x = np.random.default_rng(3).integers(-128, 128, (1, 4, 5, 6)).astype(np.int8)
    for constant in (np.int8([[[[7]]]]), np.arange(20).astype(np.int8).reshape(1, 4, 5, 1)):
        for kind in OPTIONS:
            data = binary(tflite_tools, kind, x.shape, constant.shape, x.shape, SCALES[0], 0, {1: constant})
            same(data, params, x, oracle=oracle, compiled=True)


def test_a_computed_column_is_refused(tflite_tools):
    data = binary(tflite_tools, "MUL", (1, 4, 5, 6), (1, 4, 5, 1), (1, 4, 5, 6), SCALES[0])
    with pytest.raises(BadValue, match=r"\(MUL\): input 1 is \[1, 4, 5, 1\]; allowed: .*one row of 6"):
        coded(reader.from_bytes(data, "m.tflite", "m"))


def pooled(tools, shape, kernel, strides, out, kind="INT8", padding=1, activation=0):
    w = tools.Writer()
    x, y = w.tensor(shape, kind, 0.25, 3), w.tensor(out, kind, 0.25, 3)
    w.add(
        "AVERAGE_POOL_2D", [x], [y], "Pool2DOptions", Padding=padding, StrideH=strides[0],
        StrideW=strides[1], FilterHeight=kernel[0], FilterWidth=kernel[1], FusedActivationFunction=activation,
    )  # fmt: skip
    return w.bytes([x], [y])


@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (2, 3), (1, 4), (5, 4), (7, 7), (8, 8)])
@pytest.mark.parametrize("kind", ["INT8", "UINT8"])
@pytest.mark.parametrize("activation", [0, 3])
def test_an_average_of_whole_windows(tflite_tools, params, oracle, kernel, kind, activation):
    random = np.random.default_rng(5)
    out = (1, 12 - kernel[0] + 1, 12 - kernel[1] + 1, 5)
    data = pooled(tflite_tools, (1, 12, 12, 5), kernel, (1, 1), out, kind, activation=activation)
    dtype = np.dtype(kind.lower())
    low = int(np.iinfo(dtype).min)
    for reach in ((low, low + 256), (low + 126, low + 132), (low, low + 1), (low + 255, low + 256)):
        x = random.integers(*reach, (1, 12, 12, 5)).astype(dtype)
        same(data, params, x, oracle=oracle, compiled=True)


def test_an_average_of_padding_is_refused(tflite_tools):
    data = pooled(tflite_tools, (1, 5, 5, 4), (2, 2), (2, 2), (1, 3, 3, 4), padding=0)
    with pytest.raises(BadValue, match=r"\(AVERAGE_POOL_2D\): padding of a mean is \[0, 0, 1, 1\]"):
        coded(reader.from_bytes(data, "m.tflite", "m"))
    coded(
        reader.from_bytes(
            pooled(tflite_tools, (1, 4, 4, 4), (2, 2), (2, 2), (1, 2, 2, 4), padding=0), "m.tflite", "m"
        )
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (4, 4), (7, 7), (5, 9), (24, 20)])
@pytest.mark.parametrize("axes", [(1, 2), (2, 1), (-3, -2)])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("q", [((0.5, 3), (0.5, 3)), ((0.25, -9), (0.5, 4)), ((0.031, 20), (0.007, -128))])
def test_a_mean_over_height_and_width(tflite_tools, params, oracle, size, axes, keep, q):
    w, n = tflite_tools.Writer(), 16 if keep else 5
    x = w.tensor((1, *size, n), "INT8", *q[0])
    y = w.tensor((1, 1, 1, n) if keep else (1, n), "INT8", *q[1])
    w.add("MEAN", [x, w.constant(np.int32(axes))], [y], "ReducerOptions", KeepDims=keep)
    data = w.bytes([x], [y])
    random = np.random.default_rng(7)
    for reach in ((-128, 128), (-3, 4), (-128, -127), (127, 128)):
        codes = random.integers(*reach, (1, *size, n)).astype(np.int8)
        same(data, params, codes, oracle=oracle, compiled=reach == (-128, 128))


@pytest.mark.parametrize("channels", [3, 16, 20, 37])
@pytest.mark.parametrize("size", [1, 2, 6])
def test_a_mean_of_channels_that_fill_no_group(tflite_tools, params, oracle, size, channels):
    """Their ties go away from zero; those of the groups before them up."""
    w, q = tflite_tools.Writer(), (0.5, 3)
    x, y = w.tensor((1, size, size, channels), "INT8", *q), w.tensor((1, 1, 1, channels), "INT8", *q)
    w.add("MEAN", [x, w.constant(np.int32([1, 2]))], [y], "ReducerOptions", KeepDims=True)
    codes = np.random.default_rng(1).integers(-9, 9, (1, size, size, channels)).astype(np.int8)
    same(w.bytes([x], [y]), params, codes, oracle=oracle, compiled=True)


def test_a_mean_over_channels_is_refused(tflite_tools):
    w = tflite_tools.Writer()
    x, y = w.tensor((1, 4, 4, 5), "INT8", 0.5, 3), w.tensor((1, 4, 4, 1), "INT8", 0.5, 3)
    w.add("MEAN", [x, w.constant(np.int32([3]))], [y], "ReducerOptions", KeepDims=True)
    with pytest.raises(BadValue, match=r"\(MEAN\): axes of a mean is \[3\]"):
        coded(reader.from_bytes(w.bytes([x], [y]), "m.tflite", "m"))


@pytest.mark.parametrize(
    ("shape", "amounts"),
    [
        ((1, 4, 5, 6), [[0, 0], [1, 2], [0, 1], [0, 0]]),
        ((1, 4, 5, 16), [[0, 0], [0, 0], [3, 0], [32, 16]]),
        ((1, 4, 5, 16), [[0, 0], [1, 1], [1, 1], [0, 16]]),
        ((1, 4, 5, 6), [[0, 0]] * 4),
        ((3, 7), [[1, 2], [0, 0]]),
        ((1, 4, 5, 6), [[0, 0], [0, 0], [3, 0], [2, 5]]),
        ((3, 7), [[1, 0], [0, 2]]),
    ],
)
def test_padding_is_the_zero_point(tflite_tools, params, oracle, shape, amounts):
    w = tflite_tools.Writer()
    out = tuple(n + a + b for n, (a, b) in zip(shape, amounts, strict=True))
    x, y = w.tensor(shape, "INT8", 0.5, -7), w.tensor(out, "INT8", 0.5, -7)
    w.add("PAD", [x, w.constant(np.int32(amounts))], [y], "PadOptions")
    codes = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    whole = not np.remainder([shape[-1], *amounts[-1]], 16).any() or not any(amounts[-1])
    same(w.bytes([x], [y]), params, codes, oracle=oracle, compiled=whole)  # programs join whole vectors


def test_a_padded_batch_is_refused(tflite_tools):
    w = tflite_tools.Writer()
    x, y = w.tensor((1, 4, 5, 6), "INT8", 0.5, -7), w.tensor((2, 4, 5, 6), "INT8", 0.5, -7)
    w.add("PAD", [x, w.constant(np.int32([[0, 1], [0, 0], [0, 0], [0, 0]]))], [y], "PadOptions")
    with pytest.raises(BadValue, match=r"\(PAD\): paddings is .*none of the batch"):
        coded(reader.from_bytes(w.bytes([x], [y]), "m.tflite", "m"))


def test_a_residual_network_with_a_gate_is_compiled_exactly(tflite_tools, params, oracle):
    """PAD, CONV_2D, ADD, a mean that gates a product, AVERAGE_POOL_2D."""
    random, w = np.random.default_rng(2), tflite_tools.Writer()
    x = w.tensor((1, 6, 6, 16), "INT8", 0.05, 3)
    wide = w.tensor((1, 8, 8, 16), "INT8", 0.05, 3)
    w.add("PAD", [x, w.constant(np.int32([[0, 0], [1, 1], [1, 1], [0, 0]]))], [wide], "PadOptions")
    weights = w.constant(random.integers(-99, 99, (16, 3, 3, 16)).astype(np.int8), [0.004] * 16, 0, 0)
    bias = w.constant(random.integers(-99, 99, 16).astype(np.int32), [0.0002] * 16, 0, 0)
    near = w.tensor((1, 6, 6, 16), "INT8", 0.09, -5)
    w.add("CONV_2D", [wide, weights, bias], [near], "Conv2DOptions", Padding=1, StrideW=1, StrideH=1,
          DilationWFactor=1, DilationHFactor=1)  # fmt: skip
    total = w.tensor((1, 6, 6, 16), "INT8", 0.08, -20)
    w.add("ADD", [x, near], [total], "AddOptions", FusedActivationFunction=1)
    mean = w.tensor((1, 1, 1, 16), "INT8", 0.02, -9)
    w.add("MEAN", [total, w.constant(np.int32([1, 2]))], [mean], "ReducerOptions", KeepDims=True)
    gated = w.tensor((1, 6, 6, 16), "INT8", 0.05, 1)
    w.add("MUL", [mean, total], [gated], "MulOptions")
    y = w.tensor((1, 3, 3, 16), "INT8", 0.05, 1)
    w.add("AVERAGE_POOL_2D", [gated], [y], "Pool2DOptions", Padding=1, StrideH=2, StrideW=2, FilterHeight=2,
          FilterWidth=2)  # fmt: skip
    codes = random.integers(-128, 128, (1, 6, 6, 16)).astype(np.int8)
    made = same(w.bytes([x], [y]), params, codes, oracle=oracle, compiled=True)
    assert len(np.unique(made[0])) > 9
