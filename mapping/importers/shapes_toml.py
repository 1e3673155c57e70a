"""A network by its shapes, in TOML.

    name = "mlp"            # the file's name where absent
    [[layer]]
    name = "hidden"
    m = 16                  # Y[m, n] = A[m, k] W[k, n]
    n = 512
    k = 128
    batch = 1               # products of this shape; 1 where absent
"""

import tomllib
from pathlib import Path
from typing import Any

from golden import check
from mapping.network import ShapeLayer, ShapeNetwork, named

KEYS = ("name", "m", "n", "k", "batch")


def load(path: Path) -> ShapeNetwork:
    """The layers of the file; BadValue names the layer and its key."""
    try:
        content = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise check.fail(path.name, f"no TOML ({wrong})", "[[layer]] tables") from None
    for key in content:
        check.one_of(f"{path.name}: key", key, ("name", "layer"))
    entries = content.get("layer", [])
    if not isinstance(entries, list):
        raise check.fail(f"{path.name}: layer", "a single table", "[[layer]] tables")
    try:
        layers = named(read(entry, index) for index, entry in enumerate(entries))
    except check.BadValue as bad:
        raise check.BadValue(f"{path.name}: {bad}") from None
    return ShapeNetwork(name=str(content.get("name", path.stem)), layers=layers)


def read(entry: Any, index: int) -> ShapeLayer:
    """One layer."""
    if not isinstance(entry, dict):
        raise check.fail(f"layer[{index}]", entry, "a table")
    for key in entry:
        check.one_of(f"layer[{index}]: key", key, KEYS)
    for key in KEYS[:4]:
        if key not in entry:
            raise check.fail(f"layer[{index}].{key}", "missing", ", ".join(KEYS))
    sizes = {axis: entry.get(axis, 1) for axis in ("m", "n", "k", "batch")}
    return ShapeLayer(name=str(entry["name"]), operator="Gemm", **sizes)
