"""The interpreter of coded networks: each operation in numpy, the vector unit's part by golden's own
functions.

A program of the accelerator gives these codes bit for bit, whatever its tiles, and so does a matrix unit that
computes the sums of products (mapping.run.arrays) with a host for all else. Without an array, sums are
computed by BLAS, in a float type that holds each of them exactly.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from golden import check
from golden.accelerator import map_lanes
from golden.accelerator.assembler import complete
from golden.accelerator.attend import attend as attend_command
from golden.accelerator.commands import Opcode
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from golden.accelerator.units.attention import unit_params
from mapping.ir import graph
from mapping.ir.verify import validate
from mapping.run import row_operations

Values = dict[str, np.ndarray]


class Array(Protocol):
    """Computes sums of products. takes: whether it computes operation `name`; sums: a [b, m, k] w [b, k, n],
    int64."""

    def takes(self, name: str) -> bool: ...

    def sums(self, name: str, a: np.ndarray, w: np.ndarray) -> np.ndarray: ...


def run(
    network: graph.CodedNetwork,
    p: AcceleratorParams,
    inputs: Mapping[str, np.ndarray],
    *,
    all_tensors: bool = False,
    array: Array | None = None,
) -> Values:
    """Outputs by name, and the tensors that become state; or every tensor that is computed. int64.

    inputs  codes by name; of state, what stands in `initial` where it is left out
    array   who computes sums of products, where not numpy
    raises  BadValue, naming the operation, tensor or input
    """
    validate(network, p)
    values = computed(network, p, inputs, array)
    if all_tensors:
        return values
    return {name: values[name] for name in (*network.outputs, *(new for _, new in network.state))}


def computed(
    network: graph.CodedNetwork, p: AcceleratorParams, inputs: Mapping[str, np.ndarray], array: Array | None
) -> Values:
    """Every tensor of a network that is valid."""
    values = start(network, inputs)
    for operation in network.operations:
        try:
            values.update(RULES[type(operation)](Call(network, p, values, array), operation))
        except check.BadValue as bad:
            raise check.BadValue(f"{network.name}: {operation.name}: {bad}") from None
    return values


def start(network: graph.CodedNetwork, inputs: Mapping[str, np.ndarray]) -> Values:
    """The inputs' codes, int64, checked."""
    own = {name: network.initial.get(name) for name, _ in network.state}
    for name in inputs:
        check.one_of(f"{network.name}: input", name, network.inputs)
    values = {}
    for name in network.inputs:
        given, tensor = inputs.get(name, own.get(name)), network.tensors[name]
        where = f"{network.name}: input {name}"
        if given is None:
            raise check.fail(where, "missing", f"{tensor.dtype} {list(tensor.shape)}")
        info = np.iinfo(tensor.dtype)
        values[name] = check.array(where, given, info.min, info.max)
        check.shape(where, values[name], tensor.shape)
    return values


class Interpreter:
    """A network that keeps state, step after step."""

    def __init__(self, network: graph.CodedNetwork, p: AcceleratorParams, array: Array | None = None) -> None:
        validate(network, p)
        self.network, self.p, self.array = network, p, array
        self.state: Values = {}

    def step(self, inputs: Mapping[str, np.ndarray]) -> Values:
        """Outputs by name."""
        made = computed(self.network, self.p, {**inputs, **self.state}, self.array)
        self.state = {old: made[new] for old, new in self.network.state}
        return {name: made[name] for name in self.network.outputs}


class Call:
    """The state that a rule works on: the tensors computed so far, and the accelerator."""

    def __init__(
        self, network: graph.CodedNetwork, p: AcceleratorParams, values: Values, array: Array | None = None
    ) -> None:
        self.network, self.p, self.values, self.array = network, p, values, array

    def __getitem__(self, name: str) -> np.ndarray:
        """A tensor's codes, int64."""
        data = self.network.tensors[name].data
        return self.values[name] if data is None else np.asarray(data, np.int64)

    def sums(self, o: graph.Operation, a: np.ndarray, w: np.ndarray) -> np.ndarray:
        """a [b, m, k] w [b, k, n], by the array where it takes the operation."""
        if self.array is not None and self.array.takes(o.name):
            return self.array.sums(o.name, a, w)
        return exact_product(a, w)

    def finish(self, y: str, epilogue: graph.Epilogue, t: np.ndarray, f: np.ndarray | None = None) -> Values:
        """The result of an operation: `t`, values of 32 bits, through its epilogue. f: added within it."""
        e, tensor = epilogue, self.network.tensors[y]
        s = map_lanes.requantise32(t, e.bias, e.multiplier, e.shift)
        if f is not None:
            s = map_lanes.S32.saturate(s + f)
        v = map_lanes.function(self.p, function_number(self.p, e.function), s, e.table)
        v = map_lanes.post(v, e.post_multiplier, e.post_shift)
        if tensor.dtype != "int32":
            v = map_lanes.clipped(v + e.zero_point, e.low, e.high)
        return {y: v.reshape(tensor.shape)}

    def residual(self, r: graph.Residual | None) -> np.ndarray | None:
        return None if r is None else map_lanes.scaled(self[r.b] - r.zero, r.multiplier, r.shift)


