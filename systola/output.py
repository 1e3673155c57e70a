"""What commands leave behind: files and folders written whole, tables, JSON, progress."""

import json
import math
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from golden import check
from golden.progress import Progress, untold
from systola.whole_files import check_file, need_folder, real, remember, write_whole
from systola.whole_folders import MANIFEST, check_folder, sealed, whole_folder

__all__ = [
    "MANIFEST", "as_json", "check_file", "check_folder", "is_number", "lines", "need_folder", "progress",
    "real", "remember", "sealed", "strict", "table", "text", "whole_folder", "write_whole",
]  # fmt: skip
PATIENCE = 2.0  # seconds before a progress bar shows
LONGEST_PROGRESS = 80  # letters beside the bar


def as_json(value: object) -> str:
    """One JSON object in strict JSON, keys in the order given."""
    return json.dumps(strict(value), indent=2, allow_nan=False)


def strict(value: Any) -> Any:
    """A value as what JSON has: NaN and infinities are null, lone surrogates their escapes, paths text."""
    if isinstance(value, Mapping):
        return {text(key): strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [strict(inner) for inner in value]
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return strict(value.item()) if hasattr(value, "item") else text(value)


def text(value: object) -> str:
    """Any value as text that UTF-8 can hold."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def lines(whole: str) -> str:
    """Text of several lines, fit to be printed: what came from files moves no cursor and hides nothing."""
    return "\n".join(
        "\t".join(check.printable(part) for part in line.split("\t")) for line in whole.split("\n")
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Text columns two spaces apart; a column of numbers is set to the right."""
    cells = [[check.printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(columns, *cells, strict=True)]
    right = [bool(cells) and all(is_number(row[i]) for row in cells) for i in range(len(columns))]
    lines = [
        "  ".join(
            cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [list(columns), *cells]
    ]
    return "\n".join(lines)


def is_number(text: str) -> bool:
    return text in ("", "-") or text.rstrip(" %").replace(",", "").replace(".", "", 1).isdigit()


@contextmanager
def progress(words: str) -> Iterator[Progress]:
    """What tells of progress: a bar on stderr, if that is a terminal and the work takes two seconds."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield untold
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Bar

    def shown(words: str) -> str:
        return escape(check.printable(words, LONGEST_PROGRESS))

    def tell(what: str, done: int, total: int) -> None:
        place = f" ({done} of {total})" if total else ""
        bar.update(task, completed=done, total=total or None, description=shown(f"{words}: {what}{place}"))

    bar = Bar(console=Console(stderr=True), transient=True)
    task = bar.add_task(shown(words), total=None)
    timer = threading.Timer(PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield tell
    finally:
        timer.cancel()
        bar.stop()
