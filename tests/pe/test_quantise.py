"""Weights and activations as PEs take them: what the codes stand for, by an oracle; what is refused."""

import numpy as np
import pytest

from golden import pe
from golden.check import BadValue
from golden.formats import BF16, FP8_E4M3, FP16, Int, bitmod, grouped
from golden.pe.quantise import activations, quantise
from golden.tile.params import TileParams
from golden.tile.sums import grouped_product

DEPTH, K, N, M = 32, 96, 7, 5


def uint(bits: int) -> Int:
    return Int(bits, signed=False)


# PE's parameters, most that the weights are off and most that a product is off its own values
CASES = {
    "int8": (("multiplier", {"weight": Int(8)}), 0.01, 0.02),
    "int4": (("multiplier", {"weight": Int(4)}), 0.15, 0.02),
    "ternary": (("multiplier", {"weight": Int(2)}), 0.8, 0.02),
    "uint4": (("multiplier", {"weight": uint(4)}), 0.1, 0.02),
    "mixpe": (("mixpe", {"weight": uint(4)}), 0.1, 0.02),
    "aligned": (("aligned", {}), 0.15, 0.001),
    "dequantise": (("dequantise", {}), 0.1, 0.02),
    "dequantise-signed": (("dequantise", {"code": Int(4)}), 0.15, 0.02),
    "fp16": (("float_multiply_add", {}), 0.0005, 0.001),
    "bf16": (("float_multiply_add", {"weight": BF16, "activation": BF16}), 0.004, 0.004),
    "fp8": (("float_multiply_add", {"weight": FP8_E4M3, "activation": FP8_E4M3}), 0.05, 0.05),
    "mixpe_float": (("mixpe_float", {}), 0.15, 0.001),
    "bitmod_fp4": (("bitmod", {}), 0.12, 0.002),
    "bitmod_int6": (("bitmod", {"weight": bitmod.Datatype("int6")}), 0.04, 0.002),
    "lut1": (("lut", {"weight": uint(1)}), 0.7, 0.02),
    "lut2": (("lut", {"weight": uint(2)}), 0.55, 0.02),
    "lut4": (("lut", {"weight": uint(4)}), 0.1, 0.02),
    "lut4-full": (("lut", {"weight": uint(4), "table": "full"}), 0.1, 0.02),
    "lut1-fp16": (("lut", {"weight": uint(1), "activation": FP16}), 0.7, 0.002),
    "lut4-fp16": (("lut", {"weight": uint(4), "activation": FP16}), 0.15, 0.002),
}


def params(kind: str, given: dict) -> object:
    return pe.PES[kind].Params(group=DEPTH, **given)


