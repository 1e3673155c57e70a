"""What is printed: JSON, tables, progress."""

import json
import time

import numpy as np
import pytest

from systola import output


def test_json_takes_numpys_numbers_and_paths(tmp_path):
    assert json.loads(output.as_json({"n": np.int64(3), "p": tmp_path})) == {"n": 3, "p": str(tmp_path)}


def test_columns_of_numbers_stand_to_the_right():
    lines = output.table(["layer", "cycles"], [["conv", "1,234"], ["a", "7"]]).splitlines()
    assert lines == ["layer  cycles", "conv    1,234", "a           7"]


def test_a_table_without_rows_has_its_head():
    assert output.table(["layer", "cycles"], []) == "layer  cycles"


def test_no_progress_is_shown_without_a_terminal(capsys):
    with output.progress("work") as tell:
        tell("step", 1, 3)
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


def test_names_in_progress_move_no_cursor_and_are_no_markup(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(output, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with output.progress("run") as tell:
        tell("golden: \x1b[2J[red]evil\nlayer[/red]", 1, 2)
        time.sleep(0.3)
        tell("golden: \x1b[2J[red]evil\nlayer[/red]", 2, 2)
    shown = capsys.readouterr().err
    assert "(1 of 2)" in shown and "50%" in shown
    assert r"\x1b[2J[red]evil\nlayer[/red]" in shown and "\x1b[2J" not in shown
