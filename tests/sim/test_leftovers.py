"""Temporary folders and files: gone with the work, or with the next command; a running one's stay."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sim import leftovers

KILLED = """
import os, signal, sys
from pathlib import Path
from sim import leftovers
with leftovers.{kind}(Path(sys.argv[1]), "work") as place:
    print(place, flush=True)
    {then}
"""


def run(kind, folder, then):
    return subprocess.Popen(
        [sys.executable, "-c", KILLED.format(kind=kind, then=then), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_it_goes_with_the_block(kind, tmp_path):
    with getattr(leftovers, kind)(tmp_path, "work") as place:
        assert place.parent == tmp_path and leftovers.MARK.fullmatch(place.name)[1] == "work"
    assert not list(tmp_path.iterdir())
    with pytest.raises(ZeroDivisionError), getattr(leftovers, kind)(tmp_path, "work"):
        _ = 1 / 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_killed_process_left_it_and_clear_removes_it(kind, tmp_path):
    process = run(kind, tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    place = Path(process.communicate()[0].strip())
    assert process.returncode == -signal.SIGKILL and place.exists()
    leftovers.clear(tmp_path, "other")
    assert place.exists()
    leftovers.clear(tmp_path, "work")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_running_process_keeps_it(kind, tmp_path):
    process = run(kind, tmp_path, "sys.stdin.read()")
    place = Path(process.stdout.readline().strip())
    leftovers.clear(tmp_path)
    assert place.exists()
    process.communicate()
    assert not place.exists() and process.returncode == 0


def test_what_is_kept_for_its_logs_stays(tmp_path):
    with leftovers.folder(tmp_path, "work") as place:
        (place / leftovers.KEPT).touch()
    leftovers.clear(tmp_path)
    assert place.exists()


def test_what_only_looks_like_it_stays(tmp_path):
    names = ["work.systola-abc", "work.systola-ABCDEFGH", "work-abcdefgh", "systola-abcdefgh"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "work.systola-abcdefgh").symlink_to(tmp_path / names[0])
    leftovers.clear(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*names, "work.systola-abcdefgh"}


def test_anothers_stay(tmp_path, monkeypatch):
    (tmp_path / "work.systola-abcdefgh").mkdir()
    monkeypatch.setattr(leftovers.os, "geteuid", lambda: os.getuid() + 1)
    leftovers.clear(tmp_path)
    assert list(tmp_path.iterdir())


def test_one_that_is_cleared_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    real, cleared = leftovers.lock, []

    def late(handle):
        if not cleared:
            cleared.append(True)
            leftovers.clear(tmp_path)
        return real(handle)

    monkeypatch.setattr(leftovers, "lock", late)
    with leftovers.folder(tmp_path, "work") as place:
        assert place.is_dir()


def test_where_there_are_no_locks_nothing_is_cleared(tmp_path, monkeypatch):
    def none(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(leftovers.fcntl, "flock", none)
    with leftovers.folder(tmp_path, "work") as place:
        leftovers.clear(tmp_path)
        assert place.is_dir()


def test_temporary_folders_are_in_tmpdir(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers.tempfile, "tempdir", str(tmp_path))
    with leftovers.temporary() as place:
        assert place.parent == tmp_path
