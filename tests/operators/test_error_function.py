"""The error function against the C library's."""

import math

import numpy as np

from golden.operators.error_function import erf

POINTS = np.concatenate([np.linspace(-6, 6, 24001), np.geomspace(1e-300, 1, 500), [0.46875, 4.0]])
EXACT = np.array([math.erf(x) for x in POINTS])


def test_error_up_to_four_is_below_3e_16():
    inside = np.abs(POINTS) <= 4
    assert np.abs(erf(POINTS) - EXACT)[inside].max() < 3e-16


def test_error_beyond_four_is_at_most_that_of_one():
    assert np.abs(erf(POINTS) - EXACT).max() <= math.erfc(4)


def test_float32_is_within_one_unit_in_the_last_place():
    narrow = POINTS.astype(np.float32)
    exact = np.array([math.erf(x) for x in narrow])
    assert (np.abs(erf(narrow) - exact) <= np.spacing(np.abs(exact).astype(np.float32))).all()


def test_special_values():
    found = erf(np.array([np.nan, np.inf, -np.inf, -0.0], np.float32))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [1, -1, 0]
    assert np.signbit(found[3])


def test_type_is_kept():
    assert erf(np.zeros(3, np.float32)).dtype == np.float32
