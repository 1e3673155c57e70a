"""The vector unit: MAP in lanes, TABLE for its function; EXPONENTIAL and NORMALISE in engines beside them.

The values are those of golden.accelerator.map_lanes, exponential and normalise. The unit executes one command
at a time. The slowest of a MAP's streams of words sets its pace:

    vectors * max(words of a vector of a, of b, of the result, 1) + about 20 to 25

cycles, and a block of parameters takes at least 9 cycles. MAP's exact figure comes from stepping through what
the registers hold (golden.accelerator.map_cycles).
"""

from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from golden.accelerator import exponential, fetcher, map_cycles, normalise
from golden.accelerator.assembler import Command
from golden.accelerator.commands import AtMost, Forbid, Opcode, choice, count, place, signed, unsigned
from golden.accelerator.elements import BLOCK, BLOCK_WORDS, DTYPES, KIND_WORDS, Kind
from golden.accelerator.footprints import Fields, Footprint, Walk, loops_of, vectors
from golden.accelerator.map_cycles import DONE, latency
from golden.accelerator.map_lanes import TABLE_ENTRIES, MapOperation, map_lanes
from golden.accelerator.params import FIRST_FUNCTION, LANES, MOST_FUNCTIONS, AcceleratorParams
from golden.accelerator.unit_timing import Step, UnitTiming
from golden.accelerator.units import Stream, UnitState

if TYPE_CHECKING:
    from golden.accelerator.machine import Machine
    from golden.accelerator.timing import TimingModel

SUMS = "sums"
LOOPS = range(4)  # of MAP
NUMBER = 2
Params = None
MAP = Opcode(NUMBER, 0, "MAP", (
    place("a", "scratchpad address of the first operand"),
    place("b", "of the second"),
    place("p", "of the parameters: bias, multiplier, shift of each lane"),
    place("out", "of the result"),
    *(count(f"count{i}", f"of loop {i}") for i in LOOPS),
    *(signed(f"a_stride{i}", 16, f"of loop {i}") for i in LOOPS),
    *(signed(f"b_stride{i}", 16, f"of loop {i}") for i in LOOPS),
    *(signed(f"out_stride{i}", 16, f"of loop {i}") for i in LOOPS),
    signed("p_stride", 16, "of loop 2 + p_loop; 0: one set of parameters, read once"),
    unsigned("p_loop", 1, "parameters change with loop 2 or with loop 3"),
    choice("a_kind", 2, Kind, "NONE: the matrix unit's sums, in the order in which they come"),
    choice("b_kind", 2, Kind, "NONE: no second operand"),
    choice("out_kind", 2, Kind, "not NONE", 1),
    unsigned("a_unsigned", 1, "bytes or halves are unsigned"),
    unsigned("b_unsigned", 1, "bytes or halves are unsigned"),
    choice("operation", 2, MapOperation, "of both operands"),
    unsigned("reduce", 1, "loops 0 and 1 are summed, or their greatest is taken (MAX): one result"),
    signed("a_zero", 16, "taken from a"),
    signed("b_zero", 16, "taken from b"),
    unsigned("b_shift", 5, "of the product with b"),
    signed("b_multiplier", 16, "of b (ADD)"),
    unsigned("function", 4, "0 none, 1 table, from 2 on the piecewise ones"),
    unsigned("post_multiplier", 16, "behind the function; 0: none"),
    unsigned("post_shift", 5, "behind the function"),
    signed("zero_point", 16, "added at last"),
    signed("low", 16, "least result"),
    signed("high", 16, "greatest result"),
), (
    Forbid({"operation": MapOperation.ADD, "reduce": 1}, "0 (operation ADD)"),
    Forbid({"operation": (MapOperation.MUL, MapOperation.ADD), "b_kind": Kind.NONE},
           "an operand (operations MUL and ADD)"),
    Forbid({"operation": MapOperation.MUL, "b_kind": Kind.WORD}, "BYTE or HALF (operation MUL)"),
    AtMost(("function",), lambda p: FIRST_FUNCTION + len(p.functions) - 1,
           FIRST_FUNCTION + MOST_FUNCTIONS - 1, "the functions that there are"),
))  # fmt: skip
TABLE = Opcode(
    NUMBER, 1, "TABLE", (place("a", "scratchpad address of 256 int16: the table's values at -128 to 127"),)
)
EXPONENTIAL = Opcode(NUMBER, 2, "EXPONENTIAL", (
    place("a", "scratchpad address of the scores, int16, 8 bits below an octave"),
    place("out", "of the codes, a byte each: 127 for a row's greatest"),
    place("r", "of 2^22 / sum of a row's codes, uint16 in every lane"),
    count("count0", "vectors of a row"),
    *(count(f"count{i}", f"of loop {i} over rows") for i in (1, 2)),
    *(signed(f"a_stride{i}", 16, f"of loop {i}") for i in range(3)),
    *(signed(f"out_stride{i}", 16, f"of loop {i}") for i in range(3)),
    *(signed(f"r_stride{i}", 16, f"of loop {i}") for i in (1, 2)),
    unsigned("length", 16, "valid elements of the first row; others count for nothing and get 0"),
    signed("length_step", 16, "more of them in each row of loop 1 (1: causal)"),
), (
    AtMost(("count0",), lambda p: exponential.LONGEST // p.lanes, exponential.LONGEST // min(LANES),
           f"rows of {exponential.LONGEST} elements or fewer"),
))  # fmt: skip
NORMALISE = Opcode(NUMBER, 3, "NORMALISE", (
    place("a", "scratchpad address of the elements, int16"),
    place("out", "of the results, int16"),
    count("count0", "vectors that are normalised together"),
    *(count(f"count{i}", f"of loop {i}") for i in (1, 2)),
    *(signed(f"a_stride{i}", 16, f"of loop {i}") for i in range(3)),
    *(signed(f"out_stride{i}", 16, f"of loop {i}") for i in range(3)),
    unsigned("columns", 1, "each lane by itself; else all lanes together"),
    unsigned("rms", 1, "the mean is not taken off"),
    count("length", "elements that are normalised together; those of a vector beyond count as 0"),
    unsigned("epsilon", 32, "added to n sum x^2 - (sum x)^2"),
    unsigned("fraction", 4, "bits of the result below 1"),
), (
    AtMost(("length",), lambda p: normalise.LONGEST, normalise.LONGEST, "elements that sums are wide for"),
))  # fmt: skip
COMMANDS = (MAP, TABLE, EXPONENTIAL, NORMALISE)
READERS = {"a": 20, "b": 21, "p": 22}
WRITERS = {"vector": 20}
MEMORY = ""
STREAMS = {SUMS: Stream(gives=False, bits=lambda p: 32 * p.lanes)}
CAUSES: Mapping[str, tuple[int, str]] = {}


