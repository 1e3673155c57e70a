"""The campaign's own parts: that it sees what is wrong. Its cases run in tests/campaign/test_cases.py."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.campaign.cases import KINDS, draw
from tests.campaign.judge import difference, judge
from tests.campaign.operators import OPERATORS

DESIGN = Path(__file__).parents[2] / "examples" / "ws16_int8.toml"


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_is_a_case(kind):
    first, second = draw(kind, 5), draw(kind, 5)
    assert first.data == second.data
    assert first.wanted.keys() == second.wanted.keys()
    for name, value in first.wanted.items():
        np.testing.assert_array_equal(value, second.wanted[name])


def test_every_operator_can_be_drawn():
    drawn = {name for seed in range(len(OPERATORS)) for name in draw("operator", seed).operators}
    assert set(OPERATORS) <= drawn


def test_a_value_beyond_the_bar_is_wrong():
    case = draw("operator", list(OPERATORS).index("Relu"))
    (name,) = case.wanted
    want = case.wanted[name]
    assert difference(case, name, want, want) == (0.0, "")
    found = want.copy()
    found.flat[0] += 3 * np.abs(want).max() + 1
    assert difference(case, name, want, found)[1]


@pytest.mark.parametrize(
    "spoilt", [lambda v: v[..., None], lambda v: v.astype(np.float64), lambda v: v * np.nan]
)
def test_shape_type_and_nan_are_wrong(spoilt):
    case = draw("operator", 0)
    (name,) = case.wanted
    assert difference(case, name, case.wanted[name], spoilt(case.wanted[name]))[1]


def test_an_answer_that_differs_from_systolas_is_wrong():
    """The judge would see it if Systola gave twice what is right."""
    case = draw("operator", list(OPERATORS).index("MatMul"))
    halved = replace(case, wanted={name: value * 2 for name, value in case.wanted.items()})
    assert judge(case, DESIGN).outcome == "taken"
    assert judge(halved, DESIGN).outcome == "wrong"


def test_a_refusal_that_names_nothing_of_the_users_is_told_apart(monkeypatch):
    from golden.check import BadValue
    from tests.campaign import judge as judging

    def refuse(*_):
        raise BadValue("something is wrong; allowed: what is right")

    monkeypatch.setattr(judging, "systolas", refuse)
    assert judge(draw("operator", 0), DESIGN).outcome == "unnamed"
