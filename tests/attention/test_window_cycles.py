"""The window engine's cycles: the closed form against a model stepped cycle by cycle, what it promises."""

from collections import deque

import numpy as np
import pytest

from golden.attention import lane_cycles, masks, window_cycles
from golden.attention.arithmetic import Arithmetic
from golden.attention.masks import Mask
from golden.attention.walk import steps_of
from golden.attention.window import WindowParams
from sim.benches.attention.sliding_window import job_of, params_of, random_job, standard_masks

P = params_of(head_dim=4, keys=12, divide_lanes=4, sinks=True)
QUEUE = 2


def slots_of(w):
    """Slots of a command: (first of its row, last of it, key or None, places that it frees), keys as
    ("shared", n), ("random", n of all), ("window", position)."""
    steps, found = steps_of(w), []
    for step in range(w.steps):
        later = w.low + w.stride * (step + 1)
        for member in range(w.group):
            final = member == w.group - 1
            keys = [None] * w.sink + [("shared", n) for n in range(w.shared)]
            keys += [("random", step * w.randoms + n) for n in range(w.randoms)]
            keys += [("window", int(steps.begin[step]) + w.dilation * n) for n in range(steps.keys[step])]
            keys += [None] * (w.least - len(keys))
            for at, key in enumerate(keys):
                freed = (
                    final
                    and key is not None
                    and (key[0] == "random" or (key[0] == "window" and key[1] < later))
                )
                found.append((at == 0, at == len(keys) - 1, key, key[0] if freed else None))
    return found


def loads_of(w):
    """What a command loads, in order."""
    steps, found, loaded = steps_of(w), [], w.held
    if not w.goes_on:
        found += [("shared", n) for n in range(w.shared)]
    for step in range(w.steps):
        found += [("random", step * w.randoms + n) for n in range(w.randoms)]
        until = int(steps.loaded[step]) + 1
        found += [("window", n) for n in range(loaded, until)]
        loaded = max(loaded, until)
    return found


class Side:
    """A buffer of so many places, its loader and its slots; told when a slot passes and when that frees."""

    def __init__(self, size, delay):
        self.size, self.delay = size, delay
        self.slots, self.loads = deque(), deque()
        self.there, self.freeing, self.stay = set(), deque(), set()

    def begin(self, w, cycle):
        self.slots, self.loads = deque(slots_of(w)), deque(loads_of(w))
        held = {("window", n) for n in range(w.held)} | {
            ("shared", n) for n in range(w.shared if w.goes_on else 0)
        }
        self.there, self.freeing, self.from_cycle = held, deque(), cycle + self.delay
        self.room = {
            "window": self.size - w.shared - w.randoms - w.held,
            "random": w.randoms,
            "shared": w.shared,
        }

    def step(self, cycle, go):
        """One cycle: the slot that passes, or None."""
        passed = None
        if self.slots and go(self.slots[0]) and (self.slots[0][2] is None or self.slots[0][2] in self.there):
            passed = self.slots.popleft()
            if passed[3]:
                self.freeing.append((cycle + self.delay, passed[3]))
        while self.freeing and self.freeing[0][0] == cycle:
            self.room[self.freeing.popleft()[1]] += 1
        if self.loads and cycle >= self.from_cycle and self.room[self.loads[0][0]] > 0:
            self.room[self.loads[0][0]] -= 1
            self.there.add(self.loads.popleft())
        return passed


def stepped(p, commands):
    """The cycle of the last slot of weighted values, cycle 0 taking the first command."""
    t = window_cycles.timing(p)
    keys, values = Side(p.slots, 0), Side(p.slots + t.weight_cycles, t.weight_cycles)
    coming, walks, known = deque(commands), deque(), deque()
    room, cycle, last = window_cycles.scores_held(p), 0, 0
    while coming or keys.slots or walks or values.slots:
        key = keys.step(cycle, lambda slot, room=room: room > 0)
        if key:
            room -= 1
            if key[1]:
                known.append(cycle + t.score_cycles)
        ready = bool(known) and known[0] <= cycle
        value = values.step(cycle, lambda slot, ready=ready: not slot[0] or ready)
        if value:
            last, room = cycle, room + 1
            if value[0]:
                known.popleft()
        if not keys.slots and coming:
            keys.begin(coming[0], cycle + 1)
            walks.append((cycle + QUEUE, coming.popleft()))
        if not values.slots and walks and walks[0][0] <= cycle:
            values.begin(walks.popleft()[1], cycle + 1)
        cycle += 1
    return last


