"""Cycles of the sliding-window engine that takes a key a cycle, in closed form and exact.

    scores:  row 0 | row 1 | row 2 | ...            a slot of time a key, and rows without a gap
    values:          row 0 | row 1 | row 2 | ...    when the row's maximum is known: `score_cycles` later
    divide:                  row 0 | ...            `tail` cycles behind a row's last value

Two engines in a row, each of which takes `slots` cycles a row: with all rows alike, N rows of W slots take
(N + 1) W cycles and a constant. A slot waits for its key, which is loaded one a cycle; after the first rows
loading is ahead. Slot x of a command starts at the latest of (time of a condition) + (slots from it to x),
over all conditions on earlier slots: a running maximum.
"""

from dataclasses import dataclass

import numpy as np

from golden.attention import lane_cycles, masks, products, quotients, scores, walk, weights
from golden.attention.walk import BlockWalk, steps_of
from golden.attention.window import AttentionJob, WindowParams, tree_registers
from golden.division import ceil_div

QUEUE = 2  # cycles from a word's write into a queue to its arrival at the other end


@dataclass(frozen=True, slots=True)
class WindowTiming:
    """Registers on the way, in cycles, and what they ask of memories inside.

    score_cycles  from a row's last slot to the first of its weighted values
    weight_cycles from a slot of weighted values to its value's read
    tail          from a row's last weighted value to its word of `o`
    least         slots of time that a row takes at the least: the division is shared by a row's elements
    """

    score_cycles: int
    weight_cycles: int
    tail: int
    least: int


def timing(p: WindowParams) -> WindowTiming:
    """Of the engine of `p`."""
    a = p.arithmetic
    product = len(products.stages(a))
    divide = a.reciprocal.latency + p.divide_cycles
    score = 1 + product + tree_registers(a.head_dim) + len(scores.stages(a)) + QUEUE
    weight = len(weights.stages(a))
    return WindowTiming(
        score_cycles=score,
        weight_cycles=weight,
        tail=1 + weight + product + 1 + divide + len(quotients.stages(a)) + QUEUE,
        least=divide,
    )


def longest_row(p: WindowParams) -> int:
    """Slots of time that a row takes at the most."""
    return max(p.slots + p.sinks, timing(p).least)


def scores_held(p: WindowParams) -> int:
    """Scores that wait for their row's maximum, or are on their way: one place less would lose cycles."""
    return longest_row(p) + timing(p).score_cycles


def rows_held(p: WindowParams) -> int:
    """Rows whose scores are known, and which wait."""
    return scores_held(p) // timing(p).least + 1


def rows_out(p: WindowParams) -> int:
    """Rows between their first weighted value and `o`, so that a row of the least slots loses no cycle."""
    return 1 + ceil_div(timing(p).tail, timing(p).least)


def _rows(w: BlockWalk) -> np.ndarray:
    """int64 [rows]: slots of each row."""
    return np.repeat(steps_of(w).slots, w.group)


def waits(w: BlockWalk, settle: int = 0) -> np.ndarray:
    """int64 [rows]: cycles that a row's last slot is late because keys are loaded one a cycle, from cycle
    `settle` of the command on; a key that a cycle loads can be read in the next."""
    steps = steps_of(w)
    slot = np.concatenate([[0], np.cumsum(w.group * steps.slots)[:-1]])  # of each step's first row
    shared = 0 if w.goes_on else w.shared
    late = np.full(w.steps, -settle, np.int64)
    if shared:
        late[0] = shared - (w.sink + w.shared - 1)
    randoms = w.randoms * np.arange(w.steps, dtype=np.int64)
    if w.randoms:
        before = np.concatenate([[w.held - 1], steps.loaded[:-1]]) + 1 - w.held
        late = np.maximum(late, shared + randoms + before + 1 - (slot + w.sink + w.shared))
    loaded = shared + randoms + w.randoms + steps.end - w.held + 1
    read = slot + w.beside + steps.keys - 1
    own = np.where((steps.keys > 0) & (steps.end >= w.held), loaded - read, -settle)
    late = np.maximum.accumulate(np.maximum(late, own)) + settle
    return np.repeat(np.maximum(late, 0), w.group)


def command_cycles(t: WindowTiming, commands: list[BlockWalk]) -> int:
    """The cycle of the last slot of weighted values; cycle 0 takes the first command."""
    taken, values_end = 0, -1
    for w in commands:
        slots, late = _rows(w), waits(w)
        ends = np.cumsum(slots)
        known = taken + ends + late + t.score_cycles  # slot 0 is in the cycle behind `taken`
        taken_behind = max(taken + QUEUE, values_end)
        loads = waits(w, t.weight_cycles)  # a value is read so much later than its slot passes
        start = np.maximum(taken_behind + 1 + loads, known - (ends - slots))  # as if of slot 0
        values_end = int(np.maximum.accumulate(start)[-1] + ends[-1] - 1)
        taken += int(ends[-1] + late[-1])
    return values_end


def commands_of(p: WindowParams, job: AttentionJob) -> list[BlockWalk]:
    """The commands of a job: one for each head of keys, or for as many as the engine works on at once."""
    return [walk.walk_of(job, 1 if p.by_keys else timing(p).least)] * (job.kv_heads // p.heads)


def cycles_of_commands(p: WindowParams, commands: list[BlockWalk]) -> int:
    """Cycles from the first command to the last row of `o`, both counted, unstalled; of one after another."""
    if p.by_keys:
        return lane_cycles.cycles_of_commands(p, commands)
    t = timing(p)
    return command_cycles(t, commands) + t.tail + 1


def cycles(p: WindowParams, job: AttentionJob) -> int:
    """Cycles of a job, from its first command to the last row of `o`, both counted, unstalled."""
    return cycles_of_commands(p, commands_of(p, job))


def useful(p: WindowParams, job: AttentionJob) -> float:
    """Part of the job's cycles in which the multipliers have a key: those of q k, and of w v, alike."""
    pairs = int(masks.counts(job.mask).sum()) * job.heads
    return 2 * pairs * p.arithmetic.head_dim / (p.multipliers * cycles(p, job))
