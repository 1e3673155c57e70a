"""The ports of a compiled model, and the C++ that tells the driver of them.

A stream NAME is three plain ports: NAME_valid, NAME_ready and NAME_payload, one packed vector.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from golden import check
from golden.division import ceil_div

IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")  # no "__": Verilator would rename it in C++


def stride(bits: int) -> int:
    """Bytes of Verilator's C++ member for a port of `bits`: 1, 2, 4, 8, then a multiple of 4."""
    small = next((size for size in (1, 2, 4, 8) if bits <= 8 * size), None)
    return small or 4 * ceil_div(bits, 32)


def check_port(name: str, bits: int) -> None:
    """Raise BadValue unless the port can be driven."""
    if not IDENTIFIER.fullmatch(name):
        raise check.fail("port name", repr(name), "small letters, digits and single underscores")
    check.in_range(f"port {name}.bits", bits, 1, 1 << 20)


@dataclass(frozen=True, slots=True)
class StreamPort:
    """A stream of `bits` wide words; direction "in" or "out" as the model sees it."""

    name: str
    direction: str
    bits: int

    def __post_init__(self) -> None:
        check_port(self.name, self.bits)
        check.one_of(f"port {self.name}.direction", self.direction, ("in", "out"))

    @property
    def stride(self) -> int:
        """Bytes of a word in memory, little-endian; those above `bits` are zero."""
        return stride(self.bits)


@dataclass(frozen=True, slots=True)
class WatchPort:
    """A plain output that a run may record cycle by cycle."""

    name: str
    bits: int

    def __post_init__(self) -> None:
        check_port(self.name, self.bits)

    @property
    def stride(self) -> int:
        return stride(self.bits)


def macro(name: str, ports: Sequence[StreamPort | WatchPort]) -> str:
    """#define NAME(X) X(port, bits) ...: the driver expands it to a member for each port."""
    return f"#define {name}(X) " + " ".join(f"X({port.name}, {port.bits})" for port in ports)


def header(streams: Sequence[StreamPort], watches: Sequence[WatchPort]) -> str:
    """ports.h, which sim/native/driver.cpp includes."""
    lines = [
        macro("INPUTS", [port for port in streams if port.direction == "in"]),
        macro("OUTPUTS", [port for port in streams if port.direction == "out"]),
        macro("WATCHES", watches),
    ]
    return "\n".join(lines) + "\n"
