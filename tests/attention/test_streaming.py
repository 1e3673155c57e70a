"""Streaming attention in golden: against float64, and what holds whatever the numbers are."""

import numpy as np
import pytest

from golden.attention import streaming as st
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.masks import LONGEST, Mask, matrix
from golden.attention.products import products
from golden.attention.running import MOST_KEYS
from golden.attention.scores import Scaling, scaling
from golden.check import BadValue
from golden.formats import BF16, FP16, FP32

HEAD = 16
FORMATS = {
    "int8": Arithmetic(head_dim=HEAD, keys=LONGEST),
    "fp16": fp16(head_dim=HEAD, keys=LONGEST, weight_bits=23),
}
P = {name: st.Params(arithmetic=arithmetic) for name, arithmetic in FORMATS.items()}
MASKS = {
    "full": Mask(queries=7, keys=20),
    "causal": Mask(queries=20, keys=20, right=0),
    "causal-window": Mask(queries=33, keys=33, left=6, right=0),
    "both-sides": Mask(queries=30, keys=30, left=3, right=4),
    "more-queries": Mask(queries=12, keys=5, right=0),
    "padded": Mask(queries=9, keys=14, valid=6),
    "self": Mask(queries=10, keys=10, left=0, right=0),
    "nothing-counts": Mask(queries=6, keys=4, valid=0),
}


@pytest.fixture(params=P, ids=str)
def p(request):
    return P[request.param]


def drawn(p, mask, rng, heads=1, scale=None):
    """A job and normal operands, for which scores spread over a few octaves."""
    a = p.arithmetic
    counts = (mask.queries * heads, mask.keys, mask.keys)
    real = [rng.standard_normal((n, a.head_dim)) for n in counts]
    if a.floating:
        by = scaling(a, scale or a.head_dim**-0.5)
        return st.Attention(mask=mask, heads=heads, scaling=by), st.Operands(*map(FP16.quantise, real))
    codes = [np.clip(np.rint(each * 40), -128, 127).astype(np.int64) for each in real]
    by = scaling(a, scale or a.head_dim**-0.5 / 1600)
    return st.Attention(mask=mask, heads=heads, scaling=by), st.Operands(*codes)


def softmax(p, job, operands):
    """(float64 results, which keys count), with the scale that the job has."""
    q, k, v = (np.asarray(each, np.float64) for each in operands)
    octaves = q @ k.T * job.scaling.multiplier * 2.0 ** -(job.scaling.shift + p.arithmetic.fraction)
    if p.arithmetic.floating:
        octaves = np.ldexp(octaves, p.arithmetic.dot_fraction)
    valid = np.repeat(matrix(job.mask), job.heads, axis=0)
    w = np.where(valid, np.exp2(octaves), 0.0)
    total = w.sum(axis=1, keepdims=True)
    return np.divide(w @ v, total, out=np.zeros((len(q), v.shape[1])), where=total > 0), valid


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_it_is_softmax_of_float64_within_its_formats(p, mask, heads):
    """Half of a score's last place, 2^-fraction octaves, as a factor of a weight, and FP16's rounding."""
    job, operands = drawn(p, mask, np.random.default_rng(heads), heads)
    found, (wanted, valid) = st.compute(p, job, operands), softmax(p, job, operands)
    spread = 2.0 ** (2.0 ** -(p.arithmetic.fraction + 1)) - 1
    bound = (2 * spread + 2.0**-11 + 2.0**-15) * np.abs(operands.v).max()
    assert np.abs(found[:, :HEAD] - wanted).max() <= bound
    assert np.array_equal(found[:, HEAD], ~valid.any(axis=1))
    assert not found[:, HEAD + 1 :].any()


def test_rows_with_outliers_keep_three_digits_in_fp16():
    """Elements of N(0, 1), one in a thousand with N(0, 10) added, as activations have them; causal rows."""
    p = st.Params(arithmetic=fp16(head_dim=64, keys=LONGEST, weight_bits=23))
    rng, n = np.random.default_rng(1), 256
    rare = (rng.random((3, n, 64)) < 1e-3) * rng.normal(0, 10, (3, n, 64))
    operands = st.Operands(*FP16.quantise(rng.standard_normal((3, n, 64)) + rare))
    job = st.Attention(mask=Mask(queries=n, keys=n, right=0), scaling=scaling(p.arithmetic, 1 / 8))
    q, k, v = operands
    logits = np.where(np.tri(n) > 0, q @ k.T / 8, -np.inf)
    w = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = np.abs(st.compute(p, job, operands)[:, :64] - w @ v / w.sum(axis=1, keepdims=True))
    assert error.max() <= 5e-3 and error.mean() <= 1e-4


