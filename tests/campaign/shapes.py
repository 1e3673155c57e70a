"""Random uses of operators that move elements (tests.campaign.operators says what a function is)."""

import numpy as np

from tests.campaign.builder import Builder, Illegal


def axis_of(b: Builder, rank: int) -> int:
    return int(b.random.integers(-rank, rank))


def whole(b: Builder, values) -> str:
    return b.constant(np.array(values, np.int64))


def reshape(b: Builder, x: str) -> str:
    shape = list(b.values[x].shape)
    how = b.pick("join", "flat", "zero", "split", "unit")
    if how == "join" and len(shape) > 1:
        at = int(b.random.integers(len(shape) - 1))
        shape[at : at + 2] = [shape[at] * shape[at + 1]]
    elif how == "flat":
        shape = b.pick([-1], [1, -1], [shape[0], -1])
    elif how == "zero":
        shape = [0] * (len(shape) - 1) + [-1]
    elif how == "split":
        at = int(b.random.integers(len(shape)))
        for factor in (2, 3, 5, 7):
            if shape[at] % factor == 0:
                shape[at : at + 1] = [factor, shape[at] // factor]
                break
    else:
        shape.insert(int(b.random.integers(len(shape) + 1)), 1)
    return b.node("Reshape", [x, whole(b, shape)])


def transpose(b: Builder, x: str) -> str:
    rank = b.values[x].ndim
    perm = {"perm": b.random.permutation(rank).tolist()} if b.chance(0.8) else {}
    return b.node("Transpose", [x], **perm)


def flatten(b: Builder, x: str) -> str:
    rank = b.values[x].ndim
    return b.node(
        "Flatten", [x], **({"axis": int(b.random.integers(-rank, rank + 1))} if b.chance(0.7) else {})
    )


def squeeze(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    units = [i for i, n in enumerate(shape) if n == 1]
    if not units or len(shape) < 2:
        raise Illegal("nothing to squeeze")
    return b.node(
        "Squeeze", [x, whole(b, [b.pick(*units)])] if b.chance(0.8) or len(units) == len(shape) else [x]
    )


def unsqueeze(b: Builder, x: str) -> str:
    rank = b.values[x].ndim
    if rank == 4:
        raise Illegal("enough axes")
    return b.node("Unsqueeze", [x, whole(b, [int(b.random.integers(-rank - 1, rank + 1))])])


def concat(b: Builder, x: str) -> str:
    value = b.values[x]
    axis = axis_of(b, value.ndim)
    parts = [x]
    for _ in range(int(b.pick(1, 1, 2))):
        shape = list(value.shape)
        shape[axis] = b.size()
        alike = [t for t in b.made if (v := b.values[t]).ndim == value.ndim and v.dtype == value.dtype
                 and np.delete(v.shape, axis).tolist() == np.delete(value.shape, axis).tolist()]  # fmt: skip
        where = b.pick("constant", "input", "made", "itself")
        if where == "made" and alike:
            parts.append(b.pick(*alike))
        elif where == "itself":
            parts.append(x)
        else:
            drawn = b.real(tuple(shape))
            parts.append(b.input(drawn) if where == "input" else b.constant(drawn))
    order = b.random.permutation(len(parts))
    return b.node("Concat", [parts[i] for i in order], axis=axis)


def split(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    axis = axis_of(b, len(shape))
    size = shape[axis]
    if size < 2:
        raise Illegal("nothing to split")
    at = int(b.random.integers(1, size))
    given = [x, whole(b, [at, size - at])] if b.chance(0.6) or size % 2 else [x]
    more = {"num_outputs": 2} if len(given) == 1 and b.opset >= 18 else {}
    first = b.node("Split", given, 2, axis=axis, **more)
    return b.pick(first, f"{first}1")


def slice_(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    count = int(b.random.integers(1, len(shape) + 1))
    axes = b.random.permutation(len(shape))[:count]
    starts, ends, steps = [], [], []
    for axis in axes:
        size = shape[axis]
        step = int(b.pick(1, 1, 1, 2, 3, -1, -2))
        low, high = sorted(b.random.integers(0, size + 1, 2).tolist())
        high = max(high, low + 1)
        start, end = (low, high) if step > 0 else (high - 1, low - 1 if low else -(2**31))
        starts.append(start - size if b.chance(0.2) and 0 <= start < size else start)
        ends.append(b.pick(end, 2**31 - 1) if step > 0 else end)
        steps.append(step)
    inputs = [x, whole(b, starts), whole(b, ends), whole(b, axes)]
    if any(s != 1 for s in steps) or b.chance(0.3):
        inputs.append(whole(b, steps))
    return b.node("Slice", inputs)


def gather(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    axis = axis_of(b, len(shape))
    size = shape[axis]
    indices = b.random.integers(-size, size, b.pick((), (1,), (3,), (2, 2)))
    given = {"axis": axis} if axis % len(shape) or b.chance(0.5) else {}
    return b.node("Gather", [x, b.constant(np.asarray(indices, b.pick(np.int64, np.int32)))], **given)


def expand(b: Builder, x: str) -> str:
    shape = [n if n > 1 or b.chance(0.5) else b.size() for n in b.values[x].shape]
    return b.node("Expand", [x, whole(b, b.pick(shape, [2, *shape] if len(shape) < 4 else shape))])


def tile(b: Builder, x: str) -> str:
    return b.node("Tile", [x, whole(b, [int(b.pick(1, 1, 2, 3)) for _ in b.values[x].shape])])


def pad(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    mode = b.pick("constant", "constant", "reflect", "edge", "wrap")
    if mode == "wrap" and b.opset < 19:
        mode = "edge"
    most = [min(3, n - 1) if mode == "reflect" else 3 for n in shape]
    pads = [int(b.random.integers(0, most[i % len(shape)] + 1)) if b.chance(0.5) else 0
            for i in range(2 * len(shape))]  # fmt: skip
    if mode == "constant" and b.chance(0.2):
        pads[-1] = -1 if shape[-1] + pads[len(shape) - 1] > 1 else 0
    inputs = [x, whole(b, pads)]
    if mode == "constant" and b.chance(0.5):
        inputs.append(b.constant(np.float32(b.random.uniform(-200, 200))))
    return b.node("Pad", inputs, **({"mode": mode} if mode != "constant" or b.chance(0.5) else {}))


def resize(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    given: dict[str, object] = {"mode": b.pick("nearest", "nearest", "linear", "cubic")}
    if b.chance(0.6):
        given["coordinate_transformation_mode"] = b.pick("half_pixel", "align_corners", "asymmetric",
                                                         "pytorch_half_pixel")  # fmt: skip
    if given["mode"] == "nearest" and b.chance(0.5):
        given["nearest_mode"] = b.pick("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
    if b.chance(0.5):
        scales = [1.0, 1.0, *[float(b.pick(1, 2, 3, 0.5, 1.5)) for _ in shape[2:]]]
        whole_sizes = all(float(size * scale).is_integer() for size, scale in zip(shape, scales, strict=True))
        if given.get("coordinate_transformation_mode") == "align_corners" and not whole_sizes:
            raise Illegal("corners beyond the last element: onnxruntime aligns those of the rounded size, "
                          "onnx.reference and its node tests those of the real one")  # fmt: skip
        single = any(int(size * scale) == 1 for size, scale in zip(shape[2:], scales[2:], strict=True))
        if given.get("coordinate_transformation_mode") == "pytorch_half_pixel" and single:
            raise Illegal("an axis of 1, as below")
        return b.node("Resize", [x, "", b.constant(np.array(scales, np.float32))], **given)
    sizes = [*shape[:2], *[b.size() for _ in shape[2:]]]
    if given.get("coordinate_transformation_mode") == "pytorch_half_pixel" and 1 in sizes[2:]:
        raise Illegal("an axis of 1: at -0.5 by onnx.reference, at 0 by onnxruntime")
    return b.node("Resize", [x, "", "", whole(b, sizes)], **given)


def depth_to_space(b: Builder, x: str) -> str:
    if b.values[x].shape[1] % 4:
        raise Illegal("channels that are no multiple of the block")
    return b.node(
        "DepthToSpace", [x], blocksize=2, **({"mode": b.pick("DCR", "CRD")} if b.chance(0.6) else {})
    )


def space_to_depth(b: Builder, x: str) -> str:
    return b.node("SpaceToDepth", [x], blocksize=2)


def trilu(b: Builder, x: str) -> str:
    inputs = [x, b.constant(np.array(b.pick(-2, -1, 0, 1, 2), np.int64))] if b.chance(0.6) else [x]
    return b.node("Trilu", inputs, **({"upper": int(b.pick(0, 1))} if b.chance(0.7) else {}))


def cumulative(b: Builder, x: str) -> str:
    axis = b.constant(np.array(axis_of(b, b.values[x].ndim), np.int64))
    given = {key: 1 for key in ("exclusive", "reverse") if b.chance(0.3)}
    return b.node("CumSum", [x, axis], **given)


def many(name):
    """Sum, Mean, Max and Min of one to four operands."""

    def use(b: Builder, x: str) -> str:
        shape = b.values[x].shape
        extra = [b.constant(b.real(b.pick(shape, shape[-1:]))) for _ in range(int(b.pick(0, 1, 2, 3)))]
        return b.node(name, [x, *extra])

    return use


OPERATORS = {
    **{name: ((1, 2, 3, 4), use) for name, use in {
        "Reshape": reshape, "Transpose": transpose, "Flatten": flatten, "Squeeze": squeeze,
        "Unsqueeze": unsqueeze, "Concat": concat, "Split": split, "Slice": slice_, "Gather": gather,
        "Expand": expand, "Tile": tile, "Pad": pad, "CumSum": cumulative, "Sum": many("Sum"),
        "Mean": many("Mean"),
    }.items()},
    "Resize": ((3, 4), resize),
    "DepthToSpace": ((4,), depth_to_space),
    "SpaceToDepth": ((4,), space_to_depth),
    "Trilu": ((2, 3), trilu),
}  # fmt: skip
