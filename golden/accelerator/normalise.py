"""NORMALISE: layer norm and RMS norm of integers, without a division by their number.

    S, Q = sum and sum of squares of the n elements that are normalised together; S = 0 for RMS norm
    D    = n Q - S^2 + epsilon
    y    = clip(round((n x - S) 2^fraction / sqrt(D)), -2^15, 2^15 - 1), ties up

With epsilon = n^2 e this is (x - mean) / sqrt(variance + e), or x / sqrt(mean square + e). In rows, the
elements are all lanes of count0 vectors; in columns, a lane's. Those from number `length` = n on count as 0
and get 0. D is exact; its inverse root is golden.vector.root's. y is off by at most 0.7 codes, of which
rounding is 0.5 and 1.3 2^-18 |y|, which is 0.17 at the ends, the root's.

Source: Ba et al., arXiv 1607.06450, equation 4, and Zhang and Sennrich, arXiv 1910.07467, equation 4, both
multiplied by n above and below.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.accelerator.exponential import tree_registers
from golden.accelerator.params import AcceleratorParams
from golden.formats.integer import Int
from golden.vector.root import RootParams, inverse_root

X = Int(16)
LONGEST = 1 << 13  # elements that are normalised together
N = Int(LONGEST.bit_length(), signed=False)
TOTAL = Int(X.width - 1 + N.width)  # |S| <= LONGEST 2^15, of which only the negative end is reached
SQUARES = Int(2 * (X.width - 1) + N.width, signed=False)  # Q <= LONGEST 2^30
EPSILON = Int(32, signed=False)
UNDER = Int(2 * (X.width - 1 + N.width), signed=False)  # D <= LONGEST^2 2^30 + 2^32, and even
DEVIATION = Int(X.width + N.width)  # |n x - S| <= LONGEST 2^16
ROOT = RootParams(width=UNDER.width)
MOST_SHIFT = ROOT.bits + (ROOT.width - 2) // 2  # of a product with the mantissa, at fraction 0
FRACTIONS = range(16)


def normalise(p: AcceleratorParams, command: Mapping[str, int], x: ArrayLike) -> np.ndarray:
    """Results of a NORMALISE command, bit for bit what hw.accelerator.normalise gives.

    command  count0, count1, count2, columns, rms, length, epsilon, fraction of Opcode.NORMALISE
    x        values of X, [count2, count1, count0, lanes]
    returns  int64 of x's shape, values of 16 bits
    raises   BadValue, naming the argument; length is at most LONGEST
    """
    n = command["length"]
    check.in_range("length", n, 1, LONGEST, "elements that NORMALISE takes together")
    check.in_range("epsilon", command["epsilon"], 0, EPSILON.max)
    check.in_range("fraction", command["fraction"], FRACTIONS[0], FRACTIONS[-1])
    x = X.check("x", x)
    check.shape("x", x, (*(command[f"count{i}"] for i in (2, 1, 0)), p.lanes))
    place = np.arange(command["count0"])[:, None]
    valid = (place if command["columns"] else place * p.lanes + np.arange(p.lanes)) < n
    together = (2,) if command["columns"] else (2, 3)

    x = np.where(valid, x, 0)
    total = np.zeros(1, np.int64) if command["rms"] else x.sum(axis=together, keepdims=True)
    squares = (x * x).sum(axis=together, keepdims=True)
    mantissa, zeros = inverse_root(ROOT, n * squares - total * total + command["epsilon"])
    shift = np.maximum(MOST_SHIFT - command["fraction"] - zeros // 2, 1)  # 1: D is 0, and so is n x - S
    scaled = np.where(valid, (n * x - total) * mantissa, 0)
    return X.saturate(scaled + (1 << shift - 1) >> shift)


def epsilon_code(epsilon: float, scale: float, n: int) -> int:
    """A command's epsilon for a layer's own.

    epsilon  what the layer adds to the variance (or to the mean square)
    scale    the real value of an element x is scale * x
    n        elements that are normalised together
    returns  at least 1, so that no D is 0
    raises   BadValue where it takes more than 32 bits: give x a larger scale
    """
    check.in_range("n", n, 1, LONGEST, "elements that NORMALISE takes together")
    code = max(1, round(epsilon / scale**2 * n * n))
    check.in_range("epsilon n^2 / scale^2", code, 1, EPSILON.max, "what a command holds")
    return code


# Registers from a vector's second coming at `a` to `out`: entry, product, deviation, scaled, shifted, o.
LATENCY = 6
BEHIND = 3 + ROOT.latency + 1 - 3  # from a group's moments to the first deviation's product with the mantissa


def pause(p: AcceleratorParams, columns: bool) -> int:
    """Cycles in which `a` stalls between the two passes of a group.

    They are the stages entry, squares, sums, the reduction tree's (or as many as there are lanes, which take
    turns), moments, product, raised, under, those of the root, mantissa; less those by which the second pass
    runs ahead.
    """
    return 4 + BEHIND + (p.lanes - 1 if columns else tree_registers(p.lanes)) - 1


def cycles(p: AcceleratorParams, command: Mapping[str, int]) -> int:
    """Cycles from the first vector taken to the last delivered, both counted, where nothing else waits."""
    groups = command["count1"] * command["count2"]
    return groups * (2 * command["count0"] + pause(p, bool(command["columns"]))) + LATENCY
