"""Functions too curved for 256 codes: tables over windows of the argument's 16-bit codes, added up.

    f(x) = f(a_0) + sum over k of (f(clip(x, a_k, a_(k+1))) - f(a_k))

A window is a table of 256 entries, `step` codes apart; its index s = round((x - a_k) / step) - 128 saturates
at its ends by itself. Where f is constant there is no window, so a jump costs one. Steps are powers of two; a
window is as long as its error allows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from golden import check
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import Coded, Coder
from mapping.legalise.exact import too_coarse
from mapping.legalise.fixed import LIMITS, plain
from mapping.patterns.curves import Function, Stage
from mapping.patterns.structure import Line

ENTRIES = 256
CLOSE = 0.001  # of the greatest result: the error that a window may have
EXACT = 0.25  # of whole numbers: less than any two differ by
MOST = 64  # windows of a function


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWindow:
    """A table: entries at codes start + step i, i from 0 to 255. values: the reals of its entries."""

    start: int
    step: int
    values: np.ndarray


def windows(y: np.ndarray, start: int, close: float) -> Iterator[TableWindow]:
    """The windows of a function whose value at code start + i is y[i]; at least one."""
    at, last = 0, len(y) - 1
    first = True
    while first or at < last:
        if not first or len(y) > ENTRIES:
            changed = np.flatnonzero(np.abs(y[at:] - y[at]) > close / 4)
            if not changed.size:
                if first:
                    yield TableWindow(start=start, step=1, values=np.full(ENTRIES, y[0]))
                return
            if not first:
                at = max(at, at + int(changed[0]) - 1)
        step = widest(y, at, close)
        values = y[np.minimum(at + step * np.arange(ENTRIES), last)]
        yield TableWindow(start=start + at, step=step, values=values)
        at += step * (ENTRIES - 1)
        first = False


def widest(y: np.ndarray, at: int, close: float) -> int:
    """The largest step of a window from `at` on whose entries stay within `close` of y."""
    step = 1
    while step * (ENTRIES - 1) < len(y) - at and error(y, at, 2 * step) <= close:
        step *= 2
    return step


def error(y: np.ndarray, at: int, step: int) -> float:
    codes = np.arange(at, min(at + step * (ENTRIES - 1), len(y) - 1) + 1)
    entry = np.minimum(at + (codes - at + step // 2) // step * step, len(y) - 1)
    return float(np.abs(y[codes] - y[entry]).max())


def values_of(c: Coder, f: Function, x: Coded, tensor: str, y: str) -> tuple[np.ndarray, int]:
    """f at every observed code of x, clipped to the observed results, and the first code."""
    seen, made = c.observer(tensor), c.observer(y)
    low, high = (int(np.clip(np.rint(v / x.scale), -32768, 32767)) for v in seen.span)
    real = (np.arange(low, high + 1) * x.scale).astype(np.float32)
    with np.errstate(all="ignore"):
        found = np.nan_to_num(f(real).astype(np.float64))
    return np.clip(found, *made.span) if y in c.seen else found, low


def stepped(c: Coder, y: str, x: Coded, f: Function, tensor: str) -> None:
    """Emit y = f(x), x in 16 bits without a zero point. tensor: x's name. BadValue where f is too steep."""
    values, low = values_of(c, f, x, tensor, y)
    grain = max(c.grain(tensor), x.scale)
    if c.dtype(tensor).kind == "f" and tensor not in c.exactly:
        there = c.observer(tensor).saw((low + np.arange(len(values))) * x.scale)
        too_coarse(tensor, values, there, max(1, round(grain / x.scale)), grain)
    close = CLOSE * float(np.abs(values).max())
    if c.dtype(y).kind in "iub":  # exactly
        close = min(close, EXACT)
    found = []
    for window in windows(values, low, close):
        found.append(window)
        if len(found) > MOST:
            what = f"too steep between {c.observer(tensor).low:.4g} and {c.observer(tensor).high:.4g}"
            raise check.fail(f"function of {tensor}", what, f"{MOST} tables of {ENTRIES} entries")
    if len(found) > 1 or found[0].step > 1:
        c.grains[y] = 2 * CLOSE * float(np.abs(values).max())
    shape = c.tensors[x.name].shape
    far = "score" in c.wanted[y] and c.form(y, "score").zero
    if len(found) == 1 and not far:

        def make(name: str, form: Affine, how: Stage) -> graph.Operation:
            return graph.Map(name=name, x=x.name, y=name, epilogue=table(found[0], form, 0.0))

        c.emit(y, shape, x.order, make)
        return
    # twice the scale of the result: a jump from end to end has 16 bits
    half = c.form(y, "half")
    part = Affine(dtype="int16", scale=2 * half.scale if half.scale != 1 else 1.0, low=-32768, high=32767)
    total = ""
    for number, window in enumerate(found):
        name = c.tensor(f"{y}:window{number}", shape, part)
        base = 0.0 if number == 0 else float(window.values[0])
        c.add(graph.Map(name=name, x=x.name, y=name, epilogue=table(window, part, base)))
        if total and number < len(found) - 1:
            name = added(c, f"{y}:sum{number}", total, name, part)
        total, last = (name, "") if number < len(found) - 1 else (total, name)

    def join(name: str, form: Affine, how: Stage) -> graph.Operation:
        return graph.Map(name=name, x=sum_of, y=name, epilogue=c.epilogue(form, part.scale, how))

    sum_of = added(c, f"{y}:sum", total, last, part) if total else last
    c.emit(y, shape, x.order, join)


def lined(c: Coder, y: str, x: Coded, line: Line) -> None:
    """Emit y = slope x + offset between two bounds: a factor, a bias, and the ends of the codes."""
    shape, minus = c.tensors[x.name].shape, ""
    if line.slope < 0:
        minus = f"minus one:{shape[-1]}"
        if minus not in c.tensors:
            one = Affine(dtype="int16", scale=1.0, low=-32768, high=32767)
            c.tensor(minus, shape[-1:], one, data=np.full(shape[-1], -1))

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        low, high = (int(form.code(np.array(end))) for end in (line.low, line.high))
        limits = {"low": max(form.low, low), "high": min(form.high, high)}
        how = replace(how, fields={**how.fields, **limits})
        e = c.epilogue(form, x.scale * abs(line.slope), how, line.offset)
        return graph.Map(name=name, x=x.name, y=name, operation="mul" if minus else "copy", b=minus or None,
                         epilogue=e)  # fmt: skip

    c.emit(y, shape, x.order, make)


def added(c: Coder, name: str, a: str, b: str, form: Affine) -> str:
    """Emit the sum of two tensors of one encoding."""
    made = c.tensor(name, c.tensors[a].shape, form)
    c.add(graph.Map(name=made, x=a, y=made, operation="add", b=b, epilogue=plain(form.dtype)))
    return made


def table(window: TableWindow, form: Affine, base: float) -> graph.Epilogue:
    """The epilogue of x's codes that looks up a window's entries, less `base`."""
    codes = np.rint(window.values / form.scale) - np.rint(base / form.scale)
    lowest, highest = LIMITS["int16"]
    return plain(
        form.dtype, bias=np.array([-(window.start + 128 * window.step)]),
        shift=np.array([window.step.bit_length() - 1]), function="table",
        table=np.clip(codes, lowest, highest).astype(np.int64), zero_point=form.zero, low=form.low,
        high=form.high,
    )  # fmt: skip