@pytest.mark.parametrize("interleave", [1, 3, 4])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_rows_in_groups_are_rows_at_once(p, mask, interleave):
    p = st.Params(arithmetic=p.arithmetic, interleave=interleave)
    job, operands = drawn(p, mask, np.random.default_rng(3), heads=2)
    assert np.array_equal(st.follow(p, job, operands), st.compute(p, job, operands))


def test_heads_that_share_keys_are_rows_of_their_own(p):
    mask, rng = MASKS["causal-window"], np.random.default_rng(4)
    job, operands = drawn(p, mask, rng, heads=3)
    together = st.compute(p, job, operands).reshape(mask.queries, 3, -1)
    for head in range(3):
        alone = st.Attention(mask=mask, scaling=job.scaling)
        q = operands.q.reshape(mask.queries, 3, -1)[:, head]
        assert np.array_equal(st.compute(p, alone, operands._replace(q=q)), together[:, head])


def test_a_row_of_a_prefill_is_the_row_of_a_decoding_step(p):
    """Row i alone, with the keys up to it, gives the same bits: keys come oldest first in both."""
    job, operands = drawn(p, Mask(queries=40, keys=40, left=16, right=0), np.random.default_rng(5))
    whole = st.compute(p, job, operands)
    for i in (0, 15, 16, 17, 33, 39):
        step = st.Attention(mask=Mask(queries=1, keys=i + 1, left=16, right=0), scaling=job.scaling)
        row = st.Operands(operands.q[i : i + 1], operands.k[: i + 1], operands.v[: i + 1])
        assert np.array_equal(st.compute(p, step, row)[0], whole[i])


LONG = pytest.param(1 << 16, marks=pytest.mark.slow)


@pytest.mark.parametrize("keys", [1, 2, 255, 256, 257, 4096, LONG])
def test_values_of_one_give_one_in_rows_of_any_length(p, keys):
    a = p.arithmetic
    rng = np.random.default_rng(keys)
    kind = float if a.floating else np.int64
    q = rng.integers(-2, 3, (2, HEAD)).astype(kind)
    k = rng.integers(-2, 3, (keys, HEAD)).astype(kind)
    k[keys // 2 :] = k[0]  # rows of equal scores, too
    job = st.Attention(mask=Mask(queries=2, keys=keys), scaling=scaling(a, 1 / 16))
    assert (st.compute(p, job, st.Operands(q, k, np.ones((keys, HEAD), kind)))[:, :HEAD] == 1).all()


def test_a_score_that_is_clipped_is_told_where_its_key_counts(p):
    a = p.arithmetic
    kind = float if a.floating else np.int64
    q, k = np.full((2, HEAD), 50, kind), np.ones((3, HEAD), kind)
    k[2] = 100
    job = st.Attention(mask=Mask(queries=2, keys=3, position=1, right=0), scaling=scaling(a, 1 / 16))
    assert st.compute(p, job, st.Operands(q, k, k))[:, HEAD : HEAD + 2].tolist() == [[0, 0], [0, 1]]


def test_a_product_that_saturates_is_told():
    p = P["fp16"]
    q = np.full((1, HEAD), 60000.0)
    job = st.Attention(mask=Mask(queries=1, keys=1), scaling=Scaling(multiplier=1, shift=47))
    assert products(p.arithmetic, q, q)[1].all()
    assert st.compute(p, job, st.Operands(q, q, q))[0, HEAD + 1] == 1


def test_every_reciprocal_is_within_its_bound_and_that_of_a_power_of_two_exact():
    p = P["int8"]
    for octave in (-120, 0, 140):
        total = np.ldexp(1 + np.arange(1 << 18) / 2**18 + 2.0**-20, octave)
        found = st.reciprocals(p, total)
        assert np.abs(found * total - 1).max() < 2.0**-17
        assert np.array_equal(p.reciprocal.quantise(found), found)
        assert st.reciprocals(p, np.array([2.0**octave])) == 2.0**-octave
    assert st.reciprocals(p, np.zeros(1)) == 0


@pytest.mark.parametrize(("interleave", "registers"), [(1, 1), (1, 4), (4, 4), (8, 2)])
def test_cycles_are_affine_in_keys_with_the_slower_of_rows_in_turn_and_registers(interleave, registers):
    p = st.Params(arithmetic=FORMATS["int8"], interleave=interleave, registers=registers)

    def took(queries, keys):
        return st.cycles(
            p, st.Attention(mask=Mask(queries=queries, keys=keys), scaling=Scaling(multiplier=1, shift=1))
        )

    groups = 3
    for keys in (1, 100, 4096):
        grown = took(groups * interleave, keys + 1) - took(groups * interleave, keys)
        assert grown == groups * max(interleave, registers)


def test_causal_rows_pass_only_keys_of_their_group():
    p, n = P["int8"], 1024
    job = st.Attention(mask=Mask(queries=n, keys=n, right=0), scaling=Scaling(multiplier=1, shift=1))
    c = p.interleave
    assert st.passed(p, job) == sum(range(c, n + 1, c))
    full = st.Attention(mask=Mask(queries=n, keys=n), scaling=job.scaling)
    assert st.passed(p, full) == n * n // c and st.cycles(p, full) / (n * n) < 1.0001


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"interleave": 0}, "interleave is 0; allowed: 1 to 64"),
        ({"registers": 6}, "registers is 6; allowed: 1 to 5"),
        ({"exponent_bits": 8}, "octaves of a score, without a maximum, in sums of 8 bits of exponent is 128"),
        ({"mantissa_bits": 10}, "weight_bits is 16; allowed: 2 to 10"),
        ({"out": FP32}, "out is fp32; allowed: fp16, bf16"),
        ({"places": 0}, "places is 0; allowed: 1 to 64"),
        ({"arithmetic": Arithmetic(softcap=True)}, "softcap is True; allowed: False"),
    ],
)
def test_parameters_without_an_engine_are_refused(given, message):
    with pytest.raises(BadValue, match=message):
        st.Params(**{"arithmetic": FORMATS["int8"]} | given)


