"""The C++ side as ctypes has it: structs to the byte, functions with their types, constants of both sides."""

import ctypes

import pytest

from sim import accelerator, library
from sim.declared import Declared


def layout(struct):
    return [(name, getattr(struct, name).offset, getattr(struct, name).size) for name, _ in struct._fields_]


def test_a_struct_is_laid_out_as_the_compiler_does():
    """Source: the x86-64 and AArch64 ABIs: a member stands at a multiple of its size."""
    assert layout(library.STREAM) == [
        ("words", 0, 8), ("count", 8, 8), ("moved", 16, 8), ("waits", 24, 8), ("stalls", 32, 8),
        ("stall", 40, 4), ("valid", 44, 1), ("ready", 45, 1), ("holds", 46, 1),
    ]  # fmt: skip
    assert ctypes.sizeof(library.STREAM) == 48
    fields = {name: size for name, _, size in layout(accelerator.SETUP)}
    assert fields["stall"] == 4 * len(accelerator.CHANNELS)
    assert (fields["failing"], fields["trace_file"]) == (16, 8)


@pytest.mark.parametrize("module, source", [(library, library.DRIVER), (accelerator, accelerator.DECLARED)])
def test_the_outcomes_are_those_of_the_enum(module, source):
    outcomes = {name: place for name, place in source.numbers.items() if name.islower()}
    assert {name: getattr(module, name.upper()) for name in outcomes} == outcomes and "fatal" in outcomes


def test_what_ctypes_has_no_words_for_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.declared.NATIVE", tmp_path)
    (tmp_path / "some.cpp").write_text(
        "enum Kind { first, second, KINDS };\nstruct Plain {  // with words\n    uint8_t a, b[KINDS];\n"
        "    const char* name;  // text\n};\nstruct Other {\n    std::array<uint8_t, 4> data;\n};\n"
    )
    found = Declared("some.cpp")
    assert set(found.structs) == {"Plain"} and found.numbers == {"first": 0, "second": 1, "KINDS": 2}
    assert layout(found.structs["Plain"]) == [("a", 0, 1), ("b", 1, 2), ("name", 8, 8)]
