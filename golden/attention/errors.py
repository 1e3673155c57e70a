"""How far a row of the exact numerics is from attention in float64: bounds that hold.

Of the same scores, with e the worst relative error of 2^f (weights.worst_errors), n keys, R = max v - min v:

    |out - sum p v| <= R (e / 2 + t) / (1 - e - t) + last        t = n 2^(1 - weight_bits)

t is what the cuts of n weights take at most, beside a largest one of at least half 2^weight_bits; a common
factor of all weights cancels. last: the quotient's rounding, of integers .9 of out's last bit, of FP16 2^-11
+ 2^-16 of the result and 2^-25. A score that is off by d octaves is a weight off by 2^d - 1; rounding a score
is off by 2^-(fraction + 1) at most.
"""

from dataclasses import dataclass

import numpy as np

from golden.attention.arithmetic import Arithmetic
from golden.attention.weights import worst_errors


@dataclass(frozen=True, slots=True)
class RowBound:
    """|out - real| <= spread (max v - min v) + size |real| + last, in a value's last bit (FP16: in 1)."""

    spread: float
    size: float
    last: float

    def of(self, values: np.ndarray, real: np.ndarray) -> np.ndarray:
        """The bound for rows of these values, whose real results are known."""
        return np.asarray(self.spread * (values.max() - values.min()) + self.size * np.abs(real) + self.last)


def row_bound(p: Arithmetic, keys: int) -> RowBound:
    """Of rows of `keys` keys."""
    relative = worst_errors(p).relative
    cut = keys * 2.0 ** (1 - p.weight_bits)
    spread = (relative / 2 + cut) / (1 - relative - cut)
    if p.floating:
        return RowBound(spread, 2.0**-11 + 2.0**-16, 2.0**-25)
    return RowBound(spread, 0.0, 0.9 * 2.0**-p.out_fraction)


def score_error(p: Arithmetic) -> float:
    """Relative, of a weight, from rounding its score."""
    return float(np.exp2(2.0 ** -(p.fraction + 1)) - 1)
