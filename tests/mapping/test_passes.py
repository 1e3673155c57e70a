"""Passes: the same values before and after, and the nodes that are left."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mapping import passes
from mapping.frontends import load
from mapping.layers import layers
from mapping.network import Network, Node, TensorType
from mapping.run.floating import run_float, run_node

RNG = np.random.default_rng(11)


def real(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def positive(*shape):
    return RNG.uniform(0.5, 2, shape).astype(np.float32)


def build(inputs, constants, *nodes, outputs=("y",)):
    """A network; each node is (operator, inputs, output, attributes) and is named after its output.

    Shapes come from running it.
    """
    made = tuple(
        Node(
            name=out,
            operator=operator,
            inputs=tuple(given.split()),
            outputs=(out,),
            attributes=dict(*attributes),
        )
        for operator, given, out, *attributes in nodes
    )
    types = {name: TensorType(shape, np.dtype(np.float32)) for name, shape in inputs.items()}
    every = {**inputs, **{name: value.shape for name, value in constants.items()}}
    values = {**constants, **{name: real(*shape) for name, shape in inputs.items()}}
    for node in made:
        values[node.outputs[0]] = run_node(node, values)[0]
    shapes = every | {name: value.shape for name, value in values.items()}
    return Network(name="t", nodes=made, constants=constants, inputs=types, outputs=outputs, shapes=shapes)


def same_values(before, after):
    """Whether both give the same on random inputs, but for float32 rounding; shapes must be true too."""
    given = {name: real(*entry.shape) for name, entry in before.inputs.items()}
    wanted = run_float(before, given)
    everything = run_float(after, given, all_tensors=True)
    for name, value in everything.items():
        assert value.shape == after.shapes[name], name
    assert set(after.shapes) == {*after.constants, *after.inputs, *everything}
    for name, value in wanted.items():
        np.testing.assert_allclose(everything[name], value, rtol=1e-4, atol=1e-4)
    return True


def operators(network):
    return [node.operator for node in network.nodes]


CONV = {"w": real(6, 3, 3, 3), "b": real(6)}
NORM = {"scale": real(6), "shift": real(6), "mean": real(6), "variance": positive(6)}
IMAGE = {"x": (2, 3, 7, 7)}
BATCHNORM = "scale shift mean variance"


def conv_batchnorm(inputs="x w b"):
    return build(IMAGE, CONV | NORM, ("Conv", inputs, "c", {"strides": [2, 2]}),
                 ("BatchNormalization", f"c {BATCHNORM}", "y", {"epsilon": 1e-3}))  # fmt: skip


@pytest.mark.parametrize("inputs", ["x w b", "x w"])
def test_batchnorm_goes_into_a_convolution(inputs):
    before = conv_batchnorm(inputs)
    after = passes.fuse_batchnorm(before)
    assert operators(after) == ["Conv"]
    assert len(after.nodes[0].inputs) == 3
    assert same_values(before, after)


def test_batchnorm_goes_into_a_grouped_convolution():
    constants = {"w": real(6, 1, 3, 3)} | NORM
    before = build(
        IMAGE, constants, ("Conv", "x w", "c", {"group": 3}), ("BatchNormalization", f"c {BATCHNORM}", "y")
    )
    after = passes.fuse_batchnorm(before)
    assert operators(after) == ["Conv"]
    assert same_values(before, after)


def test_batchnorm_goes_into_a_gemm():
    constants = {"w": real(6, 4), "b": real(6)} | NORM
    before = build({"x": (5, 4)}, constants, ("Gemm", "x w b", "g", {"transB": 1}),
                   ("BatchNormalization", f"g {BATCHNORM}", "y"))  # fmt: skip
    after = passes.simplify(before)
    assert operators(after) == ["MatMul"]
    assert same_values(before, after)


def test_batchnorm_over_another_axis_than_the_products_columns_stays():
    norm = {name: value[:5] for name, value in NORM.items()}
    before = build({"x": (2, 5, 4)}, {"w": real(4, 6)} | norm, ("MatMul", "x w", "c"),
                   ("BatchNormalization", f"c {BATCHNORM}", "y"))  # fmt: skip
    assert operators(passes.simplify(before)) == ["MatMul", "BatchNormalization"]


def test_shared_weights_are_scaled_for_one_reader_only():
    before = build(IMAGE, CONV | NORM, ("Conv", "x w", "c"), ("BatchNormalization", f"c {BATCHNORM}", "y"),
                   ("Conv", "x w", "z"), outputs=("y", "z"))  # fmt: skip
    after = passes.fuse_batchnorm(before)
    assert operators(after) == ["Conv", "Conv"]
    assert same_values(before, after)


@pytest.mark.parametrize("shape", [(5,), (1,), (), (1, 1, 5)], ids=str)
@pytest.mark.parametrize("order", ["c b", "b c"])
def test_constant_added_to_a_product_is_its_bias(shape, order):
    before = build(
        {"x": (2, 3, 4)}, {"w": real(4, 5), "b": real(*shape)}, ("MatMul", "x w", "c"), ("Add", order, "y")
    )
    after = passes.fuse_bias(before)
    assert [len(node.inputs) for node in after.nodes] == [3]
    assert after.constants["c:bias"].shape == (5,)
    assert same_values(before, after)


@pytest.mark.parametrize("shape", [(3, 1), (3, 5), (2, 3, 5), (7, 2, 3, 5)], ids=str)
def test_constant_that_varies_from_row_to_row_is_no_bias(shape):
    before = build(
        {"x": (2, 3, 4)}, {"w": real(4, 5), "b": real(*shape)}, ("MatMul", "x w", "c"), ("Add", "c b", "y")
    )
    assert operators(passes.simplify(before)) == ["MatMul", "Add"]


def test_addend_that_widens_the_product_is_no_bias():
    before = build(
        {"x": (3, 4)}, {"w": real(4, 1), "b": real(5)}, ("MatMul", "x w", "c"), ("Add", "c b", "y")
    )
    assert operators(passes.simplify(before)) == ["MatMul", "Add"]


def test_computed_addend_is_no_bias():
    before = build({"x": (2, 4), "b": (5,)}, {"w": real(4, 5)}, ("MatMul", "x w", "c"), ("Add", "c b", "y"))
    assert operators(passes.simplify(before)) == ["MatMul", "Add"]


def test_product_added_to_itself_has_no_bias():
    before = build({"x": (2, 4)}, {"w": real(4, 5)}, ("MatMul", "x w", "c"), ("Add", "c c", "y"))
    assert operators(passes.simplify(before)) == ["MatMul", "Add"]


def test_product_of_activations_takes_no_bias():
    before = build({"x": (2, 4), "z": (4, 5)}, {"b": real(5)}, ("MatMul", "x z", "c"), ("Add", "c b", "y"))
    assert operators(passes.simplify(before)) == ["MatMul", "Add"]


def test_two_additions_make_one_bias():
    constants = CONV | {"b2": real(6, 1, 1), "b3": real(1, 1, 1, 1)}
    before = build(IMAGE, constants, ("Conv", "x w b", "c"), ("Add", "c b2", "d"), ("Add", "b3 d", "y"))
    after = passes.fuse_bias(before)
    assert operators(after) == ["Conv"]
    assert same_values(before, after)


def test_vector_along_a_convolutions_width_is_no_bias():
    before = build(IMAGE, {"w": real(5, 3, 3, 3), "b": real(5)}, ("Conv", "x w", "c"), ("Add", "c b", "y"))
    assert operators(passes.simplify(before)) == ["Conv", "Add"]


def test_bias_passes_a_squeeze_behind_a_convolution():
    before = build({"x": (1, 3, 9, 1)}, {"w": real(6, 3, 5, 1), "b": real(1, 6, 1), "axes": np.array([3])},
                   ("Conv", "x w", "c"), ("Squeeze", "c axes", "s"), ("Add", "s b", "y"))  # fmt: skip
    after = passes.fuse_bias(before)
    assert operators(after) == ["Conv", "Squeeze"]
    assert same_values(before, after)


def test_bias_does_not_pass_a_reshape_that_moves_channels():
    before = build({"x": (1, 3, 9, 1)}, {"w": real(5, 3, 5, 1), "b": real(25), "shape": np.array([1, 25])},
                   ("Conv", "x w", "c"), ("Reshape", "c shape", "s"), ("Add", "s b", "y"))  # fmt: skip
    assert operators(passes.simplify(before)) == ["Conv", "Reshape", "Add"]


def test_relu_is_fused():
    before = build(IMAGE, CONV, ("Conv", "x w b", "c"), ("Relu", "c", "y"))
    after = passes.fuse_activation(before)
    assert [dict(node.attributes) for node in after.nodes] == [{"activation": "Relu"}]
    assert same_values(before, after)


def test_product_of_activations_fuses_relu():
    before = build({"x": (2, 4), "z": (4, 5)}, {}, ("MatMul", "x z", "c"), ("Relu", "c", "y"))
    after = passes.simplify(before)
    assert operators(after) == ["MatMul"]
    assert same_values(before, after)


@pytest.mark.parametrize("operator", ["Relu", "BatchNormalization", "Add"])
def test_product_with_another_reader_is_left_alone(operator):
    last = {"Relu": "c", "BatchNormalization": f"c {BATCHNORM}", "Add": "c b4"}[operator]
    constants = CONV | NORM | {"b4": real(6, 1, 1)}
    before = build(IMAGE, constants, ("Conv", "x w b", "c"), (operator, last, "d"), ("Mul", "c d", "y"))
    assert operators(passes.simplify(before)) == ["Conv", operator, "Mul"]


@pytest.mark.parametrize("operator", ["Relu", "BatchNormalization"])
def test_product_that_is_an_output_is_left_alone(operator):
    last = {"Relu": "c", "BatchNormalization": f"c {BATCHNORM}"}[operator]
    before = build(IMAGE, CONV | NORM, ("Conv", "x w b", "c"), (operator, last, "y"), outputs=("c", "y"))
    assert operators(passes.simplify(before)) == ["Conv", operator]


@pytest.mark.parametrize("operator", ["Relu", "BatchNormalization", "Add"])
def test_nothing_is_fused_behind_another_activation(operator):
    last = {"Relu": "c", "BatchNormalization": f"c {BATCHNORM}", "Add": "c b4"}[operator]
    constants = CONV | NORM | {"b4": real(6, 1, 1)}
    before = build(IMAGE, constants, ("Conv", "x w b", "c", {"activation": "Tanh"}), (operator, last, "y"))
    assert operators(passes.simplify(before)) == ["Conv", operator]


def test_nothing_is_fused_behind_an_activation():
    before = build(IMAGE, CONV | NORM | {"b4": real(6, 1, 1)}, ("Conv", "x w b", "c"), ("Relu", "c", "r"),
                   ("Add", "r b4", "a"), ("BatchNormalization", f"a {BATCHNORM}", "y"))  # fmt: skip
    after = passes.simplify(passes.simplify(before))
    assert operators(after) == ["Conv", "Add", "BatchNormalization"]
    assert same_values(before, after)


@pytest.mark.parametrize("bias", [(5,), (1, 5), (1,), ()], ids=str)
@pytest.mark.parametrize("trans", [0, 1])
def test_gemm_becomes_a_matmul(bias, trans):
    constants = {"w": real(5, 4) if trans else real(4, 5), "b": real(*bias)}
    attributes = {"transB": trans, "alpha": 0.5, "beta": 3.0}
    before = build({"x": (3, 4)}, constants, ("Gemm", "x w b", "y", attributes))
    after = passes.gemm_to_matmul(before)
    assert operators(after) == ["MatMul"]
    assert not after.nodes[0].attributes
    assert same_values(before, after)


@pytest.mark.parametrize(
    ("shape", "constants", "attributes"),
    [((4, 3), {"w": real(4, 5)}, {"transA": 1}), ((3, 4), {"w": real(4, 5), "c": real(3, 1)}, {})],
    ids=["transposed", "bias-by-row"],
)
def test_gemm_that_is_no_plain_product_stays(shape, constants, attributes):
    before = build({"x": shape}, constants, ("Gemm", " ".join(["x", *constants]), "y", attributes))
    after = passes.simplify(before)
    assert operators(after) == ["Gemm"]
    assert same_values(before, after)


def test_gemm_with_computed_weights_stays():
    before = build({"x": (3, 4), "w": (4, 5)}, {}, ("Gemm", "x w", "y"))
    assert operators(passes.simplify(before)) == ["Gemm"]


def test_constants_are_folded():
    before = build({"x": (4,)}, {"a": real(4), "b": real(4)}, ("Mul", "a b", "c"), ("Shape", "x", "s"),
                   ("Reshape", "c s", "d"), ("Add", "x d", "y"))  # fmt: skip
    after = passes.remove_dead(passes.fold_constants(before))
    assert operators(after) == ["Add"]
    assert set(after.constants) == {"d"}
    assert same_values(before, after)


def test_identities_are_skipped():
    constants = {"n": np.array([2, 4]), "zero": np.array([0]), "four": np.array([4]), "axis": np.array([1])}
    before = build({"x": (2, 4)}, constants, ("Identity", "x", "a"), ("Reshape", "a n", "b"),
                   ("Slice", "b zero four axis", "c"), ("Transpose", "c", "d", {"perm": [0, 1]}),
                   ("Relu", "d", "y"))  # fmt: skip
    after = passes.skip_identities(before)
    assert operators(after) == ["Relu"]
    assert same_values(before, after)


def test_what_only_looks_like_an_identity_stays():
    constants = {"end": np.array([-9]), "last": np.array([-1]), "axis": np.array([1]), "step": np.array([-1])}
    before = build({"x": (4, 4)}, constants, ("Slice", "x last end axis step", "a"),
                   ("Transpose", "a", "b"), ("Relu", "b", "y"))  # fmt: skip
    after = passes.skip_identities(before)
    assert operators(after) == ["Slice", "Transpose", "Relu"]
    assert same_values(before, after)


def test_identity_that_makes_an_output_stays():
    before = build({"x": (4,)}, {}, ("Relu", "x", "a"), ("Identity", "a", "y"), outputs=("a", "y"))
    assert operators(passes.simplify(before)) == ["Relu", "Identity"]


def test_dead_nodes_and_constants_go():
    before = build({"x": (4,)}, {"a": real(4)}, ("Add", "x a", "unused"), ("Relu", "x", "y"))
    after = passes.remove_dead(before)
    assert operators(after) == ["Relu"]
    assert not after.constants


def test_inputs_stay_even_if_dead():
    before = build({"x": (4,), "z": (3,)}, {}, ("Relu", "x", "y"))
    assert set(passes.simplify(before).inputs) == {"x", "z"}


def test_a_small_cnn_settles_to_its_products():
    constants = (
        CONV | NORM | {"w2": real(4, 6, 1, 1), "b2": real(1, 4, 1, 1), "w3": real(10, 4), "b3": real(10)}
    )
    before = build(IMAGE, constants, ("Conv", "x w b", "c1"), ("BatchNormalization", f"c1 {BATCHNORM}", "n1"),
                   ("Relu", "n1", "r1"), ("Conv", "r1 w2", "c2"), ("Add", "c2 b2", "a2"),
                   ("Relu", "a2", "r2"),
                   ("GlobalAveragePool", "r2", "p"), ("Flatten", "p", "f"),
                   ("Gemm", "f w3 b3", "g", {"transB": 1}), ("Softmax", "g", "y"))  # fmt: skip
    after = passes.simplify(before)
    assert operators(after) == ["Conv", "Conv", "GlobalAveragePool", "Flatten", "MatMul", "Softmax"]
    assert same_values(before, after)


@pytest.mark.parametrize("rewrite", passes.PASSES, ids=lambda rewrite: rewrite.__name__)
def test_each_pass_says_what_it_does(rewrite):
    assert rewrite.__doc__


def test_magika_keeps_its_answer():
    spec = importlib.util.find_spec("magika")
    if spec is None or spec.origin is None:
        pytest.skip("the package magika is not installed")
    before = load(Path(spec.origin).parent / "models" / "standard_v3_3" / "model.onnx")
    after = passes.simplify(before)
    assert [len(p.node.inputs) for p in layers(after)] == [3, 3, 3]  # each product got its bias
    given = {"bytes": RNG.integers(0, 257, (1, 2048)).astype(np.int32)}
    found, wanted = (run_float(network, given)["target_label"] for network in (after, before))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
