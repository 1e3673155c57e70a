"""Which way the whole is mapped in: the smallest that has the clock."""

import pytest

from synth import asic_flow
from synth.result import Subject

PERIOD = 10.0
WHOLE = Subject("top", "")


def way(flags, aim, area, delay, used=False):
    return {"flags": flags, "aim": aim, "target_ns": PERIOD, "area": area, "delay_ns": delay,
            "met": delay <= PERIOD, "used": used}  # fmt: skip


WAYS = [way("", "area", 9, 11), way("booth", "area", 5, 9, used=True), way("", "balanced", 8, 7),
        way("booth", "balanced", 7, 8), way("", "speed", 20, 4), way("booth", "speed", 21, 3)]  # fmt: skip


@pytest.fixture
def whole(monkeypatch):
    """Sets how long the whole's slowest path is in each way; gives the ways it is tried in."""
    tried = []

    def given(delays):
        def clock(subject, liberty, files, how, period):
            tried.append((how["flags"], how["aim"]))
            return {"figures": {"longest path": {"value": delays[how["aim"]]}}}

        monkeypatch.setattr(asic_flow, "clock", clock)
        return tried

    return given


def reached(period=PERIOD, ways=WAYS):
    how, timed = asic_flow.reaching(WHOLE, None, [], ways, period)
    return how["flags"], how["aim"], timed["figures"]["longest path"]["value"]


def test_the_pes_way_is_kept_where_the_whole_has_the_clock(whole):
    tried = whole({"area": 10.0, "balanced": 7, "speed": 5})
    assert reached() == ("booth", "area", 10.0) and tried == [("booth", "area")]


def test_a_quicker_way_is_taken_where_it_has_not(whole):
    tried = whole({"area": 10.5, "balanced": 9.5, "speed": 5})
    assert reached() == ("booth", "balanced", 9.5) and len(tried) == 2


def test_where_none_has_it_the_nearest_is_taken(whole):
    tried = whole({"area": 14, "balanced": 12, "speed": 13})
    assert reached() == ("booth", "balanced", 12)
    assert tried == [("booth", "area"), ("booth", "balanced"), ("", "speed")]


def test_without_a_clock_it_is_the_least_area(whole):
    tried = whole({"area": 99.0})
    assert reached(period=None) == ("booth", "area", 99.0) and len(tried) == 1


def test_a_design_without_a_pe_has_every_aim(whole):
    tried = whole({"area": 12, "balanced": 11, "speed": 9})
    assert reached(ways=[]) == ("", "speed", 9)
    assert [aim for _, aim in tried] == ["area", "balanced", "speed"]


def test_power_at_a_clock_that_is_not_had_is_told():
    burnt, slow = {"figures": {"power": 1}}, {"figures": {"fmax": {"value": 90.0}}}
    assert asic_flow.too_fast(slow, burnt, 100.0) == [asic_flow.TOO_FAST]
    assert asic_flow.too_fast(slow, burnt, 90.0) == asic_flow.too_fast(slow, {"figures": {}}, 100.0) == []
