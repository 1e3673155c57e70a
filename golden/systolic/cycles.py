"""Cycles of the matrix unit: array, accumulator memory and requantiser, to the last one.

Cycles run from the first word accepted on any stream to the last word of `o`, both counted, unstalled.
After its last vector entered at cycle t, a result passes

    1 edge register, rows PEs, the PE's own latency, cols - 1 columns        (array)
    the accumulator memory: read, add, write                                 2
    the drain: read of the completed row, sum, product, o                    4 and the cycle of delivery

so row m of a tile is delivered at t_m + rows + cols + latency + 5, and without a requantiser, where the row
is what was read, at t_m + rows + cols + latency + 2. A register added to either is a cycle more: of the
accumulator memory's the one behind the drain's read, for what a sum is added to is asked for a cycle sooner.
"""

from functools import cache
from types import ModuleType

import numpy as np

from golden import check
from golden.systolic import output_stationary, weight_stationary
from golden.systolic.gemm import Schedule
from golden.systolic.params import MatrixUnitParams

DRAIN = 5  # cycles from the last column's sum to its delivery, beyond the way through the array
REQUANTISER = 3  # of them, in its stages: sum, product, o


def dataflow_module(p: MatrixUnitParams) -> ModuleType:
    """The golden module with the schedule of `p.dataflow`."""
    return output_stationary if p.dataflow == "output" else weight_stationary


def delivery(p: MatrixUnitParams) -> int:
    """Cycles from a vector's entry (weight-, input-stationary) to the delivery of its row of sums."""
    behind = p.requantise_registers if p.scaled else -REQUANTISER
    return p.rows + p.cols + p.latency + DRAIN + p.accumulator_registers + behind


def cycles_of(p: MatrixUnitParams, counts: np.ndarray) -> int:
    """Exact cycles of passes of `counts` vectors (int64 [passes]), unstalled."""
    if not len(counts):
        return 0
    last: int = dataflow_module(p).last_vector(p.loads, counts) + delivery(p)
    # output-stationary, the rows of a sum leave one after the other behind the last pair
    return last + 1 + (p.rows - 1 if p.dataflow == "output" else 0)


def cycles(schedule: Schedule) -> int:
    """Exact cycles of a schedule, unstalled, where its tiles fit (`rows_needed`): `cycles_of` its counts.

    Of the edge pass, the first one (output-stationary) or the last, nothing is waited for.
    """
    p, (first, last) = schedule.unit, schedule.ends
    output = p.dataflow == "output"
    edge = first if output else last
    work = sum(times * max(count, p.loads) for count, times in schedule.count_table().items())
    entered = (0 if output else p.loads) + work - max(edge, p.loads) + edge
    return entered + delivery(p) + 1 + (p.rows - 1 if output else 0)


def rows_needed(p: MatrixUnitParams, count: int) -> int:
    """Accumulator rows that let tiles with passes of `count` vectors follow one another without a wait.

    Fewer give right sums, later: a tile starts when its rows are free.
    """
    life = p.rows + p.cols + p.latency + (2 if p.dataflow == "output" else 3) + p.accumulator_registers
    return int(dataflow_module(p).rows_in_flight(count, p.loads, life))


@cache
def longest_stream(p: MatrixUnitParams) -> int:
    """The largest `count` whose tiles run without a wait; BadValue if not even one vector does."""
    if p.dataflow == "output":
        # most at count = rows: longer passes leave more time, shorter ones wait for the drain anyway
        least = rows_needed(p, p.rows)
        check.in_range("accumulators.rows", p.accumulator_rows, least, 1 << 16, "one tile in, others out")
        return p.largest_count
    low, high = 0, p.accumulator_rows
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if rows_needed(p, middle) <= p.accumulator_rows else (low, middle - 1)
    if low == 0:
        allowed = f"{rows_needed(p, 1)} to 65536 (one tile in, others out)"
        raise check.fail("accumulators.rows", p.accumulator_rows, allowed)
    return low


def losses(schedule: Schedule) -> dict[str, float]:
    """Where the cycles went, in cycles; the values add up to `cycles(schedule)`.

    useful  multiply-accumulates over PEs
    waste   PEs hold padding while vectors pass
    load    the next tile was not loaded yet (or, output-stationary, the drain had not finished)
    fill    before the first vector
    drain   from the last vector's entry to the last word delivered
    """
    p, table, (first, last) = schedule.unit, schedule.count_table(), schedule.ends
    edge = first if p.dataflow == "output" else last
    useful = schedule.gemm.macs / (p.rows * p.cols)
    streamed = float(sum(count * times for count, times in table.items()))
    fill = float(dataflow_module(p).first_vectors(p.loads, np.array([first]))[0])
    short = sum(times * max(p.loads - count, 0) for count, times in table.items())
    wait = float(short - max(p.loads - edge, 0))
    return {
        "useful": useful,
        "waste": streamed - useful,
        "load": wait,
        "fill": fill,
        "drain": cycles(schedule) - streamed - fill - wait,
    }
