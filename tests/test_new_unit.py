"""docs/new-unit.md, followed to the letter in a copy of the tree: files, a line, commands, their output."""

import pytest

from tests import guides

pytestmark = pytest.mark.rtl

GUIDE = guides.Guide("new-unit.md", "golden/accelerator/units/__init__.py")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return guides.Copy(GUIDE, tmp_path_factory.mktemp("new_unit"))


def test_the_copys_modules_are_those_that_run(copy):
    assert guides.own_modules(copy)


@pytest.mark.parametrize("block", GUIDE.blocks("console"), ids=lambda block: " ".join(block.split()[1:3]))
def test_a_command_does_what_the_document_shows(copy, has, block):
    has("icarus")
    has("verilator")
    guides.shows(copy, block)


def test_the_page_of_the_commands_has_it(copy):
    found = copy.run("python -m golden.accelerator.assembler")
    assert "| transpose | 5 |" in found.stdout and "## TRANSPOSE (0x60, transpose)" in found.stdout


def test_nothing_but_the_new_files_and_a_line_of_the_table_differs(copy):
    assert copy.differing({"turning.onnx"}) == ([GUIDE.table], [], set())
    before, after = ((tree / GUIDE.table).read_text() for tree in (copy.before, copy.tree))
    assert after.count("\n") == before.count("\n") + 1


def test_a_wrong_line_of_rtl_fails_the_bench(copy, has):
    """A tile's words, but from its first one on."""
    has("icarus")
    path = copy.tree / "hw/accelerator/units/transpose.py"
    right = path.read_text()
    assert right.count("word.stride_0.eq(-stride)") == 1
    path.write_text(right.replace("word.stride_0.eq(-stride)", "word.stride_0.eq(stride)"))
    try:
        found = copy.run("systola test accelerator/units/transpose --sim icarus")
    finally:
        path.write_text(right)
    assert found.returncode == 1 and "golden" in found.stderr, found.stdout + found.stderr
