"""The window engine through the compiled driver: long sequences to the bit and the cycle, each word once."""

import numpy as np
import pytest

from golden.attention import masks, sliding_window, window_cycles
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.masks import Mask
from golden.attention.window import AttentionJob, Operands, WindowParams
from golden.blocks import Job as BlockJob
from sim.device import Comparing, Model, Rtl, padded
from sim.tools import ToolMissing

pytestmark = pytest.mark.rtl
SMALL = WindowParams(arithmetic=Arithmetic(head_dim=16, keys=48), divide_lanes=4)
LARGE = WindowParams(arithmetic=Arithmetic(head_dim=64, keys=512))
HALF = WindowParams(arithmetic=fp16(head_dim=8, keys=32), sinks=True, divide_lanes=2)
LANES = WindowParams(arithmetic=Arithmetic(head_dim=16, keys=48), organisation="keys")
RTL = Rtl()


def ran(p, mask, **given):
    """A job on the RTL, whose values and cycles are the model's; (job, cycles)."""
    job = AttentionJob(mask=mask, by=sliding_window.example_scaling(p.arithmetic), **given)
    operands = sliding_window.random_operands(p, job, np.random.default_rng(1))
    try:
        found = Comparing(RTL, Model()).run(BlockJob(name="job", p=p, shape=job, operands=operands))
    except ToolMissing as missing:
        pytest.skip(str(missing))
    return job, found.cycles


@pytest.mark.parametrize("p", [SMALL, HALF, LANES], ids=["int8", "fp16", "lanes"])
@pytest.mark.parametrize(
    "mask, given",
    [
        (masks.causal(500, 32), {}),
        (Mask(queries=300, keys=300, left=10, right=10), {"skip": True}),
        (Mask(queries=300, keys=300, left=3, right=3, dilation=4, leading=4), {"heads": 3}),
        (masks.bigbird(96, 4, 1), {"heads": 4, "kv_heads": 2}),
        (Mask(queries=60, keys=400, left=15, right=0, valid=390), {}),
    ],
)
def test_long_sequences_are_golden(p, mask, given):
    ran(p, mask, **given)


@pytest.mark.parametrize("stalls", [0.1, 0.5])
def test_stalls_change_no_value(stalls):
    p, mask = SMALL, masks.causal(200, 48)
    job = AttentionJob(mask=mask, by=sliding_window.example_scaling(p.arithmetic), heads=2)
    operands = sliding_window.random_operands(p, job, np.random.default_rng(2))
    try:
        device = Rtl(stalls=stalls, models=RTL.models)
        found = device.run(BlockJob(name="job", p=p, shape=job, operands=operands))
    except ToolMissing as missing:
        pytest.skip(str(missing))
    assert np.array_equal(found.values, sliding_window.compute(p, job, operands))
    assert found.cycles >= window_cycles.cycles(p, job) and found.counters["o"] > 0


@pytest.mark.parametrize("p", [SMALL, LANES], ids=["dimensions", "keys"])
@pytest.mark.parametrize("many", [1, 4])
def test_a_cache_that_stays_gives_a_prefills_rows_in_the_cycles_of_golden(p, many):
    """A prefill, then `many` tokens at once, each job a run of its own on one engine that is not reset."""
    length, window = 110, 48
    try:
        model = RTL.model(p)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    by = sliding_window.example_scaling(p.arithmetic)
    whole = AttentionJob(mask=masks.causal(length, window), by=by, heads=2)
    operands = sliding_window.random_operands(p, whole, np.random.default_rng(3))
    found, past = [], 0
    while past < length:
        end = min(past + (many if past else window - 3), length)
        job = AttentionJob(
            mask=Mask(queries=end - past, keys=end, left=window - 1, right=0), by=whole.by, heads=2, past=past
        )
        given = Operands(operands.q[:, past:end], operands.k[:, :end], operands.v[:, :end])
        words = sliding_window.pack(p, job, given)
        inputs = {name: padded(each, model.stride(name)) for name, each in words.items()}
        run = model.run(inputs, {"o": sliding_window.count(p, job)}, keep_state=past > 0)
        assert run.cycles == window_cycles.cycles(p, job) and len(words["k"]) == end - past
        found.append(sliding_window.unpack(p, job, run.outputs["o"]))
        past = job.end
    assert np.array_equal(np.concatenate(found, axis=1), sliding_window.compute(p, whole, operands))


def test_both_organisations_give_the_same_bits():
    """A cache of one is that of the other: only the cycles differ."""
    jobs = [ran(p, Mask(queries=90, keys=90, left=20, right=3, leading=2), heads=2) for p in (SMALL, LANES)]
    assert jobs[0][0] == jobs[1][0] and jobs[0][1] != jobs[1][1]


@pytest.mark.slow
@pytest.mark.parametrize("p", [SMALL, LANES], ids=["dimensions", "keys"])
@pytest.mark.parametrize(
    "mask",
    [
        masks.causal(1 << 16, 12),
        Mask(queries=1 << 16, keys=1 << 16, left=2, right=1, dilation=3, leading=2),
        Mask(queries=4000, keys=1 << 16, position=65000, left=5, right=0),
        Mask(queries=1 << 16, keys=9, position=-30000, left=1, right=1),
    ],
)
def test_the_longest_sequences_and_positions_are_golden(p, mask):
    ran(p, mask, skip=True)


@pytest.mark.slow
def test_a_lane_a_key_takes_the_cycles_of_its_rows():
    """48 keys of 16, 4096 tokens: latency affine, multipliers used 99 %."""
    took = {length: ran(LANES, masks.causal(length, 48))[1] for length in (47, 48, 49, 96, 4096)}
    assert took[4096] - took[48] == 16 * (4096 - 48)
    assert masks.window_pairs(4096, 47, 0) * 16 / (48 * took[4096]) >= 0.98


@pytest.mark.slow
def test_512_keys_of_64_take_the_cycles_of_their_rows_up_to_16384_tokens():
    """Latency affine in the length; of a causal run the multipliers are used 98.4 %; each word moves once.

    The driver ends a run when every word has moved, so the words it was given are those that moved.
    """
    took = {}
    for length in (511, 512, 513, 1024, 16384):
        job, took[length] = ran(LARGE, masks.causal(length, 512))
        assert len(sliding_window.walk.sequence(LARGE, job, None)) == length
    fixed = took[1024] - 1024 * 512
    assert took[16384] == 16384 * 512 + fixed
    used = masks.window_pairs(16384, 511, 0) / took[16384]
    print(f"16384 tokens: {took[16384]} cycles, {100 * used:.2f} % used; 1024: {took[1024]}")
    assert used >= 0.98
    assert took[16384] / (16 * took[1024]) == pytest.approx(1, abs=0.02)
