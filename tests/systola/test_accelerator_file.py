"""Design files of accelerators: the example loads, text round-trips, wrong values are named."""

import copy
import tomllib
from pathlib import Path

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.check import BadValue
from systola import design_file

EXAMPLE = Path(__file__).parents[2] / "examples" / "accelerator16_int8.toml"
SYSTOLIC = 'a design of family "systolic", not "accelerator"'
REFERENCE = tomllib.loads(EXAMPLE.read_text())


def message(table: str, key: str, value: object) -> str:
    tables = copy.deepcopy(REFERENCE)
    tables.setdefault(table, {})[key] = value
    with pytest.raises(BadValue) as refused:
        design_file.parse(tables, where="a.toml")
    return str(refused.value)


def test_the_example_is_the_default_accelerator_with_shorter_sums():
    target = design_file.load(EXAMPLE)
    assert target.accelerator == AcceleratorParams(unit=target.unit)
    assert (target.unit.pe.group, target.memory_latency, target.bytes_per_cycle) == (32768, 50, 16)
    assert target.weight_buffer + target.activation_buffer == 8 * 2048 * 16


def test_text_round_trips():
    target = design_file.load(EXAMPLE)
    assert design_file.parse(tomllib.loads(design_file.dump(target)), where="b.toml") == target


@pytest.mark.parametrize(
    ("table", "key", "value", "wanted"),
    [
        ("array", "rows", 12, "array.rows is 12; allowed: 4, 8, 16, 32, 64"),
        ("array", "cols", 8, "array.cols is 8; allowed: 16"),
        ("array", "dataflow", "output", "array.dataflow is 'output'; allowed: weight"),
        ("pe", "weight", "int9", "pe.weight width is 9; allowed: 1 to 8 (a byte of a word)"),
        ("scratchpad", "banks", 3, "scratchpad.banks is 3; allowed: 2, 4, 8, 16"),
        ("memory", "latency", 0, "memory.latency is 0; allowed: 1 to 4096"),
        ("memory", "bytes_per_cycle", 8, "memory.bytes_per_cycle is 8; allowed: 16"),
        ("units", "functions", "gelu", 'units.functions is "gelu"; allowed: a list'),
        ("buffers", "weight_kib", 1, f"buffers is given; allowed: {SYSTOLIC}"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(table, key, value, wanted):
    assert message(table, key, value) == f"a.toml: {wanted}"


def test_a_matrix_unit_alone_takes_no_table_of_an_accelerator():
    tables = tomllib.loads((EXAMPLE.parent / "ws16_int8.toml").read_text())
    with pytest.raises(BadValue, match='scratchpad is given; allowed: a design of family "accelerator"'):
        design_file.parse({**tables, "scratchpad": {}}, where="ws16.toml")
