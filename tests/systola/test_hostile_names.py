"""Names and paths that mean something to a shell, a page or a script, through what Systola writes, runs."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from golden.check import BadValue
from mapping.result import CAUSES
from systola import control_files, design_file
from systola.demonstration.demo import REFERENCE
from systola.generation import generate
from systola.report import area, ratios, render, svg, timeline
from tests.hostile import HOSTILE

PLAIN = "zz"
DESIGN = '[array]\nrows = 2\ncols = 2\ndataflow = "weight"\n'


class Structure(HTMLParser):
    """Elements with the names of their attributes, in order; no text."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, [name for name, _ in attributes]))

    def handle_endtag(self, tag):
        self.found.append(tag)


def all_said(value, text):
    """A report's dict with every text in it replaced."""
    if isinstance(value, dict):
        return {key: all_said(inner, text) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [all_said(inner, text) for inner in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_page_has_the_same_elements_whatever_it_says(sample, text):
    wanted = Structure(render(all_said(sample, PLAIN))).found
    found = Structure(render(all_said(sample, text))).found
    assert [each for each in found if each[0] != "title" and each != "title"] == [
        each for each in wanted if each[0] != "title" and each != "title"
    ]  # an empty text has no hint beside it


def pictures(text):
    """Each picture of a result whose names are `text`."""
    part = {"role": text, "count": 1, "own": {"area": 2.0}}
    figures = {text: {"value": 2.0, "unit": text}}
    synthesised = {"design": {"name": text}, "target": "asic", "parts": [part], "figures": figures}
    over = {"paper": {"block": text, "area": 0.5, "energy": 0.5}}
    block = {"name": text, "met": False, "area_per_mac_um2": 3.0, "energy_pj": 1.0, "over": over}
    claim = {"what": text, "value": 1.5, "published": 2.0, "verdict": text}
    reproduced = {"title": text, "library": text, "clock_mhz": 1.0, "blocks": [block], "claims": [claim]}
    run = {"cycles": 200, "busy": {"load": [(0, 50)]}, "waiting": {}}
    yield area.standalone(synthesised | {"against": synthesised})
    yield svg.standalone(timeline.draw(run))
    yield svg.standalone(timeline.losses({"losses": dict.fromkeys(CAUSES, 1 / len(CAUSES))}))
    yield ratios.standalone(reproduced)
    yield svg.picture(10, 10, [svg.text(1, 1, text), svg.rect(1, 1, 1, 1, text, text)], text)


@pytest.mark.parametrize("text", sorted(set(HOSTILE) - {""}), ids=ascii)
def test_a_picture_has_the_same_elements_whatever_it_says(text):
    for drawn, plain in zip(pictures(text), pictures(PLAIN), strict=True):
        found, wanted = ElementTree.fromstring(drawn), ElementTree.fromstring(plain)
        assert [(each.tag, sorted(each.attrib)) for each in found.iter()] == [
            (each.tag, sorted(each.attrib)) for each in wanted.iter()
        ]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_design_of_such_a_name_is_refused(name, tmp_path):
    (tmp_path / "d.toml").write_text(f"name = {json.dumps(name)}\n{DESIGN}", encoding="utf-8")
    with pytest.raises(BadValue, match=r"^d\.toml: "):
        design_file.load(tmp_path / "d.toml")
    if name and "/" not in name:
        (tmp_path / f"{name}.toml").write_text(DESIGN)
        with pytest.raises(BadValue):
            design_file.load(tmp_path / f"{name}.toml")


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.rtl
def test_a_generated_folder_is_the_same_wherever_it_is(tmp_path):
    (tmp_path / "small.toml").write_text(DESIGN)
    wanted = files(generate(tmp_path / "small.toml", tmp_path / "plain").folder)
    for number, name in enumerate(sorted(set(HOSTILE) - {""})):
        place = tmp_path / str(number) / name.replace("/", "|")
        place.parent.mkdir()
        if number % 8 == 0:  # a second each
            assert files(generate(tmp_path / "small.toml", place).folder) == wanted
    assert not list(tmp_path.rglob("pwned"))


def test_registers_pages_and_constraints_are_the_same_wherever_they_are_made(tmp_path, monkeypatch):
    wanted = control_files.files(REFERENCE.accelerator, "name", 250.0)
    hostile = tmp_path / "a b ü '\"; $(touch pwned) [exec touch pwned]"
    hostile.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(hostile))
    assert control_files.files(REFERENCE.accelerator, "name", 250.0) == wanted
    assert not list(tmp_path.rglob("pwned"))


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """A folder with a blank and an umlaut, and in it a cache and a place for temporary files."""
    place = tmp_path_factory.mktemp("blank") / "mein Ordner ü"
    for name in ("tmp", "cache"):
        (place / name).mkdir(parents=True)
    (place / "small.toml").write_text(DESIGN)
    (place / "two.csv").write_text("Layer, M, N, K,\nfirst, 4, 4, 4,\n")
    return place


@pytest.mark.rtl
@pytest.mark.parametrize(
    "words",
    [
        ["generate", "small.toml", "-o", "out ü"],
        ["run", "two.csv", "--on", "small.toml", "--engine", "rtl", "--output", "y ü.npz"],
        ["synth", "small.toml", "--target", "gates", "--part", "pe", "-o", "gates ü.json"],
        ["synth", "small.toml", "--target", "ice40", "--part", "pe", "--no-place", "-o", "ice40 ü.json"],
        ["synth", "small.toml", "--target", "asic", "--part", "pe", "--liberty", "cells ü.lib", "--no-power",
         "-o", "asic ü.json"],
    ],
    ids=lambda words: " ".join(words[:4:3]),
)  # fmt: skip
def test_blanks_and_umlauts_in_every_path_work(words, blank):
    if "asic" in words:
        from tests.synth import libraries

        (path,) = libraries.nangate(blank / "tmp")
        path.rename(blank / "cells ü.lib")
    environment = {**os.environ, "SYSTOLA_CACHE": str(blank / "cache"), "TMPDIR": str(blank / "tmp")}
    command = [sys.executable, "-c", "from systola.start import main; main()", *words]
    done = subprocess.run(command, cwd=blank, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (blank / words[words.index("-o" if "-o" in words else "--output") + 1]).exists()
    assert not list(Path(blank / "tmp").iterdir()), "temporary files are left"
