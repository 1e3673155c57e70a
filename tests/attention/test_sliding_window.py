"""The window engine's golden: values against the whole mask at once, buffers, decoding, what is refused."""

import numpy as np
import pytest

from golden.attention import masks, sliding_window, walk, window_cycles
from golden.attention.arithmetic import fp16
from golden.attention.masks import Mask
from golden.attention.row import attend
from golden.attention.window import AttentionJob, Operands, WindowParams
from golden.check import BadValue
from sim.benches.attention.sliding_window import job_of, operands_of, params_of, random_job, standard_masks

SMALL = [
    params_of(head_dim=4, keys=12, divide_lanes=4),
    params_of(head_dim=3, keys=14, query="int4", key="int4", sinks=True, softcap=True),
    WindowParams(arithmetic=fp16(head_dim=4, keys=12), sinks=True),
    params_of(head_dim=4, keys=12, organisation="keys"),
    params_of(head_dim=3, keys=12, heads=2, sinks=True),
]


def whole(p, job, operands):
    """Every query against all keys, with the mask as a matrix."""
    shared = job.heads // job.kv_heads
    k, v = (np.repeat(each, shared, axis=0) for each in (operands.k, operands.v))
    sinks = operands.sinks[:, None] if job.sinks else None
    return attend(p.arithmetic, operands.q, k, v, masks.matrix(job.mask, operands.table), job.by, sinks)


def drawn(p, seed, count):
    rng = np.random.default_rng(seed)
    standard = [job_of(p, mask, sinks=p.sinks) for mask in standard_masks(p.slots)]
    for job in [*standard, *(random_job(p, rng) for _ in range(count))]:
        yield job, operands_of(p, job, rng)


@pytest.mark.parametrize("p", SMALL, ids=lambda p: p.name)
def test_values_are_those_of_the_whole_mask_and_of_rolling_buffers(p):
    dim = p.arithmetic.head_dim
    for job, operands in drawn(p, 1, 40):
        rows, found = whole(p, job, operands), sliding_window.compute(p, job, operands)
        assert np.array_equal(found[..., :dim], rows.out), job
        assert np.array_equal(found[..., dim:], np.stack([rows.empty, rows.saturated], axis=-1)), job
        assert np.array_equal(sliding_window.follow(p, job, operands), found), job


@pytest.mark.parametrize("p", SMALL, ids=lambda p: p.name)
def test_each_key_that_is_read_is_loaded_once_and_a_random_one_with_its_block(p):
    for job, operands in drawn(p, 2, 40):
        loaded = walk.sequence(p, job, operands.table)
        (w, *_) = window_cycles.commands_of(p, job)
        assert len(loaded) == w.loads, job
        packed = sliding_window.pack(p, job, operands)
        assert len(packed["k"]) == len(packed["v"]) == w.loads * job.kv_heads // p.heads
        keys = [masks.keys_of(job.mask, query, operands.table) for query in range(job.mask.queries)]
        assert set(loaded) >= set(np.concatenate(keys).tolist()), job
        if not job.mask.randoms:
            assert len(set(loaded.tolist())) == len(loaded), job


@pytest.mark.parametrize("window, leading", [(12, 0), (9, 2), (1, 0)])
@pytest.mark.parametrize("many", [1, 3, 8])
def test_tokens_one_after_another_are_the_rows_of_a_prefill(window, leading, many):
    p, length = SMALL[0], 29
    job = job_of(p, Mask(queries=length, keys=length, left=window - 1, right=0, leading=leading), heads=2)
    operands = operands_of(p, job, np.random.default_rng(3))
    found, past = [], 0
    while past < length:
        end = min(past + (many if past else 5), length)
        mask = Mask(queries=end - past, keys=end, left=window - 1, right=0, leading=leading)
        part = AttentionJob(mask=mask, by=job.by, heads=2, past=past)
        given = Operands(operands.q[:, past:end], operands.k[:, :end], operands.v[:, :end])
        found.append(sliding_window.follow(p, part, given))
        packed = sliding_window.pack(p, part, given)
        assert len(packed["k"]) == len(packed["v"]) == end - past and part.end == end
        past = end
    assert np.array_equal(np.concatenate(found, axis=1), sliding_window.compute(p, job, operands))


