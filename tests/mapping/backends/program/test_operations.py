"""Every operation, on accelerators of several sizes: the program's codes are mapping.run.quantised's."""

import numpy as np
import pytest

from mapping.ir.graph import (
    Concat,
    Depthwise,
    Exponential,
    Gather,
    Map,
    MatMul,
    Normalise,
    Pool,
    Product,
    Reshape,
    Residual,
    Slice,
)
from mapping.legalise.fixed import plain
from mapping.run.quantised import run
from tests.mapping.backends.program.gemm import gemm
from tests.mapping.backends.program.machines import holds
from tests.mapping.backends.program.nets import epilogue, single, weights


@pytest.mark.parametrize("m, n, k", [(1, 1, 1), (16, 16, 16), (1, 70, 90), (64, 64, 64), (130, 50, 33)])
def test_product_of_rows(p, m, n, k):
    holds(gemm(m, n, k), p)


CONVOLUTIONS = {
    "3x3": dict(kernel=(3, 3), c=5, n=7, pads=(1, 1, 1, 1)),
    "3x3-strided": dict(kernel=(3, 3), c=17, n=20, strides=(2, 2), pads=(0, 0, 1, 1)),
    "1x5-dilated": dict(kernel=(1, 5), c=4, n=9, dilations=(1, 2), pads=(0, 4, 0, 4)),
    "1x1-strided": dict(kernel=(1, 1), c=8, n=8, strides=(2, 3)),
    "all-of-it": dict(kernel=(6, 5), c=3, n=4, strides=(6, 6)),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution(p, case):
    given = CONVOLUTIONS[case]
    kernel, c, n = given["kernel"], given["c"], given["n"]
    more = {key: given[key] for key in ("strides", "pads", "dilations") if key in given}
    o = Product(
        name="conv", x="x", y="y", weights=weights(*kernel, c, n), epilogue=epilogue(n), pad_value=-3, **more
    )
    holds(single(o, x=(12, 11, c), y=(*out(12, 11, kernel, **more), n)), p)


def out(height, width, kernel, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1)):
    return (
        (height + pads[0] + pads[2] - (kernel[0] - 1) * dilations[0] - 1) // strides[0] + 1,
        (width + pads[1] + pads[3] - (kernel[1] - 1) * dilations[1] - 1) // strides[1] + 1,
    )


@pytest.mark.parametrize("shape", [(40, 33), (1, 33), (33,)])
@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_residual(p, shape, dtype):
    o = Product(
        name="product", x="x", y="y", weights=weights(1, 1, 20, 33), epilogue=epilogue(33, dtype="int16"),
        residual=Residual(b="b", zero=5, multiplier=77, shift=3),
    )  # fmt: skip
    holds(single(o, x=(40, 20), b=(shape, dtype), y=((40, 33), "int16")), p)


@pytest.mark.parametrize("function", ["table", "gelu", "tanh"])
def test_function_of_a_product(p, function):
    table = np.random.default_rng(5).integers(-30000, 30000, 256) if function == "table" else None
    e = epilogue(
        18, dtype="int16", function=function, table=table, post_multiplier=300, post_shift=9, zero_point=4
    )
    o = Product(name="product", x="x", y="y", weights=weights(1, 1, 20, 18), epilogue=e)
    holds(single(o, x=(21, 20), y=((21, 18), "int16")), p)


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("place", ["columns", "first"])
@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_matmul(p, heads, place, transposed, scaled):
    m, k, n = 21, 2 * p.lanes, 3 * p.lanes

    def shape(rows, width):
        return (heads, rows, width) if place == "first" else (rows, heads * width)

    o = MatMul(
        name="matmul", x="x", w="w", y="y", heads=heads, transposed=transposed, epilogue=epilogue(1, shift=4),
        heads_in_x=place, heads_in_w=place, heads_in_y=place,
        row_scale="r" if scaled else None, row_shift=12,
    )  # fmt: skip
    more = {"r": ((heads, m, 1), "uint16", np.random.default_rng(2).integers(0, 33000, (heads, m, 1)))}
    more = {"r": ((heads, m), "uint16")} if scaled else {}
    net = single(o, x=shape(m, k), w=shape(n, k) if transposed else shape(k, n), y=shape(m, n), **more)
    holds(net, p)


@pytest.mark.parametrize("m, k, n", [(7, 5, 9), (5, 9, 3), (33, 32, 1)])
@pytest.mark.parametrize("transposed", [True, False])
def test_matmul_of_odd_sizes(p, m, k, n, transposed):
    o = MatMul(
        name="matmul", x="x", w="w", y="y", heads=2, transposed=transposed, epilogue=epilogue(1, shift=4),
        heads_in_x="first", heads_in_w="first",
        residual=None if n == 9 else Residual(b="b", multiplier=3, shift=2),
    )  # fmt: skip
    more = {} if n == 9 else {"b": ((n,), "int16")}
    holds(single(o, x=(2, m, k), w=(2, n, k) if transposed else (2, k, n), y=(2, m, n), **more), p)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("b", [None, (30, 37), (37,), (1, 37)])
def test_map(p, dtype, b):
    operation = "copy" if b is None else "mul"
    e = epilogue(37, dtype="uint8", shift=10)
    o = Map(
        name="map", x="x", y="y", epilogue=e, operation=operation, x_zero=3, b="b" if b else None, b_shift=4
    )
    more = {"b": (b, dtype)} if b else {}
    holds(single(o, x=((30, 37), dtype), y=((30, 37), "uint8"), **more), p)


