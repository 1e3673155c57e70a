"""Lines over lengths that double: the picture of a reproduction of values and counts."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from systola.report import svg

LEFT, WIDTH, RIGHT = 60, 560, 250
TOP, HEIGHT, BELOW = 50, 240, 50
KINDS = ("useful", "memory", "waste", "drain", "load", "fill", "dependency")  # colours, line by line
DOT, STEPS = 6, 4  # size of a point; lines across
JOINED = "#8a94a6"  # between two points, on light and dark


def standalone(result: Mapping[str, Any]) -> str:
    """The picture as a file of its own: each of result["curves"], one below the other."""
    return svg.standalone(draw(result))


def draw(result: Mapping[str, Any]) -> str:
    curves = result["curves"]
    parts: list[str] = []
    for index, each in enumerate(curves):
        parts += curve(each, index * (TOP + HEIGHT + BELOW))
    height = len(curves) * (TOP + HEIGHT + BELOW)
    return svg.picture(LEFT + WIDTH + RIGHT, height, parts, result["title"])


def curve(given: Mapping[str, Any], y: float) -> list[str]:
    """Axes, lines and names of one. x doubles; y is linear from 0, or doubles too ("log")."""
    points = [point for line in given["lines"] for point in line["points"]]
    xs = sorted({x for x, _ in points})
    place = Places([x for x, _ in points], [value for _, value in points], y + TOP, bool(given.get("log")))
    parts = [svg.text(12, y + 22, given["title"], "strong"), *axes(given, xs, place, y + TOP)]
    for index, line in enumerate(given["lines"]):
        parts += drawn(line, place, KINDS[index % len(KINDS)], index, y + TOP)
    return parts


class Places:
    """Where a point stands."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float], top: float, log: bool):
        self.low, self.high = math.log2(min(xs)), math.log2(max(xs))
        self.top, self.log = top, log
        self.least = math.log2(min(ys)) if log else 0.0
        self.most = math.log2(max(ys)) if log else max(ys)

    def x(self, value: float) -> float:
        return LEFT + WIDTH * (math.log2(value) - self.low) / ((self.high - self.low) or 1)

    def y(self, value: float) -> float:
        scaled = math.log2(value) if self.log else value
        return self.top + HEIGHT * (1 - (scaled - self.least) / ((self.most - self.least) or 1))

    def marks(self) -> list[float]:
        """Values at the lines across."""
        each = [self.least + (self.most - self.least) * step / STEPS for step in range(STEPS + 1)]
        return [2.0**value if self.log else value for value in each]


def axes(given: Mapping[str, Any], xs: Sequence[float], place: Places, top: float) -> list[str]:
    """A line across at each mark, a word below at each length."""
    parts = [svg.text(LEFT + WIDTH + 8, top + HEIGHT + 16, given["x"], "small dim"),
             svg.text(LEFT, top - 8, given["y"], "small dim", "end")]  # fmt: skip
    for value in place.marks():
        y = place.y(value)
        parts += [svg.line(LEFT, y, LEFT + WIDTH, y, "grid"),
                  svg.text(LEFT - 6, y + 4, f"{value:.3g}", "small dim", "end")]  # fmt: skip
    return parts + [svg.text(place.x(x), top + HEIGHT + 16, f"{x:g}", "small dim", "middle") for x in xs]


def drawn(line: Mapping[str, Any], place: Places, kind: str, index: int, top: float) -> list[str]:
    """Points with their values as hints, joined; the name on the right."""
    at = [(place.x(x), place.y(value)) for x, value in line["points"]]
    joined = [
        svg.element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=JOINED, stroke_width=1.5)
        for (x1, y1), (x2, y2) in pairwise(at)
    ]
    dots = [
        svg.rect(x - DOT / 2, y - DOT / 2, DOT, DOT, kind, f"{line['name']}, {length:g}: {value:.4g}")
        for (x, y), (length, value) in zip(at, line["points"], strict=True)
    ]
    y = top + 14 + 18 * index
    x = LEFT + WIDTH + 16
    return [*joined, *dots, svg.rect(x, y - 9, 10, 10, kind), svg.text(x + 15, y, line["name"], "small")]
