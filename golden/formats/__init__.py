"""Number formats: one object each, with width, range, encode and decode."""

import re

from golden import check
from golden.formats.floating import BF16, FLOATS, FP8_E4M3, FP8_E5M2, FP16, FP32, Float
from golden.formats.integer import Int
from golden.formats.packing import pack, pack_values, unpack, unpack_values
from golden.formats.rounding import Rounding, round_real, round_shift
from golden.formats.scaling import Scale

__all__ = [
    "BF16",
    "FP8_E4M3",
    "FP8_E5M2",
    "FP16",
    "FP32",
    "Float",
    "Int",
    "Rounding",
    "Scale",
    "pack",
    "pack_values",
    "parse",
    "round_real",
    "round_shift",
    "unpack",
    "unpack_values",
]


def parse(name: str) -> Int | Float:
    """The format that str() of it names, "int8", "uint4", "fp16", ...; BadValue lists what there is."""
    floats = {str(fmt): fmt for fmt in FLOATS}
    text = name if isinstance(name, str) else ""  # a file may hold anything
    if text in floats:
        return floats[text]
    integer = re.fullmatch(r"(u?)int([1-9][0-9]?)", text)
    if integer and int(integer[2]) <= (63 if integer[1] else 64):
        return Int(int(integer[2]), signed=not integer[1])
    raise check.fail("number format", repr(name), f"int1 to int64, uint1 to uint63, {', '.join(floats)}")