@pytest.mark.parametrize(
    ("mask", "heads", "message"),
    [
        (Mask(queries=4, keys=4, dilation=2), 1, "mask.dilation is 2; allowed: 1 to 1"),
        (Mask(queries=4, keys=4, leading=1), 1, "mask.leading is 1; allowed: 0 to 0"),
        (MASKS["full"], 0, "heads is 0; allowed: 1 to 64"),
    ],
)
def test_jobs_that_no_run_of_keys_serves_are_refused(mask, heads, message):
    with pytest.raises(BadValue, match=message):
        st.Attention(mask=mask, heads=heads, scaling=Scaling(multiplier=1, shift=1))


def test_sums_of_half_precision_take_256_keys_and_no_more():
    narrow = fp16(head_dim=HEAD, keys=LONGEST, weight_bits=10)
    p = st.Params(arithmetic=narrow, mantissa_bits=10)
    job, operands = drawn(p, Mask(queries=5, keys=MOST_KEYS), np.random.default_rng(6))
    wanted, _ = softmax(p, job, operands)
    assert np.abs(st.compute(p, job, operands)[:, :HEAD] - wanted).max() < 1e-2
    job, operands = drawn(p, Mask(queries=5, keys=MOST_KEYS + 1), np.random.default_rng(6))
    with pytest.raises(BadValue, match="keys of a row is 257; allowed: 0 to 256"):
        st.compute(p, job, operands)


def test_operands_of_another_shape_or_without_a_number_are_refused(p):
    job, operands = drawn(p, MASKS["full"], np.random.default_rng(7))
    with pytest.raises(BadValue, match=r"k.shape is \[19, 16\]; allowed: \[20, 16\]"):
        st.pack(p, job, operands._replace(k=operands.k[1:]))
    if p.arithmetic.floating:
        operands.v[3, 2] = np.nan
        with pytest.raises(BadValue, match=r"v\[3, 2\] is nan; allowed: finite numbers of fp16"):
            st.compute(p, job, operands)


def test_results_in_bf16_are_those_of_the_same_sums():
    p = st.Params(arithmetic=FORMATS["fp16"], out=BF16)
    job, operands = drawn(p, MASKS["causal"], np.random.default_rng(8))
    wanted, _ = softmax(p, job, operands)
    found = st.compute(p, job, operands)[:, :HEAD]
    assert np.array_equal(BF16.quantise(found), found)
    assert np.abs(found - wanted).max() < 2.0**-7 * np.abs(operands.v).max()
