"""An activation function as 2^s polynomials of integers, one for each of as many equal parts of the input.

    segment = top s bits of (x - input.min), t = the other bits
    y = clip(floor((constant + t (slope + t curvature)) / 2^fraction), out.min, out.max)

The coefficients are a row of a table, fitted here: minimax on the codes of the segment
(golden.vector.minimax), rounded from the highest power down, each lower one fitted again to what is left.
`constant` holds the half that rounds to nearest, ties up. Everything before the floor is exact. Beyond the
ends of its format the input has saturated before, and y is what the function gives at the end.

Degree 0 is a table: a constant a segment, of one code or more. Where the function is `rising`
(golden.vector.functions) the first segment begins exactly, its slope fitted to that, and a segment that would
begin below the end of the one before it begins there.

Largest errors over all codes, in codes of out, where rounding alone is 0.5:
                                          gelu   silu   sigmoid  tanh
    16 bits, 12 below 1, 64 quadratics    0.76   0.61   0.54     1.10
                         128 quadratics   0.54   0.52   0.52     0.58
                         256 lines        1.31   1.01   0.63     1.27
    8 bits, 4 below 1,   32 lines         0.61   0.51   0.52     0.61
    exp2, 12 bits to 15 below 1: 16 lines 7.92, 8 quadratics 0.72. relu and relu6 are exact, leaky_relu 0.51.

Source: Muller, Elementary Functions, 3rd edition, chapter 6 (tables with polynomials); the errors of the best
real polynomials on a segment of width h: h^2 max|f''| / 16 linear, h^3 max|f'''| / 192 quadratic.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.formats.integer import Int
from golden.vector.functions import FUNCTIONS
from golden.vector.minimax import minimax

MAX_INPUT = 20  # bits: a fit and a worst error go through all codes
HALVINGS = 80  # by a third each, of a slope's interval: to 2^-46 of it
Row = tuple[int, int, int]  # constant, slope, curvature
ROOM = 60  # bits of a term, so that the sum of all three is below 2^62


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecewiseParams:
    """input, out: formats of codes; a code's real value is code / 2^input_fraction, code / 2^out_fraction.

    functions     names in golden.vector.functions; a word says by number which one it wants
    segment_bits  2^segment_bits segments
    degree        0 (a table), 1 (linear) or 2 (quadratic)
    """

    input: Int = Int(16)
    input_fraction: int = 12
    out: Int = Int(16)
    out_fraction: int = 12
    functions: tuple[str, ...] = ("gelu", "silu", "sigmoid", "tanh")
    segment_bits: int = 6
    degree: int = 2

    def __post_init__(self) -> None:
        check.in_range("degree", self.degree, 0, 2)
        check.in_range("input.width", self.input.width, 4, MAX_INPUT, "a fit goes through all codes")
        check.in_range("out.width", self.out.width, 1, 26)
        check.in_range("input_fraction", self.input_fraction, 0, 24)
        check.in_range("out_fraction", self.out_fraction, 0, 24)
        most = self.input.width - 2 * (self.degree > 0)
        why = "segments of four codes or more" if self.degree else "segments of a code or more"
        check.in_range("segment_bits", self.segment_bits, 1, most, why)
        check.in_range("len(functions)", len(self.functions), 1, 16)
        for name in self.functions:
            check.one_of("functions", name, FUNCTIONS)
            self._check_range(name)
            self._check_breaks(name)

    def _check_range(self, name: str) -> None:
        """A function of [0, 1) has no other input, and a constant, with its bits below out's, has 60 bits."""
        function, ends = FUNCTIONS[name], (self.input.min, self.input.max)
        if function.unit and (self.input.signed or self.input.width > self.input_fraction):
            given = f"{self.input} with {self.input_fraction} bits below 1"
            raise check.fail(f"{name}'s input", given, "unsigned, all bits below 1: it is one of [0, 1)")
        largest = function.largest(max(map(abs, ends)) / 2**self.input_fraction)
        bits = math.ceil(math.log2(largest)) + self.out_fraction + self.fraction
        why = "out_fraction, and those of a segment's codes"
        check.in_range(f"{name}: bits of a constant", bits, 0, ROOM, why)

    def _check_breaks(self, name: str) -> None:
        """A break within a segment cannot be met by a polynomial."""
        for place in FUNCTIONS[name].breaks:
            code = place * 2**self.input_fraction
            inside = self.input.min < code <= self.input.max
            if inside and (code - self.input.min) % (1 << self.offset_bits):
                width = 2.0 ** (self.offset_bits - self.input_fraction)
                raise check.fail(f"{name}'s break", place, f"between segments, which are {width} wide")

    @property
    def offset_bits(self) -> int:
        """Bits of t: a segment has 2^offset_bits codes."""
        return self.input.width - self.segment_bits

    @property
    def fraction(self) -> int:
        """Bits below out's last: so many that rounding a coefficient costs at most 1/8 of a code at any t."""
        return self.degree * self.offset_bits + 2

    @property
    def latency(self) -> int:
        """Registers between i and o: entry, (inner where quadratic, product where not a table,) o."""
        return 2 + self.degree

    @property
    def function_bits(self) -> int:
        """Bits of the number of a function; one at least, which is ignored where there is one function."""
        return max(1, (len(self.functions) - 1).bit_length())

    @property
    def coefficients(self) -> tuple[Int, Int, Int]:
        """Formats of constant, slope and curvature: as narrow as all tables allow."""
        tables = np.concatenate([table(self, name) for name in self.functions])
        widths = [max(int(c.max()).bit_length(), int(~c.min()).bit_length()) + 1 for c in tables.T]
        return Int(widths[0]), Int(widths[1]), Int(widths[2])

    @property
    def inner(self) -> Int:
        """slope + t curvature: |t curvature| < 2^(offset_bits + curvature.width - 1), one bit for the sum."""
        _, slope, curvature = self.coefficients
        if self.degree < 2:
            return slope
        return Int(max(slope.width, curvature.width + self.offset_bits) + 1)

    @property
    def product(self) -> Int:
        """t inner: 0 <= t < 2^offset_bits."""
        return Int(self.inner.width + self.offset_bits)


