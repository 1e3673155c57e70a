"""INT8 TFLite networks as coded networks: every tensor of every step as `integer_run` computes it."""

import numpy as np
import pytest

from golden.check import BadValue
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.as_codes import coded
from mapping.frontends.tflite.integer_run import Runner
from mapping.run.quantised import run

WORDS = ("okay_nabu", "hey_jarvis", "alexa", "hey_mycroft")


def same_steps(model, params, inputs):
    """Run both on each input set; how many tensors were compared."""
    network, runner, state, compared = coded(model), Runner(model), {}, 0
    for given in inputs:
        runner.step(given)
        shaped = {name: value.reshape(network.tensors[name].shape) for name, value in given.items()}
        made = run(network, params, shaped | state, all_tensors=True)
        state = {old: made[new] for old, new in network.state}
        for name, value in runner.tensors.items():
            if name in made:
                assert (made[name].ravel() == value.ravel()).all(), name
                compared += 1
    return compared


@pytest.mark.parametrize("word", WORDS)
def test_a_wake_word_is_bit_exact_step_after_step(tflite_tools, params, word):
    model = reader.read(tflite_tools.package("pymicro_wakeword") / "models" / f"{word}.tflite")
    random = np.random.default_rng(4)
    name = model.graphs[0].tensors[model.graphs[0].inputs[0]].name
    steps = [{name: random.integers(-128, 128, (1, 3, 40)).astype(np.int8)} for _ in range(12)]
    assert same_steps(model, params, steps) > 12 * 20


def written(tools, kind, table, x, constants, y, **options):
    """A model of one operator. x, y: (shape, kind, scale, zero point)."""
    w = tools.Writer()
    given = [w.tensor(*x), *(w.constant(*each) for each in constants)]
    out = w.tensor(*y)
    w.add(kind, given, [out], table, **options)
    return reader.from_bytes(w.bytes(given[:1], [out]), "m.tflite", "m")


@pytest.mark.parametrize("channels", [5, 13, 16])
def test_depthwise_channels_beside_whole_groups_round_as_theirs_do(tflite_tools, params, channels):
    random = np.random.default_rng(channels)
    scales = 2.0 ** random.integers(-9, -3, channels)  # powers of two: ties are frequent
    weights = (random.integers(-9, 9, (1, 2, 2, channels)).astype(np.int8), scales, 0, 3)
    model = written(
        tflite_tools, "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", ((1, 9, 9, channels), "INT8", 0.5, 3),
        [weights, (random.integers(-99, 99, channels).astype(np.int32),)],
        ((1, 9, 9, channels), "INT8", 0.25, -4),
        Padding=0, StrideW=1, StrideH=1, DepthMultiplier=1, DilationWFactor=1, DilationHFactor=1,
    )  # fmt: skip
    name = model.graphs[0].tensors[0].name
    x = random.integers(-128, 128, (1, 9, 9, channels)).astype(np.int8)
    assert same_steps(model, params, [{name: x}]) == 2  # the input too


def test_a_max_pool_and_a_table_are_exact(tflite_tools, params):
    model = written(
        tflite_tools, "MAX_POOL_2D", "Pool2DOptions", ((1, 5, 6, 4), "INT8", 0.5, 3), [],
        ((1, 3, 3, 4), "INT8", 0.5, 3), Padding=0, StrideW=2, StrideH=2, FilterWidth=3, FilterHeight=2,
    )  # fmt: skip
    x = np.random.default_rng(1).integers(-128, 128, (1, 5, 6, 4)).astype(np.int8)
    assert same_steps(model, params, [{model.graphs[0].tensors[0].name: x}]) == 2
    every = np.arange(256).astype(np.uint8).reshape(1, 256)
    model = written(
        tflite_tools, "TANH", None, ((1, 256), "UINT8", 0.03, 120), [], ((1, 256), "UINT8", 1 / 128, 128)
    )
    assert same_steps(model, params, [{model.graphs[0].tensors[0].name: every}]) == 2


def test_a_batch_of_images_is_exact(tflite_tools, params):
    random = np.random.default_rng(2)
    weights = (random.integers(-99, 99, (6, 3, 3, 5)).astype(np.int8), 0.01)
    model = written(
        tflite_tools, "CONV_2D", "Conv2DOptions", ((4, 7, 6, 5), "INT8", 0.5, 3),
        [weights, (random.integers(-99, 99, 6).astype(np.int32),)], ((4, 5, 4, 6), "INT8", 0.7, -9),
        Padding=1, StrideW=1, StrideH=1, DilationWFactor=1, DilationHFactor=1,
    )  # fmt: skip
    x = random.integers(-128, 128, (4, 7, 6, 5)).astype(np.int8)
    assert same_steps(model, params, [{model.graphs[0].tensors[0].name: x}]) == 2


def test_an_operator_that_no_unit_does_is_named_with_its_place(tflite_tools):
    model = written(tflite_tools, "SOFTMAX", "SoftmaxOptions", ((1, 8), "INT8", 0.1, 0), [],
                    ((1, 8), "INT8", 1 / 256, -128), Beta=1.0)  # fmt: skip
    with pytest.raises(BadValue, match=r"m\.tflite: operator 0 \(SOFTMAX\) is 'SOFTMAX'; allowed: .*CONV_2D"):
        coded(model)


def test_computed_weights_are_refused(tflite_tools):
    w = tflite_tools.Writer()
    x, weights, y = w.tensor((1, 8), scale=0.1), w.tensor((4, 8), scale=0.1), w.tensor((1, 4), scale=0.1)
    w.add("FULLY_CONNECTED", [x, weights, -1], [y], "FullyConnectedOptions")
    model = reader.from_bytes(w.bytes([x, weights], [y]), "m.tflite", "m")
    with pytest.raises(
        BadValue, match=r"m\.tflite: operator 0 \(FULLY_CONNECTED\): weights is computed; allowed"
    ):
        coded(model)
