"""A guide of docs/, followed to the letter in a copy of the tree: files, a table, commands, their output."""

import filecmp
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("golden", "hw", "mapping", "sim", "synth", "systola", "tests", "examples", "docs")
PACKAGES = ROOMS[:6]
MADE = shutil.ignore_patterns(".*")  # what Python compiled comes along, or each copy compiles all anew


class Guide:
    """A document and the table that it edits."""

    def __init__(self, document: str, table: str):
        self.text, self.table = (ROOT / "docs" / document).read_text(), table

    def blocks(self, language):
        """The document's code blocks of a language, in its order."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL)

    def edited(self, text):
        """The table with the document's added lines, each behind the line that the diff shows before it."""
        (diff,) = self.blocks("diff")
        behind = None
        for line in diff.splitlines():
            if line.startswith("+"):
                assert text.count(f"\n{behind}\n") == 1, f"{self.table} has no line, or several: {behind}"
                text = text.replace(f"\n{behind}\n", f"\n{behind}\n{line[1:]}\n")
            behind = line[1:]
        return text


def named(block):
    """(path, text) of a file's block: its first line names it."""
    first, text = block.split("\n", 1)
    return first.removeprefix("# "), text


def files(folder):
    """Paths under `folder`, without what Python and pytest leave."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if not any(part.startswith((".", "__pyc")) for part in path.parts)}


class Copy:
    """The tree as it was, `before`, and as the guide has it."""

    def __init__(self, guide, folder):
        self.before, self.tree = folder / "before", folder / "tree"
        for room in ROOMS:
            shutil.copytree(ROOT / room, self.before / room, ignore=MADE)
        shutil.copy(ROOT / "pyproject.toml", self.before)
        shutil.copytree(self.before, self.tree)
        self.written = dict(named(block) for block in (*guide.blocks("python"), *guide.blocks("toml")))
        for path, text in self.written.items():
            assert not (self.tree / path).exists(), f"{path} is there already"
            (self.tree / path).write_text(text)
        table = self.tree / guide.table
        table.write_text(guide.edited(table.read_text()))

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
            shlex.split(command), cwd=self.tree, env=environment, capture_output=True, text=True, timeout=900
        )

    def differing(self, made):
        """Files that are there no more or are other ones, and those that nobody wrote; made: by commands."""
        _, changed, lost = filecmp.cmpfiles(self.before, self.tree, files(self.before), shallow=False)
        return changed, lost, files(self.tree) - files(self.before) - set(self.written) - made


def comparable(line, *, every=False):
    """A line without what differs from run to run: seconds, what is left out; every: any number."""
    return " ".join(re.sub(r"[\d,.]*\d" if every else r"\d+\.\d+|\d+(?= deselected)", "#", line).split())


def shows(copy, block, *, every=False):
    """Run a console block's command and hold its output against the block's."""
    command, *shown = block.removeprefix("$ ").splitlines()
    found = copy.run(command)
    assert found.returncode == 0, found.stdout + found.stderr
    lines = found.stdout.splitlines()
    if shown and shown[-1] == "...":
        shown, lines = shown[:-1], lines[: len(shown) - 1]
    assert [comparable(line, every=every) for line in lines] == [
        comparable(line, every=every) for line in shown
    ]


def own_modules(copy):
    """Whether the copy's modules are those that run in it."""
    program = f"import {', '.join(PACKAGES)}\nfor room in ({', '.join(PACKAGES)}): print(room.__file__)"
    found = copy.run(f"python -c {shlex.quote(program)}")
    return found.stdout.split() == [str(copy.tree / room / "__init__.py") for room in PACKAGES]
