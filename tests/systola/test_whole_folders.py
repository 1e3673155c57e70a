"""A folder of results takes its place whole, and what Systola did not write stays through all of it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from golden.check import BadValue
from sim import leftovers
from systola import exchange, whole_folders
from systola.whole_folders import MANIFEST, check_folder, whole_folder


def write(folder, text="new", names=("a.txt", "sub/b.txt"), **more):
    with whole_folder(folder, by="generate", **more) as building:
        for name in names:
            (building / name).parent.mkdir(exist_ok=True)
            (building / name).write_text(text)


def tree(folder):
    """{path: content} of all that is in a folder, links and folders too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def out(tmp_path):
    """A folder that Systola wrote."""
    folder = tmp_path / "out"
    write(folder, "old")
    return folder


def test_the_manifest_has_the_hash_of_every_file(out):
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest["written_by"] == "systola generate"
    assert set(manifest["files"]) == {"a.txt", "sub/b.txt"}
    assert manifest == whole_folders.sealed(manifest)


def test_what_systola_wrote_and_nobody_touched_is_replaced(out):
    write(out, "new", names=("a.txt", "c.txt"))
    assert set(tree(out)) == {"a.txt", "c.txt", MANIFEST}
    assert (out / "a.txt").read_text() == "new"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_file_that_the_user_deleted_does_not_stop_it(out):
    (out / "a.txt").unlink()
    write(out, "new")
    assert (out / "a.txt").read_text() == "new"


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def instead(path, make):
    path.unlink()
    make(path)


