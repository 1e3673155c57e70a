"""Names from files and paths of users, through every script that a tool of synthesis is given."""

from pathlib import Path

import pytest

from golden.check import BadValue
from sim.tools import ToolMissing
from synth import asic, asic_script, checks, folders, fpga, gates, harness, hierarchy, timing, truth, yosys
from synth.liberty import Liberty
from synth.memories import Shape
from synth.power import power
from synth.timing import find_sta
from tests.hostile import HOSTILE
from tests.synth import libraries

ADDER = """module adder(input clk, input [3:0] a, input [3:0] b, output reg [3:0] y);
  always @(posedge clk) y <= a + b;
endmodule
"""
NAMES = sorted(set(HOSTILE) - {"", "a\\", "$$"})  # "" is no file, the two are harmless to Yosys


@pytest.fixture
def library(tmp_path):
    return Liberty.read(libraries.nangate(tmp_path))


def quoted(name):
    """A name as a Liberty file writes it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("what", ["cell", "pin", "state"])
def test_a_liberty_with_such_a_name_is_refused(what, name, tmp_path):
    (path,) = libraries.nangate(tmp_path)
    old = {"cell": "cell (TIE_X1)", "pin": "pin (DE)", "state": "ff (IQ,IQN)"}[what]
    text = path.read_text()
    assert old in text
    head, _, rest = old.partition("(")
    path.write_text(text.replace(old, f"{head}({quoted(name)}{',IQN' if ',' in rest else ''})", 1))
    with pytest.raises(BadValue, match=r"nangate\.lib"):
        Liberty.read(path)


@pytest.mark.parametrize("name", ["\x1b[2Jx", "ü", "a\nb", "x" * 300], ids=ascii)
def test_a_librarys_name_is_printable(name, tmp_path):
    (path,) = libraries.nangate(tmp_path)
    path.write_text(path.read_text().replace("library (NangateLike)", f"library ({quoted(name)})", 1))
    with pytest.raises(BadValue, match="library name is "):
        Liberty.read(path)


@pytest.mark.parametrize("name", ["A-B_X1", "A.B$X1", "74AC00", "a__b_1"])
def test_names_of_real_libraries_pass(name, tmp_path):
    (path,) = libraries.nangate(tmp_path)
    path.write_text(path.read_text().replace("cell (TIE_X1)", f"cell ({name})", 1))
    assert name in Liberty.read(path).cells


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_such_a_module_is_refused_by_every_script(name, tmp_path, library, monkeypatch):
    ran = []
    monkeypatch.setattr(yosys.process, "run", lambda *words, **more: ran.append(words))
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path / "cache"))
    verilog = ADDER.replace("adder", name)
    places = (tmp_path, tmp_path / "n.v", tmp_path / "n.json")
    mapped = asic.MappedNetlist(name, *places, library, True, "", "area", None, 0, 0, 0, 0, 0, {}, ())
    for work in (
        lambda: asic.map_asic(verilog, name, library, tmp_path / "a"),
        lambda: gates.count_gates(verilog, name, tmp_path / "g"),
        lambda: fpga.synthesise_fpga(verilog, name, "ecp5", tmp_path / "f"),
        lambda: checks.assert_sound(tmp_path, "design.v", name),
        lambda: checks.assert_sound(tmp_path, name, "adder"),
        lambda: checks.assert_mapped_sound(tmp_path, name, "adder", []),
        lambda: checks.assert_mapped_sound(tmp_path, "a.json", "adder", [name]),
        lambda: hierarchy.explore(verilog, name),
        lambda: hierarchy.flat(verilog, name),
        lambda: truth.prove(verilog, mapped, tmp_path / "p", verilog=verilog),
        lambda: asic.map_asic(ADDER, "adder", library, tmp_path / "d", dont_use=[f"{name};"]),
        lambda: asic_script.styled(name, "cell", Shape(16, 8, 1, 0, 1, 8)),
    ):
        with pytest.raises(BadValue):
            work()
    assert not ran


def whole(folder, files):
    """Map, time and burn an adder with a library's files in a folder."""
    library = Liberty.read(tuple(files))
    mapped = asic.map_asic(ADDER, "adder", library, folder, flatten=True, period_ns=10.0)
    try:
        find_sta()
    except ToolMissing as missing:
        pytest.skip(str(missing))
    return mapped.area_um2, timing.critical_path(mapped, library, folder, 10.0).delay_ns


