"""`systola reproduce` of values and counts: ITA."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from systola import failures
from systola.reproduction import COUNTED, ita
from tests.helpers import call


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


ON_RTL = ("streaming-sdpa", "swat")
NAMES = [pytest.param(name, marks=pytest.mark.rtl) if name in ON_RTL else name for name in COUNTED]


@pytest.mark.parametrize("name", NAMES)
def test_all_of_it_is_written_and_printed(name):
    result = call("reproduce", name, "--json", "-o", "found")
    assert result.exit_code == 0, result.output
    found = json.loads(Path("found", f"{name}.json").read_text())
    assert json.loads(result.stdout) == found
    files = {"manifest.json", *(f"{name}.{kind}" for kind in ("json", "svg", "txt"))}
    assert {path.name for path in Path("found").iterdir()} == files
    words = [each.text for each in ET.parse(f"found/{name}.svg").iter() if each.tag.endswith("text")]
    assert {line["name"] for curve in found["curves"] for line in curve["lines"]} <= set(words)
    printed = call("reproduce", name, "-o", "found")
    assert printed.stdout == Path("found", f"{name}.txt").read_text() + "\nwrote found\n"


def test_every_claim_of_ita_is_met():
    found = json.loads(call("reproduce", "ita", "--json").stdout)
    assert {claim["verdict"] for claim in found["claims"]} == {"met"}
    sums = {int(row[0]): row[1:] for row in found["tables"][0]["rows"]}
    assert list(sums) == [16, 32, 64, 128, 256, 512, 1024, 2048]
    assert {each[2] for each in sums.values()} == {"1.000000"}
    assert [int(sums[keys][0]) for keys in (64, 128, 256, 512)] == [192, 128, 0, 0]


def test_a_value_that_differs_is_counted(monkeypatch):
    wrong = dict(ita.vectors())
    wrong["softmax_flat_64__p"] = wrong["softmax_flat_64__p"] + 1
    wrong["gelu_code"] = wrong["gelu_code"] * 0
    monkeypatch.setattr(ita, "vectors", lambda: wrong)
    verdicts = [claim.what for claim, value in ita.claims() if value != claim.published]
    assert ita.equal_rows() == 76
    assert verdicts[:2] == ["rows of softmax equal to theirs", "codes of the GELU equal to theirs"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--clock", "50"], "clock is 50.0; allowed: none: ita has values and counts, and no cells"),
        (["--liberty", "a.lib"], "liberty is a.lib; allowed: none: ita has values and counts, and no cells"),
    ],
)
def test_cells_are_refused(words, line):
    result = call("reproduce", "ita", *words)
    assert result.exit_code == failures.WRONG and not list(Path().iterdir())
    assert result.stderr.rstrip().endswith(line)
