"""ONNX files made to break a reader: each is one BadValue that names the culprit, and takes no time."""

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from golden.check import BadValue
from mapping.frontends import load, onnx_file
from tests.mapping.frontends.refused import model, node, refuse

MADE = [helper.make_node("Add", ["x", "c"], ["y"], name="sum")]


def test_text_that_is_no_utf8():
    proto = model([node("Gelu", approximate="tanh")], opset=20)
    proto.graph.node[0].attribute[0].s = b"\xff"
    refuse(proto, r"node /encoder/3/it: attribute approximate is b'\xff'; allowed: UTF-8 text")
    whole = model([node()]).SerializeToString().replace(b"Relu", b"\xffelu")
    refuse(onnx.ModelProto.FromString(whole), r"op_type of a NodeProto is b'\xffelu'; allowed: UTF-8 text")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({}, "external data is given 0 locations; allowed: one file beside the network"),
        ({"location": ""}, "external data is ''"),
        ({"location": "../w.bin"}, "external data is outside (../w.bin); allowed: a file beside the network"),
        ({"location": "/etc/hostname"}, "external data is outside (/etc/hostname)"),
        ({"location": "link"}, "external data is outside (link)"),
        ({"location": "."}, "external data is missing (.)"),
        ({"location": "pipe"}, "external data is missing (pipe)"),
        ({"location": "w.bin", "length": "25"}, "external data is bytes 0 to 25 of w.bin; allowed: within"),
        ({"location": "w.bin", "offset": "99"}, "external data is bytes 99 to 24 of w.bin"),
        ({"location": "w.bin", "offset": "-1"}, "external data: offset is '-1'; allowed: a number of bytes"),
        ({"location": "w.bin", "length": "9" * 5000}, "external data: length is '999"),
    ],
)
def test_external_data_that_cannot_be(tmp_path, entries, said):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "w.bin").write_bytes(bytes(24))
    (tmp_path / "w.bin").write_bytes(bytes(24))
    (folder / "link").symlink_to(tmp_path / "w.bin")
    os.mkfifo(folder / "pipe")
    proto = model([node("Add", ("x", "c"))], constants={"c": np.ones((2, 3), np.float32)})
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    (folder / "net.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(BadValue) as caught:
        load(folder / "net.onnx")
    assert str(caught.value).startswith("net.onnx: tensor c: ") and said in str(caught.value)


def test_external_data_that_many_tensors_ask_for(tmp_path):
    constants = {f"c{i}": np.ones((2, 3), np.float32) for i in range(5)}
    proto = model([node("Sum", ("x", *constants))], constants=constants)
    path = tmp_path / "net.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    proto = onnx.load(path, load_external_data=False)
    for tensor in proto.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "offset").value = "0"
    (tmp_path / "w.bin").write_bytes(bytes(24))
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(BadValue, match="external data is 120 bytes; allowed: 4 times what their files hold"):
        load(path)


def function(name, *calls):
    nodes = [helper.make_node(call, ["a"], ["b"], domain="d") for call in calls]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    return helper.make_function("d", name, ["a"], ["b"], nodes, opsets)


def test_functions_without_end():
    proto = model([node("F0", domain="d")])
    proto.functions.extend([function("F0", "F1"), function("F1", "F0")])
    proto.opset_import.append(helper.make_opsetid("d", 1))
    refuse(proto, "function F0 is calling itself; allowed: functions that end")
    del proto.functions[:]
    proto.functions.extend(function(f"F{i}", *[f"F{i + 1}"] * 10) for i in range(9))
    refuse(proto, "nodes is 1000000000; allowed: at most 100000, functions unfolded")


