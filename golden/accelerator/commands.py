"""The command set, described once: decoder, assembler, disassembler and its page all come from this table.

A command is 64 bytes, little-endian; its fields follow one another from bit 0, the same header first:

    opcode  which command, hence which unit
    wait    a bit a unit (UNITS): take one token from each of these before the command starts
    signal  a bit a unit: give one token to each of these when the command is done

Tokens of an ordered pair of units are counted, at most TOKENS of them. A unit does its commands in order.
A count of 0, a kind or an opcode that does not exist, a bit set beyond the fields: an illegal command.

Addresses in the scratchpad and strides there are in words; memory's are in bytes, multiples of a word.
A walk is a nest of loops, number 0 innermost: address = base + sum of index_i * stride_i, wrapping at 2^16.
"""

from dataclasses import dataclass
from enum import IntEnum

UNITS = ("load", "matrix", "vector", "store")
TOKENS = 255
BITS = 512


class Opcode(IntEnum):
    """Of a command; its upper four bits say the unit: 0 control, then UNITS in order."""

    END = 0x01
    FENCE = 0x02
    LOAD = 0x10
    FILL = 0x11
    GATHER = 0x12
    MULTIPLY = 0x20
    MAP = 0x30
    TABLE = 0x31
    EXPONENTIAL = 0x32
    NORMALISE = 0x33
    STORE = 0x40


class Kind(IntEnum):
    """What the elements of a vector unit's operand are; `NONE`: no operand or, as `a`, the sums."""

    NONE = 0
    BYTE = 1
    HALF = 2
    WORD = 3


class Operation(IntEnum):
    """What MAP does with its operands before it requantises, or after (ADD)."""

    COPY = 0
    MUL = 1
    MAX = 2
    ADD = 3


