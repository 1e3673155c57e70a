"""Trained INT8 networks with state, as they ship, against TFLite's own run-time at every step.

What drives them is synthesised here: harmonics under three moving formants, noise for unvoiced phones. Random
features would do nothing: every output would be 0.
"""

from functools import cache

import numpy as np
import pytest

from mapping.importers import load, tflite_graph
from mapping.integer_run import Runner

RATE = 16000
# three formants in Hz, voiced, loudness
PHONES = {
    "@": (500, 1500, 2500, 1, 1), "o": (450, 900, 2400, 1, 1), "u": (320, 1000, 2300, 1, 0.8),
    "e": (500, 1850, 2550, 1, 1), "a": (730, 1150, 2450, 1, 1), "I": (400, 1950, 2550, 1, 0.9),
    "A": (680, 1250, 2500, 1, 1), "n": (280, 1500, 2500, 1, 0.35), "m": (280, 1000, 2200, 1, 0.35),
    "r": (380, 1150, 1600, 1, 0.7), "l": (360, 1100, 2600, 1, 0.6), "v": (300, 1200, 2300, 1, 0.3),
    "b": (250, 900, 2200, 1, 0.25), "h": (500, 1800, 2600, 0, 0.12), "k": (1800, 2300, 3200, 0, 0.3),
    "s": (4500, 5600, 6800, 0, 0.35), "d": (2200, 3200, 4800, 0, 0.35), "f": (3000, 5000, 7000, 0, 0.08),
    "t": (3500, 4500, 6000, 0, 0.3), "_": (500, 1500, 2500, 0, 0),
}  # fmt: skip
WORDS = {
    "okay_nabu": "o o k _ e e I n A a b u u u", "hey_jarvis": "h k e I _ d I a r v I s s",
    "alexa": "@ l e e k _ s s @ @", "hey_mycroft": "h e e I m a a I k r o a f f t",
}  # fmt: skip
# seed of the voices; distinct outputs and the greatest one that they must reach, of 256
REACHED = {
    "okay_nabu": (0, 40, 200), "hey_jarvis": (2, 25, 200), "alexa": (3, 15, 100),
    "hey_mycroft": (0, 30, 200),
}  # fmt: skip
STEPS = 700


def speak(phones, random):
    """A voice of random pitch, tract and pace, after a pause: float [samples]."""
    frames = np.array([PHONES[phone] for phone in phones.split()], float)
    frames[:, :3] *= random.uniform(0.9, 1.2)
    length = int(random.uniform(0.06, 0.1) * RATE)
    place = (np.arange(length * len(frames)) / length - 0.5).clip(0, len(frames) - 1)
    now, blend = place.astype(int), np.clip((place % 1 - 0.25) * 2, 0, 1)[:, None]
    track = frames[now] * (1 - blend) + frames[np.minimum(now + 1, len(frames) - 1)] * blend
    pitch = random.uniform(85, 230) * (1.1 - 0.25 * np.linspace(0, 1, len(track)))
    sound = track[:, 3] * voice(track, pitch) + (1 - track[:, 3]) * noise(track, random)
    sound *= track[:, 4]
    pause = random.standard_normal(int(random.uniform(0.3, 1) * RATE)) * 10**-3.5
    return np.concatenate([pause, sound / np.abs(sound).max() * 10 ** random.uniform(-1.3, -0.25)])


def voice(track, pitch):
    phase, y = 2 * np.pi * np.cumsum(pitch) / RATE, np.zeros(len(track))
    for harmonic in range(1, int(7000 / pitch.max())):
        near = [a / (1 + ((harmonic * pitch - track[:, k]) / width) ** 2)
                for k, (a, width) in enumerate(((1, 70), (0.6, 90), (0.3, 130)))]  # fmt: skip
        y += sum(near) * np.sin(harmonic * phase)
    return y


def noise(track, random):
    soft = [np.convolve(random.standard_normal(len(track)), np.hanning(25) / 12, "same") for _ in range(3)]
    carriers = np.cos(2 * np.pi * np.cumsum(track[:, :3], 0) / RATE)
    return 1.5 * (np.array(soft).T * carriers).sum(1)


def features(sound):
    """What the package's front-end makes of it: float32 [frames, 40], one each 10 ms."""
    front_end = pytest.importorskip("pymicro_features").MicroFrontend()
    left, rows = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes(), []
    while len(left) >= 320:
        result = front_end.process_samples(left[:320])
        left = left[2 * result.samples_read :]
        rows += [result.features] if result.features else []
    return np.array(rows, np.float32)


@cache
def frames(word):
    """float32 [STEPS, 1, 3, 40]: the word said over and over by different voices."""
    random = np.random.default_rng(REACHED[word][0])
    sound = np.concatenate([speak(WORDS[word], random) for _ in range(20)])
    return features(sound)[: STEPS * 3].reshape(STEPS, 1, 3, 40)


def codes(word, quantisation):
    """The inputs, int8, as the package rounds them."""
    rounded = np.round(frames(word) / quantisation.one_scale + quantisation.zero)
    return np.clip(rounded, -128, 127).astype(np.int8)


@pytest.mark.parametrize("word", WORDS)
def test_every_step_is_what_tflite_gives(word, wake_word, oracle):
    path = wake_word(word)
    model = tflite_graph.read(path)
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
    model = tflite_graph.read(wake_word("okay_nabu"))
    tensor = model.graphs[0].tensors[model.graphs[0].inputs[0]]
    given = codes("okay_nabu", tensor.quantisation)[:200]
    runs = [[next(iter(run.step({tensor.name: x}).values())).item() for x in given]
            for run in (Runner(model), Runner(model, kernels))]  # fmt: skip
    differences = np.abs(np.subtract(*runs))
    assert 0 < (differences > 0).sum() < 40


def test_reset_forgets(wake_word):
    model = tflite_graph.read(wake_word("alexa"))
    tensor = model.graphs[0].tensors[model.graphs[0].inputs[0]]
    given, runner = codes("alexa", tensor.quantisation)[:60], Runner(model)
    first = [runner.step({tensor.name: x}) for x in given]
    runner.reset()
    assert [runner.step({tensor.name: x}) for x in given] == first


def test_the_network_of_reals_has_the_state_as_inputs_and_outputs(wake_word):
    network = load(wake_word("okay_nabu"))
    assert sum(name.startswith("state.") for name in network.inputs) == 6
    assert sum(name.endswith(".next") for name in network.outputs) == 6
    assert sum(product.macs for product in network.products()) == 36480
