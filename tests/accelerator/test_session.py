"""Sessions of hundreds of programs, compiled, against golden's: each event is seen once, come what may."""

import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from golden.accelerator.accelerator import AcceleratorParams, Fault
from golden.accelerator.registers import NO_UNIT, Cause
from golden.accelerator.session import DONE, ERROR, Interrupt, Moment, Outcome, Status, outcome
from golden.systolic.params import MatrixUnitParams
from sim.accelerator import DRIVER, Bus, RtlModel, SimulationError, named_verilog
from sim.build import build_with
from sim.hand_made import changed

sys.path.insert(0, str(Path(__file__).parent))
from programs import SMALL
from session_bench import SessionBench, report

pytestmark = pytest.mark.rtl

BUSES = (Bus(), Bus(read_latency=3, write_latency=5), Bus(read_latency=20, write_latency=9, stalls=0.3))
STEPS = 300
OFFSETS = range(-2, 3)


# few places in every queue, and more lanes
TIGHT = AcceleratorParams(
    unit=MatrixUnitParams(rows=8, cols=8, accumulator_rows=32), banks=4, bank_words=64, queue=2,
    outstanding=2, read_buffer=16, functions=("gelu",),
)  # fmt: skip


@cache
def device(p: AcceleratorParams) -> RtlModel:
    return RtlModel(p, np.zeros(64, np.uint8))


def session(given: RtlModel, seed: int, steps: int) -> Counter:
    """What was met in so many steps."""
    bench = SessionBench(given, seed, BUSES[seed % len(BUSES)])
    for number in range(steps):
        try:
            bench.step()
        except (AssertionError, SimulationError, ValueError) as error:
            raise AssertionError(f"seed {seed}, step {number}: {error}") from error
    return bench.seen


def test_sessions_are_goldens():
    seen = sum((session(device(SMALL), seed, STEPS) for seed in range(1, 5)), Counter())
    print(f"\n{report(seen)}")
    met = {"INTERRUPT_STATUS around an event": OFFSETS, "INTERRUPT_ENABLE around an event": OFFSETS,
           "start around an event": OFFSETS, "reset around an event": range(3),
           "reset before a program's end": [""], "start after an error": [""],
           "words read are": ["exact", "at least"]}  # fmt: skip
    for kind, offsets in met.items():
        for offset in offsets:
            assert seen[kind, offset], f"{kind}: never at {offset}"
    causes = {cause for kind, cause in seen if kind == "program"}
    never = {Cause.NONE.name, Cause.TOKEN_OVERFLOW.name}
    assert causes == {"ended", *(cause.name for cause in Cause)} - never
    fetched = {name for kind, name in seen if kind == "fetched for nothing"}
    assert fetched >= {"crooked", "nowhere", "failing", "program", "end"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5, 15))
@pytest.mark.parametrize("p", [SMALL, TIGHT], ids=["small", "tight"])
def test_long_sessions_are_goldens(p, seed):
    session(device(p), seed, 2000)


# Faults that one program after another, each behind a hard reset, does not show. (module, before, after)
FAULTS = {
    "a refused request keeps its places": (r"fetch_\d\w*", r"= refused \? ", "= 1'h0 ? "),
    "a failure of what was fetched ahead is not cleared": (
        r"fetch_\d\w*", r"if \(\S+ \) failed <= 2'h0;", "if (rst) failed <= 2'h0;"),
    "an event is lost that is cleared in its cycle": (
        r"registers_\w+",
        r"(\S+ ) = (interrupt_status_done_q) & (\S+ );\n  assign (\S+ ) = \1 \| interrupt_status_done;",
        r"\1 = \2 | interrupt_status_done;\n  assign \4 = \1 & \3;"),
    "owners of words are counted on at a clear": (
        r"memory_port_\w+", r"if \(\S+ \) count <= 4'h0;", "if (rst) count <= 4'h0;"),
    "a start that waits takes what is written meanwhile": (
        r"control_\d\w*", r"address_to_fetch = fetch_pending \? address_at_start :", "address_to_fetch ="),
    "a fault in the cycle of a reset leaves a cause": (
        r"control_\d\w*", r"\.running\(\S+ \)", ".running(running)"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_session_notices_faults_made_by_hand(name):
    top, verilog = named_verilog(SMALL)
    library = build_with(DRIVER, changed(verilog, *FAULTS[name]), top, f"#define LANES {SMALL.lanes}\n")
    broken = RtlModel(SMALL, np.zeros(64, np.uint8), library=library)
    with pytest.raises(AssertionError, match=r"^seed \d+, step \d+: "):
        for seed in range(1, 9):
            session(broken, seed, STEPS)


# Golden's own.


def test_an_event_in_the_cycle_of_its_clearing_is_held():
    for event, held, rises in ((8, 0, 1), (9, 0, 1), (10, DONE, 1), (11, DONE, 1)):
        interrupt = Interrupt()
        interrupt.pass_through([Moment(1, enables=3)])
        interrupt.pass_through([Moment(10, clears=3), Moment(event, comes=DONE)])
        assert (interrupt.held, interrupt.rises, interrupt.rose) == (held, rises, event + 2)


def test_an_event_that_is_not_enabled_interrupts_when_it_is():
    interrupt = Interrupt()
    interrupt.pass_through([Moment(5, comes=ERROR), Moment(7, enables=DONE)])
    assert (interrupt.held, interrupt.rises) == (ERROR, 0)
    interrupt.pass_through([Moment(20, enables=ERROR), Moment(30, comes=DONE), Moment(40, clears=DONE)])
    assert (interrupt.rises, interrupt.rose) == (1, 22)


def test_a_reset_in_the_last_cycle_is_all_that_becomes_of_a_program():
    fault = Fault(Cause.LOAD_ERROR, 0, 3, 2)
    for reset, event in ((None, 111), (112, 111), (111, 111), (110, None)):
        status = Status()
        moment = status.end(10, 100, reset, fault)
        assert (moment and moment.cycle) == event
        assert status.registers()["CAUSE"] == (0x20003 if event else 0)
        assert status.registers()["STATUS"] == (4 if reset is None else 0)
    with pytest.raises(ValueError, match="it ran until cycle 110, and was reset in 109"):
        Status().end(10, 100, 109, None)


def test_memory_of_a_program_that_was_reset_is_explained_by_what_it_stored():
    before = np.zeros(8, np.uint8)
    stored = [(np.array([[2, 3], [3, 4]]), np.array([[5, 6], [7, 8]], np.uint8))]
    found = Outcome(before, None, stored, 0, 0, 0)
    for now, fine in (
        ([0, 0, 0, 0], True), ([5, 6, 0, 0], True), ([5, 7, 8, 0], True), ([0, 6, 8, 0], True),
        ([6, 0, 0, 0], False), ([5, 8, 0, 0], False), ([0, 0, 0, 8], False),
    ):  # fmt: skip
        assert found.explains(before, np.array([0, 0, *now, 0, 0], np.uint8)) == fine


def test_a_program_that_can_not_be_read_has_no_words():
    found = outcome(SMALL, np.zeros(1 << 12, np.uint8), 2, 5)
    assert found.fault and (found.fault.cause, found.fault.unit) == (Cause.FETCH_ERROR, NO_UNIT)
    assert (found.given, found.read, found.written, found.stored) == (0, 0, 0, [])
