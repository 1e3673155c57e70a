"""The verifier of coded networks: names, shapes and ranges of every operation.

Which operations a design executes, its units say (mapping.backends.program.units).
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.map_lanes import MAX_SHIFT, TABLE_ENTRIES
from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from golden.pe import counted
from mapping.ir import graph
from mapping.refused import at
from mapping.unknown import is_unknown

HALF = range(-(1 << 15), 1 << 15)
SHIFTS = range(32)  # of 5 bits
SUM = (1 << 31) - 1  # the largest sum of a product


def validate(network: graph.CodedNetwork, p: AcceleratorParams) -> None:
    """BadValue naming the tensor or operation that breaks a rule of graph.py."""
    known = {*network.inputs}
    for name, tensor in network.tensors.items():
        _tensor(f"{network.name}: tensor {name}", tensor)
        if tensor.data is not None:
            known.add(name)
    for o in network.operations:
        where = f"{network.name}: {o.name}"
        c = Checker(network, p, o, where)
        for name in reads(o):
            if name not in known:
                raise check.fail(where, f"reading {name}", "a constant, an input or a result made before it")
        for name in writes(o):
            if name in known or name not in network.tensors:
                raise check.fail(where, f"making {name}", "a tensor of its own, described")
        with at(o.name):
            RULES[type(o)](c, o)
        known.update(writes(o))
    for name in (*network.outputs, *(name for pair in network.state for name in pair)):
        check.one_of(f"{network.name}: output or state", name, known)
    for old, new in network.state:
        check.shape(f"{network.name}: state {old}", np.empty(network.tensors[old].shape),
                    network.tensors[new].shape)  # fmt: skip


def _tensor(where: str, t: graph.Tensor) -> None:
    check.one_of(f"{where}: dtype", t.dtype, graph.DTYPES)
    if not 0 < t.encoding.scale < float("inf"):
        raise check.fail(f"{where}: scale", t.encoding.scale, "above 0, finite")
    if not t.shape or min(t.shape) < 1:
        raise check.fail(f"{where}: shape", list(t.shape), "one axis or more, none empty")
    if t.data is not None:
        check.shape(where, t.data, t.shape)
        if not is_unknown(t.data):
            info = np.iinfo(t.dtype)
            check.array(where, t.data, info.min, info.max)


def reads(o: graph.Operation) -> list[str]:
    """Names of the tensors that an operation reads."""
    found: list[str | None] = [o.x, *getattr(o, "others", ())]
    found += [getattr(o, key, None) for key in ("w", "k", "v", "b", "i", "row_scale", "mask")]
    residual = getattr(o, "residual", None)
    found.append(residual.b if residual else None)
    return [name for name in found if name is not None]


def writes(o: graph.Operation) -> list[str]:
    """Names of the tensors that an operation makes."""
    return [o.y, *([o.r] if isinstance(o, graph.Exponential) else getattr(o, "results", ()))]


class Checker:
    """The checks that operations share. BadValue begins with `where`."""

    def __init__(
        self, network: graph.CodedNetwork, p: AcceleratorParams, o: graph.Operation, where: str
    ) -> None:
        self.network, self.p, self.o, self.where = network, p, o, where

    def shape(self, name: str) -> graph.Shape:
        return self.network.tensors[name].shape

    def bad(self, what: object, allowed: str) -> check.BadValue:
        return check.fail(self.where, what, allowed)

    def makes(self, name: str, *allowed: graph.Shape) -> None:
        """BadValue unless `name` has one of these shapes; leading axes of length 1 do not count."""
        found = self.shape(name)
        if found not in allowed:
            raise self.bad(f"making {name} {list(found)}", " or ".join(str(list(s)) for s in allowed))

    def typed(self, name: str, *dtypes: str) -> None:
        check.one_of(f"{self.where}: type of {name}", self.network.tensors[name].dtype, dtypes)

    def within(self, what: str, value: int, allowed: range) -> None:
        check.in_range(f"{self.where}: {what}", value, allowed.start, allowed.stop - 1)

    def epilogue(self, e: graph.Epilogue) -> None:
        """BadValue unless lengths and ranges are legal, and the type holds the stored values."""
        channels = self.shape(self.o.y)[-1]
        limits = {"bias": (-(1 << 31), (1 << 31) - 1), "multiplier": (0, (1 << 31) - 1)}
        limits["shift"] = (0, MAX_SHIFT)
        for name, (low, high) in limits.items():
            value = check.array(f"{self.where}: {name}", getattr(e, name), low, high)
            if value.shape not in ((1,), (channels,)):
                raise self.bad(f"{name} {list(value.shape)}", f"[1] or [{channels}]")
        if (e.function == "table") != (e.table is not None):
            raise self.bad("a table", 'one where the function is "table", else none')
        if e.table is not None:
            check.shape(f"{self.where}: table", e.table, (TABLE_ENTRIES,))
            check.array(f"{self.where}: table", e.table, HALF.start, HALF.stop - 1)
        self.within("post_multiplier", e.post_multiplier, range(1 << 16))
        self.within("post_shift", e.post_shift, SHIFTS)
        tensor = self.network.tensors[self.o.y]
        if tensor.dtype != "int32":
            info = np.iinfo(tensor.dtype)
            for name in ("low", "high"):
                self.within(name, getattr(e, name), range(int(info.min), min(int(info.max), 32767) + 1))
            self.within("zero_point", e.zero_point, HALF)

    def residual(self, r: graph.Residual | None, *allowed: graph.Shape) -> None:
        if r is not None:
            self.makes(r.b, *allowed)
            self.within("residual multiplier", r.multiplier, HALF)
            self.within("residual shift", r.shift, SHIFTS)
            self.within("residual zero", r.zero, HALF)

    def image(self, o: Any, kernel: tuple[int, int], channels: int) -> graph.Shape:
        """[oh, ow] of a window over x [h, w, channels]."""
        shape = self.shape(o.x)
        if len(shape) != 3 or shape[2] != channels:
            raise self.bad(f"reading {o.x} {list(shape)}", f"[h, w, {channels}]")
        window = graph.window_of(o, kernel)
        if min(o.pads) < 0 or min((*window.strides, *window.dilations)) < 1:
            raise self.bad("a window", "pads of 0 or more, strides and dilations of 1 or more")
        found = window.out(shape[:2])
        if min(found) < 1:
            raise self.bad(f"a kernel {list(kernel)}", f"one that fits {list(shape[:2])} and pads {o.pads}")
        return found

    def sums(self, x: str, weights: np.ndarray) -> None:
        """BadValue if a sum of a product may exceed 32 bits, however the compiler splits its depth."""
        info = np.iinfo(self.network.tensors[x].dtype)
        each = np.abs(weights.reshape(-1, weights.shape[-1]).astype(np.int64, copy=False)).sum(axis=0)
        reached = int(each.max(initial=0)) * max(-int(info.min), int(info.max))
        if reached > SUM:
            raise self.bad(f"sums of {weights[..., 0].size} products, which reach {reached}", f"up to {SUM}")


def product(c: Checker, o: graph.Product) -> None:
    if o.weights.ndim != 4:
        raise c.bad(f"weights {list(o.weights.shape)}", "[kh, kw, channels, n]")
    kh, kw, channels, n = o.weights.shape
    shape = c.shape(o.x)
    c.typed(o.x, "int8", "uint8")
    if not is_unknown(o.weights):
        counted.check_numbers(c.p.unit.pe, f"{c.where}: weights", o.weights)
        c.sums(o.x, o.weights)
    plain = (kh, kw) == (1, 1) and o.strides == (1, 1) and not any(o.pads)
    wanted = (*shape[:-1], n) if plain else (*c.image(o, (kh, kw), channels), n)
    if shape[-1] != channels:
        raise c.bad(f"reading {o.x} {list(shape)}", f"[..., {channels}]")
    c.makes(o.y, wanted)
    c.residual(o.residual, wanted, (n,), (*(1,) * (len(wanted) - 1), n))
    c.epilogue(o.epilogue)


def mat_mul(c: Checker, o: graph.MatMul) -> None:
    c.typed(o.x, "int8", "uint8")
    c.typed(o.w, "int8", "uint8")
    x, w = (_heads(c, name, o.heads, at) for name, at in ((o.x, o.heads_in_x), (o.w, o.heads_in_w)))
    w = (w[0], w[2], w[1]) if o.transposed else w
    if x[2] != w[1]:
        raise c.bad(f"factors of depth {x[2]} and {w[1]}", "the same depth")
    rows, n = x[1], w[2]
    c.makes(o.y, (o.heads, rows, n) if o.heads_in_y == "first" else (rows, o.heads * n))
    if o.row_scale is not None:
        c.typed(o.row_scale, "uint16")
        c.makes(o.row_scale, (o.heads, rows))
        c.within("row_shift", o.row_shift, SHIFTS)
        if o.residual is not None:
            raise c.bad("a residual and a row_scale", "one of them")
    c.residual(o.residual, (n,))
    c.epilogue(o.epilogue)


def _heads(c: Checker, name: str, heads: int, at: str) -> graph.Shape:
    """[heads, rows, width] of a factor."""
    check.one_of(f"{c.where}: place of heads", at, ("columns", "first"))
    shape = c.shape(name)
    if at == "first" and len(shape) == 3 and shape[0] == heads:
        return shape
    if at == "columns" and len(shape) == 2 and shape[1] % heads == 0:
        return heads, shape[0], shape[1] // heads
    raise c.bad(f"reading {name} {list(shape)}", f"{heads} heads, {at}")


def element_wise(c: Checker, o: graph.Map) -> None:
    check.one_of(f"{c.where}: operation", o.operation, ("copy", "mul", "add"))
    shape = c.shape(o.x)
    c.makes(o.y, shape)
    if (o.operation == "copy") != (o.b is None):
        raise c.bad(f"second operand {o.b}", "one for mul and add")
    if o.b is not None:
        one = (*(1,) * (len(shape) - 1), shape[-1])
        c.makes(o.b, shape, shape[-1:], one, (prod(shape[:-1]), 1), (*shape[:-1], 1))
        if o.operation == "mul":
            c.typed(o.b, "int8", "uint8", "int16", "uint16")
    c.within("x_zero", o.x_zero, HALF)
    c.within("b_zero", o.b_zero, HALF)
    c.within("b_multiplier", o.b_multiplier, HALF)
    c.within("b_shift", o.b_shift, SHIFTS)
    c.epilogue(o.epilogue)


def depthwise(c: Checker, o: graph.Depthwise) -> None:
    if o.weights.ndim != 3:
        raise c.bad(f"weights {list(o.weights.shape)}", "[kh, kw, channels]")
    check.array(f"{c.where}: weights", o.weights, -128, 127)
    c.typed(o.x, "int8", "uint8", "int16", "uint16")  # so that a product with a weight has 32 bits
    kh, kw, channels = o.weights.shape
    c.makes(o.y, (*c.image(o, (kh, kw), channels), channels))
    c.epilogue(o.epilogue)


def pool(c: Checker, o: graph.Pool) -> None:
    check.one_of(f"{c.where}: reduction", o.reduction, ("max", "sum"))
    channels = c.shape(o.x)[-1]
    c.makes(o.y, (*c.image(o, o.kernel, channels), channels))
    c.epilogue(o.epilogue)


def exponential(c: Checker, o: graph.Exponential) -> None:
    c.typed(o.x, "int16")
    c.typed(o.y, "int8")
    c.typed(o.r, "uint16")
    c.makes(o.y, c.shape(o.x))
    c.within("length", o.length, range(1 << 16))
    c.within("length_step", o.length_step, HALF)
    lead = c.shape(o.x)[:-1]
    c.makes(o.r, lead, (*lead, 1))


def attend(c: Checker, o: graph.Attend) -> None:
    for name in (o.x, o.k, o.v, o.y):
        c.typed(name, "int8")
    _, rows, width = _heads(c, o.x, o.heads, "columns")
    keys = c.shape(o.k)[0]
    for name in (o.k, o.v):
        c.makes(name, (keys, o.heads * width))
    c.makes(o.y, (rows, o.heads * width))
    if (o.mask is None) != (o.mask_multiplier == 0):
        raise c.bad(f"mask {o.mask} times {o.mask_multiplier}", "a mask and a multiplier, or neither")
    if o.mask is not None:
        c.typed(o.mask, "int16")
        c.makes(o.mask, (keys,))
    for name, value in o.numbers.items():
        low, high = Opcode.ATTEND.limits[name]
        c.within(name, value, range(low, high + 1))


def normalise(c: Checker, o: graph.Normalise) -> None:
    c.typed(o.x, "int16")
    c.typed(o.y, "int16")
    c.makes(o.y, c.shape(o.x))
    check.one_of(f"{c.where}: axis", o.axis, (-1, 0))
    if o.axis == 0 and len(c.shape(o.x)) != 2:
        raise c.bad(f"reading {o.x} {list(c.shape(o.x))}", "[rows, channels]")
    c.within("fraction", o.fraction, range(16))
    c.within("epsilon", o.epsilon, range(1 << 32))


def gather(c: Checker, o: graph.Gather) -> None:
    if c.network.tensors[o.x].data is None or len(c.shape(o.x)) != 2:
        raise c.bad(f"table {o.x} {list(c.shape(o.x))}", "a constant [rows, channels]")
    c.typed(o.i, "int32")
    c.typed(o.y, c.network.tensors[o.x].dtype)
    c.makes(o.y, (prod(c.shape(o.i)), c.shape(o.x)[1]))


def reshape(c: Checker, o: graph.Reshape) -> None:
    if prod(c.shape(o.x)) != prod(c.shape(o.y)):
        raise c.bad(f"making {list(c.shape(o.y))}", f"as many elements as {list(c.shape(o.x))}")
    c.typed(o.y, c.network.tensors[o.x].dtype)


def part(c: Checker, o: graph.Slice) -> None:
    shape = c.shape(o.x)
    c.within("axis", o.axis, range(-len(shape), len(shape)))
    c.within("step", o.step, range(1, 1 << 16))
    c.within("start", o.start, range(shape[o.axis]))
    c.within("length", o.length, range(1, shape[o.axis] - o.start + 1))
    count = ceil_div(o.length, o.step)
    if prod(c.shape(o.y)) != prod(shape) // shape[o.axis] * count:
        raise c.bad(f"making {list(c.shape(o.y))}", f"{count} of {shape[o.axis]} along axis {o.axis}")
    c.typed(o.y, c.network.tensors[o.x].dtype)


def concat(c: Checker, o: graph.Concat) -> None:
    shapes = [c.shape(name) for name in (o.x, *o.others)]
    c.within("axis", o.axis, range(-len(shapes[0]), len(shapes[0])))
    for name in (o.x, *o.others):
        c.typed(name, c.network.tensors[o.y].dtype)
    c.makes(o.y, _joined(c, shapes, o.axis))


def take(c: Checker, o: graph.Take) -> None:
    if o.index.shape != c.shape(o.y):
        raise c.bad(f"making {list(c.shape(o.y))} by an index {list(o.index.shape)}", "one shape")
    check.array(f"{c.where}: index", o.index, -1, prod(c.shape(o.x)) - 1)
    c.typed(o.y, c.network.tensors[o.x].dtype)
    info = np.iinfo(c.network.tensors[o.y].dtype)
    c.within("fill", o.fill, range(int(info.min), int(info.max) + 1))


def host(c: Checker, o: graph.Host) -> None:
    """No check: its results are checked when they have been computed."""
    if not (o.operator and o.reason):
        raise c.bad(f"an operator {o.operator!r} for a reason {o.reason!r}", "both")


def _joined(c: Checker, shapes: Iterable[graph.Shape], axis: int) -> graph.Shape:
    try:
        return tuple(np.concatenate([np.empty(s, np.int8) for s in shapes], axis).shape)
    except ValueError as wrong:
        raise c.bad(f"impossible ({wrong})", "operands that fit each other") from None


RULES: dict[type, Callable[[Checker, Any], None]] = {
    graph.Product: product, graph.MatMul: mat_mul, graph.Map: element_wise, graph.Depthwise: depthwise,
    graph.Pool: pool, graph.Exponential: exponential, graph.Normalise: normalise, graph.Gather: gather,
    graph.Reshape: reshape, graph.Slice: part, graph.Concat: concat, graph.Take: take,
    graph.Host: host, graph.Attend: attend,
}  # fmt: skip
