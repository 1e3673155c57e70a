"""`systola map` and `systola run` of designs on which networks run in groups (mapping.run.groups)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from golden import check
from mapping import frontends
from mapping.network import Network, ShapeNetwork
from mapping.passes import simplify
from mapping.plan_groups import plan
from mapping.quantise.networks import quantise
from mapping.run.floating import run_float
from mapping.run.host import Execution, Progress, cosine, execute, relative_error
from mapping.target import Design
from systola import coding, design_file, engines, operands


def load(network: str | Path, tokens: int | None, dims: Mapping[str, int] | None) -> Network | ShapeNetwork:
    """The network, read, checked and simplified."""
    found = frontends.load(Path(network), tokens=tokens, dims=dims)
    return simplify(found) if isinstance(found, Network) else found


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
    loaded = load(network, tokens, dims)
    coding.refuse_codes(Path(network))
    if isinstance(loaded, ShapeNetwork):
        raise check.fail(f"{loaded.name}: weights", "not there", "a network with weights")
    found = plan(loaded, design)
    if write_to:
        operands.check_file(Path(write_to), len(loaded.outputs), force=force)
    given = operands.read(loaded, inputs or {}, seed)
    quantised = quantise(loaded, design, [])
    with engines.make(engine) as made:
        runs = [execute(quantised, sample, made.engine, progress=progress) for sample in given]
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


def add_run(result: dict[str, Any], runs: list[Execution], engine: str) -> None:
    """What the RTL counted for a sample, and the means of the errors, in each layer and in the total."""
    placed = result["layers"][: len(runs[0].layers)]
    for place, row in enumerate(placed):
        for figure in ("error", "cosine"):
            row[figure] = float(np.mean([getattr(each.layers[place], figure) for each in runs]))
        if engine == "rtl":
            row["rtl_cycles"] = runs[0].layers[place].cycles
    if engine == "rtl":
        result["total"]["rtl_cycles"] = sum(row["rtl_cycles"] for row in placed)
        result["total"]["rtl_cycles_source"] = engines.SOURCES[engine]
    result["total"]["error"] = max(row["error"] for row in placed)
    result["total"]["cosine"] = min(row["cosine"] for row in placed)
