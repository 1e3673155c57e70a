"""The plan in closed form beside the exact one, of every network of the tests; how long both take."""

import os
from collections.abc import Iterator
from statistics import median
from time import process_time

from benchmarks.result import Result
from mapping.plan import Plan
from systola.program_session import Loaded
from tests.mapping.backends.program.plans import ALLOWED, COSTLY, closed, exact, source

NAME = "resnet50"
ROUNDS = 5


def measure() -> Iterator[Result]:
    """Bars, of ResNet-50 on the 16 x 16 accelerator: 0.2 s, 8 s of the exact plan, 5 % of its cycles, no
    cycle of compute."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # threads that wait for another count, too
    try:
        yield from compared()
    finally:
        os.sched_setaffinity(0, cores)


def compared() -> Iterator[Result]:
    """Both plans of each network."""
    for name, allowed in {**ALLOWED, **COSTLY}.items():
        began = process_time()
        found = source(name)
        read = process_time() - began
        made, seconds = timed(found)
        began = process_time()
        wanted = exact(found)
        took = process_time() - began
        error = 100 * (made.total.cycles / wanted.total.cycles - 1)
        compute = made.total.compute_cycles - wanted.total.compute_cycles
        yield Result(
            f"cycles in closed form, {name}", abs(error), 5 if name == NAME else allowed, "% off",
            f"{made.total.cycles:,} in {seconds * 1e3:.0f} ms, exact {wanted.total.cycles:,} in "
            f"{took:.2f} s, {error:+.2f} %; compute {compute:+,} of {wanted.total.compute_cycles:,}",
            at_most=True,
        )  # fmt: skip
        if name == NAME:
            yield Result(f"compute cycles, {name}", abs(compute), 0, "off", "all units", at_most=True)
            why = f"median of {ROUNDS}, processor time; made, read and simplified in {read:.2f} s before"
            yield Result(f"closed form, {name}", seconds, 0.2, "s", why, at_most=True)
            yield Result(f"exact plan, {name}", took, 8, "s", "quantised, compiled, predicted", at_most=True)


def timed(found: Loaded) -> tuple[Plan, float]:
    """The plan in closed form, and seconds of processor time."""
    took = []
    for _ in range(ROUNDS):
        began = process_time()
        made = closed(found)
        took.append(process_time() - began)
    return made, median(took)
