"""Reproductions of values and counts: papers whose claims need no cells, so no library and no clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from systola.reproduction.claims import Claim, judged


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedSystem:
    """The members that `reproduce` needs of such a paper.

    found  gives {"claims": [(Claim, value)], "tables": as of any system, "curves": systola.report.curves}
    source where its figures come from, by kind
    """

    name: str
    title: str
    paper: str
    claim: str
    notes: Sequence[str]
    source: dict[str, str]
    found: Callable[[], dict[str, Any]]


def exactly(what: str, source: str, published: float, why: str = "") -> Claim:
    """A claim that only the published figure meets."""
    return Claim(what=what, source=source, published=published, band=(published, published), why=why)


def result_of(system: CountedSystem) -> dict[str, Any]:
    """What `--json` prints."""
    found = system.found()
    return {
        "system": system.name,
        "title": system.title,
        "paper": system.paper,
        "paper_claims": system.claim,
        "claims": [judged(claim, value) for claim, value in found["claims"]],
        "tables": found["tables"],
        "curves": found["curves"],
        "sources": system.source,
        "notes": list(system.notes),
    }
