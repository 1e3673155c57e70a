"""BitMoD's datatypes: the published values, each the sum of its terms; groups in the best of four."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats.bitmod import BASIC, INTEGERS, Datatype, quantise, two_terms
from golden.formats.grouped import choose, nearest

OWN = "bitmod_fp4:7,-15,24,0"
ALL = [Datatype.parse(name) for name in (*INTEGERS, *BASIC, OWN, "bitmod_fp3:7,-7,5,-14")]
weights = np.random.default_rng(3).standard_t(5, size=(256, 32))


def number(term, bsig):
    """Of a term's code."""
    man, exp, sign = term & 1, term >> 1 & 3, term >> 3
    return (-1) ** sign * man * 2 ** (exp + bsig)


@pytest.mark.parametrize("datatype", ALL, ids=str)
def test_every_value_is_the_sum_of_its_terms(datatype):
    for selector in range(4):
        codes = np.arange(datatype.min, datatype.max + 1)
        assert len(codes) == 1 << datatype.width
        terms = datatype.terms(codes, np.array(selector)).tolist()
        sums = [sum(number(term, datatype.bsig(cycle)) for cycle, term in enumerate(each))
                for each in zip(*terms, strict=True)]  # fmt: skip
        assert sums == [datatype.value(int(code), selector) for code in codes]
        assert sums == datatype.represented(codes, np.array(selector)).tolist()


def test_the_published_values_and_cycles():
    fp4, fp3 = (Datatype(name) for name in BASIC)
    halves = [-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6]
    for selector, special in enumerate((5, -5, 8, -8)):
        assert fp4.values(selector) == sorted(int(2 * value) for value in [*halves, special])
    for selector, special in enumerate((3, -3, 6, -6)):
        assert fp3.values(selector) == sorted([-4, -2, -1, 0, 1, 2, 4, special])
    assert {str(d): d.cycles for d in ALL[:6]} == dict(
        zip((*INTEGERS, *BASIC), (4, 3, 3, 2, 2, 2), strict=True)
    )
    for name, bits in INTEGERS.items():
        assert Datatype(name).values() == list(range(-(1 << bits - 1), 1 << bits - 1))


def test_the_first_term_is_the_first_one_of_the_magnitude():
    pairs = {
        1: (0, 1),
        2: (2, 0),
        3: (2, 1),
        -6: (-4, -2),
        10: (8, 2),
        16: (16, 0),
        7: (8, -1),
        -15: (-16, 1),
    }
    assert {value: two_terms(value) for value in pairs} == pairs


def test_what_two_terms_cannot_be_is_named():
    reached = {a + b for a in (0, 2, 4, 8, 16, -2, -4, -8, -16) for b in (0, 1, 2, 4, 8, -1, -2, -4, -8)}
    for value in range(-40, 41):
        if value in reached:
            assert sum(two_terms(value)) == value
        else:
            with pytest.raises(BadValue, match=f"special value is {value}; allowed"):
                Datatype("bitmod_fp4", (value, 0, 0, 0))


@pytest.mark.parametrize("datatype", ALL, ids=str)
def test_its_name_reads_back(datatype):
    assert Datatype.parse(str(datatype)) == datatype


@pytest.mark.parametrize("text, message", [
    ("int7", "datatype is 'int7'; allowed: int8, int6"),
    ("bitmod_fp4:1,2", r"specials of bitmod_fp4 is \(1, 2\); allowed: 4 whole"),
    ("bitmod_fp4:1,2,3,x", "specials of bitmod_fp4 is '1,2,3,x'"),
    ("int4:1,2,3,4", "specials of int4 .* no code is free"),
])  # fmt: skip
def test_a_wrong_name_is_told(text, message):
    with pytest.raises(BadValue, match=message):
        Datatype.parse(text)


@pytest.mark.parametrize("datatype", ALL, ids=str)
def test_codes_and_scales_are_the_quantisers(datatype):
    found = quantise(weights, datatype, 64)
    if datatype.integer:
        plain = nearest(weights, datatype.width, 64)
        assert found.selectors is None
    else:
        plain = choose(weights, [datatype.values(s) for s in range(4)], 64)
        assert np.array_equal(found.selectors, plain.selector)
    selectors = None if found.selectors is None else np.repeat(found.selectors, 64, 0)
    whole = datatype.represented(found.codes, selectors)
    assert np.array_equal(whole * np.repeat(plain.scale, 64, 0), plain.values)
    assert np.all(np.abs(found.scales * found.channel - plain.scale) <= found.channel / 2 * (1 + 1e-6))
    assert found.scales.max(0).tolist() == [255] * 32
    assert np.array_equal(whole * np.repeat(found.scales, 64, 0) * found.channel, found.values)
    both = [((values - weights) ** 2).mean() for values in (found.values, plain.values)]
    assert both[0] < both[1] + 3e-5 * (weights**2).mean()


def test_a_special_value_that_is_not_a_new_one_leaves_a_shorter_list():
    found = quantise(weights, Datatype("bitmod_fp3", (4, 3, -3, 0)), 64)
    assert set(np.unique(found.selectors)) == {0, 1, 2}  # the last is the first again


@pytest.mark.parametrize("name", [*INTEGERS, *BASIC])
def test_weights_that_are_no_numbers_and_groups_that_do_not_divide_are_named(name):
    broken = weights.copy()
    broken[5, 6] = np.nan
    with pytest.raises(BadValue, match=r"weights\[5, 6\] is nan"):
        quantise(broken, Datatype(name), 64)
    with pytest.raises(BadValue, match="group is 100; allowed: divisors of K = 256"):
        quantise(weights, Datatype(name), 100)
    with pytest.raises(BadValue, match=r"weights\[1\] is"):
        Datatype(name).represented(np.array([0, 200]))
