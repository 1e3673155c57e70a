"""An INT8 TFLite network as a coded network, bit for bit with TFLite's built-in kernels.

Products round twice: r = round(round(x m / 2^31) / 2^s), ties up (golden.tflite.fixed_point, "upward"). The
vector unit rounds once, so a product leaves as 32-bit numbers, rounded by 2^31, and a `Map` rounds the second
time. Depthwise channels beyond whole groups of 8 round the second time with ties away from zero: the positive
and the negative part by themselves, then their difference. An operator on single codes is a table.

Variables become state: an input `state.NAME` whose next value is the one that the network assigns to it.
"""

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from golden import check
from golden.tflite import moving
from golden.tflite.quantisation import Quantisation
from mapping.frontends.tflite.coded_elementwise import add, mul, sub
from mapping.frontends.tflite.coded_pooling import average_pool, mean
from mapping.frontends.tflite.coded_products import conv_2d, depthwise, fully_connected, image
from mapping.frontends.tflite.ends import SINGLE
from mapping.frontends.tflite.integer_call import IntegerCall, scale_of
from mapping.frontends.tflite.integer_operators import OPERATORS
from mapping.frontends.tflite.integer_run import Runner
from mapping.frontends.tflite.reader import Operator, TfliteModel, TfliteTensor
from mapping.frontends.tflite.translation import Translation, ends, rows
from mapping.ir import graph
from mapping.legalise import images
from mapping.legalise.fixed import plain


def coded(model: TfliteModel, host: bool = False) -> graph.CodedNetwork:
    """The coded network of a model's first graph.

    host    operators that no unit computes bit for bit go to the host, in TFLite's own integers
    raises  BadValue, naming the operator and its place, for an operator that no unit computes bit for bit
    """
    one, count = alone(model)
    made = Translation(one, host).translate(RULES)
    return made if count == 1 else images.repeated(made, count)


def alone(model: TfliteModel) -> tuple[TfliteModel, int]:
    """The model of one image of a batch, and the number of images; the model itself where there is one image,
    or where images depend on each other (tested on random codes)."""
    g = model.graphs[0]
    first = {g.tensors[i].shape[:1] for i in g.inputs}
    count = first.pop()[0] if len(first) == 1 and first != {()} else 1
    if count == 1 or not any(o.opcode in WINDOWED for o in g.operators):
        return model, 1
    tensors = tuple(
        replace(t, shape=(1, *t.shape[1:])) if t.data is None and t.shape[:1] == (count,) else t
        for t in g.tensors
    )
    one = replace(model, graphs=(replace(g, tensors=tensors), *model.graphs[1:]))
    random = np.random.default_rng(0)
    given = {g.tensors[i].name: random.integers(-128, 128, g.tensors[i].shape) for i in g.inputs}
    dtypes = {g.tensors[i].name: g.tensors[i].dtype for i in g.inputs}
    given = {name: x.astype(dtypes[name]) for name, x in given.items()}
    try:
        whole = Runner(model).step(given)
        parts = [Runner(one).step(each) for each in images.split(given, count)]
    except check.BadValue:
        return model, 1
    meet = any((np.concatenate([each[name] for each in parts]) != y).any() for name, y in whole.items())
    return (model, 1) if meet else (one, count)


WINDOWED = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN")


def zero_shift(q: Quantisation) -> int:
    """The number subtracted from a code to index a table: 0 for signed codes."""
    return 128 if q.dtype == np.uint8 else 0


def single(t: Translation, operator: Operator) -> None:
    """Translate an operator on single codes: a table of its results."""
    x_tensor, y_tensor = ends(t, operator)
    if x_tensor.dtype == np.float32 or y_tensor.dtype == np.float32:
        raise check.fail("type", "float32", "int8 or uint8: reals are coded before the network")
    q, x = scale_of(x_tensor), t.input(operator)
    off = zero_shift(q)
    codes = np.arange(-128, 128) + off
    table = tabulate(t, operator, codes.astype(q.dtype), y_tensor, prod(x_tensor.shape))
    y = t.result(operator)
    info = np.iinfo(y_tensor.dtype or np.int8)
    e = plain(t.tensors[y].dtype, function="table", table=table, low=int(info.min), high=int(info.max))
    t.add(graph.Map(name=y, x=x, y=y, x_zero=off, epilogue=e))