class State(UnitState):
    """table: of MAP's function, int64 [256]; None before the first TABLE."""

    def __init__(self, p: AcceleratorParams):
        self.table: np.ndarray | None = None


def footprint(p: AcceleratorParams, command: Command) -> Footprint:
    """The footprint: operands, blocks of parameters, results; a MAP without `a` takes rows of sums."""
    f = command.fields
    match command.opcode:
        case Opcode.MAP:
            return map_footprint(f)
        case Opcode.TABLE:
            return Footprint(reads=[(f["a"], [(table_words(p), 1)])])
        case Opcode.EXPONENTIAL:
            writes = [vectors(f, "out", Kind.BYTE, range(3)), vectors(f, "r", Kind.HALF, (1, 2))]
            return Footprint(reads=[vectors(f, "a", Kind.HALF, range(3))], writes=writes)
    writes = [vectors(f, "out", Kind.HALF, range(3))]
    return Footprint(reads=[vectors(f, "a", Kind.HALF, range(3))], writes=writes)


def map_footprint(f: Fields) -> Footprint:
    """The footprint of a MAP."""
    kinds = [(name, f[f"{name}_kind"]) for name in ("a", "b") if f[f"{name}_kind"] != Kind.NONE]
    sets = f[f"count{2 + f['p_loop']}"]
    parameters: Walk = (f["p"], [(BLOCK_WORDS, 1), (sets, f["p_stride"])])
    rows = f["count0"] * f["count1"] * f["count2"] * f["count3"]
    return Footprint(
        reads=[parameters, *(vectors(f, name, kind, LOOPS) for name, kind in kinds)],
        writes=[vectors(f, "out", f["out_kind"], (2, 3) if f["reduce"] else LOOPS)],
        takes={SUMS: rows} if f["a_kind"] == Kind.NONE else {},
    )


