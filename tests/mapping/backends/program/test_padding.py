"""Sums of two computed factors do not run into the lanes behind the last channel."""

import numpy as np
import pytest

from mapping.backends.program.compiler import compile
from mapping.ir.encodings import Affine
from mapping.ir.graph import CodedNetwork, Map, MatMul, Tensor
from mapping.legalise.fixed import plain
from tests.mapping.backends.program.machines import MACHINES, holds
from tests.mapping.backends.program.nets import epilogue


def gram(channels: int, heads: int) -> CodedNetwork:
    """h = x plus a bias, y = h h': what stands behind h's last channel is the bias."""
    rows = 5
    tensors = {
        "x": Tensor(name="x", shape=(heads, rows, channels)),
        "h": Tensor(name="h", shape=(heads, rows, channels)),
        "y": Tensor(name="y", shape=(heads, rows, rows), encoding=Affine.whole("int16")),
    }
    product = MatMul(
        name="y", x="h", w="h", y="y", epilogue=epilogue(1, shift=4, dtype="int16"), transposed=True,
        heads=heads, heads_in_x="first", heads_in_w="first", heads_in_y="first",
    )  # fmt: skip
    biased = Map(name="h", x="x", y="h", epilogue=plain("int8", bias=np.array([37])))
    return CodedNetwork(
        name="gram", tensors=tensors, inputs=("x",), outputs=("y",), operations=(biased, product)
    )


@pytest.mark.parametrize("p", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("channels", [1, 3, 7, 11, 16, 17, 23])
@pytest.mark.parametrize("heads", [1, 3])
def test_a_product_of_what_has_a_bias(p, channels, heads):
    holds(gram(channels, heads), p)


def test_whole_vectors_need_no_mask():
    p = MACHINES["16-lanes"]
    wide, ragged = (compile(gram(channels, 1), p) for channels in (16, 15))
    assert ragged.count > wide.count