def tabulate(t: Translation, operator: Operator, codes: np.ndarray, y: TfliteTensor, size: int) -> np.ndarray:
    """Golden's results for each of 256 codes, int64. size: elements of the real operand."""
    call = IntegerCall(t.graph, operator, [codes], rounding="double", product_rounding="upward")
    table = OPERATORS[operator.opcode](call)[0].astype(np.int64)
    if operator.opcode == "QUANTIZE" and size % 16:
        # the last elements, that fill no vector of TFLite's kernel, round otherwise
        one = IntegerCall(t.graph, operator, [codes], rounding="double", product_rounding="double")
        apart = OPERATORS[operator.opcode](one)[0].astype(np.int64)
        if size < 16:
            return apart
        if (apart != table).any():
            raise check.fail("elements", size, "a multiple of 16: the others round in another way")
    return table


def moved(t: Translation, operator: Operator, place: int = 0) -> None:
    """BadValue unless codes mean the same before and after the operator."""
    t.call(operator).unmoved(place)


def reshape(t: Translation, operator: Operator) -> None:
    moved(t, operator)
    y = t.result(operator)
    t.add(graph.Reshape(name=y, x=t.input(operator), y=y))


def concatenation(t: Translation, operator: Operator) -> None:
    t.call(operator).unmoved(*range(len(operator.inputs)))
    if operator.options["activation"] != "NONE":
        raise check.fail("fused activation", operator.options["activation"], "NONE")
    names = [t.input(operator, place) for place in range(len(operator.inputs))]
    y = t.result(operator)
    axis = row_axis(ends(t, operator)[1].shape, operator.options["axis"])
    t.add(graph.Concat(name=y, x=names[0], others=tuple(names[1:]), axis=axis, y=y))


def row_axis(shape: graph.Shape, axis: int) -> int:
    """The axis of the coded tensor."""
    check.in_range("axis", axis, -len(shape), len(shape) - 1)
    return axis % len(shape) - (len(shape) - len(rows(shape)))


def cut(
    t: Translation, x: str, shape: graph.Shape, axis: int, start: int, length: int, step: int, y: str
) -> None:
    """One slice, or the tensor itself in its result's shape."""
    if length == shape[axis] and step == 1:
        t.add(graph.Reshape(name=y, x=x, y=y))
        return
    at = row_axis(shape, axis)
    t.add(graph.Slice(name=y, x=x, y=y, axis=at, start=start, length=length, step=step))


