"""Measurements: jobs, forms of parts, blocks of parts; their results; their places."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from golden import check
from hw.emit import Definition
from sim.tools import ToolMissing, on_path
from synth.asic_script import FLAGS
from synth.flow import library_of
from synth.liberty import Liberty, check_files, default_liberty

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Stimulus:
    """The stimulus of a module for its power, in 64 runs, and what it must give, which shows that it ran
    well.

    ports     [cycles, runs] integers, of Python where they are over 64 bits; by name
    output    the port that is watched; it holds expected[i] (codes, [n, runs]) in cycle at[i]
    counted   cycles, from the first, whose toggles count
    """

    ports: Mapping[str, Array]
    output: str
    expected: Array
    at: Array
    counted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way to build a part. key: tells its parameters whole; job: made only when it is simulated."""

    label: str
    key: str
    definition: Callable[[], Definition]
    job: Callable[[], Stimulus]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPart:
    """A module that is synthesised by itself; the smallest of its forms counts.

    broadcast  what drives its inputs stands in another part and drives all copies of this one: the power of
               its inputs' nets is added
    """

    name: str
    forms: tuple[Form, ...]
    flags: tuple[str, ...] = FLAGS
    broadcast: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block under comparison: its parts, and how often each stands in it.

    macs       products that it does in a cycle
    inside     in words: formats, width of the running sum, what is counted
    """

    name: str
    parts: tuple[tuple[BlockPart, int], ...]
    macs: float
    inside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCost:
    """The cost of a part: um2, mW at the clock; met: whether it reaches it; ways: all that were tried."""

    part: str
    area_um2: float
    sequential_um2: float
    power_mw: float
    delay_ns: float
    met: bool
    used: str
    ways: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTotal:
    """Figures of a block: sums over its parts; per product and cycle."""

    name: str
    inside: str
    macs: float
    area_um2: float
    power_mw: float
    delay_ns: float
    met: bool
    parts: list[dict[str, Any]]
    period_ns: float

    @property
    def area_per_mac(self) -> float:
        """um2 for one product a cycle."""
        return self.area_um2 / self.macs

    @property
    def energy_pj(self) -> float:
        """Energy of a product."""
        return self.power_mw * self.period_ns / self.macs

    def share(self, part: str) -> float:
        """Share of the area of the parts whose names begin so."""
        areas = (
            float(each["area_um2"]) * each["count"] for each in self.parts if each["part"].startswith(part)
        )
        return float(sum(areas) / self.area_um2)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where blocks are measured: a library, a clock."""

    liberty: Liberty
    files: tuple[str, ...]
    period_ns: float

    @classmethod
    def of(cls, liberty: Sequence[Path], period_ns: float) -> "Conditions":
        """Of a library's files, none: Debian's OSU 0.18 um; BadValue where it or OpenSTA is missing."""
        check_files(liberty)
        try:
            paths = list(liberty) or [default_liberty()]
        except ToolMissing:
            raise check.fail("Liberty", "missing", "--liberty FILE, or Debian's qflow-tech-osu018") from None
        if on_path("sta", "-version") is None:
            raise check.fail("OpenSTA", "missing", "sta on PATH (Debian: opensta)")
        hashes = tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
        return cls(library_of(paths), hashes, period_ns)
