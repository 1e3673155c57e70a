"""Traffic against a loop nest that is walked pass by pass with the buffers in hand."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from golden.pe.multiplier import MultiplierParams
from golden.systolic.cycles import cycles
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import DATAFLOWS, MatrixUnitParams
from mapping.cost.cycles import cost
from mapping.target import Target

SIZE = st.integers(1, 20)


@st.composite
def cases(draw):
    """A target with small buffers, a product and a tiling."""
    unit = MatrixUnitParams(
        rows=draw(st.integers(1, 6)), cols=draw(st.integers(1, 6)), dataflow=draw(st.sampled_from(DATAFLOWS)),
        pe=MultiplierParams(group=1024), accumulator_rows=256, accumulator_registers=draw(st.integers(0, 1)),
        requantise_registers=draw(st.integers(0, 6)),
    )  # fmt: skip
    target = Target(
        name="t",
        unit=unit,
        weight_buffer=draw(st.integers(36, 1500)),
        activation_buffer=draw(st.integers(36, 1500)),
        bytes_per_cycle=draw(st.integers(1, 32)),
    )
    gemm = Gemm(m=draw(SIZE), n=draw(SIZE), k=draw(SIZE), batch=draw(st.integers(1, 3)))
    return target, gemm, Tiling(stream=draw(st.integers(1, 24)), columns_first=draw(st.booleans()))


def cost_of(target, gemm, tiling):
    return cost(target, gemm, 8, np.array([tiling.stream]), np.array([tiling.columns_first]))


class Buffer:
    """Holds all of a product, two pieces over all of k, or two passes; counts the bytes that are fetched."""

    def __init__(self, size, batch, one_pass, piece, whole, is_outer):
        if whole * min(batch, 2) <= size:
            self.key = lambda product, piece, depth: (product,)
        elif is_outer and 2 * piece <= size:
            self.key = lambda product, piece, depth: (product, piece)
        else:
            self.key = lambda product, piece, depth: (product, piece, depth)
        self.fits = whole * min(batch, 2) <= size or 2 * one_pass <= size
        self.holds, self.have, self.bytes = None, set(), 0

    def need(self, product, piece, depth, size):
        key = self.key(product, piece, depth)
        if key != self.holds:
            self.holds, self.have = key, set()
        if (piece, depth) not in self.have:
            self.have.add((piece, depth))
            self.bytes += size


def walked(target, schedule):
    """Bytes read by (product, outer piece), and whether the buffers are large enough.

    Every pass asks for both its operands.
    """
    unit, gemm = target.unit, schedule.gemm
    output = unit.dataflow == "output"
    depth, rows, cols = schedule.depth_pieces, schedule.row_pieces, schedule.column_pieces
    stream = min(schedule.tiling.stream, gemm.k if output else schedule.outputs[0])
    # words of a pass, a piece and a whole operand; a word has a lane for each row, or column, of the array
    if output:
        left = [stream, gemm.k, gemm.k * len(rows)]
        top = [stream, gemm.k, gemm.k * len(cols)]
    else:
        left = [stream, stream * len(depth), schedule.outputs[0] * len(depth)]
        top = [unit.rows, unit.rows * len(depth), unit.rows * len(depth) * len(cols)]
    first = schedule.tiling.columns_first
    left_buffer = Buffer(target.buffer(target.left), gemm.batch, *(w * unit.rows for w in left), first)
    top_buffer = Buffer(target.buffer(target.top), gemm.batch, *(w * unit.cols for w in top), not first)
    read = {}
    for product in range(gemm.batch):
        for (r0, r1), (c0, c1) in schedule.tiles():
            before = left_buffer.bytes + top_buffer.bytes
            for d0, d1 in depth:
                left_buffer.need(product, r0, d0, (r1 - r0) * (d1 - d0))
                top_buffer.need(product, c0, d0, (c1 - c0) * (d1 - d0))
            step = (product, r0 if first else c0)
            read[step] = read.get(step, 0) + left_buffer.bytes + top_buffer.bytes - before
    return read, left_buffer.fits and top_buffer.fits


def step_waits(target, schedule, read):
    """Cycles that each outer step waits for its bytes, from the passes and tiles in it."""
    unit, tiles = target.unit, schedule.tiles()
    each = np.maximum(schedule.counts(), unit.rows).reshape(schedule.gemm.batch, len(tiles), -1).sum(axis=2)
    moved, work = dict(read), dict.fromkeys(read, 0)
    for product in range(schedule.gemm.batch):
        for i, ((r0, r1), (c0, c1)) in enumerate(tiles):
            step = (product, r0 if schedule.tiling.columns_first else c0)
            moved[step] += (r1 - r0) * (c1 - c0)
            work[step] += each[product, i]
    return [max(0, moved[step] / target.bytes_per_cycle - work[step]) for step in read]


@settings(max_examples=150, deadline=None)
@given(cases())
def test_bytes_read_are_those_of_the_loop_nest(case):
    target, gemm, tiling = case
    read, fits = walked(target, Schedule(target.unit, gemm, tiling))
    assume(fits)
    assert cost_of(target, gemm, tiling).bytes_read[0] == sum(read.values())


@settings(max_examples=150, deadline=None)
@given(cases())
def test_cycles_with_memory_are_compute_and_the_waits_of_each_step(case):
    target, gemm, tiling = case
    schedule = Schedule(target.unit, gemm, tiling)
    read, fits = walked(target, schedule)
    assume(fits)
    found, waits = cost_of(target, gemm, tiling), step_waits(target, schedule, read)
    (r0, r1), (c0, c1) = schedule.tiles()[0]
    (r2, r3), (c2, c3) = schedule.tiles()[-1]
    tile = (r1 - r0 + c1 - c0) * gemm.k / target.bytes_per_cycle
    passes = np.maximum(schedule.counts()[: schedule.passes_per_tile], target.unit.rows).sum()
    first = tile / schedule.passes_per_tile + max(0, tile - passes - waits[0])
    last = (r3 - r2) * (c3 - c2) / target.bytes_per_cycle
    assert found.cycles[0] == found.compute[0] + np.ceil(round(sum(waits) + first + last, 6))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_a_tiling_fits_where_the_loop_nest_runs(case):
    target, gemm, tiling = case
    _, fits = walked(target, Schedule(target.unit, gemm, tiling))
    assert cost_of(target, gemm, tiling).fits[0] == fits


@settings(max_examples=150, deadline=None)
@given(cases())
def test_compute_cycles_are_goldens(case):
    target, gemm, tiling = case
    assert cost_of(target, gemm, tiling).compute[0] == cycles(Schedule(target.unit, gemm, tiling))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_cycles_with_memory_lie_between_the_roofline_and_no_overlap_at_all(case):
    target, gemm, tiling = case
    found = cost_of(target, gemm, tiling)
    transfer = (found.bytes_read[0] + found.bytes_written) / target.bytes_per_cycle
    assert max(found.compute[0], transfer) <= found.cycles[0] <= found.compute[0] + 2 * transfer + 1


def test_an_infinitely_fast_memory_costs_next_to_nothing(target):
    fast = target(bytes_per_cycle=1 << 16)
    gemm = Gemm(m=200, n=30, k=40)
    found = cost_of(fast, gemm, Tiling(stream=20))
    assert found.cycles[0] - found.compute[0] <= 2


@pytest.mark.parametrize("width, size", [("int4", 0.5), ("int8", 1), ("int16", 2)])
def test_weights_are_read_in_their_own_width(target, width, size):
    gemm = Gemm(m=1, n=8, k=64)
    found = cost_of(target(weight=width), gemm, Tiling(stream=1))
    assert found.bytes_read[0] == 64 + 64 * 8 * size


def test_results_are_written_once(target):
    found = cost_of(target(), Gemm(m=5, n=7, k=200, batch=2), Tiling(stream=5))
    assert found.bytes_written == 2 * 5 * 7
