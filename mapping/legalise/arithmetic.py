"""Legalisation of functions, sums, constant factors and normalisations: the vector unit's
elementwise work.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.normalise import EPSILON, epsilon_code
from mapping.frontends import onnx_stated
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.attention import add_exponential
from mapping.legalise.coder import PASSED, Coded, Coder, function_of, standing
from mapping.legalise.exact import power_of_two
from mapping.legalise.fixed import LIMITS, plain, short_factor
from mapping.legalise.integers import line_over
from mapping.legalise.products import ROOM, SHORT
from mapping.legalise.scores import check_scores
from mapping.legalise.turning import positions, selected
from mapping.legalise.windows import lined, stepped
from mapping.network import Node, Shape
from mapping.patterns.curves import Function, Stage, curve_of, table_stage
from mapping.quantise.requantise_points import constant_factor

FINE = 14  # bits of a code that the bias of a sum with a constant holds


def alias(c: Coder, y: str, x: str, form: str, scale: float) -> None:
    """Let y, which is x times a factor, have the same codes."""
    found = standing(c, x, form)
    c.alias(y, found, form, found.order, scale)


def implied(c: Coder, x: str, y: str, f: Function) -> bool:
    """Whether the coding of a quantised network's tensors already does all that f does (a clip to the codes'
    range)."""
    form = c.given.get(y)
    if form is None or c.wanted[y] != {"byte"}:
        return False
    own = c.given.get(x, form)
    real = (np.arange(form.low, form.high + 1) - form.zero) * form.scale
    near = np.abs(f(real.astype(np.float32)) - real).max() < form.scale / 4
    return bool(near and (own.scale, own.zero) == (form.scale, form.zero))


def slope_of(c: Coder, node: Node) -> float | None:
    """The positive factor by which a function multiplies over its whole range; None if it does
    anything else."""
    f = function_of(node, dtype=c.dtypes.get(node.inputs[0]))
    line = f.line if f is not None else None
    return None if line is None or line.slope < 0 or line.offset or line.bounded else line.slope


def function(c: Coder, node: Node) -> None:
    """Legalise a function of one tensor that no product before it takes along."""
    (x_name,), y = node.inputs, node.outputs[0]
    f = function_of(node, dtype=c.dtypes.get(x_name))
    assert f is not None
    if implied(c, x_name, y, f):
        alias(c, y, x_name, c.actual("byte"), 1.0)
        return
    slope = slope_of(c, node)
    flag = x_name in c.network.inputs and c.network.inputs[x_name].dtype.kind != "f"
    if slope is not None and not flag and not c.given and c.wanted[y] <= set(PASSED):
        for form in sorted(c.wanted[y]):
            alias(c, y, x_name, form, slope)
        return
    steep = not c.given and slope is None and curve_of(f)[0] == "table" and "half" in c.wanted[x_name]
    x = standing(c, x_name, "flag" if flag else "half" if steep else None)
    if flag and f.jumps and x.scale != 1:
        span = "{:g} to {:g}".format(*c.bounds(x_name))
        raise check.fail(f"integers of {x_name}", span, "of 16 bits, where single ones are asked for")
    if x.form.dtype == "int16" and not x.zero and not c.given:
        line = f.line
        if line is None and f.whole and x.scale == 1:
            line = line_over(f, *c.bounds(x_name))
        if line is not None:
            lined(c, y, x, line)
            return
        if curve_of(f, *c.bounds(x_name))[0] == "table":
            stepped(c, y, x, f, x_name)
            return

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        zero = x.zero
        if c.given and x.form.dtype == "int8":
            e = plain(form.dtype, **onnx_stated.table(f, x.form, form).fields)
            return graph.Map(name=name, x=x.name, y=name, x_zero=0, epilogue=e)
        if x.form.dtype in ("int8", "uint8") and how.fields.get("function") == "table":
            zero = 128 if x.form.dtype == "uint8" else 0
            limits = {key: how.fields[key] for key in ("zero_point", "low", "high")}
            how = table_stage(f, form, x.scale, x.zero - zero, limits)
            e = plain(form.dtype, **how.fields)
        else:
            e = c.epilogue(form, x.scale, how)
        return graph.Map(name=name, x=x.name, y=name, x_zero=zero, epilogue=e)

    c.emit(y, c.tensors[x.name].shape, x.order, make, f, x_name)


def requantise(c: Coder, node: Node) -> None:
    """Legalise a QuantizeLinear of a quantised network: other codes of the same reals."""
    x_name, y, form = node.inputs[0], node.outputs[0], node.attributes["form"]
    x = standing(c, x_name)
    if (x.scale, x.zero, x.form.dtype) == (form.scale, form.zero, form.dtype):
        c.alias(y, x, c.actual("byte"), x.order)
        others(c, y)
        return
    if x.form.dtype == "int8":
        e = plain(form.dtype, **onnx_stated.table(onnx_stated.unchanged, x.form, form).fields)
        zero = 0
    else:
        limits = {"zero_point": form.zero, "low": form.low, "high": form.high}
        e, zero = c.epilogue(form, x.scale, Stage(scale=form.scale, fields=limits)), x.zero
    name = c.tensor(y, c.tensors[x.name].shape, form)
    c.add(graph.Map(name=name, x=x.name, y=name, x_zero=zero, epilogue=e))
    c.coded[y, c.actual("byte")] = Coded(name=name, order=x.order, form=form)
    others(c, y)


def others(c: Coder, y: str) -> None:
    """Make every other form that readers want of a tensor, from the codes that it has."""
    byte = c.actual("byte")
    for form in sorted(c.wanted[y] - {byte}):
        c.again(y, c.coded[y, byte], form)


def reread(c: Coder, node: Node) -> None:
    """Legalise a DequantizeLinear of a quantised network: the same codes, read with another scale and zero
    point."""
    x = standing(c, node.inputs[0])
    made = Coded(name=x.name, order=x.order, form=node.attributes["form"])
    c.coded[node.outputs[0], c.actual("byte")] = made
    others(c, node.outputs[0])


def widened(c: Coder, name: str, source: str, x: Coded) -> tuple[str, Coded]:
    """Widen 8-bit codes of x, in tensor `source`, to 16 bits without a zero point; returns the new tensor's
    name."""
    form = Affine(dtype="int16", scale=x.scale / 2.0**onnx_stated.PART, low=-32768, high=32767)
    c.tensor(name, c.tensors[source].shape, form)
    e = plain("int16", multiplier=np.array([1 << onnx_stated.PART]))
    c.add(graph.Map(name=name, x=source, y=name, x_zero=x.zero, epilogue=e))
    return name, replace(x, name=name, form=form)


def normalise(c: Coder, node: Node) -> None:
    """Legalise a normalisation: standardise in 16 bits, then apply gamma and beta."""
    x_name, y, a = node.inputs[0], node.outputs[0], node.attributes
    x = standing(c, x_name, "half")
    shape = c.shape(x_name)
    rank, axes = len(shape), {i for i in a.get("axes", (a["axis"],)) if shape[i] > 1}
    if not axes:
        raise check.fail("axes", list(a.get("axes", (a["axis"],))), "one that is longer than 1")
    n, where = prod(shape[i] for i in axes), -1
    if len(x.order) == 2 and {x.order[0]} == axes:
        name, where = c.reshaped(x.name, tuple(shape[i] for i in x.order)), 0
    else:
        if set(x.order[len(x.order) - len(axes) :]) != axes:
            rest = [i for i in range(rank) if i not in axes]
            x = c.need(x_name, "half", [*rest, *sorted(axes)])
        name = c.reshaped(x.name, (prod(shape) // n, n))
    if x.form.dtype == "int8":
        name, x = widened(c, f"{y}:wide", name, x)
    x = coarser(c, replace(x, name=name), float(a["epsilon"]), n)
    name = x.name
    fraction = min(15, int(np.floor(np.log2(32767 / np.sqrt(n)))))
    epsilon = epsilon_code(float(a["epsilon"]), x.scale, n)
    coded_shape = c.tensors[name].shape
    unit = Affine(dtype="int16", scale=2.0**-fraction, low=-32768, high=32767)
    made = c.tensor(f"{y}:standard", coded_shape, unit)
    c.add(graph.Normalise(
        name=made, x=name, y=made, axis=where, rms=bool(a["rms"]), epsilon=epsilon, fraction=fraction
    ))  # fmt: skip
    gamma, beta = (spread_constant(a[key], shape, x.order, rank, coded_shape) for key in ("gamma", "beta"))
    scaled(c, y, Coded(name=made, order=x.order, form=unit), gamma, beta)


def coarser(c: Coder, x: Coded, epsilon: float, n: int) -> Coded:
    """Codes of a scale coarse enough that a command's field holds epsilon; needed for numbers as small as its
    root."""
    least = n * np.sqrt(epsilon / EPSILON.max)
    if x.scale >= least:
        return x
    form = replace(x.form, scale=float(least) * (1 + 1e-6))
    name = f"{x.name}:coarser{n}"
    return replace(x, name=name, form=form) if name in c.tensors else c.recoded(name, x, form)


def spread_constant(
    value: np.ndarray, shape: Shape, order: tuple[int, ...], rank: int, coded: Shape
) -> np.ndarray:
    """A constant that broadcasts with a tensor, in the order of the tensor's codes: [1 or rows, 1 or
    channels]."""
    value = np.asarray(value, np.float64)
    value = value.reshape(*(1,) * (rank - value.ndim), *value.shape) if value.ndim < rank else value
    value = np.broadcast_to(value, shape)
    axes = (*order, *(axis for axis in range(rank) if axis not in order))
    value = value.transpose(axes).reshape(prod(coded[:-1]), coded[-1])
    if (value == value[:1]).all():
        value = value[:1]
    if (value == value[:, :1]).all():
        value = value[:, :1]
    return value


def half_constant(
    c: Coder, name: str, value: np.ndarray, shape: Shape, dtype: np.dtype[Any] | None = None
) -> Coded:
    """A constant [1 or rows, 1 or channels] as a second operand in 16-bit codes; integers stay as
    they are."""
    scale = max(float(np.abs(value).max()), 1e-9) / 32767
    if dtype is not None and dtype.kind in "iub" and scale <= 1:
        scale = 1.0
    if dtype is not None and dtype.kind == "f":
        scale = power_of_two(scale)
    form = Affine(dtype="int16", scale=scale, low=-32768, high=32767)
    if value.shape[0] == 1:
        value = np.broadcast_to(value, (1, shape[-1])).reshape(-1)
    elif value.shape[1] > 1:
        value = value.reshape(shape)
    if name not in c.tensors:
        c.tensor(name, value.shape, form, data=form.code(value))
    return Coded(name=name, order=(), form=form)


def scaled(c: Coder, y: str, x: Coded, gamma: np.ndarray, beta: np.ndarray) -> None:
    """Make y = gamma x + beta; x: 16 bits without zero point."""
    shape = c.tensors[x.name].shape
    if len(beta) > 1:  # a row's own: no bias has it
        form = Affine(dtype="int16", scale=before_sum(c, y, beta), low=-32768, high=32767)
        factor = half_constant(c, f"{y}:gamma", gamma, shape)
        name = c.tensor(f"{y}:scaled", shape, form)
        how = Stage(scale=form.scale, fields={"low": form.low, "high": form.high})
        c.add(graph.Map(name=name, x=x.name, y=name, operation="mul", b=factor.name,
                        epilogue=c.epilogue(form, x.scale * factor.scale, how)))  # fmt: skip
        added(c, y, Coded(name=name, order=x.order, form=form), half_constant(c, f"{y}:beta", beta, shape), 1)
        return
    positive = len(gamma) == 1 and (gamma > 1e-3 * gamma.max()).all()
    b: Coded | None = None if positive else half_constant(c, f"{y}:gamma", gamma, shape)

    shift = 0 if b is None else room(float(np.abs(beta).max()) / (x.scale * b.scale))

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        unit = x.scale * gamma.ravel() if b is None else np.full(1, x.scale * b.scale * 2.0**shift)
        e = c.epilogue(form, unit, how, beta.ravel())
        return graph.Map(name=name, x=x.name, y=name, operation="copy" if b is None else "mul",
                         b=None if b is None else b.name, b_shift=shift, epilogue=e)  # fmt: skip

    c.emit(y, shape, x.order, make)


def room(bias: float) -> int:
    """Bits by which a product of two 16-bit codes is shifted down, so that 32 bits hold it plus a bias of
    this size."""
    return max(0, int(np.ceil(np.log2(((1 << 30) + bias) / ((1 << 31) - (1 << 16))))))


def before_sum(c: Coder, y: str, beta: np.ndarray) -> float:
    """The scale of y before beta is added, whose range may be larger; for integers and differences y's own
    scale."""
    scale = c.form(y, "half").scale
    need = (c.reach(y) + float(np.abs(beta).max())) / LIMITS["int16"][1]
    if need <= scale or y in c.differences or c.dtype(y).kind in "iub":
        return scale
    return power_of_two(need) if y in c.exactly else need


def added(c: Coder, y: str, x: Coded, b: Coded, sign: int) -> None:
    """Make y = x + sign b; for a quantised network rounded once, to within 2^-onnx_stated.PART of a code."""

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        how = onnx_stated.finer(how, b.scale) if c.given and form.dtype == "int8" else how
        multiplier, shift = short_factor(sign * b.scale / how.scale, SHORT)
        return graph.Map(
            name=name, x=x.name, y=name, operation="add", x_zero=x.zero, b=b.name, b_zero=b.zero,
            b_multiplier=multiplier, b_shift=shift, epilogue=c.epilogue(form, x.scale, how),
        )  # fmt: skip

    c.emit(y, c.tensors[x.name].shape, x.order, make)


def operands(c: Coder, node: Node, forms: str | None) -> tuple[Coded, Coded, bool]:
    """The larger operand; the other, which is a constant or broadcasts; and whether the two were
    exchanged."""
    a, b = node.inputs[:2]
    shape = c.shape(node.outputs[0])
    swapped = a in c.network.constants or (b not in c.network.constants and c.shape(a) != shape)
    if swapped:
        a, b = b, a
    x = full(c, a, forms, shape)
    coded = c.tensors[x.name].shape
    if b in c.network.constants:
        given = c.network.constants[b].astype(np.float64)
        if node.operator == "Div":
            with np.errstate(all="ignore"):
                given = 1 / given
        value = spread_constant(given, shape, x.order, len(shape), coded)
        exact = c.dtype(b) if c.dtype(b).kind != "f" or node.outputs[0] in c.exactly else None
        return x, half_constant(c, f"{node.name}:constant", value, coded, exact), swapped
    other = standing(c, b, forms)
    lifted = (1,) * (len(shape) - len(c.shape(b))) + c.shape(b)
    varying = tuple(i for i, size in enumerate(lifted) if size > 1)
    row = x.order and varying == x.order[-1:] and coded[-1] == shape[x.order[-1]]
    if lifted != shape and row:
        return x, Coded(name=c.reshaped(other.name, coded[-1:]), order=x.order, form=other.form), swapped
    wide = full(c, b, forms, shape, x.order)
    return x, replace(wide, name=c.reshaped(wide.name, coded)), swapped


def full(c: Coder, tensor: str, form: str | None, shape: Shape, order: Sequence[int] | None = None) -> Coded:
    """An operand in the result's shape, repeated where it is smaller. order: of its axes in the codes, None:
    any."""
    found = standing(c, tensor, form)
    own = c.shape(tensor)
    if own == shape:
        rest = [axis for axis in range(len(shape)) if shape[axis] == 1]
        return found if order is None else c.need(tensor, form or c.has(tensor), (*order, *rest))
    lifted = positions(own, found).reshape((1,) * (len(shape) - len(own)) + own)
    at = np.broadcast_to(lifted, shape)
    order = tuple(axis for axis, size in enumerate(shape) if size > 1) if order is None else tuple(order)
    key = (f"{tensor}:{found.name}:{shape}", order)
    if key not in c.turned:
        c.turned[key] = selected(c, f"{tensor}:{'x'.join(map(str, (*shape, *order)))}", found, at, order)
    return c.turned[key]


def shifted(c: Coder, node: Node) -> bool:
    """Make x + constant or constant - x in a quantised network, rounded once; False if no row holds the
    constant.

    x is multiplied by a power of two first, so that the bias can hold fractions of its codes.
    """
    y, shape = node.outputs[0], c.shape(node.outputs[0])
    place = 0 if node.inputs[0] in c.network.constants else 1
    own = node.inputs[1 - place]
    if not c.given or node.inputs[place] not in c.network.constants or c.shape(own) != shape:
        return False
    x = standing(c, own)
    coded = c.tensors[x.name].shape
    value = c.network.constants[node.inputs[place]].astype(np.float64)
    beta = spread_constant(value, shape, x.order, len(shape), coded)
    if not np.isfinite(beta).all():
        raise check.fail("constant operand", "infinite or no number", "finite numbers")
    bits = min(FINE, onnx_stated.whole_bits(ROOM * x.scale, float(np.abs(beta).max())))
    if len(beta) > 1 or bits < 1:
        return False
    less = node.operator == "Sub"
    sign, beta = (-1 if less and place == 0 else 1), (-beta if less and place == 1 else beta)
    power = Affine(dtype="int16", scale=1.0, low=-32768, high=32767)
    b = c.tensor(f"{y}:fine", coded[-1:], power, data=np.full(coded[-1:], sign << bits))

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        e = c.epilogue(form, x.scale / 2.0**bits, how, beta.ravel())
        return graph.Map(name=name, x=x.name, y=name, operation="mul", x_zero=x.zero, b=b, epilogue=e)

    c.emit(y, coded, x.order, make)
    return True


def add(c: Coder, node: Node) -> None:
    if shifted(c, node):
        return
    if node.operator == "Sub":
        subtract(c, node)
        return
    x, b, _ = operands(c, node, "half")
    added(c, node.outputs[0], x, b, 1)


def subtract(c: Coder, node: Node) -> None:
    """Legalise a - b; a may be a constant, or smaller than b."""
    x, b, swapped = operands(c, node, "half")
    if node.outputs[0] in c.differences:
        c.scales[node.outputs[0]] = difference_scale(c, node, x, b)
    if swapped and node.inputs[0] in c.network.constants and not c.given:
        shape = c.shape(node.outputs[0])
        value, coded = c.network.constants[node.inputs[0]], c.tensors[x.name].shape
        beta = spread_constant(value, shape, x.order, len(shape), coded)
        scaled(c, node.outputs[0], x, np.full((1, 1), -1.0), beta)
        return
    if swapped:
        wide = full(c, node.inputs[0], "half", c.shape(node.outputs[0]), x.order)
        x, b = replace(wide, name=c.reshaped(wide.name, c.tensors[x.name].shape)), x
    added(c, node.outputs[0], x, b, -1)


def difference_scale(c: Coder, node: Node, x: Coded, b: Coded) -> float:
    """The scale of a difference of which only the sign counts, so that it may saturate.

    It is the coarser of both operands' scales: equal reals then have equal codes. A constant that is exact in
    its own codes is exact in finer ones too.
    """
    coarse, fine = max(x.scale, b.scale), min(x.scale, b.scale)
    for tensor in node.inputs:
        value = c.network.constants.get(tensor)
        exact = value is not None and not (value / coarse % 1).any()
        if exact and b.scale == coarse:
            return max(fine, coarse / 2.0**FINE)
    return coarse


def multiply(c: Coder, node: Node) -> None:
    y = node.outputs[0]
    factor = constant_factor(node, c.network.constants)
    if factor is not None and not c.given and all(form in PASSED for form in c.wanted[y]):
        for form in sorted(c.wanted[y]):
            alias(c, y, node.inputs[0], form, factor)
        return
    if node.operator == "Div":
        divisor = c.network.constants.get(node.inputs[1])
        if divisor is None:
            raise check.fail("divisor", "computed", "a constant")
        if not np.isfinite(divisor).all() or not divisor.all():
            raise check.fail("divisor", "0 or no number among its elements", "numbers other than 0")
    x, b, _ = operands(c, node, None)

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        wide = x.form.dtype == b.form.dtype == "int16"
        whole = x.scale == b.scale == 1 and c.dtype(y).kind in "iub"
        shift = 4 if wide and not whole else 0  # of two 16-bit codes, so that rounding stays within 32 bits
        return graph.Map(
            name=name, x=x.name, y=name, operation="mul", x_zero=x.zero, b=b.name, b_zero=b.zero,
            b_shift=shift, epilogue=c.epilogue(form, x.scale * b.scale * 2.0**shift, how),
        )  # fmt: skip

    c.emit(y, c.tensors[x.name].shape, x.order, make)


def softmax(c: Coder, node: Node) -> None:
    x_name, y = node.inputs[0], node.outputs[0]
    check_scores(c, x_name)
    shape = c.shape(x_name)
    axis = node.attributes.get("axis", -1) % len(shape)
    axes = (*(i for i in range(len(shape)) if i != axis), axis)
    rows = prod(shape) // shape[axis]
    x = c.need(x_name, "score", axes, (rows, shape[axis]))
    codes, r = add_exponential(c, f"{y}:weights", x.name, (rows, 1))

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        e = c.epilogue(form, 2.0**-22, how)
        return graph.Map(name=name, x=codes, y=name, operation="mul", b=r, epilogue=e)

    c.emit(y, c.tensors[x.name].shape, x.order, make)
