"""The chart of the area: a bar whose parts are the design's roles, and under it a bar for each role.

Of two designs both stand on one scale, the second one paler: what is shorter is smaller.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from systola.report import numbers, svg
from systola.synthesis import FIRST

LEFT, WIDTH, RIGHT = 190, 560, 170
BAR, GAP, TOP = 15, 9, 28
MOST = 12  # rows
PALE = 0.45  # opacity of the second design
COLOURS = ("useful", "memory", "load", "waste", "fill", "dependency", "drain")
REST = "all others"

Sizes = dict[str, float]  # role -> what it takes, all its places


def sizes(result: Mapping[str, Any]) -> Sizes:
    """What each role takes, in the unit of the target's first cost."""
    key = FIRST[result["target"]]
    found: Sizes = {}
    for part in result["parts"]:
        found[part["role"]] = found.get(part["role"], 0.0) + part["own"].get(key, 0.0) * part["count"]
    return found


def roles(found: Sequence[Sizes]) -> list[str]:
    """The roles that have a row, the largest of any design first."""
    names = dict.fromkeys(name for each in found for name in each)
    return sorted(names, key=lambda name: -max(each.get(name, 0.0) for each in found))[:MOST]


def gathered(found: Sizes, shown: Sequence[str]) -> Sizes:
    """The roles that have a row, and the rest together."""
    rest = sum(size for name, size in found.items() if name not in shown)
    return {name: found.get(name, 0.0) for name in shown} | ({REST: rest} if rest else {})


def colour(index: int) -> str:
    return COLOURS[min(index, len(COLOURS) - 1)]


def amount(result: Mapping[str, Any]) -> str:
    """The design's first figure, in words."""
    name, figure = next(iter(result["figures"].items()))
    value = "" if figure["value"] is None else numbers.short(figure["value"])
    return f"{name} {value} {figure['unit']}".strip()


def bar(y: float, size: float, scale: float, kind: str, tip: str, second: bool) -> str:
    pale = {"fill_opacity": PALE} if second else {}
    return svg.rect(LEFT, y, size * scale, BAR, kind, tip, **pale)


def strip(y: float, found: Sizes, scale: float, second: bool, name: str, total: str) -> list[str]:
    """All of a design in one bar."""
    pale = {"fill_opacity": PALE} if second else {}
    parts, x = [svg.text(LEFT - 10, y + BAR - 3, numbers.label(name, 26), "small strong", "end")], float(LEFT)
    for index, (role, size) in enumerate(found.items()):
        parts.append(svg.rect(x, y, size * scale, BAR, f"cause {colour(index)}", role, **pale))
        x += size * scale
    return [*parts, svg.text(LEFT + WIDTH + RIGHT - 6, y + BAR - 3, total, "small strong", "end")]


def row(y: float, index: int, role: str, found: Sequence[Sizes], scale: float) -> list[str]:
    """Name of a role; of each design its bar, size and share."""
    middle = y + (BAR * len(found)) / 2 + 4
    parts = [svg.text(LEFT - 10, middle, numbers.label(role, 26), "small", "end")]
    for second, each in enumerate(found):
        size, top = each.get(role, 0.0), y + BAR * second
        share = numbers.percent(size / (sum(each.values()) or 1.0))
        words = f"{numbers.short(size)}, {share}"
        parts.append(bar(top, size, scale, colour(index), f"{role}: {words}", bool(second)))
        parts.append(svg.text(LEFT + WIDTH + RIGHT - 6, top + BAR - 3, words, "small", "end"))
    return parts


def draw(result: Mapping[str, Any]) -> str:
    """The picture of a design, or of two."""
    designs = [result, *([result["against"]] if "against" in result else [])]
    plain = [sizes(each) for each in designs]
    shown = roles(plain)
    found = [gathered(each, shown) for each in plain]
    scale = WIDTH / (max(sum(each.values()) for each in found) or 1.0)
    names = [each["design"]["name"] for each in designs]
    title = f"{' beside '.join(names)}, on {result['target']}: where the area goes"
    parts, y = [svg.text(LEFT, 17, title, "strong")], float(TOP)
    for second, each in enumerate(designs):
        parts += strip(y, found[second], scale, bool(second), names[second], amount(each))
        y += BAR + 3
    y += GAP
    for index, role in enumerate(dict.fromkeys(name for each in found for name in each)):
        parts += row(y, index, role, found, scale)
        y += BAR * len(found) + GAP
    return svg.picture(LEFT + WIDTH + RIGHT, y, parts, title)


def standalone(result: Mapping[str, Any]) -> str:
    """The picture as a file of its own."""
    return svg.standalone(draw(result))
