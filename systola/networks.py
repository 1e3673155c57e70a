"""`systola map` and `systola run`: a network on a design, as one dict that `--json` prints."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from golden import check
from mapping import frontends
from mapping.cost import scalesim
from mapping.network import Network, ShapeNetwork
from mapping.passes import simplify
from mapping.plan import Plan, plan
from mapping.quantise.networks import quantise
from mapping.run.host import Execution, execute
from mapping.run.shapes import execute_shapes
from mapping.target import Target
from systola import accelerated, coding, design_file, engines, grouped, operands, output

COMPATIBLE = ("scalesim",)
Progress = Callable[[str, int, int], None]


def load(
    network: str | Path, on: str | Path, tokens: int | None = None, dims: Mapping[str, int] | None = None,
    inputs: Mapping[str, str | Path] | None = None,
) -> tuple[Network | ShapeNetwork, Target]:  # fmt: skip
    """Both files, read, checked and simplified; a design's faults are told before a network's.

    inputs  files by input name, for inputs that decide shapes
    """
    target = design_file.load(on)
    given = operands.parameter(inputs or {})
    found = frontends.load(Path(network), tokens=tokens, dims=dims, given=given)
    return (simplify(found) if isinstance(found, Network) else found), target


def design_dict(target: Target) -> dict[str, Any]:
    """The design in a result: its file's keys."""
    return design_file.tables(target)