def split(t: Translation, operator: Operator) -> None:
    """SPLIT and SPLIT_V."""
    call = t.call(operator)
    if operator.opcode == "SPLIT":
        source, axis = 1, int(call.integers(0).item())
        shape = t.graph.tensors[operator.inputs[1]].shape
        count = len(operator.outputs)
        check.in_range("axis", axis, -len(shape), len(shape) - 1)
        sizes = [shape[axis] // count] * count
    else:
        source, axis = 0, int(call.integers(2).item())
        shape = t.graph.tensors[operator.inputs[0]].shape
        sizes = call.integers(1).ravel().tolist()
    pieces = moving.split(np.empty(shape, np.int8), sizes, axis)
    x, start = t.input(operator, source), 0
    for place, piece in enumerate(pieces):
        length = piece.shape[axis]
        cut(t, x, shape, axis % len(shape), start, length, 1, t.result(operator, place))
        start += length


def strided_slice(t: Translation, operator: Operator) -> None:
    moved(t, operator)
    call, options = t.call(operator), dict(operator.options)
    for key in ("ellipsis_mask", "new_axis_mask", "offset"):
        check.in_range(key, int(options.pop(key)), 0, 0)
    shape = ends(t, operator)[0].shape
    begin, end, strides = (call.integers(index).ravel().tolist() for index in (1, 2, 3))
    found = moving.slices(shape, begin, end, strides, **options)
    parts = []
    for axis, each in enumerate(found):
        start, stop, step = (each, each + 1, 1) if isinstance(each, int) else each.indices(shape[axis])
        if step < 0:
            raise check.fail("stride", step, "1 or more")
        if len(range(start, stop, step)) != shape[axis]:
            parts.append((axis, start, min(stop, shape[axis]) - start, step))
    if len(parts) > 1:
        raise check.fail("axes that are cut", len(parts), "one in an operator")
    x, y = t.input(operator), t.result(operator)
    cut(t, x, shape, *(parts[0] if parts else (0, 0, shape[0], 1)), y)


def max_pool(t: Translation, operator: Operator) -> None:
    moved(t, operator)
    kernel, x = tuple(operator.options["kernel"]), t.input(operator)
    q, y = scale_of(ends(t, operator)[1]), t.result(operator)
    low, high = q.activation_range(operator.options.get("activation", "NONE"))
    where = image(t, operator, x, kernel)
    del where["dilations"]
    e = plain(low=low, high=high)
    t.add(graph.Pool(name=y, x=x, y=y, reduction="max", kernel=kernel, epilogue=e, pad_value=q.low, **where))


def pad(t: Translation, operator: Operator) -> None:
    """Pad with constant rows or channels of the zero point, before and after, axis by axis."""
    moved(t, operator)
    x_tensor, y_tensor = ends(t, operator)
    amounts, q = t.call(operator).integers(1), scale_of(y_tensor)
    wide = moving.pad(np.empty(x_tensor.shape, np.int8), amounts, 0).shape
    if wide != y_tensor.shape:
        raise check.fail("paddings", amounts.tolist(), f"what makes {list(y_tensor.shape)}")
    x, y, shape = t.input(operator), t.result(operator), list(rows(x_tensor.shape))
    dropped = len(x_tensor.shape) - len(shape)
    if amounts[:dropped].any():
        raise check.fail("paddings", amounts.tolist(), "none of the batch")
    padded = [
        (axis - dropped, *amounts[axis].tolist()) for axis in range(len(amounts)) if amounts[axis].any()
    ]
    for axis, before, behind in padded:
        pieces = []
        for side, size in (("before", before), ("behind", behind)):
            if side == "behind":
                pieces.append(x)
            if size:
                part = tuple(size if at == axis else length for at, length in enumerate(shape))
                codes = np.full(part, q.zero)
                dtype, name = t.tensors[y].dtype, f"{y}:{side}{axis}"
                pieces.append(t.tensor(name, part, dtype, data=codes))
        shape[axis] += before + behind
        last = axis == padded[-1][0]
        made = y if last else t.tensor(f"{y}:padded{axis}", tuple(shape), t.tensors[y].dtype)
        t.add(graph.Concat(name=made, x=pieces[0], others=tuple(pieces[1:]), axis=axis, y=made))
        x = made
    if not padded:
        t.add(graph.Reshape(name=y, x=x, y=y))


RULES: dict[str, Callable[[Translation, Operator], None]] = {
    "CONV_2D": conv_2d, "DEPTHWISE_CONV_2D": depthwise, "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": max_pool, "RESHAPE": reshape, "SQUEEZE": reshape, "EXPAND_DIMS": reshape,
    "CONCATENATION": concatenation, "SPLIT": split, "SPLIT_V": split, "STRIDED_SLICE": strided_slice,
    "PAD": pad, "ADD": add, "SUB": sub, "MUL": mul, "AVERAGE_POOL_2D": average_pool, "MEAN": mean,
    **dict.fromkeys(SINGLE, single),
}  # fmt: skip
