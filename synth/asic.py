"""From Verilog to a netlist of a Liberty's cells: Yosys and ABC, memories as macros, area by kind and place.

    check | coarse (Yosys' synth) | memories to macros | gates | flip-flops (dfflibmap) | logic (abc) | flat

Not flattened, each module is mapped once, whatever its number of instances, and the mapped cells are then
flattened: a cell's name then begins with the path of the instance that it is in, `column_3.cell_0._12_`.
Flattened, logic is optimised across modules; only what keeps its name (registers) tells where it came from.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from golden import check
from synth import asic_area, asic_script
from synth.asic_area import PlaceArea
from synth.assigns import for_sta
from synth.checks import assert_sound
from synth.liberty import Liberty
from synth.memories import MemoryCell, MemoryModel, model_for
from synth.yosys import yosys


@dataclass(frozen=True, slots=True)
class MappedNetlist:
    """A netlist of `liberty`'s cells and of memory macros.

    verilog      flat, one bit a connection, as OpenSTA reads it; the top's ports as they were
    json         the same, as Yosys writes it
    by_kind      {cell: (count, um2)}, of the Liberty's cells
    by_instance  the tree (asic_area.PlaceArea), a path after its parent's; the top alone if flattened
    memories     each macro at its instance, and the small memories that were built of flip-flops (cell "")
    models       behavioural Verilog of the macros; macro_liberty: their area and timing; None without macros
    area_um2     of cells and macros; no wires, no room between cells
    gate_equivalents  of the cells without the macros: their area in smallest two-input NANDs
    """

    top: str
    folder: Path
    verilog: Path
    json: Path
    liberty: Liberty
    flatten: bool
    flags: str
    aim: str
    period_ns: float | None
    area_um2: float
    sequential_um2: float
    combinational_um2: float
    memory_um2: float
    gate_equivalents: float
    by_kind: dict[str, tuple[int, float]]
    by_instance: tuple[PlaceArea, ...]
    memories: tuple[MemoryCell, ...] = ()
    memory_model: MemoryModel | None = None
    models: Path | None = None
    macro_liberty: Path | None = None


def map_asic(
    verilog: str,
    top: str,
    liberty: Liberty,
    folder: Path,
    *,
    flatten: bool = False,
    period_ns: float | None = None,
    flags: str = "",
    aim: str = "area",
    dont_use: Sequence[str] = (),
    memory_model: MemoryModel | Path | None = None,
) -> MappedNetlist:
    """Map `verilog`'s module `top` to the cells of `liberty`, in `folder` (made; its files are replaced).

    period_ns     what ABC sizes cells for; None: least area
    flags         "", "noalumacc" or "booth": how Yosys builds multipliers
    aim           "area", "balanced" or "speed": which of ABC's ways
    dont_use      cells that must not be used, `*` standing for anything, beside those the Liberty forbids
    memory_model  or a TOML file with its figures; None: of the node that the library's name tells
    raises        BadValue, SynthesisError (a tool's message, a latch, a loop), ToolMissing
    """
    check.one_of("flags", flags, asic_script.FLAGS)
    check.one_of("aim", aim, asic_script.SCRIPTS)
    if period_ns is not None and not period_ns > 0:
        raise check.fail("period_ns", period_ns, "over 0")
    if not re.fullmatch(r"[A-Za-z_][\w$]*", top, re.ASCII):
        raise check.fail("top", repr(top), "a module's name")
    for name in dont_use:
        if not re.fullmatch(r"[\w$.*?-]+", name, re.ASCII):
            raise check.fail("dont_use", repr(name), "names of cells, * and ? standing for others")
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.v").write_text(verilog)
    assert_sound(folder, "design.v", top)
    how = asic_script.How(top, flatten, flags, period_ns, tuple(dont_use), aim)
    yosys(asic_script.coarse(how), folder, name="coarse")
    found = asic_area.memories_of(folder / "memories.json")
    model = chosen(memory_model, liberty) if found else None
    shapes = {at: shape for at, shape in found.items() if model and shape.bits > model.small_bits}
    asic_script.write_macros(folder, model, sorted(set(shapes.values())), liberty.voltage)
    yosys(asic_script.fine(how, shapes, liberty, folder), folder, name="map")
    for_sta(folder / asic_script.NETLIST_V)
    return result(how, liberty, folder, model, found)


def chosen(given: MemoryModel | Path | None, liberty: Liberty) -> MemoryModel:
    if isinstance(given, MemoryModel):
        return given
    return model_for(liberty.name, liberty.voltage, given)


def result(
    how: asic_script.How, liberty: Liberty, folder: Path, model: MemoryModel | None, found: asic_area.Found
) -> MappedNetlist:
    """Read what Yosys wrote."""
    area = asic_area.read(folder, how.top, liberty, model, found)
    macros = any(memory.cell for memory in area.memories)
    return MappedNetlist(
        top=how.top,
        folder=folder,
        verilog=folder / asic_script.NETLIST_V,
        json=folder / asic_script.NETLIST_JSON,
        liberty=liberty,
        flatten=how.flatten,
        flags=how.flags,
        aim=how.aim,
        period_ns=how.period_ns,
        area_um2=area.sequential_um2 + area.combinational_um2 + area.memory_um2,
        sequential_um2=area.sequential_um2,
        combinational_um2=area.combinational_um2,
        memory_um2=area.memory_um2,
        gate_equivalents=(area.sequential_um2 + area.combinational_um2) / liberty.nand2.area,
        by_kind=area.by_kind,
        by_instance=area.by_instance,
        memories=area.memories,
        memory_model=model,
        models=folder / asic_script.MODELS if macros else None,
        macro_liberty=folder / asic_script.MACRO_LIBERTY if macros else None,
    )
