"""Costs composed of parts: sums, the store, and the error against synthesis of the whole."""

import pytest

from golden.systolic.params import MatrixUnitParams
from hw.emit import verilog
from hw.systolic import array
from sim.tools import ToolMissing
from synth import compose
from synth.compose import PartCost
from synth.flow import Subject, synthesise
from synth.process import SynthesisError
from tests.synth.test_hierarchy import NEST

pytestmark = pytest.mark.rtl

BAR = 0.02  # of an array, which is all cells; a unit's macros are the same in both


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path))
    return tmp_path


def measured(log):
    """A cost of each part by its name's length, noted in `log`."""

    def measure(own):
        log.append(own.part.module)
        return PartCost({"area": float(len(own.part.module))}, {"NAND": (2, 3.0)})

    return measure


def test_the_total_is_each_part_times_its_places():
    found = compose.compose(NEST, "column", measured([]), "a")
    assert found.total.figures == {"area": len("column") + 2 * len("cell_of")}
    assert found.total.kinds == {"NAND": (6, 9.0)}
    assert [line.count for line in found.lines] == [1, 2]


def test_a_part_is_synthesised_once():
    log = []
    assert compose.compose(NEST, "column", measured(log), "a").made == 2
    assert compose.compose(NEST, "column", measured(log), "a").made == 0
    assert sorted(log) == ["cell_of", "column"]


def test_what_it_depends_on_makes_it_anew():
    log = []
    compose.compose(NEST, "column", measured(log), {"target": "ecp5"})
    compose.compose(NEST, "column", measured(log), {"target": "ice40"})
    assert len(log) == 4


def test_progress_tells_each_part():
    told = []
    compose.compose(NEST, "column", measured([]), "a", lambda what, done, total: told.append((total, what)))
    assert {what for total, what in told if total == 2} == {"column", "cell_of"}


def test_a_failing_tools_log_stays(own_cache):
    broken = "module m(input a, output y);\n  assign y = a + ;\nendmodule\n"
    with pytest.raises(SynthesisError, match="ERROR") as caught:
        compose.compose(broken, "m", measured([]), "a")
    log = str(caught.value).rsplit("its log: ", 1)[1]
    assert log.startswith(str(own_cache)) and "syntax error" in open(log).read()


@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_a_composed_array_is_near_the_whole(size):
    try:
        definition = array.definition(MatrixUnitParams(rows=size, cols=size))
        subject = Subject(definition.name, verilog(definition))
        composed, whole = (synthesise(subject, "asic", flatten=flatten) for flatten in (False, True))
    except ToolMissing as missing:
        pytest.skip(str(missing))
    if composed.target != "asic":
        pytest.skip(composed.notes[-1])
    error = composed.figures["area"].value / whole.figures["area"].value - 1
    assert abs(error) <= BAR, f"{error:.1%}"
