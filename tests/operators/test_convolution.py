"""im2col: the same matrix product on codes that convolution is, padded by a zero point."""

import numpy as np
import pytest

from golden.operators.convolution import col2im, conv_window, im2col


def by_loops(x, weights, strides, pads, dilations, groups, padding):
    """Integer convolution of the definition, one output at a time."""
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=padding)
    n, _, h, w = x.shape
    filters, depth, kh, kw = weights.shape
    out_h = (h - (kh - 1) * dilations[0] - 1) // strides[0] + 1
    out_w = (w - (kw - 1) * dilations[1] - 1) // strides[1] + 1
    y = np.zeros((n, filters, out_h, out_w), np.int64)
    for s, f, i, j in np.ndindex(*y.shape):
        first = f // (filters // groups) * depth
        for c, a, b in np.ndindex(depth, kh, kw):
            row, column = i * strides[0] + a * dilations[0], j * strides[1] + b * dilations[1]
            y[s, f, i, j] += x[s, first + c, row, column] * weights[f, c, a, b]
    return y


CASES = [
    ((1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((2, 1), (1, 2, 0, 1), (1, 1), 1),
    ((1, 2), (1, 1, 1, 1), (2, 1), 2),
    ((1, 1), (1, 1, 1, 1), (1, 1), 4),
]


@pytest.mark.parametrize(("strides", "pads", "dilations", "groups"), CASES)
@pytest.mark.parametrize("samples", [1, 2])
def test_codes_convolve_as_by_definition(strides, pads, dilations, groups, samples):
    rng = np.random.default_rng(3)
    x = rng.integers(-128, 128, (samples, 4, 6, 5))
    weights = rng.integers(-128, 128, (8, 4 // groups, 3, 2))
    attributes = {"strides": strides, "pads": pads, "dilations": dilations, "group": groups}
    window = conv_window(x.shape, weights.shape, **attributes)
    patches = im2col(x, window, groups=groups, padding=-7)
    product = patches @ weights.reshape(groups, 8 // groups, -1).swapaxes(1, 2)
    found = col2im(product, samples, window.out(x.shape[2:]))
    assert np.array_equal(found, by_loops(x, weights, strides, pads, dilations, groups, -7))


def test_type_of_codes_is_kept():
    x = np.zeros((1, 2, 4, 4), np.int8)
    assert im2col(x, conv_window(x.shape, (1, 2, 3, 3), pads=[1] * 4), padding=-128).dtype == np.int8
