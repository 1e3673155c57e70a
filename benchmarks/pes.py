"""MiniLM on each PE of the examples: what its weights and activations cost, beside float.

The six sentences of the demo. Per design: the cosine of each sentence's embedding to float's; similarities of
all pairs beside float's; the relative error of each layer's product beside the float product of the same
activations. Values are golden's, to which the RTL is equal to the bit (tests/mapping/run). Bars are what
the format can do here; there is none for 1 to 3 bits, of which round to nearest leaves little untrained.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.result import Result
from golden.check import BadValue
from mapping import frontends
from mapping.network import Network
from mapping.passes import simplify
from mapping.quantise.networks import quantise_products
from mapping.run.floating import run_float
from mapping.run.host import execute
from mapping.target import Design
from sim.device import Model
from systola import design_file
from systola.demonstration import packages
from systola.demonstration.sentences import CALIBRATION, SENTENCES, TOKENS, embedding, tokenised

EXAMPLES = Path(__file__).parents[1] / "examples"
BARS: dict[str, float | None] = {  # None: reported, held to nothing
    "ws16_int8_booth": 0.99, "ws16_int4": None, "ws16_int2": None, "tile8_int8": 0.99,
    "ws16_fp16": 0.9999, "ws16_fp16_separate": 0.9999, "ws16_bf16": 0.999,
    "ws16_dequantise": 0.9, "ws16_mixpe_w4a8": 0.9, "ws16_mixpe_w4a16": 0.9, "ws16_aligned_w4a16": 0.9,
    "tile8_bitmod_int6": 0.99, "tile8_bitmod_fp4": 0.9, "tile8_bitmod_fp3": None,
    "tile2x64_lut_w4a8": 0.9, "tile2x64_lut_w3a8": None, "tile2x64_lut_w2a8": None,
    "tile2x64_lut_w1a8": None, "tile2x64_lut_w2a16": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """embeddings [sentences, width]; errors [sentences, layers], or None where products leave as codes;
    cycles of a sentence."""

    embeddings: np.ndarray
    errors: np.ndarray | None
    cycles: int


def on_design(network: Network, design: Design, inputs: list[dict[str, np.ndarray]]) -> Found:
    """The sentences on one design."""
    output = network.outputs[0]
    samples = [] if design.grouped else tokenised(CALIBRATION)
    quantised = quantise_products(network, design, samples)
    runs = [execute(quantised, x, Model()) for x in inputs]
    errors = np.array([[layer.error for layer in run.layers] for run in runs]) if design.grouped else None
    cycles = sum(layer.cycles or 0 for layer in runs[0].layers)
    hidden = [run.outputs[output] for run in runs]
    embeddings = np.stack([embedding(h, x) for h, x in zip(hidden, inputs, strict=True)])
    return Found(embeddings, errors, cycles)


def measure(names: tuple[str, ...] = tuple(BARS)) -> Iterator[Result]:
    """One result a design."""
    network = frontends.load(packages.minilm(), tokens=TOKENS)
    assert isinstance(network, Network)
    network, inputs = simplify(network), tokenised(SENTENCES)
    floats = np.stack([embedding(run_float(network, x)[network.outputs[0]], x) for x in inputs])
    for name in names:
        what = f"{name}: least cosine to float"
        try:
            found = on_design(network, design_file.load(EXAMPLES / f"{name}.toml"), inputs)
        except BadValue as refused:  # no bar is met by what does not run
            yield Result(what, math.nan, BARS[name], "", f"refused: {refused}")
            continue
        cosines = (floats * found.embeddings).sum(axis=1)
        off = np.abs(found.embeddings @ found.embeddings.T - floats @ floats.T).max()
        layers = "products by channel"
        if found.errors is not None:
            layers = (
                f"layers off by {found.errors.mean():.4f} (mean), {found.errors.mean(0).max():.4f} (most)"
            )
        yield Result(
            what,
            float(cosines.min()),
            BARS[name],
            "",
            f"mean {cosines.mean():.5f}; similarities off by {off:.4f} at most; {layers}; "
            f"{found.cycles:,} cycles a sentence",
        )
