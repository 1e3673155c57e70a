"""Files a user names: regular ones of a sensible size, read whole; TOML, JSON and CSV out of them.

A parser's every failure becomes one BadValue naming the file and the place, and what a parser lets through
but no reader can use is refused here, before any other code sees it: a whole number of more than 64 bits,
tables nested deeper than any file of ours, text that is no Unicode.
"""

import csv
import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from golden import check

MIB = 1 << 20
MOST_TEXT = 16 * MIB  # bytes of a file that a person or a script of theirs wrote
MOST_TOML = 2 * MIB
DEEPEST = 32  # tables and lists within each other
LARGEST = (1 << 63) - 1  # TOML's integers; JSON's, as most parsers hold them
LONGEST_CELL = 1000  # letters
SURROGATE = re.compile("[\ud800-\udfff]")


def regular(path: Path, wanted: str, most: int) -> bytes:
    """The bytes of a file; BadValue unless it is a regular one of at most `most` bytes.

    wanted   what should stand there, for the message: "a TOML file"
    A pipe or a device is refused before it is read: it may never end.
    """
    with opened(path, wanted, most) as file:
        data: bytes = file.read(os.fstat(file.fileno()).st_size + 1)
        while (more := file.read(MIB)) and len(data) <= most:  # /proc's files are larger than they say
            data += more
    if len(data) > most:
        raise check.fail(str(path), f"more than {sized(most)}", f"{wanted} of at most {sized(most)}")
    return data


def regular_file(path: Path, wanted: str, most: int) -> None:
    """BadValue unless `path` is a regular file of at most `most` bytes that can be opened."""
    opened(path, wanted, most).close()


def opened(path: Path, wanted: str, most: int) -> Any:
    """The file, open for reading bytes."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise check.fail(str(path), kind_of(path), wanted)
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise check.fail(str(path), "missing", f"{wanted} that exists") from None
    except check.BadValue:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise check.fail(str(path), reason(error), wanted) from None
    file = os.fdopen(handle, "rb")
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        file.close()
        raise check.fail(str(path), f"{found.st_size:,} bytes", f"{wanted} of at most {sized(most)}")
    return file


def kind_of(path: Path) -> str:
    """The kind of a path that is no regular file, in words."""
    mode = os.stat(path).st_mode
    kinds: tuple[tuple[Callable[[int], bool], str], ...] = (
        (stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    )  # fmt: skip
    return next((name for test, name in kinds if test(mode)), "no regular file")


def reason(error: Exception) -> str:
    """The system's error message, in lower case."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def sized(count: int) -> str:
    return f"{count >> 30} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def text(path: Path, wanted: str, most: int = MOST_TEXT) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    try:
        return regular(path, wanted, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise check.fail(path.name, "not UTF-8 text", wanted) from None


def toml(path: Path, wanted: str = "a TOML file") -> dict[str, Any]:
    """The tables of a TOML file, each value checked by `plain`."""
    content = text(path, wanted, MOST_TOML).replace("\r\n", "\n")
    found = parsed(path.name, lambda: tomllib.loads(content), "TOML", wanted)
    plain(path.name, found)
    return found  # type: ignore[no-any-return]


def json_object(path: Path, wanted: str) -> dict[str, Any]:
    """The object that a JSON file is, each value checked by `plain`."""
    content = text(path, wanted)
    found = parsed(path.name, lambda: json.loads(content), "JSON", wanted)
    if not isinstance(found, dict):
        raise check.fail(path.name, f"a {type(found).__name__}", wanted)
    plain(path.name, found)
    return found


def parsed(where: str, parse: Callable[[], Any], language: str, wanted: str) -> Any:
    """The result of `parse`; its failures, of whatever kind, as BadValue."""
    try:
        return parse()
    except RecursionError:
        raise check.fail(where, "nested too deeply", f"{wanted}, at most {DEEPEST} levels") from None
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        told = str(error)
        if "integer string conversion" in told:
            told = "a whole number of thousands of digits"
        what = f"no {language} ({check.printable(told, 200)})"
        raise check.fail(where, what, wanted) from None


def plain(where: str, content: Any) -> None:
    """BadValue, naming the dotted key, about a value that no reader can use."""
    stack: list[tuple[str, Any, int]] = [("", content, 0)]
    while stack:
        key, value, depth = stack.pop()
        at = f"{where}: {key}"
        if isinstance(value, dict | list):
            if depth == DEEPEST:
                raise check.fail(at, "nested too deeply", f"at most {DEEPEST} levels")
            stack.extend((each, inner, depth + 1) for each, inner in members(key, value))
        elif isinstance(value, int) and abs(value) > LARGEST:
            raise check.fail(at, f"a whole number of {value.bit_length()} bits", "at most 64 bits")
        elif isinstance(value, str) and SURROGATE.search(value):
            raise check.fail(at, repr(value), "text without lone surrogates")
        if SURROGATE.search(key):
            raise check.fail(f"{where}: key", repr(key), "text without lone surrogates")


def members(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values in a table or a list, by their keys."""
    lead = f"{key}." if key else ""
    if isinstance(value, dict):
        return ((f"{lead}{name}", inner) for name, inner in value.items())
    return ((f"{key}[{index}]", inner) for index, inner in enumerate(value))


def rows(path: Path, wanted: str, most: int) -> list[list[str]]:
    """The rows of a CSV file that hold anything, spaces around their cells removed; at most `most`."""
    found: list[list[str]] = []
    reader = csv.reader(text(path, wanted).splitlines())
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if long := next((cell for cell in cells if len(cell) > LONGEST_CELL), None):
                where = f"{path.name}: line {reader.line_num}"
                raise check.fail(where, f"a cell of {len(long)} letters", f"at most {LONGEST_CELL}")
            if any(cells):
                found.append(cells)
            if len(found) > most:
                raise check.fail(f"{path.name}: rows", f"more than {most}", f"at most {most}")
    except csv.Error as error:
        raise check.fail(f"{path.name}: line {reader.line_num}", f"no CSV ({error})", wanted) from None
    return found
