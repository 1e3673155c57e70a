"""golden.accelerator.multiply_cycles: the figures it states; the RTL's bench holds every cycle to it."""

import numpy as np
import pytest

from golden.accelerator.commands import Opcode
from golden.accelerator.multiply import matrix_unit_of, passes_of, tiles_of, words_of_pass
from golden.accelerator.multiply_cycles import cycles, times
from golden.accelerator.params import AcceleratorParams
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.cycles import cycles_of, delivery
from golden.systolic.params import MatrixUnitParams
from tests.helpers import fields_of


def params(weight=8, accumulator_rows=1024):
    pe = MultiplierParams(weight=Int(weight), group=32768)
    return AcceleratorParams(unit=MatrixUnitParams(pe=pe, accumulator_rows=accumulator_rows))


def product(p, m, k, n, **more):
    shape = {"count_x": m, "count_k0": -(-k // p.lanes), "tiles0": -(-n // p.lanes)}
    return fields_of(Opcode.MULTIPLY, **shape) | more


@pytest.mark.parametrize("m, k, n", [(64, 64, 64), (16, 160, 48), (3, 40, 40), (500, 16, 33)])
def test_a_product_takes_the_matrix_unit_and_five_cycles(m, k, n):
    p = params()
    whole = product(p, m, k, n)
    exact = cycles_of(matrix_unit_of(p), np.full(passes_of(whole) * tiles_of(whole), m)) + 5
    assert cycles(p, [whole]) == exact
    assert cycles(p, [whole | {"tiles0": 1}] * whole["tiles0"]) == exact, "in a command a tile"


def test_the_figures_of_the_docstring():
    p = params()
    assert cycles(p, [product(p, 64, 64, 64)]) == 1080
    assert 512**3 / 256 / cycles(p, [product(p, 512, 512, 512)]) > 0.999


@pytest.mark.parametrize("weight, words", [(8, 16), (5, 16), (4, 8), (2, 4), (1, 2)])
def test_one_vector_takes_a_word_of_weights_a_cycle(weight, words):
    p = params(weight)
    command = product(p, 1, 1024, 160)
    assert words_of_pass(p, command) == words
    assert cycles(p, [command]) == 64 * 10 * words + 5 + 1 + delivery(matrix_unit_of(p)) + 1


def test_a_transposed_tile_stays_in_its_square_for_its_words_only_once():
    p = params()
    plain, turned = (product(p, 16, 256, 64, transpose=t) for t in (0, 1))
    assert cycles(p, [turned]) == cycles(p, [plain]) + 16


def test_tiles_wait_for_rows_of_the_accumulator():
    roomy, scarce = params(), params(accumulator_rows=64)
    command = product(roomy, 64, 32, 64)
    assert cycles(scarce, [command]) > cycles(roomy, [command])


def test_operands_are_read_while_sums_of_the_command_before_are_on_their_way():
    p = params()
    first, second = times(p, [product(p, 16, 64, 16)] * 2)
    assert second.left_first < first.sums_first
    assert (first.accepted, first.done < first.sums_last) == (0, True)


def test_no_command_takes_no_cycle():
    assert cycles(params(), []) == 0
