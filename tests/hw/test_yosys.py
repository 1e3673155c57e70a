"""Which Yosys writes Verilog, and what becomes of its errors."""

from importlib import metadata

import pytest

from hw import yosys
from tests.hw.test_emit import Adder, Definition, verilog

pytestmark = pytest.mark.rtl

MODULE = "module \\top\nend\n"


@pytest.fixture(params=[yosys.NATIVE, yosys.FALLBACK])
def package(request, monkeypatch):
    """pyosys, and a machine that has none."""
    monkeypatch.setattr(yosys.util, "find_spec", lambda name: request.param == name or None)
    return request.param


def test_either_writes_the_verilog_and_is_named_in_it(package):
    text = verilog(Definition("adder", Adder()))
    by = ", ".join(f"{name} {metadata.version(name)}" for name in ("amaranth", package))
    assert text.startswith(f"// by {by}\n\nmodule adder(")
    assert "always @(posedge clk)\n    if (rst) o <= 5'h00;" in text
    assert text.endswith("endmodule\n")


def test_its_error_is_told_and_not_its_log(package):
    with pytest.raises(yosys.YosysError, match=r"^ERROR: .*frobnicate"):
        yosys.run_yosys(MODULE, "frobnicate; write_verilog")
