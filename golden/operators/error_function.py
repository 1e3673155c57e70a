"""The error function, vectorised.

Source: W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969).
Two of his three ranges suffice in float32, whose neighbours around 1 are 6e-8 apart:
    |x| <= 0.46875      erf = x P(x^2) / Q(x^2)
    |x| <= 4            erf = 1 - exp(-x^2) P(|x|) / Q(|x|)
    beyond              erf = 1, wrong by at most erfc(4) = 1.5e-8
Error before the last rounding: below 3e-16 for |x| <= 4 (against math.erf), as computed in float64.
"""

import numpy as np

SMALL = 0.46875
SMALL_P = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
           3.20937758913846947e3)
SMALL_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
LARGE_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
           2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
           1.23033935479799725e3)
LARGE_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
           3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)


def erf(x: np.ndarray) -> np.ndarray:
    """Error function of each element, in x's own float type; NaN stays NaN."""
    wide = np.asarray(x, np.float64)
    size = np.minimum(np.abs(wide), 4.0)
    square = size * size
    small = size * np.polyval(SMALL_P, square) / np.polyval(SMALL_Q, square)
    large = 1 - np.exp(-square) * np.polyval(LARGE_P, size) / np.polyval(LARGE_Q, size)
    clipped = np.where(np.abs(wide) > 4.0, 1.0, np.where(size <= SMALL, small, large))
    return np.copysign(clipped, wide).astype(x.dtype)
