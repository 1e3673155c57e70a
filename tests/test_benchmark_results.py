"""A benchmark's result says met or MISSED only of a bar that there is."""

import pytest

from benchmarks.result import Result


@pytest.mark.parametrize("value, bar, at_most, met, begins, shows", [
    (0.9, 0.8, False, True, "met", "bar >= 0.8"), (0.7, 0.8, False, False, "MISSED", "bar >= 0.8"),
    (7.0, 7.0, True, True, "met", "bar <= 7"), (7.1, 7.0, True, False, "MISSED", "bar <= 7"),
    (-5.0, None, False, True, "only", "no bar"), (float("nan"), 0.8, False, False, "MISSED", "bar >= 0.8"),
])  # fmt: skip
def test_a_verdict_is_of_a_bar(value, bar, at_most, met, begins, shows):
    result = Result("ratio", value, bar, "x", "measured here", at_most)
    assert result.met == met and result.line().startswith(begins) and f"({shows})" in result.line()
