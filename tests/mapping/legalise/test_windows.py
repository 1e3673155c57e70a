"""Pools, reductions and normalisations over the axes and with the padding that their attributes say."""

from itertools import product

import numpy as np
import pytest

from golden.check import BadValue
from tests.mapping.legalise.against import by_codes, errors, model, node

RANDOM = np.random.default_rng(6)


def normal(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


SHAPES = [(1, 3, 7, 8), (1, 16, 5, 5), (1, 17, 7, 5)]


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax"])
@pytest.mark.parametrize("axes", [[2], [3], [-1], [2, 3]])
@pytest.mark.parametrize("keeps", [0, 1])
def test_an_image_is_reduced_along_the_axes_that_are_asked_for(operator, axes, keeps):
    for shape in SHAPES:
        nodes = [node("Conv", "x k", "h"), node(operator, "h", "y", axes=axes, keepdims=keeps)]
        weights = normal(11, shape[1], 3, 3, scale=0.3)
        assert errors(nodes, {"x": normal(*shape, scale=50) + 30}, {"k": weights}) < 0.03, shape


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax"])
@pytest.mark.parametrize("shape, axis", [((4, 16), 0), ((1, 6, 16), 1), ((1, 7, 13), -2), ((5, 3, 16), 1)])
@pytest.mark.parametrize("keeps", [0, 1])
def test_rows_are_reduced(operator, shape, axis, keeps):
    x = {"x": normal(*shape)} if shape[0] != 5 else {"z": normal(1, *shape)}
    nodes = [node(operator, "x", "y", axes=[axis], keepdims=keeps)]
    if "z" in x:
        nodes.insert(0, node("Squeeze", "z zero", "x"))
    assert errors(nodes, x, {"zero": np.array([0])}) < 0.03


WINDOWS = [([3, 3], [1, 1]), ([3, 3], [2, 2]), ([2, 3], [3, 2]), ([1, 1], [2, 2])]
PADS = [[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]]


@pytest.mark.parametrize("kernel, strides", WINDOWS)
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("opset", [11, 19, 22])
def test_means_count_what_they_say(kernel, strides, ceil, opset):
    for shape, pads, counted in product(SHAPES, PADS, (0, 1)):
        if max(pads) >= min(kernel):
            continue
        pool = node("AveragePool", "x", "y", kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=ceil,
                    count_include_pad=counted)  # fmt: skip
        assert errors([pool], {"x": normal(*shape) + 1}, {}, opset=opset) < 0.02, (shape, pads, counted)


@pytest.mark.parametrize("operator", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("padding", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_pools_pad_by_themselves(operator, padding):
    for shape in SHAPES:
        pool = node(operator, "x", "y", kernel_shape=[3, 2], strides=[2, 2], auto_pad=padding)
        assert errors([pool], {"x": normal(*shape) - 3}, {}) < 0.02, shape


def test_a_mean_over_a_line_counts_its_elements():
    pool = node("AveragePool", "x", "y", kernel_shape=[3], strides=[2], pads=[1, 1], ceil_mode=1)
    assert errors([pool], {"x": normal(1, 5, 8) + 1}, {}) < 0.02


@pytest.mark.parametrize("after", [[], [("Add", "p x", "y")]])
@pytest.mark.parametrize("kernel, pads", [([3, 3], [1, 1, 1, 1]), ([2, 3], [1, 0, 0, 2])])
def test_padding_never_is_the_greatest(kernel, pads, after):
    x = {"x": normal(1, 8, 9, 10) - 5}
    pool = node("MaxPool", "x", "p" if after else "y", kernel_shape=kernel, pads=pads)
    assert errors([pool, *(node(*each) for each in after)], x, {}) < 0.01


@pytest.mark.parametrize("operator", ["Conv", "MaxPool", "AveragePool"])
def test_a_kernel_larger_than_its_image_is_named(operator):
    attributes = {"kernel_shape": [3, 3], "dilations" if operator == "Conv" else "strides": [2, 2]}
    pool = node(operator, "x k" if operator == "Conv" else "x", "y", **attributes)
    made = model([pool], {"x": normal(1, 3, 5, 5)}, {"k": normal(4, 3, 3, 3)} if operator == "Conv" else {})
    for value in made.graph.input[0].type.tensor_type.shape.dim[2:]:
        value.dim_value = 2
    del made.graph.output[0].type.tensor_type.shape.dim[:]
    with pytest.raises(BadValue, match=r"node y: kernel is .*; allowed: one that fits into \[2, 2\]"):
        by_codes(made, {"x": normal(1, 3, 2, 2)})


NORMS = [
    ((1, 6, 16), -1), ((1, 6, 16), 1), ((1, 6, 16), -2), ((6, 16), 0), ((1, 3, 5, 16), 2), ((1, 5, 13), 1),
    ((1, 1, 16), 1),
]  # fmt: skip


@pytest.mark.parametrize("shape, axis", NORMS)
@pytest.mark.parametrize("scale", [1, 200])
@pytest.mark.parametrize("shifted", [False, True])
def test_layer_norms_over_several_axes(shape, axis, scale, shifted):
    norm = node("LayerNormalization", "h g b" if shifted else "h g", "n", axis=axis)
    nodes = [node("MatMul", "x w", "h"), norm, node("MatMul", "n v", "y")]
    c = shape[-1]
    constants = {"w": normal(c, c, scale=0.3), "v": normal(c, 7), "g": normal(*shape[axis:]),
                 "b": normal(*shape[axis:])}  # fmt: skip
    assert errors(nodes, {"x": normal(*shape, scale=scale)}, constants) < 0.03


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_layer_norms_of_images(axis):
    nodes = [node("Conv", "x k", "h"), node("LayerNormalization", "h g b", "n", axis=axis)]
    g, b = (normal(*(1, 16, 5, 7)[axis:]) for _ in "gb")
    constants = {"k": normal(16, 4, 1, 1), "l": normal(3, 16, 1, 1), "g": g, "b": b}
    assert errors([*nodes, node("Conv", "n l", "y")], {"x": normal(1, 4, 5, 7)}, constants) < 0.03


@pytest.mark.parametrize("axis", [-1, 1])
def test_a_layer_norm_by_computed_factors(axis):
    given = {"x": normal(4, 6, 16), "g": normal(*(4, 6, 16)[axis:]), "b": normal(16)}
    assert errors([node("LayerNormalization", "x g b", "y", axis=axis)], given, {}) < 0.03


EPSILONS = [(0.02, 1e-5), (0.002, 1e-5), (1.0, 1.0), (1.0, 30.0), (1e-3, 1e-12)]


@pytest.mark.parametrize("deviation, epsilon", EPSILONS)
@pytest.mark.parametrize("length", [16, 384])
def test_an_epsilon_that_is_large_beside_the_variance(deviation, epsilon, length):
    norm = node("LayerNormalization", "x g b", "y", epsilon=epsilon)
    constants = {"g": normal(length), "b": normal(length, scale=0.1)}
    assert errors([norm], {"x": normal(3, length, scale=deviation)}, constants) < 0.03


READERS = {
    "itself": [("Identity", "r", "y")], "a product": [("MatMul", "r w", "y")],
    "a computed product": [("Transpose", "r", "t"), ("MatMul", "r t", "y")],
    "a softmax": [("Softmax", "r", "y")],
}  # fmt: skip


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax", "ReduceSum"])
@pytest.mark.parametrize("shape, axis", [((1, 7), 0), ((5, 7), 0), ((5, 7), 1), ((5, 1), 1)])
@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_a_reduction(operator, shape, axis, reader):
    nodes = [node("Relu", "x", "a"), node(operator, "a axes", "r")]
    nodes += [node(*each) for each in READERS[reader]]
    constants = {"axes": np.array([axis]), "w": normal(1 if axis else 7, 5)}
    assert errors(nodes, {"x": normal(*shape)}, constants, opset=18) < 0.03
