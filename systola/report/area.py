"""Where the area goes: a bar whose parts are the design's roles, and under it the parts of each."""

from collections.abc import Mapping
from typing import Any

from systola.report import numbers, svg

LEFT, WIDTH, RIGHT = 190, 620, 110
ROW, BAR, TOP = 24, 15, 58
MOST = 12  # rows
COLOURS = ("useful", "memory", "load", "tile_waste", "fill", "dependency", "drain")


def shares(result: Mapping[str, Any]) -> dict[str, float]:
    """Share of each role, the largest first; what has no row of its own together."""
    found: dict[str, float] = {}
    for part in result["parts"]:
        found[part["role"]] = found.get(part["role"], 0.0) + part["share"]
    ordered = sorted(found.items(), key=lambda item: -item[1])
    rest = sum(share for _, share in ordered[MOST:])
    return dict(ordered[:MOST]) | ({"all others": rest} if rest else {})


def colour(index: int) -> str:
    return COLOURS[min(index, len(COLOURS) - 1)]


def title(result: Mapping[str, Any]) -> str:
    """What the picture shows."""
    design = result["design"]["name"]
    name, figure = next(iter(result["figures"].items()))
    value = "" if figure["value"] is None else f", {name} {numbers.short(figure['value'])} {figure['unit']}"
    return f"{design} on {result['target']}{value}"


def strip(found: Mapping[str, float]) -> list[str]:
    """All of it in one bar."""
    parts, x = [], float(LEFT)
    for index, (role, share) in enumerate(found.items()):
        tip = f"{role} {numbers.percent(share)}"
        parts.append(svg.rect(x, 28, share * WIDTH, BAR, f"cause {colour(index)}", tip))
        x += share * WIDTH
    return parts


def row(index: int, role: str, share: float) -> list[str]:
    """Name, bar and share of a role."""
    y = TOP + ROW * index
    base = y + BAR - 3
    return [
        svg.text(LEFT - 10, base, numbers.label(role, 26), "small", "end"),
        svg.rect(LEFT, y, share * WIDTH, BAR, colour(index), f"{role} {numbers.percent(share)}"),
        svg.text(LEFT + WIDTH + RIGHT - 6, base, numbers.percent(share), "small strong", "end"),
    ]


def draw(result: Mapping[str, Any]) -> str:
    """The picture."""
    found = shares(result)
    rows = [part for i, (role, share) in enumerate(found.items()) for part in row(i, role, share)]
    height = TOP + ROW * len(found) + 10
    words = title(result)
    parts = [svg.text(LEFT, 17, words, "strong"), *strip(found), *rows]
    return svg.picture(LEFT + WIDTH + RIGHT, height, parts, f"where the area goes: {words}")


def standalone(result: Mapping[str, Any]) -> str:
    """The picture as a file of its own; two, one under the other, where there are two designs."""
    return svg.standalone(draw(result))
