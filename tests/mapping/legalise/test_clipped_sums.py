"""A sum that reaches far beyond the bounds behind it keeps 16 bits."""

import numpy as np
import pytest

from tests.campaign.builder import Builder
from tests.campaign.cases import finished
from tests.campaign.judge import judge
from tests.campaign.test_campaign import DESIGN

ACCELERATOR = DESIGN.with_name("accelerator16_int8.toml")


@pytest.mark.parametrize("engine", ["model", "golden"])
@pytest.mark.parametrize("operator", ["Add", "Sub"])
def test_a_clip_of_a_wide_sum(engine, operator):
    b = Builder(np.random.default_rng(2))
    x = b.input(b.random.uniform(-0.3, 0.3, (1, 7, 3, 17)).astype(np.float32))
    row = b.constant(np.linspace(-16, 16, 17).astype(np.float32))
    wide = b.node(operator, [x, row])
    y = b.node("Clip", [wide, b.constant(np.float32(-1)), b.constant(np.float32(1))])
    outcome = judge(finished("network", 0, b, [y]), ACCELERATOR, engine)
    assert outcome.outcome == "taken" and outcome.error < 0.01, outcome


@pytest.mark.parametrize("engine", ["model", "golden"])
def test_a_row_over_a_tensor_of_a_wide_range(engine):
    b = Builder(np.random.default_rng(2))
    x = b.input(b.random.uniform(-40, 40, (32, 32)).astype(np.float32))
    below = b.node("Add", [b.node("Abs", [x]), b.constant(np.float32(0.5))])
    y = b.node("Div", [b.constant(b.values[below].copy()), below])
    outcome = judge(finished("network", 0, b, [y]), ACCELERATOR, engine)
    assert outcome.outcome == "taken" and outcome.error < 0.03, outcome


def test_a_chain_that_is_constant_for_random_numbers_is_no_softmax():
    b = Builder(np.random.default_rng(2))
    x = b.input(b.random.standard_normal((1, 5, 16, 5)).astype(np.float32))
    hard = b.node("Hardmax", [x], axis=-1)
    y = b.node("LogSoftmax", [hard], axis=1)
    outcome = judge(finished("network", 0, b, [y]), ACCELERATOR)
    assert outcome.outcome == "taken" and outcome.error < 0.01, outcome


def test_steps_behind_a_root_are_no_normalisation():
    b = Builder(np.random.default_rng(2))
    x = b.input(b.random.uniform(-40, 40, (5, 23)).astype(np.float32))
    root = b.node("Sqrt", [b.node("Add", [b.node("Abs", [x]), b.constant(np.float32(1))])])
    y = b.node("Hardmax", [root], axis=-1)
    outcome = judge(finished("network", 0, b, [y]), ACCELERATOR)
    assert outcome.outcome == "taken" and outcome.error < 0.01, outcome
