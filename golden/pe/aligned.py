"""Pre-aligned W4A16: narrow weights times mantissas that share an exponent, by shift and add, exact.

    sum = acc + sum_i q_i (m << i)          m: an activation's mantissa at the greatest exponent of its group

Source: FIGNA (HPCA 2024): floating-point activations are aligned once, outside the array, to the greatest
exponent of their row and group, so that the PE is an integer one; MixPE's mode for 16-bit activations. The
aligner is golden.vector.align: FP16's 11 bits and sign with 2 guard bits make int14. The PE is MixPE's
(golden.pe.mixpe); the sum of a group of `depth` is exact, 25 bits for int4 by int14 and groups of 128. It
counts in units of the group's scale times the aligner's 2^exponent.
"""

from dataclasses import dataclass

from golden.formats import Int
from golden.pe import mixpe
from golden.pe.mixpe import EXACT, HOST, ShiftAddParams, accumulate, dot, latency

__all__ = ["EXACT", "HOST", "AlignedParams", "Params", "accumulate", "dot", "latency", "name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedParams(ShiftAddParams):
    """As MixPE's; activation: sign, significand and guard bits of the aligner."""

    activation: Int = Int(14)


Params = AlignedParams


def name(p: AlignedParams) -> str:
    """The definition's name: kind, formats, accumulator, registers."""
    return mixpe.name(p, "aligned")
