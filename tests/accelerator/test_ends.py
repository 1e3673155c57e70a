"""Commands' arithmetic at the ends of every field and operand, and what lies beyond them."""

from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.accelerator.assembler import assemble, encode
from golden.accelerator.commands import Opcode
from golden.accelerator.exponential import GREATEST, exponential, row_reciprocal
from golden.accelerator.exponential import LONGEST as LONGEST_ROW
from golden.accelerator.legal import illegal
from golden.accelerator.map_lanes import USED, map_lanes
from golden.accelerator.multiply import multiply
from golden.accelerator.normalise import LONGEST, normalise
from golden.accelerator.params import LANES, AcceleratorParams
from golden.check import BadValue
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from tests.accelerator.test_map_lanes import P as MAPS
from tests.accelerator.test_map_lanes import command as map_command
from tests.accelerator.test_map_lanes import exact_o, exact_t, one
from tests.helpers import fields_of
from tests.vector.test_ends import values

often = settings(max_examples=100, deadline=None, derandomize=True)


def unit(lanes=4, group=4096, **pe):
    pe = MultiplierParams(group=group, **pe)
    return AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes, pe=pe, accumulator_rows=64))


@often
@given(st.data(), st.integers(0, 3), st.integers(1, 3), st.integers(0, 5), st.booleans())
def test_map(data, operation, out_kind, function, second):
    """Every field at its ends, operands and parameters at theirs; an element against Python's integers."""
    fields = {name: data.draw(values(field_format(name))) for name in USED}
    c = map_command(operation=operation, out_kind=out_kind, function=function, **fields)
    a = data.draw(values(Int(32)))
    b = data.draw(values(Int(32))) if second or operation in (1, 3) else None
    bias, multiplier = data.draw(values(Int(32))), data.draw(values(Int(31, False)))
    shift = data.draw(st.sampled_from([0, 1, 31, 62]) | st.integers(0, 62))
    table = [data.draw(values(Int(16)))] * 256
    found = map_lanes(MAPS, c, one([a]), None if b is None else one([b]), bias, multiplier, shift, table)
    assert int(found.ravel()[0]) == exact_o(c, exact_t(c, a, b), b, bias, multiplier, shift, table)


def field_format(name):
    (field,) = (field for field in Opcode.MAP.fields if field.name == name)
    return Int(field.width, field.signed)


@pytest.mark.parametrize("name", USED)
def test_a_map_s_field_beyond_its_bits_is_refused(name):
    low, high = Opcode.MAP.places[name][0].range
    for value in (low - 1, high + 1):
        with pytest.raises(BadValue, match=f"^{name} is {value}"):
            map_lanes(MAPS, map_command(**{name: value}), one([0]), None, 0, 1, 0)


@pytest.mark.parametrize("value", [-32768, 32767])
@pytest.mark.parametrize("columns", [0, 1])
@pytest.mark.parametrize("rms", [0, 1])
def test_normalise_of_as_many_as_it_takes(value, columns, rms):
    """LONGEST elements at one end, or half at each: D, 2^58 there, against Python's integers."""
    p = unit()
    count = LONGEST if columns else LONGEST // p.lanes
    c = {"count0": count, "count1": 1, "count2": 1, "columns": columns, "rms": rms, "length": LONGEST}
    x = np.full((1, 1, count, p.lanes), value)
    for halves in (False, True):
        if halves:
            x[:, :, ::2] = -x[:, :, ::2] - 1
        own = (x[0, 0, :, :1] if columns else x[0, 0]).astype(object)
        for epsilon in (0, (1 << 32) - 1):
            y = normalise(p, c | {"epsilon": epsilon, "fraction": 15}, x)[0, 0, :2, 0]
            total = 0 if rms else own.sum()
            under = LONGEST * (own * own).sum() - total * total + epsilon
            for found, element in zip(y, own[:2, 0], strict=True):
                wanted = (LONGEST * element - total) * 2.0**15 / (isqrt(under << 40) / 2**20) if under else 0
                assert abs(int(found) - max(-32768, min(wanted, 32767))) <= 0.7


