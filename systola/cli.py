"""The command line: `systola COMMAND --help` says what each takes.

A command parses its words, calls the function of the same name, and prints; `options` are the function's, as
they come. Exit status: see `failures`.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import click

import systola
from golden import check
from systola import failures, output
from systola.report import numbers

DIGITS = 18  # of a number on the command line
FILE = click.Path(path_type=Path)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
force_option = click.option(
    "--force",
    is_flag=True,
    help="Replace what was changed since Systola wrote it. What Systola did not write stays in any case.",
)
seed_option = click.option("--seed", type=click.IntRange(0, (1 << 31) - 1), help="Of all that is random.")


class Commands(click.Group):
    """All commands end through one handler."""

    def main(self, args: Sequence[str] | None = None, standalone_mode: bool = True, **more: Any) -> Any:  # type: ignore[override]
        def work() -> Any:
            return super(Commands, self).main(args, standalone_mode=False, **more)

        return failures.guarded(work) if standalone_mode else work()

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but a broken pipe or an end of file is for `failures` to judge."""
        try:
            return super().invoke(ctx)
        except (BrokenPipeError, EOFError) as error:
            raise failures.Passed from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("systola"), message="systola %(version)s")
def main() -> None:
    """From a neural network and a quantisation scheme to an accelerator that is proven to compute it."""


def pairs(values: Sequence[str], option: str, form: str) -> dict[str, str]:
    """NAME=VALUE of an option that may be given several times, each time of another name."""
    found: dict[str, str] = {}
    for value in values:
        name, is_, rest = value.partition("=")
        if not is_:
            raise check.fail(option, repr(value), form)
        if name in found:
            raise check.fail(f"{option} {name}".rstrip(), "given twice", "once for each name")
        found[name] = rest
    return found


def sizes(values: Sequence[str]) -> dict[str, int]:
    """--dim name=value."""
    found = pairs(values, "--dim", "NAME=SIZE")
    for name, size in found.items():
        if not size.isdecimal() or len(size) > DIGITS or int(size) < 1:
            raise check.fail(f"--dim {name}", repr(size), "a whole number from 1")
    return {name: int(size) for name, size in found.items()}


