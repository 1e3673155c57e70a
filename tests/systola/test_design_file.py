"""Design files: the examples load, text round-trips, and each wrong value is named with what is allowed."""

import copy
import tomllib
from pathlib import Path

import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.formats.rounding import Rounding
from golden.pe import PES
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from mapping.target import Target
from systola import design_file

EXAMPLES = Path(__file__).parents[2] / "examples"
REFERENCE = tomllib.loads((EXAMPLES / "ws16_int8.toml").read_text())


def changed(key: str, value: object) -> dict:
    """The reference design with the value at a dotted key replaced; None removes it."""
    tables = copy.deepcopy(REFERENCE)
    *path, last = key.split(".")
    table = tables
    for part in path:
        table = table[part]
    table[last] = value
    if value is None:
        del table[last]
    return tables


def message(key: str, value: object) -> str:
    with pytest.raises(BadValue) as refused:
        design_file.parse(changed(key, value), where="ws16.toml")
    return str(refused.value)


def test_the_reference_design_is_what_the_documents_say():
    assert design_file.load(EXAMPLES / "ws16_int8.toml") == Target(
        name="ws16_int8",
        unit=MatrixUnitParams(
            rows=16,
            cols=16,
            dataflow="weight",
            pe=MultiplierParams(weight=Int(8), activation=Int(8), group=65536, registers=0),
            accumulator_rows=1024,
            multiplier_bits=16,
            max_shift=47,
            rounding=Rounding.HALF_UP,
            out=Int(8),
        ),
        weight_buffer=128 * 1024,
        activation_buffer=128 * 1024,
        bytes_per_cycle=16,
        clock_mhz=250.0,
    )


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_an_example_loads_under_its_own_name(path):
    assert design_file.load(path).name == path.stem


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_dumped_loads_to_an_equal_design(path, tmp_path):
    target = design_file.load(path)
    (tmp_path / "again.toml").write_text(design_file.dump(target))
    assert design_file.load(tmp_path / "again.toml") == target


def test_the_registers_of_a_file_reach_the_unit():
    unit = design_file.load(EXAMPLES / "ws16_int8_ecp5.toml").unit
    assert (unit.pe.registers, unit.pe.logic) == (3, True)
    assert (unit.accumulator_registers, unit.requantise_registers, unit.requantise.registers) == (1, 6, 6)


def test_what_a_file_leaves_out_is_as_in_the_reference_design():
    tables = {"array": {"rows": 16, "cols": 16, "dataflow": "weight"}}
    assert design_file.parse(tables, where="x.toml", name="ws16_int8") == design_file.load(
        EXAMPLES / "ws16_int8.toml"
    )


