"""The cost of a design out of the cost library: each distinct part synthesised once, times its places.

What is lost against synthesis of the whole is what optimisation would find across the borders of parts that
both hold logic; how much that is, `benchmarks/composition.py` measures.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from golden.progress import Progress, untold
from sim import process
from synth import hierarchy, store, yosys
from synth.borders import Part
from synth.hierarchy import JOBS, Own


@dataclass(frozen=True, slots=True)
class PartCost:
    """figures: name -> value; kinds: kind of cell -> how many and their area, if they have one."""

    figures: Mapping[str, float]
    kinds: Mapping[str, tuple[int, float]]

    def __add__(self, other: "PartCost") -> "PartCost":
        figures = Counter(self.figures)
        figures.update(other.figures)
        names = {**self.kinds, **other.kinds}
        none = (0, 0.0)
        kinds = {name: (self.kinds.get(name, none), other.kinds.get(name, none)) for name in names}
        return PartCost(dict(figures), {name: (a[0] + b[0], a[1] + b[1]) for name, (a, b) in kinds.items()})

    def times(self, many: int) -> "PartCost":
        kinds = {name: (count * many, area * many) for name, (count, area) in self.kinds.items()}
        return PartCost({name: value * many for name, value in self.figures.items()}, kinds)


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part: how often it stands in the design, what its own logic costs once."""

    part: Part
    count: int
    cost: PartCost


@dataclass(frozen=True, slots=True)
class Composition:
    """total: the design's cost; lines: its parts, the top's first; made: how many were not in the store."""

    total: PartCost
    lines: tuple[PartLine, ...]
    made: int


Measure = Callable[[Own], PartCost]


@cache
def sources() -> str:
    """Hash of the files of this room: how a tool is run decides what it gives."""
    here = Path(__file__).parent
    files = sorted(path for path in here.rglob("*") if path.suffix in (".py", ".cpp"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def explored(verilog: str, top: str, update: Progress) -> dict[Part, Own]:
    """The parts of `top`, from the store where they are there."""

    def make() -> list[dict[str, Any]]:
        return [
            asdict(each) for each in hierarchy.explore(verilog, top, lambda what: update(what, 0, 0)).values()
        ]

    found = store.remembered(["parts", verilog, top, yosys.version(), sources()], make)
    return {own.part: own for own in map(read_own, found)}


def read_part(value: Mapping[str, Any]) -> Part:
    """What asdict made of a part, back."""
    ties, opens = (tuple((name, tuple(bits)) for name, bits in value[key]) for key in ("ties", "opens"))
    return Part(value["module"], ties, opens)


def read_own(value: Mapping[str, Any]) -> Own:
    children = tuple((name, read_part(part)) for name, part in value["children"])
    return Own(read_part(value["part"]), value["verilog"], children)


def entry(own: Own, measure: Measure, depends: object) -> tuple[PartCost, bool]:
    """The cost of a part's own logic, and whether it was made now."""
    made = []

    def make() -> dict[str, Any]:
        made.append(own)
        return asdict(measure(own))

    value = store.remembered(["entry", own.verilog, own.part.module, depends, sources()], make)
    kinds = {name: (int(count), float(area)) for name, (count, area) in value["kinds"].items()}
    return PartCost(value["figures"], kinds), bool(made)


def compose(
    verilog: str, top: str, measure: Measure, depends: object, update: Progress = untold
) -> Composition:
    """The cost of module `top` of `verilog`.

    measure  gives the cost of a part's own logic, by synthesis
    depends  what that depends on beside the Verilog: target, options, versions; json can write it
    update   told of each part
    raises   what `measure` raises
    """
    parts = explored(verilog, top, update)
    many = hierarchy.counts(parts, Part(top))
    done = 0

    def one(own: Own) -> tuple[PartCost, bool]:
        nonlocal done
        update(own.part.module, done, len(parts))
        found = entry(own, measure, depends)
        done += 1
        return found

    with process.pool(JOBS) as pool:
        costs = list(pool.map(one, parts.values()))
    lines = tuple(PartLine(part, many[part], cost) for part, (cost, _) in zip(parts, costs, strict=True))
    total = sum((line.cost.times(line.count) for line in lines), PartCost({}, {}))
    return Composition(total, lines, sum(made for _, made in costs))
