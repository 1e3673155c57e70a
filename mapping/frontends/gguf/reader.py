"""A GGUF file: entries by key, tensors by name, each checked when it is read.

    magic "GGUF", version (2 or 3), counts of tensors and entries; the entries: key, type, value; the tensors:
    name, axes (the last of a row first), type, place; from a multiple of general.alignment on, the tensors

All numbers little-endian. Source: the GGUF specification, version 3.
"""

import mmap
import os
import struct
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from golden import check, files
from mapping.frontends.gguf.blocks import FORMATS, NAMES

LEAST_BYTES, MOST_BYTES = 24, 1 << 37  # magic, version, two counts
MOST_AXES = 4
ALIGNMENT = 32
VERSIONS = (2, 3)
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TEXT, LIST = 8, 9


class Entry(NamedTuple):
    """A tensor: its shape as numpy has it, ggml's number of its type, where it begins in the file."""

    shape: tuple[int, ...]
    format: int
    start: int


class Gguf:
    """The file. entries: by key: numbers, booleans, texts, lists of these. tensors: by name."""

    def __init__(self, path: Path) -> None:
        self.where = path.name
        with files.opened(path, "a .gguf file", MOST_BYTES) as file:
            size = os.fstat(file.fileno()).st_size
            check.in_range(f"{self.where}: bytes", size, LEAST_BYTES, MOST_BYTES)
            self.data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        self.place = 0
        self.entries: dict[str, Any] = {}
        self.tensors: dict[str, Entry] = {}
        self.read()

    # the header

    def read(self) -> None:
        """Read the entries and where the tensors are."""
        if (magic := self.take(4, "the file")) != b"GGUF":
            raise check.fail(f"{self.where}: the first four bytes", repr(magic), "GGUF")
        check.one_of(f"{self.where}: version", self.number("I", "version"), VERSIONS)
        tensors, entries = (self.number("Q", what) for what in ("count of tensors", "count of entries"))
        for _ in range(self.count(entries, 13, "entries")):
            key = self.text("a key")
            if key in self.entries:
                raise check.fail(f"{self.where}: {key}", "given twice", "once")
            self.entries[key] = self.value(self.number("I", key), key)
        places = [self.tensor() for _ in range(self.count(tensors, 25, "tensors"))]
        self.settle(places)

    def take(self, size: int, what: str) -> bytes:
        """The next bytes."""
        if size > len(self.data) - self.place:
            raise check.fail(f"{self.where}: {what}", f"cut off at byte {len(self.data):,}", "a whole file")
        self.place += size
        return self.data[self.place - size : self.place]

    def number(self, letter: str, what: str) -> Any:
        return struct.unpack(f"<{letter}", self.take(struct.calcsize(f"<{letter}"), what))[0]

    def count(self, stated: int, least: int, what: str) -> int:
        """How many there are of something that takes `least` bytes or more; BadValue for more than fit."""
        check.in_range(f"{self.where}: {what}", stated, 0, (len(self.data) - self.place) // least)
        return stated

    def text(self, what: str) -> str:
        raw = self.take(self.number("Q", what), what)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise check.fail(f"{self.where}: {what}", repr(raw[:80]), "UTF-8 text") from None

    def value(self, holds: int, key: str) -> Any:
        """A value of a type by its number."""
        if holds == TEXT:
            return self.text(key)
        if holds == LIST:
            return self.items(key)
        check.one_of(f"{self.where}: {key}: type", holds, (*NUMBERS, TEXT, LIST))
        return self.number(NUMBERS[holds], key)

    def items(self, key: str) -> list[Any]:
        """A list of numbers or texts."""
        holds, stated = self.number("I", key), self.number("Q", key)
        if holds == TEXT:
            return [self.text(key) for _ in range(self.count(stated, 8, key))]
        check.one_of(f"{self.where}: {key}: type of its items", holds, (*NUMBERS, TEXT))
        size = struct.calcsize(f"<{NUMBERS[holds]}")
        raw = self.take(size * self.count(stated, size, key), key)
        return list(struct.unpack(f"<{stated}{NUMBERS[holds]}", raw))

    def tensor(self) -> tuple[str, Entry]:
        """A tensor's name, and its entry with a place relative to the first tensor."""
        name = self.text("a tensor's name")
        where = f"{self.where}: tensor {name}"
        axes = self.number("I", where)
        check.in_range(f"{where}: axes", axes, 1, MOST_AXES)
        sizes = [self.number("Q", where) for _ in range(axes)]
        for size in sizes:
            check.in_range(f"{where}: size of an axis", size, 1, 1 << 40)
        holds, start = self.number("I", where), self.number("Q", where)
        if holds not in FORMATS:
            names = ", ".join(entry.name for entry in FORMATS.values())
            raise check.fail(f"{where}: type", NAMES.get(holds, holds), names)
        return name, Entry(tuple(reversed(sizes)), holds, start)

    def settle(self, places: list[tuple[str, Entry]]) -> None:
        """Keep the tensors; BadValue for one that is not whole, not aligned, or given twice."""
        alignment = self.entries.get("general.alignment", ALIGNMENT)
        check.in_range(f"{self.where}: general.alignment", alignment, 1, 1 << 20)
        first = -(-self.place // alignment) * alignment
        for name, entry in places:
            where, stored = f"{self.where}: tensor {name}", FORMATS[entry.format]
            if name in self.tensors:
                raise check.fail(where, "given twice", "once")
            row = entry.shape[-1] % stored.block
            check.in_range(f"{where}: size of a row modulo {stored.block}", row, 0, 0)
            size, start = prod(entry.shape) // stored.block * stored.size, first + entry.start
            if start % alignment or start + size > len(self.data):
                what = f"{size:,} bytes from {start:,} on"
                raise check.fail(where, what, f"within {len(self.data):,} bytes, aligned to {alignment}")
            self.tensors[name] = entry._replace(start=start)

    # what is in it

    def get(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """A tensor as float32. BadValue, naming it, if it is missing, misshapen or not finite."""
        where = f"{self.where}: tensor {name}"
        if name not in self.tensors:
            raise check.fail(where, "missing", f"a file that holds it, {list(shape)}")
        entry = self.tensors[name]
        if entry.shape != shape:
            raise check.fail(f"{where}: shape", list(entry.shape), str(list(shape)))
        stored = FORMATS[entry.format]
        blocks = prod(shape) // stored.block
        whole = np.frombuffer(self.data, np.uint8, blocks * stored.size, entry.start)
        raw = whole.reshape(blocks, stored.size)
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number is refused
            value = stored.values(raw).reshape(shape)
        if not np.isfinite(value).all():
            place = np.argwhere(~np.isfinite(value))[0].tolist()
            raise check.fail(f"{where}{place}", value[tuple(place)], "finite numbers")
        return value
