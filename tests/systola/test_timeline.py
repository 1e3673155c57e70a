"""The timeline of the units: the shares of a picture's columns are those of the intervals."""

import re

import numpy as np
import pytest

from mapping.result import CAUSES
from systola.report import svg, timeline


def intervals(seed, most_pause, most_work, count=50):
    random, found, now = np.random.default_rng(seed), [], 0
    for _ in range(count):
        first = now + int(random.integers(1, most_pause))
        now = first + int(random.integers(1, most_work))
        found.append((first, now))
    return found, now + 10


@pytest.mark.parametrize(("pause", "work"), [(30, 40), (3, 300), (300, 3)])
def test_a_column_a_cycle_is_the_level_itself(pause, work):
    found, cycles = intervals(1, pause, work)
    level = np.zeros(cycles)
    for first, end in found:
        level[first:end] = 1
    np.testing.assert_allclose(timeline.shares(found, cycles, cycles), level, atol=1e-9)


@pytest.mark.parametrize("bins", [1, 7, 97, 480])
def test_columns_together_cover_what_the_intervals_do(bins):
    found, cycles = intervals(2, 20, 60)
    covered = timeline.shares(found, cycles, bins).sum() * cycles / bins
    assert covered == pytest.approx(sum(end - first for first, end in found))


def test_no_interval_is_nothing():
    assert not timeline.shares([], 100, 10).any()


def test_every_unit_has_a_lane_with_its_share():
    run = {"cycles": 200, "busy": {"load": [(0, 50)], "store": []}, "waiting": {"store": [(20, 120)]}}
    picture = timeline.draw(run)
    assert "25.0 %" in picture and "0.0 %" in picture and picture.count('class="board"') == 2
    assert svg.standalone(picture).startswith("<svg")


def test_the_losses_are_one_bar():
    shares = dict(zip(CAUSES, (0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.03, 0.02), strict=True))
    drawn = timeline.losses({"losses": shares})
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="22"', drawn)]
    assert sum(widths) == pytest.approx(timeline.WIDTH, abs=0.1)
