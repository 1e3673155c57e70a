"""`systola synth`: area, clock and resources of a design, or of a part of it, by real tools."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden import check
from golden import pe as pes
from golden.progress import Progress, untold
from mapping.target import Design
from systola import design_file, families, output

if TYPE_CHECKING:
    from synth.result import Subject, Task

# target -> the cost that the breakdown is of
FPGA = ("ecp5", "ice40", "xc7")
FIRST = {"ecp5": "luts", "ice40": "luts", "xc7": "luts", "asic": "area", "gates": "gate_equivalents"}
POWERLESS = (
    "what an accelerator's memories and vector units do is the network's; --part unit has its matrix unit's"
)
NO_OPERANDS = "no operands of a real layer are known for an attention engine"


def synth(
    design: str | Path,
    *,
    target: str,
    part: str = "all",
    liberty: Sequence[str | Path] = (),
    clock: float | None = None,
    against: str | Path | None = None,
    flatten: bool = False,
    place: bool = True,
    power: bool = True,
    write_to: str | Path | None = None,
    force: bool = False,
    progress: Progress = untold,
) -> dict[str, Any]:
    """The cost of the hardware of the design file `design`, as `systola synth --json` prints.

    target    ecp5, ice40, xc7, asic or gates
    part      what of the design: its PE, its array, its matrix unit, or all that it is
    liberty   files of the library, for asic; none: Debian's OSU 0.18 um
    clock     MHz that is wanted. None: of an ASIC least area, and what clock that has; on an FPGA the
              design's own. Missing it is no error: `unmet` tells
    against   another design, put beside this one
    flatten   synthesise the whole at once, instead of composing it of its parts
    place     FPGA: place and route, too
    power     ASIC: power at a real layer's operands, too, of a PE, an array or a matrix unit
    write_to  file of the JSON; the picture of the area stands beside it, as .area.svg
    force     replace these two if they were changed since Systola wrote them
    progress  told (what, done, total); total 0: how much is not known
    raises    BadValue, SynthesisError, ToolMissing
    """
    from synth.flow import refuse
    from systola.report import area

    files = [Path(path) for path in liberty]
    refuse(target, files, clock)
    designs = [design_file.load(path) for path in (design, against) if path is not None]
    for each in designs:
        check.one_of("part" if against is None else f"{each.name}: part", part, families.parts_of(each))
    if write_to is not None:
        for path in (Path(write_to), picture_of(Path(write_to))):
            output.check_file(path, force=force)
    options = {"liberty": files, "flatten": flatten, "place": place, "progress": progress}
    work = power and target == "asic"
    results = [one(each, target, part, work, clock, **options) for each in designs]
    result = results[0]
    if against is not None:
        result |= {"against": results[1], "ratios": ratios(results[0], results[1])}
    if write_to is not None:
        output.write_whole(Path(write_to), output.as_json(result) + "\n", force=force)
        output.write_whole(picture_of(Path(write_to)), area.standalone(result), force=force)
    return result


def picture_of(path: Path) -> Path:
    """Where the picture stands beside the JSON in `path`."""
    return path.with_name(f"{path.name.removesuffix('.json').removesuffix('.synth')}.area.svg")


def one(
    design: Design, target: str, part: str, work: bool, clock: float | None, **options: Any
) -> dict[str, Any]:
    """The result of one design. work: with power. options: of synth.flow.synthesise."""
    from synth.flow import synthesise

    wanted = design.clock_mhz if clock is None and target in FPGA else clock
    found = synthesise(subject(design, part, work=work), target, clock_mhz=wanted, **options)
    return {"design": design_file.tables(design), "part": part, **asdict(found)}


def subject(design: Design, part: str, *, work: bool) -> "Subject":
    """The Verilog of what is synthesised, and what its modules are in the design; from the store.

    work  with the operands for its power
    """
    from hw.yosys import versions
    from sim.elaborated import sources
    from synth import store
    from synth.result import Subject

    parameters = {"pe": design.pe, "all": design.whole}.get(part, design.block)
    key = ["subject", part, repr(parameters), sources(), versions()]
    found = store.remembered(key, lambda: elaborated(design, part))
    task, why = task_of(design, part, found["small"]) if work else (None, "it was not asked for")
    the_pe = tuple(found["pe"]) if found["pe"] else None
    return Subject(found["top"], found["verilog"], found["roles"], the_pe, task, why)


def task_of(design: Design, part: str, small: str | None) -> "tuple[Task | None, str]":
    """The stimulus for the power of a PE, an array or a block of streams; else why there is none."""
    from synth.result import Task
    from systola.recorded import workload

    if design.pe is None:
        return None, NO_OPERANDS
    if part == "pe" and "array" not in pes.stands(design.pe):
        return None, "a PE of a tile works with units of its row and column; --part unit has its power"
    if part == "pe":
        return Task(design.pe, workload(design.block)), ""
    return (Task(design.block, workload(design.block), small), "") if small else (None, POWERLESS)


def elaborated(design: Design, part: str) -> dict[str, Any]:
    """The fields of a Subject."""
    from hw import blocks, pe
    from hw.emit import reachable, verilog
    from synth.power_flow import small

    the_pe, top = pe.definition(design.pe) if design.pe else None, definition_of(design, part)
    simulated = design.pe and part != "pe" and (part != "all" or design.whole is design.block)
    return {
        "top": top.name,
        "verilog": verilog(top),
        "roles": {each.name: role(each, the_pe) for each in reachable(top)},
        "pe": [the_pe.name, verilog(the_pe)] if the_pe else None,
        "small": verilog(blocks.definition(small(design.block))) if simulated else None,
    }


def definition_of(design: Design, part: str) -> Any:
    """The hardware of a part."""
    from hw import blocks, pe
    from hw.systolic import array

    parts = {"pe": (pe, design.pe), "array": (array, design.block), "unit": (blocks, design.block)}
    module, parameters = parts.get(part) or (families.hardware_of(design), design.whole)
    return module.definition(parameters)


def role(definition: Any, the_pe: Any) -> str:
    """PE, where it is one or holds one; else the file that describes it: "systolic/accumulator"."""
    if the_pe is not None and (definition is the_pe or the_pe in getattr(definition.component, "uses", ())):
        return "PE"
    return "/".join(type(definition.component).__module__.split(".")[1:])


def unmet(result: Mapping[str, Any]) -> list[str]:
    """A line for each design whose clock is under the one that was wanted."""
    found = []
    for each in (result, *([result["against"]] if "against" in result else [])):
        wanted, fmax = each["clock_mhz"], each["figures"].get("fmax", {}).get("value")
        if wanted and fmax and fmax < wanted:
            found.append(f"{each['design']['name']}: fmax is {fmax:.4g} MHz; wanted: {wanted:g} MHz")
    return found


def ratios(result: dict[str, Any], other: dict[str, Any]) -> dict[str, float | None]:
    """Each figure over the other design's; None where one has none."""
    found = {}
    for name, figure in result["figures"].items():
        mine, theirs = figure["value"], other["figures"].get(name, {}).get("value")
        found[name] = mine / theirs if mine is not None and theirs else None
    return found


def groups(result: dict[str, Any]) -> dict[str, float]:
    """Share of the area of each role, the largest first."""
    found: dict[str, float] = {}
    for part in result["parts"]:
        found[part["role"]] = found.get(part["role"], 0.0) + part["share"]
    return dict(sorted(found.items(), key=lambda item: -item[1]))