def table_words(p: AcceleratorParams) -> int:
    """Words of the table of MAP's function, of 16 bits each entry."""
    return 2 * TABLE_ENTRIES // p.lanes


def execute(p: AcceleratorParams, command: Command, machine: "Machine") -> None:
    f = command.fields
    match command.opcode:
        case Opcode.MAP:
            execute_map(p, f, machine)
        case Opcode.TABLE:
            entries = machine.elements(machine.grid(f["a"], []), table_words(p), np.int16)
            machine.state_of(State).table = entries.astype(np.int64)
        case Opcode.EXPONENTIAL:
            execute_exponential(p, f, machine)
        case Opcode.NORMALISE:
            x = machine.elements(machine.grid(f["a"], loops_of(f, "a_stride", range(3))), 2, np.int16)
            y = normalise.normalise(p, f, x.astype(np.int64))
            machine.write(machine.grid(f["out"], loops_of(f, "out_stride", range(3))), y, Kind.HALF)


def execute_map(p: AcceleratorParams, f: Fields, machine: "Machine") -> None:
    counts = tuple(f[f"count{i}"] for i in (3, 2, 1, 0))
    shape = (*counts, p.lanes)
    if f["a_kind"] == Kind.NONE:
        a = machine.take(SUMS, int(np.prod(counts))).reshape(shape)
    else:
        a = np.broadcast_to(operand(f, "a", machine), shape)
    b = None if f["b_kind"] == Kind.NONE else operand(f, "b", machine)
    bias, multiplier, shift = parameters(f, machine)
    out = map_lanes(p, f, a, b, bias, multiplier, shift, machine.state_of(State).table)
    loops = loops_of(f, "out_stride", LOOPS)
    if f["reduce"]:
        loops = [(1, 0), (1, 0), *loops[2:]]
    machine.write(machine.grid(f["out"], loops), out, f["out_kind"])


def operand(f: Fields, name: str, machine: "Machine") -> np.ndarray:
    """Elements of a or b, int64 [n3, n2, n1, n0, L]; a loop that stands still has one round."""
    loops = [(n if stride else 1, stride) for n, stride in loops_of(f, f"{name}_stride", LOOPS)]
    kind = Kind(f[f"{name}_kind"])
    dtype = DTYPES[kind, f[f"{name}_unsigned"]]
    return machine.elements(machine.grid(f[name], loops), KIND_WORDS[kind], dtype).astype(np.int64)


def parameters(f: Fields, machine: "Machine") -> list[np.ndarray]:
    """bias, multiplier, shift, each int64 [n3 or 1, n2 or 1, 1, 1, L]."""
    sets = f[f"count{2 + f['p_loop']}"] if f["p_stride"] else 1
    bases = machine.grid(f["p"], [(sets, f["p_stride"])])
    shape = (sets, 1, 1, 1, -1) if f["p_loop"] else (1, sets, 1, 1, -1)
    blocks = [machine.elements(bases + at, words, kind) for at, words, kind in BLOCK]
    return [block.astype(np.int64).reshape(shape) for block in blocks]


def execute_exponential(p: AcceleratorParams, f: Fields, machine: "Machine") -> None:
    scores = machine.elements(machine.grid(f["a"], loops_of(f, "a_stride", range(3))), 2, np.int16)
    codes, r = exponential.exponential(p, f, scores.astype(np.int64).reshape(*scores.shape[:2], -1))
    out = machine.grid(f["out"], loops_of(f, "out_stride", range(3)))
    machine.write(out, codes.reshape(scores.shape), Kind.BYTE)
    rows = machine.grid(f["r"], loops_of(f, "r_stride", (1, 2)))
    machine.write(rows, np.broadcast_to(r.reshape(*rows.shape, 1), (*rows.shape, p.lanes)), Kind.HALF)


HALF_WORDS = 2  # of a vector
BEGIN = 1  # cycles from a command to its walks' beginning
CODES = 1  # register in which codes wait while an r is written
WRITER = 1  # register of the vector that is being written


