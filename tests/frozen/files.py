"""The frozen files beside this one: JSON with a line an entry, so that a moved figure is a line of a diff."""

import json
import platform
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
MISSING = "nothing"
Entries = Mapping[str, Any]


def environment() -> str:
    """What real numbers depend on in their last bit: numpy, and which instructions it uses."""
    from numpy._core._multiarray_umath import __cpu_features__ as features

    used = [name for name in ("AVX2", "AVX512_SKX", "AVX512_ICL", "ASIMD") if features.get(name)]
    return f"numpy {np.__version__}, {platform.machine()}, {' '.join(used) or 'no vectors'}"


def text(data: Any, levels: int) -> str:
    """JSON whose first `levels` levels take a line an entry."""
    if levels == 0 or not data or not isinstance(data, dict):
        return json.dumps(data)
    return "{\n" + ",\n".join(f"{json.dumps(k)}: {text(v, levels - 1)}" for k, v in data.items()) + "\n}"


def write(name: str, data: Mapping[str, Any], levels: int) -> None:
    path = HERE / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text(dict(data), levels) + "\n", encoding="utf-8")


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return found


def differences(where: str, frozen: Entries, found: Entries, left_out: Set[str] = frozenset()) -> list[str]:
    """A line for each figure that is not as frozen: where, what it was, what it is.

    frozen, found  entries (layers, modules, points) by name: rows of figures, or single values
    left_out       entries and figures that are not compared
    A figure that is new in a row is no difference, since rows grow; an entry that is new is.
    """
    return [
        f"{place}: was {_short(was)}, is {_short(now)}"
        for place, was, now in _pairs(where, frozen, json.loads(json.dumps(found)), left_out)
        if was != now
    ]


def _pairs(
    where: str, frozen: Entries, found: Entries, left_out: Set[str]
) -> Iterator[tuple[str, Any, Any]]:
    """(place, frozen, found) of each figure; of each entry that only one side has."""
    for entry in dict.fromkeys([*frozen, *found]):
        was, now = frozen.get(entry, MISSING), found.get(entry, MISSING)
        if entry in left_out:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            for key in was:
                if key not in left_out:
                    yield f"{where}, {entry}, {key}", was[key], now.get(key, MISSING)
        else:
            yield f"{where}, {entry}", was, now


def _short(value: Any) -> str:
    """A long entry by its beginning."""
    said = str(value)
    return said if len(said) <= 400 else f"{said[:400]}..."
