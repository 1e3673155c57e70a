"""Bytes of a TFLite file, read through the schema package with every count checked.

The schema's generated readers trust the file. Here a count may not exceed the file, all counts together not
a multiple of it (vectors may share bytes, so a small file could ask for endless work), and whatever a reader
raises on bytes that make no sense becomes one BadValue.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from golden import check

T = TypeVar("T")
IDENTIFIER = b"TFL3"
READINGS_PER_BYTE = 4
LONGEST_TEXT = 1000  # bytes
# what struct, numpy and flatbuffers raise when an offset leads nowhere
NONSENSE = (struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError, KeyError)


class Bytes:
    """A file's content and how many elements may still be read from it. where: begins each error."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data = data
        self.where = where
        self.left = READINGS_PER_BYTE * len(data)
        if len(data) < 8 or data[4:8] != IDENTIFIER:
            raise check.fail(where, "no TFLite model (no TFL3 at byte 4)", "a whole .tflite file")

    def sensible(self, what: str, read: Callable[[], T]) -> T:
        """The result of `read`; BadValue, naming `what`, for bytes that make no sense."""
        try:
            return read()
        except check.BadValue:
            raise
        except NONSENSE as wrong:
            reason = " ".join(str(wrong).split()) or type(wrong).__name__
            raise check.fail(f"{self.where}: {what}", f"corrupt ({reason})", "a whole .tflite file") from None

    def count(self, table: Any, field: str) -> int:
        """Elements of a vector, subtracted from those that may still be read."""
        found = int(getattr(table, f"{field}Length")())
        if found > min(len(self.data), self.left):
            raise check.fail(f"{self.where}: count of {field}", found, "what the file can hold")
        self.left -= found
        return found

    def items(self, table: Any, field: str) -> Iterator[Any]:
        """The elements of a vector of tables."""
        for index in range(self.count(table, field)):
            self.left -= 1
            found = getattr(table, field)(index)
            if found is None:
                raise check.fail(f"{self.where}: {field}[{index}]", "missing", "a table")
            yield found

    def numbers(self, table: Any, field: str) -> np.ndarray:
        """A vector of numbers; empty if the file has none."""
        size = self.count(table, field)
        found: np.ndarray = getattr(table, f"{field}AsNumpy")() if size else np.zeros(0, np.int64)
        if len(found) != size:
            raise check.fail(f"{self.where}: {field}", "cut off", f"{size} elements")
        return found

    def text(self, value: bytes | None) -> str:
        """A string, "" if missing; in one line and of limited length, since error messages hold it."""
        found = (value or b"")[:LONGEST_TEXT].decode("utf-8", "replace")
        return "".join(letter if letter.isprintable() else "?" for letter in found)
