"""ONNX files that can be used: sizes, folding, and values equal to onnxruntime's."""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mapping.frontends import load, onnx_file
from mapping.layers import layers
from mapping.run.floating import run_float

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def model(nodes, inputs, outputs, constants=(), opset=17):
    """inputs: name -> (type, shape). constants: name -> array. The outputs' shapes are left open."""
    graph = helper.make_graph(
        nodes, "test",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, [None, None]) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in dict(constants).items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def flattened(shape=("batch", 3, "width"), opset=17):
    """x reshaped to [its first size, -1] by a Shape, Gather, Concat chain as exporters write it."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["size"]),
        helper.make_node("Concat", ["size", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["flat"]),
        helper.make_node("Relu", ["flat"], ["y"]),
    ]
    constants = {"first": np.array([0]), "rest": np.array([-1])}
    return model(nodes, {"x": (FLOAT, shape)}, ["y"], constants, opset)


def test_shape_chain_vanishes():
    network = onnx_file.from_model(flattened(), "m.onnx", "m", batch=2, dims={"width": 5})
    assert [node.operator for node in network.nodes] == ["Reshape", "Relu"]
    assert network.shapes["y"] == (2, 15)
    assert network.constants["wanted"].tolist() == [2, -1]


def test_unneeded_constants_are_dropped():
    network = onnx_file.from_model(flattened(), "m.onnx", "m", dims={"width": 5})
    assert set(network.constants) == {"wanted"}


@pytest.mark.parametrize("opset", range(7, 29))
def test_each_opset_is_read(opset):
    network = onnx_file.from_model(flattened(opset=opset), "m.onnx", "m", dims={"width": 5})
    x = np.arange(-7, 8, dtype=np.float32).reshape(1, 3, 5)
    assert np.array_equal(run_float(network, {"x": x})["y"], np.maximum(x, 0).reshape(1, 15))


def test_open_dimension_takes_tokens_on_the_second_axis():
    network = onnx_file.from_model(flattened(("n", "t", 4)), "m.onnx", "m", tokens=6)
    assert network.inputs["x"] == ((1, 6, 4), np.float32)


def test_a_name_has_one_size_wherever_it_stands():
    node = helper.make_node("Add", ["x", "mask"], ["y"])
    inputs = {"mask": (FLOAT, ("n", 1, 1, "t")), "x": (FLOAT, ("n", "t", 1)), "z": (FLOAT, ("n", "t"))}
    network = onnx_file.from_model(model([node], inputs, ["y"]), "m.onnx", "m", tokens=6)
    assert network.inputs["mask"].shape == (1, 1, 1, 6)


def test_a_name_goes_before_a_place():
    network = onnx_file.from_model(flattened(("n", "t", 4)), "m.onnx", "m", dims={"t": 5, "n": 2})
    assert network.inputs["x"].shape == (2, 5, 4)


def test_initialiser_listed_as_input_is_no_input():
    node = helper.make_node("Add", ["x", "c"], ["y"])
    inputs = {"x": (FLOAT, (2,)), "c": (FLOAT, (2,))}
    network = onnx_file.from_model(model([node], inputs, ["y"], {"c": np.ones(2, np.float32)}), "m.onnx", "m")
    assert set(network.inputs) == {"x"}


def test_nodes_without_names_get_their_own():
    names = [node.name for node in onnx_file.from_model(flattened((1, 3, 5)), "m.onnx", "m").nodes]
    assert names == ["Reshape_3", "Relu_4"]


def test_nodes_of_one_name_are_told_apart():
    proto = flattened((1, 3, 5))
    for node in proto.graph.node:
        node.name = "it"
    names = [node.name for node in onnx_file.from_model(proto, "m.onnx", "m").nodes]
    assert names == ["it_3", "it_4"]


def test_split_of_old_opsets_is_even():
    node = helper.make_node("Split", ["x"], ["a", "b"], axis=1)
    network = onnx_file.from_model(model([node], {"x": (FLOAT, (1, 6))}, ["a", "b"], opset=13), "m.onnx", "m")
    found = run_float(network, {"x": np.arange(6, dtype=np.float32)[None]})
    assert found["b"].tolist() == [[3, 4, 5]]


def test_constant_nodes_become_constants():
    value = numpy_helper.from_array(np.float32([2, 3]))
    nodes = [helper.make_node("Constant", [], ["c"], value=value), helper.make_node("Mul", ["x", "c"], ["y"])]
    network = onnx_file.from_model(model(nodes, {"x": (FLOAT, (2,))}, ["y"]), "m.onnx", "m")
    assert network.constants["c"].tolist() == [2, 3]


def test_local_functions_are_inlined():
    body = [helper.make_node("Relu", ["a"], ["r"]), helper.make_node("Neg", ["r"], ["b"])]
    opset = [helper.make_opsetid("", 17)]
    function = helper.make_function("local", "NegRelu", ["a"], ["b"], body, opset)
    outer = model([helper.make_node("NegRelu", ["x"], ["y"], domain="local")], {"x": (FLOAT, (3,))}, ["y"])
    outer.opset_import.append(helper.make_opsetid("local", 1))
    outer.functions.append(function)
    network = onnx_file.from_model(outer, "m.onnx", "m")
    assert [node.operator for node in network.nodes] == ["Relu", "Neg"]


def test_infinity_in_a_mask_is_allowed():
    mask = np.array([0, -np.inf], np.float32)
    nodes = [helper.make_node("Add", ["x", "mask"], ["s"]), helper.make_node("Softmax", ["s"], ["y"])]
    network = onnx_file.from_model(model(nodes, {"x": (FLOAT, (2,))}, ["y"], {"mask": mask}), "m.onnx", "m")
    assert run_float(network, {"x": np.zeros(2, np.float32)})["y"].tolist() == [1, 0]


def test_external_data_is_read(tmp_path):
    weights = np.arange(600, dtype=np.float32)
    node = helper.make_node("Add", ["x", "w"], ["y"])
    proto = model([node], {"x": (FLOAT, (600,))}, ["y"], {"w": weights})
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=0)
    network = load(tmp_path / "m.onnx")
    assert np.array_equal(network.constants["w"], weights)
    assert network.name == "m"


def magika_path():
    spec = importlib.util.find_spec("magika")
    if spec is None or spec.origin is None:
        pytest.skip("the package magika is not installed")
    return Path(spec.origin).parent / "models" / "standard_v3_3" / "model.onnx"


def test_magika_equals_onnxruntime():
    ort = pytest.importorskip("onnxruntime")
    network = load(magika_path())
    given = {"bytes": np.random.default_rng(5).integers(0, 257, (1, 2048)).astype(np.int32)}
    wanted = ort.InferenceSession(str(magika_path())).run(None, given)[0]
    found = run_float(network, given)["target_label"]
    np.testing.assert_allclose(
        found, wanted, rtol=1e-4, atol=1e-6
    )  # sums of 1,280 products, in another order


def test_magika_takes_a_batch():
    network = load(magika_path(), batch=3)
    assert network.inputs["bytes"].shape == (3, 2048)
    assert network.shapes["target_label"] == (3, 214)
    given = np.random.default_rng(5).integers(0, 257, (3, 2048)).astype(np.int32)
    one = run_float(load(magika_path()), {"bytes": given[1:2]})["target_label"]
    all_three = run_float(network, {"bytes": given})["target_label"]
    np.testing.assert_allclose(all_three[1:2], one, rtol=1e-4, atol=1e-6)


def test_magika_products():
    found = [(g.m, g.n, g.k, g.batch) for g in (x.gemm for x in layers(load(magika_path())))]
    assert found == [(2048, 64, 257, 1), (508, 512, 1280, 1), (1, 214, 512, 1)]
