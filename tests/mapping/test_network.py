"""The network itself: what it refuses, and the shapes of its products."""

from dataclasses import replace

import numpy as np
import pytest

from golden.check import BadValue
from mapping.layers import layers
from mapping.network import Network, Node, TensorType
from mapping.run.floating import run_float, run_node

F32 = np.dtype(np.float32)


def network(operator, shapes, constants=(), **attributes):
    """One node over tensors a, b, c ..., of the given shapes; those in `constants` are."""
    names = "abc"[: len(shapes)]
    made = Node(name="it", operator=operator, inputs=tuple(names), outputs=("y",), attributes=attributes)
    arrays = {name: np.ones(shape, np.float32) for name, shape in zip(names, shapes, strict=True)}
    y = run_node(made, arrays)[0]
    return Network(
        name="net", nodes=(made,), outputs=("y",),
        constants={name: value for name, value in arrays.items() if name in constants},
        inputs={name: TensorType(x.shape, F32) for name, x in arrays.items() if name not in constants},
        shapes={**{name: value.shape for name, value in arrays.items()}, "y": y.shape},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "shapes", "constants", "attributes", "wanted"),
    [
        ("MatMul", [(5, 7), (7, 3)], "b", {}, (5, 3, 7, 1)),
        ("MatMul", [(2, 5, 7), (7, 3)], "b", {}, (10, 3, 7, 1)),
        ("MatMul", [(2, 4, 5, 7), (2, 4, 7, 3)], "", {}, (5, 3, 7, 8)),
        ("MatMul", [(2, 1, 5, 7), (4, 7, 3)], "b", {}, (5, 3, 7, 8)),
        ("Gemm", [(5, 7), (7, 3)], "b", {}, (5, 3, 7, 1)),
        ("Gemm", [(7, 5), (3, 7)], "b", {"transA": 1, "transB": 1}, (5, 3, 7, 1)),
        ("Conv", [(1, 4, 6, 5), (8, 4, 3, 3)], "b", {}, (12, 8, 36, 1)),
        ("Conv", [(2, 4, 6, 5), (8, 4, 3, 3)], "b", {"strides": [3, 1]}, (12, 8, 36, 1)),
        ("Conv", [(2, 4, 6, 5), (8, 1, 3, 3)], "b", {"group": 4}, (24, 2, 9, 4)),
        ("Conv", [(1, 4, 9), (8, 4, 2)], "b", {}, (8, 8, 8, 1)),
    ],
)
def test_product_shape(operator, shapes, constants, attributes, wanted):
    (found,) = layers(network(operator, shapes, constants, **attributes))
    assert (found.gemm.m, found.gemm.n, found.gemm.k, found.gemm.batch) == wanted
    assert found.constant_weights == bool(constants)
    assert found.gemm.macs == np.prod(wanted)


def test_a_tensor_made_later_is_refused():
    good = network("Relu", [(2,)])
    with pytest.raises(BadValue, match="input of node it is later; allowed: a tensor made before it"):
        replace(good, nodes=(replace(good.nodes[0], inputs=("later",)),))


def test_an_output_nobody_makes_is_refused():
    with pytest.raises(BadValue, match="output is 'z'"):
        replace(network("Relu", [(2,)]), outputs=("z",))


def test_a_tensor_without_shape_is_refused():
    with pytest.raises(BadValue, match="shape of y is unknown"):
        replace(network("Relu", [(2,)]), shapes={"a": (2,)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"net: input a is missing; allowed: float32 \[2\]"),
        ({"a": np.zeros(3, np.float32)}, r"net: input a\.shape is \[3\]; allowed: \[2\]"),
        ({"a": np.zeros(2)}, "net: input a is float64; allowed: float32"),
        ({"a": np.zeros(2, np.float32), "b": 1}, "net: input is 'b'; allowed: a"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(given, message):
    with pytest.raises(BadValue, match=message):
        run_float(network("Relu", [(2,)]), given)


def test_readers_are_counted_once_for_each_reading():
    net = network("Add", [(2,), (2,)])
    square = replace(net, nodes=(replace(net.nodes[0], inputs=("a", "a")),))
    assert [node.name for node in square.consumers()["a"]] == ["it", "it"]
    assert "b" not in square.consumers()
    assert square.producers()["y"].name == "it"


def test_all_tensors_are_every_result_and_input():
    net = network("Add", [(2,), (2,)], "b")
    assert set(run_float(net, {"a": np.ones(2, np.float32)}, all_tensors=True)) == {"a", "y"}


def test_only_outputs_are_kept_otherwise():
    assert set(run_float(network("Relu", [(2,)]), {"a": np.ones(2, np.float32)})) == {"y"}


def test_error_in_a_node_names_it():
    net = network("Relu", [(2,)])
    odd = replace(net, nodes=(replace(net.nodes[0], operator="Foo"),))
    with pytest.raises(BadValue, match="node it: operator is 'Foo'"):
        run_float(odd, {"a": np.ones(2, np.float32)})
