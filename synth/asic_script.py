"""Yosys' commands for synth.asic, and the files that they need."""

from dataclasses import dataclass
from pathlib import Path

from sim import quote
from synth import macros
from synth.liberty import Liberty
from synth.memories import MemoryModel, Shape

FLAGS = ("", "noalumacc", "booth")  # the ways in which Yosys builds a multiplier
NETLIST_V = "netlist.v"
NETLIST_JSON = "netlist.json"
HIERARCHY = "hierarchy.json"  # mapped, before it is flattened
MODELS = "macros.v"
MACRO_LIBERTY = "macros.lib"
LENIENT = "-ignore_miss_func -ignore_miss_dir -ignore_miss_data_latch"
# Yosys' own scripts without their unbounded SAT sweeps (`&fraig -x`, `scorr`), which take many minutes for
# the two products of a requantiser. "area" looks at no delay until gates are sized: its cells are a quarter
# smaller than those of "balanced", Yosys' own way, and do not depend on how deep what stands beside them is,
# which a part of a composition does not know. "speed" restructures for depth first (`if -g`).
SWEEP = "strash; ifraig -C 10; scorr -C 10; dc2; strash;"
SCRIPTS = {
    "area": f"{SWEEP} dch -f -C 10; amap;",
    "balanced": f"{SWEEP} &get -n; &dch -f -C 10; &nf {{D}}; &put;",
    "speed": f"{SWEEP} if -g -K 6; strash; dch -f; map -B 0.9 {{D}}; topo;",
}
SIZE = " buffer -c; upsize {D}; dnsize {D}; stime -p"
RELAXED_PS = 1_000_000  # what "area" sizes gates for where no period is asked for: none of them need be large
LOAD = 4  # what an output drives, in input pins of the buffer that sizing starts from


@dataclass(frozen=True, slots=True)
class How:
    """The options of synth.asic.map_asic."""

    top: str
    flatten: bool
    flags: str
    period_ns: float | None
    dont_use: tuple[str, ...]
    aim: str = "area"

    def synth(self, steps: str) -> str:
        words = ["synth", "-top", quote.yosys(self.top), "-noabc", *(["-flatten"] if self.flatten else [])]
        return " ".join([*words, *([f"-{self.flags}"] if self.flags else []), "-run", steps])


def coarse(how: How) -> list[str]:
    """Up to words and memories; and which memories there are."""
    read = ["read_verilog -sv design.v", f"hierarchy -check -top {quote.yosys(how.top)}"]
    keep = ["write_rtlil coarse.il", "select t:$mem_v2", "write_json -selected memories.json"]
    return [*read, how.synth("coarse:fine"), *keep]


def fine(how: How, shapes: dict[tuple[str, str], Shape], liberty: Liberty, folder: Path) -> list[str]:
    """From there to the mapped netlist in its files."""
    commands = [*gates(how, shapes), *cells(how, liberty, folder)]
    if not how.flatten:
        commands += [f"write_json {HIERARCHY}", "flatten -noscopeinfo", "opt_clean -purge"]
    # without what the files need not say: they are many times as large with it
    bare = "setattr -unset src -unset hdlname -unset keep t:* w:*"
    commands += ["splitnets", "opt_clean -purge", bare, f"write_json {NETLIST_JSON}"]
    return [*commands, f"write_verilog -noattr -noexpr -nohex {NETLIST_V}", "check -mapped -assert"]


def gates(how: How, shapes: dict[tuple[str, str], Shape]) -> list[str]:
    """From words to Yosys' own gates and flip-flops, the memories of `shapes` to macros."""
    commands = ["read_rtlil coarse.il"]
    if shapes:
        commands.append("read_verilog -lib macro_stubs.v")
        commands += [styled(module, cell, shape) for (module, cell), shape in shapes.items()]
        commands += [
            "memory_libmap -lib macro_choice.txt -no-auto-block",
            "techmap -map macro_map.v",
            "opt_clean",
        ]
    return [*commands, how.synth("fine:check")]


def styled(module: str, cell: str, shape: Shape) -> str:
    """Make one memory ask for its own macro: without that, memory_libmap would take any that it fits into."""
    return f'setattr -set ram_style "{quote.yosys(shape.name)}" {quote.yosys(f"{module}/{cell}")}'


def cells(how: How, liberty: Liberty, folder: Path) -> list[str]:
    """Flip-flops and logic to the Liberty's cells, each with a name of its own."""
    files = " ".join(f"-liberty {quote.yosys(name)}" for name in liberty.plain(folder))
    names = [*map(quote.yosys, liberty.unusable()), *how.dont_use]
    unused = " ".join(f"-dont_use {name}" for name in names)
    size = sizing(liberty, folder)
    # in the command, not in a file: Yosys would write the file's path, blanks and all, into a script of ABC
    inline = script(how, bool(size)).replace(" ", ",")
    commands = [f"dfflibmap {unused} {files}", "opt", f"abc {files} {unused} {size} -script +{inline}"]
    commands += ["opt_clean -purge", "setundef -zero", *ties(liberty)]
    # which of a cell's pins are outputs: for names after the nets they drive, and for what reads the JSON
    commands += [
        f"read_liberty -lib -overwrite {LENIENT} {quote.yosys(name)}" for name in liberty.plain(folder)
    ]
    return [*commands, "rename -wire -suffix _cell", "rename -enumerate", "rename -unescape t:*"]


def script(how: How, sized: bool) -> str:
    """ABC's commands; Yosys fills in the period in its own scripts alone."""
    period = "" if how.period_ns is None else f"-D {max(1, round(how.period_ns * 1000))}"
    if how.period_ns is None and how.aim == "area":
        period = f"-D {RELAXED_PS}"
    return (SCRIPTS[how.aim] + (SIZE if sized else "")).replace("{D}", period)


def sizing(liberty: Liberty, folder: Path) -> str:
    """The driver of ABC's inputs and the load of its outputs, so that it sizes cells; nothing without a
    buffer."""
    buffer = liberty.buffer
    if buffer is None:
        return ""
    load = LOAD * buffer.pins[buffer.inputs[0]].capacitance
    name = quote.yosys(buffer.name)  # ABC reads words as Yosys does
    (folder / "abc.constr").write_text(f"set_driving_cell {name}\nset_load {load:.3f}\n")
    return "-constr abc.constr"


def ties(liberty: Liberty) -> list[str]:
    """Constants by the library's tie cells; where it has none they stay constants at the pins."""
    high, low = liberty.tie(1), liberty.tie(0)
    if not (high and low):
        return []
    cell, pin, other, its = map(quote.yosys, (*high, *low))
    return [f"hilomap -hicell {cell} {pin} -locell {other} {its}"]


def write_macros(folder: Path, model: MemoryModel | None, shapes: list[Shape], voltage: float) -> None:
    """The macros' files, where there are any."""
    if not (shapes and model):
        return
    figures = {shape: model.figures(shape) for shape in shapes}
    (folder / "macro_choice.txt").write_text(macros.library(shapes))
    (folder / "macro_map.v").write_text("".join(map(macros.techmap, shapes)))
    (folder / "macro_stubs.v").write_text("".join(map(macros.stub, shapes)))
    (folder / MODELS).write_text("".join(map(macros.behaviour, shapes)))
    (folder / MACRO_LIBERTY).write_text(macros.liberty(figures, voltage))
