"""Channels are evened out only where the codes' last axis is the readers' channels."""

import numpy as np
import pytest

from tests.campaign.builder import Builder
from tests.campaign.cases import finished
from tests.campaign.judge import judge
from tests.campaign.test_campaign import DESIGN

ACCELERATOR = DESIGN.with_name("accelerator16_int8.toml")


def loud(axis: int, *shape: int, up: bool) -> np.ndarray:
    """Weights whose channels along an axis differ by four orders of magnitude: these are evened."""
    scale = np.geomspace(0.01, 100, shape[axis])[:: 1 if up else -1]
    spread = scale.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return (np.random.default_rng(3).standard_normal(shape) * spread).astype(np.float32)


def case(of, *shape: int):
    b = Builder(np.random.default_rng(1))
    y = of(b, b.input(b.random.standard_normal(shape).astype(np.float32)))
    return finished("network", 0, b, [y] if isinstance(y, str) else y)


@pytest.mark.parametrize("columns", [5, 32])
@pytest.mark.parametrize("engine", ["model", "golden"])
def test_rows_of_a_product_become_channels_of_a_convolution(columns, engine):
    def of(b, x):
        h = b.node("MatMul", [x, b.constant(loud(1, 7, columns, up=True))])
        return b.node("Conv", [h, b.constant(loud(1, 3, 32, 2, up=False))])

    assert judge(case(of, 1, 32, 7), ACCELERATOR, engine).outcome == "taken"


@pytest.mark.parametrize("channels", [4, 6])
def test_a_convolutions_width_becomes_the_depth_of_a_product(channels):
    def of(b, x):
        h = b.node("Conv", [x, b.constant(loud(0, channels, 3, 1, 1, up=True))])
        return b.node("MatMul", [h, b.constant(loud(0, 6, 8, up=False))])

    assert judge(case(of, 1, 3, 5, 6), ACCELERATOR).outcome == "taken"


def test_a_batch_of_images_is_right_whoever_else_reads_it():
    def of(b, x):
        product = b.node("MatMul", [x, b.constant(loud(0, 5, 8, up=True))])
        return [product, b.node("Conv", [x, b.constant(loud(0, 3, 8, 2, 2, up=True))])]

    assert judge(case(of, 6, 8, 8, 5), ACCELERATOR).outcome == "taken"