def test_rows_of_equal_values_come_out_as_they_are():
    """A flat row, and one value throughout: weights add up to 1 whatever the scores."""
    p = SMALL[0]
    job = job_of(p, masks.causal(40, 12))
    operands = operands_of(p, job, np.random.default_rng(4))
    for value in (-128, -1, 1, 127):
        given = operands._replace(v=np.full_like(operands.v, value))
        assert np.all(sliding_window.compute(p, job, given)[..., :4] == value << p.arithmetic.out_fraction)


@pytest.mark.parametrize(
    "mask, given, message",
    [
        (masks.causal(40, 13), {}, "slots that query 12 needs is 13; allowed: up to 12"),
        (Mask(queries=13, keys=13), {}, "slots that query 0 needs is 13"),
        (Mask(queries=9, keys=30, left=3, right=0, dilation=4), {}, "slots that query 0 needs is 13"),
        (masks.causal(8, 4), {"sinks": True}, "sinks is True; allowed: false"),
        (masks.causal(8, 4), {"heads": 3, "kv_heads": 2}, "heads is 3; allowed: multiples of kv_heads, 2"),
        (masks.causal(8, 4), {"kv_heads": 3}, "kv_heads is 3; allowed: multiples of 2, the engine's heads"),
        (masks.causal(8, 4), {"past": 9}, "past is 9; allowed: 0 to 8"),
        (masks.causal(8, 4), {"past": 4, "heads": 2, "kv_heads": 2}, "kv_heads is 2; allowed: 1 to 1"),
        (
            masks.longformer(30, 8, 0),
            {"past": 20},
            "past is 20; allowed: up to 12, so that key 0 still stands",
        ),
        (Mask(queries=4, keys=12, left=1, right=0, trailing=1), {"past": 2}, "trailing is 1"),
    ],
)
def test_a_job_that_the_engine_cannot_do_is_refused_by_name(mask, given, message):
    p = SMALL[4] if given.get("kv_heads") == 3 else SMALL[0]
    with pytest.raises(BadValue, match=message):
        job_of(p, mask, **given).check(p)


def test_a_lane_a_key_refuses_what_it_cannot_tell():
    p = SMALL[3]
    for mask, past, message in (
        (Mask(queries=2, keys=30, left=0, right=0, dilation=13), 0, "dilation is 13; allowed: 1 to 12"),
        (Mask(queries=2, keys=20, left=3, right=0, dilation=2), 18, "dilation is 2; allowed: 1 to 1"),
    ):
        with pytest.raises(BadValue, match=message):
            job_of(p, mask, past=past).check(p)


def test_operands_of_another_shape_are_refused_by_name():
    p = SMALL[0]
    job = job_of(p, masks.causal(8, 4), heads=2)
    operands = operands_of(p, job, np.random.default_rng(5))
    for name, message in (
        ("q", r"q.shape is \[2, 7, 4\]"),
        ("k", r"k.shape is \[1, 7, 4\]"),
        ("v", "v.shape"),
    ):
        given = operands._replace(**{name: getattr(operands, name)[:, :-1]})
        with pytest.raises(BadValue, match=message):
            sliding_window.pack(p, job, given)
    with pytest.raises(BadValue, match=r"q\[0, 0, 0\] is 128"):
        sliding_window.pack(p, job, operands._replace(q=np.full_like(operands.q, 128)))
    random = job_of(p, Mask(queries=4, keys=12, left=1, right=0, randoms=2))
    with pytest.raises(BadValue, match="random is None; allowed: 2 keys"):
        sliding_window.pack(p, random, operands_of(p, random, np.random.default_rng(6))._replace(table=None))


@pytest.mark.parametrize(
    "given, message",
    [
        ({"keys": 1}, "keys is 1"),
        ({"divide_lanes": 65}, "divide_lanes is 65; allowed: 1 to 64"),
        ({"organisation": "rows"}, "organisation is 'rows'; allowed: dimensions, keys"),
        ({"organisation": "keys", "head_dim": 1}, "head_dim is 1; allowed: 2 to 1024"),
        ({"organisation": "keys", "divide_lanes": 2}, "divide_lanes is 2; allowed: 1 to 1"),
    ],
)
def test_an_engine_that_cannot_be_built_is_refused_by_name(given, message):
    with pytest.raises(BadValue, match=message):
        params_of(**given)
