"""The streaming engine on the compiled driver: depths of its FIFOs, its memory, rows of thousands of keys."""

import re
from dataclasses import replace

import numpy as np
import pytest

from golden.attention import streaming as st
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.masks import LONGEST, Mask
from golden.attention.scores import Scaling, scaling
from golden.attention.streaming_job import Attention, StreamingParams
from golden.attention.streaming_memory import memory
from golden.blocks import Job
from golden.formats import FP16
from sim.device import Comparing, Model, Rtl, block_verilog
from sim.tools import ToolMissing

pytestmark = pytest.mark.rtl

SMALL = StreamingParams(arithmetic=Arithmetic(head_dim=1, keys=LONGEST), interleave=3, registers=3)
HALF = StreamingParams(arithmetic=fp16(head_dim=2, keys=LONGEST, weight_bits=20))
MEMORY = re.compile(r"^  reg \[(\d+):0\] \w+ \[(\d+):0\];", re.M)
INSTANCE = re.compile(r"^  (\w+) \w+ \($", re.M)


@pytest.fixture(scope="module")
def rtl():
    return Rtl()


def job_of(p, mask, seed=1):
    """A job of normal operands."""
    rng, a = np.random.default_rng(seed), p.arithmetic
    real = [rng.standard_normal((n, a.head_dim)) for n in (mask.queries, mask.keys, mask.keys)]
    by = scaling(a, a.head_dim**-0.5 / (1 if a.floating else 1600))
    given = map(FP16.quantise, real)
    if not a.floating:
        given = (np.clip(np.rint(40 * each), -128, 127).astype(np.int64) for each in real)
    return Job(name="attention", p=p, shape=Attention(mask=mask, scaling=by), operands=st.Operands(*given))


def cycles(rtl, p, mask):
    """Of the RTL, whose values are golden's."""
    job = job_of(p, mask)
    try:
        found = rtl.run(job)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    assert np.array_equal(found.values, st.compute(p, job.shape, job.operands))
    return found.cycles


@pytest.mark.parametrize("keys", [1, 2, 17, 64])
def test_two_places_are_enough_for_a_row_a_key_a_cycle(rtl, keys):
    mask = Mask(queries=21, keys=keys)
    assert cycles(rtl, SMALL, mask) == st.cycles(SMALL, job_of(SMALL, mask).shape)


@pytest.mark.parametrize("keys", [2, 17, 64])
def test_one_place_takes_two_cycles_a_row_and_key_and_never_stops(rtl, keys):
    p = replace(SMALL, places=1)
    one, other = (cycles(rtl, p, Mask(queries=p.interleave, keys=n)) for n in (keys, keys + 1))
    assert other - one == 2 * p.interleave


def test_o_waits_for_its_reciprocal_in_as_many_places_as_derived_and_no_fewer(rtl):
    """Rows of one key come out one a cycle."""
    mask = Mask(queries=60, keys=1)
    wanted = st.cycles(SMALL, job_of(SMALL, mask).shape)
    assert SMALL.waiting == 2 + SMALL.inverse.latency - 1
    depths = (1, SMALL.waiting - 1, SMALL.waiting)
    took = [cycles(rtl, replace(SMALL, behind=depth), mask) for depth in depths]
    assert took[0] > took[1] > took[2] == wanted


def test_fewer_places_behind_cost_nothing_where_rows_are_longer_than_the_reciprocal(rtl):
    """One place less: a group's rows come out in turn, and there is time until the next."""
    p = replace(SMALL, behind=SMALL.waiting - 1, interleave=1, registers=1)
    mask = Mask(queries=20, keys=8)
    assert cycles(rtl, p, mask) == st.cycles(p, job_of(p, mask).shape)


def test_a_sum_whose_registers_outnumber_the_rows_takes_their_number_a_key(rtl):
    p = replace(SMALL, interleave=1)
    one, other = (cycles(rtl, p, Mask(queries=1, keys=n)) for n in (20, 21))
    assert other - one == p.registers == 3


@pytest.mark.parametrize("p", [SMALL, HALF], ids=["int8", "fp16"])
def test_the_memories_of_the_verilog_are_those_that_golden_counts(p):
    modules = dict(re.findall(r"^module (\w+)(.*?)^endmodule", block_verilog(p), re.M | re.S))

    def bits(name):
        """Of a module and all in it; tables of constants are written as cases, and are none."""
        own = sum((int(top) + 1) * (int(last) + 1) for top, last in MEMORY.findall(modules[name]))
        return own + sum(bits(each) for each in INSTANCE.findall(modules[name]) if each in modules)

    assert bits(p.name) == sum(memory(p).values())


@pytest.mark.parametrize(
    ("position", "left", "right"),
    [
        (LONGEST, LONGEST, 0),
        (LONGEST, LONGEST - 2, LONGEST),
        (LONGEST, 0, -1),
        (-LONGEST, 0, LONGEST),
        (-LONGEST, -1, LONGEST - 3),
        (-LONGEST, LONGEST, -1),
        (2 - LONGEST, 3, 0),
    ],
)
def test_positions_and_sides_at_their_ends(rtl, position, left, right):
    mask = Mask(queries=8, keys=5, position=position, left=left, right=right)
    assert cycles(rtl, SMALL, mask) == st.cycles(SMALL, job_of(SMALL, mask).shape)


@pytest.mark.slow
@pytest.mark.parametrize("right", [-1, 0], ids=["full", "causal"])
def test_rows_of_thousands_of_keys_take_cycles_in_proportion_on_one_engine(right):
    p = StreamingParams(arithmetic=Arithmetic(head_dim=4, keys=LONGEST))
    device = Comparing(Rtl(), Model())
    took = {}
    for n in (1, 64, 1024, 4100):
        took[n] = device.run(job_of(p, Mask(queries=n, keys=n, right=right), seed=n)).cycles
    pairs = {n: n * n if right else n * (n + p.interleave) // 2 for n in took}
    assert all(took[n] - pairs[n] < 64 for n in took)
    assert took[4100] / pairs[4100] == pytest.approx(took[1024] / pairs[1024], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("stalls", [0.05, 0.5])
def test_usual_engines_with_stalls(stalls):
    for p in (
        StreamingParams(arithmetic=Arithmetic(head_dim=64, keys=LONGEST)),
        replace(HALF, arithmetic=fp16(head_dim=16, keys=LONGEST, weight_bits=23), interleave=8, registers=5),
    ):
        job = job_of(p, Mask(queries=50, keys=130, left=70, right=3))
        found = Rtl(stalls=stalls, seed=2).run(job)
        assert np.array_equal(found.values, st.compute(p, job.shape, job.operands))


def test_a_scale_of_nothing_weighs_all_keys_alike(rtl):
    mask = Mask(queries=3, keys=5)
    job = job_of(SMALL, mask)
    flat = replace(job, shape=Attention(mask=mask, scaling=Scaling(multiplier=0, shift=1)))
    found = rtl.run(flat).values[:, :1]
    assert np.array_equal(found, FP16.quantise(np.full((3, 1), job.operands.v.mean())))
