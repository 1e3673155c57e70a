"""Technology-independent size and depth: what can be said without a Liberty file.

ABC maps the logic to simple gates; a gate equivalent is a two-input NAND. The table has the transistors of
each gate in plain CMOS over the NAND's four: an estimate, named as such wherever it is printed, and not the
area of any silicon. Depth counts gates on the longest path between registers, memories or ports. Memories are
counted in bits beside it.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from golden import check
from synth.asic_area import memories_of
from synth.asic_script import FLAGS, SWEEP, How, coarse, gates, write_macros
from synth.checks import assert_sound
from synth.memories import MemoryModel, Shape
from synth.yosys import yosys

NAME = "technology-independent (ABC, gate equivalents)"
# transistors of static CMOS / 4; a flip-flop: 24 transistors; with enable or reset, their gates beside it
EQUIVALENTS = {
    "$_NOT_": 0.5,
    "$_NAND_": 1.0,
    "$_NOR_": 1.0,
    "$_AND_": 1.5,
    "$_OR_": 1.5,
    "$_XOR_": 2.5,
    "$_XNOR_": 2.5,
    "$_MUX_": 2.5,
    "$_DFF_P_": 6.0,
}
GATES = "AND,NAND,OR,NOR,XOR,XNOR,MUX"
MAPPED = (
    "dfflegalize -cell $_DFF_P_ x",
    "opt -nodffe -nosdff",
    f"abc -g {GATES} -script +{SWEEP.replace(' ', ',')},&get,-n;,&dch,-f,-C,10;,&nf;,&put;",
    "opt_clean -purge",
    "setundef -zero",
    "flatten -noscopeinfo",
    "opt_clean -purge",
    "write_json gates.json",
    "delete t:memory_*",  # a macro's read port begins a path, as a register does
    "ltp -noff",
)
DEPTH = re.compile(r"Longest topological path in \S+ \(length=(\d+)\)")


@dataclass(frozen=True, slots=True)
class GateCount:
    """equivalents: of NAND2, without the memory_bits. depth: gates on the longest path."""

    equivalents: float
    sequential: float
    depth: int
    by_kind: dict[str, int]
    memory_bits: int
    flags: str
    named: str = NAME


def count_gates(verilog: str, top: str, folder: Path, *, flatten: bool = True, flags: str = "") -> GateCount:
    """Gate equivalents and depth of `verilog`'s module `top`; `folder` (made) takes the tool's files.

    raises  BadValue, SynthesisError, ToolMissing
    """
    check.one_of("flags", flags, FLAGS)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.v").write_text(verilog)
    assert_sound(folder, "design.v", top)
    how = How(top, flatten, flags, None, ())
    yosys(coarse(how), folder, name="coarse")
    memories = memories_of(folder / "memories.json")
    model = MemoryModel.at(45, 0.9)  # for its smallest macro alone: no figure of it is given
    shapes = {at: shape for at, shape in memories.items() if shape.bits > model.small_bits}
    write_macros(folder, model, sorted(set(shapes.values())), model.voltage)
    log = yosys([*gates(how, shapes), *MAPPED], folder, name="gates")
    cells = json.loads((folder / "gates.json").read_text())["modules"][top]["cells"].values()
    return counted(Counter(str(cell["type"]) for cell in cells), shapes, log.read_text(), flags)


def counted(kinds: Counter[str], shapes: dict[tuple[str, str], Shape], said: str, flags: str) -> GateCount:
    """The GateCount of a flat netlist's cells and of what `ltp` said."""
    bits = {shape.name: shape.bits for shape in shapes.values()}
    depth = DEPTH.findall(said)
    return GateCount(
        equivalents=sum(EQUIVALENTS[kind] * count for kind, count in kinds.items() if kind not in bits),
        sequential=sum(EQUIVALENTS[kind] * count for kind, count in kinds.items() if "DFF" in kind),
        depth=int(depth[-1]) if depth else 0,
        by_kind={kind: count for kind, count in sorted(kinds.items()) if kind not in bits},
        memory_bits=sum(bits[kind] * count for kind, count in kinds.items() if kind in bits),
        flags=flags,
    )
