"""TFLite's means: of a window without padding, and of a whole image."""

from math import prod

import numpy as np

from golden import check
from golden.accelerator.map_lanes import requantise32
from golden.tflite.fixed_point import half_away, quantise_multiplier
from mapping.frontends.tflite.coded_elementwise import away
from mapping.frontends.tflite.coded_products import HIGH, image
from mapping.frontends.tflite.integer_call import scale_of
from mapping.frontends.tflite.reader import Operator
from mapping.frontends.tflite.translation import Translation, ends, reshaped
from mapping.ir import graph
from mapping.legalise.fixed import plain

MOST = 1 << 14  # codes under a window: all their sums are looked at
VECTOR = 16  # channels that the kernel for whole images takes at once
MOST_OF_IMAGE = 1 << 21  # so that sums are below 2^NEAR


def divided(count: int, low: int, high: int) -> dict[str, np.ndarray]:
    """Fields of an epilogue: sums of `count` codes, low to high, over `count`, ties away from zero.

    The multiplier is a little above 2^shift / count, so that a tie of either sign leaves zero.
    """
    check.in_range("codes under a window", count, 1, MOST)
    shift = 29 + count.bit_length() - 1
    multiplier = (1 << shift) // count + 1
    sums = np.arange(count * low, count * high + 1)
    exact = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
    if (requantise32(sums, 0, multiplier, shift) != exact).any():
        raise check.fail("codes under a window", count, "a number that can be divided by exactly")
    return {"multiplier": np.array([multiplier]), "shift": np.array([shift])}


def average_pool(t: Translation, operator: Operator) -> None:
    t.call(operator).unmoved(0)
    kernel, x = tuple(operator.options["kernel"]), t.input(operator)
    q = scale_of(ends(t, operator)[1])
    where = image(t, operator, x, kernel)
    del where["dilations"]
    if any(where["pads"]):
        raise check.fail("padding of a mean", list(where["pads"]), "none: windows have to be whole")
    y = t.result(operator)
    low, high = q.activation_range(operator.options.get("activation", "NONE"))
    # the mean of uint8 is of codes from 0 on, so that ties go up
    off = q.low if t.unsigned(operator) else 0
    e = plain(**divided(prod(kernel), q.low - off, q.high - off), zero_point=off, low=low, high=high)
    t.add(graph.Pool(name=y, x=x, y=y, reduction="sum", kernel=kernel, epilogue=e, x_zero=off,
                     **{**where, "pad_value": off}))  # fmt: skip


def mean(t: Translation, operator: Operator) -> None:
    """Translate a mean over height and width. TFLite has two kernels for it, which round differently."""
    x_tensor, y_tensor = ends(t, operator)
    axes = t.call(operator).integers(1).ravel().tolist()
    shape = t.tensors[t.input(operator)].shape
    if len(x_tensor.shape) != 4 or len(shape) != 3:
        raise check.fail("input 0", list(x_tensor.shape), "[1, height, width, channels]")
    for axis in axes:
        check.in_range("axis", axis, -4, 3)
    if sorted({axis % 4 for axis in axes}) != [1, 2]:
        raise check.fail("axes of a mean", axes, "height and width, [1, 2]")
    count, xq, yq = shape[0] * shape[1], scale_of(x_tensor), scale_of(y_tensor)
    check.in_range("elements of a mean", count, 1, MOST_OF_IMAGE)
    of_image = sorted(axes) == [1, 2] and bool(operator.options["keep"])  # its ties go up
    if of_image:
        zero = xq.low if t.unsigned(operator) else 0  # codes from 0 on
        raised = np.float32(xq.zero - zero) * xq.one_scale / yq.one_scale
        out = yq.zero - int(half_away(raised))
        check.in_range("zero points' difference", out, -(1 << 15), (1 << 15) - 1)
        real = np.float64(xq.one_scale / (np.float32(count) * yq.one_scale))
        significand, shift = (int(each) for each in quantise_multiplier(real))
    else:
        zero, out = xq.zero, yq.zero
        significand, shift = (
            int(each) for each in quantise_multiplier(np.float64(xq.one_scale) / np.float64(yq.one_scale))
        )
        extra = min(count.bit_length() - 1, 32, 31 + shift)
        significand, shift = (significand << extra) // count, shift - extra
    x, y = t.input(operator), t.result(operator)
    sums = t.tensor(f"{y}:sums", (1, 1, shape[2]), "int32")
    e = plain(multiplier=np.array([significand]), shift=np.array([HIGH - max(shift, 0)]))
    t.add(
        graph.Pool(
            name=sums, x=x, y=sums, reduction="sum", kernel=shape[:2], x_zero=zero, pad_value=zero, epilogue=e
        )
    )
    right = np.array([max(-shift, 0)])
    up = shape[2] - shape[2] % VECTOR if of_image else 0  # channels whose ties go up
    last = {key: np.repeat(v, shape[2]) for key, v in away(right).items()}
    last["multiplier"][:up], last["shift"][:up] = 1, right
    e = plain(**last, zero_point=out, low=yq.low, high=yq.high)
    t.add(graph.Map(name=y, x=reshaped(t, sums, t.tensors[y].shape), y=y, epilogue=e))