def test_the_closed_form_is_the_stepped_model():
    rng = np.random.default_rng(1)
    jobs = [job_of(P, mask, skip=skip) for mask in standard_masks(P.slots) for skip in (False, True)]
    for job in [*jobs, *(random_job(P, rng) for _ in range(60))]:
        commands = window_cycles.commands_of(P, job)
        assert window_cycles.command_cycles(window_cycles.timing(P), commands) == stepped(P, commands), job


def test_the_closed_form_of_jobs_in_a_row_is_the_stepped_model():
    rng = np.random.default_rng(2)
    for _ in range(30):
        commands = [w for _ in range(4) for w in window_cycles.commands_of(P, random_job(P, rng))]
        assert window_cycles.command_cycles(window_cycles.timing(P), commands) == stepped(P, commands)


@pytest.mark.parametrize("skip", [False, True])
def test_one_score_less_held_loses_cycles(monkeypatch, skip):
    job = job_of(P, masks.causal(40, P.slots), skip=skip)
    commands = window_cycles.commands_of(P, job)
    enough = stepped(P, commands)
    held = window_cycles.scores_held(P) - P.sinks  # the job has no sink's slot
    monkeypatch.setattr(window_cycles, "scores_held", lambda p: held)
    assert stepped(P, commands) == enough
    monkeypatch.setattr(window_cycles, "scores_held", lambda p: held - 1)
    assert stepped(P, commands) > enough


def test_the_latency_is_affine_in_the_length_and_the_multipliers_are_used():
    """512 keys of 64, causal: a row takes 512 cycles; 98.4 % of 16384 rows' are a key's, as pairs allow."""
    p = WindowParams(arithmetic=Arithmetic(keys=512))
    t = window_cycles.timing(p)
    jobs = {n: job_of(p, masks.causal(n, 512)) for n in (1024, 4096, 16384, 65536)}
    for n, job in jobs.items():
        assert window_cycles.cycles(p, job) == (n + 1) * 512 + t.score_cycles + t.tail + 1
    used = {n: window_cycles.useful(p, job) for n, job in jobs.items()}
    assert used[16384] > 0.984 and used[65536] > 0.995
    took = {n: window_cycles.cycles(p, job) for n, job in jobs.items()}
    assert took[16384] / took[1024] == pytest.approx(16, rel=0.02)


def test_with_a_lane_a_key_a_row_takes_head_dim_cycles():
    """Whatever its keys; a window to the right is loaded before the first row."""
    p = WindowParams(arithmetic=Arithmetic(keys=513), organisation="keys")
    latency = lane_cycles.timing(p).latency
    for length in (1, 512, 1024, 16384):
        assert (
            window_cycles.cycles(p, job_of(p, masks.causal(length, 512))) == 64 * (length - 1) + latency + 3
        )
    job = job_of(p, Mask(queries=1024, keys=1024, left=256, right=256))
    assert window_cycles.cycles(p, job) == 64 * (1023 + 256) + latency + 3
    even = WindowParams(arithmetic=Arithmetic(keys=512), organisation="keys")
    assert window_cycles.useful(even, job_of(even, masks.causal(16384, 512))) > 0.98
    grouped = job_of(p, masks.causal(1024, 512), heads=4)
    assert window_cycles.cycles(p, grouped) == 64 * 4095 + latency + 3


def test_random_keys_are_loaded_between_rows():
    """A row with 3 random keys waits for 4 loads; with a lane a key each takes head_dim cycles."""
    p = params_of(head_dim=4, keys=12, organisation="keys")
    mask = {"keys": 40, "position": 20, "left": 3, "right": 0, "randoms": 3}
    took = [window_cycles.cycles(p, job_of(p, Mask(queries=n, **mask))) for n in (8, 9)]
    assert took[1] - took[0] == 4 * 4


def test_a_symmetric_window_begins_at_once():
    """Reading follows loading: 256 keys on each side, of 16384 rows, cost no fill."""
    p = WindowParams(arithmetic=Arithmetic(keys=513))
    job = job_of(p, Mask(queries=16384, keys=16384, left=256, right=256))
    took = window_cycles.cycles(p, job)
    assert took == 16385 * 513 + window_cycles.timing(p).score_cycles + window_cycles.timing(p).tail + 1