def cycles(p: AcceleratorParams, opcode: Opcode, command: Fields) -> int:
    """Cycles from a command's acceptance to its `done`, in which the next one can be accepted; unstalled:
    rows of sums, where MAP takes them, are always there, and every request to the scratchpad is granted at
    once.

    command  fields of `opcode`
    """
    if opcode == MAP:
        return map_cycles.cycles(p, command)
    first = BEGIN + fetcher.LATENCY  # word of a
    if opcode == TABLE:
        return first + TABLE_ENTRIES - 1 + DONE
    ends = first + HALF_WORDS - 1  # the first vector is there
    groups = command["count1"] * command["count2"]
    write = WRITER + HALF_WORDS - 1 + DONE
    if opcode == EXPONENTIAL:
        every, lost = 2 * groups * command["count0"], lost_to_r(p, command["count0"], groups)
        return ends + HALF_WORDS * (every - 1) + exponential.r_latency(p) + lost + write
    within = 2 * HALF_WORDS * (command["count0"] - 1) + normalise.pause(p, bool(command["columns"])) + 1
    return ends + groups * within + HALF_WORDS * (groups - 1) + normalise.LATENCY + write


def lost_to_r(p: AcceleratorParams, count0: int, groups: int) -> int:
    """Cycles in which EXPONENTIAL's engine stands because the writer is at an r, in rows of count0 vectors.

    An r takes the writer for HALF_WORDS cycles and goes first. Codes that come together with it wait in their
    register, so those of the row's next vector, HALF_WORDS cycles behind, find it full and the engine stands
    for a cycle. It would have taken a vector then, since its latency is even where codes and an r can meet.
    """
    behind = exponential.r_latency(p) - exponential.latency(p)  # of an r, behind the codes of its row's last
    ahead = behind - CODES - HALF_WORDS  # between the vector after that one and the one whose codes meet r
    if ahead % HALF_WORDS:
        return 0  # r comes between two codes
    # the second reading of the next row has codes; behind the last of them nothing has to wait
    meets = count0 <= ahead // HALF_WORDS < 2 * count0 - 1
    return groups - 1 if meets else 0


SHAPE = tuple(
    each.name
    for each in MAP.fields
    if each.name.startswith(("count", "p_", "reduce", "function")) or each.name.endswith("kind")
)  # what of a MAP decides its cycles


@lru_cache(maxsize=4096)
def cycles_of_shape(p: AcceleratorParams, shape: tuple[int, ...]) -> int:
    """Cycles of a MAP with these values of the fields SHAPE."""
    return cycles(p, MAP, dict(zip(SHAPE, shape, strict=True)))


def work(p: AcceleratorParams, command: Command) -> int:
    """Cycles, as `cycles` counts them."""
    if command.opcode != MAP:
        return cycles(p, command.opcode, command.fields)
    return cycles_of_shape(p, tuple(command.fields[name] for name in SHAPE))


FIXED = 22  # cycles of a MAP, about, beyond what its vectors take


class Timing(UnitTiming):
    """One command after the other; a MAP of sums takes them as they come."""

    def __init__(self, model: "TimingModel"):
        super().__init__(model)
        self.sums = model.streams[SUMS]
        self.tile = self.used = 0  # of sums: at hand, and how many of its rows were taken

    def cycles(self, command: Command) -> int:
        return work(self.p, command)

    def finish(self, command: Command, start: int) -> Step:
        took = self.cycles(command)
        self.done = start + took - 1
        rows = footprint(self.p, command).takes.get(SUMS, 0)
        if rows:
            last = yield from self.take(rows, start, max(1, (took - FIXED) / rows))
            words = KIND_WORDS[Kind(command.fields["out_kind"])]
            ends = int(last) + latency(self.p, command.fields["function"]) + words + DONE
            self.done = max(self.done, ends)
        self.free = self.done + 1

    def take(self, rows: int, start: int, pace: float) -> Generator[None, None, float]:
        """Take rows of sums, one every `pace` cycles at best; returns the cycle in which the last one is
        taken."""
        left, last = rows, start + 1.0
        while left:
            while len(self.sums.there) <= self.tile:
                yield
            count, there = self.sums.there[self.tile]
            taken = min(left, count - self.used)
            first = max(there + self.used, last + (pace if left < rows else 0))
            last = max(there + self.used + taken - 1, first + (taken - 1) * pace)
            self.sums.taken.add(taken, first, (last - first) / max(1, taken - 1))
            left, self.used = left - taken, self.used + taken
            if self.used == count:
                self.tile, self.used = self.tile + 1, 0
        return last
