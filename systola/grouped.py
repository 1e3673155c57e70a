"""`systola map` and `systola run` of designs on which networks run in groups (mapping.grouped)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from golden import check
from mapping import frontends
from mapping.grouped.design import Design
from mapping.grouped.engines import ComparingEngine, Engine, GoldenEngine
from mapping.grouped.execute import GroupedExecution, Progress, cosine, execute, relative_error
from mapping.grouped.plan import plan
from mapping.grouped.quantise import quantise_network
from mapping.network import Network, ShapeNetwork
from mapping.passes import simplify
from mapping.run.floating import run_float
from systola import coding, design_file, operands

SOURCES = {
    "golden": "golden, exact",
    "model": "golden, exact",
    "rtl": "RTL: counted in the Verilated design, equal to golden's count",
}


def load(network: str | Path, tokens: int | None, dims: Mapping[str, int] | None) -> Network | ShapeNetwork:
    """The network, read, checked and simplified."""
    found = frontends.load(Path(network), tokens=tokens, dims=dims)
    return simplify(found) if isinstance(found, Network) else found


def engine_of(name: str) -> Engine:
    """The engine `name`; RTL is compared with golden in values and cycles, layer by layer."""
    check.one_of("--engine", name, SOURCES)
    if name != "rtl":
        return GoldenEngine()
    from sim.tile_engine import TileEngine

    return ComparingEngine(TileEngine(), GoldenEngine())


def map(
    network: str | Path, design: Design, *, tokens: int | None = None, dims: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """See systola.networks.map."""
    found = plan(load(network, tokens, dims), design)
    return {"design": design_file.tables(design), **found.as_dict()}


def run(
    network: str | Path, design: Design, *, engine: str = "golden",
    inputs: Mapping[str, str | Path] | None = None, write_to: str | Path | None = None, seed: int = 0,
    tokens: int | None = None, dims: Mapping[str, int] | None = None, progress: Progress | None = None,
    force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """See systola.networks.run. Each layer and each output has `error` and `cosine` beside float."""
    loaded, made = load(network, tokens, dims), engine_of(engine)
    coding.refuse_codes(Path(network))
    if isinstance(loaded, ShapeNetwork):
        raise check.fail(f"{loaded.name}: weights", "not there", "a network with weights")
    found = plan(loaded, design)
    if write_to:
        operands.check_file(Path(write_to), len(loaded.outputs), force=force)
    given = operands.read(loaded, inputs or {}, seed)
    quantised = quantise_network(loaded, design)
    runs = [execute(quantised, sample, made, progress=progress) for sample in given]
    outputs = {name: np.concatenate([each.outputs[name] for each in runs]) for name in loaded.outputs}
    floats = [run_float(loaded, sample) for sample in given]
    result = {
        "design": design_file.tables(design), "engine": engine, "seed": seed, "samples": len(given),
        **found.as_dict(),
    }  # fmt: skip
    add_run(result, runs, engine)
    wanted = {name: np.concatenate([each[name] for each in floats]) for name in loaded.outputs}
    result["beside_float"] = {name: beside(outputs[name], wanted[name]) for name in loaded.outputs}
    result["outputs"] = {name: list(value.shape) for name, value in outputs.items()}
    result["waves"] = []
    if write_to:
        operands.write(Path(write_to), outputs, force=force)
    return result


def beside(found: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """An output beside float's."""
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    return {"error": relative_error(a, b), "cosine": cosine(a, b)}


def add_run(result: dict[str, Any], runs: list[GroupedExecution], engine: str) -> None:
    """What the engine counted for a sample, and the means of the errors, in each layer and in the total."""
    key = f"{engine}_cycles"
    for place, row in enumerate(result["layers"][: len(runs[0].layers)]):
        row[key] = runs[0].layers[place].cycles
        row["error"] = float(np.mean([each.layers[place].error for each in runs]))
        row["cosine"] = float(np.mean([each.layers[place].cosine for each in runs]))
    placed = result["layers"][: len(runs[0].layers)]
    result["total"][key] = sum(row[key] for row in placed)
    result["total"][f"{key}_source"] = SOURCES[engine]
    result["total"]["error"] = max(row["error"] for row in placed)
    result["total"]["cosine"] = min(row["cosine"] for row in placed)
