"""`systola reproduce`: what becomes of a claim, what is printed and written, what is refused."""

import json
import xml.etree.ElementTree as ET
from importlib import import_module
from pathlib import Path

import pytest

from synth.process import SynthesisError
from systola import failures
from systola.reproduction import SYSTEMS, bitmod, blocks, command
from systola.reproduction.blocks import BlockTotal
from systola.reproduction.claims import Claim, verdict
from tests.helpers import call


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def made_up(monkeypatch):
    """Measurements that need no tools: a block's place in the list is its area; the last one is late."""

    def measured(given, bench, update):
        update(1, 1, "made up")
        return {
            block.name: BlockTotal(
                name=block.name, inside=block.inside, macs=block.macs, area_um2=1000.0 * place,
                power_mw=place, delay_ns=1.0, met=place < len(given), period_ns=bench.period_ns,
                parts=[{"part": part.name, "count": count, "area_um2": 10.0, "used": "form, way", "ways": [
                    {"form": "form", "way": "way", "area_um2": 10.0, "delay_ns": 1.0, "met": True}]}
                    for part, count in block.parts],
            )
            for place, block in enumerate(given, 1)
        }  # fmt: skip

    monkeypatch.setattr(command, "measure", measured)
    monkeypatch.setattr(blocks, "on_path", lambda *_: object())
    monkeypatch.setattr(blocks, "default_liberty", lambda: Path(__file__))
    monkeypatch.setattr(blocks, "library_of", lambda _: type("Library", (), {"name": "made_up"})())


@pytest.mark.parametrize(
    ("higher", "value", "found"),
    [
        (False, 0.5, "met"), (False, 0.3, "beaten"), (False, 0.7, "not met"), (True, 0.3, "not met"),
        (True, 0.7, "beaten"), (True, None, "no figure"),
    ],
)  # fmt: skip
def test_a_band_is_met_beaten_or_not(higher, value, found):
    assert verdict(Claim(what="", source="", band=(0.4, 0.6), higher=higher), value) == found


@pytest.mark.parametrize(("value", "found"), [(1.2, "shape holds"), (0.9, "not met")])
def test_without_a_band_the_side_of_1_is_the_shape(value, found):
    assert verdict(Claim(what="", source="", published=2.6, higher=True), value) == found
    assert verdict(Claim(what="", source="", higher=True), value) == ""


@pytest.mark.parametrize("name", SYSTEMS)
def test_claims_and_baselines_name_blocks_that_there_are(name):
    system = import_module(f"systola.reproduction.{name}").SYSTEM
    names = [block.name for block in system.blocks()]
    assert len(set(names)) == len(names) and set(system.baselines) == set(names)
    assert {each for pair in system.baselines.values() for each in pair} <= set(names)
    ratios = [claim for claim in system.claims if claim.figure in ("area", "energy")]
    assert {each for claim in ratios for each in (claim.over, claim.of)} <= set(names)


@pytest.mark.parametrize("name", SYSTEMS)
def test_all_of_it_is_written_and_printed(made_up, name):
    result = call("reproduce", name, "--json", "-o", "found")
    assert result.exit_code == 0, result.output
    found = json.loads(Path("found", f"{name}.json").read_text())
    assert json.loads(result.stdout) == found
    assert {path.name for path in Path("found").iterdir()} == {
        "manifest.json", f"{name}.json", f"{name}.svg", f"{name}.txt"
    }  # fmt: skip
    system = import_module(f"systola.reproduction.{name}").SYSTEM
    assert len(found["claims"]) == len(system.claims) and found["clock_mhz"] == system.clock_mhz
    words = [each.text for each in ET.parse(f"found/{name}.svg").iter() if each.tag.endswith("text")]
    assert found["blocks"][0]["name"] in words and f"{found['blocks'][-1]['name']} (late)" in words
    published = next(claim for claim in found["claims"] if claim["published"] and claim["value"])
    assert published["what"] in words
    printed = call("reproduce", name, "-o", "found")
    assert printed.stdout == Path("found", f"{name}.txt").read_text() + "\nwrote found\n"


def test_a_block_that_is_late_gives_no_ratio(made_up):
    result = json.loads(call("reproduce", "lut", "--json").stdout)
    late = result["blocks"][-1]["name"]
    values = {claim["value"] for claim in result["claims"] if late in (claim["over"], claim["of"])}
    assert values == {None}
    assert Path("lut-reproduced/lut.svg").exists()


def test_throughput_is_that_of_the_clock(made_up):
    block = json.loads(call("reproduce", "mixpe", "--clock", "50", "--json").stdout)["blocks"][1]
    # one product a cycle of 20 ns in 2000 um2 at 2 mW: 0.05 GMAC/s
    assert block["gmac_s_mm2"] == pytest.approx(0.05 / 2000e-6)
    assert block["gmac_s_w"] == pytest.approx(0.05 / 2e-3) and block["energy_pj"] == pytest.approx(40)


def test_the_authors_cycle_counts_come_out_exactly():
    exact, speeds = bitmod.counts()
    assert exact == bitmod.TOTAL == 60
    assert [f"{speeds[f'lossless FP16 {phase}']:.2f}" for phase in bitmod.PHASES] == ["1.99", "2.41"]
    lossy = [f"{speeds[f'lossy {over} {phase}']:.2f}" for over in ("ANT", "OliVe") for phase in bitmod.PHASES]
    assert lossy == ["1.72", "1.66", "1.56", "1.39"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["ant"], "reproduce is 'ant'; allowed: mixpe, bitmod, lut, ita, streaming-sdpa, swat"),
        (["lut", "--liberty", "no.lib"], "no.lib is missing; allowed: a Liberty file that exists"),
        (["lut", "--clock", "0"], "clock is 0.0; allowed: 1 to 5000 MHz"),
        (["lut", "--clock", "nan"], "clock is nan; allowed: 1 to 5000 MHz"),
        (["lut", "-o", "no/folder"], "no is missing; allowed: a folder that exists"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_word_is_named_and_nothing_is_written(words, line):
    result = call("reproduce", *words)
    assert result.exit_code == failures.WRONG and result.stdout == "" and not list(Path().iterdir())
    assert result.stderr.startswith("systola: ") and result.stderr.rstrip().endswith(line)


def test_a_stranger_s_folder_is_left_alone():
    Path("mine").mkdir()
    Path("mine/file").write_text("kept")
    assert call("reproduce", "lut", "-o", "mine").exit_code == failures.WRONG
    assert Path("mine/file").read_text() == "kept"


def test_opensta_that_is_missing_is_named(made_up, monkeypatch):
    monkeypatch.setattr(blocks, "on_path", lambda *_: None)
    result = call("reproduce", "lut")
    assert result.exit_code == failures.WRONG and not list(Path().iterdir())
    assert result.stderr == "systola: OpenSTA is missing; allowed: sta on PATH (Debian: opensta)\n"


def test_a_tool_that_fails_leaves_nothing(made_up, monkeypatch):
    def fails(*_):
        raise SynthesisError("yosys: no")

    monkeypatch.setattr(command, "measure", fails)
    result = call("reproduce", "lut")
    assert result.exit_code == failures.FAILED and not list(Path().iterdir())
    assert result.stderr == "systola: yosys: no\n"
