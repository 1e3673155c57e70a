"""A network by its shapes, in TOML.

    name = "mlp"            # the file's name where absent
    [[layer]]
    name = "hidden"
    m = 16                  # Y[m, n] = A[m, k] W[k, n]
    n = 512
    k = 128
    batch = 1               # products of this shape; 1 where absent
"""

from pathlib import Path
from typing import Any

from golden import check, files
from mapping.network import ShapeLayer, ShapeNetwork, named

KEYS = ("name", "m", "n", "k", "batch")


def load(path: Path) -> ShapeNetwork:
    """The layers of the file; BadValue names the layer and its key."""
    content = files.toml(path, "[[layer]] tables")
    for key in content:
        check.one_of(f"{path.name}: key", key, ("name", "layer"))
    entries = content.get("layer", [])
    if not isinstance(entries, list):
        raise check.fail(f"{path.name}: layer", "a single table", "[[layer]] tables")
    try:
        layers = named(read(entry, index) for index, entry in enumerate(entries))
    except check.BadValue as bad:
        raise check.BadValue(f"{path.name}: {bad}") from None
    name = text(f"{path.name}: name", content.get("name", path.stem))
    return ShapeNetwork(name=name, layers=layers)


def read(entry: Any, index: int) -> ShapeLayer:
    """One layer."""
    if not isinstance(entry, dict):
        raise check.fail(f"layer[{index}]", entry, "a table")
    for key in entry:
        check.one_of(f"layer[{index}]: key", key, KEYS)
    for key in KEYS[:4]:
        if key not in entry:
            raise check.fail(f"layer[{index}].{key}", "missing", ", ".join(KEYS))
    name = text(f"layer[{index}].name", entry["name"])
    sizes = {axis: entry.get(axis, 1) for axis in ("m", "n", "k", "batch")}
    return ShapeLayer(name=name, operator="Gemm", **sizes)


def text(where: str, value: Any) -> str:
    """A name; BadValue unless it is text."""
    if not isinstance(value, str):
        raise check.fail(where, value, "text in quotes")
    return value
