"""ONNX files that cannot be used: one error each, which names the culprit."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from golden.check import BadValue
from mapping.frontends import load
from mapping.run.floating import run_float
from tests.mapping.frontends.refused import FLOAT, model, node, refuse


def test_unknown_operator():
    refuse(model([node("Foo")]), "node /encoder/3/it: operator is Foo; allowed: Abs, Acos, ")


def test_operator_of_another_domain():
    proto = model([node("Gelu", domain="com.microsoft")])
    refuse(proto, "node /encoder/3/it: operator is com.microsoft.Gelu; allowed: ")


@pytest.mark.parametrize("opset", [6, 29])
def test_opset_outside(opset):
    refuse(model([node()], opset=opset), f"opset is {opset}; allowed: 7 to 28")


def test_unknown_attribute():
    refuse(model([node(foo=1)]), "node /encoder/3/it: attribute of Relu is 'foo'; allowed: ")


def test_second_output_that_is_not_computed():
    made = node("BatchNormalization", ("x", *"sbmv"), outputs=("y", "mean", "var", "m2", "v2"))
    constants = {name: np.ones(2, np.float32) for name in "sbmv"}
    proto = model([made], shape=(1, 2, 8), opset=9, constants=constants)
    refuse(proto, "node /encoder/3/it: output mean is asked for; allowed: 1 of BatchNormalization before")


def test_dynamic_dimension_is_named():
    refuse(model([node()], shape=(1, 3, "height", 4)), "input x: dimension 2 is dynamic (height); allowed: ")


def test_dynamic_tokens():
    refuse(model([node()], shape=("n", "sequence")), "input x: dimension 1 is dynamic (sequence)")


def test_dimension_without_name():
    refuse(model([node()], shape=(1, None)), "input x: dimension 1 is dynamic; allowed: ")


def test_input_without_shape():
    refuse(model([node()], shape=None), "input x: shape is unknown")


def test_size_of_an_unknown_name():
    refuse(model([node()], shape=("n", "t")), "dims is u; allowed: n, t", tokens=3, dims={"u": 3})


def test_size_of_nothing():
    refuse(model([node()], shape=("n", "t")), "dims: t is 0; allowed: 1 to ", dims={"t": 0})


def test_tokens_that_nothing_takes():
    refuse(model([node()]), "tokens is 16; allowed: none", tokens=16)


def test_tokens_do_not_size_a_second_axis_of_four():
    refuse(model([node()], shape=(1, "channels", 2, 2)), "dimension 1 is dynamic (channels)", tokens=3)


@pytest.mark.parametrize(("size", "message"), [({"tokens": 9}, "tokens is 9"), ({"batch": 9}, "batch is 9")])
def test_size_that_a_name_overrules(size, message):
    refuse(model([node()], shape=("n", "t")), message, dims={"n": 2, "t": 3}, **size)


def test_batch_that_nothing_takes():
    refuse(model([node()]), "batch is 4; allowed: 1", batch=4)


def test_shape_that_depends_on_values():
    nodes = [helper.make_node("Cast", ["x"], ["s"], to=TensorProto.INT64), node("Reshape", ("x", "s"))]
    refuse(model(nodes, shape=(2,)), "node /encoder/3/it: output y: shape is dynamic")


def test_shapes_that_do_not_fit():
    proto = model([node("MatMul", ("x", "w"))], constants={"w": np.ones((4, 5), np.float32)})
    refuse(proto, "node /encoder/3/it: inputs is of shapes [2, 3], [4, 5]; allowed: what MatMul takes (")


@pytest.mark.parametrize(
    ("channels", "attributes"),
    [(5, {}), (4, {"kernel_shape": [2, 3]}), (4, {"group": 3}), (8, {"group": 2, "kernel_shape": [3, 2]})],
    ids=str,
)
def test_weights_that_do_not_fit_a_convolution(channels, attributes):
    proto = model(
        [node("Conv", ("x", "w"), **attributes)],
        shape=(1, channels, 6, 6),
        constants={"w": np.ones((4, 4, 3, 3), np.float32)},
    )
    refuse(proto, "node /encoder/3/it: weights is of shape [4, 4, 3, 3], for ")


def test_type_that_an_operator_does_not_take():
    refuse(
        model([node()], kind=TensorProto.BOOL),
        "node /encoder/3/it: inputs is of shapes [2, 3]; allowed: what Relu",
    )


def test_number_of_a_type_that_is_none():
    proto = model([node()])
    proto.graph.input[0].type.tensor_type.elem_type = 77
    refuse(proto, "input x: type is '77'; allowed: FLOAT, ")


def test_constant_reshape_that_does_not_fit():
    constants = {"c": np.ones(6, np.float32), "s": np.array([4])}
    proto = model(
        [node("Reshape", ("c", "s"), ("r",)), helper.make_node("Add", ["x", "r"], ["y"])], constants=constants
    )
    refuse(proto, "node /encoder/3/it: Reshape is impossible for inputs of shapes [6], [1] (cannot reshape")


@pytest.mark.parametrize("operator", ["Add", "MatMul"])
def test_nan_weight(operator):
    weights = np.ones((3, 3), np.float32)
    weights[1, 2] = np.nan
    proto = model([node(operator, ("x", "w"))], shape=(3, 3), constants={"w": weights})
    refuse(proto, "tensor w[1, 2] is NaN; allowed: numbers")


def test_infinite_weight():
    weights = np.ones((3, 4), np.float32)
    weights[2, 0] = np.inf
    refuse(
        model([node("MatMul", ("x", "w"))], constants={"w": weights}),
        "tensor w[2, 0] is infinite; allowed: finite numbers in a MatMul",
    )


def test_bfloat16():
    refuse(model([node()], kind=TensorProto.BFLOAT16), "input x: type is 'BFLOAT16'; allowed: FLOAT, ")


def test_tensor_with_too_few_bytes():
    proto = model([node("Add", ("x", "c"))], constants={"c": np.ones((2, 3), np.float32)})
    proto.graph.initializer[0].raw_data = b"1234"
    refuse(proto, "tensor c is corrupt (")


def test_subgraph():
    branch = helper.make_graph([], "then", [], [helper.make_tensor_value_info("x", FLOAT, None)])
    proto = model([node("If", ("x",), then_branch=branch, else_branch=branch)])
    refuse(proto, "operator is If; allowed: ")


def test_what_the_checker_rejects():
    refuse(model([node(inputs=("nobody",))]), "is no valid ONNX model (")


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(model([node("Add", ("x", "c"))], constants={"c": np.ones((2, 3), np.float32)}), path)
    return path


def test_every_truncation_is_refused(saved):
    whole = saved.read_bytes()
    for size in range(len(whole)):
        saved.write_bytes(whole[:size])
        with pytest.raises(BadValue, match=r"^net\.onnx"):
            load(saved)


def test_changed_bytes_never_give_another_error(saved):
    """One to three bytes anywhere: what is still a network runs, and its shapes are true."""
    whole, rng = saved.read_bytes(), np.random.default_rng(7)
    usable = 0
    for _ in range(300):
        changed = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            changed[place] = rng.integers(0, 256)
        saved.write_bytes(changed)
        try:
            network = load(saved)
        except BadValue:
            continue
        zeros = {name: np.zeros(shape, dtype) for name, (shape, dtype) in network.inputs.items()}
        values = run_float(network, zeros, all_tensors=True)
        assert all(value.shape == network.shapes[name] for name, value in values.items())
        usable += 1
    assert 0 < usable < 300


@pytest.mark.parametrize("content", [b"hello, this is no model", bytes(1000), bytes(range(256))])
def test_other_files_are_refused(saved, content):
    saved.write_bytes(content)
    with pytest.raises(BadValue, match=r"^net\.onnx is no ONNX model"):
        load(saved)


def test_missing_external_data(tmp_path):
    proto = model([node("Add", ("x", "c"))], constants={"c": np.ones((2, 3), np.float32)})
    path = tmp_path / "net.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="net.bin", size_threshold=0)
    (tmp_path / "net.bin").unlink()
    with pytest.raises(BadValue, match=r"^net\.onnx: tensor c: external data is missing \(net\.bin\)"):
        load(path)


def test_short_external_data(tmp_path):
    proto = model([node("Add", ("x", "c"))], constants={"c": np.ones((2, 3), np.float32)})
    path = tmp_path / "net.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="net.bin", size_threshold=0)
    (tmp_path / "net.bin").write_bytes(b"12345678")
    with pytest.raises(BadValue, match=r"^net\.onnx: tensor c: external data is bytes 0 to 24"):
        load(path)


def test_missing_file(tmp_path):
    with pytest.raises(BadValue, match=r"none\.onnx is missing"):
        load(tmp_path / "none.onnx")


def test_unknown_kind_of_file(tmp_path):
    (tmp_path / "net.pt").touch()
    with pytest.raises(BadValue, match=r"net\.pt is a \.pt; allowed: a \.onnx file"):
        load(tmp_path / "net.pt")
