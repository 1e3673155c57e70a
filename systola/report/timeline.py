"""The timeline of the units: a lane a unit, from start to interrupt, as the RTL's outputs had it."""

from collections.abc import Sequence

import numpy as np

from mapping.result import CAUSES
from systola.report import numbers, svg
from systola.report.schema import ProgramReport, Timeline

BINS = 480  # columns of the picture: what is shorter is drawn by how much of its column it fills
LEFT, WIDTH, RIGHT = 80, 800, 90
LANE, BAR, TOP = 34, 22, 30
STRIP = 46  # height of the losses' picture


def shares(intervals: Sequence[tuple[int, int]], cycles: int, bins: int) -> np.ndarray:
    """Of each of `bins` equal parts of `cycles`, the share that the intervals cover: float64 [bins]."""
    edges = np.linspace(0, cycles, bins + 1)
    if not intervals:
        return np.zeros(bins)
    spans = np.asarray(intervals, float)
    # covered up to each edge: the intervals are in order and do not overlap
    lengths = np.concatenate([[0.0], np.cumsum(spans[:, 1] - spans[:, 0])])
    index = np.searchsorted(spans[:, 0], edges, side="right")
    inside = np.where(index > 0, edges - spans[np.maximum(index - 1, 0), 1], 0.0)
    covered = lengths[index] + np.minimum(inside, 0.0)
    return np.clip(np.diff(covered) / (cycles / bins), 0.0, 1.0)


def lane(name: str, timeline: Timeline, y: float) -> list[str]:
    """A unit's lane: at work below, waiting for tokens above it, each as high as its share."""
    cycles = timeline["cycles"]
    bins = min(BINS, max(cycles, 1))
    step = WIDTH / bins
    parts = [svg.text(LEFT - 10, y + BAR - 6, name, "small", "end"), svg.rect(LEFT, y, WIDTH, BAR, "board")]
    work = shares(timeline["busy"].get(name, []), cycles, bins)
    wait = np.minimum(shares(timeline["waiting"].get(name, []), cycles, bins), 1 - work)
    for kind, lower, share in (("useful", np.zeros(bins), work), ("fill", work, wait)):
        parts += runs(kind, lower, share, y, step)
    total = sum(end - first for first, end in timeline["busy"].get(name, []))
    used = numbers.percent(total / cycles)
    return [*parts, svg.text(LEFT + WIDTH + RIGHT - 6, y + BAR - 6, used, "small strong", "end")]


def runs(kind: str, lower: np.ndarray, share: np.ndarray, y: float, step: float) -> list[str]:
    """One rectangle for neighbours that are alike."""
    parts, first = [], 0
    levels = np.round(np.stack([lower, share]), 2)
    for i in range(1, levels.shape[1] + 1):
        if i < levels.shape[1] and (levels[:, i] == levels[:, first]).all():
            continue
        bottom, high = levels[0, first], levels[1, first]
        if high > 0:
            top = y + BAR * (1 - bottom - high)
            parts.append(svg.rect(LEFT + first * step, top, (i - first) * step, BAR * float(high), kind))
        first = i
    return parts


def draw(timeline: Timeline) -> str:
    """The picture."""
    height = TOP + LANE * len(timeline["busy"]) + 24
    parts = [
        svg.rect(LEFT, 6, 10, 10, "useful", rx=2), svg.text(LEFT + 15, 15, "does a command", "small"),
        svg.rect(LEFT + 130, 6, 10, 10, "fill", rx=2),
        svg.text(LEFT + 145, 15, "its next command waits for a token", "small"),
        svg.text(LEFT + WIDTH + RIGHT - 6, 15, "busy", "small dim", "end"),
    ]  # fmt: skip
    for index, name in enumerate(timeline["busy"]):
        parts += lane(name, timeline, TOP + LANE * index)
    for quarter in range(5):
        x = LEFT + WIDTH * quarter / 4
        words = numbers.short(timeline["cycles"] * quarter / 4)
        parts += [
            svg.line(x, TOP - 4, x, height - 20, "grid"),
            svg.text(x, height - 6, words, "small dim", "middle"),
        ]
    return svg.picture(LEFT + WIDTH + RIGHT, height, parts, "what each unit did from start to interrupt")


def losses(program: ProgramReport) -> str:
    """Where all cycles of the program go: one bar whose parts add up to 100 %."""
    parts, x, key = [], float(LEFT), float(LEFT)
    for cause, share in program["losses"].items():
        words, meaning = f"{cause} {numbers.percent(share)}", CAUSES[cause]
        if share > 0:
            parts.append(svg.rect(x, 22, share * WIDTH, BAR, f"cause {cause}", f"{words}: {meaning}"))
        parts.append(svg.rect(key, 3, 10, 10, f"cause {cause}", meaning, rx=2))
        parts.append(svg.text(key + 15, 12, words, "small"))
        x += share * WIDTH
        key += 34 + svg.LETTER * len(words)
    return svg.picture(LEFT + WIDTH + RIGHT, STRIP, parts, "where the cycles go")
