"""Activity of each net of a mapped netlist in a cycle, as the gate simulator counted it: for synth.power."""

from dataclasses import dataclass

import numpy as np

from golden.check import fail
from synth.gate_layout import Array, Layout
from synth.gate_simulator import GateRun

SOURCE = "toggles counted in a zero-delay simulation of the mapped netlist, without glitches"


@dataclass(frozen=True, slots=True)
class Activity:
    """Figures a cycle of a netlist's nets, averages over `cycles` of each of `runs` runs.

    toggles   transitions a cycle of each net
    duty      part of the cycles in which each net is 1
    accesses  reads and writes a cycle of each memory macro, by its ports
    """

    layout: Layout
    toggles: Array
    duty: Array
    accesses: dict[str, dict[str, float]]
    cycles: int
    runs: int
    source: str = SOURCE

    def nets(self) -> list[int]:
        """Nets that an input or a cell drives, without the clock's."""
        layout = self.layout
        counted = layout.driver_cell >= 0
        for is_input, nets in layout.ports.values():
            if is_input:
                counted[nets] = True
        counted[layout.clock_nets] = False
        counted[:2] = False
        return [int(net) for net in np.flatnonzero(counted)]

    def mean(self) -> float:
        """Transitions a cycle of the mean net that a cell drives."""
        return float(self.toggles[self.layout.driver_cell >= 0].mean())


def activity(layout: Layout, run: GateRun) -> Activity:
    """The averages of a run; BadValue if its window was empty."""
    if not run.counted:
        raise fail("window", "empty", "cycles that are run")
    cycles = run.counted * run.runs
    accesses = {
        memory: {port: count / cycles for port, count in ports.items()}
        for memory, ports in run.accesses.items()
    }
    return Activity(layout, run.toggles / cycles, run.ones / cycles, accesses, run.counted, run.runs)


def uniform(layout: Layout, toggles: float, duty: float = 0.5) -> Activity:
    """A guess, the same for every net: to show beside what was counted, never instead of it."""
    every = np.full(layout.nets, toggles)
    source = f"a guess: {toggles:g} for every net"
    return Activity(layout, every, np.full(layout.nets, duty), {}, 0, 0, source)
