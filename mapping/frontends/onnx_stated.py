"""Operators that only quantised networks have: changes of codes, functions between codes."""

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from golden.formats import Int, Scale
from mapping.ir.encodings import Affine, nearest_codes
from mapping.patterns import curves
from mapping.patterns.curves import Function, Stage, curve_of, table_stage, varying

PART = 7  # bits of a code that 16 bits hold beside all codes less a zero point
TINY = 1e-300
NEAR = 0.5  # of a result's code that a table of its argument may be off
POINTS = (1 << 14) + 1  # of a range at which a table is held to its function


def stage(p: AcceleratorParams, f: Function | None, out: Affine, own: Affine | None) -> Stage:
    """The Stage that computes f and codes it as `out`; own: the encoding of f's argument, stated or by its
    range.

    raises  BadValue where no unit computes f over that range within half a code of the result
    """
    bounds = (0.0, 0.0) if own is None else own.reach
    curve = curve_of(f, *bounds)[0]
    if curve in ("linear", "clip"):
        return curves.stage(p, f, out, None, bounds, 1.0)
    assert f is not None
    if own is not None and own.dtype == "int8":
        return table(f, own, out)
    if own is None:
        raise check.fail("range of a function's argument", "unknown", "a QuantizeLinear before it")
    low, high = ((end - own.zero) * own.scale for end in (own.low, own.high))
    reach = max(-low, high)
    end = p.piecewise.input.max / 2.0**p.piecewise.input_fraction
    if curve in p.functions and (curve in curves.BOUNDED or reach <= end):
        return curves.stage(p, f, out, None, bounds, 0.0)
    low, high = varying(f, low, high)
    q = Scale.from_range(low, high, Int(8), symmetric=False)
    scale, zero = float(q.scale), int(q.zero_point or 0)
    x = np.linspace(low, high, POINTS)
    there = (np.clip(np.rint(x / scale) + zero, -128, 127) - zero) * scale
    with np.errstate(all="ignore"):
        off = np.abs(f(x.astype(np.float32)) - f(there.astype(np.float32))).max() / out.scale
    if not off <= NEAR:
        what = f"{off:.1f} codes of its result off, as a table of 256 arguments from {low:.4g} to {high:.4g}"
        raise check.fail("a function of sums", what, "a QuantizeLinear before it")
    limits = {"zero_point": out.zero, "low": out.low, "high": out.high}
    return table_stage(f, out, scale, zero, limits)


def whole_bits(size: float, unit: float) -> int:
    """The exponent of the greatest power of two in size / unit, both positive."""
    return int(np.floor(np.log2(max(size, TINY)) - np.log2(max(unit, TINY))))


def finer(how: Stage, other: float) -> Stage:
    """The Stage of a sum whose terms are rounded to fractions of a code, and the sum then to codes.

    other  scale of the second term
    """
    bits = min(PART, whole_bits((1 << 14) * how.scale, other))
    if bits < 1 or how.fields.get("function", "none") != "none":
        return how
    fields = {**how.fields, "post_multiplier": 1, "post_shift": bits}
    return Stage(scale=how.scale / 2.0**bits, offset=how.offset * 2**bits, fields=fields)


def table(f: Function, x: Affine, out: Affine) -> Stage:
    """The table of f over the codes of x, each result as onnxruntime codes it."""
    codes = np.arange(-128, 128)
    with np.errstate(all="ignore"):
        real = ((codes - x.zero) * np.float64(x.scale)).astype(np.float32)
        y = np.nan_to_num(nearest_codes(f(real).astype(np.float32), out.scale))
    entries = np.clip(y, -32768, 32767).astype(np.int64)
    limits = {"zero_point": out.zero, "low": out.low, "high": out.high}
    return Stage(scale=x.scale, fields={**limits, "function": "table", "table": entries})


def unchanged(x: np.ndarray) -> np.ndarray:
    return x


