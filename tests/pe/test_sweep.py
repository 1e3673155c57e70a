"""The sweep notices what is wrong, and says with which operands."""

import numpy as np
import pytest

from golden.formats import BF16, FP32, Int
from golden.pe import mixpe, multiplier
from golden.pe.dequantise import DequantiseParams
from golden.pe.mixpe import MixPeParams
from golden.pe.multiplier import MultiplierParams
from sim import pe_sweep
from sim.benches.pe import vectors

pytestmark = pytest.mark.rtl

P = MixPeParams(weight=Int(4), registers=1)


def off_by_one(when):
    def accumulate(p, acc, weight, activation):
        return p.accumulator.wrap(acc + weight * activation + when(acc, weight, activation))

    return accumulate


@pytest.mark.parametrize(
    "when",
    [
        lambda acc, w, a: (w == -8) & (a == -128),
        lambda acc, w, a: (w == 3) & (a == 77),  # no corner
        lambda acc, w, a: acc == -w * a,  # a sum of zero
    ],
    ids=["corner", "pair", "cancelled"],
)
def test_one_wrong_sum_is_found_and_told(monkeypatch, when):
    monkeypatch.setattr(mixpe, "accumulate", off_by_one(when))
    wrong = pe_sweep.sweep(P).wrong
    assert wrong.startswith("mixpe_int4_int8_acc19_r1, seed 1: weight=") and ", golden 0x" in wrong


def test_every_pair_is_among_the_vectors():
    batches = list(pe_sweep.batches(P, None, np.random.default_rng(1)))
    pairs = {
        pair for each in batches for pair in zip(each.weight.tolist(), each.activation.tolist(), strict=True)
    }
    assert len(pairs) == 1 << 12
    assert sum(len(each.weight) for each in batches) > 1 << 20


def test_a_count_is_of_random_pairs_beside_the_corners():
    done = pe_sweep.sweep(P, 1000)
    assert (done.vectors, done.every) == (1000 + 7**3, False)


def test_the_corners_of_a_float_are_zeros_subnormals_one_the_ends_infinity_and_nans():
    codes = vectors.corners(BF16)
    values = BF16.decode(np.array(codes))
    assert {0.0, 1.0, BF16.max, np.inf, -np.inf, 2.0**-126, 2.0**-133, 2.0**-126 - 2.0**-133} <= set(
        values.tolist()
    )
    assert np.isnan(values).sum() == 4 and 0x8000 in codes


def test_the_corners_of_a_word_are_those_of_its_fields():
    from golden.pe import dequantise

    p = DequantiseParams()
    words = np.array(vectors.weight_corners(dequantise, p))
    assert set(dequantise.unpack(p, words)[2].tolist()) == {0, 1, 254, 255}
    assert len(set(words.tolist())) == 4**3


def test_parameters_come_from_text():
    given = {"weight": "uint4", "activation": "int8", "registers": 2}
    assert vectors.params_of("multiplier", given) == MultiplierParams(weight=Int(4, False), registers=2)


def test_a_nan_is_the_formats_one_code():
    class Sum:
        weight = activation = accumulator = FP32

    operands = vectors.PeVectors(*(np.array([code], np.uint64) for code in (0x7F800000, 0xFF800000, 0)))
    module = type("Module", (), {"accumulate": staticmethod(lambda p, acc, w, a: acc + w + a)})
    assert vectors.golden_codes(module, Sum, operands).tolist() == [0x7FC00000]
    assert multiplier.EXACT
