"""The house: which room may import which, that a block has the same place in each of them, and a class a name
of its own.

    golden knows nobody; hw and mapping know golden; sim knows hw and golden; synth knows
    what makes and runs Verilog: golden, hw, sim; systola joins them all.
"""

import ast
import importlib
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KNOWS = {
    "golden": set(),
    "hw": {"golden"},
    "mapping": {"golden"},
    "sim": {"hw", "golden"},
    "synth": {"golden", "hw", "sim"},
    "systola": {"golden", "hw", "mapping", "sim", "synth"},
}
CONTRACTS = {  # names of classes that a contract asks of every module of its table, and the folder of these
    "Pe": "hw/pe/",  # golden.pe
    "RowUnit": "hw/pe/",
    "ColumnUnit": "hw/pe/",
    "Operands": "golden/",  # golden.blocks
    "Timing": "golden/accelerator/units/",
    "State": "golden/accelerator/units/",
    "Bench": "sim/benches/",
}
HDL = {"amaranth", "cocotb", "cocotb_tools"}
MAY_USE_HDL = {"hw", "sim", "synth", "systola"}


def modules(room: str) -> dict[str, Path]:
    """{"golden.systolic.words": its file}, packages without __init__."""
    files = sorted((ROOT / room).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    return {name.removesuffix(".__init__"): path for name, path in zip(names, files, strict=True)}


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, in functions too; `from a import b` gives a and a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


@pytest.mark.parametrize("room", KNOWS)
def test_rooms_import_only_what_they_may(room):
    strangers = set(KNOWS) - KNOWS[room] - {room}
    wrong = [
        f"{name} imports {each}"
        for name, path in modules(room).items()
        for each in imports(path)
        if each.split(".")[0] in strangers | {"tests", "benchmarks"}
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("room", sorted(set(KNOWS) - MAY_USE_HDL))
def test_rooms_without_hardware_name_no_hdl(room):
    for name, path in modules(room).items():
        assert not {each.split(".")[0] for each in imports(path)} & HDL, name


@pytest.mark.parametrize("room", ["golden", "mapping"])
def test_importing_all_of_a_room_loads_no_hdl(room):
    code = f"""
import importlib, sys
for name in {sorted(modules(room))!r}:
    importlib.import_module(name)
print(sorted({{name.split(".")[0] for name in sys.modules}} & {HDL | {"hw", "sim", "synth", "systola"}!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_golden_needs_nothing_but_numpy():
    allowed = {"golden", "numpy", *sys.stdlib_module_names}
    used = {each.split(".")[0] for path in modules("golden").values() for each in imports(path)}
    assert used <= allowed, used - allowed


def in_rooms(house: str) -> dict[str, Path]:
    """Modules that stand in a room of a house, by their mirrored path: {"vector.requantise": file}."""
    named = {name.split(".", 1)[1]: path for name, path in modules(house).items() if name.count(".") >= 2}
    return {name: path for name, path in named.items() if path.name != "__init__.py"}


def benches() -> dict[str, Path]:
    """Bench modules with cases, by the path of their block; what stands in no room is no block."""
    rooms = {name.removeprefix("benches."): path for name, path in in_rooms("sim").items()}
    return {name: path for name, path in rooms.items() if "." in name and "\nCASES" in path.read_text()}


def parts_of(block: str) -> set[str]:
    """Paths, below hw, of all modules that the module of a block imports, and they in turn."""
    files, found, waiting = modules("hw"), set(), [f"hw.{block}"]
    while waiting:
        name = waiting.pop()
        if name in files and name not in found:
            found.add(name)
            waiting += imports(files[name])
    return {name.split(".", 1)[1] for name in found if "." in name}


def owner(block: str) -> str:
    """The block that golden has: "pe.bitmod" of its part "pe.bitmod_column"."""
    whole = block.rsplit("_", 1)[0]
    return whole if block not in in_rooms("golden") and whole in in_rooms("golden") else block


def test_every_bench_has_its_block_in_golden_and_hw():
    """Or its block's part; or, where it proves more of a block, takes that block's cases from its bench."""
    own = {f"sim.benches.{block}" for block in set(benches()) & set(in_rooms("hw"))}
    for block, path in benches().items():
        assert owner(block) in in_rooms("golden"), f"golden has no {block}"
        assert block in in_rooms("hw") or imports(path) & own, f"hw has no {block}"


def test_every_hw_module_of_a_room_is_a_block_with_a_bench_or_a_part_of_one():
    proven = set().union(*(parts_of(block) for block in benches()))
    unproven = set(in_rooms("hw")) - proven
    assert not unproven, f"no bench reaches {sorted(unproven)}"


def test_every_pe_of_the_table_has_hardware_and_a_bench():
    from golden.pe import PES

    for kind in PES:
        assert importlib.import_module(f"hw.pe.{kind}").Pe
        assert f"pe.{kind}" in benches()


def classes() -> dict[str, list[str]]:
    """The files that define a class of each name."""
    found = defaultdict(list)
    for path in (path for room in KNOWS for path in modules(room).values()):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(ROOT)))
    return found


def test_no_two_modules_have_a_class_of_one_name():
    several = {name: paths for name, paths in classes().items() if len(paths) > 1 and name not in CONTRACTS}
    assert not several, "\n".join(f"{name}: {', '.join(paths)}" for name, paths in several.items())


def test_names_of_contracts_are_theirs_alone():
    found = classes()
    strays = [p for name, room in CONTRACTS.items() for p in found[name] if not p.startswith(room)]
    assert not strays, strays
