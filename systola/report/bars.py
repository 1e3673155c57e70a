"""Where the cycles went: one bar a layer, its parts named causes that add up to 100 %."""

from collections.abc import Sequence

from mapping.result import CAUSES
from systola.report import numbers, svg
from systola.report.schema import Layer

ROW, BAR = 22, 14  # height of a layer's row, of its bar
LEFT, WIDTH, RIGHT = 190, 620, 150  # columns: name, bar, figures
TOP = 44

TIMES = "\N{MULTIPLICATION SIGN}"


def utilisation(layer: Layer) -> float:
    """Share of the array's cycles that did useful work."""
    return layer["losses"]["useful"]


def groups(layers: Sequence[Layer]) -> list[tuple[Layer, int]]:
    """Layers of one shape and one set of losses drawn as one bar, and how many they are."""
    found: dict[object, tuple[Layer, int]] = {}
    for layer in layers:
        key = (
            layer["operator"],
            layer["m"],
            layer["n"],
            layer["k"],
            layer["batch"],
            *layer["losses"].values(),
        )
        first, many = found.get(key, (layer, 0))
        found[key] = (first, many + 1)
    return list(found.values())


def legend(y: float) -> list[str]:
    """The causes and their colours, in a row."""
    parts, x = [], float(LEFT)
    for cause, meaning in CAUSES.items():
        parts += [
            svg.rect(x, y - 9, 10, 10, f"cause {cause}", meaning, rx=2),
            svg.text(x + 15, y, cause, "small"),
        ]
        x += 36 + svg.LETTER * len(cause)
    return parts


def bar(layer: Layer, y: float) -> list[str]:
    """The parts of one layer's bar, side by side."""
    parts, x = [], float(LEFT)
    for cause in CAUSES:
        share = layer["losses"].get(cause, 0)
        tip = f"{layer['name']}: {cause} {numbers.percent(share)}, {CAUSES[cause]}"
        if share > 0:
            parts.append(svg.rect(x, y, share * WIDTH, BAR, f"cause {cause}", tip))
        x += share * WIDTH
    return parts


def row(layer: Layer, many: int, y: float) -> list[str]:
    """Name, bar, utilisation and cycles of a layer."""
    name = numbers.label(layer["name"], 25)
    words = f"{name} {TIMES}{many}" if many > 1 else name
    base = y + BAR - 3
    return [
        svg.text(LEFT - 10, base, words, "small", "end"),
        *bar(layer, y),
        svg.text(LEFT + WIDTH + 62, base, numbers.percent(utilisation(layer)), "small strong", "end"),
        svg.text(
            LEFT + WIDTH + RIGHT - 6, base, numbers.short(layer["compute_cycles"] * many), "small dim", "end"
        ),
    ]


def axis(height: float) -> list[str]:
    """Lines at each quarter."""
    parts = []
    for quarter in range(5):
        x = LEFT + WIDTH * quarter / 4
        parts += [
            svg.line(x, TOP - 6, x, height - 20, "grid"),
            svg.text(x, height - 6, f"{25 * quarter} %", "small dim", "middle"),
        ]
    return parts


def draw(layers: Sequence[Layer]) -> str:
    """The picture: layers that are alike share a bar."""
    rows = groups(layers)
    height = TOP + ROW * len(rows) + 26
    heads = [
        svg.text(LEFT + WIDTH + 62, TOP - 26, "used", "small dim", "end"),
        svg.text(LEFT + WIDTH + RIGHT - 6, TOP - 26, "cycles", "small dim", "end"),
    ]
    drawn = [part for i, (layer, many) in enumerate(rows) for part in row(layer, many, TOP + ROW * i)]
    parts = [*legend(TOP - 26), *heads, *axis(height), *drawn]
    return svg.picture(LEFT + WIDTH + RIGHT, height, parts, "where the array's cycles went, layer by layer")
