"""Every form that a matrix product takes in ONNX, on a matrix unit against the float network."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mapping.frontends import onnx_file
from mapping.layers import layers
from mapping.passes import simplify
from mapping.quantise.networks import quantise_products
from mapping.run.floating import run_float
from mapping.run.host import execute
from sim.device import Golden, Model

RNG = np.random.default_rng(3)
CLOSE = 0.06  # of the largest magnitude: int8 factors


def real(*shape):
    return RNG.normal(size=shape).astype(np.float32)


# operator, inputs (x: computed, c: constant), attributes
FORMS = {
    "matrix": ("MatMul", {"x": real(5, 7), "c": real(7, 3)}, {}),
    "vector-matrix": ("MatMul", {"x": real(7), "c": real(7, 3)}, {}),
    "matrix-vector": ("MatMul", {"x": real(5, 7), "c": real(7)}, {}),
    "vector-vector": ("MatMul", {"x": real(7), "c": real(7)}, {}),
    "vectors-computed": ("MatMul", {"x": real(7), "x2": real(7)}, {}),
    "vector-batch": ("MatMul", {"x": real(7), "x2": real(2, 7, 3)}, {}),
    "batch-vector": ("MatMul", {"x": real(4, 2, 5, 7), "x2": real(7)}, {}),
    "batch-vector-constant": ("MatMul", {"x": real(2, 5, 7), "c": real(7)}, {}),
    "vector-batch-constant": ("MatMul", {"x": real(7), "c": real(2, 7, 3)}, {}),
    "broadcast": ("MatMul", {"x": real(2, 1, 5, 7), "x2": real(3, 7, 4)}, {}),
    "broadcast-constant": ("MatMul", {"x": real(5, 7), "c": real(3, 7, 4)}, {}),
    "constant-left": ("MatMul", {"c": real(5, 7), "x": real(7, 3)}, {}),
    "constant-vector-left": ("MatMul", {"c": real(7), "x": real(7, 3)}, {}),
    "constant-left-batch": ("MatMul", {"c": real(2, 5, 7), "x": real(7, 3)}, {}),
    "gemm": ("Gemm", {"x": real(5, 7), "c": real(7, 3), "c2": real(3)}, {"alpha": 0.5, "beta": 2.0}),
    "gemm-scalar": ("Gemm", {"x": real(5, 7), "c": real(7, 3), "c2": real()}, {}),
    "gemm-column": ("Gemm", {"x": real(5, 7), "c": real(7, 3), "c2": real(5, 1)}, {"beta": 2.0}),
    "gemm-matrix": ("Gemm", {"x": real(5, 7), "c": real(7, 3), "c2": real(5, 3)}, {"beta": 2.0}),
    "gemm-computed": ("Gemm", {"x": real(5, 7), "x2": real(7, 3)}, {"alpha": 0.25}),
    "gemm-all-computed": (
        "Gemm", {"x": real(7, 5), "x2": real(3, 7), "x3": real(1, 3)},
        {"alpha": 0.25, "beta": 0.5, "transA": 1, "transB": 1},
    ),
    "gemm-constant-left": ("Gemm", {"c": real(7, 5), "x": real(7, 3)}, {"alpha": 2.0, "transA": 1}),
    "conv-computed-bias": ("Conv", {"x": real(2, 4, 8), "c": real(6, 2, 3), "x2": real(6)}, {"group": 2}),
    "conv-computed-weights": ("Conv", {"x": real(2, 4, 6, 5), "x2": real(6, 4, 3, 2), "c": real(6)}, {}),
    "conv-constant-image": ("Conv", {"c": real(2, 4, 6, 5), "x": real(6, 4, 3, 2)}, {}),
    "conv-spatial-size-of-channels": ("Conv", {"x": real(1, 3, 5), "c": real(4, 3, 2), "x2": real(4)}, {}),
}  # fmt: skip


def network(operator, inputs, attributes, kind=np.float32):
    proto = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    given = {name: value.astype(kind) for name, value in inputs.items()}
    graph = helper.make_graph(
        [helper.make_node(operator, list(inputs), ["y"], "it", **attributes)], "g",
        [helper.make_tensor_value_info(n, proto, v.shape) for n, v in given.items() if n[0] == "x"],
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(v, n) for n, v in given.items() if n[0] == "c"],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = simplify(onnx_file.from_model(onnx.shape_inference.infer_shapes(model), "m.onnx", "m"))
    return found, {name: value for name, value in given.items() if name in found.inputs}


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.float64], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("form", FORMS)
def test_a_product_is_close_to_float_and_of_its_type(target, form, kind):
    found, given = network(*FORMS[form], kind)
    wanted = run_float(found, given)["y"]
    quantised = quantise_products(found, target(), [given])
    for engine in (Model(), Golden()):
        y = execute(quantised, given, engine).outputs["y"]
        assert (y.shape, y.dtype) == (wanted.shape, np.dtype(kind))
        assert np.abs(y.astype(float) - wanted).max() <= CLOSE * np.abs(wanted).max()


def test_every_form_is_a_product():
    assert all(layers(network(*form)[0]) for form in FORMS.values())