CHANGES = {
    "an edited file": (lambda out: (out / "sub/b.txt").write_text("mine"), "edited: sub/b.txt"),
    "an edited manifest": (
        lambda out: edit(out / MANIFEST, '"bytes": 3', '"bytes": 4'), f"edited: {MANIFEST}",
    ),
    "a file": (lambda out: (out / "sub/mine.v").write_text("x"), "not systola's: sub/mine.v"),
    "a repository": (
        lambda out: subprocess.run(["git", "init", "-q", str(out)], check=True), "not systola's: .git/",
    ),
    "an empty folder": (lambda out: (out / "empty").mkdir(), "not systola's: empty/"),
    "a link": (lambda out: (out / "link").symlink_to("a.txt"), "not systola's: link"),
    "a link for a file": (
        lambda out: instead(out / "a.txt", lambda path: path.symlink_to("sub/b.txt")), "not systola's: a.txt",
    ),
    "a folder for a file": (
        lambda out: instead(out / "a.txt", lambda path: path.mkdir()), "not systola's: a.txt/",
    ),
    "a pipe": (lambda out: os.mkfifo(out / "pipe"), "not systola's: pipe"),
    "many": (
        lambda out: [(out / f"{i}.txt").write_text("x") for i in range(9)],
        "not systola's: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 4 more",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_edited_or_foreign_stops_the_command_and_is_named(out, change):
    make, named = CHANGES[change]
    make(out)
    before = tree(out)
    with pytest.raises(BadValue, match="out is not as systola left it") as refused:
        write(out)
    assert named in str(refused.value)
    assert tree(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("change", CHANGES)
def test_force_replaces_what_systola_wrote_and_keeps_what_is_foreign(out, change):
    make, _ = CHANGES[change]
    make(out)
    before = {name: (out / name).lstat().st_ino for name in tree(out)}
    if change in ("a link for a file", "a folder for a file"):  # where Systola would write
        with pytest.raises(BadValue, match=r"a.txt is not systola's, where systola would write; allowed: "):
            write(out, force=True)
        assert {name: (out / name).lstat().st_ino for name in tree(out)} == before
        return
    write(out, "new", names=("a.txt", "sub/b.txt"), force=True)
    after = {name: (out / name).lstat() for name in tree(out)}
    assert set(after) == set(before)
    assert (out / "a.txt").read_text() == (out / "sub/b.txt").read_text() == "new"
    for name in set(after) - {"a.txt", "sub/b.txt", MANIFEST, "sub"}:
        assert (out / name).is_dir() or after[name].st_ino == before[name], f"{name} is another file"
        assert (out / name).is_dir() or after[name].st_nlink == 1
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_what_changes_while_the_command_runs_stops_it_too(out):
    with pytest.raises(BadValue, match=r"edited: a\.txt"), whole_folder(out, by="generate") as building:
        (building / "a.txt").write_text("new")
        (out / "a.txt").write_text("mine")
    assert (out / "a.txt").read_text() == "mine"


def test_what_comes_in_the_moment_of_the_exchange_is_not_lost(out, monkeypatch):
    (out / "mine").mkdir()
    (out / "mine/one").write_text("1")
    real = exchange.at_once

    def slow(building, place):
        (place / "mine/late").write_text("late")
        (place / "late").write_text("late")
        return real(building, place)

    monkeypatch.setattr(exchange, "at_once", slow)
    write(out, force=True)
    assert {"late", "mine/late", "mine/one"} < set(tree(out))


def test_a_folder_without_anything_of_systolas_is_nobodys_to_replace(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    for force in (False, True):
        with pytest.raises(BadValue, match=r"is not empty and not systola's \(thesis.tex\); allowed"):
            write(tmp_path, force=force)
    assert tree(tmp_path) == {"thesis.tex": b"years"}


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"written_by": "me"}', '{"written_by": 3}'])
def test_a_manifest_of_another_program_is_a_strangers(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(BadValue, match=r"not systola's \(manifest.json\)"):
        write(tmp_path)


def test_a_manifest_names_nothing_outside(out, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    said = {"written_by": "systola generate", "files": ["../mine.txt", "a.txt", "sub/b.txt"]}
    (out / MANIFEST).write_text(json.dumps(said))
    write(out, force=True, names=("c.txt",))
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_folders_of_older_versions_are_systolas_but_may_have_been_edited(tmp_path):
    demo, reproduced = tmp_path / "demo", tmp_path / "reproduced"
    for folder, name, mark in (
        (demo, "report.json", {"command": "systola demo", "files": [{"path": "a.txt", "bytes": 1}]}),
        (reproduced, MANIFEST, {"written_by": "systola 0.1", "files": ["a.txt"]}),
    ):
        folder.mkdir()
        (folder / name).write_text(json.dumps(mark))
        (folder / "a.txt").write_text("old")
        with pytest.raises(BadValue, match=r"edited: a\.txt"):
            write(folder)
        write(folder, force=True)
        assert (folder / "a.txt").read_text() == "new"


def test_a_link_is_followed(out, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(out)
    write(link, "new")
    assert link.is_symlink() and (out / "a.txt").read_text() == "new"
    (tmp_path / "far").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "far" / "new")
    write(tmp_path / "dangling", "new")
    assert (tmp_path / "far/new/a.txt").read_text() == "new" and (tmp_path / "dangling").is_symlink()


def test_a_loop_of_links_and_a_missing_parent_are_refused(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for folder in (tmp_path / "loop" / "out", tmp_path / "none" / "out"):
        with pytest.raises((BadValue, OSError)):
            write(folder)
    with pytest.raises(BadValue, match="none is missing; allowed: a folder that exists"):
        check_folder(tmp_path / "none" / "out", force=False)


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("file")
    with pytest.raises(BadValue, match="out is a file; allowed: a folder"):
        write(tmp_path / "out", force=True)


def test_a_folder_that_fails_half_way_leaves_the_old_one_alone(out):
    with pytest.raises(RuntimeError), whole_folder(out, by="generate") as building:
        (building / "a.txt").write_text("half")
        raise RuntimeError
    assert (out / "a.txt").read_text() == "old"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_used_and_a_new_one_has_the_usual_mode(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out")
    assert (tmp_path / "out/a.txt").exists()
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


KILLED = """
import os, signal, sys
from pathlib import Path
from systola import exchange
from systola.whole_folders import whole_folder
how, out = sys.argv[1], Path(sys.argv[2])
renames, real = [], Path.rename
def rename(self, target):
    if "+" not in self.name:
        renames.append(self)
    if how == "before" and len(renames) == 1 or how == "between" and len(renames) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    found = real(self, target)
    if how == "after" and len(renames) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
exchange.at_once = lambda first, second: False
Path.rename = rename
with whole_folder(out, by="generate") as building:
    (building / "a.txt").write_text("new")
"""


@pytest.mark.parametrize("how", ["before", "between", "after"])
def test_without_an_exchange_the_next_command_ends_what_a_kill_broke_off(out, how):
    ended = subprocess.run([sys.executable, "-c", KILLED, how, str(out)])
    assert ended.returncode == -signal.SIGKILL
    check_folder(out, force=False)
    assert (out / "a.txt").read_text() == {"before": "old"}.get(how, "new")
    write(out, "newer")
    assert (out / "a.txt").read_text() == "newer"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_without_an_exchange_it_works_in_two_steps(out, monkeypatch):
    monkeypatch.setattr(exchange, "at_once", lambda first, second: False)
    write(out, "new")
    assert (out / "a.txt").read_text() == "new"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_two_names_are_exchanged_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert exchange.at_once(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "one/two").exists() and (tmp_path / "two/one").exists()
    with pytest.raises(FileNotFoundError):
        exchange.at_once(tmp_path / "one", tmp_path / "three")


def test_what_a_killed_command_left_goes_and_nothing_else(out):
    parent = out.parent
    left = parent / ".out.systola-abcdefgh"
    left.mkdir()
    (left / "half").write_text("half")
    others = [".out.mine", ".out.systola-abc", "out.systola-abcdefgh", ".other.systola-abcdefgh", ".outx"]
    for name in others:
        (parent / name).mkdir()
    with leftovers.folder(parent, ".out") as running:
        write(out, "new")
        assert running.is_dir(), "it is a running command's"
    assert {path.name for path in parent.iterdir()} == {"out", *others}
