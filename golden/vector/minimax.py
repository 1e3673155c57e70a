"""Best polynomials on a set of points: the largest error is as small as it can be.

Source: Remez' exchange of one point at a time (Cheney, Introduction to Approximation Theory, chapter 3). On
degree + 2 reference points the error takes one size with alternating signs; the point where the error is
largest takes the place of a reference point, until none is larger.
"""

import numpy as np

EXCHANGES = 60  # degree 2 on 2^16 points takes under 15
ENOUGH = 1e-9  # relative: the largest error may exceed that of the reference by so much


def minimax(points: np.ndarray, values: np.ndarray, degree: int) -> np.ndarray:
    """Coefficients float64 [degree + 1], constant first, of the best polynomial.

    points  float64 [n], rising, n >= degree + 2
    values  float64 [n]
    """
    turns = np.cos(np.pi * np.arange(degree + 1, -1, -1) / (degree + 1))  # extremes of a Chebyshev polynomial
    reference = np.unique(np.rint((turns + 1) / 2 * (len(points) - 1)).astype(int))
    for _ in range(EXCHANGES):
        coefficients, size = _level(points[reference], values[reference], degree)
        errors = values - np.polynomial.polynomial.polyval(points, coefficients)
        worst = int(np.abs(errors).argmax())
        if abs(errors[worst]) <= abs(size) * (1 + ENOUGH) + 1e-15:
            break
        reference = _exchange(reference, np.sign(errors[reference]), worst, float(np.sign(errors[worst])))
    return coefficients


def _level(points: np.ndarray, values: np.ndarray, degree: int) -> tuple[np.ndarray, float]:
    """The polynomial whose error on degree + 2 points alternates in sign at one size; that size."""
    signs = (-1.0) ** np.arange(degree + 2)
    scale = float(np.abs(points).max()) or 1.0  # powers of what is at most 1: the system stays solvable
    matrix = np.column_stack([*((points / scale) ** power for power in range(degree + 1)), signs])
    solved = np.linalg.solve(matrix, values)
    return solved[:-1] / scale ** np.arange(degree + 1), float(solved[-1])


def _exchange(reference: np.ndarray, signs: np.ndarray, worst: int, sign: float) -> np.ndarray:
    """The reference with `worst` in it, and signs that still alternate."""
    after = int(np.searchsorted(reference, worst))
    if after == 0:
        return np.concatenate([[worst], reference[1:] if signs[0] == sign else reference[:-1]])
    if after == len(reference):
        return np.concatenate([reference[:-1] if signs[-1] == sign else reference[1:], [worst]])
    replaced = reference.copy()
    replaced[after if signs[after] == sign else after - 1] = worst
    return replaced
