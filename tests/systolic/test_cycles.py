"""Closed forms of golden.systolic against an event model stepped cycle by cycle."""

import sys
from pathlib import Path

import numpy as np
import pytest

from golden import check
from golden.pe.multiplier import MultiplierParams
from golden.systolic import cycles as closed_forms
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import MatrixUnitParams
from golden.systolic.words import commands

sys.path.insert(0, str(Path(__file__).parent))
import event_model


def unit(dataflow="weight", rows=4, cols=3, registers=0, accumulator_rows=256, **more):
    return MatrixUnitParams(
        rows=rows,
        cols=cols,
        dataflow=dataflow,
        accumulator_rows=accumulator_rows,
        pe=MultiplierParams(registers=registers, group=1024),
        **more,
    )


def events(schedule):
    p, words = schedule.unit, commands(schedule)
    passes = list(zip(words["count"].tolist(), words["first"].tolist(), words["final"].tolist(), strict=True))
    step = event_model.output if p.dataflow == "output" else event_model.stationary
    behind = 4 + p.accumulator_registers + p.requantise_registers
    return step(p.rows, p.cols, p.latency, p.accumulator_rows, passes, behind, p.accumulator_registers)


def took(p, gemm, count):
    return events(Schedule(p, gemm, Tiling(stream=count)))


SHAPES = [(1, 1, 1), (1, 9, 13), (4, 3, 4), (5, 7, 11), (17, 2, 40), (33, 8, 3), (2, 30, 2)]


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
@pytest.mark.parametrize("rows,cols", [(1, 1), (4, 3), (3, 5), (8, 2), (1, 6), (7, 1)])
@pytest.mark.parametrize("registers", [0, 2])
def test_cycles_are_exact(dataflow, rows, cols, registers):
    p = unit(dataflow, rows, cols, registers)
    for m, n, k in SHAPES:
        for stream in (1, 3, 64):
            for batch in (1, 2):
                schedule = Schedule(p, Gemm(m=m, n=n, k=k, batch=batch), Tiling(stream=stream))
                assert closed_forms.cycles(schedule) == events(schedule), schedule


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
@pytest.mark.parametrize("added", [{"accumulator_registers": 1}, {"requantise_registers": 6}], ids=str)
def test_an_added_register_is_a_cycle(dataflow, added):
    gemm, tiling = Gemm(m=9, n=8, k=13), Tiling(stream=3)
    schedule = Schedule(unit(dataflow, **added), gemm, tiling)
    without = closed_forms.cycles(Schedule(unit(dataflow), gemm, tiling))
    assert closed_forms.cycles(schedule) == events(schedule) == without + sum(added.values())


@pytest.mark.parametrize("dataflow", ["weight", "output"])
@pytest.mark.parametrize("rows,cols", [(1, 1), (4, 3), (2, 7), (8, 8)])
@pytest.mark.parametrize("registers", [0, 1])
def test_rows_needed_is_enough_and_no_less_would_do(dataflow, rows, cols, registers):
    def of(depth):
        return unit(dataflow, rows, cols, accumulator_rows=depth, accumulator_registers=registers)

    for count in (1, 2, 3, 5, 9, 30):
        gemm = Gemm(m=count * 40, n=1, k=1) if dataflow == "weight" else Gemm(m=rows * 40, n=1, k=count)
        needed = closed_forms.rows_needed(of(1024), count)

        exact = closed_forms.cycles(Schedule(of(256), gemm, Tiling(stream=count)))
        assert took(of(needed), gemm, count) == exact
        if needed > max(rows if dataflow == "output" else count, 1):
            assert took(of(needed - 1), gemm, count) > exact, (
                f"{needed - 1} rows are enough for passes of {count}"
            )


def test_longest_stream_is_the_longest_that_fits():
    p = unit(accumulator_rows=100)
    longest = closed_forms.longest_stream(p)
    assert closed_forms.rows_needed(p, longest) <= 100 < closed_forms.rows_needed(p, longest + 1)


def test_accumulators_too_small_for_one_vector_are_refused():
    with pytest.raises(check.BadValue, match=r"accumulators.rows is 2; allowed: \d+ to"):
        closed_forms.longest_stream(unit(rows=1, cols=64, accumulator_rows=2))


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_losses_add_up_to_the_cycles(dataflow):
    for m, n, k in SHAPES:
        schedule = Schedule(unit(dataflow), Gemm(m=m, n=n, k=k), Tiling(stream=16))
        losses = closed_forms.losses(schedule)
        assert sum(losses.values()) == pytest.approx(closed_forms.cycles(schedule), abs=1e-9)
        assert min(losses.values()) >= 0, losses


def test_512_cubed_on_16x16_uses_the_array_at_least_9998_in_10000():
    p = MatrixUnitParams()
    schedule = Schedule(p, Gemm(m=512, n=512, k=512), Tiling(stream=closed_forms.longest_stream(p)))
    assert 512**3 / 256 / closed_forms.cycles(schedule) >= 0.9998


def test_first_vectors_are_where_the_passes_start():
    p = unit(rows=4)
    counts = np.array([2, 9, 4, 1])
    starts = closed_forms.dataflow_module(p).first_vectors(p.rows, counts)
    assert starts.tolist() == [5, 9, 18, 22]


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_closed_forms_are_those_of_the_listed_passes(dataflow):
    rng = np.random.default_rng(3)
    for _ in range(300):
        m, n, k, rows, cols, stream = (int(x) for x in rng.integers(1, 40, 6))
        p = unit(dataflow, rows, cols, accumulator_rows=4096)
        schedule = Schedule(p, Gemm(m=m, n=n, k=k, batch=int(rng.integers(1, 4))), Tiling(stream=stream))
        counts = schedule.counts()
        listed = dict(zip(*(x.tolist() for x in np.unique(counts, return_counts=True)), strict=True))
        assert schedule.count_table() == listed and schedule.ends == (counts[0], counts[-1])
        assert schedule.folds == (len(schedule.row_pieces), len(schedule.column_pieces))
        assert schedule.passes_per_tile == len(schedule.depth_pieces)
        assert closed_forms.cycles(schedule) == closed_forms.cycles_of(p, counts)
        waits = closed_forms.dataflow_module(p).waits(p.rows, counts)
        assert closed_forms.losses(schedule)["load"] == waits


def test_products_of_many_tiles_take_no_time():
    p = unit("weight", 16, 16)
    schedule = Schedule(p, Gemm(m=1 << 31, n=1 << 20, k=1), Tiling(stream=16))
    assert closed_forms.cycles(schedule) == 16 + 16 * (1 << 27) * (1 << 16) + closed_forms.delivery(p) + 1
    assert sum(closed_forms.losses(schedule).values()) == pytest.approx(closed_forms.cycles(schedule))