@pytest.mark.rtl
def test_a_library_may_lie_anywhere(tmp_path):
    (path,) = libraries.nangate(tmp_path)
    wanted = whole(tmp_path / "plain", [path])
    for number, name in enumerate((*NAMES, "a b/ü/$(touch pwned)/'\"; exec touch pwned; [exec touch pwned]")):
        place = tmp_path / f"{number}" / name / "cells $(touch pwned).lib"
        place.parent.mkdir(parents=True)
        place.write_bytes(path.read_bytes())
        names = Liberty.read(place).plain(place.parent)
        assert names == ["liberty_0.lib"] and (place.parent / names[0]).samefile(place)
    assert whole(tmp_path / "other", [place]) == wanted
    assert not list(tmp_path.rglob("pwned"))


def test_a_gzipped_library_does_not_replace_what_a_link_leads_to(tmp_path):
    (plain,) = libraries.nangate(tmp_path)
    (gzipped,) = libraries.sky130(tmp_path)
    before = plain.read_bytes()
    Liberty.read(plain).plain(tmp_path)
    Liberty.read(gzipped).plain(tmp_path)
    assert plain.read_bytes() == before
    assert "sky130_like" in (tmp_path / "liberty_0.lib").read_text()


@pytest.mark.rtl
def test_a_folder_with_blanks_and_letters_of_any_alphabet_works(tmp_path):
    files = libraries.nangate(tmp_path)
    wanted = whole(tmp_path / "plain", files)
    assert whole(tmp_path / "a b (ü漢) #1 [x] {y}", files) == wanted


UNFIT = ['a"b', "a'b", "a;b", "$(touch pwned)", "`touch pwned`", "a\nb", "a\\b"]


@pytest.mark.rtl
@pytest.mark.parametrize("name", UNFIT, ids=ascii)
def test_a_folder_that_yosys_cannot_work_in_is_refused_or_left(name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    with pytest.raises(BadValue, match="folder for Yosys is "):
        yosys.yosys(["log hello"], tmp_path / name)
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path / name))
    with folders.workplace("work") as folder:
        yosys.yosys(["log hello"], folder)
    assert not list(tmp_path.rglob("pwned")) and not folder.exists()


@pytest.mark.rtl
def test_the_tools_temporary_files_are_in_the_folder(tmp_path, library, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "a b"))  # it is not there
    asic.map_asic(ADDER, "adder", library, tmp_path / "work", flatten=True)
    assert not (tmp_path / "a b").exists()


def test_the_harness_has_names_of_its_module_alone():
    assert "module harness(" in harness.wrap("adder", {}).verilog


@pytest.mark.rtl
def test_power_takes_cells_whose_names_verilog_escapes(tmp_path):
    """`A-B` is no word of Verilog, and OpenSTA reads it escaped."""
    from synth.activity import activity
    from synth.gate_netlist import layout_of
    from synth.gate_simulator import GateSimulator

    (path,) = libraries.nangate(tmp_path)
    path.write_text(path.read_text().replace("NAND2_X1", "NAND2-X1").replace("DFF_X1)", "D-FF_X1)", 1))
    library = Liberty.read(path)
    mapped = asic.map_asic(ADDER, "adder", library, tmp_path / "work", flatten=True)
    assert "NAND2-X1" in mapped.by_kind
    try:
        find_sta()
    except ToolMissing as missing:
        pytest.skip(str(missing))
    layout = layout_of(mapped)
    run = GateSimulator(layout).run(window=(0, 16), cycles=16)
    assert power(mapped, activity(layout, run), Path(tmp_path / "power"), 10.0).total >= 0