def show(as_json: bool, result: object, text: Callable[[], str]) -> None:
    """The result on stdout: for machines, or for people."""
    try:
        click.echo(output.as_json(result) if as_json else output.lines(text()))
    except BrokenPipeError:
        if not failures.reader_gone():
            raise
        failures.silence()  # the reader has seen enough; the status still tells how the work ended


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What `map` and `run` share."""
    for option in (
        click.option(
            "--dim",
            "dims",
            multiple=True,
            metavar="NAME=SIZE",
            help="Size of a dimension an ONNX file leaves open.",
        ),
        click.option("--tokens", type=int, help="Tokens of a sentence, where the network leaves it open."),
        click.option("--on", type=FILE, required=True, metavar="DESIGN.toml", help="The design."),
        click.argument("network", type=FILE),
    ):
        command = option(command)
    return command


@main.command()
@click.option(
    "-o",
    "--output",
    "folder",
    type=FILE,
    default=Path("demo-out"),
    show_default=True,
    help="Folder of the results.",
)
@force_option
@as_json_option
def demo(folder: Path, force: bool, as_json: bool) -> None:
    """The main job on real networks: map, generate, simulate, compare, report."""
    with output.progress("demo") as tell:
        result = systola.demo(folder, force=force, progress=tell)
    show(as_json, result, lambda: f"{result['verdict']}\nwrote {folder}")
    if not result["ok"]:
        raise failures.Failed(result["verdict"] if as_json else "")


@main.command()
@as_json_option
def doctor(as_json: bool) -> None:
    """Tools found, their versions, what each is for, what is missing."""
    from systola import diagnosis

    tools = systola.doctor()
    missing = diagnosis.missing(tools)
    result = {"tools": [asdict(tool) for tool in tools], "ok": not missing}
    show(as_json, result, lambda: diagnosis.text(tools))
    if missing:
        raise failures.Failed("; ".join(f"{tool.name} is missing: {tool.hint}" for tool in missing))


@main.command()
@click.argument("design", type=FILE)
@click.option("-o", "--output", "folder", type=FILE, required=True, metavar="DIR", help="Folder to write.")
@force_option
@as_json_option
def generate(design: Path, folder: Path, force: bool, as_json: bool) -> None:
    """Write Verilog, testbench, FuseSoC core, documentation and manifest of DESIGN.toml."""
    with output.progress("elaborating"):
        made = systola.generate(design, folder, force=force)

    def text() -> str:
        files = [f"  {name}  {numbers.size(size)}" for name, size in made.files.items()]
        return "\n".join([f"{made.manifest['design']}: top module {made.top}", *files, f"wrote {folder}"])

    show(as_json, made.manifest, text)


@main.command()
@click.argument("blocks", nargs=-1, metavar="[BLOCK ...]")
@click.option("--waves", is_flag=True, help="Keep waveforms in ./waves.")
@click.option(
    "--sim", "simulator", type=click.Choice(["verilator", "icarus"]), default="verilator", show_default=True
)
@force_option
@seed_option
@as_json_option
def test(simulator: str, seed: int | None, as_json: bool, **options: Any) -> None:
    """Run the benches of BLOCKs (all, if none is named) against their RTL."""
    from systola import testing

    with output.progress("benches") as tell:
        chosen = 1 if seed is None else seed
        found = systola.test(simulator=simulator, seed=chosen, progress=tell, **options)
    result = {
        "simulator": simulator,
        "ok": all(case.passed for case in found),
        "cases": [asdict(case) for case in found],
    }
    show(as_json, result, lambda: testing.text(found, simulator))
    if not result["ok"]:
        raise failures.Failed("\n".join(message for case in found for message in case.messages))


@main.command("map")
@network_options
@click.option(
    "-o", "--output", "write_to", type=FILE, metavar="FILE", help="Keep the JSON, as NAME.map.json."
)
@force_option
@click.option(
    "--compat", type=click.Choice(["scalesim"]), help="Cycles by SCALE-Sim's formulae beside golden's."
)
@click.option(
    "--exact/--estimate", default=None,
    help="On an accelerator: of the program, or in closed form.  [default: exact, but for shapes alone]",
)  # fmt: skip
@as_json_option
def map_(dims: Sequence[str], write_to: Path | None, as_json: bool, **options: Any) -> None:
    """Place NETWORK on a design: per layer shape, tiles, cycles, utilisation, bytes."""
    from systola import tables

    result = systola.map(dims=sizes(dims), write_to=write_to, **options)
    wrote = f"\nwrote {write_to}" if write_to else ""
    show(as_json, result, lambda: tables.whole(result) + wrote)


@main.command()
@network_options
@click.option("--engine", type=click.Choice(["golden", "model", "rtl"]), default="golden", show_default=True)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="[NAME=]X.npy",
    help="An input; random from --seed if left out.",
)
@click.option(
    "--calibrate", multiple=True, metavar="[NAME=]X.npy", help="Samples to take a float network's ranges on."
)
@click.option(
    "--output", "write_to", type=FILE, metavar="Y.npy", help="The output, or all of several (.npz)."
)
@force_option
@seed_option
@click.option("--waves", metavar="LAYER", help="Keep the layer's waveform (rtl).")
@click.option("--window", metavar="FIRST:LAST", help="Cycles of the waveform.")
@as_json_option
def run(
    dims: Sequence[str], engine: str, inputs: Sequence[str], calibrate: Sequence[str], write_to: Path | None,
    seed: int | None, window: str | None, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Run NETWORK on a design: golden by passes or commands, the model at once, or the Verilog itself."""
    from systola import tables

    with output.progress(engine) as tell:
        result = systola.run(
            engine=engine, dims=sizes(dims), inputs=input_files(inputs), seed=seed or 0, write_to=write_to,
            calibrate=input_files(calibrate, "--calibrate"), window=cycles(window), progress=tell, **options,
        )  # fmt: skip
    wrote = "".join(f"\nwrote {path}" for path in (*result["waves"], *([write_to] if write_to else [])))
    show(as_json, result, lambda: tables.whole(result) + wrote)


