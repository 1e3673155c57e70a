"""Functions of one element, by how the vector unit computes them behind a requantisation.

linear     y = a x            a factor of the requantisation
clip       low <= x <= high   the range of the result
piecewise  gelu, silu, ...    where the error is that of the unit's polynomials
table      any other          256 codes of x

What curve a function is follows from how it is spelt (mapping.patterns.structure) or, where that says
nothing, from its values: at points over the observed range of x, at its ends and beyond, and beside each
constant of the function.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import log
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from golden.formats import Int, Scale
from golden.vector.functions import FUNCTIONS
from mapping.ir.encodings import Affine
from mapping.legalise.fixed import LIMITS, short_factor
from mapping.patterns.structure import Line
from mapping.quantise.calibrate import Observer

OCTAVE = log(2) / 256  # what a score of 1 is worth
Function = Callable[[np.ndarray], np.ndarray]
GRID = np.concatenate([np.linspace(-40, 40, 1601), np.linspace(-4, 4, 801)])
BOUNDED = ("sigmoid", "tanh")  # functions that are the same beyond the ends of the piecewise format
RARE = 1e-3  # share of the elements beyond those ends that do no harm: a few outliers, best cut off
NEAR = 6e-4  # the tanh form of gelu and the exact one differ by 4.8e-4
BEYOND = 4.0  # times the range that was seen is looked at
LEAST_REACH = 2.0**-5  # of x in a piecewise function: of less, 256 codes of a table are finer
LEEWAY = 1 / 64  # of a range: more than a step of 256 codes
WORST = 0.05  # relative error of a table
COARSER = 2.0  # times the error that 8 bits make of the results themselves: a table may be as coarse
POST = Int(16, signed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """scale, offset: requantisation must give s = real / scale + offset. fields: of the epilogue."""

    scale: float
    offset: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spelt:
    """A function with facts beyond its values.

    line    the line that it is, or None
    marks   its constants, near which it may bend
    jumps   whether it may differ at single points, so that its values say nothing about points in between
    whole   whether its argument is an integer
    """

    of: Function
    line: Line | None = None
    marks: tuple[float, ...] = ()
    jumps: bool = False
    whole: bool = False

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.of(x)


def curve_of(f: Function | None, low: float = 0.0, high: float = 0.0) -> tuple[str, tuple[float, float]]:
    """("linear", (a, 0)), ("clip", (low, high)), a piecewise function's name or "table" with (0, 0).

    low, high  the observed range of the argument
    """
    line = Line() if f is None else getattr(f, "line", None)
    if line is not None:
        if line.slope > 0 and not line.offset and not line.bounded:
            return "linear", (line.slope, 0.0)
        if line.slope == 1 and not line.offset:
            return "clip", (line.low, line.high)
    if f is None or line is not None or getattr(f, "jumps", False):
        return "table", (0.0, 0.0)
    return curve_by_values(f, points(f, low, high))


def points(f: Function, low: float, high: float) -> np.ndarray:
    """The points at which a function is evaluated, ascending: GRID, the observed range and BEYOND, beside its
    constants."""
    far = BEYOND * max(-low, high, -GRID[0])
    marks = np.array([m for m in getattr(f, "marks", ()) if abs(m) < far], np.float32)
    beside = [np.nextafter(marks, np.float32(to)) for to in (-np.inf, np.inf)]
    seen = [np.linspace(low * by, high * by, 2049) for by in (1.0, BEYOND)]
    return np.unique(np.concatenate([GRID, *seen, marks, *beside]).astype(np.float32)).astype(np.float64)


def curve_by_values(f: Function, x: np.ndarray) -> tuple[str, tuple[float, float]]:
    """As `curve_of`, from the values of f at the points x."""
    with np.errstate(all="ignore"):
        y = f(x.astype(np.float32)).astype(np.float64)
    if not np.isfinite(y).all():
        return "table", (0.0, 0.0)
    near = 1e-5 * np.abs(y) + 1e-7 * np.abs(y).max()
    slope = float(y[-1]) / float(x[-1])
    if slope > 0 and (np.abs(y - slope * x) <= near).all():
        return "linear", (slope, 0.0)
    low, high = float(y.min()), float(y.max())
    low, high = low if low > x[0] else -np.inf, high if high < x[-1] else np.inf
    if (np.abs(y - np.clip(x, low, high)) <= near).all():
        return "clip", (low, high)
    for name in ("gelu", "silu", "sigmoid", "tanh"):
        if (np.abs(FUNCTIONS[name].of(x) - y) < NEAR + 1e-6 * np.abs(y)).all():
            return name, (0.0, 0.0)
    return "table", (0.0, 0.0)


def coded_as(out: Affine) -> Stage:
    """The fields that code reals as `out`. A 16-bit zero point may exceed a command's field, so a bias adds
    it."""
    fields = {"zero_point": out.zero, "low": out.low, "high": out.high}
    if out.dtype != "int16" or not out.zero:
        return Stage(scale=out.scale, fields=fields)
    return Stage(scale=out.scale, offset=out.zero, fields={**fields, "zero_point": 0})


def varying(f: Function, low: float, high: float) -> tuple[float, float]:
    """The part of [low, high] outside which f keeps the values at its ends.

    Where f jumps at an end, a little more: codes begin and end with a whole one, which must lie outside.
    """
    x = np.linspace(low, high, 4097)
    if getattr(f, "whole", False):  # what it does at one number is seen there alone
        beside = [mark + step for mark in getattr(f, "marks", ()) for step in (-1.0, 0.0, 1.0)]
        inside = [each for each in beside if low <= each <= high]
        x = np.unique(np.concatenate([np.rint(x), inside, [low, high]]))
    with np.errstate(all="ignore"):
        y = f(x.astype(np.float32)).astype(np.float64)
    differs = [np.flatnonzero(y != y[end]) for end in (0, -1)]
    if not differs[0].size:
        return low, high
    first, last = max(int(differs[0][0]) - 1, 0), min(int(differs[1][-1]) + 1, len(x) - 1)
    more = 0.0 if getattr(f, "whole", False) else (x[last] - x[first]) * LEEWAY
    jump = np.abs(np.diff(y)) > LEEWAY * (y.max() - y.min())
    begin = x[first] - more if first and jump[first] else x[first]
    end = x[last] + more if last < len(x) - 1 and jump[last - 1] else x[last]
    return float(begin), float(end)


def stage(
    p: AcceleratorParams, f: Function | None, out: Affine, seen: tuple[float, float] | None,
    bounds: tuple[float, float], beyond: float,
) -> Stage:  # fmt: skip
    """The Stage that computes f and codes it as `out`.

    seen    scale and zero point of x where f is a table; None: as its range [-reach, reach] asks for
    bounds  the least and the greatest observed x
    beyond  share of the |x| outside the range of the piecewise functions
    """
    curve, (a, b) = curve_of(f, *bounds)
    reach = max(-bounds[0], bounds[1], 1e-9)
    there = coded_as(out)
    if curve == "linear":
        return replace(there, scale=out.scale / a)
    if curve == "clip":
        low, high = (
            int(np.clip(np.rint(v / out.scale) + out.zero, out.low, out.high)) if np.isfinite(v) else d
            for v, d in ((a, out.low), (b, out.high))
        )
        return replace(there, fields={**there.fields, "low": low, "high": high})
    limits: dict[str, Any] = {"zero_point": out.zero, "low": out.low, "high": out.high}
    held = LIMITS["int16"][0] <= out.zero <= LIMITS["int16"][1]
    if curve in p.functions and (curve in BOUNDED or beyond < RARE) and reach > LEAST_REACH and held:
        q = p.piecewise
        fields = {**limits, "function": curve}
        step = 2.0**-q.out_fraction
        if out.scale != step:
            fields["post_multiplier"], fields["post_shift"] = short_factor(step / out.scale, POST)
        return Stage(scale=2.0**-q.input_fraction, fields=fields)
    assert f is not None
    if seen is None:
        seen = float(Scale.from_range(-reach, reach, Int(8), symmetric=True).scale), 0.0
    return table_stage(f, out, *seen, limits)


def table_error(f: Function, how: Stage, out: Affine, x: np.ndarray, counts: np.ndarray) -> float:
    """Root mean square of a table's errors over that of f; x [n] were observed counts [n] times."""
    with np.errstate(all="ignore"):
        y = f(x.astype(np.float32)).astype(np.float64)
    codes = np.clip(np.rint(x / how.scale) + how.offset, -128, 127).astype(np.int64) + 128
    made = how.fields["table"][codes] + how.fields["zero_point"] - out.zero
    error = made * out.scale - y
    used = np.isfinite(y) & (counts > 0)
    square = float(counts[used] @ y[used] ** 2)
    return float(np.sqrt(counts[used] @ error[used] ** 2 / square)) if square else 0.0


