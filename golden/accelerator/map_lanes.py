"""MAP: what a lane of the vector unit does with an element, between its operands and its result.

    a' = a - a_zero                                       b' = b - b_zero
    t  = sat32(a')                                        COPY, ADD
         sat32(round(a' wrap18(b') / 2^b_shift))          MUL
         sat32(max(a', b')), or of a' where b is not      MAX
    t  = wrap32(sum of t), or its maximum (MAX), over loops 0 and 1 where the command reduces
    r  = sat32(round(wrap32(t + bias) multiplier / 2^shift))
    s  = sat32(r + sat32(round(b' b_multiplier / 2^b_shift)))   ADD, else r
    v  = s, table[clip(s, -128, 127)], or a piecewise function of sat16(s)
    v  = round(sat16(v) post_multiplier / 2^post_shift)   unless post_multiplier is 0
    o  = low where v + zero_point < low, else min(v + zero_point, high); v itself where out is 32 bits

Ties round up (toward +infinity) everywhere. All is exact but the wraps that are written: a' and b' have 33
bits, of b' a product takes 18, which hold any 16-bit b less its zero point. ADD with reduce is not a command.

Source: Jacob et al., CVPR 2018, section 2.2, equations 4 to 7, for r; its appendix A.2 for the sum in ADD.
"""

from collections.abc import Mapping
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from golden.formats.integer import Int
from golden.formats.rounding import Rounding, round_shift
from golden.vector.piecewise import PiecewiseParams, piecewise

TABLE = FIRST_FUNCTION - 1  # number of the function that is a table
TABLE_ENTRIES = 256
MAX_SHIFT = 62  # of requantisation
BIAS = Int(32)
MULTIPLIER = Int(31, signed=False)
FACTOR = Int(18)  # of b' in a product
S16, S32 = Int(16), Int(32)


class MapOperation(IntEnum):
    """MAP's operation on its operands before it requantises, or after (ADD)."""

    COPY = 0
    MUL = 1
    MAX = 2
    ADD = 3


USED = ("a_zero", "b_zero", "b_shift", "b_multiplier", "post_multiplier", "post_shift", "zero_point", "low",
        "high")  # fmt: skip


def map_lanes(
    p: AcceleratorParams,
    command: Mapping[str, int],
    a: ArrayLike,
    b: ArrayLike | None,
    bias: ArrayLike,
    multiplier: ArrayLike,
    shift: ArrayLike,
    table: ArrayLike | None = None,
) -> np.ndarray:
    """Results of a MAP command, bit for bit what hw.accelerator.map_lane gives.

    command     fields of Opcode.MAP, less addresses, counts, strides
    a           integers of 32 bits, or unsigned ones of 16, [n3, n2, n1, n0, L]
    b           as a, of a shape that broadcasts to it, or None: no second operand
    bias        values of BIAS, of a shape that broadcasts to a's; the same within loops 0 and 1
    multiplier  values of MULTIPLIER, likewise
    shift       0 to MAX_SHIFT, likewise
    table       values of 16 bits [256], where the function is the table
    returns     int64 [n3, n2, n1, n0, L], or [n3, n2, 1, 1, L] where the command reduces; what is stored are
                the low bits of it that out_kind has
    raises      BadValue, naming the argument
    """
    for name in USED:
        check.in_range(name, command[name], *Opcode.MAP.places[name][0].range)
    operation, reduce = MapOperation(command["operation"]), bool(command["reduce"])
    near = S32.check("a", a) - command["a_zero"]
    if near.ndim != 5:
        raise check.fail("a.shape", list(near.shape), "[n3, n2, n1, n0, lanes]")
    far = None if b is None else S32.check("b", b) - command["b_zero"]
    if operation in (MapOperation.MUL, MapOperation.ADD) and far is None:
        raise check.fail("b", None, f"an operand ({operation.name})")
    if operation == MapOperation.ADD and reduce:
        raise check.fail("reduce", 1, "0 (ADD)")

    t = front(operation, near, far, command["b_shift"])
    parameters = [np.broadcast_to(np.asarray(each), near.shape) for each in (bias, multiplier, shift)]
    if reduce:
        t = reduced(operation, t)
        parameters = [each[:, :, :1, :1] for each in parameters]
    s = requantise32(t, *parameters)
    if operation == MapOperation.ADD and far is not None:
        s = S32.saturate(s + scaled(far, command["b_multiplier"], command["b_shift"]))
    v = function(p, command["function"], s, table)
    v = post(v, command["post_multiplier"], command["post_shift"])
    if command["out_kind"] == Kind.WORD:
        return v
    return clipped(v + command["zero_point"], command["low"], command["high"])


