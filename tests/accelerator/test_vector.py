"""The vector unit's cycles where they can be said in a line; its bench holds all of them against the RTL."""

import pytest

from golden.accelerator import exponential, normalise
from golden.accelerator.commands import Opcode
from golden.accelerator.params import LANES, AcceleratorParams
from golden.accelerator.units.vector import cycles
from golden.systolic.params import MatrixUnitParams
from tests.helpers import fields_of

P = AcceleratorParams()


def test_a_table_takes_a_cycle_an_entry():
    assert cycles(P, Opcode.TABLE, fields_of(Opcode.TABLE)) == 256 + 5


@pytest.mark.parametrize("rows", [1, 16, 128])
def test_softmax_reads_each_word_twice(rows):
    words = 2 * 8 * rows
    took = cycles(P, Opcode.EXPONENTIAL, fields_of(Opcode.EXPONENTIAL, count0=8, count1=rows))
    assert took == 2 * words + 4 + exponential.r_latency(P) + 3


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("count0", range(1, 13))
def test_an_r_that_meets_the_next_rows_codes_takes_a_cycle(lanes, count0):
    """On 8 and 16 lanes in rows of three vectors; the vector unit's bench holds it against the RTL."""
    p = AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes))
    one, many = (
        cycles(p, Opcode.EXPONENTIAL, fields_of(Opcode.EXPONENTIAL, count0=count0, count1=rows, count2=4))
        for rows in (1, 3)
    )
    lost = lanes in (8, 16) and count0 == 3
    assert many - one == (4 * count0 + lost) * 8


@pytest.mark.parametrize("columns", [0, 1])
def test_normalisation_reads_each_word_twice_and_pauses_between(columns):
    given = {"count0": 24, "columns": columns, "length": 24}
    one, two = (cycles(P, Opcode.NORMALISE, fields_of(Opcode.NORMALISE, count1=n, **given)) for n in (1, 2))
    assert two - one == 4 * 24 + normalise.pause(P, bool(columns)) - 1
    assert one < 4 * 24 + 45
