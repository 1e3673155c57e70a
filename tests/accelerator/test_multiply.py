"""golden.accelerator.multiply against loops over single elements, and its refusals."""

import itertools
import re
from random import Random

import numpy as np
import pytest

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.multiply import multiply
from golden.accelerator.params import AcceleratorParams
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from tests.helpers import fields_of


def params(lanes=4, weight="int8", activation="int8", group=1024):
    formats = {"weight": Int(int(weight.strip("uint")), weight[0] == "i")}
    formats["activation"] = Int(int(activation.strip("uint")), activation[0] == "i")
    unit = MatrixUnitParams(
        rows=lanes, cols=lanes, pe=MultiplierParams(group=group, **formats), accumulator_rows=64
    )
    return AcceleratorParams(unit=unit, banks=4, bank_words=64)


def some_command(random, transpose):
    """Small counts, any strides."""
    fields = {}
    for field in Opcode.MULTIPLY.fields:
        low, high = field.range
        fields[field.name] = random.randint(1, 3) if field.least == 1 else random.randint(low, high)
    return fields | {"transpose": transpose, "open": 0, "more": 0}


def value(fmt, bits):
    """The low bits of an integer, in a format."""
    bits &= (1 << fmt.width) - 1
    return bits - (1 << fmt.width) if fmt.signed and bits >> fmt.width - 1 else bits


def by_elements(p, c, scratch):
    """The contract's sentence, element by element."""
    lanes, width, packed = p.lanes, p.unit.pe.weight.width, p.packed_rows

    def word(address):
        return int.from_bytes(scratch[address % 65536 % p.words].tobytes(), "little")

    def weight(base, r, n):
        if c["transpose"]:
            return value(p.unit.pe.weight, word(base + n * c["top_row_stride"]) >> 8 * r)
        if packed == 1:
            return value(p.unit.pe.weight, word(base + r * c["top_row_stride"]) >> 8 * n)
        place = (r % packed * lanes + n) * width
        return value(p.unit.pe.weight, word(base + r // packed * c["top_row_stride"]) >> place)

    tiles = []
    for t1, t0 in itertools.product(range(c["tiles1"]), range(c["tiles0"])):
        left = c["left"] + t0 * c["left_tile_stride0"] + t1 * c["left_tile_stride1"]
        top = c["top"] + t0 * c["top_tile_stride0"] + t1 * c["top_tile_stride1"]
        sums = np.zeros((c["count_y"] * c["count_x"], lanes), np.int64)
        passes = itertools.product(*(range(c[f"count_k{i}"]) for i in (2, 1, 0)))
        for f, (k2, k1, k0) in enumerate(passes):
            at = left + k0 * c["stride_k0"] + k1 * c["stride_k1"] + k2 * c["stride_k2"]
            w = [[weight(top + f * c["top_pass_stride"], r, n) for n in range(lanes)] for r in range(lanes)]
            vectors = itertools.product(range(c["count_y"]), range(c["count_x"]))
            for m, (y, x) in enumerate(vectors):
                vector = word(at + x * c["stride_x"] + y * c["stride_y"])
                codes = [value(p.unit.pe.activation, vector >> 8 * r) for r in range(lanes)]
                sums[m] += np.array(codes) @ np.array(w)
        tiles.append(sums)
    return np.array(tiles)


FORMATS = [("int8", "int8"), ("int4", "int8"), ("uint2", "uint8"), ("int1", "int5"), ("int7", "uint4")]


@pytest.mark.parametrize("transpose", [0, 1])
@pytest.mark.parametrize("weight, activation", FORMATS)
@pytest.mark.parametrize("lanes", [4, 8])
def test_sums_are_those_of_single_elements(lanes, weight, activation, transpose):
    p, random = params(lanes, weight, activation), Random(f"{weight} {activation} {lanes}")
    scratch = np.random.default_rng(random.getrandbits(32)).integers(0, 256, (p.words, lanes), np.uint8)
    for _ in range(3):
        c = some_command(random, transpose)
        assert np.array_equal(multiply(p, c, scratch), by_elements(p, c, scratch)), c


def test_the_largest_sums_are_exact():
    p = params(4, "int8", "uint8", group=1 << 13)
    scratch = np.full((p.words, 4), 0x80, np.uint8)
    c = fields_of(Opcode.MULTIPLY, count_k0=1 << 11)
    assert set(multiply(p, c, scratch).flat) == {-128 * 128 * (1 << 13)}


@pytest.mark.parametrize(
    "field, given, allowed",
    [
        ("count_x", 0, "1 to 65535"),
        ("stride_k2", 1 << 15, "-32768 to 32767"),
        ("count_x * count_y", 65, "up to 64"),
        ("count_k0 * count_k1 * count_k2", 257, "up to 256"),
    ],
)
def test_what_the_unit_cannot_do_is_refused(field, given, allowed):
    p, c = params(), fields_of(Opcode.MULTIPLY, **{field.split(" ")[0]: given})
    with pytest.raises(check.BadValue, match=re.escape(f"{field} is {given}; allowed: {allowed}")):
        multiply(p, c, np.zeros((p.words, 4), np.uint8))


def test_a_scratchpad_of_another_shape_is_refused():
    with pytest.raises(check.BadValue, match=r"scratch.shape"):
        multiply(params(), fields_of(Opcode.MULTIPLY), np.zeros((4, 4), np.uint8))