@cache
def table(p: PiecewiseParams, name: str) -> np.ndarray:
    """The coefficients of a function, int64 [segments, 3]: constant (with the half), slope, curvature."""
    codes = np.arange(p.input.min, p.input.max + 1).reshape(1 << p.segment_bits, -1)
    wanted = FUNCTIONS[name].of(codes / 2.0**p.input_fraction) * 2.0 ** (p.out_fraction + p.fraction)
    offsets = np.arange(codes.shape[1], dtype=np.float64)
    rows = [_fit(offsets, segment, p.degree) for segment in wanted]
    if FUNCTIONS[name].rising:
        rows = _risen(offsets, wanted[0], rows)
    for power in range(3):
        room = 1 << max(ROOM - power * p.offset_bits, 0)
        largest = max((row[power] for row in rows), key=abs)
        check.in_range(f"{name}: coefficient of t^{power}", largest, -room, room, f"terms of {ROOM} bits")
    return np.asarray(np.array(rows, np.int64) + np.array([1 << p.fraction - 1, 0, 0]))


def _fit(offsets: np.ndarray, wanted: np.ndarray, degree: int) -> Row:
    """Integers constant, slope, curvature of one segment; the constant is that of the least largest error."""
    found = [0, 0, 0]
    for power in range(degree, 0, -1):
        found[power] = round(minimax(offsets, wanted, power)[power])
        wanted = wanted - found[power] * offsets**power
    found[0] = round((wanted.max() + wanted.min()) / 2)
    return found[0], found[1], found[2]


def _risen(offsets: np.ndarray, first: np.ndarray, rows: list[Row]) -> list[Row]:
    """`rows`, begun exactly at the first wanted value, and none below the end of the one before it."""
    _, first_slope, bend = rows[0]
    end = round(first[0])
    if first_slope:
        first_slope = _slope_through_zero(offsets[1:], first[1:] - end - bend * offsets[1:] ** 2)
    risen, last = [], int(offsets[-1])
    for constant, slope, curvature in [(end, first_slope, bend), *rows[1:]]:
        begin = max(constant, end)
        risen.append((begin, slope, curvature))
        end = begin + last * (slope + last * curvature)
    return risen


def _slope_through_zero(points: np.ndarray, values: np.ndarray) -> int:
    """The slope, rounded, of the line through 0 whose largest error at `points`, all above 0, is least."""
    low, high = float((values / points).min()), float((values / points).max())
    for _ in range(HALVINGS):  # the largest error is convex in the slope
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if np.abs(values - left * points).max() < np.abs(values - right * points).max():
            high = right
        else:
            low = left
    return round((low + high) / 2)


def piecewise(p: PiecewiseParams, name: str, x: ArrayLike) -> np.ndarray:
    """The function `name` of p.functions, bit for bit what hw.vector.piecewise gives.

    x        integers, any shape, values of p.input
    returns  int64, x's shape, values of p.out
    raises   BadValue, naming the argument
    """
    check.one_of("function", name, p.functions)
    above = p.input.check("x", x) - p.input.min
    rows = table(p, name)[above >> p.offset_bits]
    t = above & (1 << p.offset_bits) - 1
    exact = rows[..., 0] + t * (rows[..., 1] + t * rows[..., 2])
    return p.out.saturate(exact >> p.fraction)


def worst_error(p: PiecewiseParams, name: str) -> float:
    """The largest difference, over all codes, to the real function clipped to out's range; in codes of out.

    0.5 would be the real function, rounded.
    """
    codes = np.arange(p.input.min, p.input.max + 1)
    real = FUNCTIONS[name].of(codes / 2.0**p.input_fraction) * 2.0**p.out_fraction
    return float(np.abs(piecewise(p, name, codes) - np.clip(real, p.out.min, p.out.max)).max())


def cycles(p: PiecewiseParams, count: int) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled."""
    return count + p.latency if count else 0
