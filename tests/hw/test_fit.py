"""`fit` refuses every assignment that can lose a value, and no other."""

import pytest
from amaranth.hdl import Shape, Signal
from amaranth.lib import data

from hw.fit import fit

SHAPES = [Shape(width, is_signed) for width in (1, 2, 3, 4) for is_signed in (False, True)]


def values(shape):
    low = -(1 << shape.width - 1) if shape.signed else 0
    return set(range(low, low + (1 << shape.width)))


@pytest.mark.parametrize("target", SHAPES, ids=repr)
@pytest.mark.parametrize("value", SHAPES, ids=repr)
def test_it_takes_a_value_only_if_the_target_holds_all_of_its_shape(target, value):
    assignment = (Signal(target), Signal(value))
    if values(value) <= values(target):
        fit(*assignment)
    else:
        with pytest.raises(TypeError, match="widen it, or cut with a slice"):
            fit(*assignment)


def test_a_sum_needs_its_carry():
    a, narrow, wide = Signal(4), Signal(4, name="narrow"), Signal(5)
    fit(wide, a + a)
    with pytest.raises(TypeError, match=r"\(sig narrow\) is unsigned\(4\); its value is unsigned\(5\)"):
        fit(narrow, a + a)


def test_a_field_of_a_layout_is_a_target():
    word = Signal(data.StructLayout({"low": 3, "high": 5}))
    with pytest.raises(TypeError):
        fit(word.low, Signal(4))