def front(operation: MapOperation, near: np.ndarray, far: np.ndarray | None, b_shift: int) -> np.ndarray:
    """t of a' and b', before it is reduced."""
    if operation == MapOperation.MUL and far is not None:
        return scaled(near, FACTOR.wrap(far), b_shift)
    if operation == MapOperation.MAX and far is not None:
        near = np.maximum(near, far)
    return S32.saturate(near)


def reduced(operation: MapOperation, t: np.ndarray) -> np.ndarray:
    """t [n3, n2, n1, n0, L] over loops 0 and 1: [n3, n2, 1, 1, L]."""
    if operation == MapOperation.MAX:
        return np.asarray(t.max(axis=(2, 3), keepdims=True))
    return S32.wrap(t.sum(axis=(2, 3), keepdims=True))


def scaled(x: np.ndarray, factor: np.ndarray | int, shift: int) -> np.ndarray:
    """sat32(round(x factor / 2^shift))."""
    return S32.saturate(round_shift(x * factor, shift, Rounding.HALF_UP))


def requantise32(t: ArrayLike, bias: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """sat32(round(wrap32(t + bias) multiplier / 2^shift)), int64.

    t           values of 32 bits
    bias, multiplier, shift  as in `map_lanes`, of shapes that broadcast with t
    """
    t = S32.check("t", t)
    bias, multiplier = BIAS.check("bias", bias), MULTIPLIER.check("multiplier", multiplier)
    shift = check.array("shift", shift, 0, MAX_SHIFT)
    return S32.saturate(round_shift(S32.wrap(t + bias) * multiplier, shift, Rounding.HALF_UP))


def function(p: AcceleratorParams, number: int, s: ArrayLike, table: ArrayLike | None = None) -> np.ndarray:
    """The function `number` of a command of `s`, values of 32 bits, any shape; int64."""
    check.in_range("function", number, 0, FIRST_FUNCTION + len(p.functions) - 1)
    s = S32.check("s", s)
    if number == 0:
        return s
    if number == TABLE:
        if table is None:
            raise check.fail("table", None, f"{TABLE_ENTRIES} integers of 16 bits")
        entries = S16.check("table", table)
        check.shape("table", entries, (TABLE_ENTRIES,))
        return np.asarray(entries[np.clip(s, -128, 127) + 128])
    outputs = _outputs(p.piecewise, p.functions[number - FIRST_FUNCTION])
    return np.asarray(outputs[np.clip(s, S16.min, S16.max) - S16.min])


@cache
def _outputs(p: PiecewiseParams, name: str) -> np.ndarray:
    """A piecewise function of every code, which is sooner looked up than computed."""
    return piecewise(p, name, np.arange(p.input.min, p.input.max + 1))


def post(v: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    """round(sat16(v) multiplier / 2^shift), or v where the multiplier is 0."""
    return round_shift(S16.saturate(v) * multiplier, shift, Rounding.HALF_UP) if multiplier else v


def clipped(v: np.ndarray, low: int, high: int) -> np.ndarray:
    """v between low and high; low where v is below it, even if high is too."""
    return np.where(v < low, low, np.minimum(v, high))