def test_a_design_without_a_name_takes_its_files(tmp_path):
    (tmp_path / "small.toml").write_text('[array]\nrows = 2\ncols = 3\ndataflow = "output"\n')
    assert design_file.load(tmp_path / "small.toml").name == "small"


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("array.rows", 0, "array.rows is 0; allowed: 1 to 128"),
        ("array.cols", 129, "array.cols is 129; allowed: 1 to 128"),
        ("array.rows", 1.5, "array.rows is 1.5; allowed: a whole number"),
        ("array.rows", "16", 'array.rows is "16"; allowed: a whole number'),
        ("array.rows", True, "array.rows is true; allowed: a whole number"),
        ("array.rows", None, "array.rows is missing; allowed: it must be given"),
        ("array.dataflow", "row", "array.dataflow is 'row'; allowed: weight, output, input"),
        ("pe.kind", "lutt", f"pe.kind is 'lutt'; allowed: {', '.join(PES)}"),
        ("pe.weight", "int99", "pe.weight is 'int99'; allowed: int1 to int32, uint1 to uint32"),
        ("pe.weight", "int08", "pe.weight is 'int08'; allowed: int1 to int32, uint1 to uint32"),
        ("pe.activation", 8, "pe.activation is 8; allowed: text in quotes"),
        ("pe.multiplier_registers", 4, "pe.multiplier_registers is 4; allowed: 0 to 3"),
        ("pe.multiplier_logic", 1, "pe.multiplier_logic is 1; allowed: true or false"),
        ("accumulators.registers", 2, "accumulators.registers is 2; allowed: 0 to 1"),
        ("requantise.registers", 7, "requantise.registers is 7; allowed: 0 to 6"),
        ("requantise.multiplier_bits", 0, "requantise.multiplier_bits is 0; allowed: 1 to 32"),
        ("requantise.rounding", "up", "requantise.rounding is 'up'; allowed: half_up, half_even, half_away"),
        ("memory.bytes_per_cycle", 0, "memory.bytes_per_cycle is 0; allowed: 1 to 65536"),
        ("clock.mhz", -1, "clock.mhz is -1.0; allowed: 0.001 to 100000"),
        ("clock.mhz", "fast", 'clock.mhz is "fast"; allowed: a number'),
        ("name", "a b", 'name is "a b"; allowed: a letter, then letters, digits and _, at most 64'),
        ("family", "pim", 'family is "pim"; allowed: systolic, accelerator, tile'),
        ("clock", 5, "clock is 5; allowed: a table"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(key, value, wanted):
    assert message(key, value) == f"ws16.toml: {wanted}"


TILE = {"family": "tile", "array": {"rows": 2, "cols": 3}, "pe": {"kind": "lut"}}


def grouped_message(**tables: dict) -> str:
    with pytest.raises(BadValue) as refused:
        design_file.parse(TILE | tables, where="x.toml")
    return str(refused.value)


@pytest.mark.parametrize(
    ("tables", "wanted"),
    [
        ({"array": {"rows": 2, "cols": 3, "dataflow": "weight"}},
         'array.dataflow is given; allowed: a design of family "systolic" or "accelerator", not "tile"'),
        ({"requantise": {}}, 'requantise is given; allowed: a design of family "systolic", not "tile"'),
        ({"accumulators": {}},
         'accumulators is given; allowed: a design of family "systolic" or "accelerator", not "tile"'),
        ({"memory": {"latency": 3}},
         'memory.latency is given; allowed: a design of family "accelerator", not "tile"'),
        ({"array": {"rows": 0, "cols": 3}}, "array.rows is 0; allowed: 1 to 128"),
        ({"pe": {"kind": "lut", "weight": "int8"}},
         "pe.weight is 'int8'; allowed: uint1, uint2, uint3, uint4"),
        ({"pe": {"kind": "lut", "group": 30}}, "pe.group is 30; allowed: multiples of pe.inputs, 4"),
        ({"pe": {"kind": "mixpe", "weight": "fp8_e4m3"}},
         "pe.weight is 'fp8_e4m3'; allowed: int1 to int32, uint1 to uint32"),
        ({"pe": {"kind": "bitmod", "weight": "int7"}},
         "pe.weight: datatype is 'int7'; allowed: int8, int6, int5, int4, bitmod_fp4, bitmod_fp3"),
        ({"pe": {"kind": "float_multiply_add", "weight": "int4"}},
         "pe.weight is 'int4'; allowed: a floating-point format"),
        ({"family": "systolic", "array": {"rows": 2, "cols": 3}},
         "array.dataflow is missing; allowed: it must be given"),
        ({"family": "systolic", "array": {"rows": 2, "cols": 3, "dataflow": "weight"}},
         "pe.kind is 'lut'; allowed: a design of family \"tile\""),
        ({"family": "systolic", "array": {"rows": 2, "cols": 3, "dataflow": "weight"},
          "pe": {"kind": "mixpe"}, "requantise": {}},
         'requantise is given; allowed: a design with pe.kind = "multiplier"'),
        ({"family": "accelerator", "array": {"rows": 16, "cols": 16, "dataflow": "weight"},
          "pe": {"kind": "float_multiply_add"}},
         "pe is float_multiply_add with sums in fp32; allowed: "
         "one that adds up integers' products in 32 bits"),
        ({"family": "accelerator", "array": {"rows": 16, "cols": 16, "dataflow": "weight"},
          "pe": {"kind": "dequantise"}},
         "pe is dequantise with weights of 16 bits; allowed: 8 bits or fewer for all that a weight carries"),
    ],
)  # fmt: skip
def test_what_a_family_or_a_pe_cannot_hold_is_named(tables, wanted):
    assert grouped_message(**tables) == f"x.toml: {wanted}"


def test_an_unknown_key_is_named_with_the_nearest():
    wanted = "ws16.toml: array.rowz is not a key; allowed: cols, dataflow, rows (did you mean rows?)"
    assert message("array.rowz", 16) == wanted


def test_an_unknown_key_near_none_is_named_alone():
    assert message("array.xyz", 1) == "ws16.toml: array.xyz is not a key; allowed: cols, dataflow, rows"


def test_an_unknown_table_is_named():
    assert message("buffer", {}).startswith(
        "ws16.toml: buffer is not a key; allowed: accumulators, array, buffers,"
    )


def test_a_buffer_too_small_for_one_tile_names_its_key():
    wanted = "buffers.weight_kib * 1024 is 0; allowed: 256 to 1099511627776 (one tile at least)"
    assert message("buffers.weight_kib", 0) == f"ws16.toml: {wanted}"


def test_formats_that_golden_cannot_hold_together_are_refused():
    assert message("requantise.multiplier_bits", 32).startswith(
        "ws16.toml: requantise: accumulator bits + 1 +"
    )


def test_a_missing_file_is_named():
    with pytest.raises(BadValue, match=r"^nowhere/x\.toml is missing; allowed: a TOML file that exists$"):
        design_file.load("nowhere/x.toml")


def test_broken_toml_is_told_with_its_line(tmp_path):
    (tmp_path / "x.toml").write_text("[array]\nrows = \n")
    with pytest.raises(BadValue, match=r"^x\.toml is no TOML \(.*line 2.*\); allowed: a TOML file$"):
        design_file.load(tmp_path / "x.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadValue, match=r"^x\.toml is not UTF-8 text; allowed: a TOML file$"):
        design_file.load(tmp_path / "x.toml")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(BadValue, match=r"is a directory; allowed: a TOML file$"):
        design_file.load(tmp_path)


def test_an_entry_of_a_list_is_named_by_its_place():
    tables = tomllib.loads((EXAMPLES / "accelerator16_int8.toml").read_text())
    tables["units"]["functions"] = ["gelu", 1]
    with pytest.raises(BadValue, match=r"^x\.toml: units\.functions\.1 is 1; allowed: text in quotes$"):
        design_file.parse(tables, where="x.toml")
