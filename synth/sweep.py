"""Equal clock, least area: every way that Yosys and ABC offer, each timed by OpenSTA, and the best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from golden import check
from sim import process
from synth.asic import MappedNetlist, map_asic
from synth.asic_script import FLAGS
from synth.liberty import Liberty
from synth.memories import MemoryModel
from synth.timing import SlowestPath, critical_path

TARGETS = (1.0, 0.6)  # ABC's target period, in parts of the wanted one
AIMS = ("area", "balanced", "speed")
THREADS = 2  # each of which waits for a tool


@dataclass(frozen=True, slots=True)
class Way:
    """One way: Yosys' flag for multipliers, ABC's aim, ABC's target period in ns."""

    flags: str
    aim: str
    target_ns: float

    @property
    def name(self) -> str:
        return f"{self.flags or 'default'}/{self.aim}/{self.target_ns:g} ns"


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of one way, timed at the wanted period."""

    way: Way
    mapped: MappedNetlist
    timing: SlowestPath

    @property
    def met(self) -> bool:
        return self.timing.met


@dataclass(frozen=True, slots=True)
class Sweep:
    """All that was tried, the ways in their order; `best` has the least area of those that meet the period.

    best    None where none meets it: `fastest` then says what can be had
    """

    period_ns: float
    tried: tuple[Tried, ...]

    @property
    def best(self) -> Tried | None:
        return min((one for one in self.tried if one.met), key=area, default=None)

    @property
    def fastest(self) -> Tried:
        return min(self.tried, key=lambda one: (one.timing.delay_ns or 0.0, area(one)))

    @property
    def by_flags(self) -> dict[str, Tried]:
        """The best of each way of building multipliers; where none of it meets the period, the fastest."""
        found = {}
        for flags in dict.fromkeys(one.way.flags for one in self.tried):
            part = Sweep(self.period_ns, tuple(one for one in self.tried if one.way.flags == flags))
            found[flags or "default"] = part.best or part.fastest
        return found


def area(one: Tried) -> float:
    return one.mapped.area_um2


def smallest_at(
    verilog: str,
    top: str,
    liberty: Liberty,
    folder: Path,
    period_ns: float,
    *,
    flatten: bool = True,
    flags: Sequence[str] = FLAGS,
    aims: Sequence[str] = AIMS,
    targets: Sequence[float] = TARGETS,
    dont_use: Sequence[str] = (),
    memory_model: MemoryModel | Path | None = None,
    threads: int = THREADS,
    said: Callable[[Way], None] = lambda way: None,
) -> Sweep:
    """Map `top` in every way and time each at `period_ns`; each has a folder of its own in `folder`.

    targets  ABC's target period, in parts of `period_ns`
    said     called after each way, for a progress bar
    raises   BadValue, SynthesisError, ToolMissing
    """
    if not period_ns > 0:
        raise check.fail("period_ns", period_ns, "over 0")
    ways = [Way(flag, aim, period_ns * target) for flag, aim, target in product(flags, aims, targets)]
    common = (verilog, top, liberty, folder, period_ns, flatten, tuple(dont_use), memory_model)
    if threads == 1:
        return Sweep(period_ns, tuple(each(attempt(way, *common), said) for way in ways))
    with process.pool(min(threads, len(ways))) as pool:
        waiting = [pool.submit(attempt, way, *common) for way in ways]
        return Sweep(period_ns, tuple(each(one.result(), said) for one in waiting))


def each(tried: Tried, said: Callable[[Way], None]) -> Tried:
    said(tried.way)
    return tried


def attempt(
    way: Way,
    verilog: str,
    top: str,
    liberty: Liberty,
    folder: Path,
    period_ns: float,
    flatten: bool,
    dont_use: tuple[str, ...],
    memory_model: MemoryModel | Path | None,
) -> Tried:
    """One way, in its own folder."""
    place = folder / way.name.replace("/", "_").replace(" ", "")
    mapped = map_asic(
        verilog,
        top,
        liberty,
        place,
        flatten=flatten,
        period_ns=way.target_ns,
        flags=way.flags,
        aim=way.aim,
        dont_use=dont_use,
        memory_model=memory_model,
    )
    return Tried(way, mapped, critical_path(mapped, liberty, place, period_ns))
