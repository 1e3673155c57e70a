"""`systola map` and `systola run` of a design that is an accelerator: files in, one dict out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden import check
from mapping.network import ShapeNetwork
from systola import coding, design_file, operands, whole_network
from systola.whole_network import Prepared, Progress

Files = Mapping[str, str | Path]


def load(
    network: str | Path, on: str | Path, tokens: int | None, dims: Mapping[str, int] | None,
    inputs: Files | None = None,
) -> tuple[coding.Source, Any]:  # fmt: skip
    """The design first, then the network; what has shapes alone has no program."""
    target = design_file.load(on)
    given = operands.parameter(inputs or {})
    source = coding.read(Path(network), tokens=tokens, dims=dims, given=given)
    if isinstance(source, ShapeNetwork):
        raise check.fail(
            f"{source.name}: weights", "not there", "a network with weights (a design of family systolic)"
        )
    return source, target


def map(
    network: str | Path, *, on: str | Path, tokens: int | None = None, dims: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Where each operation runs, its share of the program and of the predicted cycles."""
    source, target = load(network, on, tokens, dims)
    # cycles do not depend on values: any ranges will do
    prepared = whole_network.prepare(source, target, operands.read_inputs(source.name, source.inputs, {}, 0))
    return whole_network.mapped(prepared, design_file.tables(target))


def run(
    network: str | Path, *, on: str | Path, engine: str, inputs: Files | None = None,
    calibrate: Files | None = None, write_to: str | Path | None = None, seed: int = 0,
    tokens: int | None = None, dims: Mapping[str, int] | None = None, progress: Progress | None = None,
    force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """See systola.networks.run."""
    source, target = load(network, on, tokens, dims, inputs)
    if calibrate and source.network is None:
        raise check.fail("--calibrate", "given", f"none: {source.name} states its own scales")
    if write_to:
        operands.check_file(Path(write_to), len(source.outputs), force=force)
    given = read(source, inputs or {}, seed)
    samples = read(source, calibrate, seed) if calibrate else given
    prepared: Prepared = whole_network.prepare(source, target, samples)
    outputs, results = whole_network.run(prepared, given, engine, progress)
    result = whole_network.ran(prepared, engine, results, design_file.tables(target), seed)
    if write_to:
        operands.write(Path(write_to), outputs, force=force)
    return result | {"outputs": {name: list(value.shape) for name, value in outputs.items()}, "waves": []}


def read(source: coding.Source, files: Files, seed: int) -> list[operands.Inputs]:
    """The inputs, a dict a sample, without those that are parameters."""
    fixed = source.network.fixed if source.network else {}
    return operands.read_inputs(source.name, source.inputs, operands.unfixed(fixed, files), seed)
