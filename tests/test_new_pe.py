"""docs/new-pe.md, followed to the letter in a copy of the tree: files, edit, commands, their output."""

import json

import pytest

from tests import guides

pytestmark = pytest.mark.rtl

GUIDE = guides.Guide("new-pe.md", "golden/pe/__init__.py")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return guides.Copy(GUIDE, tmp_path_factory.mktemp("new_pe"))


def test_the_copys_modules_are_those_that_run(copy):
    assert guides.own_modules(copy)


@pytest.mark.parametrize("block", GUIDE.blocks("console"), ids=lambda block: " ".join(block.split()[1:3]))
def test_a_command_does_what_the_document_shows(copy, has, block):
    has("icarus")
    # other figures by another version
    guides.shows(copy, block, every="systola synth" in block or "systola generate" in block)


def test_the_pe_is_smaller_than_a_multiplier(copy):
    ratio = json.loads((copy.tree / "ternary8.json").read_text())["ratios"]["gate equivalents"]
    assert ratio < 0.2


def test_nothing_but_the_new_files_and_the_table_differs(copy):
    made = {path for path in guides.files(copy.tree) if path.startswith(("ternary8/", "ternary8."))}
    assert copy.differing(made) == ([GUIDE.table], [], set())


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
