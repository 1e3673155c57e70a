"""A matrix unit's handshakes, stepped cycle by cycle: an oracle for the closed forms of golden.systolic.

Written from the rules (one word a cycle, a tile rests before its vectors stream, a tile starts when its
accumulator rows are free, a completed row leaves through the drain), not from the formulae.
"""

from dataclasses import dataclass, field


@dataclass
class EventModel:
    """rows, cols, latency of the array; accumulator rows; passes as (count, first, final)."""

    rows: int
    cols: int
    latency: int
    accumulator_rows: int
    passes: list
    behind: int = 4  # sum, product, o, delivery behind the read
    keep: int = 0  # cycles that a row which was read stays taken
    reads: list = field(default_factory=list)  # rows read in each cycle so far
    free: int = field(init=False)
    in_array: list = field(default_factory=list)  # (cycle in which the last bank completes a row)
    delivered: int = 0

    def __post_init__(self):
        self.free = self.accumulator_rows

    @property
    def way(self):
        """Cycles from a vector's entry to the cycle after its row is completed in the last bank."""
        return self.rows + self.latency + self.cols + 1

    def drain(self, t, life):
        """One completed row a cycle leaves; its place is free in the next cycle."""
        if self.in_array and self.in_array[0] + self.way <= t:
            self.in_array.pop(0)
            life.append(t)
            self.last_read = t

    def freed(self, count):
        """Rows that are free from the next cycle on; `count` were read in this one."""
        self.reads.append(count)
        return self.reads[-1 - self.keep] if len(self.reads) > self.keep else 0

    def finish(self):
        return self.last_read + self.behind + 1  # both ends counted


def stationary(rows, cols, latency, accumulator_rows, passes, behind=4, keep=0):
    """Cycles of weight- or input-stationary passes."""
    model = EventModel(rows, cols, latency, accumulator_rows, passes, behind, keep)
    loaded, full, left, queue, t, final = 0, False, 0, list(passes), 0, False
    words = rows * len(passes)
    total = sum(count for count, _, final in passes if final)
    done = []
    while len(done) < total:
        free_now = model.free
        # a vector enters; the pass may end with it
        enters = left > 0
        ending = enters and left == 1
        swap = full and queue and (left == 0 or ending) and (not queue[0][1] or free_now >= queue[0][0])
        load = words > 0 and (not full or swap)
        if enters:
            left -= 1
            if final:
                model.in_array.append(t)
        freed = []
        model.drain(t, freed)
        done += freed
        model.free += model.freed(len(freed))
        if swap:
            count, first, final = queue.pop(0)
            left, full = count, False
            model.free -= count if first else 0
        if load:
            words, loaded = words - 1, loaded + 1
            if loaded == rows:
                loaded, full = 0, True
        t += 1
    return model.finish()


def output(rows, cols, latency, accumulator_rows, passes, behind=4, keep=0):
    """Cycles of output-stationary passes."""
    model = EventModel(rows, cols, latency, accumulator_rows, passes, behind, keep)
    left, leaving, queue, t, final_now, final_leaving = 0, 0, list(passes), 0, False, False
    total = rows * sum(1 for _, _, final in passes if final)
    done = []
    while len(done) < total:
        free_now = model.free
        enters = left > 0 and (left > 1 or leaving == 0)
        last = enters and left == 1
        start = queue and (left == 0 or last) and (not queue[0][1] or free_now >= rows)
        if last:
            leaving, final_leaving = rows, final_now
        if leaving:
            leaving -= 1
            if final_leaving:
                model.in_array.append(t)
        if enters:
            left -= 1
        freed = []
        model.drain(t, freed)
        done += freed
        model.free += model.freed(len(freed))
        if start:
            left, first, final_now = queue.pop(0)
            model.free -= rows if first else 0
        t += 1
    return model.finish()
