"""Random products, poolings and normalisations (tests.campaign.operators says what a function is)."""

import numpy as np

from tests.campaign.builder import Builder, Illegal


def matmul(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    kind = b.pick("right", "right", "right", "left", "itself", "input", "vector")
    if len(shape) == 1:
        k = shape[0]
        n = b.size()
        if b.chance(0.5):
            return b.node("MatMul", [x, b.constant(b.weights((k, n), k))])
        return b.node("MatMul", [b.constant(b.weights((n, k), k)), x])
    k, n = shape[-1], b.size()
    if kind == "left":
        m = shape[-2]
        batch = shape[:-2] if b.chance(0.3) else ()
        return b.node("MatMul", [b.constant(b.weights((*batch, n, m), m)), x])
    if kind == "itself":
        rank = len(shape)
        turned = b.node("Transpose", [x], perm=[*range(rank - 2), rank - 1, rank - 2])
        return b.node("MatMul", [x, turned] if b.chance(0.5) else [turned, x])
    if kind == "input":
        batch = shape[:-2] if b.chance(0.5) else ()
        return b.node("MatMul", [x, b.input(b.real((*batch, k, n)))])
    if kind == "vector":
        return b.node("MatMul", [x, b.constant(b.weights((k,), k))])
    batch = shape[:-2] if b.chance(0.2) else ()
    return b.node("MatMul", [x, b.constant(b.weights((*batch, k, n), k))])


def gemm(b: Builder, x: str) -> str:
    rows, columns = b.values[x].shape
    left = b.chance(0.8)
    given, n = {}, b.size()
    ta, tb = b.chance(0.3), b.chance(0.5)
    if left:
        m, k = (columns, rows) if ta else (rows, columns)
        w = b.weights((n, k) if tb else (k, n), k)
        pair = [x, b.constant(w) if b.chance(0.8) else b.input(w)]
    else:
        k, n = (columns, rows) if tb else (rows, columns)
        m = b.size()
        pair = [b.constant(b.weights((k, m) if ta else (m, k), k)), x]
    given |= {"transA": int(ta)} if ta or b.chance(0.3) else {}
    given |= {"transB": int(tb)} if tb or b.chance(0.3) else {}
    given |= {"alpha": float(b.random.uniform(-3, 3))} if b.chance(0.4) else {}
    given |= {"beta": float(b.random.uniform(-3, 3))} if b.chance(0.4) else {}
    if b.chance(0.7):
        c = b.real(b.pick((n,), (1, n), (m, n), (m, 1), (1,), ()))
        pair.append(b.input(c) if b.chance(0.15) and c.ndim else b.constant(c))
    return b.node("Gemm", pair, **given)


def spatial(b: Builder, shape, *, ceil: bool = False) -> dict[str, object]:
    """kernel_shape, strides, dilations, pads or auto_pad of a window, each left out at times."""
    rank = len(shape) - 2
    kernel = [int(b.random.integers(1, min(4, n) + 1)) for n in shape[2:]]
    given: dict[str, object] = {"kernel_shape": kernel}
    if b.chance(0.6):
        given["strides"] = [int(b.pick(1, 2, 3)) for _ in range(rank)]
    how = b.pick("none", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID")
    if how == "pads":
        given["pads"] = [int(b.random.integers(0, k)) for k in kernel * 2]
    elif how != "none":
        given["auto_pad"] = how
    if ceil and b.chance(0.3):
        given["ceil_mode"] = 1
    return given


def conv(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    channels = shape[1]
    groups = int(b.pick(1, 1, 1, channels, *[g for g in (2, 4) if channels % g == 0]))
    filters = groups * int(b.pick(1, 1, 2, 3, 8))
    given = spatial(b, shape)
    kernel = given["kernel_shape"]
    if b.chance(0.3):
        given.pop("kernel_shape")
    if b.chance(0.2) and given.get("auto_pad", "VALID") == "VALID":
        given["dilations"] = [int(b.pick(1, 2)) for _ in kernel]
    if groups > 1:
        given["group"] = groups
    fan = channels // groups * int(np.prod(kernel))
    given_inputs = [x, b.constant(b.weights((filters, channels // groups, *kernel), fan))]
    if b.chance(0.5):
        given_inputs.append(b.constant(b.real((filters,))))
    return b.node("Conv", given_inputs, **given)


def conv_transpose(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    kernel = [int(b.pick(1, 2, 3)) for _ in shape[2:]]
    given: dict[str, object] = {"strides": [int(b.pick(1, 2)) for _ in kernel]} if b.chance(0.6) else {}
    if b.chance(0.3):
        given["pads"] = [int(b.random.integers(0, k)) for k in kernel * 2]
    filters = int(b.pick(1, 3, 8))
    w = b.constant(b.weights((shape[1], filters, *kernel), shape[1]))
    return b.node("ConvTranspose", [x, w], **given)


def max_pool(b: Builder, x: str) -> str:
    given = spatial(b, b.values[x].shape, ceil=True)
    # onnxruntime leaves dilations out of SAME's padding: its result has another shape than the standard's
    if b.chance(0.2) and given.get("auto_pad", "VALID") == "VALID":
        given["dilations"] = [int(b.pick(1, 2)) for _ in given["kernel_shape"]]
    return b.node("MaxPool", [x], **given)


def average_pool(b: Builder, x: str) -> str:
    given = spatial(b, b.values[x].shape, ceil=True)
    if b.chance(0.5):
        given["count_include_pad"] = int(b.pick(0, 1))
    return b.node("AveragePool", [x], **given)


def lp_pool(b: Builder, x: str) -> str:
    given = spatial(b, b.values[x].shape)
    return b.node("LpPool", [x], **given, **({"p": int(b.pick(1, 2))} if b.chance(0.6) else {}))


def global_pool(name):
    return lambda b, x: b.node(name, [x])


def parameters(b: Builder, count: int):
    """Scale, bias, mean and variance of a normalisation over channels."""
    scale, bias, mean = (b.real((count,)) / b.pick(1, 10, 100) for _ in range(3))
    variance = np.abs(b.real((count,))) + np.float32(b.pick(1e-4, 0.01, 1.0))
    return scale, bias, mean, variance.astype(np.float32)


def batch_normalisation(b: Builder, x: str) -> str:
    given = {"epsilon": float(b.pick(1e-5, 1e-3, 0.1))} if b.chance(0.5) else {}
    values = parameters(b, b.values[x].shape[1])
    return b.node("BatchNormalization", [x, *[b.constant(v.astype(np.float32)) for v in values]], **given)


def layer_normalisation(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    axis = int(b.random.integers(-len(shape), len(shape)))
    tail = shape[axis % len(shape) :]
    if int(np.prod(tail)) < 3:
        raise Illegal("a normalisation of one or two numbers says nothing")
    given = {"axis": axis} if b.chance(0.7) else {}
    tail = tail if given else shape[-1:]
    given |= {"epsilon": float(b.pick(1e-5, 1e-12, 1e-2))} if b.chance(0.5) else {}
    inputs = [x, b.constant(b.real(tail))]
    if b.chance(0.6):
        inputs.append(b.constant(b.real(tail)))
    return b.node("LayerNormalization", inputs, **given)


def instance_normalisation(b: Builder, x: str) -> str:
    if int(np.prod(b.values[x].shape[2:])) == 1:
        raise Illegal("one element a channel: its bias by the standard, 0 by onnxruntime")
    scale, bias, _, _ = parameters(b, b.values[x].shape[1])
    given = {"epsilon": float(b.pick(1e-5, 1e-2))} if b.chance(0.5) else {}
    inputs = [x, b.constant(scale.astype(np.float32)), b.constant(bias.astype(np.float32))]
    return b.node("InstanceNormalization", inputs, **given)


def rms_normalisation(b: Builder, x: str) -> str:
    if b.opset < 23:
        raise Illegal("RMSNormalization came with opset 23")
    shape = b.values[x].shape
    return b.node("RMSNormalization", [x, b.constant(b.real(shape[-1:]))], axis=-1)


def lrn(b: Builder, x: str) -> str:
    given = {"alpha": float(b.pick(1e-4, 0.1)), "bias": float(b.pick(1.0, 2.0)), "beta": 0.75}
    return b.node("LRN", [x], size=int(b.pick(1, 3, 5)), **{k: v for k, v in given.items() if b.chance(0.5)})


def lp_normalisation(b: Builder, x: str) -> str:
    rank = b.values[x].ndim
    return b.node("LpNormalization", [x], axis=int(b.random.integers(-rank, rank)), p=int(b.pick(1, 2)))


IMAGES = (3, 4)
OPERATORS = {
    "MatMul": ((1, 2, 3, 4), matmul),
    "Gemm": ((2,), gemm),
    "Conv": (IMAGES, conv),
    "ConvTranspose": (IMAGES, conv_transpose),
    "MaxPool": (IMAGES, max_pool),
    "AveragePool": (IMAGES, average_pool),
    "LpPool": (IMAGES, lp_pool),
    **{n: (IMAGES, global_pool(n)) for n in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")},
    "BatchNormalization": ((2, 3, 4), batch_normalisation),
    "LayerNormalization": ((1, 2, 3, 4), layer_normalisation),
    "InstanceNormalization": (IMAGES, instance_normalisation),
    "RMSNormalization": ((2, 3), rms_normalisation),
    "LRN": ((4,), lrn),
    "LpNormalization": ((2, 3), lp_normalisation),
}
