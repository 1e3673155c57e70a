"""Quantisation: scales, codes, where products leave as what, and the error against float."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from mapping.layers import layers
from mapping.quantise.calibrate import METHODS, Observer
from mapping.quantise.networks import quantise_products
from mapping.quantise.requantise_points import constant_factor, readers
from mapping.quantise.weights import quantise_weights
from mapping.run.floating import run_float
from mapping.run.host import execute
from sim.device import Model

FORMATS = [
    ("int8", "int8", "int8", 0.1), ("int16", "int16", "int16", 1e-3), ("int8", "uint8", "uint8", 0.1),
    ("int8", "int16", "int8", 0.1), ("int4", "int8", "int8", 0.6), ("int2", "int8", "int8", 1.0),
]  # fmt: skip


def linear(build, w, bias=None, rows=4):
    constants = {"w": w} if bias is None else {"w": w, "b": bias}
    inputs = "x w" if bias is None else "x w b"
    return build({"x": (rows, len(w))}, constants, ("MatMul", inputs, "y", (rows, w.shape[1])))


def error(quantised, network, sample):
    """Largest error against float, relative to the largest value of the output."""
    wanted = run_float(network, sample)["y"]
    found = execute(quantised, sample, Model()).outputs["y"]
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("weight, activation, out, bound", FORMATS)
def test_attention_is_close_to_float(target, attention, normal, weight, activation, out, bound):
    samples = [{"x": 0.3 * normal(1, 6, 12)} for _ in range(8)]
    found = quantise_products(attention, target(weight, activation, out, group=64), samples)
    assert error(found, attention, samples[0]) < bound


@pytest.mark.parametrize("weight, activation, out, bound", FORMATS)
def test_convolutions_are_close_to_float(target, convolutions, normal, weight, activation, out, bound):
    samples = [{"x": normal(2, 3, 7, 7)} for _ in range(8)]
    found = quantise_products(convolutions, target(weight, activation, out, group=64), samples)
    assert error(found, convolutions, samples[0]) < bound


def test_the_error_of_one_product_is_bounded_by_its_scales(target, build, normal):
    w, samples = normal(32, 5), [{"x": normal(4, 32)} for _ in range(4)]
    network = linear(build, w)
    product = quantise_products(network, target(), samples[:1]).products["y"]
    x = samples[0]["x"].astype(np.float64)
    found = execute(quantise_products(network, target(), samples[:1]), samples[0], Model()).outputs["y"]
    half_a, half_w = product.left.scale / 2, product.weights.scale[0] / 2
    bound = half_a * np.abs(w).sum(0) + half_w * np.abs(x).sum(1)[:, None] + 32 * half_a * half_w
    assert (np.abs(found - x @ w) <= bound * (1 + 1e-6)).all()


def test_products_between_products_leave_as_codes(target, attention, normal):
    found = quantise_products(attention, target(group=64), [{"x": normal(1, 6, 12)}])
    assert [name for name, x in found.products.items() if x.scaling] == ["q", "k", "v", "context"]


def test_a_product_that_the_host_reads_leaves_as_sums(target, attention, normal):
    found = quantise_products(attention, target(group=64), [{"x": normal(1, 6, 12)}])
    assert [name for name, x in found.products.items() if not x.scaling] == ["scores", "y"]


def test_codes_wider_than_the_weights_format_leave_as_sums(target, attention, normal):
    found = quantise_products(attention, target("int4", group=64), [{"x": normal(1, 6, 12)}])
    assert [name for name, x in found.products.items() if x.scaling] == ["q", "context"]


def test_a_constant_factor_between_products_goes_into_the_scale(target, attention, normal):
    found = quantise_products(attention, target(group=64), [{"x": normal(1, 6, 12)}]).products
    assert found["scores"].left.scale == pytest.approx(found["q"].out.scale / 6**0.5)


def test_relu_before_a_product_is_done_by_the_requantiser(target, convolutions, normal):
    found = quantise_products(convolutions, target(group=64), [{"x": normal(2, 3, 7, 7)}]).products
    assert found["c1"].scaling.relu
    assert not found["c2"].scaling.relu


def test_a_grouped_convolution_leaves_as_sums(target, convolutions, normal):
    found = quantise_products(convolutions, target(group=64), [{"x": normal(2, 3, 7, 7)}]).products
    assert found["c3"].scaling is None


def test_a_batch_of_weights_leaves_as_sums(build, target, normal):
    network = build(
        {"x": (2, 4, 5)}, {"w": normal(2, 5, 3), "v": normal(3, 3)},
        ("MatMul", "x w", "a", (2, 4, 3)), ("MatMul", "a v", "y", (2, 4, 3)),
    )  # fmt: skip
    samples = [{"x": normal(2, 4, 5) + 2} for _ in range(2)]
    found = quantise_products(network, target(), samples)
    assert found.products["a"].scaling is None
    assert error(found, network, samples[0]) < 0.05


def test_an_output_of_the_network_leaves_as_sums(build, normal):
    w = normal(3, 3)
    network = build(
        {"x": (1, 3)}, {"w": w}, ("MatMul", "x w", "a", (1, 3)), ("MatMul", "a w", "y", (1, 3)),
        outputs=("a", "y"),
    )  # fmt: skip
    assert readers(network, "a") is None


def test_a_tensor_that_an_addition_reads_too_has_no_code_readers(build, normal):
    network = build(
        {"x": (1, 3)}, {"w": normal(3, 3)}, ("MatMul", "x w", "a", (1, 3)),
        ("MatMul", "a w", "b", (1, 3)), ("Add", "a b", "y", (1, 3)),
    )  # fmt: skip
    assert readers(network, "a") is None


FACTORS = [(4.0, 0.25), (-4.0, None), (0.0, None), (np.nan, None), (np.inf, None), ([1, 2], None)]


@pytest.mark.parametrize("value, factor", FACTORS)
def test_only_a_positive_scalar_is_a_constant_factor(build, value, factor):
    network = build({"x": (2,)}, {"c": np.array(value, np.float32)}, ("Div", "x c", "y", (2,)))
    assert constant_factor(network.nodes[0], network.constants) == factor


def test_weights_use_their_format_to_the_full(build, target, normal):
    network = linear(build, normal(16, 5))
    codes = quantise_products(network, target("int4"), [{"x": normal(4, 16)}]).products["y"].weights.codes
    assert (np.abs(codes).max(axis=1) == 7).all()


def test_a_channel_of_zeros_is_coded_as_zeros(build, target, normal):
    w = normal(16, 3)
    w[:, 1] = 0
    network = linear(build, w, np.array([0, 1.25, 0], np.float32))
    sample = {"x": normal(4, 16)}
    found = execute(quantise_products(network, target(), [sample]), sample, Model()).outputs["y"]
    assert found[:, 1] == pytest.approx(1.25)


def test_a_large_bias_over_small_weights_fits_the_accumulators(build, normal, target):
    w = normal(3, 3) * np.float32(1e-9)
    network = build(
        {"x": (1, 3)}, {"w": w, "b": np.full(3, 100, np.float32), "v": normal(3, 3)},
        ("MatMul", "x w b", "a", (1, 3)), ("MatMul", "a v", "y", (1, 3)),
    )  # fmt: skip
    sample = {"x": normal(1, 3)}
    assert error(quantise_products(network, target(), [sample]), network, sample) < 0.02


def test_samples_of_zeros_quantise(build, target):
    network = linear(build, np.zeros((4, 2), np.float32))
    sample = {"x": np.zeros((4, 4), np.float32)}
    assert (execute(quantise_products(network, target(), [sample]), sample, Model()).outputs["y"] == 0).all()


def test_a_channel_far_larger_than_the_others_is_evened_out(build, target, normal):
    scale = np.ones(16, np.float32)
    scale[3] = 300
    samples = [{"x": normal(4, 16) * scale} for _ in range(8)]
    network = linear(build, normal(16, 5) / scale[:, None])
    product = quantise_products(network, target(), samples).products["y"]
    assert product.evened[3] > 5 * np.delete(product.evened, 3).max()
    assert error(quantise_products(network, target(), samples), network, samples[0]) < 0.03


def test_evening_that_other_samples_would_clip_is_not_taken(build, target, normal):
    samples = []
    for i in range(8):  # the large channel is another one in each sample
        scale = np.ones(16, np.float32)
        scale[2 * i] = 100
        samples.append({"x": normal(4, 16) * scale})
    found = quantise_products(linear(build, normal(16, 5)), target(), samples).products["y"]
    assert (found.evened == 1).all()


def test_a_real_zero_has_a_code_of_its_own(build, target, normal):
    samples = [{"x": normal(4, 16) + 7} for _ in range(4)]
    found = quantise_products(linear(build, normal(16, 5)), target(), samples).products["y"]
    assert found.left.dequantise(found.left.quantise(0.0)) == 0


def test_one_sample_evens_nothing_out(build, target, normal):
    found = quantise_products(linear(build, normal(4, 3)), target(), [{"x": normal(4, 4)}]).products["y"]
    assert (found.evened == 1).all()


def test_unsigned_activations_take_a_zero_point(build, target, normal):
    samples = [{"x": normal(4, 16) + 1} for _ in range(4)]
    network = linear(build, normal(16, 5))
    found = quantise_products(network, target("int8", "uint8", "uint8"), samples)
    assert 0 < found.products["y"].zero_point < 255
    assert error(found, network, samples[0]) < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_every_method_quantises(build, target, normal, method):
    samples = [{"x": normal(4, 16)} for _ in range(4)]
    network = linear(build, normal(16, 5))
    assert error(quantise_products(network, target(), samples, method=method), network, samples[0]) < 0.1


def test_the_observer_counts_every_value(normal):
    seen = Observer()
    for factor in (1, 10, 1000, 3):
        seen.see(factor * normal(100))
    assert seen.counts.sum() == 400


def test_the_observer_spreads_into_the_bins_of_a_single_look(normal):
    values, parts, whole = 50 * normal(1000), Observer(), Observer()
    for part in np.sort(np.abs(values)).reshape(10, 100):
        parts.see(part)
    whole.see(np.abs(values))
    assert (parts.counts == whole.counts).all()


def test_percentile_leaves_out_a_lone_outlier(normal):
    seen = Observer()
    seen.see(np.append(np.tile([-1.0, 1.0], 50_000), 50.0))
    assert seen.scale(Int(8), "percentile", symmetric=True).scale * 127 < 10
    assert seen.scale(Int(8), "max", symmetric=True).scale * 127 == pytest.approx(50)


def test_mse_clips_weights_of_few_bits(normal):
    w = normal(1, 200, 4).astype(np.float64)
    errors = []
    for method in ("max", "mse"):
        coded = quantise_weights(w, Int(3), grouped=False, method=method, least=0.0)
        errors.append(((coded.codes * coded.scale - w) ** 2).sum())
    assert errors[1] < errors[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_named(build, target, normal, bad):
    w = normal(4, 3)
    w[2, 1] = bad
    with pytest.raises(BadValue, match=r"tensor w\[2, 1\] is (nan|inf)"):
        quantise_products(linear(build, w), target(), [{"x": normal(4, 4)}])


def test_a_sample_that_is_not_finite_is_named(build, target, normal):
    x = normal(4, 4)
    x[0, 3] = np.nan
    with pytest.raises(BadValue, match=r"tensor x\[0, 3\] is nan"):
        quantise_products(linear(build, normal(4, 3)), target(), [{"x": x}])


def test_calibration_without_samples_is_refused(build, target, normal):
    with pytest.raises(BadValue, match="calibration samples is none"):
        quantise_products(linear(build, normal(4, 3)), target(), [])


def test_an_unknown_method_is_refused(build, target, normal):
    with pytest.raises(BadValue, match="calibration method is 'best'; allowed: max, mse, percentile"):
        quantise_products(linear(build, normal(4, 3)), target(), [{"x": normal(4, 4)}], method="best")


@pytest.mark.parametrize("weight", ["uint8", "int1"])
def test_weights_without_both_signs_are_refused(build, target, normal, weight):
    with pytest.raises(BadValue, match=rf"pe\.weight is {weight}"):
        quantise_products(linear(build, normal(4, 3)), target(weight), [{"x": normal(4, 4)}])


def test_the_layers_of_a_convolution_rebuild_it(convolutions, normal):
    x, found = normal(2, 3, 7, 7), layers(convolutions)[0]
    w, bias = convolutions.constants["w1"], convolutions.constants["b1"]
    product = np.matmul(found.left(x), found.right(w)) + bias
    wanted = run_float(convolutions, {"x": x}, all_tensors=True)["c1"]
    assert np.maximum(found.output(product), 0) == pytest.approx(wanted, abs=1e-5)