def map(
    network: str | Path, *, on: str | Path, tokens: int | None = None, dims: Mapping[str, int] | None = None,
    compat: str | None = None, write_to: str | Path | None = None, force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Where each layer of `network` runs on the design `on`, in which tiles, at which cost: `map --json`.

    compat    "scalesim": each layer's cycles by SCALE-Sim's formulae besides
    write_to  keep the result in this file too
    force     replace that file if it was changed since Systola wrote it
    """
    if compat is not None:
        check.one_of("--compat", compat, COMPATIBLE)
    if write_to:
        output.check_file(Path(write_to), force=force)
    result = mapped(network, on, tokens, dims, compat)
    if write_to:
        output.write_whole(Path(write_to), output.as_json(result) + "\n", force=force)
    return result


def mapped(
    network: str | Path, on: str | Path, tokens: int | None, dims: Mapping[str, int] | None,
    compat: str | None,
) -> dict[str, Any]:  # fmt: skip
    """What `map` gives, by the design's family."""
    design = design_file.load_any(on)
    if design.grouped:
        if compat is not None:
            raise check.fail("--compat", compat, "a systolic design of multipliers")
        return grouped.map(network, design, tokens=tokens, dims=dims)
    if isinstance(design, Target) and design.accelerator is not None:
        if compat is not None:
            raise check.fail("--compat", compat, "a design of family systolic")
        return accelerated.map(network, on=on, tokens=tokens, dims=dims)
    loaded, target = load(network, on, tokens, dims)
    found = plan(loaded, target)
    result = {"design": design_dict(target), **found.as_dict()}
    if compat:
        add_scalesim(result, found)
    return result


def add_scalesim(result: dict[str, Any], found: Plan) -> None:
    """Cycles as SCALE-Sim counts them, in each layer and in the total."""
    counts = [scalesim.cycles(x.unit, x.gemm) for x in found.schedules.values()]
    for row, count in zip(result["layers"], counts, strict=False):  # the host's rows come after
        row["scalesim_cycles"] = count
    result["total"]["scalesim_cycles"] = sum(counts)
    result["total"]["scalesim_cycles_source"] = "SCALE-Sim 3's formulae; it prints one less a layer"


def run(
    network: str | Path, *, on: str | Path, engine: str = "golden",
    inputs: Mapping[str, str | Path] | None = None, calibrate: Mapping[str, str | Path] | None = None,
    write_to: str | Path | None = None, seed: int = 0, tokens: int | None = None,
    dims: Mapping[str, int] | None = None, waves: str | None = None,
    window: tuple[int, int] | None = None, progress: Progress | None = None, force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Run `network` on the design `on`: `map`'s dict, with each layer's cycles as the engine counted them.

    engine    "golden" (tile by tile), "model" (a product at once) or "rtl" (the Verilated design, compared
              with the model as it runs)
    inputs    .npy files by input name ("" where there is one input); random from `seed` if left out. Their
              first axis is the sample
    calibrate files like `inputs`, on which a float network's ranges are taken; on `inputs` if left out
    write_to  .npy for one output, .npz for several
    waves     the layer whose waveform is kept (rtl); window: its first and last cycle
    force     replace files that were changed since Systola wrote them
    raises    BadValue; sim.device.Mismatch if the RTL differs
    """
    check.one_of("--engine", engine, engines.NAMES)
    design = design_file.load_any(on)
    if design.grouped:
        if waves is not None:
            raise check.fail("--waves", waves, "a systolic design of multipliers")
        if calibrate:
            raise check.fail("--calibrate", "given", "none: groups' activations are scaled as they come")
        return grouped.run(
            network, design, engine=engine, inputs=inputs, write_to=write_to, seed=seed, tokens=tokens,
            dims=dims, progress=progress, force=force,
        )  # fmt: skip
    if isinstance(design, Target) and design.accelerator is not None:
        if waves is not None:
            raise check.fail("--waves", waves, "a design of family systolic")
        return accelerated.run(
            network, on=on, engine=engine, inputs=inputs, calibrate=calibrate, write_to=write_to, seed=seed,
            tokens=tokens, dims=dims, progress=progress, force=force,
        )  # fmt: skip
    loaded, target = load(network, on, tokens, dims, inputs)
    coding.refuse_codes(Path(network))
    found = plan(loaded, target)
    if waves is not None:
        check.one_of("--waves", waves, found.schedules)
    if write_to:
        operands.check_output(Path(write_to), found, loaded, force=force)
    given = operands.read(loaded, inputs or {}, seed)
    calibration = operands.read(loaded, calibrate, seed) if calibrate else given
    with engines.make(engine, waves=waves, window=window, force=force) as made:
        ran = perform(loaded, target, given, calibration, made, seed, progress)
    result = {
        "design": design_dict(target), "engine": engine, "seed": seed, "samples": len(given),
        **found.as_dict(),
    }  # fmt: skip
    add_run(result, ran, engine)
    if write_to:
        operands.write(Path(write_to), ran.outputs, force=force)
    result["outputs"] = {name: list(value.shape) for name, value in ran.outputs.items()}
    result["waves"] = [str(path) for path in made.waves]
    return result


def perform(
    network: Network | ShapeNetwork, target: Target, given: list[operands.Inputs],
    calibration: list[operands.Inputs], made: engines.Made, seed: int, progress: Progress | None,
) -> Execution:  # fmt: skip
    """Shapes run on random operands; a trained network is quantised, then runs sample by sample.

    The layers are those of the first sample: cycles do not depend on values.
    """
    if isinstance(network, ShapeNetwork):
        return execute_shapes(network, target, made.engine, seed=seed, progress=progress)
    quantised = quantise(network, target, calibration)
    runs = [execute(quantised, sample, made.engine, progress=progress) for sample in given]
    outputs = {name: operands.joined([run.outputs[name] for run in runs]) for name in network.outputs}
    return replace(runs[0], outputs=outputs)


def add_run(result: dict[str, Any], ran: Execution, engine: str) -> None:
    """What the RTL counted, in each layer of the array and in the total; the digests of all engines."""
    for row, layer in zip(result["layers"], ran.layers, strict=False):
        row["digest"] = layer.digest
        if engine == "rtl":
            row["rtl_cycles"] = layer.cycles
    if engine == "rtl":
        result["total"]["rtl_cycles"] = sum(layer.cycles or 0 for layer in ran.layers)
        result["total"]["rtl_cycles_source"] = engines.SOURCES[engine]


__all__ = ["map", "run"]
