"""The table of units: every unit keeps the contract, and what cannot stand beside another is refused."""

import dataclasses
from types import SimpleNamespace

import pytest

from golden.accelerator import units
from golden.accelerator.commands import BITS, KINDS, Opcode
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import Cause, counters
from golden.accelerator.unit_timing import UnitTiming
from hw.accelerator import units as hardware
from mapping.backends.program.units import lowerings

P = AcceleratorParams()
CONTRACT = ("NUMBER", "Params", "COMMANDS", "READERS", "WRITERS", "MEMORY", "STREAMS", "CAUSES", "State",
            "footprint", "work", "execute", "Timing")  # fmt: skip


@pytest.mark.parametrize("name", units.UNITS)
def test_a_unit_has_what_the_contract_lists(name):
    its = units.unit(name)
    for each in CONTRACT:
        assert f"\n    {each}" in units.__doc__ and hasattr(its, each)
    assert 0 <= its.NUMBER < KINDS
    assert all(opcode.unit == its.NUMBER and opcode.bits <= BITS for opcode in its.COMMANDS)
    assert issubclass(its.State, units.UnitState) and issubclass(its.Timing, UnitTiming)
    assert all(Cause.of(code).name == cause for cause, (code, _) in its.CAUSES.items())


@pytest.mark.parametrize("name", units.UNITS)
def test_its_hardware_has_the_members_that_golden_says(name):
    its, members = units.unit(name), hardware.signature(P, name)
    assert ("memory" in members, "fault" in members) == (bool(its.MEMORY), bool(its.CAUSES))
    assert set(members["scratch"].signature.members) == {*its.READERS, *its.WRITERS}
    assert set(its.STREAMS) <= set(members)


@pytest.mark.parametrize("name", units.UNITS)
def test_the_mapping_knows_what_it_does(name):
    assert callable(lowerings(name).accepts)
    assert all(dataclasses.is_dataclass(kind) for kind in lowerings(name).OPERATIONS)


def test_counters_are_of_the_units_that_there_are():
    busy = [name for name, _ in counters(P) if name.endswith("_BUSY")]
    assert busy == ["LOAD_BUSY", "MATRIX_BUSY", "VECTOR_BUSY", "STORE_BUSY"]


@pytest.fixture
def table(monkeypatch):
    """units.unit with other modules: by name, what differs from a unit's own."""

    own = units.unit

    def changed(**others):
        made = {
            name: SimpleNamespace(**{**vars(own(name)), **others.get(name, {})}) for name in units.UNITS
        }
        monkeypatch.setattr(units, "unit", made.__getitem__)

    return changed


def test_two_units_of_one_number_are_refused(table):
    table(store={"NUMBER": 0})
    with pytest.raises(TypeError, match=r"NUMBERs are .*'load': 0.*'store': 0"):
        units.numbers.__wrapped__()


def test_two_ports_of_one_rank_or_name_are_refused(table):
    table(store={"READERS": {"stored": 10}})
    with pytest.raises(TypeError, match="two units' READERS have the same name or rank"):
        units.ports(units.UNITS, "READERS")
    table(store={"READERS": {"top": 30}})
    with pytest.raises(TypeError, match="two units' READERS have the same name or rank"):
        units.ports(units.UNITS, "READERS")


def test_a_stream_that_nobody_takes_is_refused(table):
    table(vector={"STREAMS": {}})
    with pytest.raises(TypeError, match=r"stream sums is made by \['matrix'\] and taken by \[\]"):
        units.streams(units.UNITS)


def test_two_commands_of_one_number_are_refused(table):
    table(store={"COMMANDS": (Opcode(3, 0, "STORE"), Opcode(3, 0, "PUT"))})
    with pytest.raises(TypeError, match="two commands have the same number or name"):
        units.opcodes.__wrapped__()
