"""Pre-aligned W4A16: narrow weights times mantissas that share an exponent, by shift and add, exact.

    sum = acc + sum_i q_i (m << i)          m: an activation's mantissa at the greatest exponent of its group

Source: FIGNA (HPCA 2024): floating-point activations are aligned once, outside the array, to the greatest
exponent of their row and group, so that the PE is an integer one; MixPE's mode for 16-bit activations. The
aligner is golden.vector.align: FP16's 11 bits and sign with 2 guard bits make int14. The PE is MixPE's
(golden.pe.mixpe); the sum of a group of `group` is exact, 25 bits for int4 by int14 and groups of 128. It
counts in units of the group's scale times the aligner's 2^exponent.
"""

from dataclasses import dataclass

import numpy as np

from golden.formats import FP16, Int
from golden.pe import mixpe
from golden.pe.weights import in_range
from golden.vector import align

STANDS, EXACT, GROUPED = mixpe.STANDS, mixpe.EXACT, mixpe.GROUPED
latency, accumulate, dot, quantise = mixpe.latency, mixpe.accumulate, mixpe.dot, mixpe.quantise


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedParams(mixpe.ShiftAddParams):
    """As MixPE's; activation: sign, significand and guard bits of the aligner."""

    activation: Int = Int(14)


Params = AlignedParams


def name(p: AlignedParams) -> str:
    """The definition's name: kind, formats, accumulator, registers."""
    return mixpe.name(p, "aligned")


def activations(p: AlignedParams, x: np.ndarray, groups: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Mantissas [M, K] of fp16 activations, and the unit 2^exponent that each group of a row shares [M,
    groups].

    raises  BadValue for what fp16 does not hold
    """
    m, k = x.shape
    params = align.AlignParams(bits=p.activation.width, group=k // groups, lanes=1)
    rounded = in_range(FP16.quantise(x), x, "activations", FP16)
    values, exponent, _ = align.align(params, FP16.encode(rounded).reshape(m, groups, k // groups))
    return values.reshape(m, k), align.unit(params, exponent)