@main.command()
@click.argument("design", type=FILE)
@click.option("--target", required=True, metavar="ecp5|ice40|xc7|asic|gates", help="Synthesised for what.")
@click.option("--part", default="all", show_default=True, metavar="pe|array|unit|all", help="Of the design.")
@click.option("--liberty", multiple=True, type=FILE, metavar="FILE", help="The standard cells (asic).")
@click.option("--clock", type=float, metavar="MHZ", help="Wanted; else the design's (FPGA), or least area.")
@click.option("--against", type=FILE, metavar="OTHER.toml", help="A design to put beside it.")
@click.option("--flatten", is_flag=True, help="The whole at once, not composed of its parts.")
@click.option("--place/--no-place", default=True, show_default=True, help="FPGA: place and route, too.")
@click.option("--power/--no-power", default=True, show_default=True, help="ASIC: power, too.")
@click.option(
    "-o", "--output", "write_to", type=FILE, metavar="FILE.json",
    help="Where the JSON goes, and the picture beside it.  [default: DESIGN.TARGET.synth.json]",
)  # fmt: skip
@force_option
@as_json_option
def synth(
    design: Path, target: str, part: str, write_to: Path | None, as_json: bool, **options: Any
) -> None:  # fmt: skip
    """Area, clock and resources of DESIGN.toml by real tools, and what they add up of."""
    from systola import synthesis, synthesis_tables

    stem = design.stem if part == "all" else f"{design.stem}-{part}"
    place_of = write_to or Path(f"{stem}.{target}.synth.json")
    with output.progress(target) as tell:
        result = systola.synth(
            design, target=target, part=part, write_to=place_of, progress=tell, **options
        )  # fmt: skip
    wrote = f"\n\nwrote {place_of}, {synthesis.picture_of(place_of)}"
    show(as_json, result, lambda: synthesis_tables.whole(result) + wrote)
    if missed := synthesis.unmet(result):
        raise failures.Failed("; ".join(missed))


@main.command()
@click.argument("name", metavar="mixpe|bitmod|lut|ita|streaming-sdpa|swat")
@click.option("--liberty", multiple=True, type=FILE, metavar="FILE", help="The standard cells.")
@click.option("--clock", type=float, metavar="MHZ", help="At which all is compared; else the system's own.")
@click.option(
    "-o", "--output", "write_to", type=FILE, metavar="DIR",
    help="Folder of the table, the JSON and the picture.  [default: NAME-reproduced]",
)  # fmt: skip
@force_option
@as_json_option
def reproduce(name: str, write_to: Path | None, as_json: bool, **options: Any) -> None:
    """A paper's claim beside ours: hardware at equal clock, over its baseline and the strongest; values."""
    from systola.reproduction import tables

    folder = write_to or Path(f"{name}-reproduced")
    with output.progress(name) as tell:
        result = systola.reproduce(name, write_to=folder, progress=tell, **options)
    show(as_json, result, lambda: f"{tables.whole(result)}\n\nwrote {folder}")


def input_files(values: Sequence[str], option: str = "--input") -> dict[str, str]:
    """NAME=FILE, or FILE for the one input."""
    return pairs([value if "=" in value else f"={value}" for value in values], option, "[NAME=]FILE.npy")


def cycles(window: str | None) -> tuple[int, int] | None:
    """--window FIRST:LAST."""
    if window is None:
        return None
    first, _, last = window.partition(":")
    if not (first.isdecimal() and last.isdecimal() and len(window) <= 2 * DIGITS and int(first) <= int(last)):
        raise check.fail("--window", repr(window), "FIRST:LAST, cycles of the layer")
    return int(first), int(last)