def off(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize("name", CASES)
def test_a_product_is_that_of_what_the_codes_stand_for(name):
    (kind, given), of_weights, of_product = CASES[name]
    p, rng = params(kind, given), np.random.default_rng(6)
    w, x = 0.05 * rng.standard_normal((K, N)), 3 * rng.standard_normal((M, K))
    q = quantise(p, w)
    values, scale = activations(p, x)
    y = grouped_product(TileParams(pe=p), values, q.weights) * scale * q.channel
    assert off(q.values, w) < of_weights
    assert off(y, x @ q.values) < of_product


def test_every_pe_of_the_table_is_among_the_cases():
    assert {kind for (kind, _), *_ in CASES.values()} == set(pe.PES)


def test_a_table_counts_what_a_multiplier_does():
    w = np.random.default_rng(1).standard_normal((K, N))
    table, plain = (quantise(params(kind, {"weight": uint(3)}), w) for kind in ("lut", "multiplier"))
    assert np.array_equal(table.values, plain.values)
    assert np.array_equal(table.weights.zeros, 2 * plain.weights.zeros - 7)
    assert np.array_equal(2 * table.weights.scales, plain.weights.scales)


def test_round_to_nearest_is_that_of_the_groups():
    w = np.random.default_rng(2).standard_normal((K, N))
    found, wanted = quantise(params("mixpe", {}), w), grouped.nearest(w, 4, DEPTH)
    assert np.array_equal(found.weights.codes, wanted.codes)
    assert np.array_equal(found.weights.scales, FP16.quantise(wanted.scale))


def test_words_of_the_loop_are_within_half_a_unit_of_the_rounded_weights():
    p, w = params("dequantise", {}), np.random.default_rng(3).standard_normal((K, N))
    found, wanted = quantise(p, w), grouped.nearest(w, 4, DEPTH, symmetric=False)
    unit = found.weights.scales[0]
    most = unit * (0.5 + 15 * 0.5 / (1 << p.shift))  # of w8, and of s
    assert (np.abs(found.values - wanted.values) <= most * 1.01).all()
    assert np.array_equal(found.weights.scales, np.broadcast_to(unit, found.weights.scales.shape))


def test_a_single_bit_is_the_sign_times_the_mean():
    w = np.random.default_rng(4).standard_normal((K, N))
    mean = np.abs(w).reshape(-1, DEPTH, N).mean(1)
    assert np.array_equal(
        quantise(params("lut", {"weight": uint(1)}), w).values,
        np.where(w < 0, -1, 1) * np.repeat(FP16.quantise(mean), DEPTH, 0),
    )


def test_each_row_of_activations_fills_int8():
    x = np.random.default_rng(5).standard_normal((M, K)) * 10.0 ** np.arange(-2, 3)[:, None]
    x[2] = 0
    values, scale = activations(params("mixpe", {}), x)
    assert np.array_equal(np.abs(values).max(1), [127, 127, 0, 127, 127])
    assert (np.abs(values * scale - x) <= scale / 2 * 1.0001).all()


@pytest.mark.parametrize("groups", [1, 3])
def test_aligned_activations_share_the_exponent_of_their_group(groups):
    x = np.random.default_rng(7).standard_normal((M, K)) * np.where(np.arange(K) < 40, 1, 1e-3)
    values, scale = activations(params("aligned", {}), x, groups)
    assert scale.shape == (M, groups)
    real = values * np.repeat(scale, K // groups, 1)
    assert (np.abs(real - FP16.quantise(x)) < np.repeat(scale, K // groups, 1)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_named(bad):
    w = np.ones((K, N))
    w[3, 2] = bad
    with pytest.raises(BadValue, match=r"^weights\[3, 2\] is (nan|inf)"):
        quantise(params("mixpe", {}), w)
    with pytest.raises(BadValue, match=r"^activations\[3, 2\] is (nan|inf)"):
        activations(params("mixpe", {}), w)


@pytest.mark.parametrize(
    ("kind", "given", "named"),
    [
        ("multiplier", {"weight": Int(16)}, "pe.weight is int16"),
        ("mixpe_float", {"weight": uint(4)}, "pe.weight is uint4; allowed: signed formats"),
    ],
)
def test_a_format_that_has_no_quantiser_is_named(kind, given, named):
    with pytest.raises(BadValue, match=f"^{named}"):
        quantise(params(kind, given), np.ones((K, N)))


def test_activations_without_a_sign_and_beyond_fp16_are_refused():
    with pytest.raises(BadValue, match=r"^pe\.activation is uint8"):
        activations(params("multiplier", {"activation": uint(8)}), np.ones((M, K)))
    with pytest.raises(BadValue, match=r"^activations\[0, 0\] is 70000\.0; allowed: numbers to 65504"):
        activations(params("bitmod", {}), np.full((M, K), 7e4))


def test_a_group_that_does_not_divide_is_named():
    with pytest.raises(BadValue, match=r"^group is 32; allowed: divisors of K = 40$"):
        quantise(params("mixpe", {}), np.ones((40, N)))


def test_a_pe_with_a_quantiser_of_its_own_is_asked(monkeypatch):
    p, w = params("mixpe", {}), np.ones((K, N))
    own = quantise(params("multiplier", {"weight": Int(4)}), w)
    module, twos = pe.PES["mixpe"], lambda p, x, groups: (x, np.full((len(x), groups), 2.0))
    monkeypatch.setattr(module, "quantise", lambda p, weights: own, raising=False)
    monkeypatch.setattr(module, "activations", twos, raising=False)
    assert quantise(p, w) is own
    assert np.array_equal(activations(p, w, 3)[1], np.full((K, 3), 2.0))
