"""The schema of a report's content: plain dicts, lists, numbers and text, so that it can be kept as JSON too.

A figure always has a `source`: "RTL" (counted in the Verilated design), "golden" (the exact closed form),
"model" (an approximation, its error in the report's text) or the name of another program.
"""

from typing import NotRequired, TypedDict


class Headline(TypedDict):
    """A headline number. value: ready to read, with its unit: "99.2 %", "0.68 M cycles"."""

    label: str
    value: str
    source: str
    note: NotRequired[str]


def figure(label: str, value: str, source: str, note: str | None = None) -> Headline:
    """One figure."""
    found = Headline(label=label, value=value, source=source)
    return found if note is None else {**found, "note": note}


class ToolEntry(TypedDict):
    name: str
    version: str
    used_for: str


class Answers(TypedDict):
    """A table of answers beside the float reference's. Numbers in rows are shown as given: format them."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    source: str


class OperationRow(TypedDict):
    """A row of a program. shape: what is multiplied, or "". cycles: predicted, as mapping.result has them."""

    name: str
    kind: str
    unit: str
    shape: str
    commands: int
    cycles: int


class Timeline(TypedDict):
    """busy, waiting: of each unit the intervals [first cycle, end), in order, out of `cycles`."""

    cycles: int
    busy: dict[str, list[tuple[int, int]]]
    waiting: dict[str, list[tuple[int, int]]]


class ProgramReport(TypedDict):
    """A network's run on an accelerator, from start to interrupt.

    cycles     counted by the RTL; predicted: by the model of the units
    losses     cause (mapping.result.CAUSES) -> share of the predicted cycles; they add up to 1
    operations in the order of the program
    """

    cycles: int
    predicted: int
    losses: dict[str, float]
    operations: list[OperationRow]
    timeline: Timeline


class NetworkReport(TypedDict):
    """about: a sentence. engine: what ran it. host: what ran outside the accelerator."""

    name: str
    about: str
    engine: str
    figures: list[Headline]
    answers: list[Answers]
    program: ProgramReport
    host: str


class DesignReport(TypedDict):
    """facts: (what, value) rows of the design's table."""

    name: str
    facts: list[tuple[str, str]]


class Wavefront(TypedDict):
    """The array, cycle by cycle.

    states   [cycles][rows][cols] of 0 idle, 1 loading, 2 multiplying, 3 multiplying padding
    labels   the same shape, a short text in the PE such as "a02", or absent
    """

    title: str
    note: str
    rows: int
    cols: int
    states: list[list[list[int]]]
    labels: NotRequired[list[list[list[str]]]]


class Written(TypedDict):
    """A file that stands beside the report."""

    path: str
    what: str
    bytes: int


class Report(TypedDict):
    """ok: did all agree. verdict: one sentence that says so."""

    title: str
    ok: bool
    verdict: str
    design: DesignReport
    tools: list[ToolEntry]
    figures: list[Headline]
    networks: list[NetworkReport]
    wavefront: Wavefront | None
    files: list[Written]
    command: str


STATES = ("idle", "loading", "multiplying", "padding")
