"""Trained INT8 networks with state, as they ship, against TFLite's own run-time at every step.

What drives them is synthesised speech: random features would do nothing, every output would be 0.
"""

from functools import cache

import numpy as np
import pytest

from mapping.frontends import load
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.integer_run import Runner
from mapping.layers import layers
from systola.demonstration import speech

pytestmark = pytest.mark.broad

# seed of the voices; distinct outputs and the greatest one that they must reach, of 256
REACHED = {
    "okay_nabu": (0, 40, 200), "hey_jarvis": (2, 25, 200), "alexa": (3, 15, 100),
    "hey_mycroft": (0, 30, 200),
}  # fmt: skip
STEPS = 700


@cache
def frames(word):
    """float32 [STEPS, 1, 3, 40]: the word said over and over by different voices."""
    pytest.importorskip("pymicro_features")
    heard = speech.features(speech.said(word, REACHED[word][0]))
    return heard[: STEPS * 3].reshape(STEPS, 1, 3, 40)


def codes(word, quantisation):
    """The inputs, int8, as the package rounds them."""
    rounded = np.round(frames(word) / quantisation.one_scale + quantisation.zero)
    return np.clip(rounded, -128, 127).astype(np.int8)


@pytest.mark.parametrize("word", speech.WORDS)
def test_every_step_is_what_tflite_gives(word, wake_word, oracle):
    path = wake_word(word)
    model = reader.read(path)
    tensor = model.graphs[0].tensors[model.graphs[0].inputs[0]]
    runner, interpreter = Runner(model), oracle(path.read_bytes())
    given = codes(word, tensor.quantisation)
    found = [next(iter(runner.step({tensor.name: x}).values())).item() for x in given]
    wanted = [interpreter.step(x)[0].item() for x in given]
    interpreter.close()
    assert found == wanted
    assert len(set(wanted)) >= REACHED[word][1]
    assert max(wanted) >= REACHED[word][2]


@pytest.mark.parametrize("kernels", ["reference", "single"])
def test_another_rounding_is_another_network(kernels, wake_word):
    """The comparison above can tell roundings apart."""
    model = reader.read(wake_word("okay_nabu"))
    tensor = model.graphs[0].tensors[model.graphs[0].inputs[0]]
    given = codes("okay_nabu", tensor.quantisation)[:200]
    runs = [[next(iter(run.step({tensor.name: x}).values())).item() for x in given]
            for run in (Runner(model), Runner(model, kernels))]  # fmt: skip
    differences = np.abs(np.subtract(*runs))
    assert 0 < (differences > 0).sum() < 40


def test_reset_forgets(wake_word):
    model = reader.read(wake_word("alexa"))
    tensor = model.graphs[0].tensors[model.graphs[0].inputs[0]]
    given, runner = codes("alexa", tensor.quantisation)[:60], Runner(model)
    first = [runner.step({tensor.name: x}) for x in given]
    runner.reset()
    assert [runner.step({tensor.name: x}) for x in given] == first


def test_the_network_of_reals_has_the_state_as_inputs_and_outputs(wake_word):
    network = load(wake_word("okay_nabu"))
    assert sum(name.startswith("state.") for name in network.inputs) == 6
    assert sum(name.endswith(".next") for name in network.outputs) == 6
    assert sum(layer.gemm.macs for layer in layers(network)) == 36480
