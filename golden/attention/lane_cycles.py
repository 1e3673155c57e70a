"""Cycles of the sliding-window engine with a lane a key, exact: a recurrence over rows and loads.

    q k      row 0 | row 1 | row 2 | ...     a row each head_dim cycles: an element of q to every lane in each
    scores        row 0 | row 1 | ...        a unit for each head_dim lanes, one lane after the other
    weights            row 0 | row 1 | ...   likewise, below the row's maximum
    w v                     row 0 | ...      an element of the result in each cycle, over all lanes

A row starts head_dim cycles behind the one before, or when its last key has begun to be loaded, if that is
later: elements follow one another by a cycle, in loading as in reading. A key takes head_dim cycles to load,
and begins when the last row that needs what it replaces has started. Nothing behind a row's start waits;
values are loaded as keys are, `values` cycles later. So causal rows take head_dim cycles each; a window with
w keys to the right is loaded in (w + 1) head_dim cycles before its first row.
"""

from dataclasses import dataclass

from golden.attention import products, quotients, scores, weights
from golden.attention.walk import BlockWalk, steps_of
from golden.attention.window import WindowParams, tree_registers
from golden.division import ceil_div

QUEUE = 2  # cycles from a word's write into a queue to its arrival at the other end


@dataclass(frozen=True, slots=True)
class LaneTiming:
    """Cycles behind a row's start.

    captured  all lanes have their dot product
    scored    a unit's first score is there
    known     the row's maximum is known, and its scores go to be weighted
    weighted  a unit's first weight is there
    values    the first element of v is read; its read was a cycle behind the start for k
    divided   a row's first sum is divided
    latency   the row's word is at `o`
    """

    captured: int
    scored: int
    known: int
    weighted: int
    values: int
    divided: int
    latency: int


def timing(p: WindowParams) -> LaneTiming:
    """Of the engine of `p`."""
    a = p.arithmetic
    product = len(products.stages(a))
    captured = a.head_dim + 2 + product
    scored = captured + 1 + len(scores.stages(a))
    known = scored + p.lanes_of_unit
    weighted = known + len(weights.stages(a))
    values = weighted + p.lanes_of_unit
    divided = values + 1 + max(a.reciprocal.latency, product + tree_registers(p.slots))
    written = divided + a.head_dim - 1 + len(quotients.stages(a))
    return LaneTiming(captured, scored, known, weighted, values, divided, written + QUEUE)


def rows_out(p: WindowParams) -> int:
    """Rows between their start and `o`, so that none waits for room."""
    return ceil_div(timing(p).latency + 1, p.arithmetic.head_dim)


def values_held(p: WindowParams) -> int:
    """Words of values that wait until their keys' places are free of the values before."""
    return ceil_div(timing(p).values, p.arithmetic.head_dim) + 1


def last_start(p: WindowParams, commands: list[BlockWalk]) -> int:
    """The cycle in which the last row starts; cycle 0 takes the first command."""
    period = p.arithmetic.head_dim
    taken, start, load = 0, -period, -period
    for w in commands:
        start, load = _command(w, p.slots, period, taken, start, load)
        taken = start
    return taken


def _command(w: BlockWalk, slots: int, period: int, taken: int, start: int, load: int) -> tuple[int, int]:
    """(start of a command's last row, of its last load), of those before it; `taken` takes the command."""
    steps = steps_of(w)
    ring = slots - w.shared - w.randoms
    load = max(load, taken + 1 - period)
    if not w.goes_on and w.shared:
        load += period * w.shared
    free = [(0, taken + 1)]  # places that are free of what the buffer held first, and since when
    position, low = w.held, w.low
    ready = taken + 1
    oldest = 0  # in `free`
    for step in range(w.steps):
        for _ in range(w.randoms):
            load = max(load + period, free[-1][1])
        if w.randoms:
            ready = load + 1
        while position <= steps.loaded[step]:
            while free[oldest][0] < position + 1 - ring:
                oldest += 1
            load = max(load + period, free[oldest][1])
            position, ready = position + 1, load + 1
        shared = load + 1 if step == 0 and w.shared and not w.goes_on else 0
        start = max(start + period, ready, shared, taken + 1) + period * (w.group - 1)
        low += w.stride
        free.append((max(low, 0), start))
    return start, load


def cycles_of_commands(p: WindowParams, commands: list[BlockWalk]) -> int:
    """Cycles from the first command to the last row of `o`, both counted, unstalled; of one after another."""
    return last_start(p, commands) + timing(p).latency + 1
