"""Convolution, depthwise convolution and fully connected layers on codes.

    y = zero_y + multiply(sum over k of (x - zero_x)(w - zero_w) + bias, scale_x scale_w / scale_y)

One multiplier for each output channel, or one for all. Activations are NHWC, filters OHWI (depthwise: 1HWO).
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from golden import check
from golden.operators.window import OperatorWindow
from golden.tflite.fixed_point import Rounding, multiply, quantise_multiplier
from golden.tflite.quantisation import Quantisation

VECTOR = 8  # channels that the depthwise kernel takes at once
PADDINGS = {"SAME": "SAME_UPPER", "VALID": "VALID"}


def patches(
    x: np.ndarray, zero: int, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int],
    padding: str,
) -> np.ndarray:
    """The elements under each stop, less the zero point, float64: x [N, H, W, C] -> [N, OH, OW, C,
    KH, KW]."""
    check.one_of("padding", padding, PADDINGS)
    channels_first = (x.astype(np.float64) - zero).transpose(0, 3, 1, 2)
    spatial = channels_first.shape[2:]
    window = OperatorWindow.resolve(spatial, kernel, strides, None, dilations, PADDINGS[padding])
    out = window.out(spatial)
    if min(*out, *kernel) < 1:
        raise check.fail("kernel", list(kernel), f"at most the input's {list(spatial)}, and not empty")
    return window.view(channels_first).transpose(0, 2, 3, 1, 4, 5)


def sums(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """x [m, k] weights [n, k]^T, int64 [m, n]: float64 holds every sum of products of codes exactly."""
    return np.asarray(np.rint(x @ weights.T.astype(np.float64)), np.int64)


def scaled(
    total: np.ndarray, bias: np.ndarray | None, multiplier: np.ndarray, y: Quantisation, activation: str,
    rounding: Rounding,
) -> np.ndarray:
    """Codes [..., n] of sums [..., n]; multiplier: float64 [n] or [1]."""
    total = total if bias is None else total + bias.astype(np.int64)
    return y.codes(multiply(total, *quantise_multiplier(multiplier), rounding) + y.zero, activation)


def is_unsigned(q: tuple[Quantisation, ...]) -> bool:
    """Whether the codes of x are uint8. For uint8, TFLite's convolutions subtract the weights' zero point and
    multiply both scales in float32; for int8 they do neither."""
    return q[0].dtype == np.uint8


def raised(weights: np.ndarray, q: tuple[Quantisation, ...]) -> np.ndarray:
    """A convolution's weights less their zero point, int64; BadValue for a zero point of int8 weights."""
    zero = q[1].zero if len(q[1].scale) == 1 else 0
    if zero and not is_unsigned(q):
        raise check.fail("zero point of int8 weights", zero, "0: TFLite's kernel takes none off")
    return weights.astype(np.int64) - zero


def multipliers(q: tuple[Quantisation, ...]) -> np.ndarray:
    """Real multipliers of a convolution's sums, float64 [n] or [1]."""
    return in_float32(q) if is_unsigned(q) and len(q[1].scale) == 1 else channel_multipliers(*q)


def in_float32(q: tuple[Quantisation, ...]) -> np.ndarray:
    """scale_x scale_w / scale_y of one scale each, the product computed in float32; float64 [1]."""
    product = np.asarray(q[0].one_scale * q[1].scale, np.float32)
    return np.asarray(product.astype(np.float64) / np.float64(q[2].one_scale))


def channel_multipliers(x: Quantisation, w: Quantisation, y: Quantisation) -> np.ndarray:
    """scale_x scale_w / scale_y, float64 [n]."""
    return np.asarray(x.one_scale.astype(np.float64) * w.scale.astype(np.float64) / np.float64(y.one_scale))


def conv_2d(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None, q: tuple[Quantisation, ...], *,
    strides: Sequence[int] = (1, 1), dilations: Sequence[int] = (1, 1), padding: str = "VALID",
    activation: str = "NONE", rounding: Rounding = "double",
) -> np.ndarray:
    """x [N, H, W, C], weights [O, KH, KW, C / groups], bias [O] int32 -> [N, OH, OW, O].

    q   of x, weights (zero points 0 if int8) and result
    """
    filters, kernel, depth = len(weights), weights.shape[1:3], weights.shape[3]
    groups = x.shape[3] // depth if depth else 0
    if groups < 1 or groups * depth != x.shape[3] or filters % groups:
        given = f"for {depth} channels and {filters} filters"
        raise check.fail("weights", given, f"a divisor of {x.shape[3]} channels, that divides the filters")
    seen = patches(x, q[0].zero, kernel, strides, dilations, padding)
    stops, size = seen.shape[:3], depth * prod(kernel)
    rows = seen.reshape(*stops, groups, size)
    each = raised(weights, q).transpose(0, 3, 1, 2).reshape(groups, filters // groups, size)
    parts = [sums(rows[..., g, :].reshape(-1, size), each[g]) for g in range(groups)]
    total = np.concatenate(parts, axis=1).reshape(*stops, filters)
    return scaled(total, bias, multipliers(q), q[2], activation, rounding)


def depthwise_conv_2d(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None, q: tuple[Quantisation, ...], *,
    strides: Sequence[int] = (1, 1), dilations: Sequence[int] = (1, 1), padding: str = "VALID",
    activation: str = "NONE", rounding: Rounding = "double",
) -> np.ndarray:
    """x [N, H, W, C], weights [1, KH, KW, C * m], bias [C * m] int32 -> [N, OH, OW, C * m].

    q   of x, weights (zero points 0 if int8) and result
    "upward" rounds int8's whole vectors of channels; all else is rounded "double".
    """
    channels = x.shape[3]
    if len(weights) != 1 or weights.shape[3] % channels:
        raise check.fail("depthwise weights", list(weights.shape), f"[1, height, width, {channels} * m]")
    seen = patches(x, q[0].zero, weights.shape[1:3], strides, dilations, padding)
    each = raised(weights[0], q).reshape(*weights.shape[1:3], channels, -1).astype(np.float64)
    total = np.einsum("nhwcij,ijcm->nhwcm", seen, each)
    total = np.rint(total).astype(np.int64).reshape(*seen.shape[:3], -1)
    found = scaled(total, bias, multipliers(q), q[2], activation, rounding)
    whole = 0 if is_unsigned(q) else total.shape[3] - total.shape[3] % VECTOR
    if rounding == "upward" and whole < total.shape[3]:
        apart = scaled(total, bias, multipliers(q), q[2], activation, "double")
        found[..., whole:] = apart[..., whole:]
    return found


def fully_connected(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None, q: tuple[Quantisation, ...], *,
    activation: str = "NONE", rounding: Rounding = "double",
) -> np.ndarray:
    """x [..., k], any shape of a multiple of k elements, weights [n, k], bias [n] int32 -> [rows, n].

    With one scale for all, scale_x scale_w is a product in float32, as in the kernel.
    """
    k = weights.shape[1]
    if k < 1 or x.size % k:
        raise check.fail("inputs of a row of weights", k, f"a divisor of {x.size}")
    zero = q[1].zero if len(q[1].scale) == 1 else 0
    total = sums(x.reshape(-1, k).astype(np.float64) - q[0].zero, weights.astype(np.float64) - zero)
    multiplier = in_float32(q) if len(q[1].scale) == 1 else channel_multipliers(*q)
    return scaled(total, bias, multiplier, q[2], activation, rounding)
