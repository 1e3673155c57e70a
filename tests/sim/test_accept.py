"""Icarus and Yosys refuse what they should."""

from importlib import util
from shutil import which

import pytest

from sim import accept
from sim.tools import ToolMissing
from sim.verilate import VerilogError

pytestmark = pytest.mark.rtl

GOOD = "module top(input a, output b);\n  assign b = ~a;\nendmodule\n"
BROKEN = "module top(input a, output b\n"
OPEN = "module top(input a, output b);\n  wire c;\n  assign b = a & c;\nendmodule\n"
LOOP = "module top(input a, output b);\n  wire c;\n  assign c = a & ~b;\n  assign b = c;\nendmodule\n"

icarus = pytest.mark.skipif(which("iverilog") is None, reason="no iverilog")
yosys = pytest.mark.skipif(
    which("yosys") is None and util.find_spec("pyosys") is None, reason="no yosys that reads Verilog"
)


@icarus
def test_icarus_accepts_what_is_right():
    accept.icarus_accepts(GOOD)


@icarus
@pytest.mark.parametrize("text", [BROKEN, GOOD.replace("~a", "~missing")])
def test_icarus_refuses(text):
    with pytest.raises(VerilogError):
        accept.icarus_accepts(text)


@yosys
def test_yosys_accepts_what_is_right():
    accept.yosys_accepts(GOOD, "top")


@yosys
@pytest.mark.parametrize("text", [BROKEN, OPEN, LOOP], ids=["syntax", "undriven", "loop"])
def test_yosys_refuses(text):
    with pytest.raises(VerilogError):
        accept.yosys_accepts(text, "top")


def test_a_missing_icarus_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="iverilog is missing"):
        accept.icarus_accepts(GOOD)


def test_a_missing_yosys_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(accept.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match="yosys is missing"):
        accept.yosys_accepts(GOOD, "top")