def own_error(f: Function, x: np.ndarray, counts: np.ndarray) -> float:
    """The error, measured as `table_error` does, of 256 codes over the range of the results themselves."""
    with np.errstate(all="ignore"):
        y = f(x.astype(np.float32)).astype(np.float64)
    used = np.isfinite(y) & (counts > 0)
    square = float(counts[used] @ y[used] ** 2)
    if not square:
        return 0.0
    step = (max(float(y[used].max()), 0.0) - min(float(y[used].min()), 0.0)) / 255
    return float(np.sqrt(counts[used].sum() * step**2 / 12 / square))


def aside(low: float, high: float, whole: bool) -> tuple[float, float]:
    """Scale and zero point of 256 codes for a range that does not hold 0.

    whole  of integers: the first code is one, so that a bias in these units is exact
    """
    span = max(high - low, 1e-6 * max(abs(low), abs(high)))
    scale = np.ceil(span * 128 / 255) / 128 if whole else span / 255
    return float(scale), float(-128 - low / scale)


def check_table(f: Function, how: Stage, out: Affine, seen: Observer, tensor: str) -> None:
    """BadValue if 256 codes are too few for f over the observed values of `tensor`."""
    if how.fields.get("function") != "table" or getattr(f, "jumps", False):
        return
    error = table_error(f, how, out, seen.centres, seen.counts)
    if error > max(WORST, COARSER * own_error(f, seen.centres, seen.counts)):
        what = f"tensor {tensor}, seen from {seen.low:.4g} to {seen.high:.4g}: error of a table of 256 codes"
        raise check.fail(what, f"{error:.2g}", f"up to {WORST}")


def table_stage(f: Function, out: Affine, scale: float, zero: float, limits: dict[str, Any]) -> Stage:
    """The Stage of a table of f over the codes -128 to 127 of (scale, zero)."""
    codes = np.arange(-128, 128)
    lowest, highest = LIMITS["int16"]
    own = out.zero if out.dtype == "int16" else 0  # of scores: may be more than a command's
    with np.errstate(all="ignore"):
        y = f(((codes - zero) * scale).astype(np.float32)).astype(np.float64)
        table = np.clip(np.rint(np.nan_to_num(y) / out.scale) + own, lowest, highest).astype(np.int64)
    if own:
        limits = {**limits, "zero_point": 0}
    return Stage(scale=scale, offset=zero, fields={**limits, "function": "table", "table": table})
