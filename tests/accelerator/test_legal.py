"""Which commands are legal: the table's words, by hand."""

import pytest

from golden.accelerator.commands import BITS, FIELDS, HEADER, Opcode
from golden.accelerator.legal import illegal, places, unit_of, used_bits
from golden.accelerator.params import AcceleratorParams
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams

PE = MultiplierParams(group=1024 + 15)  # 64 passes of 16 products, and not one more
P = AcceleratorParams(unit=MatrixUnitParams(pe=PE, accumulator_rows=100), functions=("gelu",))
PASSES = "count_k0 * count_k1 * count_k2"


def packed(opcode, **values):
    """A command whose fields are the least that is legal, but for `values`."""
    word = int(opcode)
    for name, (field, low) in places(opcode).items():
        if name != "opcode":
            word |= values.get(name, field.least or 0) << low
    return word


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_the_least_of_all_fields_is_legal(opcode):
    assert illegal(P, packed(opcode)) == ""


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_a_zero_count_is_not(opcode):
    for field in FIELDS[opcode]:
        if field.least:
            assert illegal(P, packed(opcode, **{field.name: 0})) == f"{field.name} is 0"


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_a_bit_beyond_the_fields_is_not(opcode):
    for bit in range(used_bits(opcode), BITS):
        assert illegal(P, packed(opcode) | 1 << bit) == "bits beyond the fields"


def test_fields_follow_one_another():
    for opcode in Opcode:
        at = 0
        for field, low in places(opcode).values():
            assert low == at
            at += field.width
        assert at == used_bits(opcode) <= BITS
        assert list(places(opcode))[: len(HEADER)] == [field.name for field in HEADER]


def test_opcodes_name_their_unit():
    found = {opcode.name: unit_of(opcode) for opcode in Opcode}
    assert (found["END"], found["FENCE"], found["LOAD"], found["GATHER"]) == (-1, -1, 0, 0)
    assert (found["MULTIPLY"], found["NORMALISE"], found["STORE"]) == (1, 2, 3)


@pytest.mark.parametrize(
    "opcode, values, what",
    [
        (Opcode.END, {"wait": 1}, "tokens of a control command"),
        (Opcode.FENCE, {"signal": 8}, "tokens of a control command"),
        (Opcode.MULTIPLY, {"count_x": 101}, "count_x * count_y is 101"),
        (Opcode.MULTIPLY, {"count_x": 2, "count_y": 51}, "count_x * count_y is 102"),
        (Opcode.MULTIPLY, {"count_x": 2, "count_y": 50}, ""),
        (Opcode.MULTIPLY, {"count_k0": 64}, ""),
        (Opcode.MULTIPLY, {"count_k0": 4, "count_k1": 4, "count_k2": 4}, ""),
        (Opcode.MULTIPLY, {"count_k0": 65}, f"{PASSES} is 65, passes of 16 products"),
        (Opcode.MULTIPLY, {"count_k1": 65}, f"{PASSES} is 65, passes of 16 products"),
        (Opcode.MULTIPLY, {"count_k2": 65}, f"{PASSES} is 65, passes of 16 products"),
        (Opcode.MULTIPLY, {"count_k0": 5, "count_k1": 13}, f"{PASSES} is 65, passes of 16 products"),
        (Opcode.MULTIPLY, {"count_k0": 5, "count_k2": 13}, f"{PASSES} is 65, passes of 16 products"),
        (Opcode.EXPONENTIAL, {"count0": 1024}, ""),
        (Opcode.EXPONENTIAL, {"count0": 1025}, "count0 is 1025, rows of 16400 elements"),
        (Opcode.NORMALISE, {"length": 8192, "count0": 65535}, ""),
        (Opcode.NORMALISE, {"length": 8193}, "length is 8193"),
        (Opcode.MAP, {"function": 3}, "function is 3"),
        (Opcode.MAP, {"function": 2}, ""),
        (Opcode.MAP, {"out_kind": 0}, "out_kind is 0"),
        (Opcode.MAP, {"operation": 3, "reduce": 1, "b_kind": 1}, "ADD with reduce"),
        (Opcode.MAP, {"operation": 3}, "no second operand"),
        (Opcode.MAP, {"operation": 3, "b_kind": 3}, ""),
        (Opcode.MAP, {"operation": 1, "b_kind": 3}, "MUL by words"),
        (Opcode.MAP, {"operation": 1}, "no second operand"),
    ],
)
def test_values_that_belong_together(opcode, values, what):
    assert illegal(P, packed(opcode, **values)) == what


@pytest.mark.parametrize("opcode", [0, 3, 0x13, 0x22, 0x34, 0x41, 0xFF])
def test_an_opcode_that_is_none(opcode):
    assert illegal(P, opcode) == f"opcode is {opcode:#x}"
