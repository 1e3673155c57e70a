"""TFLite's sums, differences and products of codes, rounded twice, the second time with ties away from zero.

x / 2^s with ties away from zero is one rounding, ties up, of x (2^30 + 1) / 2^(s + 30): what that adds to
x / 2^s, |x| / 2^(s + 30), moves a tie away from zero, and where |x| < 2^30 it is less than 1 / 2^s, the least
distance of any other x from a tie.
"""

from functools import partial

import numpy as np

from golden import check
from golden.tflite.elementwise import HEADROOM, by
from golden.tflite.quantisation import Quantisation
from mapping.frontends.tflite.coded_products import rounded_once
from mapping.frontends.tflite.integer_call import scale_of
from mapping.frontends.tflite.reader import Operator
from mapping.frontends.tflite.translation import Translation, reshaped, rows
from mapping.ir import graph
from mapping.legalise.fixed import plain

NEAR = 30  # bits of |x| at most


def away(shift: np.ndarray) -> dict[str, np.ndarray]:
    """Fields of an epilogue: division by 2^shift [1], ties away from zero, of numbers below 2^NEAR."""
    return {
        "multiplier": np.where(shift > 0, (1 << NEAR) + 1, 1),
        "shift": np.where(shift > 0, shift + NEAR, 0),
    }


def one_multiplier(real: float | np.floating) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A real multiplier as fields of an epilogue, for the first rounding, and the second rounding's shift
    [1]."""
    return rounded_once(np.atleast_1d(np.float64(real)))


def finished(
    t: Translation, operator: Operator, sums: str, real: float | np.floating, most: float | np.floating
) -> None:
    """The result: the 32-bit tensor `sums`, below 2^NEAR, times `real`, rounded twice, plus zero point,
    clipped.

    most  the greatest magnitude of a sum; TFLite's vector kernels wrap results beyond 16 bits before they
          clip
    """
    first, shift = one_multiplier(real)
    q = scale_of(t.graph.tensors[operator.outputs[0]])
    if most * real + 1 + abs(q.zero) >= 1 << 15:
        what = f"{round(float(most * real))} steps of the result's scale"
        raise check.fail("the greatest result", what, "16 bits with its zero point")
    low, high = q.activation_range(operator.options.get("activation", "NONE"))
    y = t.result(operator)
    sums = reshaped(t, sums, t.tensors[y].shape)
    rounded = t.tensor(f"{y}:rounded", t.tensors[y].shape, "int32")
    t.add(graph.Map(name=rounded, x=sums, y=rounded, epilogue=plain(**first)))
    e = plain(**away(shift), zero_point=q.zero, low=low, high=high)
    t.add(graph.Map(name=y, x=rounded, y=y, epilogue=e))


class Operand:
    """An operand of a sum or a product: its codes, constant or computed."""

    def __init__(self, t: Translation, operator: Operator, place: int) -> None:
        index = operator.inputs[place]
        self.t, self.place, self.found = t, place, t.graph.tensors[index]
        self.q: Quantisation = scale_of(self.found)
        self.data = self.found.data
        self.name = "" if self.data is not None else t.input(operator, place)
        y = t.graph.tensors[operator.outputs[0]]
        self.own, self.y, self.shape = y.name, y.shape, rows(y.shape)

    def whole(self) -> bool:
        """Whether it has the result's shape."""
        return self.data is not None or self.t.tensors[self.name].shape == self.shape

    def reach(self) -> int:
        """The greatest distance of a code from the zero point."""
        return max(self.q.high - self.q.zero, self.q.zero - self.q.low)

    def is_row(self) -> bool:
        return self.found.shape[-1:] == self.shape[-1:] and int(np.prod(self.found.shape)) == self.shape[-1]

    def constant(self, values: np.ndarray, dtype: str, *, spread: bool) -> str:
        """A constant tensor of integers in the operand's shape: one row, or the result's shape."""
        full = np.broadcast_to(values, self.y).reshape(self.shape)
        flat = full.reshape(-1, self.shape[-1])
        data = full if spread or (flat != flat[0]).any() else flat[0]
        return self.t.tensor(f"{self.own}:b{self.place}", data.shape, dtype, data=data.astype(np.int64))

    def second(self) -> str:
        """The computed tensor as a second operand: of the result's shape, or a row."""
        if self.whole():
            return self.name
        if not self.is_row():
            allowed = f"{list(self.y)}, or one row of {self.shape[-1]}"
            raise check.fail(f"input {self.place}", list(self.found.shape), allowed)
        return reshaped(self.t, self.name, self.shape[-1:])


