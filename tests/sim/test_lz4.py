"""sim/native/lz4.h against a decoder written from the format's description."""

import ctypes
import subprocess

import numpy as np
import pytest

from sim.declared import NATIVE
from sim.tools import find_compiler

pytestmark = pytest.mark.rtl

SHIM = """
#include "lz4.h"
extern "C" int compress(const char* in, char* out, int n) { return LZ4_compress_default(in, out, n, 0); }
extern "C" int bound(int size) { return LZ4_compressBound(size); }
"""


def decode(block: bytes) -> bytes:
    """The bytes of an LZ4 block."""
    out, at = bytearray(), 0

    def length(four_bits: int) -> int:
        nonlocal at
        total = four_bits
        while four_bits == 15:
            total, at = total + block[at], at + 1
            if block[at - 1] < 255:
                break
        return total

    while True:
        token, at = block[at], at + 1
        literals = length(token >> 4)
        out += block[at : at + literals]
        at += literals
        if at == len(block):
            return bytes(out)
        offset, at = int.from_bytes(block[at : at + 2], "little"), at + 2
        for _ in range(length(token & 15) + 4):
            out.append(out[-offset])


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lz4")
    (folder / "shim.cpp").write_text(SHIM)
    flags = ["-std=gnu++17", "-O1", "-shared", "-fPIC", f"-I{NATIVE}"]
    subprocess.run([find_compiler().path, *flags, "shim.cpp", "-o", "shim.so"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "shim.so"))


def compress(library, data: bytes) -> bytes:
    room = ctypes.create_string_buffer(library.bound(len(data)) + 1)
    size = library.compress(data, room, len(data))
    assert size <= library.bound(len(data)), f"{size} bytes written"
    return room.raw[:size]


RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a",
        b"abcdefghijkl",
        b"a" * 13,
        b"a" * 100_000,
        RANDOM.bytes(300),
        RANDOM.bytes(70_000),
        RANDOM.integers(0, 3, 5000, dtype=np.uint8).tobytes(),
        RANDOM.bytes(200) + b"x" * 70_000 + b"same words " * 40 + RANDOM.bytes(20),
        (RANDOM.bytes(1000) + bytes(14)) * 20,
    ],
    ids=len,
)
def test_a_block_decodes_to_what_it_was_made_of(library, data):
    assert decode(compress(library, data)) == data


def test_what_repeats_shrinks(library):
    assert len(compress(library, b"valid ready " * 1000)) < 100


def test_a_block_ends_in_five_literals(library):
    block = compress(library, b"a" * 1000)
    assert block[-6:] == bytes([5 << 4]) + b"a" * 5
