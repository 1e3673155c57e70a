"""The register map: a table without overlaps, and SystemRDL that a compiler reads as it was meant."""

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import ADDRESS_BITS, Cause, registers, system_rdl
from golden.systolic.params import MatrixUnitParams

P = AcceleratorParams()
MAP = registers(P)
RDL_ACCESS = {"read": "r", "write": "rw", "pulse": "w", "event": "rw"}


def compiled(p, tmp_path):
    systemrdl = pytest.importorskip("systemrdl")
    path = tmp_path / "registers.rdl"
    path.write_text(system_rdl(p))
    compiler = systemrdl.RDLCompiler()
    compiler.compile_file(str(path))
    return compiler.elaborate().top


def test_registers_are_aligned_and_apart():
    offsets = [register.offset for register in MAP]
    assert offsets == sorted(set(offsets))
    assert all(offset % 4 == 0 and offset < 1 << ADDRESS_BITS for offset in offsets)


@pytest.mark.parametrize("register", MAP, ids=lambda register: register.name)
def test_fields_are_apart_and_hold_their_reset(register):
    used = 0
    for field in register.fields:
        bits = (1 << field.width) - 1 << field.low
        assert not used & bits and bits < 1 << 32, field.name
        assert field.reset < 1 << field.width, field.name
        used |= bits


@pytest.mark.parametrize("lanes", [4, 16, 64])
def test_system_rdl_says_what_the_table_says(lanes, tmp_path):
    p = AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes), functions=())
    found = {node.inst_name: node for node in compiled(p, tmp_path).registers()}
    assert list(found) == [register.name for register in registers(p)]
    for register in registers(p):
        node = found[register.name]
        assert node.address_offset == register.offset
        fields = {field.inst_name: field for field in node.fields()}
        assert list(fields) == [field.name for field in register.fields]
        for field in register.fields:
            each = fields[field.name]
            assert (each.low, each.width) == (field.low, field.width)
            assert each.get_property("sw").name == RDL_ACCESS[field.access]
            if register.constant or field.access != "read":
                assert each.get_property("reset") == field.reset
            assert bool(each.get_property("singlepulse")) == (field.access == "pulse")
            assert (each.get_property("onwrite") is not None) == (field.access == "event")


def test_every_cause_fits_its_field():
    (code,) = (f for register in MAP if register.name == "CAUSE" for f in register.fields if f.name == "code")
    assert max(Cause) < 1 << code.width
    assert all(f"{int(cause)}: " in code.what for cause in Cause)
