"""A paper's claims beside ours, and each block's area and energy for a product over its baseline's."""

from collections.abc import Mapping, Sequence
from typing import Any

from systola.report import numbers, svg

LEFT, WIDTH, RIGHT = 270, 540, 110
BAR, GAP, TOP, GROUP = 11, 13, 74, 36
NAME, LINE = 470, 22  # of the claims: width of the names, height of a row
COUNTED = 10.0  # what is published above this is a count, not a ratio
COLOURS = {"met": "useful", "beaten": "useful", "not met": "waste"}
FIGURES = (("area_per_mac_um2", "area", "useful"), ("energy_pj", "energy", "memory"))


def relative(block: Mapping[str, Any], figure: str) -> float:
    """To the paper's baseline, which is 1."""
    return 1 / float(block["over"]["paper"][figure])


def draw(result: Mapping[str, Any]) -> str:
    """The picture: blocks, and below them the claims."""
    blocks = result["blocks"]
    most = max(1.0, *(relative(block, figure) for block in blocks for _, figure, _ in FIGURES))
    bottom = TOP + GROUP * len(blocks) + 24
    words = f"{result['title']}: {result['library']}, {result['clock_mhz']:g} MHz"
    parts = [svg.text(12, 18, words, "strong"), *legend(), *axis(most, bottom)]
    for index, block in enumerate(blocks):
        parts += row(block, TOP + GROUP * index, most)
    compared = [claim for claim in result["claims"] if claim["value"] is not None and is_ratio(claim)]
    parts += claims(compared, bottom + 30)
    height = bottom + 44 + LINE * len(compared)
    return svg.picture(LEFT + WIDTH + RIGHT, height, parts, words)


def is_ratio(claim: Mapping[str, Any]) -> bool:
    """Whether there is a published ratio."""
    return claim["published"] is not None and claim["published"] < COUNTED


def claims(given: Sequence[Mapping[str, Any]], y: float) -> list[str]:
    """A bar for each ratio, and a line where the published one is."""
    if not given:
        return []
    most = max(max(claim["value"], claim["published"]) for claim in given)
    parts = [svg.text(12, y, "ratios here; the line is the published one", "small strong")]
    for index, claim in enumerate(given):
        top = y + 10 + LINE * index
        ends = [NAME + (LEFT + WIDTH - NAME) * claim[key] / most for key in ("value", "published")]
        tip = f"{claim['what']}: {claim['value']:.3f}, published {claim['published']:g}: {claim['verdict']}"
        parts += [
            svg.text(NAME - 10, top + BAR - 1, claim["what"], "small", "end"),
            svg.rect(NAME, top, ends[0] - NAME, BAR, COLOURS.get(claim["verdict"], "drain"), tip),
            svg.line(ends[1], top - 3, ends[1], top + BAR + 3, "now"),
            svg.text(max(ends) + 8, top + BAR - 1, f"{claim['value']:.2f}", "small"),
        ]
    return parts


def legend() -> list[str]:
    """Colours, and what the numbers are."""
    return [
        svg.rect(12, 33, 10, 10, "useful", rx=2), svg.text(27, 42, "area of a product a cycle", "small"),
        svg.rect(200, 33, 10, 10, "memory", rx=2), svg.text(215, 42, "energy of a product", "small"),
        svg.text(LEFT + 120, 42, "1: the paper's baseline; less is better", "small dim"),
    ]  # fmt: skip


def axis(most: float, height: float) -> list[str]:
    """A line at each half, or at each whole where there are many."""
    step = 0.5 if most <= 4 else max(1, round(most / 8))
    places = [step * i for i in range(int(most / step) + 1)]
    found = []
    for place in places:
        x = LEFT + WIDTH * place / most
        found += [svg.line(x, TOP - 8, x, height - 20, "grid"),
                  svg.text(x, height - 6, f"{place:g}", "small dim", "middle")]  # fmt: skip
    return found


def row(block: Mapping[str, Any], y: float, most: float) -> list[str]:
    """Name and two bars, each with its ratio."""
    label = block["name"] if block["met"] else f"{block['name']} (late)"
    parts = [svg.text(LEFT - 10, y + GAP + 2, numbers.label(label, 40), "small", "end")]
    for index, (key, figure, colour) in enumerate(FIGURES):
        value, top = relative(block, figure), y + GAP * index
        end = LEFT + WIDTH * value / most
        base = block["over"]["paper"]["block"]
        tip = f"{block['name']}: {figure} {numbers.three(block[key])}, {value:.2f} of {base}"
        parts += [svg.rect(LEFT, top, end - LEFT, BAR, colour, tip),
                  svg.text(end + 6, top + BAR - 1, f"{value:.2f}", "small")]  # fmt: skip
    return parts


def standalone(result: Mapping[str, Any]) -> str:
    """The picture as a file of its own."""
    return svg.standalone(draw(result))
