"""What the C++ of sim/native declares, as ctypes has it: read from the source, so that both sides are one.

Plain declarations alone are read: structs of integers, of arrays of them and of pointers, whose lengths are
numbers or stand in an enum without values; functions marked EXPORT, each in one line.
"""

import ctypes
import re
from pathlib import Path
from typing import Any

NATIVE = Path(__file__).parent / "native"
INTEGERS: dict[str, Any] = {
    "uint8_t": ctypes.c_uint8, "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64,
    "int32_t": ctypes.c_int32, "int": ctypes.c_int,
}  # fmt: skip
STRUCT = re.compile(r"^struct (\w+) \{[^\n]*\n(.*?)^\};", re.MULTILINE | re.DOTALL)
FIELDS = re.compile(r"((?:const )?\w+\*?) (\w+(?:\[\w+\])?(?:, \w+(?:\[\w+\])?)*)")
FUNCTION = re.compile(r"^EXPORT ([\w *]+?)(\w+)\((.*?)\) (?:try )?\{", re.MULTILINE)


class Declared:
    """The declarations of a file of sim/native. structs: by name."""

    def __init__(self, file: str):
        text = (NATIVE / file).read_text(encoding="utf-8")
        self.text = re.sub(r" *//.*", "", text)
        lists = re.findall(r"^enum \w+ \{ ([\w, ]+) \};", self.text, re.MULTILINE)
        self.numbers = {name: place for each in lists for place, name in enumerate(each.split(", "))}
        self.structs: dict[str, type[ctypes.Structure]] = {}
        for name, body in STRUCT.findall(self.text):
            declarations = [each.strip() for each in body.split(";") if each.strip()]
            matches = [FIELDS.fullmatch(each) for each in declarations]
            if all(match and self.known(match[1]) for match in matches):
                fields = [field for match in matches if match for field in self.fields(*match.groups())]
                self.structs[name] = type(name, (ctypes.Structure,), {"_fields_": fields})

    def known(self, text: str) -> bool:
        return text in INTEGERS or text.endswith("*")

    def fields(self, text: str, names: str) -> list[tuple[str, Any]]:
        """(name, type) of each field of a declaration."""
        found = []
        for name, _, length in (each.rstrip("]").partition("[") for each in names.split(", ")):
            count = int(self.numbers.get(length, length or 1))
            found.append((name, self.type_of(text) * count if length else self.type_of(text)))
        return found

    def type_of(self, text: str) -> Any:
        """bytes and what is not declared are addresses; other pointers are told from each other."""
        base = text.removeprefix("const ").strip()
        if not base.endswith("*"):
            return INTEGERS.get(base)  # None: void
        base = base.rstrip("*")
        if base == "char":
            return ctypes.c_char_p
        pointed = self.structs.get(base) or (INTEGERS.get(base) if base != "uint8_t" else None)
        return ctypes.POINTER(pointed) if pointed else ctypes.c_void_p

    def load(self, path: Path) -> ctypes.CDLL:
        """A library made from the file, its functions with their types."""
        library = ctypes.CDLL(str(path))
        for result, name, given in FUNCTION.findall(self.text):
            function = getattr(library, name)
            function.restype = self.type_of(result)
            types = (each.rpartition(" ")[0] for each in given.split(", ") if each)
            function.argtypes = [self.type_of(each) for each in types]
        return library
