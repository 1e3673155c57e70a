"""One name, one thing: a class of one room has a name of its own among the classes of all rooms.

What a contract asks of every module of its table has one name in all of them, since it is one thing.
"""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("golden", "hw", "mapping", "sim", "synth", "systola")
CONTRACTS = {  # what has the name, and the folder that all modules with it are in
    "Pe": "hw/pe/",  # golden.pe
    "RowUnit": "hw/pe/",
    "ColumnUnit": "hw/pe/",
    "Operands": "golden/",  # golden.blocks
    "Timing": "golden/accelerator/units/",
    "State": "golden/accelerator/units/",
    "Bench": "sim/benches/",
}


def classes() -> dict[str, list[str]]:
    """The files that define a class of each name."""
    found = defaultdict(list)
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
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
