"""Damage that knows a file's structure: a tree of values changed at a place, or bytes that are not."""

import copy
import datetime
import math

import numpy as np

WHOLE = (
    0,
    1,
    2,
    3,
    7,
    16,
    255,
    -1,
    -2,
    127,
    128,
    1000,
    65536,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    1 << 32,
    1 << 40,
    1 << 53,
    (1 << 63) - 1,
    1 << 63,
    -(1 << 63),
    10**30,
)
REAL = (0.0, -0.0, 0.5, -1.5, 1e-308, 1e-45, 1e30, 1e308, math.inf, -math.inf, math.nan, 3.4e38)
TEXT = (
    "",
    " ",
    "a",
    "x" * 3000,
    "\x1b[2J",
    "a\nb",
    "a\r\tb",
    "\u202eevil",
    "caf\u00e9",
    "../x",
    "/dev/zero",
    "a/b",
    "\0",
    "int8",
    "int0",
    "int99",
    "uint4",
    "fp16",
    "bf16",
    "weight",
    "output",
    "accelerator",
    "tile",
    "$(id)",
    "[red]",
    "true",
    "1",
    "-1",
    "nan",
    "inf",
    "1e999",
    "9" * 30,
)


def pick(random, choices):
    """One of them; numpy's own choice would make arrays of them."""
    choices = choices if hasattr(choices, "__getitem__") else list(choices)
    return choices[int(random.integers(len(choices)))]


def nasty(random, old=None):
    """A value to stand where `old` stood, often of the same kind."""
    kind = pick(random, (*["same"] * 5, "other"))
    if kind == "same" and isinstance(old, bool):
        return not old
    if kind == "same" and isinstance(old, int):
        near = old + int(pick(random, (-1, 1))) * int(pick(random, (1, 1, 2, old or 1)))
        return near if random.random() < 0.5 else pick(random, WHOLE)
    if kind == "same" and isinstance(old, float):
        return old * float(random.uniform(0.5, 2)) if random.random() < 0.5 else pick(random, REAL)
    if kind == "same" and isinstance(old, str):
        return pick(random, (old + "x", old[:-1], old.upper(), *TEXT))
    return pick(
        random,
        (
            *WHOLE[:6],
            *REAL[:4],
            *TEXT[:4],
            True,
            [],
            {},
            [1, 2],
            {"a": 1},
            ["a"],
            [[]],
            datetime.date(1979, 5, 27),
        ),
    )


def places(tree, path=()):
    """Every place of a tree of dicts and lists: (path of keys)."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def changed(random, tree, times=None):
    """A copy with one to three places changed: another value, none, one more, one of elsewhere."""
    tree = copy.deepcopy(tree)
    for _ in range(times or int(pick(random, (1, 1, 1, 2, 3)))):
        found = list(places(tree))
        if not found:
            return tree
        *above, key = pick(random, found)
        home = at(tree, above)
        change(random, tree, home, key, found)
    return tree


def change(random, tree, home, key, found):
    """One change at home[key]."""
    kind = pick(random, (*["value"] * 10, "gone", "added", "copied", "deep"))
    if kind == "value":
        home[key] = nasty(random, home[key])
    elif kind == "gone":
        del home[key]
    elif kind == "added" and isinstance(home, list):
        home.extend([copy.deepcopy(home[key])] * int(pick(random, (1, 3, 50))))
    elif kind == "added":
        home[pick(random, TEXT)] = nasty(random, home[key])
    elif kind == "copied":
        home[key] = copy.deepcopy(at(tree, pick(random, found)))
    else:
        deep = home[key]
        for _ in range(int(pick(random, (1, 5, 40, 150)))):
            deep = [deep] if random.random() < 0.5 else {"a": deep}
        home[key] = deep


def bytes_of(random, data: bytes) -> bytes:
    """Cut off, replaced, doubled, inserted, taken out: one to four times."""
    found = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        if not found:
            return b""
        start = int(random.integers(len(found)))
        size = int(pick(random, (1, 1, 1, 2, 4, 8, 100)))
        kind = pick(random, ("replace", "replace", "replace", "cut", "double", "insert", "remove"))
        if kind == "replace":
            fill = pick(random, (bytes(size), b"\xff" * size, random.bytes(size), b"9" * size, b"[" * size))
            found[start : start + size] = fill
        elif kind == "cut":
            del found[start:]
        elif kind == "double":
            found[start:start] = found[start : start + 10 * size]
        elif kind == "insert":
            many = pick(
                random, (b"\xff\xfe", b"\0", b'"', b"\n", b"9" * 5000, b"[" * 20_000, b"{", b",", b"\x1b[2J")
            )
            found[start:start] = many
        else:
            del found[start : start + size]
    return bytes(found)


def words(random, data: bytes, width: int = 4) -> bytes:
    """One to five aligned little-endian numbers replaced by others: offsets, counts, sizes, codes."""
    found = bytearray(data)
    for _ in range(int(random.integers(1, 6))):
        start = int(random.integers(len(found) // width)) * width
        old = int.from_bytes(found[start : start + width], "little")
        new = pick(random, (old + 1, old - 1, old * 2, old ^ (1 << int(random.integers(8 * width))), *WHOLE))
        found[start : start + width] = (new % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(found)


def array(random, value: np.ndarray) -> np.ndarray:
    """An array with some elements that are nonsense, or of another shape or type."""
    kind = pick(random, ("elements", "elements", "shape", "type", "empty"))
    if kind == "elements" and value.size:
        found = value.copy()
        chosen = random.integers(found.size, size=int(pick(random, (1, 3, found.size))))
        with np.errstate(all="ignore"):
            fill = REAL if found.dtype.kind == "f" else (0, 1, -1, 127, -128)
            found.flat[chosen] = np.array([pick(random, fill) for _ in chosen]).astype(found.dtype)
        return found
    if kind == "shape":
        return pick(random, (value.ravel(), value[None], value.T, value[..., :-1] if value.ndim else value))
    if kind == "type":
        with np.errstate(all="ignore"):
            return value.astype(pick(random, (np.float64, np.float16, np.int8, np.uint8, np.int64, np.bool_)))
    return value[:0] if value.ndim else value
