"""docs/new-pe.md, followed to the letter in a copy of the tree: files, edit, commands, their output."""

import filecmp
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.rtl

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "new-pe.md"
ROOMS = ("golden", "hw", "mapping", "sim", "synth", "systola", "tests", "examples", "docs")
MADE = shutil.ignore_patterns("__pycache__", ".*")
TABLE = "golden/pe/__init__.py"


def blocks(language):
    """The document's code blocks of a language, in its order."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


def named(block):
    """(path, text) of a file's block: its first line names it."""
    first, text = block.split("\n", 1)
    return first.removeprefix("# "), text


def edited(text, diff):
    """`text` with a diff's added lines, each behind the line that the diff shows before it."""
    behind = None
    for line in diff.splitlines():
        if line.startswith("+"):
            assert text.count(f"\n{behind}\n") == 1, f"{TABLE} has no line, or several: {behind}"
            text = text.replace(f"\n{behind}\n", f"\n{behind}\n{line[1:]}\n")
        behind = line[1:]
    return text


def files(folder):
    """Paths under `folder`, without what Python and pytest leave."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if not any(part.startswith((".", "__pyc")) for part in path.parts)}


class Copy:
    """The tree as it was, `before`, and as the document has it."""

    def __init__(self, folder):
        self.before, self.tree = folder / "before", folder / "tree"
        for room in ROOMS:
            shutil.copytree(ROOT / room, self.before / room, ignore=MADE)
        shutil.copy(ROOT / "pyproject.toml", self.before)
        shutil.copytree(self.before, self.tree)
        self.written = dict(named(block) for block in (*blocks("python"), *blocks("toml")))
        for path, text in self.written.items():
            assert not (self.tree / path).exists(), f"{path} is there already"
            (self.tree / path).write_text(text)
        (diff,) = blocks("diff")
        table = self.tree / TABLE
        table.write_text(edited(table.read_text(), diff))

    def run(self, command):
        """A command in the copy, whose modules come before the installed ones."""
        bin_folder = str(Path(sys.executable).parent)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= {
            "PYTHONPATH": str(self.tree),
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "COLUMNS": "80",
        }
        return subprocess.run(
            shlex.split(command), cwd=self.tree, env=environment, capture_output=True, text=True, timeout=300
        )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("new_pe"))


def comparable(line, *, every=False):
    """A line without what differs from run to run: seconds, what is left out; every: any number."""
    return " ".join(re.sub(r"[\d,.]*\d" if every else r"\d+\.\d+|\d+(?= deselected)", "#", line).split())


def test_the_copys_modules_are_those_that_run(copy):
    rooms = ROOMS[:6]
    program = f"import {', '.join(rooms)}\nfor room in ({', '.join(rooms)}): print(room.__file__)"
    found = copy.run(f"python -c {shlex.quote(program)}")
    assert found.stdout.split() == [str(copy.tree / room / "__init__.py") for room in rooms], found.stderr


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: " ".join(block.split()[1:3]))
def test_a_command_does_what_the_document_shows(copy, has, block):
    has("icarus")
    command, *shown = block.removeprefix("$ ").splitlines()
    found = copy.run(command)
    assert found.returncode == 0, found.stdout + found.stderr
    lines = found.stdout.splitlines()
    if shown and shown[-1] == "...":
        shown, lines = shown[:-1], lines[: len(shown) - 1]
    every = "synth" in command or "generate" in command  # other figures by another version
    assert [comparable(line, every=every) for line in lines] == [
        comparable(line, every=every) for line in shown
    ]


def test_the_pe_is_smaller_than_a_multiplier(copy):
    ratio = json.loads((copy.tree / "ternary8.json").read_text())["ratios"]["gate equivalents"]
    assert ratio < 0.2


def test_nothing_but_the_new_files_and_the_table_differs(copy):
    made = {path for path in files(copy.tree) if path.startswith(("ternary8/", "ternary8."))}
    assert files(copy.tree) - made | {"ternary8.toml"} == files(copy.before) | set(copy.written)
    _, changed, lost = filecmp.cmpfiles(copy.before, copy.tree, files(copy.before), shallow=False)
    assert (changed, lost) == ([TABLE], [])


def test_a_wrong_line_of_rtl_fails_the_bench(copy, has):
    """-1 adds the activation, less one."""
    has("icarus")
    path = copy.tree / "hw/pe/ternary.py"
    right = path.read_text()
    assert right.count("Mux(negative, ~value, value)") == 1
    path.write_text(right.replace("Mux(negative, ~value, value)", "Mux(negative, value, value)"))
    try:
        found = copy.run("systola test pe/ternary --sim icarus")
    finally:
        path.write_text(right)
    assert found.returncode == 1 and "golden 0x" in found.stderr, found.stdout + found.stderr
