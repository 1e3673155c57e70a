"""Which commands are legal: the table's words, by hand."""

from dataclasses import replace

import pytest

from golden.accelerator.commands import BITS, HEADER, Opcode
from golden.accelerator.legal import illegal
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import UNITS, unit
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams

PE = MultiplierParams(group=1024 + 15)  # 64 passes of 16 products, and not one more
P = AcceleratorParams(unit=MatrixUnitParams(pe=PE, accumulator_rows=100), functions=("gelu",))
EVERY = replace(P, more=tuple(unit(name).Params() for name in UNITS if unit(name).Params))
ROWS, MOST_ROWS = "MULTIPLY.count_x * count_y", "allowed: up to 100 (rows of the accumulators)"
MOST_PASSES = "allowed: up to 64 (passes of `lanes` products, which are no more than pe.group)"
MOST_VECTORS = "allowed: up to 1024 (rows of 16384 elements or fewer)"
MOST_ELEMENTS = "allowed: up to 8192 (elements that sums are wide for)"
NO_SUM = "MAP.reduce is 1; allowed: 0 (operation ADD)"
PASSES = "MULTIPLY.count_k0 * count_k1 * count_k2"


def packed(opcode, **values):
    """A command whose fields are the least that is legal, but for `values`."""
    word = int(opcode)
    for name, (field, low) in opcode.places.items():
        if name != "opcode":
            word |= values.get(name, field.least or 0) << low
    return word


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_the_least_of_all_fields_is_legal(opcode):
    assert illegal(EVERY, packed(opcode)) == ""


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_a_zero_count_is_not(opcode):
    for field in opcode.fields:
        if field.least:
            wanted = f"{opcode.name}.{field.name} is 0; allowed: {field.least} to {field.range[1]}"
            assert illegal(P, packed(opcode, **{field.name: 0})) == wanted


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_a_bit_beyond_the_fields_is_not(opcode):
    for bit in range(opcode.bits, BITS):
        found = illegal(P, packed(opcode) | 1 << bit)
        assert found.startswith(f"{opcode.name}: bits from {opcode.bits} on is")


def test_fields_follow_one_another():
    for opcode in Opcode:
        at = 0
        for field, low in opcode.places.values():
            assert low == at
            at += field.width
        assert at == opcode.bits <= BITS
        assert list(opcode.places)[: len(HEADER)] == [field.name for field in HEADER]


def test_opcodes_name_their_unit():
    found = {opcode.name: opcode.unit for opcode in Opcode}
    assert (found["END"], found["FENCE"], found["LOAD"], found["GATHER"]) == (-1, -1, 0, 0)
    assert (found["MULTIPLY"], found["NORMALISE"], found["STORE"]) == (1, 2, 3)


@pytest.mark.parametrize(
    "opcode, values, what",
    [
        (Opcode.END, {"wait": 1}, "END.wait is load; allowed: none of control's commands"),
        (Opcode.FENCE, {"signal": 8}, "FENCE.signal is store; allowed: none of control's commands"),
        (Opcode.MULTIPLY, {"count_x": 101}, f"{ROWS} is 101; {MOST_ROWS}"),
        (Opcode.MULTIPLY, {"count_x": 2, "count_y": 51}, f"{ROWS} is 102; {MOST_ROWS}"),
        (Opcode.MULTIPLY, {"count_x": 2, "count_y": 50}, ""),
        (Opcode.MULTIPLY, {"count_k0": 64}, ""),
        (Opcode.MULTIPLY, {"count_k0": 4, "count_k1": 4, "count_k2": 4}, ""),
        (Opcode.MULTIPLY, {"count_k0": 65}, f"{PASSES} is 65; {MOST_PASSES}"),
        (Opcode.MULTIPLY, {"count_k1": 65}, f"{PASSES} is 65; {MOST_PASSES}"),
        (Opcode.MULTIPLY, {"count_k2": 65}, f"{PASSES} is 65; {MOST_PASSES}"),
        (Opcode.MULTIPLY, {"count_k0": 5, "count_k1": 13}, f"{PASSES} is 65; {MOST_PASSES}"),
        (Opcode.MULTIPLY, {"count_k0": 5, "count_k2": 13}, f"{PASSES} is 65; {MOST_PASSES}"),
        (Opcode.EXPONENTIAL, {"count0": 1024}, ""),
        (Opcode.EXPONENTIAL, {"count0": 1025}, f"EXPONENTIAL.count0 is 1025; {MOST_VECTORS}"),
        (Opcode.NORMALISE, {"length": 8192, "count0": 65535}, ""),
        (Opcode.NORMALISE, {"length": 8193}, f"NORMALISE.length is 8193; {MOST_ELEMENTS}"),
        (Opcode.MAP, {"function": 3}, "MAP.function is 3; allowed: up to 2 (the functions that there are)"),
        (Opcode.MAP, {"function": 2}, ""),
        (Opcode.MAP, {"out_kind": 0}, "MAP.out_kind is 0; allowed: 1 to 3"),
        (Opcode.MAP, {"operation": 3, "reduce": 1, "b_kind": 1}, NO_SUM),
        (Opcode.MAP, {"operation": 3}, "MAP.b_kind is 0; allowed: an operand (operations MUL and ADD)"),
        (Opcode.MAP, {"operation": 3, "b_kind": 3}, ""),
        (Opcode.MAP, {"operation": 1, "b_kind": 3}, "MAP.b_kind is 3; allowed: BYTE or HALF (operation MUL)"),
        (Opcode.MAP, {"operation": 1}, "MAP.b_kind is 0; allowed: an operand (operations MUL and ADD)"),
    ],
)
def test_values_that_belong_together(opcode, values, what):
    assert illegal(P, packed(opcode, **values)) == what


@pytest.mark.parametrize("name", ["wait", "signal"])
def test_a_bit_of_no_unit_is_refused(name):
    assert illegal(P, packed(Opcode.LOAD, **{name: 0xF})) == ""
    wanted = f"LOAD.{name} is 0xc0; allowed: load, matrix, vector, store"
    assert illegal(P, packed(Opcode.LOAD, **{name: 0xC3})) == wanted


def test_parts_of_products_have_one_tile():
    for part in ("open", "more"):
        for tiles in ("tiles0", "tiles1"):
            found = illegal(P, packed(Opcode.MULTIPLY, **{part: 1, tiles: 2}))
            assert found == f"MULTIPLY.{tiles} is 2; allowed: 1 in a part of a product (`open` or `more`)"
    assert illegal(P, packed(Opcode.MULTIPLY, tiles0=2, tiles1=3)) == ""


@pytest.mark.parametrize("opcode", [0, 3, 0x13, 0x22, 0x34, 0x41, 0xFF])
def test_an_opcode_that_is_none(opcode):
    assert illegal(P, opcode).startswith(f"opcode is {opcode:#04x}; allowed: 0x01 END")
