"""A product that is written as other nodes keeps the Relu and the bias that it took along."""

import numpy as np
import pytest

from tests.campaign.builder import Builder
from tests.campaign.cases import finished
from tests.campaign.judge import judge
from tests.campaign.test_campaign import DESIGN

ACCELERATOR = DESIGN.with_name("accelerator16_int8.toml")


def vector_on_the_right(b):
    return b.node("MatMul", [b.constant(b.weights((4, 11), 11)), b.input(b.weights((11,), 11))])


def vector_on_the_left(b):
    return b.node("MatMul", [b.input(b.weights((11,), 11)), b.constant(b.weights((11, 7), 11))])


def gemm_of_computed_factors(b):
    x = b.input(b.weights((6, 11), 11))
    y = b.input(b.weights((6, 11), 11))
    return b.node("Gemm", [x, y], transB=1, alpha=0.7)


def batch_of_images(b):
    return b.node("Conv", [b.input(b.weights((2, 3, 5, 5), 9)), b.constant(b.weights((4, 3, 2, 2), 12))])


def computed_kernel(b):
    return b.node("Conv", [b.input(b.weights((1, 3, 5, 5), 9)), b.input(b.weights((4, 3, 2, 2), 12))])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("engine", ["model", "golden"])
@pytest.mark.parametrize(
    "product",
    [vector_on_the_right, vector_on_the_left, gemm_of_computed_factors, batch_of_images, computed_kernel],
)
def test_relu_behind_a_rewritten_product(product, engine, bias):
    b = Builder(np.random.default_rng(4))
    y = product(b)
    if bias:
        y = b.node("Add", [y, b.constant(np.float32(0.1))])
    y = b.node("Relu", [y])
    assert (b.values[y] == 0).any() and (b.values[y] > 0).any()
    outcome = judge(finished("network", 0, b, [y]), ACCELERATOR, engine)
    assert outcome.outcome == "taken", outcome.text
