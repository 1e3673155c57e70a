"""Roofline: what a layer may reach at its multiply-accumulates per byte, and what it does reach.

    rate <= min(PEs, bytes_per_cycle * intensity)        multiply-accumulates per cycle, both axes logarithmic

Source: Williams, Waterman, Patterson, CACM 2009.
"""

import math
from collections.abc import Sequence

from systola.report import numbers, svg
from systola.report.bars import TIMES
from systola.report.schema import Design, Layer

WIDTH, HEIGHT = 960, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 24, 52

Box = tuple[float, float, float, float]  # left, top, right, bottom


def intensity(layer: Layer) -> float:
    """Multiply-accumulates per byte moved."""
    return macs(layer) / (layer["bytes_read"] + layer["bytes_written"])


def macs(layer: Layer) -> int:
    return layer["m"] * layer["n"] * layer["k"] * layer["batch"]


def rate(layer: Layer) -> float:
    """Multiply-accumulates per cycle, transfers included."""
    return macs(layer) / layer["cycles"]


class Plane:
    """Both logarithmic axes: whole decades on x; powers of two below the roof on y."""

    def __init__(self, design: Design, layers: Sequence[Layer]):
        self.peak = design["rows"] * design["cols"]
        self.bandwidth = design["bytes_per_cycle"]
        ridge = self.peak / self.bandwidth
        xs = [intensity(layer) for layer in layers] + [ridge]
        ys = [rate(layer) for layer in layers] + [self.peak]
        self.x_low = math.floor(math.log10(min(xs) / 1.5))
        self.x_high = max(math.ceil(math.log10(max(xs) * 1.2)), self.x_low + 1)
        self.y_low = math.floor(math.log2(min(ys) / 2))
        self.y_high = math.ceil(math.log2(self.peak * 1.6))

    def x(self, value: float) -> float:
        return LEFT + (math.log10(value) - self.x_low) / (self.x_high - self.x_low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (math.log2(value) - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def axes(plane: Plane) -> list[str]:
    parts = []
    for power in range(plane.x_low, plane.x_high + 1):
        x = plane.x(10.0**power)
        parts += [
            svg.line(x, TOP, x, HEIGHT - BOTTOM, "grid"),
            svg.text(x, HEIGHT - BOTTOM + 18, f"{10.0**power:g}", "small dim", "middle"),
        ]
    step = max(1, (plane.y_high - plane.y_low) // 6)
    for power in range(plane.y_low, plane.y_high + 1, step):
        y = plane.y(2.0**power)
        parts += [
            svg.line(LEFT, y, WIDTH - RIGHT, y, "grid"),
            svg.text(LEFT - 8, y + 4, f"{2.0**power:g}", "small dim", "end"),
        ]
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts += [
        svg.text(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "multiply-accumulates per byte moved", "small", "middle"
        ),
        svg.element(
            "g",
            svg.text(0, 0, "multiply-accumulates per cycle", "small", "middle"),
            transform=f"translate(16 {middle}) rotate(-90)",
        ),
    ]
    return parts


def roofs(plane: Plane) -> list[str]:
    """The bandwidth's slope up to the ridge, then the array's flat roof."""
    ridge = plane.peak / plane.bandwidth
    low = max(10.0**plane.x_low, 2.0**plane.y_low / plane.bandwidth)
    points = [(low, low * plane.bandwidth), (ridge, plane.peak), (10.0**plane.x_high, plane.peak)]
    line = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in points)
    top = plane.y(plane.peak)
    steep = f"memory: {plane.bandwidth:g} bytes per cycle"
    flat = f"array: {numbers.count(plane.peak)} multiply-accumulates per cycle"
    x, y = plane.x(low * 1.12), plane.y(low * 1.12 * plane.bandwidth)
    tilt = math.degrees(math.atan2(top - y, plane.x(ridge) - x)) if ridge > low * 1.2 else 0
    return [
        svg.element("polyline", points=line, class_="roof"),
        svg.text(WIDTH - RIGHT - 4, top - 8, flat, "small strong halo", "end"),
        svg.element(
            "g",
            svg.text(8, -7, steep, "small strong halo"),
            transform=f"translate({x:.1f} {y:.1f}) rotate({tilt:.1f})",
        ),
    ]


def clusters(plane: Plane, layers: Sequence[Layer]) -> list[tuple[float, float, list[Layer]]]:
    """Layers whose points would cover one another, as one point: (x, y, layers)."""
    found: list[tuple[float, float, list[Layer]]] = []
    for layer in layers:
        x, y = plane.x(intensity(layer)), plane.y(rate(layer))
        near = next((c for c in found if math.hypot(c[0] - x, c[1] - y) < 9), None)
        if near:
            near[2].append(layer)
        else:
            found.append((x, y, [layer]))
    return found


def point(x: float, y: float, layers: Sequence[Layer], taken: list[Box]) -> list[str]:
    """A dot, larger for more work, with a label beside it unless something stands there."""
    work = sum(macs(layer) for layer in layers)
    radius = min(11.0, 4 + math.log10(1 + work / 1e5) * 2.2)
    dot = svg.element("circle", svg.hint(tips(layers)), cx=x, cy=y, r=radius, class_="point")
    words = numbers.label(layers[0]["name"], 18) + (f" {TIMES}{len(layers)}" if len(layers) > 1 else "")
    for left, base, anchor in places(x, y, radius, svg.LETTER * len(words)):
        box = (left, base - 10, left + svg.LETTER * len(words), base + 3)
        if free(box, taken):
            taken.append(box)
            at = left if anchor == "start" else box[2]
            return [dot, svg.text(at, base, words, "small halo", anchor)]
    return [dot]


def tips(layers: Sequence[Layer]) -> str:
    """What a pointer on the dot shows: each layer's two coordinates."""
    return "\n".join(f"{a['name']}: {intensity(a):.1f} per byte, {rate(a):.1f} per cycle" for a in layers)


def places(x: float, y: float, radius: float, width: float) -> list[tuple[float, float, str]]:
    """Where a label may stand, best first: (left end, base line, anchor). Right of a dot is under a roof."""
    right, left, below = x + radius + 5, x - radius - 5 - width, y + radius + 15
    beside = [
        (side, y + down, anchor) for down in (5, 19) for side, anchor in ((right, "start"), (left, "end"))
    ]
    centred = [(x - width / 2 + aside, below, "start") for aside in (0, width / 3, -width / 3)]
    return [beside[0], centred[0], *beside[1:], *centred[1:]]


def free(box: Box, taken: Sequence[Box]) -> bool:
    """Whether nothing stands in `box`, and it is on the plane."""
    inside = box[0] > LEFT and box[2] < WIDTH - RIGHT and TOP < box[1] and box[3] < HEIGHT - BOTTOM
    return inside and all(box[2] < b[0] or b[2] < box[0] or box[3] < b[1] or b[3] < box[1] for b in taken)


def draw(design: Design, layers: Sequence[Layer]) -> str:
    """The picture of a network's layers under a design's two roofs."""
    plane = Plane(design, layers)
    flat = (
        WIDTH - RIGHT - 290.0,
        plane.y(plane.peak) - 22,
        float(WIDTH - RIGHT),
        plane.y(plane.peak) - 4,
    )  # its label
    near = clusters(plane, layers)
    taken: list[Box] = [flat, *((x - 6, y - 6, x + 6, y + 6) for x, y, _ in near)]
    points = [part for x, y, same in near for part in point(x, y, same, taken)]
    return svg.picture(WIDTH, HEIGHT, [*axes(plane), *roofs(plane), *points], "roofline")