@dataclass(frozen=True, slots=True)
class Field:
    """width in bits; signed: two's complement; what: for the page; least: the least legal value."""

    name: str
    width: int
    signed: bool
    what: str
    least: int | None = None

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest value that the bits hold."""
        if self.signed:
            return -(1 << self.width - 1), (1 << self.width - 1) - 1
        return 0, (1 << self.width) - 1


def _u(name: str, width: int, what: str) -> Field:
    return Field(name, width, False, what)


def _s(name: str, width: int, what: str) -> Field:
    return Field(name, width, True, what)


def _count(name: str, what: str) -> Field:
    return Field(name, 16, False, what, 1)


HEADER = (
    _u("opcode", 8, "which command"),
    _u("wait", 4, "units whose token is taken first, bit i: UNITS[i]"),
    _u("signal", 4, "units that get a token when done"),
)


def _move(what: str) -> tuple[Field, ...]:
    """LOAD and STORE: runs of words, three loops of them."""
    return (
        _u("address", 32, "of the first run in memory, bytes"),
        _u("scratch", 16, "of the first run in the scratchpad"),
        _count("words", "of a run, one after the other in both"),
        *(_count(f"count{i}", f"of loop {i}") for i in (1, 2, 3)),
        *(_s(f"address_stride{i}", 32, f"of loop {i} in memory, bytes") for i in (1, 2, 3)),
        *(_s(f"scratch_stride{i}", 16, f"of loop {i} in the scratchpad") for i in (1, 2, 3)),
    )


FIELDS: dict[Opcode, tuple[Field, ...]] = {
    Opcode.END: (),
    Opcode.FENCE: (),
    Opcode.LOAD: _move("memory to scratchpad"),
    Opcode.FILL: (
        _u("scratch", 16, "of the first run"),
        _count("words", "of a run"),
        *(_count(f"count{i}", f"of loop {i}") for i in (1, 2, 3)),
        *(_s(f"scratch_stride{i}", 16, f"of loop {i}") for i in (1, 2, 3)),
        _u("value", 16, "of every two bytes, the lower first"),
    ),
    Opcode.GATHER: (
        _u("address", 32, "of the table in memory, bytes"),
        _u("scratch", 16, "of the first row's place"),
        _count("words", "of a row"),
        _count("count1", "rows to fetch"),
        _s("address_stride1", 32, "of the table's rows, bytes"),
        _s("scratch_stride1", 16, "of the rows' places"),
        _u("index", 16, "scratchpad address of the row numbers: int32, one after the other"),
        _u("limit", 32, "rows of the table; a number beyond is an error"),
    ),
    Opcode.MULTIPLY: (
        _u("left", 16, "scratchpad address of the vectors that stream in"),
        _count("count_x", "of the inner loop over vectors"),
        _s("stride_x", 16, "of it"),
        _count("count_y", "of the outer loop over vectors; count_x count_y at most the accumulator's rows"),
        _s("stride_y", 16, "of it"),
        *(_count(f"count_k{i}", f"of loop {i} over the depth, a pass each") for i in range(3)),
        *(_s(f"stride_k{i}", 16, "of it, of the vectors") for i in range(3)),
        *(_count(f"tiles{i}", f"of loop {i} over tiles") for i in range(2)),
        *(_s(f"left_tile_stride{i}", 16, "of it, of the vectors") for i in range(2)),
        _u("top", 16, "scratchpad address of the weights"),
        _s("top_row_stride", 16, "between the words of a pass"),
        _s("top_pass_stride", 16, "between passes of a tile, in their order"),
        *(_s(f"top_tile_stride{i}", 16, f"of tile loop {i}, of the weights") for i in range(2)),
        _u("transpose", 1, "a word is a column of the weights, not a row (or several)"),
        _u("open", 1, "the rows of sums that stand open longest are added to; else new ones begin"),
        _u("more", 1, "the rows stay open: no row leaves; with `open` or `more` there is one tile"),
    ),
    Opcode.MAP: (
        _u("a", 16, "scratchpad address of the first operand"),
        _u("b", 16, "of the second"),
        _u("p", 16, "of the parameters: bias, multiplier, shift of each lane"),
        _u("out", 16, "of the result"),
        *(_count(f"count{i}", f"of loop {i}") for i in range(4)),
        *(_s(f"a_stride{i}", 16, f"of loop {i}") for i in range(4)),
        *(_s(f"b_stride{i}", 16, f"of loop {i}") for i in range(4)),
        *(_s(f"out_stride{i}", 16, f"of loop {i}") for i in range(4)),
        _s("p_stride", 16, "of loop 2 + p_loop; 0: one set of parameters, read once"),
        _u("p_loop", 1, "parameters change with loop 2 or with loop 3"),
        _u("a_kind", 2, "Kind; NONE: the matrix unit's sums, in the order in which they come"),
        _u("b_kind", 2, "Kind; NONE: no second operand"),
        Field("out_kind", 2, False, "Kind, not NONE", 1),
        _u("a_unsigned", 1, "bytes or halves are unsigned"),
        _u("b_unsigned", 1, "bytes or halves are unsigned"),
        _u("operation", 2, "Operation"),
        _u("reduce", 1, "loops 0 and 1 are summed, or their greatest is taken (MAX): one result"),
        _s("a_zero", 16, "taken from a"),
        _s("b_zero", 16, "taken from b"),
        _u("b_shift", 5, "of the product with b"),
        _s("b_multiplier", 16, "of b (ADD)"),
        _u("function", 4, "0 none, 1 table, from 2 on the piecewise ones"),
        _u("post_multiplier", 16, "behind the function; 0: none"),
        _u("post_shift", 5, "behind the function"),
        _s("zero_point", 16, "added at last"),
        _s("low", 16, "least result"),
        _s("high", 16, "greatest result"),
    ),
    Opcode.TABLE: (_u("a", 16, "scratchpad address of 256 int16: the table's values at -128 to 127"),),
    Opcode.EXPONENTIAL: (
        _u("a", 16, "scratchpad address of the scores, int16, 8 bits below an octave"),
        _u("out", 16, "of the codes, a byte each: 127 for a row's greatest"),
        _u("r", 16, "of 2^22 / sum of a row's codes, uint16 in every lane"),
        _count("count0", "vectors of a row"),
        *(_count(f"count{i}", f"of loop {i} over rows") for i in (1, 2)),
        *(_s(f"a_stride{i}", 16, f"of loop {i}") for i in range(3)),
        *(_s(f"out_stride{i}", 16, f"of loop {i}") for i in range(3)),
        *(_s(f"r_stride{i}", 16, f"of loop {i}") for i in (1, 2)),
        _u("length", 16, "valid elements of the first row; others count for nothing and get 0"),
        _s("length_step", 16, "more of them in each row of loop 1 (1: causal)"),
    ),
    Opcode.NORMALISE: (
        _u("a", 16, "scratchpad address of the elements, int16"),
        _u("out", 16, "of the results, int16"),
        _count("count0", "vectors that are normalised together"),
        *(_count(f"count{i}", f"of loop {i}") for i in (1, 2)),
        *(_s(f"a_stride{i}", 16, f"of loop {i}") for i in range(3)),
        *(_s(f"out_stride{i}", 16, f"of loop {i}") for i in range(3)),
        _u("columns", 1, "each lane by itself; else all lanes together"),
        _u("rms", 1, "the mean is not taken off"),
        _count("length", "elements that are normalised together; those of a vector beyond count as 0"),
        _u("epsilon", 32, "added to n sum x^2 - (sum x)^2"),
        _u("fraction", 4, "bits of the result below 1"),
    ),
    Opcode.STORE: _move("scratchpad to memory"),
}  # fmt: skip
