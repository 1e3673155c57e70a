"""Number formats as Amaranth shapes."""

import pytest
from amaranth.hdl import Const, signed, unsigned

from golden.formats import Int
from hw.formats import shape_of


def test_a_signed_format_is_a_signed_shape():
    assert shape_of(Int(5)) == signed(5)


def test_an_unsigned_format_is_an_unsigned_shape():
    assert shape_of(Int(5, signed=False)) == unsigned(5)


@pytest.mark.parametrize("fmt", [Int(width, signed) for width in (1, 8, 32) for signed in (0, 1)], ids=str)
def test_the_shape_holds_the_formats_ends(fmt):
    assert [Const(value, shape_of(fmt)).value for value in (fmt.min, fmt.max)] == [fmt.min, fmt.max]
