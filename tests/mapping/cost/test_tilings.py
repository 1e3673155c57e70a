"""Tilings: legal ones only, the best of them, and what is said where there is none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.check import BadValue
from golden.pe.multiplier import MultiplierParams
from golden.systolic.cycles import cycles, longest_stream, rows_needed
from golden.systolic.gemm import Gemm, Schedule
from golden.systolic.params import DATAFLOWS, MatrixUnitParams
from mapping.cost.cycles import cost
from mapping.cost.tilings import MODEL, candidates, place
from mapping.target import Target

AXIS = st.integers(1, 60)


@st.composite
def cases(draw):
    """A target that holds at least two passes of one vector, and a product."""
    unit = MatrixUnitParams(
        rows=draw(st.integers(1, 9)), cols=draw(st.integers(1, 9)), dataflow=draw(st.sampled_from(DATAFLOWS)),
        pe=MultiplierParams(group=4096), accumulator_rows=draw(st.integers(120, 400)),
    )  # fmt: skip
    buffers = [draw(st.integers(2 * 81, 4000)) for _ in range(2)]
    target = Target(name="t", unit=unit, weight_buffer=buffers[0], activation_buffer=buffers[1])
    return target, Gemm(m=draw(AXIS), n=draw(AXIS), k=draw(AXIS), batch=draw(st.integers(1, 3)))


@settings(max_examples=80, deadline=None)
@given(cases())
def test_the_chosen_tile_fits_the_buffers(case):
    target, gemm = case
    placed = place("a", target, gemm, 8)
    assert all(need <= target.buffer(operand) for operand, need in placed.needs.items())


@settings(max_examples=80, deadline=None)
@given(cases())
def test_the_chosen_tile_never_waits_for_accumulators(case):
    target, gemm = case
    schedule = place("a", target, gemm, 8).schedule
    most = int(schedule.counts().max())
    assert rows_needed(target.unit, most) <= target.unit.accumulator_rows


@settings(max_examples=80, deadline=None)
@given(cases())
def test_compute_cycles_are_those_of_the_schedule(case):
    target, gemm = case
    placed = place("a", target, gemm, 8)
    assert placed.compute_cycles == cycles(placed.schedule)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_legal_tiling_is_clearly_better(case):
    target, gemm = case
    placed = place("a", target, gemm, 8)
    streams = np.arange(1, longest_stream(target.unit) + 1)
    for columns_first in (True, False):
        other = cost(target, gemm, 8, streams, np.full(len(streams), columns_first))
        assert not (other.fits & (other.cycles * MODEL < placed.cycles)).any()
        quicker = other.fits & (other.cycles <= placed.cycles) & (other.compute <= placed.compute_cycles)
        assert not (quicker & (other.bytes_read < placed.bytes_read)).any()


def test_a_large_product_keeps_what_fits_and_reads_it_once(target):
    placed = place("a", target(weight_buffer=1 << 14), Gemm(m=60, n=64, k=128), 8)
    assert placed.bytes_read == 60 * 128 + 128 * 64


def test_the_stream_is_bounded_by_the_accumulators(target):
    large = target(activation_buffer=1 << 20, weight_buffer=1 << 20)
    streams, _ = candidates(large, Gemm(m=5000, n=3, k=4))
    assert streams.max() == longest_stream(large.unit) < 64


def test_an_output_stationary_stream_is_bounded_by_k(target):
    streams, _ = candidates(target(dataflow="output"), Gemm(m=9, n=9, k=20))
    assert streams.max() == 20


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_a_single_element_is_placed(target, dataflow):
    placed = place("a", target(dataflow=dataflow), Gemm(m=1, n=1, k=1), 8)
    assert placed.schedule == Schedule(placed.schedule.unit, Gemm(m=1, n=1, k=1), placed.schedule.tiling)
    assert placed.bytes_read == 2


def test_k_over_the_depth_is_refused_with_both_numbers(target):
    message = r"layer fc1: K is 300, the accumulators add up 256 products; allowed: K to 256, or .* pe\.group"
    with pytest.raises(BadValue, match=message):
        place("fc1", target(group=256), Gemm(m=1, n=1, k=300), 8)


def test_a_tile_that_does_not_fit_is_refused_with_both_sizes(target):
    small = target(rows=32, cols=32, weight_buffer=1024, accumulator_rows=256)
    message = r"layer fc1: its smallest tile needs 2 KiB of weight buffer \(double-buffered\), has 1 KiB"
    with pytest.raises(BadValue, match=message):
        place("fc1", small, Gemm(m=1, n=64, k=64), 8)


def test_a_layer_of_a_single_tile_needs_no_second_buffer(target):
    small = target(rows=32, cols=32, weight_buffer=1024, accumulator_rows=256)
    assert place("fc1", small, Gemm(m=1, n=32, k=32), 8).needs["weight"] == 1024


def test_accumulators_too_few_for_one_vector_are_refused(target):
    with pytest.raises(BadValue, match=r"accumulators\.rows is 4"):
        place("a", target(accumulator_rows=4, dataflow="output"), Gemm(m=1, n=1, k=1), 8)


@pytest.mark.parametrize("dataflow, buffer", [("weight", "weight"), ("input", "activation")])
def test_a_buffer_below_one_resting_tile_is_no_target(target, dataflow, buffer):
    with pytest.raises(BadValue, match=rf"buffers\.{buffer} in bytes is 11; allowed: 12 to"):
        target(dataflow=dataflow, **{f"{buffer}_buffer": 11})


IMPOSSIBLE = [("bytes_per_cycle", 0), ("clock_mhz", 0.0), ("clock_mhz", float("nan"))]


@pytest.mark.parametrize("field, value", IMPOSSIBLE)
def test_a_memory_or_clock_that_cannot_be_is_refused(target, field, value):
    with pytest.raises(BadValue, match=field.replace("_mhz", ".mhz")):
        replace(target(), **{field: value})


def test_placing_is_cached(target):
    gemm = Gemm(m=10, n=10, k=10)
    assert place("a", target(), gemm, 8) is place("b", target(), gemm, 8)


def test_a_tiling_visits_every_element_once(target):
    placed = place("a", target(), Gemm(m=37, n=11, k=29), 8)
    seen = np.zeros((37, 11), int)
    for (m0, m1), (n0, n1) in placed.schedule.tiles():
        seen[m0:m1, n0:n1] += 1
    assert (seen == 1).all()
