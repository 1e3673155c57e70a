"""Results are written whole, and nobody's files are replaced."""

import json

import numpy as np
import pytest

from golden.check import BadValue
from systola import output


def test_a_file_is_written_with_its_content(tmp_path):
    output.write_whole(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(output.os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        output.write_whole(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_in_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(BadValue, match="none is missing; allowed: a folder that exists"):
        output.write_whole(tmp_path / "none" / "a.txt", "new")


def write(folder, text, **more):
    with output.whole_folder(folder, **more) as building:
        (building / "a.txt").write_text(text)
        (building / output.MANIFEST).write_text('{"written_by": "systola generate"}')


def test_a_folder_appears_whole(tmp_path):
    with output.whole_folder(tmp_path / "out") as building:
        (building / "a.txt").write_text("x")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a.txt").read_text() == "x"


def test_a_folder_that_systola_wrote_is_replaced(tmp_path):
    write(tmp_path / "out", "old")
    write(tmp_path / "out", "new")
    assert (tmp_path / "out" / "a.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_used(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "new")
    assert (tmp_path / "out" / "a.txt").exists()


def test_a_strangers_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(
        BadValue, match="is not empty and not systola's; allowed: a new or empty folder, or --force"
    ):
        write(tmp_path, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"written_by": "me"}'])
def test_a_manifest_of_another_program_is_a_strangers(tmp_path, text):
    (tmp_path / output.MANIFEST).write_text(text)
    with pytest.raises(BadValue, match="not systola's"):
        write(tmp_path, "new")


def test_a_demos_folder_is_systolas(tmp_path):
    (tmp_path / "report.json").write_text('{"command": "systola demo"}')
    assert output.is_ours(tmp_path)


def test_force_replaces_a_strangers_folder(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.txt").write_text("b")
    write(tmp_path / "out", "new", force=True)
    assert not (tmp_path / "out" / "b.txt").exists()


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("file")
    with pytest.raises(BadValue, match="out is a file; allowed: a folder"):
        write(tmp_path / "out", "new", force=True)


def test_a_folder_that_fails_half_way_leaves_the_old_one_alone(tmp_path):
    write(tmp_path / "out", "old")
    with pytest.raises(RuntimeError), output.whole_folder(tmp_path / "out") as building:
        (building / "a.txt").write_text("half")
        raise RuntimeError
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_json_takes_numpys_numbers_and_paths(tmp_path):
    assert json.loads(output.as_json({"n": np.int64(3), "p": tmp_path})) == {"n": 3, "p": str(tmp_path)}


def test_columns_of_numbers_stand_to_the_right():
    lines = output.table(["layer", "cycles"], [["conv", "1,234"], ["a", "7"]]).splitlines()
    assert lines == ["layer  cycles", "conv    1,234", "a           7"]


def test_a_table_without_rows_has_its_head():
    assert output.table(["layer", "cycles"], []) == "layer  cycles"


def test_no_progress_is_shown_without_a_terminal(capsys):
    with output.progress(3, "work") as update:
        update(1, "step")
    assert capsys.readouterr().err == ""


def test_json_is_strict():
    found = output.as_json({"a": float("inf"), "b": [np.float32("nan"), 1.5], "c\ud800": "\udfff\n"})
    assert json.loads(found, parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, 1.5],
        "c\\ud800": "\\udfff\n",
    }


def test_names_in_tables_move_no_cursor():
    lines = output.table(["layer"], [["\x1b[2J\nb\u202e"]]).splitlines()
    assert lines == ["layer", r"\x1b[2J\nb\u202e"]


def test_lines_keep_their_ends_and_tabs_alone():
    assert output.lines("a\tb\r\n\x07c\ud800") == "a\tb\\r\n\\x07c\\ud800"