def test_map_by_a_constant_of_each_row(p):
    b = np.random.default_rng(1).integers(-100, 100, (30, 1))
    o = Map(name="map", x="x", y="y", epilogue=epilogue(1), operation="add", b="b", b_multiplier=3)
    holds(single(o, x=(30, 37), b=((30, 1), "int8", b), y=(30, 37)), p)


def test_map_of_a_long_row(p):
    o = Map(name="map", x="x", y="y", epilogue=epilogue(1, dtype="int16"), operation="add", b="b")
    holds(single(o, x=((2, 9000), "int16"), b=((2, 9000), "int16"), y=((2, 9000), "int16")), p)


@pytest.mark.parametrize("c", [3, 33])
@pytest.mark.parametrize("kernel, strides", [((3, 3), (1, 1)), ((5, 3), (2, 2)), ((1, 7), (1, 1))])
def test_depthwise(p, c, kernel, strides):
    pads = (kernel[0] // 2, kernel[1] // 2) * 2
    o = Depthwise(
        name="depthwise", x="x", y="y", weights=weights(*kernel, c), epilogue=epilogue(c), x_zero=-7,
        pads=pads, pad_value=-7, strides=strides,
    )  # fmt: skip
    holds(single(o, x=(13, 10, c), y=(*out(13, 10, kernel, strides, pads), c)), p)


@pytest.mark.parametrize("reduction", ["max", "sum"])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (13, 10)])
def test_pool(p, reduction, kernel):
    strides = (2, 2) if kernel == (2, 2) else (1, 1)
    o = Pool(
        name="pool",
        reduction=reduction,
        x="x",
        y="y",
        kernel=kernel,
        epilogue=epilogue(1, shift=2),
        x_zero=2,
        strides=strides,
    )
    holds(single(o, x=(13, 10, 19), y=(*out(13, 10, kernel, strides), 19)), p)


@pytest.mark.parametrize(
    "kernel, pads", [((3, 3), (1, 1, 1, 1)), ((2, 5), (1, 0, 0, 4)), ((1, 3), (0, 2, 0, 2))]
)
def test_padding_of_sixteen_bits_never_wins(p, kernel, pads):
    """Of negative codes, and of the least: every byte of the padding counts."""
    shape = (13, 10, 19)
    o = Pool(
        name="pool", reduction="max", x="x", y="y", kernel=kernel, pads=pads, pad_value=-32768,
        epilogue=plain("int16"),
    )  # fmt: skip
    net = single(o, x=(shape, "int16"), y=((*out(13, 10, kernel, (1, 1), pads), 19), "int16"))
    random = np.random.default_rng(4)
    holds(net, p, x=random.integers(-32768, -31000, shape))
    found = run(net, p, {"x": np.full(shape, -300)})["y"]
    assert (found == -300).all()


@pytest.mark.parametrize("length, step", [(33, 0), (20, 0), (1, 1), (30, 2)])
def test_exponential(p, length, step):
    o = Exponential(name="softmax", x="x", y="y", r="r", length=length, length_step=step)
    net = single(o, ("y", "r"), x=((3, 25, 33), "int16"), y=(3, 25, 33), r=((3, 25), "uint16"))
    holds(net, p, x=np.random.default_rng(1).integers(-2000, 2000, (3, 25, 33)))


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("rms", [True, False])
def test_normalise(p, axis, rms):
    o = Normalise(name="norm", x="x", y="y", axis=axis, rms=rms, epsilon=1000, fraction=10)
    holds(single(o, x=((40, 37), "int16"), y=((40, 37), "int16")), p)


def test_gather(p):
    table = np.random.default_rng(1).integers(-128, 128, (100, 37))
    o = Gather(name="gather", x="x", i="i", y="y")
    net = single(o, x=((100, 37), "int8", table), i=((90,), "int32"), y=(90, 37))
    holds(net, p, i=np.random.default_rng(2).integers(0, 100, 90))


@pytest.mark.parametrize("axis, start, length, step", [(0, 3, 5, 1), (1, 2, 4, 2), (0, 1, 6, 2)])
def test_slice(p, axis, start, length, step):
    shape = [9, 8, 20]
    o = Slice(name="slice", x="x", y="y", axis=axis, start=start, length=length, step=step)
    made = list(shape)
    made[axis] = -(-length // step)
    holds(single(o, x=tuple(shape), y=tuple(made)), p)


def test_slice_of_channels(p):
    o = Slice(name="slice", x="x", y="y", axis=1, start=p.lanes, length=p.lanes + 3)
    holds(single(o, x=(9, 3 * p.lanes), y=(9, p.lanes + 3)), p)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_concat(p, axis):
    shapes = [[4, 5, 2 * p.lanes], [4, 5, 2 * p.lanes]]
    shapes[0][axis] *= 2
    made = list(shapes[0])
    made[axis] += shapes[1][axis]
    o = Concat(name="concat", x="x", others=("z",), y="y", axis=axis)
    holds(single(o, x=tuple(shapes[0]), z=tuple(shapes[1]), y=tuple(made)), p)


def test_reshape(p):
    o = Reshape(name="reshape", x="x", y="y")
    holds(single(o, x=(4, 5, 3 * p.lanes), y=(20, 3 * p.lanes)), p)
    holds(single(o, x=(4, 5, 3 * p.lanes), y=(60 * p.lanes,)), p)