def function_number(p: AcceleratorParams, name: str) -> int:
    """The number of an epilogue's function in a command."""
    if name in ("none", "table"):
        return map_lanes.TABLE if name == "table" else 0
    check.one_of("function", name, ["none", "table", *p.functions])
    return FIRST_FUNCTION + p.functions.index(name)


def exact_product(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """a w, [..., m, k] [..., k, n] of codes, int64."""
    bound = float(np.abs(a).max(initial=0)) * float(np.abs(w).max(initial=0)) * a.shape[-1]
    dtype = np.float32 if bound < 1 << 24 else np.float64
    return np.asarray(np.rint(a.astype(dtype) @ w.astype(dtype)), np.int64)


def windows(x: np.ndarray, o: Any, kernel: tuple[int, int], outside: int) -> np.ndarray:
    """The elements under each stop of a kernel: x [h, w, c] -> [oh, ow, c, kh, kw], read only. outside: what
    stands beyond the image."""
    view = graph.window_of(o, kernel).view(x.transpose(2, 0, 1)[None], outside)
    return np.asarray(view[0].transpose(1, 2, 0, 3, 4))


def product(c: Call, o: graph.Product) -> Values:
    kh, kw, channels, n = o.weights.shape
    x = c[o.x]
    rows = x.reshape(-1, channels)
    if x.ndim == 3 and ((kh, kw) != (1, 1) or o.strides != (1, 1) or any(o.pads)):
        rows = windows(x, o, (kh, kw), o.pad_value).transpose(0, 1, 3, 4, 2).reshape(-1, kh * kw * channels)
    sums = c.sums(o, rows[None], o.weights.reshape(1, -1, n))[0]  # of 32 bits, in parts or not: see validate
    f = c.residual(o.residual)
    return c.finish(o.y, o.epilogue, sums, None if f is None else spread(f, (len(sums), n)))


def spread(b: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A second operand of the result's rows, one row for all, or one element a row."""
    rows, channels = int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]
    if b.size == channels and b.shape[-1] == channels:
        b = b.reshape(1, channels)
    elif b.size == rows and b.shape[-1] == 1:
        b = b.reshape(rows, 1)
    return np.broadcast_to(b.reshape(-1, b.shape[-1]), (rows, channels)).reshape(shape)


def by_head(x: np.ndarray, heads: int, where: str) -> np.ndarray:
    """[heads, rows, width]."""
    return x if where == "first" else x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def mat_mul(c: Call, o: graph.MatMul) -> Values:
    x, w = by_head(c[o.x], o.heads, o.heads_in_x), by_head(c[o.w], o.heads, o.heads_in_w)
    t = c.sums(
        o, x, w.transpose(0, 2, 1) if o.transposed else w
    )  # which fit into the accumulators: see validate
    if o.row_scale is not None:
        t = map_lanes.scaled(t, c[o.row_scale].reshape(*t.shape[:2], 1), o.row_shift)
    f = c.residual(o.residual)
    made = c.finish(o.y, o.epilogue, t, None if f is None else f.reshape(-1, t.shape[-1]))
    if o.heads_in_y == "first":
        return made
    y = made[o.y].reshape(t.shape).transpose(1, 0, 2)
    return {o.y: y.reshape(made[o.y].shape)}


def element_wise(c: Call, o: graph.Map) -> Values:
    near = c[o.x] - o.x_zero
    f = None
    if o.operation == "mul" and o.b is not None:
        far = map_lanes.FACTOR.wrap(spread(c[o.b], near.shape) - o.b_zero)
        near = map_lanes.scaled(near, far, o.b_shift)
    elif o.operation == "add" and o.b is not None:
        f = map_lanes.scaled(spread(c[o.b], near.shape) - o.b_zero, o.b_multiplier, o.b_shift)
    return c.finish(o.y, o.epilogue, map_lanes.S32.saturate(near), f)


def depthwise(c: Call, o: graph.Depthwise) -> Values:
    kh, kw, channels = o.weights.shape
    if c.array is not None and c.array.takes(o.name):
        seen = windows(c[o.x], o, (kh, kw), o.pad_value)
        codes = seen.transpose(2, 0, 1, 3, 4).reshape(channels, -1, kh * kw)
        w = o.weights.astype(np.int64).reshape(1, kh * kw, channels).T
        sums = c.array.sums(o.name, codes, w) - o.x_zero * w.sum(1, keepdims=True)
        return c.finish(o.y, o.epilogue, sums[..., 0].T)
    seen = windows(c[o.x] - o.x_zero, o, (kh, kw), o.pad_value - o.x_zero)
    total = np.zeros(seen.shape[:3], np.int64)
    for i in range(kh):
        for j in range(kw):
            total += seen[..., i, j] * o.weights[i, j]
    return c.finish(o.y, o.epilogue, map_lanes.S32.wrap(total))


def pool(c: Call, o: graph.Pool) -> Values:
    seen = windows(c[o.x] - o.x_zero, o, o.kernel, o.pad_value - o.x_zero)
    seen = map_lanes.S32.saturate(seen)
    total = seen.max(axis=(3, 4)) if o.reduction == "max" else map_lanes.S32.wrap(seen.sum(axis=(3, 4)))
    return c.finish(o.y, o.epilogue, total)


def exponential(c: Call, o: graph.Exponential) -> Values:
    codes, r = row_operations.exponential(c.p, c[o.x], o.length, o.length_step)
    return {o.y: codes, o.r: r.reshape(c.network.tensors[o.r].shape)}


def attend(c: Call, o: graph.Attend) -> Values:
    q, k, v = (by_head(c[name], o.heads, "columns") for name in (o.x, o.k, o.v))
    keys = k.shape[1]
    fields = complete(Opcode.ATTEND, {**o.numbers, "queries": q.shape[1], "keys": keys})
    mask = np.zeros(keys, np.int64) if o.mask is None else c[o.mask]
    made = attend_command(unit_params(c.p).arithmetic(c.p.lanes), fields, q, k, v, mask)
    return {o.y: made.transpose(1, 0, 2).reshape(c[o.x].shape)}


def normalise(c: Call, o: graph.Normalise) -> Values:
    return {
        o.y: row_operations.normalise(c.p, c[o.x], o.axis, rms=o.rms, epsilon=o.epsilon, fraction=o.fraction)
    }


def gather(c: Call, o: graph.Gather) -> Values:
    table = c[o.x]
    rows = check.array("row number", c[o.i].ravel(), 0, len(table) - 1)
    return {o.y: table[rows].reshape(c.network.tensors[o.y].shape)}


def reshape(c: Call, o: graph.Reshape) -> Values:
    return {o.y: c[o.x].reshape(c.network.tensors[o.y].shape)}


def part(c: Call, o: graph.Slice) -> Values:
    x = c[o.x]
    at: list[slice] = [slice(None)] * x.ndim
    at[o.axis] = slice(o.start, o.start + o.length, o.step)
    return {o.y: x[tuple(at)].reshape(c.network.tensors[o.y].shape)}


def concat(c: Call, o: graph.Concat) -> Values:
    return {o.y: np.concatenate([c[name] for name in (o.x, *o.others)], o.axis)}


def take(c: Call, o: graph.Take) -> Values:
    found = c[o.x].ravel()[np.maximum(o.index, 0)]
    return {o.y: np.where(o.index < 0, o.fill, found).reshape(c.network.tensors[o.y].shape)}


def host(c: Call, o: graph.Host) -> Values:
    made = o.compute([c[name] for name in (o.x, *o.others)])
    found = {}
    for name, codes in zip((o.y, *o.results), made, strict=True):
        tensor = c.network.tensors[name]
        info = np.iinfo(tensor.dtype)
        found[name] = check.array(name, codes, info.min, info.max).reshape(tensor.shape)
    return found


RULES: dict[type, Callable[[Call, Any], Values]] = {
    graph.Product: product, graph.MatMul: mat_mul, graph.Map: element_wise, graph.Depthwise: depthwise,
    graph.Pool: pool, graph.Exponential: exponential, graph.Normalise: normalise, graph.Gather: gather,
    graph.Reshape: reshape, graph.Slice: part, graph.Concat: concat, graph.Take: take,
    graph.Host: host, graph.Attend: attend,
}  # fmt: skip