@pytest.mark.parametrize(
    ("nodes", "constants", "said"),
    [
        ([node("ConstantOfShape", ("n",), ("c",)), *MADE], {"n": np.array([1 << 40])},
         "node /encoder/3/it: output c is 4,398,046,511,104 bytes; allowed: 256 MiB of constants"),
        ([node("Expand", ("k", "n"), ("c",)), *MADE],
         {"n": np.array([1 << 40]), "k": np.ones(1, np.float32)}, "output c is 4,398,046,511,104 bytes"),
        ([node("Tile", ("k", "n"), ("c",)), *MADE],
         {"n": np.array([1 << 40]), "k": np.ones(1, np.float32)}, "output c is 4,398,046,511,104 bytes"),
        ([node("Mul", ("k", "n"), ("c",)), *MADE],
         {"n": np.ones((1 << 17, 1), np.float32), "k": np.ones(1 << 17, np.float32)},
         "output c is 68,719,476,736 bytes"),
        ([node("Range", ("a", "a", "z"), ("c",)), *MADE],
         {"a": np.array(0, np.float32), "z": np.array(0, np.float32)}, "node /encoder/3/it: "),
        ([node("Range", ("z", "a", "o"), ("c",)), *MADE],
         {"z": np.array(0), "a": np.array(1 << 40), "o": np.array(1)}, "node /encoder/3/it: output c is "),
        ([helper.make_node("Constant", [], ["c"]), *MADE], {}, "a Constant's value is given not once"),
        ([node("Sum", ("x", "", "x"))], {}, "/encoder/3/it: input 1 of Sum is left out; allowed: a tensor"),
        ([node("Add", ("", "x"))], {}, "no valid ONNX model ("),
        ([node("Trilu", ("x", "k"))], {"k": np.array([1, 2])},
         "input 1 of Trilu is of shape [2]; allowed: one number"),
        ([node("MatMul", ("x", "w"))], {"w": np.ones((3, 0), np.float32)},
         "node /encoder/3/it: output y: shape is [2, 0]; allowed: at least one element"),
        ([], {}, "nodes is none; allowed: at least one"),
        ([node(outputs=("z",))], {}, "output y is made by nobody; allowed: a result of a node"),
        ([node("LayerNormalization", ("x", "w"), epsilon=-1.0)], {"w": np.ones(3, np.float32)},
         "node /encoder/3/it: attribute epsilon is -1.0; allowed: 0 or more"),
        ([node("LayerNormalization", ("x", "w"), epsilon=np.nan)], {"w": np.ones(3, np.float32)},
         "node /encoder/3/it: attribute epsilon is NaN; allowed: numbers"),
        ([node("LeakyRelu", alpha=np.inf)], {}, "attribute alpha is infinite; allowed: finite numbers"),
        ([node("BatchNormalization", ("x", "o", "o", "o", "v"))],
         {"o": np.ones(3, np.float32), "v": np.array([1, -1, 1], np.float32)},
         "tensor v[1] is -1.0; allowed: a variance"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_by_name(nodes, constants, said):
    refuse(model(nodes, constants=constants), said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.dims.append(-1), "tensor c: dimension 2 is -1; allowed: 0 to "),
        (lambda t: setattr(t, "data_type", 0), "tensor c: type is undefined; allowed: a type of ONNX"),
        (lambda t: setattr(t, "data_type", 99), "tensor c: type is 99"),
        (lambda t: t.dims.append(1 << 39), "tensor c is corrupt (24 bytes or numbers instead of "),
        (lambda t: setattr(t, "name", ""), "the name of an initialiser is empty"),
    ],
)
def test_tensors_that_cannot_be(change, said):
    proto = model([node("Add", ("x", "c"))], constants={"c": np.ones((2, 3), np.float32)})
    change(proto.graph.initializer[0])
    refuse(proto, said)


def test_numbers_that_their_type_does_not_hold():
    proto = model([node("Cast", ("c",), ("f",), to=1), helper.make_node("Add", ["x", "f"], ["y"])])
    proto.graph.initializer.add(name="c", data_type=TensorProto.INT8, dims=[2, 1], int32_data=[1, 300])
    refuse(proto, "tensor c[1] is 300; allowed: -128 to 127")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x.ClearField("type"), "input x: type is missing; allowed: a tensor"),
        (lambda x: x.type.sequence_type.elem_type.tensor_type.Clear(), "input x: type is sequence"),
        (lambda x: setattr(x.type.tensor_type.shape.dim[0], "dim_value", -1), "input x: dimension 0 is -1"),
        (lambda x: setattr(x.type.tensor_type.shape.dim[1], "dim_value", 0), "input x: dimension 1 is 0"),
        (lambda x: setattr(x, "name", ""), "an input's name is empty; allowed: a name"),
    ],
)
def test_inputs_that_cannot_be(change, said):
    proto = model([node()])
    change(proto.graph.input[0])
    refuse(proto, said)


def test_a_network_that_no_memory_holds_is_refused_when_it_runs():
    network = onnx_file.from_model(model([node()], shape=(1 << 31, 16)), "bert.onnx", "bert")
    with pytest.raises(BadValue, match=r"bert: tensor x: elements is 34359738368; allowed: 0 to 134217728"):
        network.check_room()


@pytest.mark.parametrize(
    ("operator", "parameters", "attributes"),
    [
        ("Gemm", [(3, 4), (5,)], {}),
        ("Gemm", [(3, 4), (1, 2, 4)], {}),
        ("LayerNormalization", [(2, 3)], {}),
        ("LayerNormalization", [(3,), (2, 3)], {"axis": -1}),
        ("LayerNormalization", [(6,)], {"axis": 0}),
        ("BatchNormalization", [(3,), (3,), (2,), (3,)], {}),
        ("PRelu", [(4, 2, 3)], {}),
    ],
)
def test_parameters_of_other_shapes_are_refused(operator, parameters, attributes):
    names = [f"p{place}" for place in range(len(parameters))]
    constants = {name: np.ones(shape, np.float32) for name, shape in zip(names, parameters, strict=True)}
    proto = model([node(operator, ("x", *names), **attributes)], constants=constants)
    with pytest.raises(BadValue, match=r"^bert\.onnx: node /encoder/3/it: input"):
        onnx_file.from_model(proto, "bert.onnx", "bert")
