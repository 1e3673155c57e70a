"""`systola map` and `systola run`: a network on a design of any family, as one dict that `--json` prints.

Its rows and its total are mapping.result's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden import check
from golden.progress import Progress, untold
from mapping.cost import scalesim
from mapping.plan import Plan
from systola import design_file, families, operands, output, waveforms

COMPATIBLE = ("scalesim",)
ENGINES = ("golden", "model", "rtl")
Files = Mapping[str, str | Path]


def map(
    network: str | Path, *, on: str | Path, tokens: int | None = None, dims: Mapping[str, int] | None = None,
    compat: str | None = None, exact: bool | None = None, write_to: str | Path | None = None,
    force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Where each layer of `network` runs on the design `on`, in which tiles, at which cost: `map --json`.

    compat    "scalesim": each layer's cycles by SCALE-Sim's formulae besides
    exact     of an accelerator: True: of its program; False: in closed form, without weights or values; None:
              exact, but for shapes alone. `cycles_source` says which
    write_to  keep the result in this file too
    force     replace that file if it was changed since Systola wrote it
    """
    if compat is not None:
        check.one_of("--compat", compat, COMPATIBLE)
    if write_to:
        output.check_file(Path(write_to), force=force)
    design = design_file.load(on)
    control = families.control_of(design)
    found = control.plan(control.read(Path(network), design, tokens=tokens, dims=dims), design, exact)
    result = {"design": design_file.tables(design), **found.as_dict()}
    if compat:
        add_scalesim(result, found, compat)
    if write_to:
        output.write_whole(Path(write_to), output.as_json(result) + "\n", force=force)
    return result


def add_scalesim(result: dict[str, Any], found: Plan, compat: str) -> None:
    """Cycles as SCALE-Sim counts them, in each layer and in the total."""
    if not found.schedules and found.layers:
        raise check.fail("--compat", compat, "a design of family systolic, of multipliers")
    counts = [scalesim.cycles(x.unit, x.gemm) for x in found.schedules.values()]
    for row, count in zip(result["layers"], counts, strict=False):  # the host's rows come after
        row["scalesim_cycles"] = count
    result["total"]["scalesim_cycles"] = sum(counts)
    result["total"]["scalesim_cycles_source"] = "SCALE-Sim 3's formulae; it prints one less a layer"


def run(
    network: str | Path, *, on: str | Path, engine: str = "golden", inputs: Files | None = None,
    calibrate: Files | None = None, write_to: str | Path | None = None, seed: int = 0,
    tokens: int | None = None, dims: Mapping[str, int] | None = None, waves: str | None = None,
    window: tuple[int, int] | None = None, progress: Progress = untold, force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Run `network` on the design `on`: `map`'s dict, with what the engine counted.

    engine    "golden" (every pass or command as the hardware does it), "model" (the values at once) or "rtl"
              (the Verilated design, compared with the model as it runs)
    inputs    .npy files by input name ("" where there is one input); random from `seed` if left out. Their
              first axis is the sample
    calibrate files like `inputs`, on which a float network's ranges are taken; on `inputs` if left out
    write_to  .npy for one output, .npz for several
    waves     the layer whose waveform is kept (rtl), of an accelerator the network's name for all of it;
              window: its first and last cycle
    force     replace files that were changed since Systola wrote them
    raises    BadValue; sim.device.Mismatch if the RTL differs
    """
    check.one_of("--engine", engine, ENGINES)
    kept = waveforms.asked(waves, window, engine, force)
    design = design_file.load(on)
    control = families.control_of(design)
    given = operands.parameter(inputs or {})
    loaded = control.read(Path(network), design, tokens=tokens, dims=dims, given=given)
    control.refuse(Path(network), loaded, design)
    if calibrate and (why := control.states_scales(loaded, design)):
        raise check.fail("--calibrate", "given", f"none: {why}")
    if write_to:
        operands.check_file(Path(write_to), control.outputs_of(loaded), force=force)
    samples = operands.read(loaded, inputs or {}, seed)
    calibration = operands.read(loaded, calibrate, seed) if calibrate else samples
    with control.session(
        loaded, design, calibration, engine=engine, seed=seed, waves=kept, progress=progress
    ) as session:
        found = [session.step(sample) for sample in samples]
    outputs = {name: operands.joined([each[name] for each in found]) for name in found[0]}
    result = {
        "design": design_file.tables(design), "engine": engine, "seed": seed, "samples": len(samples),
        **session.plan.as_dict(),
    }  # fmt: skip
    session.add(result)
    if write_to:
        operands.write(Path(write_to), outputs, force=force)
    result["outputs"] = {name: list(value.shape) for name, value in outputs.items()}
    result["waves"] = [str(kept.path)] if kept else []
    return result


__all__ = ["map", "run"]
