"""Group quantisers against the numbers of the published code, run once in PyTorch 2.13 on these weights."""

import hashlib

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats.grouped import choose, nearest

FP3 = [sorted([-4, -2, -1, 0, 1, 2, 4, special]) for special in (3, -3, 6, -6)]
FP4 = [sorted([*range(-4, 5), -12, -8, -6, 6, 8, 12, special]) for special in (10, -10, 16, -16)]


def weights():
    """[512, 16]: an outlier, a small column, a group of zeros."""
    w = np.random.default_rng(5).normal(size=(16, 512)).astype(np.float16)
    w[3, 7] = 9
    w[5] *= np.float16(0.01)
    w[7, 128:256] = 0
    return w.T.astype(float)


def digest(values, dtype):
    return hashlib.sha256(np.ascontiguousarray(values.T.astype(dtype)).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(
    "bits,symmetric,values,error",
    [
        (3, True, "561c3f1c84170dcc", 0.07966476856877894),
        (3, False, "be8b986626232de6", 0.04672516984809452),
        (4, True, "5d7c6f9d8da9a22d", 0.015423130289713788),
        (4, False, "0a6927db886ba641", 0.009838129547408508),
        (5, True, "664708a4667b0b0d", 0.003265072578325117),
        (5, False, "81ea514a1dcf242e", 0.0023388782922802156),
        (6, True, "8f33b9fa529c01aa", 0.0007611017493394092),
        (6, False, "07c75c05aa36d0af", 0.000573026993948649),
        (8, True, "07f70b7c4bcd03f3", 4.649582861647201e-05),
        (8, False, "007bc97a60d0aeb5", 3.481435976503914e-05),
    ],
)
def test_round_to_nearest_gives_the_published_codes_numbers(bits, symmetric, values, error):
    found = nearest(weights(), bits, 128, symmetric=symmetric, arithmetic="fp16")
    assert digest(found.values, np.float16) == values
    assert ((found.values - weights()) ** 2).mean() == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize("datatypes,values,picks,error", [
    (FP3, "f5193797983d45ed", "6397a12195e055ed", 0.037885666485516195),
    (FP4, "ae1bd0f39f088371", "520004f550db4ce4", 0.009262969769509272),
], ids=["fp3", "fp4"])  # fmt: skip
def test_bitmods_choice_is_the_published_codes(datatypes, values, picks, error):
    found = choose(weights(), datatypes, 128, arithmetic="fp16")
    assert (digest(found.values, np.float16), digest(found.selector, np.uint8)) == (values, picks)
    assert ((found.values - weights()) ** 2).mean() == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize("symmetric", [True, False])
def test_codes_scale_and_zero_point_give_the_values(symmetric):
    found = nearest(weights(), 4, 64, symmetric=symmetric)
    zero = 0 if found.zero is None else np.repeat(found.zero, 64, 0)
    assert found.scale.shape == (8, 16)
    assert np.array_equal((found.codes - zero) * np.repeat(found.scale, 64, 0), found.values)


def test_the_chosen_datatype_is_the_best_of_all():
    w = weights()
    found = choose(w, FP4, 128)
    errors = [((choose(w, [each], 128).values - w) ** 2).reshape(4, 128, 16).mean(1) for each in FP4]
    assert np.array_equal(found.selector, np.argmin(errors, 0))


def test_half_way_goes_to_the_lower_value():
    column = np.array([[4.0], [3.5], [-3.5], [0.5]])  # scale 1: between 3 and 4, -4 and -3, 0 and 1
    assert choose(column, [list(range(-4, 5))], 4).values[:, 0].tolist() == [4, 3, -4, 0]


@pytest.mark.parametrize("group", [0, 100, 1024])
def test_a_group_size_that_does_not_divide_is_named(group):
    with pytest.raises(BadValue, match=f"group is {group}; allowed: divisors of K = 512"):
        nearest(weights(), 4, group)


def test_a_weight_that_is_no_number_is_named():
    w = weights()
    w[3, 2] = np.nan
    with pytest.raises(BadValue, match=r"weights\[3, 2\] is nan"):
        choose(w, FP4, 128)
