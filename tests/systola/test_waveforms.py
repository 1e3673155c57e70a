"""Which cycles --window asks for, and what the waveform's file is called."""

from pathlib import Path

import pytest

from golden.check import BadValue
from systola.waveforms import WaveRequest, asked
from tests.helpers import call

REFERENCE = str(Path(__file__).parents[2] / "examples" / "ws16_int8.toml")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("two.csv").write_text("Layer, M, N, K,\nfirst, 4, 4, 4,\nsecond, 4, 4, 4,\n")


def test_the_last_cycle_of_a_window_is_in_it():
    request = asked("first", (5, 5), "rtl", False)
    assert request is not None and request.window == (5, 6)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("encoder/1:dense", "encoder_1_dense"), ("日本", "日本"), ("../../etc/x", "etc_x"), ("...", "layer"),
        ("", "layer"), ("l" * 300, "l" * 200), ("ü" * 300, "ü" * 100),
    ],
)  # fmt: skip
def test_a_file_is_called_as_its_layer_as_far_as_files_can_be(layer, name):
    assert WaveRequest(layer=layer).path == Path("waves") / f"{name}.fst"


def test_a_window_behind_the_layer_is_refused_before_anything_runs():
    words = ("run", "two.csv", "--on", REFERENCE, "--engine", "rtl", "--waves", "first", "--window")
    wanted = {"999:": "'999:'", "999:999": "from cycle 999; allowed: cycles of first, under "}
    for window, what in wanted.items():
        found = call(*words, window)
        assert found.exit_code == 2 and f"--window is {what}" in found.stderr
    assert not Path("waves").exists()


def test_a_file_in_the_folders_place_is_named():
    Path("waves").write_text("")
    with pytest.raises(BadValue, match="waves is a file; allowed: a folder, new or there"):
        asked("first", None, "rtl", False)
