"""The array, cycle by cycle: one frame as a picture, and how many PEs work in each cycle."""

from collections.abc import Sequence

from systola.report import svg
from systola.report.schema import STATES, Wavefront

CELL, GAP = 34, 4
STRIP = (560, 64)  # size of the occupancy strip


def frame(wave: Wavefront, cycle: int) -> str:
    """The array in one cycle."""
    step = CELL + GAP
    parts = [svg.rect(0, 0, wave["cols"] * step + 2 * GAP, wave["rows"] * step + 2 * GAP, "board", rx=6)]
    for r, states in enumerate(wave["states"][cycle]):
        for c, state in enumerate(states):
            parts.append(cell(r, c, state, label(wave, cycle, r, c)))
    return svg.picture(
        wave["cols"] * step + 2 * GAP, wave["rows"] * step + 2 * GAP, parts, f"the array in cycle {cycle}"
    )


def cell(r: int, c: int, state: int, words: str) -> str:
    x, y = (i * (CELL + GAP) + GAP * 1.5 for i in (c, r))
    box = svg.rect(x, y, CELL, CELL, f"pe {STATES[state]}", rx=5)
    return box + svg.text(x + CELL / 2, y + CELL / 2 + 4, words, "pe-label", "middle")


def label(wave: Wavefront, cycle: int, r: int, c: int) -> str:
    return wave["labels"][cycle][r][c] if "labels" in wave else ""


def tally(wave: Wavefront) -> list[list[int]]:
    """For each cycle, how many PEs are in each of `STATES`."""
    return [
        [sum(row.count(state) for row in rows) for state in range(len(STATES))] for rows in wave["states"]
    ]


def strip(wave: Wavefront) -> str:
    """PEs loading, multiplying and multiplying padding over time, stacked."""
    width, height = STRIP
    counts, pes = tally(wave), wave["rows"] * wave["cols"]
    step = width / len(counts)
    parts = [svg.rect(0, 0, width, height, "board")]
    for cycle, numbers in enumerate(counts):
        base = float(height)
        for state in (2, 3, 1):
            tall = numbers[state] / pes * height
            base -= tall
            if tall:
                parts.append(svg.rect(cycle * step, base, step + 0.15, tall, f"pe {STATES[state]}"))
    parts.append(svg.line(0, 0, 0, height, "now"))
    return svg.picture(width, height, parts, "PEs at work in each cycle")


def film(wave: Wavefront, cycles: Sequence[int]) -> str:
    """Some frames side by side, each under its cycle: for a page that cannot move."""
    step = CELL + GAP
    wide, high = wave["cols"] * step + 2 * GAP + 18, wave["rows"] * step + 2 * GAP
    parts = []
    for i, cycle in enumerate(cycles):
        cells = [
            cell(r, c, state, label(wave, cycle, r, c))
            for r, row in enumerate(wave["states"][cycle])
            for c, state in enumerate(row)
        ]
        box = svg.rect(0, 0, wide - 18, high, "board", rx=6)
        parts.append(
            svg.element(
                "g",
                [svg.text(2, -8, f"cycle {cycle}", "small"), box, *cells],
                transform=f"translate({i * wide} 24)",
            )
        )
    return svg.picture(wide * len(cycles) - 18, high + 26, parts, "the array in some cycles")


def compact(wave: Wavefront) -> list[str]:
    """The states for the page's script: one digit a PE, one string a cycle."""
    return ["".join(str(state) for row in rows for state in row) for rows in wave["states"]]
