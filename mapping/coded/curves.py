"""Functions of one element: what the vector unit does behind a requantisation to compute one.

linear     y = a x            a factor of the requantisation
clip       low <= x <= high   the range of the result
piecewise  gelu, silu, ...    where its error is that of the unit's polynomials
table      any other          256 codes of x
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from golden.accelerator.params import AcceleratorParams
from golden.formats import Int, Scale
from golden.vector.functions import FUNCTIONS
from mapping.coded.fixed import LIMITS, short_factor

Function = Callable[[np.ndarray], np.ndarray]
GRID = np.concatenate([np.linspace(-40, 40, 1601), np.linspace(-4, 4, 801)])
BOUNDED = ("sigmoid", "tanh")  # functions that are the same beyond the ends of the piecewise format
RARE = 1e-3  # share of the elements beyond those ends that do no harm: a few outliers, best cut off
NEAR = 6e-4  # the tanh form of gelu and the exact one differ by 4.8e-4
POST = Int(16, signed=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """How a tensor is coded: real = scale (code - zero) evened. evened: float64 [channels]; None: 1."""

    dtype: str
    scale: float
    zero: int = 0
    low: int = -128
    high: int = 127
    evened: np.ndarray | None = None

    def code(self, real: np.ndarray) -> np.ndarray:
        """Nearest codes."""
        codes = np.rint(real / self.scale) + self.zero
        return np.asarray(np.clip(codes, self.low, self.high), np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """scale, offset: s = real / scale + offset is what requantisation must give. fields: of the epilogue."""

    scale: float
    offset: int = 0
    fields: dict[str, Any] = field(default_factory=dict)


def kind_of(f: Function | None) -> tuple[str, tuple[float, float]]:
    """("linear", (a, 0)), ("clip", (low, high)), a piecewise function's name or "table" with (0, 0)."""
    if f is None:
        return "linear", (1.0, 0.0)
    with np.errstate(all="ignore"):
        y = f(GRID.astype(np.float32)).astype(np.float64)
    slope = float(y[-1] - y[800]) / float(GRID[-1] - GRID[800]) if np.isfinite(y).all() else 0.0
    if slope > 0 and np.allclose(y, slope * GRID, rtol=1e-5, atol=1e-6):
        return "linear", (slope, 0.0)
    low, high = float(y.min()), float(y.max())
    low, high = low if low > -39 else -np.inf, high if high < 39 else np.inf
    if np.allclose(y, np.clip(GRID, low, high), atol=1e-5):
        return "clip", (low, high)
    for name in ("gelu", "silu", "sigmoid", "tanh"):
        if np.abs(FUNCTIONS[name].of(GRID) - y).max() < NEAR:
            return name, (0.0, 0.0)
    return "table", (0.0, 0.0)


def varying(f: Function, low: float, high: float) -> tuple[float, float]:
    """The part of [low, high] beyond which f stays as it is at its ends."""
    x = np.linspace(low, high, 4097)
    with np.errstate(all="ignore"):
        y = f(x.astype(np.float32)).astype(np.float64)
    differs = [np.flatnonzero(y != y[end]) for end in (0, -1)]
    if not differs[0].size:
        return low, high
    return float(x[max(differs[0][0] - 1, 0)]), float(x[min(differs[1][-1] + 1, 4096)])


def stage(
    p: AcceleratorParams, f: Function | None, out: Form, seen: Scale | None, reach: float, beyond: float
) -> Stage:
    """What computes f and codes it as `out`.

    seen    how x is coded where f is a table; None: as its range [-reach, reach] asks for
    reach   the greatest |x| that was seen
    beyond  share of the |x| beyond the ends of the piecewise functions' format
    """
    kind, (a, b) = kind_of(f)
    limits: dict[str, Any] = {"zero_point": out.zero, "low": out.low, "high": out.high}
    if kind == "linear":
        return Stage(scale=out.scale / a, fields=limits)
    if kind == "clip":
        low, high = (
            int(np.clip(np.rint(v / out.scale) + out.zero, out.low, out.high)) if np.isfinite(v) else d
            for v, d in ((a, out.low), (b, out.high))
        )
        return Stage(scale=out.scale, fields={**limits, "low": low, "high": high})
    if kind in p.functions and (kind in BOUNDED or beyond < RARE):
        q = p.piecewise
        fields = {**limits, "function": kind}
        step = 2.0**-q.out_fraction
        if out.scale != step:
            fields["post_multiplier"], fields["post_shift"] = short_factor(step / out.scale, POST)
        return Stage(scale=2.0**-q.input_fraction, fields=fields)
    assert f is not None
    if seen is None:
        seen = Scale.from_range(-reach, reach, Int(8), symmetric=True)
    return table_stage(f, out, float(seen.scale), int(seen.zero_point or 0), limits)


def table_stage(f: Function, out: Form, scale: float, zero: int, limits: dict[str, Any]) -> Stage:
    """f of codes -128 to 127 of (scale, zero)."""
    codes = np.arange(-128, 128)
    lowest, highest = LIMITS["int16"]
    with np.errstate(all="ignore"):
        y = f(((codes - zero) * scale).astype(np.float32)).astype(np.float64)
        table = np.clip(np.rint(np.nan_to_num(y) / out.scale), lowest, highest).astype(np.int64)
    return Stage(scale=scale, offset=zero, fields={**limits, "function": "table", "table": table})
