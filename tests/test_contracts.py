"""Only the tables of families, units and PEs know their names: no other module asks which one a design has.

A question is a comparison with a name of a family, a unit or a PE, an isinstance of a kind of design, of
block or of PE, or whether a design has an accelerator; an assert is none, nor is a bench's.
"""

import ast
from pathlib import Path

import pytest

from golden.accelerator.units import UNITS
from golden.blocks import BLOCKS
from golden.pe import PES

ROOT = Path(__file__).parents[1]
ROOMS = ("golden", "hw", "mapping", "sim", "synth", "systola")
FAMILIES = ("systolic", "tile", "accelerator")
KINDS = {"Target", "TileTarget", "AcceleratorParams"} | {
    module.Params.__name__ for module in (*PES.values(), *BLOCKS.values())
}
TABLES = {"golden/pe/__init__.py", "golden/blocks.py", "mapping/target.py", "systola/design_file.py"}
OTHERWISE = {"synth/place.py": ["kind == 'lut'"]}  # what only looks like a question: a LUT of an FPGA


def asked(tree: ast.Module) -> list[str]:
    """The questions of a module, as text."""
    asserted = {each for node in ast.walk(tree) if isinstance(node, ast.Assert) for each in ast.walk(node)}
    return [ast.unparse(node) for node in ast.walk(tree) if is_question(node) and node not in asserted]


def is_question(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        if any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            return any(isinstance(each, ast.Attribute) and each.attr == "accelerator" for each in sides)
        if any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops):
            return any(names_one(each) for each in sides)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
        return any(isinstance(each, ast.Name) and each.id in KINDS for each in ast.walk(node.args[1]))
    if isinstance(node, ast.If | ast.IfExp):
        test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
        return isinstance(test, ast.Attribute) and test.attr == "accelerator"
    return False


def names_one(node: ast.AST) -> bool:
    """Whether a literal names a family, a unit or a PE: "tile", ("matrix", "vector")."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(names_one(each) for each in node.elts)
    return isinstance(node, ast.Constant) and node.value in (*FAMILIES, *UNITS, *PES)


def found() -> dict[str, list[str]]:
    """The questions of each module that is no table and no bench."""
    questions = {}
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
        name = str(path.relative_to(ROOT))
        if name not in TABLES and not name.startswith("sim/benches/"):
            every = asked(ast.parse(path.read_text()))
            questions[name] = [text for text in every if text not in OTHERWISE.get(name, [])]
    return {name: each for name, each in questions.items() if each}


def test_no_module_outside_the_tables_asks_for_a_family_a_unit_or_a_pe():
    questions = found()
    assert not questions, "\n".join(f"{name}: {'; '.join(each)}" for name, each in questions.items())


def test_what_the_mapper_compares_is_no_kind():
    """So that `kind` is a unit's or a PE's alone: forms, curves, opcodes and types have their own names."""
    compared = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in sorted((ROOT / "mapping").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Compare)
        if any(isinstance(each, ast.Name) and each.id in ("kind", "kinds") for each in ast.walk(node))
    ]  # fmt: skip
    assert not compared, "\n".join(compared)


@pytest.mark.parametrize("text", [
    'design.family == "tile"', 'kind_of(p) != "multiplier"', 'unit in ("matrix", "store")',
    "isinstance(design, TileTarget)", "isinstance(p, MixPeParams)", "isinstance(design, Target | TileTarget)",
    "target.accelerator is not None", "1 if target.accelerator else 0",
])  # fmt: skip
def test_a_question_is_seen(text):
    assert len(asked(ast.parse(text))) == 1 and not asked(ast.parse(f"assert {text}"))


@pytest.mark.parametrize("text", ['part == "pe"', 'kind == "byte"', "isinstance(x, int)", 'made["tile"]'])
def test_what_is_no_question_is_not(text):
    assert not asked(ast.parse(text))
