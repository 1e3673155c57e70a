"""The best of all ways meets the period with the least area; where none does, it is said."""

from functools import cache

import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from hw.emit import verilog
from hw.pe import definition
from sim.tools import ToolMissing
from synth.liberty import Liberty, default_liberty
from synth.sweep import smallest_at
from synth.timing import find_sta

pytestmark = pytest.mark.rtl

SMALL = MultiplierParams(weight=Int(4), activation=Int(4), group=256, registers=0)


@pytest.fixture(scope="module")
def library():
    try:
        find_sta()
        return Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def swept(library, tmp_path_factory):
    top = definition(SMALL)
    folder = tmp_path_factory.mktemp("sweep")

    @cache
    def at(period):
        return smallest_at(verilog(top), top.name, library, folder, period, targets=(1.0,))

    return at


def test_the_best_meets_the_period_and_is_the_least(swept):
    found = swept(100.0)
    assert {one.way.flags for one in found.tried} == {"", "noalumacc", "booth"}
    assert {one.way.aim for one in found.tried} == {"area", "balanced", "speed"}
    assert all(one.met for one in found.tried)
    assert found.best.mapped.area_um2 == min(one.mapped.area_um2 for one in found.tried)
    assert set(found.by_flags) == {"default", "noalumacc", "booth"}


def test_a_period_between_the_ways_leaves_the_slow_ones_out(swept):
    delays = sorted(one.timing.delay_ns for one in swept(100.0).tried)
    found = swept((delays[0] + delays[-1]) / 2)
    assert any(one.met for one in found.tried) and not all(one.met for one in found.tried)
    assert found.best.met
    assert found.best.timing.slack_ns >= 0


def test_where_none_meets_the_period_there_is_no_best(swept):
    found = swept(0.1)
    assert found.best is None
    assert found.fastest.timing.delay_ns == min(one.timing.delay_ns for one in found.tried)


def test_a_period_of_nothing_is_refused(library, tmp_path):
    with pytest.raises(BadValue, match="period_ns is 0"):
        smallest_at("", "t", library, tmp_path, 0)
