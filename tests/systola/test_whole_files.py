"""A file of results is written whole, and never over one that Systola did not write."""

import os
import stat
import threading

import pytest

from golden.check import BadValue
from systola import output, whole_files
from systola.whole_files import check_file, write_whole


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(params=["attribute", "cache"])
def memory(request, monkeypatch):
    """Either of the two places in which what was written is remembered, alone."""
    if request.param == "attribute":
        monkeypatch.setattr(whole_files, "record", lambda place, digest: None)
    else:
        monkeypatch.setattr(whole_files, "attach", lambda path, digest: None)


def test_a_file_is_written_with_its_content(tmp_path):
    write_whole(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_systola_wrote_is_replaced(tmp_path, memory):
    for text in ("old", "new", "newer"):
        write_whole(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_text() == "newer"


def test_what_was_changed_since_is_replaced_with_force_alone(tmp_path, memory):
    write_whole(tmp_path / "a.txt", "old")
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(BadValue, match=r"a\.txt is changed since systola wrote it; allowed: another"):
        write_whole(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "mine"
    write_whole(tmp_path / "a.txt", "new", force=True)
    assert (tmp_path / "a.txt").read_text() == "new"


def test_what_an_editor_put_there_anew_was_changed(tmp_path):
    write_whole(tmp_path / "a.txt", "old")
    (tmp_path / "b.txt").write_text("mine")
    (tmp_path / "b.txt").replace(tmp_path / "a.txt")
    with pytest.raises(BadValue, match="changed since"):
        check_file(tmp_path / "a.txt", force=False)
    check_file(tmp_path / "a.txt", force=True)


def test_what_systola_did_not_write_stays_even_so(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(BadValue, match=r"a\.txt is not systola's; allowed: a new file, or"):
            write_whole(tmp_path / "a.txt", "new", force=force)
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_a_file_that_moved_is_still_systolas(tmp_path):
    write_whole(tmp_path / "a.txt", "old")
    try:
        os.getxattr(tmp_path / "a.txt", whole_files.ATTRIBUTE)
    except OSError:
        pytest.skip("the file system has no extended attributes")
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    write_whole(tmp_path / "b.txt", "new")


def test_a_link_is_followed_and_stays(tmp_path):
    write_whole(tmp_path / "a.txt", "old")
    (tmp_path / "link").symlink_to("a.txt")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a.txt").read_text() == "new"
    (tmp_path / "dangling").symlink_to("b.txt")
    write_whole(tmp_path / "dangling", "new")
    assert (tmp_path / "dangling").is_symlink() and (tmp_path / "b.txt").read_text() == "new"


def test_the_mode_is_the_usual_one_and_stays_what_it_was(tmp_path):
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "a.txt", "old")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "a.txt").chmod(0o600)
    write_whole(tmp_path / "a.txt", "new")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_whole(tmp_path / "pipe", "new")
    reader.join()
    assert found == ["new"] and stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_device_stays_one():
    before = os.stat("/dev/null")
    write_whole(whole_files.Path("/dev/null"), "new")
    assert os.stat("/dev/null").st_ino == before.st_ino


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none/a.txt", "none is missing; allowed: a folder that exists"),
        ("file/a.txt", "file is not a folder; allowed: a folder that exists"),
        ("folder", "folder is a folder; allowed: a file"),
    ],
)
def test_a_place_that_takes_no_file_is_refused(tmp_path, name, said):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadValue, match=said):
        check_file(tmp_path / name, force=True)


def test_a_protected_file_is_refused(tmp_path, monkeypatch):
    write_whole(tmp_path / "a.txt", "old")
    monkeypatch.setattr(whole_files.os, "access", lambda path, mode: False)  # root may write to all
    with pytest.raises(BadValue, match="write-protected"):
        check_file(tmp_path / "a.txt", force=True)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_whole(tmp_path / "a.txt", "old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(whole_files.os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_without_a_cache_files_are_written_too(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path / "file" / "cache"))
    output.write_whole(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_notes_about_files_that_are_gone_go(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_files, "MOST", 5)
    for number in range(8):
        write_whole(tmp_path / f"{number}.txt", "new")
        (tmp_path / f"{number}.txt").unlink()
    assert len(list((whole_files.cache.directory() / whole_files.SHELF).iterdir())) <= 6
