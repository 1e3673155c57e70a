"""The cache: an entry is whole or it is none, and is built once."""

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from golden.check import BadValue
from sim import cache


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Builder:
    """Writes one file, and counts how often it had to."""

    def __init__(self):
        self.runs = 0

    def __call__(self, folder: Path) -> None:
        self.runs += 1
        (folder / "sub").mkdir()
        (folder / "sub" / "data").write_text("built")


def fail(folder: Path) -> None:
    (folder / "data").write_text("half")
    raise RuntimeError("no compiler")


def slow_build(folder: Path) -> None:
    """Leaves a mark in the parent for each time that it runs."""
    mark = folder.parent / f"mark{time.monotonic_ns()}"
    mark.touch()
    time.sleep(0.3)
    (folder / "data").write_text("built")


def test_the_variable_sets_the_folder(place):
    assert cache.directory() == place and place.is_dir()


def test_xdg_sets_the_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SYSTOLA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.directory() == tmp_path / "xdg" / "systola"


def test_home_sets_the_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SYSTOLA_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.directory() == tmp_path / ".cache" / "systola"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BadValue, match=r"cache folder is .*; allowed: one that can be made"):
        cache.directory()


def test_a_key_depends_on_each_part():
    assert len({cache.key("a", ["b"]), cache.key("a", ["c"]), cache.key("ab"), cache.key("a", "b")}) == 4


def test_an_entry_is_built_once():
    build = Builder()
    first = cache.kept("model", "x", build)
    assert cache.kept("model", "x", build) == first and build.runs == 1


def test_an_entry_holds_what_was_built():
    assert (cache.kept("model", "x", Builder()) / "sub" / "data").read_text() == "built"


def test_another_name_is_another_entry():
    build = Builder()
    assert cache.kept("model", "x", build) != cache.kept("model", "y", build)
    assert build.runs == 2


def test_a_damaged_file_is_rebuilt():
    build = Builder()
    data = cache.kept("model", "x", build) / "sub" / "data"
    data.write_text("bu1lt")
    assert (cache.kept("model", "x", build) / "sub" / "data").read_text() == "built"
    assert build.runs == 2


@pytest.mark.parametrize("lost", ["sub/data", cache.CONTENTS])
def test_a_missing_file_is_rebuilt(lost):
    build = Builder()
    (cache.kept("model", "x", build) / lost).unlink()
    assert cache.is_whole(cache.kept("model", "x", build))
    assert build.runs == 2


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps({"sub/data": 0})])
def test_a_damaged_list_is_rebuilt(text):
    build = Builder()
    (cache.kept("model", "x", build) / cache.CONTENTS).write_text(text)
    cache.kept("model", "x", build)
    assert build.runs == 2


def test_a_build_that_fails_leaves_no_entry(place):
    with pytest.raises(RuntimeError, match="no compiler"):
        cache.kept("model", "x", fail)
    assert [path.name for path in (place / "model").iterdir() if path.is_dir()] == []


def test_what_a_killed_build_left_is_removed(place):
    left = place / "model" / "x.partabc"
    left.mkdir(parents=True)
    cache.kept("model", "x", Builder())
    assert not left.exists()


def test_a_running_build_is_no_entry(place):
    def look(folder: Path) -> None:
        assert not (place / "model" / "x").exists()
        (folder / "data").touch()

    cache.kept("model", "x", look)


def test_processes_that_build_at_once_build_once(place):
    (place / "model").mkdir(parents=True)
    arguments = ("model", "x", slow_build)
    processes = [multiprocessing.Process(target=cache.kept, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(list((place / "model").glob("mark*"))) == 1
