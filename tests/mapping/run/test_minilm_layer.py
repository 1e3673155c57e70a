"""A 384 x 1536 layer of MiniLM with real activations on an example of every PE: RTL is golden to the bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden import pe
from mapping import frontends
from mapping.network import Network, TensorType
from mapping.passes import simplify
from mapping.plan import plan
from mapping.quantise.networks import quantise_products
from mapping.run.floating import run_float
from mapping.run.host import execute
from sim.device import Comparing, Model, Rtl
from systola import design_file

pytestmark = pytest.mark.slow
LAYER = "layer.0.intermediate"
# other widths of the same PE are other constants in the same Verilog, which tests/pe sweeps
NAMES = ("tile2x64_lut_w2a16", "tile2x64_lut_w2a8", "tile8_bitmod_fp4", "tile8_int8", "ws16_aligned_w4a16",
         "ws16_dequantise", "ws16_fp16", "ws16_int8", "ws16_mixpe_w4a16", "ws16_mixpe_w4a8")  # fmt: skip
EXAMPLES = Path(__file__).parents[3] / "examples"
DESIGNS = {name: design_file.load(EXAMPLES / f"{name}.toml") for name in NAMES}


@pytest.fixture(scope="module")
def layer() -> tuple[Network, dict[str, np.ndarray]]:
    """The layer as a network of its own, and what enters it for the first sentence of the demo."""
    from systola.demonstration import packages, sentences

    try:
        folder = packages.minilm()
    except ValueError as missing:
        pytest.skip(str(missing))
    whole = simplify(frontends.load(folder, tokens=sentences.TOKENS))
    tensors = run_float(whole, sentences.tokenised(sentences.SENTENCES)[0], all_tensors=True)
    node = next(node for node in whole.nodes if node.name == LAYER)
    name, output = node.inputs[0], node.outputs[0]
    values = tensors[name]
    alone = replace(
        whole, nodes=(node,), inputs={name: TensorType(values.shape, values.dtype)}, outputs=(output,)
    )
    return alone, {name: values}


def test_the_examples_have_every_pe():
    assert {pe.kind_of(design.pe) for design in DESIGNS.values()} == set(pe.PES)


@pytest.mark.parametrize("name", DESIGNS)
def test_rtl_equals_golden_on_a_layer_of_minilm(name, layer):
    network, inputs = layer
    design = DESIGNS[name]
    found = execute(quantise_products(network, design, [inputs]), inputs, Comparing(Rtl(), Model()))
    ran = found.layers[0]
    assert (ran.gemm.m, ran.gemm.n, ran.gemm.k) == (16, 1536, 384)
    print(f"\n{name}: {ran.cycles} cycles", end="")
    if design.grouped:
        assert ran.cycles == plan(network, design).rows[0].compute_cycles
        print(f", error {ran.error:.4f}, cosine {ran.cosine:.5f}")