def test_rows_of_exponential_as_long_as_it_takes():
    p = unit(64)
    c = {"count0": LONGEST_ROW // p.lanes, "count1": 1, "count2": 1, "length": LONGEST_ROW, "length_step": 0}
    for value in (-32768, 32767):
        codes, r = exponential(p, c, np.full((1, 1, LONGEST_ROW), value))
        assert (codes == GREATEST).all()
        assert abs(int(r[0, 0]) - 2**22 / (GREATEST * LONGEST_ROW)) <= 0.6
    with pytest.raises(BadValue, match=r"count0 \* lanes"):
        exponential(p, c | {"count0": c["count0"] + 1}, np.zeros((1, 1, LONGEST_ROW + 64), int))
    for name, value in (("length", 1 << 16), ("length", -1), ("length_step", 1 << 15)):
        with pytest.raises(BadValue, match=f"^{name} is {value}"):
            exponential(p, c | {name: value}, np.zeros((1, 1, LONGEST_ROW), int))
    with pytest.raises(BadValue, match=r"^total"):
        row_reciprocal(GREATEST * LONGEST_ROW + 1)


@pytest.mark.parametrize("lanes", LANES)
def test_legal_rows_and_products_end_where_golden_does(lanes):
    """The greatest that is legal, and one more, of the assembler's commands too."""
    p = unit(lanes, group=lanes * 35 + lanes - 1)

    def legal(opcode, **given):
        return not illegal(p, int.from_bytes(encode(opcode, **given), "little"))

    for counts, fits in (((35, 1, 1), True), ((5, 7, 1), True), ((36, 1, 1), False), ((2, 3, 6), False)):
        assert legal(Opcode.MULTIPLY, **{f"count_k{i}": n for i, n in enumerate(counts)}) == fits
    assert legal(Opcode.EXPONENTIAL, count0=LONGEST_ROW // lanes)
    assert lanes == min(LANES) or not legal(Opcode.EXPONENTIAL, count0=LONGEST_ROW // lanes + 1)
    assert legal(Opcode.NORMALISE, length=LONGEST)
    with pytest.raises(BadValue, match=r"^line 2: MULTIPLY.count_k0 .* is 36; allowed: up to 35"):
        assemble("multiply count_k0=35\nmultiply count_k0=36", p)
    with pytest.raises(BadValue, match=r"count_k0 .* is 36; allowed: up to 35"):
        multiply(p, fields_of(Opcode.MULTIPLY, count_k0=36),
                 np.zeros((p.words, lanes), np.uint8))  # fmt: skip


@pytest.mark.parametrize(
    "text, message",
    [
        ("multiply count_k0=256 count_k1=256", "MULTIPLY.count_k0 . count_k1 . count_k2 is 65536"),
        ("exponential count0=4097", "EXPONENTIAL.count0 is 4097"),
        ("normalise length=8193", "NORMALISE.length is 8193"),
    ],
)
def test_the_assembler_refuses_what_no_design_can_do(text, message):
    with pytest.raises(BadValue, match=f"^line 1: {message}"):
        assemble(text)


def test_a_design_has_room_for_one_pass():
    unit(16, group=16)
    with pytest.raises(BadValue, match=r"pe.group is 15; allowed: 16"):
        unit(16, group=15)


@pytest.mark.parametrize("lanes, group", [(4, 1 << 16), (8, 131071)])
def test_products_at_their_bound_fit_into_32_bits(lanes, group):
    """pe.group products of the ends, which is what 32 bits hold."""
    p = unit(lanes, group)
    c = fields_of(Opcode.MULTIPLY, count_k0=group // lanes, top=1)
    scratch = np.full((p.words, lanes), 0x80, np.uint8)  # -128
    assert (multiply(p, c, scratch) == group // lanes * lanes << 14).all()
    scratch[0] = 0x7F
    assert (multiply(p, c, scratch) == -(group // lanes * lanes) * 127 * 128).all()
