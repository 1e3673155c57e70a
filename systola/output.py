"""What commands leave behind: files and folders written whole, tables, JSON, progress."""

import json
import math
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from golden import check

MANIFEST = "manifest.json"
MARKS = {MANIFEST: "written_by", "report.json": "command"}  # who wrote a folder stands in one of these
PATIENCE = 2.0  # seconds before a progress bar shows
LONGEST_PROGRESS = 80  # letters beside the bar


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` to a file beside `path`, then rename it: no reader ever sees half of it."""
    data = content.encode() if isinstance(content, str) else content
    need_folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def need_folder(folder: Path) -> None:
    """BadValue unless `folder`, in which a result is to stand, exists."""
    if not folder.is_dir():
        raise check.fail(
            str(folder), "missing" if not folder.exists() else "not a folder", "a folder that exists"
        )


def umask() -> int:
    """The process's file mode mask, which can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def refuse_strangers(folder: Path, *, force: bool) -> None:
    """BadValue if `folder` holds anything that Systola did not write, unless `force`."""
    if folder.exists() and not folder.is_dir():
        raise check.fail(str(folder), "a file", "a folder, new, empty or written by systola")
    strange = folder.is_dir() and any(folder.iterdir()) and not is_ours(folder)
    if strange and not force:
        raise check.fail(
            str(folder), "not empty and not systola's", "a new or empty folder, or --force to replace it"
        )


def is_ours(folder: Path) -> bool:
    """Whether Systola wrote `folder`, and may therefore replace it."""
    for name, key in MARKS.items():
        with suppress(OSError, ValueError, AttributeError):
            if str(json.loads((folder / name).read_text()).get(key)).startswith("systola "):
                return True
    return False


@contextmanager
def whole_folder(folder: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary folder beside `folder`, which takes its place when the block ends without an exception."""
    folder = Path(os.path.abspath(folder))
    refuse_strangers(folder, force=force)
    need_folder(folder.parent)
    building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    building.chmod(0o777 & ~umask())
    try:
        yield building
        replace_folder(folder, building)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def replace_folder(folder: Path, building: Path) -> None:
    """Rename `building` to `folder`; the old folder goes only when the new one stands."""
    if not folder.exists():
        building.rename(folder)
        return
    old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
    folder.rename(old / folder.name)
    building.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


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
def progress(total: int | None, words: str) -> Iterator[Callable[[int, str], None]]:
    """Gives `update(done, what)`: a bar on stderr, if that is a terminal and the work takes two seconds."""
    if not sys.stderr.isatty():
        yield lambda done, what: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    def shown(words: str) -> str:
        return escape(check.printable(words, LONGEST_PROGRESS))

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(shown(words), total=total)
    timer = threading.Timer(PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, what: bar.update(task, completed=done, description=shown(what or words))
    finally:
        timer.cancel()
        bar.stop()
