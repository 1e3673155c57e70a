"""The part that both AXI4 masters share: parameters, commands, how a command splits into bursts, its status.

A command {address, bytes} moves the bus words that hold the bytes from `address` on. `address` is that of a
bus word; the last word may be partial. Bursts are INCR, of whole bus words, and end at multiples of the
longest burst, a power of two of at most 4 KiB: so none crosses a 4 KiB boundary, and all bursts but the first
and the last have the longest length.

Source: AMBA AXI4 (ARM IHI 0022, issue E), sections A3.4.1 (burst length, size, 4 KiB), A3.4.4 (responses).
Left open there, chosen here: a command that is not aligned, or that reaches beyond the last address, moves
nothing and has the status REFUSED; a command of 0 bytes moves nothing and has the status OKAY.
"""

from dataclasses import dataclass
from enum import IntEnum

from golden import check
from golden.division import ceil_div

BOUNDARY = 4096  # bytes; no burst crosses a multiple of it (A3.4.1)


class BurstStatus(IntEnum):
    """How a command ended: a response of A3.4.4, or REFUSED, which has the code no burst of ours can get."""

    OKAY = 0
    REFUSED = 1
    SLVERR = 2
    DECERR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AxiParams:
    """A master's side of AXI4.

    address_bits   of a byte address
    data_bits      of a bus word
    bytes_bits     of a command's `bytes`
    longest_burst  beats, a power of two
    outstanding    bursts whose response, or whose command's status, has not been taken
    id_bits        of the constant ID 0, so that all responses come in order
    """

    address_bits: int = 32
    data_bits: int = 128
    bytes_bits: int = 24
    longest_burst: int = 16
    outstanding: int = 8
    id_bits: int = 1

    def __post_init__(self) -> None:
        check.in_range("address_bits", self.address_bits, 13, 64, "more than one 4 KiB page")
        check.one_of("data_bits", self.data_bits, [32, 64, 128, 256, 512])
        check.in_range("bytes_bits", self.bytes_bits, 8, self.address_bits, "no wider than an address")
        longest = min(256, BOUNDARY // self.word_bytes)
        check.one_of("longest_burst", self.longest_burst, [1 << i for i in range(longest.bit_length())])
        check.in_range("outstanding", self.outstanding, 1, 256)
        check.in_range("id_bits", self.id_bits, 1, 32)

    @property
    def word_bytes(self) -> int:
        """Bytes of a bus word."""
        return self.data_bits // 8

    @property
    def size(self) -> int:
        """AxSIZE: 2^size bytes a beat (A3.4.1)."""
        return self.word_bytes.bit_length() - 1

    def refuses(self, address: int, count: int) -> bool:
        """Whether a command gets the status REFUSED."""
        end = address + self.beats(count) * self.word_bytes
        return bool(address % self.word_bytes) or end > 1 << self.address_bits

    def beats(self, count: int) -> int:
        """Bus words that `count` bytes take."""
        return ceil_div(count, self.word_bytes)


def check_command(p: AxiParams, address: int, count: int) -> None:
    """Raise BadValue if the command's word cannot hold these values."""
    check.in_range("address", address, 0, (1 << p.address_bits) - 1)
    check.in_range("bytes", count, 0, (1 << p.bytes_bits) - 1)


def bursts(p: AxiParams, address: int, count: int) -> list[tuple[int, int]]:
    """(address, beats) of each burst of a command of `count` bytes, in order; none if it moves nothing.

    raises  BadValue if the command's word cannot hold these values
    """
    check_command(p, address, count)
    if p.refuses(address, count):
        return []
    found = []
    end = address // p.word_bytes + p.beats(count)
    word = address // p.word_bytes
    while word < end:
        beats = min(end, word // p.longest_burst * p.longest_burst + p.longest_burst) - word
        found.append((word * p.word_bytes, beats))
        word += beats
    return found


def burst_count(p: AxiParams, address: int, count: int) -> int:
    """Number of bursts of a command, in closed form."""
    if p.refuses(address, count) or not count:
        return 0
    return ceil_div(address // p.word_bytes % p.longest_burst + p.beats(count), p.longest_burst)


def status(p: AxiParams, address: int, count: int, responses: list[int]) -> BurstStatus:
    """Status of a command, given the responses of all its beats or bursts: the first error.

    EXOKAY answers exclusive accesses only (A3.4.4): here it counts as OKAY.
    """
    if p.refuses(address, count):
        return BurstStatus.REFUSED
    return BurstStatus(next((code for code in responses if code >= BurstStatus.SLVERR), BurstStatus.OKAY))
