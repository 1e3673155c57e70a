"""Integers come out as they are, constants are not cut off, and codes of one tensor are not another's."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper

from golden import check
from tests.mapping.legalise.against import by_codes, by_onnxruntime, error, errors, model, node

ARITHMETIC = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}
RANDOM = np.random.default_rng(11)


def whole(dtype, shape, most=1000):
    info = np.iinfo(dtype)
    return RANDOM.integers(max(info.min, -most), min(info.max, most), shape, endpoint=True).astype(dtype)


def real(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def typed(nodes, feeds, constants, to):
    """A model whose output y is of another type than float32."""
    made = model(nodes, feeds, constants)
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", to, None))
    return onnx.shape_inference.infer_shapes(made)


@pytest.mark.parametrize(
    ("operator", "dtype", "to", "more"),
    [
        ("Max", np.int8, T.INT8, whole(np.int8, (17,))),
        ("Max", np.int64, T.INT64, whole(np.int64, (17,))),
        ("Min", np.uint32, T.UINT32, whole(np.uint32, (17,))),
        ("Neg", np.int64, T.INT64, None), ("Abs", np.int32, T.INT32, None), ("Sign", np.int64, T.INT64, None),
    ],
)  # fmt: skip
def test_functions_of_integers_are_exact(operator, dtype, to, more):
    x = whole(dtype, (5, 17))
    made = typed([node(operator, "x" if more is None else "x k", "y")], {"x": x},
                 {} if more is None else {"k": more}, to)  # fmt: skip
    found = by_codes(made, {"x": x})["y"]
    np.testing.assert_array_equal(found, by_onnxruntime(made, {"x": x})["y"])


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int64])
def test_a_cast_keeps_every_integer(dtype):
    x = whole(dtype, (32,))
    made = typed([node("Cast", "x", "y", to=T.INT32)], {"x": x}, {}, T.INT32)
    np.testing.assert_array_equal(by_codes(made, {"x": x})["y"], x.astype(np.int32))


def test_a_line_of_integers_that_is_cut_off_at_both_ends():
    x = whole(np.int32, (4, 32), 5000)
    made = typed([node("Neg", "x", "h"), node("Clip", "h low high", "y")], {"x": x},
                 {"low": np.int32(-1500), "high": np.int32(700)}, T.INT32)  # fmt: skip
    np.testing.assert_array_equal(by_codes(made, {"x": x})["y"], np.clip(-x, -1500, 700))


def test_integers_beyond_sixteen_bits_are_refused_by_name():
    x = np.array([70000, -3, 5], np.int32)
    made = typed([node("Concat", "x k", "y", axis=0)], {"x": x}, {"k": np.array([1], np.int32)}, T.INT32)
    with pytest.raises(check.BadValue, match=r"node y .Concat.: tensor y: integers is of up to 70000"):
        by_codes(made, {"x": x})


@pytest.mark.parametrize("value", [-19.75, 200.0, 0.5])
@pytest.mark.parametrize("product", [False, True])
def test_pads_beyond_what_they_pad(value, product):
    x, constants = real(4, 18, scale=0.1), {"w": real(18, 18, scale=0.3), "v": np.float32(value)}
    nodes = [node("MatMul", "x w", "h")] if product else []
    nodes.append(node("Pad", f"{'h' if product else 'x'} p v", "y"))
    constants["p"] = ints(0, 2, 1, 0)
    assert errors(nodes, {"x": x}, constants) < 0.005


@pytest.mark.parametrize("value", [1e-3, 40.0])
def test_what_a_resize_puts_outside(value):
    x = real(1, 2, 4, 4)
    made = node("Resize", "x roi empty s", "y", mode="nearest", extrapolation_value=value,
                coordinate_transformation_mode="tf_crop_and_resize")  # fmt: skip
    made.input[2], kept = "", made.input[3]
    constants = {"roi": np.array([0, 0, -0.5, 0, 1, 1, 1.5, 1], np.float32), kept: ints(1, 2, 8, 4)}
    assert errors([made], {"x": x}, constants) < 0.005


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize(
    "where", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric"]
)
@pytest.mark.parametrize("sizes", [(1, 3, 9, 5), (1, 3, 2, 8), (1, 3, 3, 4)])
def test_resizes_between_elements(mode, where, sizes):
    x = real(1, 3, 4, 4)
    made = node("Resize", "x r r s", "y", mode=mode, coordinate_transformation_mode=where)
    made.input[1] = made.input[2] = ""
    opset = 19 if where == "half_pixel_symmetric" else 17
    assert errors([made], {"x": x}, {"s": ints(*sizes)}, opset=opset) < 0.02


def test_an_image_and_its_transpose_are_not_taken_for_each_other():
    x, k = real(1, 2, 4, 8), real(1, 2, 3, 2, scale=0.1)
    nodes = [node("Conv", "x k", "h"), node("Transpose", "x", "t", perm=[0, 1, 3, 2]),
             node("MatMul", "x t", "y"), node("MatMul", "t x", "z")]  # fmt: skip
    assert errors(nodes, {"x": x}, {"k": k}, ("h", "y", "z")) < 0.02


def test_heads_in_parts_of_unequal_size():
    a, b = real(11, 16, 8, 2), real(11, 16, 2, 1)
    assert errors([node("MatMul", "a b", "y")], {"a": a, "b": b}, {}) < 0.02


def test_the_log_of_a_softmax_of_one_element_is_0():
    x = real(1, 3, 4, 4)
    made = model([node("Relu", "x", "h"), node("LogSoftmax", "h", "y", axis=0)], {"x": x}, {})
    assert not by_codes(made, {"x": x})["y"].any()


def test_the_less_of_two_ranges_is_not_rounded_by_the_greater():
    x, k = real(3, 5, scale=1e-3), np.full((3, 5), 40, np.float32)
    made = model([node("Min", "k h", "y"), node("Neg", "x", "h")][::-1], {"x": x}, {"k": k})
    assert error(by_codes(made, {"x": x})["y"], -x) < 1e-3


@pytest.mark.parametrize("operator", ["Round", "Floor", "Ceil", "Sign"])
@pytest.mark.parametrize("reach", [0.9, 1.2, 1.7])
def test_the_last_jump_of_a_table_is_within_it(operator, reach):
    """Of a product, so that 256 codes take the function; its results stay clear of where it jumps."""
    x = np.linspace(-reach, reach, 61).astype(np.float32)[:, None]
    x = x[np.abs((2 * x) % 1 - 0.5) < 0.4].reshape(-1, 1)
    feeds, constants = {"x": x}, {"w": np.array([[1.0, -0.7]], np.float32)}
    made = model([node("MatMul", "x w", "h"), node(operator, "h", "y")], feeds, constants)
    clear = np.abs((2 * (x @ constants["w"])) % 1 - 0.5) < 0.4
    found, wanted = by_codes(made, feeds)["y"], by_onnxruntime(made, feeds)["y"]
    np.testing.assert_allclose(found[clear], wanted[clear], atol=1e-3)


def test_one_of_two_tensors_of_which_one_is_far_smaller():
    x, w, k = real(6, 8, scale=1e-3), real(8, 8, scale=0.3), real(8, scale=0.1)
    nodes = [node("MatMul", "x w", "h"), node("Greater", "h low", "c"), node("Where", "c h k", "y")]
    assert errors(nodes, {"x": x}, {"w": w, "k": k, "low": np.float32(-2)}) < 0.02


def test_small_results_against_constants_of_other_sizes():
    x, w, k = real(6, 8, scale=1e-4), real(8, 4), np.array([0, 0, 0.5, 1], np.float32)
    nodes = [node("MatMul", "x w", "h"), node("GreaterOrEqual", "h k", "c"), node("Cast", "c", "y", to=1)]
    made = model(nodes, {"x": x}, {"w": w, "k": k})
    clear = np.abs(x @ w - k) > 1e-5
    found, wanted = by_codes(made, {"x": x})["y"], by_onnxruntime(made, {"x": x})["y"]
    np.testing.assert_array_equal(np.rint(found[clear]), wanted[clear])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mean_of_integers_drops_what_is_behind_the_point(axis):
    x = whole(np.int32, (5, 16))
    made = typed([node("ReduceMean", "x", "y", axes=[axis], keepdims=0)], {"x": x}, {}, T.INT32)
    np.testing.assert_array_equal(by_codes(made, {"x": x})["y"], np.trunc(x.mean(axis)))


def test_a_constant_less_a_tensor_that_reaches_farther():
    far = np.abs(real(1, 32, 1)) + 1
    near = (far + real(1, 32, 23, scale=0.05)).astype(np.float32)
    assert errors([node("Sub", "far x", "y")], {"x": near}, {"far": far}) < 0.01


@pytest.mark.parametrize(("operator", "dtype"), [("Add", np.uint8), ("Sub", np.uint16), ("Mul", np.int8)])
def test_integers_wrap_in_their_type(operator, dtype):
    most = 200 if dtype == np.uint8 else 120
    x, k = whole(dtype, (5, 17), most), whole(dtype, (5, 17), 3 if operator == "Mul" else most)
    nodes = [node(operator, "x k", "h"), node("Cast", "h", "y", to=T.INT32)]
    made = typed(nodes, {"x": x}, {"k": k}, T.INT32)
    if dtype == np.uint16:  # beyond 16 bits with a sign
        with pytest.raises(check.BadValue, match="integers is of up to"):
            by_codes(made, {"x": x})
        return
    wanted = ARITHMETIC[operator](x, k).astype(np.int32)
    np.testing.assert_array_equal(by_codes(made, {"x": x})["y"], wanted)


def test_the_log_of_a_sum_of_exponentials_of_great_numbers():
    x = (real(4, 6, scale=5) + 800).astype(np.float32)
    assert errors([node("ReduceLogSumExp", "x", "y", axes=[1])], {"x": x}, {}) < 0.01
    assert errors([node("ReduceLogSumExp", "x", "y", axes=[0])], {"x": x[:1] * -1}, {}) < 0.01


def test_a_cast_of_an_input_that_a_product_reads_too():
    x, w = (np.abs(real(13, 7, scale=40)) + 100).astype(np.float32), real(8, 13)
    nodes = [node("Cast", "x", "c", to=T.INT32), node("Cast", "c", "y", to=1), node("MatMul", "w x", "z")]
    made = model(nodes, {"x": x}, {"w": w}, ("y", "z"))
    clear = np.abs(x % 1 - 0.5) < 0.45
    np.testing.assert_array_equal(np.rint(by_codes(made, {"x": x})["y"])[clear], np.trunc(x)[clear])


@pytest.mark.parametrize("size", [1, 3, 5])
def test_neighbours_in_sixteen_bits(size):
    x = real(1, 13, 5, 8, scale=3)
    made = [node("LRN", "x", "y", size=size, alpha=0.1)]
    assert errors(made, {"x": x}, {}) < 0.01
