"""`systola synth`: what it prints and leaves behind, and that a wrong request leaves nothing."""

import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from time import perf_counter

import pytest

import systola
from sim.tools import ToolMissing
from synth import flow
from synth.place import nextpnr
from synth.process import SynthesisError
from systola import failures, synthesis
from systola.report import area
from tests.helpers import call

pytestmark = pytest.mark.rtl

REFERENCE = str(Path(__file__).parents[2] / "examples" / "ws16_int8.toml")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One store for all tests here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYSTOLA_CACHE", str(cache))
    return tmp_path


def refused(*words: object) -> str:
    """The one line that a wrong request gives; asserts status 2 and that nothing was written."""
    before = sorted(Path().rglob("*"))
    result = call("synth", *words)
    assert result.exit_code == failures.WRONG, result.output
    assert sorted(Path().rglob("*")) == before and result.stdout == ""
    assert result.stderr.startswith("systola: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("systola: ").strip()


@pytest.fixture
def has_nextpnr():
    """Skips without iCE40's place and route."""
    try:
        nextpnr("ice40")
    except ToolMissing as missing:
        pytest.skip(str(missing))


def asic() -> None:
    """Skips where there is no Liberty, or no OpenSTA."""
    from synth.liberty import default_liberty
    from synth.timing import find_sta

    try:
        default_liberty()
        find_sta()
    except ToolMissing as missing:
        pytest.skip(str(missing))


def test_a_pe_on_ecp5_is_one_dsp_block():
    result = call("synth", REFERENCE, "--target", "ecp5", "--part", "pe", "--no-place")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("ws16_int8, its pe on ecp5")
    written = json.loads(Path("ws16_int8-pe.ecp5.synth.json").read_text())
    assert written["figures"]["DSP blocks"]["value"] == 1
    assert all(figure["source"] for figure in written["figures"].values())


def test_json_is_what_the_file_holds():
    words = ("synth", REFERENCE, "--target", "ecp5", "--part", "pe", "--no-place", "--json", "-o", "pe.json")
    assert call(*words).stdout == Path("pe.json").read_text()


def test_the_picture_has_a_bar_for_each_role():
    Path("small.toml").write_text('[array]\nrows = 2\ncols = 2\ndataflow = "weight"\n')
    call("synth", "small.toml", "--target", "ice40", "--part", "array", "--no-place", "-o", "a.json")
    picture = ET.fromstring(Path("a.area.svg").read_text())
    words = [each.text for each in picture.iter() if each.tag.endswith("text")]
    assert "PE" in words and "systolic/skew" in words
    shares = [part["share"] for part in json.loads(Path("a.json").read_text())["parts"]]
    assert sum(shares) == pytest.approx(1)


def bars(picture, role):
    """Widths of the rows' bars of a role, the first design's first; whether each is pale."""
    tips = [each for each in picture.iter() if each.tag.endswith("rect") and "class" in each.attrib]
    rows = [each for each in tips if not each.get("class").startswith("cause")]
    found = [each for each in rows if each[0].text.startswith(f"{role}: ")]
    return [float(each.get("width")) for each in found], ["fill-opacity" in each.attrib for each in found]


def test_the_picture_of_two_designs_has_one_scale():
    def design(name, *parts):
        found = [{"role": role, "count": count, "own": {"area": area}} for role, count, area in parts]
        figures = {"area": {"value": sum(count * area for _, count, area in parts), "unit": "um2"}}
        return {"design": {"name": name}, "target": "asic", "parts": found, "figures": figures}

    result = design("large", ("PE", 4, 20.0), ("skew", 1, 20.0))
    alone = ET.fromstring(area.standalone(result))
    full, half = pytest.approx(0.8 * area.WIDTH), pytest.approx(0.4 * area.WIDTH)
    assert bars(alone, "PE") == ([full], [False])
    both = ET.fromstring(area.standalone(result | {"against": design("small", ("PE", 2, 20.0))}))
    assert bars(both, "PE") == ([full, half], [False, True])
    words = [each.text for each in both.iter() if each.tag.endswith("text")]
    assert {"large", "small", "80.0, 80.0 %", "40.0, 100.00 %"} <= set(words)


def test_roles_without_a_row_of_their_own_are_together():
    parts = [{"role": f"r{i}", "count": 1, "own": {"luts": 100 - i}} for i in range(area.MOST + 3)]
    found = area.sizes({"target": "ecp5", "parts": parts})
    gathered = area.gathered(found, area.roles([found]))
    assert len(gathered) == area.MOST + 1 and sum(gathered.values()) == sum(found.values())


def test_a_clock_that_is_missed_is_status_1_with_figure_and_path(has_nextpnr):
    result = call("synth", REFERENCE, "--target", "ice40", "--part", "pe", "--clock", 5000, "-o", "pe.json")
    assert result.exit_code == failures.FAILED
    fmax = json.loads(Path("pe.json").read_text())["figures"]["fmax"]["value"]
    assert result.stderr == f"systola: ws16_int8: fmax is {fmax:.4g} MHz; wanted: 5000 MHz\n"
    assert "the slowest path" in result.stdout and Path("pe.area.svg").exists()


def test_a_clock_that_is_reached_is_no_word():
    reached = {"clock_mhz": 100.0, "figures": {"fmax": {"value": 100.0}}, "design": {"name": "a"}}
    missed = reached | {"figures": {"fmax": {"value": 99.9}}, "design": {"name": "b"}}
    assert synthesis.unmet(reached) == [] and synthesis.unmet(reached | {"clock_mhz": None}) == []
    assert synthesis.unmet(reached | {"against": missed}) == ["b: fmax is 99.9 MHz; wanted: 100 MHz"]
    assert synthesis.unmet(missed | {"figures": {}}) == []


def test_an_fpgas_clock_is_the_designs():
    words = ("synth", REFERENCE, "--target", "ice40", "--part", "pe", "--no-place", "-o", "pe.json")
    assert call(*words).exit_code == 0
    assert json.loads(Path("pe.json").read_text())["clock_mhz"] == 250


@pytest.mark.slow
def test_an_array_burns_less_than_the_unit_it_is_in():
    asic()
    Path("small.toml").write_text('[array]\nrows = 2\ncols = 2\ndataflow = "weight"\n')
    array, unit = (systola.synth("small.toml", target="asic", part=part) for part in ("array", "unit"))
    assert 0 < array["figures"]["power"]["value"] < unit["figures"]["power"]["value"]


TILE = """
name = "small"
family = "tile"
[array]
rows = 2
cols = 3
[pe]
kind = "lut"
weight = "uint2"
group = 16
"""


def test_a_tile_has_parts_and_roles():
    Path("small.toml").write_text(TILE)
    gates = systola.synth("small.toml", target="gates")
    roles = Counter(part["role"] for part in gates["parts"] for _ in range(part["count"]))
    assert roles["PE"] == 2 * 3 and roles["tile/scaling"] == 3 and roles["pe/lut"] == 2 + 3


@pytest.mark.slow
def test_a_tile_has_area_clock_and_power():
    asic()
    Path("small.toml").write_text(TILE)
    found = systola.synth("small.toml", target="asic")["figures"]
    assert all(found[name]["value"] > 0 for name in ("area", "fmax", "power", "energy"))


def test_the_parts_of_a_tile_are_its_own():
    Path("small.toml").write_text(TILE)
    wanted = "part is 'array'; allowed: pe, unit, all"
    assert refused("small.toml", "--target", "gates", "--part", "array") == wanted


def test_without_a_liberty_gates_are_counted_and_named_so(monkeypatch):
    def none():
        raise ToolMissing("Liberty file is missing; needed: --liberty FILE")

    monkeypatch.setattr(flow, "default_liberty", none)
    result = call("synth", REFERENCE, "--target", "asic", "--part", "pe", "--no-power")
    assert result.exit_code == 0, result.output
    assert "technology-independent" in result.stdout
    assert {"gate equivalents", "logic depth"} <= set(json.loads(
        Path("ws16_int8-pe.asic.synth.json").read_text())["figures"])  # fmt: skip
    assert "um2" not in result.stdout


def test_a_pe_on_standard_cells_reports_every_way_and_uses_the_smallest():
    asic()
    found = systola.synth(REFERENCE, target="asic", part="pe", power=False)
    assert {way["flags"] for way in found["ways"]} == {"", "noalumacc", "booth"}
    used = [way for way in found["ways"] if way["used"]]
    assert used == [min(found["ways"], key=lambda way: way["area"])]
    assert found["figures"]["fmax"]["value"] > 0 and found["path"]


def test_a_pe_that_was_synthesised_is_found_at_once():
    asic()
    first = systola.synth(REFERENCE, target="asic", part="pe", power=False)
    took = []
    for _ in range(5):
        began = perf_counter()
        assert systola.synth(REFERENCE, target="asic", part="pe", power=False) == first
        took.append(perf_counter() - began)
    assert min(took) < 0.1  # seconds; the machine may be busy with something else


def test_two_designs_stand_side_by_side(in_a_folder):
    other = Path(REFERENCE).read_text().replace('weight = "int8"', 'weight = "int4"')
    Path("narrow.toml").write_text(other)
    words = ("--target", "ice40", "--part", "pe", "--no-place", "-o", "both.json", "--against", "narrow.toml")
    result = call("synth", REFERENCE, *words)
    assert result.exit_code == 0, result.output
    both = json.loads(Path("both.json").read_text())
    for name, ratio in both["ratios"].items():
        mine, theirs = both["figures"][name]["value"], both["against"]["figures"].get(name, {}).get("value")
        assert ratio == (mine / theirs if theirs else None)
    assert "ratio" in result.stdout and "beside it: " in result.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--target", "ecp6"], "target is 'ecp6'; allowed: ecp5, ice40, xc7, asic, gates"),
        (["--target", "asic", "--part", "lane"], "part is 'lane'; allowed: pe, array, unit, all"),
        (["--target", "asic", "--liberty", "no"], "no is missing; allowed: a Liberty file that exists"),
        (["--target", "asic", "--liberty", "."], ". is a directory; allowed: a Liberty file"),
        (["--target", "gates", "--part", "array", "--against", REFERENCE.replace("ws16", "tile8")],
         "tile8_int8: part is 'array'; allowed: pe, unit, all"),
        (["--target", "ecp5", "--liberty", "x"], "--liberty is given with target ecp5; allowed: target asic"),
        (["--target", "ecp5", "-o", "no/a.json"], "no is missing; allowed: a folder that exists"),
        (["--target", "asic", "--against", "x.toml"], "x.toml is missing; allowed: a TOML file that exists"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_word_is_named(words, line):
    assert refused(REFERENCE, *words).endswith(line)


@pytest.mark.parametrize("clock", [0, -5, "nan", "inf"])
def test_a_clock_that_cannot_be_is_named(clock):
    assert refused(REFERENCE, "--target", "asic", "--clock", clock).startswith("clock is ")


@pytest.mark.parametrize(
    "text",
    ["", "library (half) { cell (NAND2X1) { area : 3;", "no liberty at all",
     'library (none) { cell (INV) { area : 1; pin (A) { direction : input; } '
     'pin (Y) { direction : output; function : "!A"; } } }'],
    ids=["empty", "truncated", "other", "no-flip-flop"],
)  # fmt: skip
def test_a_liberty_that_cannot_be_used_is_named(text):
    Path("bad.lib").write_text(text)
    assert "bad.lib" in refused(REFERENCE, "--target", "asic", "--no-power", "--liberty", "bad.lib")


def test_a_failing_tool_is_status_1_with_its_own_words(monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise SynthesisError("yosys: ERROR: out of memory; its log: /x/yosys.log")

    monkeypatch.setattr(flow.store, "remembered", fails)
    result = call("synth", REFERENCE, "--target", "ecp5", "--part", "pe")
    assert (result.exit_code, result.stderr) == (
        failures.FAILED, "systola: yosys: ERROR: out of memory; its log: /x/yosys.log\n")  # fmt: skip
    assert not list(Path().iterdir())
