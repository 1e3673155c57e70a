"""Numbers as people read them."""

import re
from collections.abc import Mapping
from typing import Any

from golden import check

BYTES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def count(value: float) -> str:
    """1234567 -> "1,234,567"."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """1234567 -> "1.23 M": three digits and a unit."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size * 0.9995:
            return three(value / size) + unit
    return three(value)


def three(value: float) -> str:
    """About three digits, no exponent."""
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def percent(share: float) -> str:
    """0.99987 -> "99.99 %". What is not all never reads as 100 %."""
    if share < 1 and round(share * 100, 2) >= 100:
        return "99.99 %"
    return f"{share * 100:.2f} %" if share > 0.9 else f"{share * 100:.1f} %"


def size(number: float) -> str:
    """Bytes: 1536 -> "1.50 KiB"."""
    for unit, name in BYTES:
        if number >= unit:
            return f"{three(number / unit)} {name}"
    return f"{number:,.0f} B"


def shape(layer: Mapping[str, Any]) -> str:
    """m x n x k, and how many of them."""
    product = f"{layer['m']} x {layer['n']} x {layer['k']}"
    return product if layer.get("batch", 1) == 1 else f"{layer['batch']} of {product}"


def label(name: str, most: int) -> str:
    """A name in at most `most` printable letters: its last parts, since what leads to them is shared."""
    name = check.printable(name)
    while len(name) > most and (rest := re.split(r"[./](?!\d+\b)", name, maxsplit=1)[1:]):
        name = rest[0]
    return name if len(name) <= most else name[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def time(cycles: float, mhz: float) -> str:
    """Cycles at a clock: "2.72 ms"."""
    seconds = cycles / (mhz * 1e6)
    for size_, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= size_:
            return f"{three(seconds / size_)} {unit}"
    return f"{three(seconds / 1e-9)} ns"
