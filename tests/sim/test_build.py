"""Building: what is refused, what is kept, what is built again."""

import os

import pytest

from golden.check import BadValue
from sim import build
from sim.build import BuildError, build_model
from sim.cache import directory
from sim.driver import CompiledModel
from sim.ports import StreamPort
from sim.tools import ToolMissing
from sim.verilate import VerilogError, verilate_lint

pytestmark = pytest.mark.rtl

PORTS = [StreamPort("i", "in", 8), StreamPort("o", "out", 8)]


def inverter(body: str = "", wide: int = 8) -> str:
    """A model without a register; `body` is added to it."""
    return f"""
module inverter(
  input clk, input rst,
  input i_valid, output i_ready, input [{wide - 1}:0] i_payload,
  output o_valid, input o_ready, output [{wide - 1}:0] o_payload);
  wire unused = clk & rst;
  assign i_ready = o_ready;
  assign o_valid = i_valid;
  assign o_payload = ~i_payload;
  {body}
endmodule
"""


@pytest.fixture(scope="module", autouse=True)
def empty_cache(tmp_path_factory):
    """One cache for these tests, empty at first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYSTOLA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """The C++ files that the test has compiled."""
    seen: list[str] = []
    original = build.compile_all

    def spy(sources, flags, folder):
        seen.extend(os.path.basename(source) for source in sources)
        return original(sources, flags, folder)

    monkeypatch.setattr(build, "compile_all", spy)
    return seen


def entries(kind: str) -> list[str]:
    folder = directory() / kind
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


def test_a_model_that_is_there_is_not_built_again(compiled):
    first = build_model(inverter(), "inverter", PORTS)
    compiled.clear()
    assert build_model(inverter(), "inverter", PORTS) == first
    assert compiled == []


def test_a_change_compiles_the_model_and_not_the_runtime(compiled):
    build_model(inverter(), "inverter", PORTS)
    compiled.clear()
    build_model(inverter("wire more = i_valid; wire unused2 = more;"), "inverter", PORTS)
    assert compiled == ["unit_0.cpp"]


def test_only_design_and_library_are_kept():
    library = build_model(inverter(), "inverter", PORTS)
    assert sorted(os.listdir(library.parent)) == ["contents.json", "design.v", "model.so"]


def test_flags_are_part_of_the_key():
    libraries = {build_model(inverter(), "inverter", PORTS, opt=opt) for opt in ("-O0", "-O1")}
    assert len(libraries) == 2


def test_a_large_model_is_compiled_in_parts_that_fit_together(compiled, monkeypatch):
    monkeypatch.setattr(build, "UNIT_BYTES", 1000)
    monkeypatch.setattr(build.os, "cpu_count", lambda: 2)
    model = CompiledModel(build_model(inverter("// in parts"), "inverter", PORTS))
    assert {"unit_0.cpp", "unit_1.cpp"} <= set(compiled)
    assert model.stride("i") == 1


def test_units_are_of_like_size(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "UNIT_BYTES", 10)
    monkeypatch.setattr(build.os, "cpu_count", lambda: 2)
    sources = [tmp_path / name for name in "abcd"]
    for source, size in zip(sources, (9, 5, 4, 1), strict=True):
        source.write_text("x" * size)
    assert [sorted(path.name for path in unit) for unit in build.units(sources)] == [["a", "d"], ["b", "c"]]


def test_a_small_model_is_one_unit(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("x")
    assert len(build.units([tmp_path / "a", tmp_path / "b"])) == 1


def test_runtime_sources_are_read_from_verilators_list():
    classes = "VM_GLOBAL_FAST += \\\n  verilated \\\n  verilated_vpi \\\n\nVM_GLOBAL_SLOW += \\\n\n# end\n"
    assert [path.name for path in build.runtime_sources(classes)] == ["verilated.cpp", "verilated_vpi.cpp"]


def test_a_warning_that_is_not_waived_is_fatal():
    with pytest.raises(VerilogError, match="UNDRIVEN"):
        build_model(inverter("wire open; wire unused2 = open;"), "inverter", PORTS)


def test_widths_and_unused_signals_are_waived():
    verilate_lint(inverter("wire [3:0] narrow = i_payload;"), "inverter")


def test_lint_says_what_verilator_says():
    with pytest.raises(VerilogError, match="syntax error"):
        verilate_lint("module broken(", "broken")


def test_a_port_of_another_width_does_not_build():
    with pytest.raises(BuildError, match="static assertion failed"):
        build_model(inverter(wide=9), "inverter", PORTS)


def test_a_stream_that_is_not_there_is_named():
    with pytest.raises(BuildError, match="other_valid"):
        build_model(inverter(), "inverter", [*PORTS, StreamPort("other", "in", 8)])


def test_a_build_that_fails_is_not_kept():
    before = entries("model")
    with pytest.raises(BuildError):
        build_model(inverter(wide=10), "inverter", PORTS)
    assert entries("model") == before


def test_an_unknown_level_is_refused():
    with pytest.raises(BadValue, match="opt is '-O9'; allowed: -O0, -O1, -O2, -O3"):
        build_model(inverter(), "inverter", PORTS, opt="-O9")


def test_without_a_compiler_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    build.tool_key.cache_clear()
    with pytest.raises(ToolMissing, match="C\\+\\+ compiler is missing"):
        build_model(inverter("// never built"), "inverter", PORTS)
    build.tool_key.cache_clear()
