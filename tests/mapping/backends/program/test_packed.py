"""Weights of few bits, several rows a word; pieces of tensors."""

from dataclasses import replace

import numpy as np
import pytest

from golden.accelerator.params import AcceleratorParams
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from mapping.backends.program.layout import pack_weights
from mapping.backends.program.product import doubling
from mapping.backends.program.window import fine, split
from tests.mapping.backends.program.gemm import gemm
from tests.mapping.backends.program.machines import holds


def packed(bits: int, lanes: int) -> AcceleratorParams:
    pe = MultiplierParams(weight=Int(bits))
    return AcceleratorParams(unit=replace(MatrixUnitParams(), rows=lanes, cols=lanes, pe=pe))


@pytest.mark.parametrize("lanes", [4, 16])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5])
def test_a_product_with_weights_of_few_bits(bits, lanes):
    for m, n, k in ((3, 40, 70), (1, 100, 90)):
        holds(gemm(m, n, k, bits=bits), packed(bits, lanes))


def test_row_0_has_the_lowest_bits():
    tile = np.zeros((1, 16, 16), np.int64)
    tile[0, 0], tile[0, 3, 0] = 1, -2
    words = pack_weights(packed(4, 16), tile)
    assert words.shape == (8, 16)
    np.testing.assert_array_equal(words[0], [0x11] * 8 + [0] * 8)
    np.testing.assert_array_equal(words[1], [0] * 8 + [0x0E] + [0] * 7)


def test_pieces_are_all_there_and_even():
    assert split(10, 4) == [(0, 3), (3, 3), (6, 4)]
    assert doubling(100, 16, 48) == [(0, 16), (16, 16), (32, 32), (64, 36)]
    assert fine(16, 48, 100) == 8 and fine(16, 1, 100) == 16 and fine(1000, 48, 30) == 30
