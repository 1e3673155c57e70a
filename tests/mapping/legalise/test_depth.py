"""Products deeper than pe.group, and the coded network's preconditions: cut and right, or refused by name."""

from dataclasses import replace

import numpy as np
import pytest

from golden.accelerator.exponential import LONGEST as LONGEST_ROW
from golden.accelerator.normalise import LONGEST
from golden.accelerator.params import AcceleratorParams
from golden.check import BadValue
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from mapping.backends.program.units import assign
from mapping.ir.graph import Depthwise, Exponential, Map, MatMul, Normalise, Pool, Product
from mapping.ir.verify import validate
from mapping.run.quantised import run
from tests.mapping.backends.program.machines import holds
from tests.mapping.backends.program.nets import epilogue, single


def machine(depth, lanes=4, bank_words=256):
    pe = MultiplierParams(group=depth)
    unit = MatrixUnitParams(rows=lanes, cols=lanes, pe=pe, accumulator_rows=32)
    return AcceleratorParams(unit=unit, banks=4, bank_words=bank_words, functions=())


def deep(k, weight=127, rows=3, **more):
    """x [rows, k] by weights that are all alike; sums as they are, 32 bits."""
    plain = replace(epilogue(4), bias=np.zeros(4, int), multiplier=np.ones(4, int), shift=np.zeros(4, int))
    o = Product(name="p", x="x", y="y", weights=np.full((1, 1, k, 4), weight), epilogue=plain, **more)
    return single(o, x=(rows, k), y=((rows, 4), "int32"))


@pytest.mark.parametrize("depth", [64, 512, 1 << 16])
@pytest.mark.parametrize("k", [63, 64, 65, 512, 1100])
@pytest.mark.parametrize("end", [-128, 127])
def test_a_product_deeper_than_the_accumulators_is_cut(depth, k, end):
    """Python's sum, of the run and of the program."""
    network, x = deep(k), np.full((3, k), end)
    assert (run(network, machine(depth), {"x": x})["y"] == 127 * end * k).all()
    holds(network, machine(depth), x=x)


def test_a_convolution_deeper_than_the_accumulators_is_cut():
    weights = np.full((3, 3, 40, 4), -128)
    o = Product(name="p", x="x", y="y", weights=weights, epilogue=epilogue(4), pads=(1, 1, 1, 1), pad_value=9)
    holds(single(o, x=(6, 5, 40), y=(6, 5, 4)), machine(128), x=np.full((6, 5, 40), -128))


def test_sums_of_all_parts_have_32_bits():
    """131,071 products of -128 by -128 are the most that a sum holds; no cut makes more of it."""
    p = machine(1 << 12)
    validate(deep(131071, -128, rows=1), p)
    with pytest.raises(BadValue, match=r"p is sums of 131072 products, which reach 2147483648"):
        validate(deep(131072, -128, rows=1), p)
    validate(deep(131072, 127, rows=1), p)


def test_a_product_of_computed_factors_is_not_cut():
    def network(k):
        o = MatMul(name="scores", x="a", y="y", w="b", heads=1, transposed=True, epilogue=epilogue(8))
        return single(o, a=(5, k), b=(8, k), y=(1, 5, 8))

    holds(network(64), machine(67), a=np.full((5, 64), -128), b=np.full((8, 64), -128))
    with pytest.raises(BadValue, match="scores: depth of the product is 65; allowed: 1 to 64"):
        assign(network(65), machine(67))


def test_long_rows_are_refused_by_name():
    p = machine(512)
    for n, longest in ((LONGEST_ROW, True), (LONGEST_ROW + 1, False)):
        o = Exponential(name="softmax", x="x", y="y", r="r", length=n)
        network = single(o, ("y", "r"), x=((1, n), "int16"), y=(1, n), r=((1,), "uint16"))
        if longest:
            assign(network, p)
        else:
            with pytest.raises(BadValue, match="softmax: elements of a row is 16385"):
                assign(network, p)
    o = Normalise(name="norm", x="x", y="y", axis=-1, rms=False, fraction=12, epsilon=1)
    networks = []
    for n in (LONGEST, LONGEST + 1):
        networks.append(single(o, x=((1, n), "int16"), y=((1, n), "int16")))
    assign(networks[0], p)
    with pytest.raises(BadValue, match="norm: elements normalised together is 8193"):
        assign(networks[1], p)


def test_a_depthwise_image_has_16_bits_or_fewer():
    o = Depthwise(name="d", x="x", y="y", weights=np.full((1, 1, 4), 2), epilogue=epilogue(4))
    with pytest.raises(BadValue, match="type of x is 'int32'"):
        validate(single(o, x=((2, 2, 4), "int32"), y=(2, 2, 4)), machine(512))


ENDS = ("least", "largest", "both")


def ends_of(kind, network):
    """Inputs at the ends of their types."""
    found = {}
    for name in network.inputs:
        info, shape = np.iinfo(network.tensors[name].dtype), network.tensors[name].shape
        both = np.where(np.arange(np.prod(shape)).reshape(shape) % 2, info.max, info.min)
        found[name] = {"least": np.full(shape, info.min), "largest": np.full(shape, info.max)}.get(kind, both)
    return found


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32"])
def test_operations_at_the_ends_of_their_types(kind, dtype):
    """The interpreter's program against the coded run, where every sum and difference is greatest."""
    p, c = machine(512, bank_words=512), 6
    x, y, b = ({name: ((4, 4, c), kind)} for name, kind in (("x", dtype), ("y", "int8"), ("b", dtype)))
    cases = [
        single(Map(name="m", x="x", y="y", epilogue=epilogue(c), x_zero=zero), **x, **y)
        for zero in (-32768, 32767)
    ]
    for reduction in ("max", "sum"):
        o = Pool(
            name="pool", x="x", y="y", reduction=reduction, kernel=(2, 2), strides=(2, 2), x_zero=-32768,
            epilogue=epilogue(c),
        )  # fmt: skip
        cases.append(single(o, **x, y=(2, 2, c)))
    o = Map(name="add", x="x", y="y", b="b", operation="add", x_zero=32767, b_zero=-32768, b_multiplier=32767,
            b_shift=0, epilogue=epilogue(c))  # fmt: skip
    cases.append(single(o, **x, **b, **y))
    if dtype != "int32":
        o = Map(name="mul", x="x", y="y", b="b", operation="mul", x_zero=-32768, b_zero=32767, b_shift=31,
                epilogue=epilogue(c))  # fmt: skip
        cases.append(single(o, **x, **b, **y))
        least = np.full((3, 3, c), -128)
        o = Depthwise(name="d", x="x", y="y", weights=least, epilogue=epilogue(c), x_zero=32767)
        cases.append(single(o, **x, y=(2, 2, c)))
    for network in cases:
        holds(network, p, **ends_of(kind, network))
