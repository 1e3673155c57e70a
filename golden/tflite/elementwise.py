"""Sum, difference and product of codes, change of scale, and the activations that are integer arithmetic."""

import numpy as np

from golden.tflite.fixed_point import Rounding, divide_by_power, half_away, high_half, multiply, truncate
from golden.tflite.fixed_point import quantise_multiplier as significand
from golden.tflite.quantisation import Quantisation

VECTOR = 16  # codes that the kernels which change a scale take at once
REALS = 8  # and those that make reals of codes
HEADROOM = 20  # bits that a sum's terms are shifted left by before they are scaled


def by(x: np.ndarray, real: float | np.floating, rounding: Rounding) -> np.ndarray:
    """x, int64 [...], times one real multiplier."""
    return multiply(x, *significand(np.float64(real)), rounding)


def add(
    a: np.ndarray, b: np.ndarray, q: tuple[Quantisation, ...], *, activation: str = "NONE",
    rounding: Rounding = "double", sign: int = 1,
) -> np.ndarray:
    """a + sign * b, broadcast. q: of a, b and result."""
    scales = [np.float64(each.one_scale) for each in q]
    widest = 2 * max(scales[:2])
    terms = [
        by((x.astype(np.int64) - each.zero) << HEADROOM, scale / widest, rounding)
        for x, each, scale in zip((a, b), q, scales, strict=False)
    ]
    total = terms[0] + sign * terms[1]
    return q[2].codes(by(total, widest / ((1 << HEADROOM) * scales[2]), rounding) + q[2].zero, activation)


def mul(
    a: np.ndarray, b: np.ndarray, q: tuple[Quantisation, ...], *, activation: str = "NONE",
    rounding: Rounding = "double",
) -> np.ndarray:
    """a * b, broadcast. q: of a, b and result. The multiplier is computed in float32, as in the kernel."""
    product = (a.astype(np.int64) - q[0].zero) * (b.astype(np.int64) - q[1].zero)
    real = q[0].one_scale * q[1].one_scale / q[2].one_scale
    return q[2].codes(by(product, real, rounding) + q[2].zero, activation)


def requantise(
    x: np.ndarray, q: tuple[Quantisation, ...], *, rounding: Rounding = "double",
    vector_rounding: Rounding = "upward",
) -> np.ndarray:
    """Codes of one scale as codes of another. q: of x and result. vector_rounding: of whole vectors."""
    real = np.float64(q[0].one_scale) / np.float64(q[1].one_scale)
    raised = x.astype(np.int64) - q[0].zero
    scaled = np.where(in_vectors(x), by(raised, real, vector_rounding), by(raised, real, rounding))
    return q[1].codes(scaled + q[1].zero)


def in_vectors(x: np.ndarray, size: int = VECTOR) -> np.ndarray:
    """Elements that the kernel's vector unit handles: all but the remainder that fills no `size`.
    bool [...]."""
    return np.arange(x.size).reshape(x.shape) < x.size - x.size % size


def quantise(x: np.ndarray, q: Quantisation) -> np.ndarray:
    """Codes of reals, float32; ties round away from zero."""
    return q.codes(half_away(x.astype(np.float32) / q.one_scale).astype(np.float64) + q.zero)


def dequantise(x: np.ndarray, q: Quantisation) -> np.ndarray:
    """Reals, float32, of codes: scale * (x - zero_point), rounded once; in whole vectors each product and
    their difference are rounded by themselves. q: of x."""
    apart = x.astype(np.float32) * q.one_scale - np.float32(q.zero) * q.one_scale
    once = (x.astype(np.int64) - q.zero).astype(np.float32) * q.one_scale
    return np.where(in_vectors(x, REALS), apart, once)


def relu(
    x: np.ndarray, q: tuple[Quantisation, ...], *, activation: str = "RELU", rounding: Rounding = "double"
) -> np.ndarray:
    """RELU, RELU6, RELU_N1_TO_1 as operators of their own. q: of x and result."""
    real = q[0].one_scale / q[1].one_scale
    return q[1].codes(by(x.astype(np.int64) - q[0].zero, real, rounding) + q[1].zero, activation)


def leaky_relu(
    x: np.ndarray, q: tuple[Quantisation, ...], *, alpha: float, rounding: Rounding = "double"
) -> np.ndarray:
    """x, or alpha x where x is negative. q: of x and result."""
    above = x.astype(np.int64) - q[0].zero
    slope = q[0].one_scale * np.float32(alpha) / q[1].one_scale
    scaled = by(above, q[0].one_scale / q[1].one_scale, rounding)
    negative = np.sign(slope).astype(np.int64) * by(above, abs(slope), rounding)
    return q[1].codes(np.where(above >= 0, scaled, negative) + q[1].zero)


def hard_swish(x: np.ndarray, q: tuple[Quantisation, ...]) -> np.ndarray:
    """x * relu6(x + 3) / 6, in 16-bit fixed point. q: of x and result; `relu6(x + 3) / 6` is in Q15."""
    fine = q[0].one_scale * np.float32(1 / 128)
    raised = (x.astype(np.int64) - q[0].zero) << 7
    out, out_shift = short(fine / q[1].one_scale)
    gate, gate_shift = short(fine / np.float32(3 / 32768))
    value = raised
    if gate_shift > 0:
        value = saturate(value << gate_shift - 1)
    value = high_half(value, gate, 16)
    value = saturate(value << 1) if gate_shift > 0 else divide_by_power(value, -gate_shift)
    value = value + (1 << 15) >> 1
    product = truncate(value * high_half(raised, out, 16), 15)
    return q[1].codes(divide_by_power(saturate(product), max(-out_shift, 0)) + q[1].zero)


def short(real: np.floating) -> tuple[np.ndarray, int]:
    """A 16-bit significand, and the shift, of a real multiplier."""
    wide, shift = significand(np.float64(real))
    return np.minimum(wide + (1 << 15) >> 16, 32767), int(shift)


def saturate(x: np.ndarray) -> np.ndarray:
    """x cut to 16 bits."""
    return np.asarray(np.clip(x, -32768, 32767))
