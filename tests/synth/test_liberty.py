"""The reader against libraries in the styles of Nangate45, SKY130 and ASAP7, and against Debian's."""

import sys
from pathlib import Path

import pytest

from golden.check import BadValue
from sim.tools import ToolMissing
from synth import boolean
from synth.liberty import Liberty, default_liberty

sys.path.insert(0, str(Path(__file__).parent))
from libraries import AREAS, STYLES, nangate


@pytest.fixture(params=STYLES)
def library(request, tmp_path):
    return Liberty.read(STYLES[request.param](tmp_path))


def test_every_style_says_the_same_of_its_cells(library):
    assert library.cells["NAND2_X1"].area == library.nand2.area == AREAS["NAND2"]
    assert library.cells["NAND2_X1"].inputs == ["A", "B"]
    assert library.cells["INV_X1"].pins["A"].capacitance == pytest.approx(1.5)  # fF, whatever the file's unit
    assert library.cells["DFF_X1"].sequential and not library.cells["NOR2_X1"].sequential
    assert library.cells["DFF_X1"].storage.clock == "CK"
    assert library.buffer.name == "BUF_X1"
    assert library.voltage == 1.1


def test_scan_clock_gates_and_dont_use_are_not_for_the_mapper(library):
    assert library.unusable() == ["CLKGATE_X1", "DONT_X1", "SDFF_X1"]


def test_a_cell_between_supplies_is_no_buffer(tmp_path):
    (path,) = nangate(tmp_path)
    head = "cell (BUF_X1) {\n"
    path.write_text(path.read_text().replace(head, f'{head}  is_isolation_cell : "true";\n'))
    library = Liberty.read(path)
    assert library.buffer is None and "BUF_X1" in library.unusable()


@pytest.mark.parametrize(
    ("style", "time", "tie"), [("nangate", 1.0, "HI"), ("sky130", 1.0, "HI"), ("asap7", 1e-3, None)]
)
def test_units_and_tie_cells(tmp_path, style, time, tie):
    library = Liberty.read(STYLES[style](tmp_path))
    assert library.time_ns == time
    assert library.tie(1) == (("TIE_X1", tie) if tie else None)


def test_debians_library():
    try:
        library = Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))
    assert library.nand2.name == "NAND2X1"
    kinds = {cell.storage.kind for cell in library.cells.values() if cell.storage}
    assert kinds == {"ff", "latch"}
    assert not library.unusable()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.rstrip().rstrip("}"), "not closed"),
        (lambda text: text.replace("area : 2.5", "area : wide"), "NAND2_X1: area is 'wide'"),
        (lambda text: "hello", "does not begin with library"),
        (lambda text: text[: text.index("cell (")] + "}", "without cells"),
        (lambda text: text.replace("cell (INV_X1)", "cell (INV_X1"), "left open"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, damage, said):
    (path,) = nangate(tmp_path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(BadValue, match=r"nangate\.lib") as caught:
        Liberty.read(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadValue, match=r"none.lib is missing"):
        Liberty.read(tmp_path / "none.lib")


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        ("!(A B)", (1, 1, 1, 0)),
        ("(A&B)'", (1, 1, 1, 0)),
        ("A*!B + !A * B", (0, 1, 1, 0)),
        ("A ^ B", (0, 1, 1, 0)),
        ("A + B C", (0, 0, 0, 1, 1, 1, 1, 1)),
        ("A'B", (0, 1, 0, 0)),
        ("1", (1,)),
        ("((A B)+(B C))+(C A)", (0, 0, 0, 1, 0, 1, 1, 1)),
    ],
)
def test_functions_mean_what_liberty_says(function, rows):
    assert boolean.table(function)[1] == rows


@pytest.mark.parametrize("function", ["", "A &", "(A", "A ) B", "A % B"])
def test_what_is_no_function_is_refused(function):
    with pytest.raises(BadValue, match="liberty: function"):
        boolean.parse(function)
