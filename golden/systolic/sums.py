"""Sums as a matrix unit adds them up, for PEs whose sums depend on the order.

    s_i = ((0 + p_1) + p_2) + ...              a pass: its products in the order of k, down the array's rows
                                               (weight-, input-stationary) or in a PE (output-stationary)
    S_1 = s_1,  S_i = combine(S_{i-1}, s_i)    the passes of a tile, in the accumulator memory

A pass has `rows` of k, the last one filled up with zeros times zeros, as the array is; output-stationary it
has `stream` of k, the last one fewer. 0 is the code 0, +0 of a float.
"""

import numpy as np

from golden import check, pe
from golden.systolic.operands import ChannelScaling
from golden.systolic.params import MatrixUnitParams
from golden.vector.requantise import requantise


def of_pass(p: MatrixUnitParams, activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """activations [..., m, k] by weights [..., k, n], one visit of the array -> [..., m, n], unchecked."""
    kind, depth = pe.module_of(p.pe), activations.shape[-1]
    sums = np.zeros((*activations.shape[:-1], weights.shape[-1]))
    for k in range(depth):
        product = kind.product(p.pe, weights[..., k, None, :], activations[..., :, k, None])
        sums = kind.add_product(p.pe, sums, product)
    if p.dataflow != "output" and depth < p.rows:
        zero = np.zeros((1,) * sums.ndim, np.int64)
        for _ in range(p.rows - depth):
            sums = kind.add_product(p.pe, sums, kind.product(p.pe, zero, zero))
    return np.asarray(sums)


def join(p: MatrixUnitParams, before: np.ndarray | None, sums: np.ndarray) -> np.ndarray:
    """The accumulator memory's contents after a pass: the pass's sums replace, or add to, those before."""
    return sums if before is None else np.asarray(pe.module_of(p.pe).combine(p.pe, before, sums))


def in_order(
    p: MatrixUnitParams, activations: np.ndarray, weights: np.ndarray, stream: int | None = None
) -> np.ndarray:
    """activations [..., m, k] by weights [..., k, n] -> [..., m, n], values of the accumulator's format.

    stream  k in a pass (Tiling.stream); needed where it sets the passes: output-stationary
    raises  BadValue, naming the array, if a value is not of its format or k over p.pe.group
    """
    depth = activations.shape[-1]
    check.in_range("K", depth, 1, p.pe.group, "pe.group")
    length = p.rows
    if p.dataflow == "output":
        if stream is None:
            raise check.fail("stream", None, "the tiling's: sums of such a PE depend on where a pass ends")
        length = stream
    activations = p.pe.activation.check("activations", activations)
    weights = p.pe.weight.check("weights", weights)
    total = None
    for k in range(0, depth, length):
        total = join(p, total, of_pass(p, activations[..., k : k + length], weights[..., k : k + length, :]))
    return np.asarray(total)


def matrix_product(
    p: MatrixUnitParams,
    activations: np.ndarray,
    weights: np.ndarray,
    scaling: ChannelScaling | None = None,
    stream: int | None = None,
) -> np.ndarray:
    """The matrix unit's results: [batch, m, n], codes of p.out, or the sums if there is no scaling.

    activations  [batch, m, k], values of p.pe.activation
    weights      [batch, k, n], values of p.pe.weight
    stream       of the tiling: floating sums that stay in the array depend on it
    raises       BadValue, naming the array, if a value is outside its format or k over p.pe.group
    """
    kind = pe.module_of(p.pe)
    if kind.EXACT:
        acc = kind.dot(p.pe, activations, weights)
    else:
        acc = in_order(p, activations, weights, stream)
    if scaling is None:
        return np.asarray(acc)
    return requantise(
        p.requantise, acc, scaling.bias, scaling.multiplier, scaling.shift, scaling.zero_point, scaling.relu
    )
