"""Synthesis for FPGAs by Yosys: what a design takes of ECP5, iCE40 and Xilinx 7-series parts.

The total is of the flattened design. What each instance takes comes from a run that keeps the hierarchy, in
which every module is mapped once: nothing is simplified across its borders, so the sum of the instances
is somewhat above the total.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from golden import check
from golden.division import ceil_div
from sim import quote
from synth.checks import assert_sound
from synth.fpga_targets import KNOWN, FpgaTarget, Resources, resources
from synth.netlist import Cell, Instance, Module, Netlist
from synth.yosys import yosys

TARGETS = tuple(KNOWN)
MULTIPLIERS = ("auto", "luts")
SOURCE = "design.v"
SPREAD = "spread.txt"
COARSE = ("opt", "wreduce", "peepopt", "opt_clean")  # operands as narrow as they are, before DSP blocks


@dataclass(frozen=True, slots=True)
class FpgaOptions:
    """multipliers       "auto": in DSP blocks, as Yosys finds fit; "luts": none of them
    most_multipliers  DSP blocks there are; what finds no place in them, the narrow ones first, goes to LUTs
    """

    multipliers: str = "auto"
    most_multipliers: int | None = None

    def __post_init__(self) -> None:
        check.one_of("multipliers", self.multipliers, MULTIPLIERS)
        if self.most_multipliers is not None:
            check.in_range("most_multipliers", self.most_multipliers, 0, 1 << 20)


@dataclass(frozen=True, slots=True)
class InstanceResources:
    """path: "column_3.cell_0", empty for the top; own: without what it instantiates."""

    path: str
    module: str
    own: Resources


@dataclass(frozen=True, slots=True)
class FpgaResult:
    """cells: of the flattened design by kind; netlist: the file of `write_json` with it;
    lut_multipliers: how many multiplications `most_multipliers` sent to LUTs."""

    target: str
    cells: dict[str, int]
    total: Resources
    by_instance: list[InstanceResources]
    netlist: Path
    lut_multipliers: int = 0


def synthesise_fpga(
    verilog: str,
    top: str,
    target: str,
    folder: Path,
    *,
    options: FpgaOptions = FpgaOptions(),  # noqa: B008 (frozen)
    instances: bool = True,
) -> FpgaResult:
    """The resources that `top` takes of `target`, with its netlist, logs and scripts left in `folder`.

    instances  also what each instance takes, which takes a second, shorter run
    raises     BadValue, SynthesisError, ToolMissing
    """
    check.one_of("target", target, TARGETS)
    folder.mkdir(parents=True, exist_ok=True)
    netlist, in_luts = mapped(verilog, top, target, folder, options=options)
    flat = Netlist.read(netlist, top)
    cells = flat.kinds(top)
    del cells["$scopeinfo"]  # a note of Yosys, no hardware
    return FpgaResult(
        target,
        dict(sorted(cells.items())),
        resources(target, cells),
        by_instance(top, target, folder, options, in_luts) if instances else [],
        netlist,
        len(in_luts),
    )


def mapped(
    verilog: str, top: str, target: str, folder: Path, *, options: FpgaOptions
) -> tuple[Path, list[str]]:
    """The flattened and mapped netlist of `top`; the multiplications that went to LUTs for want of DSPs."""
    (folder / SOURCE).write_text(verilog)
    assert_sound(folder, SOURCE, top)
    known = KNOWN[target]
    read = [*reading(top), "flatten", *COARSE]
    in_luts: list[str] = []
    if options.multipliers == "auto" and options.most_multipliers is not None:
        yosys([*read, "write_json coarse.json", "write_rtlil coarse.il"], folder, name="coarse")
        module = Netlist.read(folder / "coarse.json", top).modules[top]
        in_luts = beyond(module, known, options.most_multipliers)
        (folder / SPREAD).write_text("".join(f"{top}/{name}\n" for name in in_luts))
        spread = [f"select -read {SPREAD}", "booth", "select -clear"] if in_luts else []
        read = ["read_rtlil coarse.il", *spread]
    out = f"{target}.json"
    yosys([*read, *flow(known, known.flat, options, top, out)], folder, name=target)
    return folder / out, in_luts


def reading(top: str) -> list[str]:
    return [f"read_verilog -sv {SOURCE}", f"hierarchy -check -top {quote.yosys(top)}", "proc"]


def flow(target: FpgaTarget, hierarchy: str, options: FpgaOptions, top: str, out: str) -> list[str]:
    """Yosys' commands from a design that was read to its mapped netlist in the file `out`."""
    auto = options.multipliers == "auto"
    command = f"{target.flow} {hierarchy} {'' if auto else target.no_dsp}"
    ends = f"-top {quote.yosys(top)} -json {quote.yosys(out)}"
    return [*(target.before if auto else ()), f"{command} {ends}"]


def beyond(module: Module, target: FpgaTarget, most: int) -> list[str]:
    """The multiplications of a flat module that find no place in `most` DSP blocks: wide ones come first."""
    wanted = [(blocks(cell, target), cell.name) for cell in module.cells.values() if cell.type == "$mul"]
    taken, left = 0, []
    for count, name in sorted(wanted, key=lambda each: (-each[0], natural(each[1]))):
        if taken + count <= most:
            taken += count
        else:
            left.append(name)
    return left


def blocks(cell: Cell, target: FpgaTarget) -> int:
    """DSP blocks of a $mul: each takes a part of both operands."""
    widths = sorted((len(cell.connections["A"]), len(cell.connections["B"])), reverse=True)
    if len(cell.connections["Y"]) < target.smallest or widths[1] < 2:
        return 0
    return ceil_div(widths[0], target.block[0]) * ceil_div(widths[1], target.block[1])


def natural(name: str) -> list[tuple[int, str]]:
    """A key under which column_2 comes before column_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def by_instance(
    top: str, target: str, folder: Path, options: FpgaOptions, in_luts: Sequence[str]
) -> list[InstanceResources]:
    """The resources that each instance takes by itself, of the source that `mapped` left in `folder`.

    in_luts  multiplications that are not in DSP blocks: their instances are taken from a run without any
    """
    instances = kept(top, target, folder, options)
    homes = {home(name) for name in in_luts}
    if homes:
        without = kept(top, target, folder, FpgaOptions(multipliers="luts"))
        instances = [b if b.path in homes else a for a, b in zip(instances, without, strict=True)]
    return [InstanceResources(each.path, each.module, resources(target, each.own)) for each in instances]


def kept(top: str, target: str, folder: Path, options: FpgaOptions) -> list[Instance]:
    """The instances of the design with its hierarchy kept, each module mapped once."""
    known = KNOWN[target]
    name = f"{target}_kept_{options.multipliers}"
    commands = flow(known, known.keep, options, top, f"{name}.json")
    yosys([*reading(top), *COARSE, *commands], folder, name=name)
    return Netlist.read(folder / f"{name}.json", top).instances()


def home(cell: str) -> str:
    """The instance that a cell of a flattened design came from: `$flatten\\column_3.\\cell_0.$mul$...`."""
    _, flattened, path = cell.rpartition("$flatten")
    return path.partition(".$")[0].replace("\\", "") if flattened else ""