def operands(t: Translation, operator: Operator) -> tuple[Operand, Operand]:
    """Both operands, checked: at least one is computed, and together they broadcast to the result's shape."""
    a, b = Operand(t, operator, 0), Operand(t, operator, 1)
    if a.data is not None and b.data is not None:
        raise check.fail("operands", "two constants", "one at least that is computed")
    try:
        made = np.broadcast_shapes(a.found.shape, b.found.shape)
    except ValueError:
        made = None
    if made != a.y:
        raise check.fail("operands", [list(a.found.shape), list(b.found.shape)], f"what makes {list(a.y)}")
    return a, b


def term(o: Operand, real: np.float64, *, spread: bool = False) -> str:
    """A term in 32 bits: (code - zero point) 2^HEADROOM times `real`, at most 1/2, rounded twice."""
    if o.data is not None:
        values = by((o.data.astype(np.int64) - o.q.zero) << HEADROOM, real, "double")
        return o.constant(values, "int32", spread=spread)
    x, t = o.name if spread else o.second(), o.t
    first, shift = one_step(real)
    made = t.tensor(f"{o.own}:term{o.place}", t.tensors[x].shape, "int32")
    t.add(graph.Map(name=made, x=x, y=made, x_zero=o.q.zero, epilogue=plain(**first)))
    if not shift.any():
        return made
    twice = t.tensor(f"{made}:rounded", t.tensors[x].shape, "int32")
    t.add(graph.Map(name=twice, x=made, y=twice, epilogue=plain(**away(shift))))
    return twice


def one_step(real: np.float64) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """`one_multiplier` for codes that have not been shifted left by HEADROOM."""
    first, shift = one_multiplier(real)
    return {**first, "shift": first["shift"] - HEADROOM}, shift


def add(t: Translation, operator: Operator, sign: int = 1) -> None:
    """Translate a + sign b: both terms in 32 bits, below 2^27 each, then the sum's multiplier."""
    a, b = operands(t, operator)
    result = scale_of(t.graph.tensors[operator.outputs[0]]).one_scale
    scales = [np.float64(o.q.one_scale) for o in (a, b)]
    widest = 2 * max(scales)
    reals = {o.place: scale / widest for o, scale in zip((a, b), scales, strict=True)}
    if sign == 1 and (a.data is not None or not a.whole()):
        a, b = b, a
    if not a.whole():
        raise check.fail(f"input {a.place}", list(a.found.shape), f"{list(a.y)}: the other is broadcast")
    far = term(b, reals[b.place])
    first, shift = one_step(reals[a.place])
    if a.data is not None or shift.any():
        near, zero, first = term(a, reals[a.place], spread=True), 0, {}
    else:
        near, zero = a.name, a.q.zero
    sums = t.tensor(f"{a.own}:sums", a.shape, "int32")
    t.add(
        graph.Map(
            name=sums, x=near, y=sums, x_zero=zero, operation="add", b=far, b_multiplier=sign,
            epilogue=plain(**first),
        )
    )  # fmt: skip
    most = sum(o.reach() * reals[o.place] for o in (a, b)) * (1 << HEADROOM)
    finished(t, operator, sums, widest / ((1 << HEADROOM) * np.float64(result)), most)


def mul(t: Translation, operator: Operator) -> None:
    a, b = operands(t, operator)
    real = a.q.one_scale * b.q.one_scale / scale_of(t.graph.tensors[operator.outputs[0]]).one_scale
    if a.data is not None or not a.whole():
        a, b = b, a
    if not a.whole():
        raise check.fail(f"input {a.place}", list(a.found.shape), f"{list(a.y)}: the other is broadcast")
    if b.data is not None:
        far, zero = b.constant(b.data.astype(np.int64) - b.q.zero, "int16", spread=False), 0
    else:
        far, zero = b.second(), b.q.zero
    sums = t.tensor(f"{a.own}:sums", a.shape, "int32")
    t.add(
        graph.Map(
            name=sums, x=a.name, y=sums, x_zero=a.q.zero, operation="mul", b=far, b_zero=zero,
            epilogue=plain(),
        )
    )  # fmt: skip
    finished(t, operator, sums, real, float(a.reach() * b.reach()))


sub = partial(add, sign=-1)
