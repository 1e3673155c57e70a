"""What a command touches: words of the scratchpad, words of memory, rows of sums."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Kind, Opcode
from golden.accelerator.map_lanes import TABLE_ENTRIES
from golden.accelerator.multiply import count_of, left_walk, tiles_of, top_walk
from golden.accelerator.params import AcceleratorParams

Loop = tuple[int, int]  # count, stride; of several, the first is the innermost
Walk = tuple[int, Sequence[Loop]]  # base, loops
Fields = Mapping[str, int]
KIND_WORDS = {Kind.BYTE: 1, Kind.HALF: 2, Kind.WORD: 4}
PARAMETER_WORDS = 9
MEMORY_SIZE = 1 << 32
FEW = 1 << 16  # bits that are quicker to set than addresses to sort
MANY = 1 << 12  # addresses that are worth looking for equal ones among


def touched(walks: Iterable[Walk], modulus: int) -> np.ndarray:
    """The addresses of walks, each once, modulo that of the scratchpad or of memory; int64 [n]."""
    found = [np.zeros(0, np.int64)]
    for base, loops in walks:
        reached = np.array([base % modulus], np.int64)
        for count, stride in sorted(loops):
            if stride and count > 1:
                reached = (np.arange(count, dtype=np.int64)[:, None] * stride + reached).ravel() % modulus
                if len(reached) > MANY:
                    reached = each_once(reached, modulus)
        found.append(reached)
    return each_once(np.concatenate(found), modulus)


def each_once(addresses: np.ndarray, modulus: int) -> np.ndarray:
    """Addresses below `modulus` in order, each once."""
    if modulus > FEW:
        return np.unique(addresses)
    there = np.zeros(modulus, bool)
    there[addresses] = True
    return np.flatnonzero(there)


def loops_of(command: Fields, stride: str, numbers: Iterable[int]) -> list[Loop]:
    """The loops with these numbers; stride: its field's name, less the number."""
    return [(command[f"count{i}"], command[f"{stride}{i}"]) for i in numbers]


def vectors(command: Fields, name: str, kind: int, numbers: Iterable[int]) -> Walk:
    """Of vectors of a kind, at the field `name`, with strides of that name."""
    return command[name], [(KIND_WORDS[Kind(kind)], 1), *loops_of(command, f"{name}_stride", numbers)]


def scratch_reads(p: AcceleratorParams, command: Command) -> list[Walk]:
    """Walks over the scratchpad's words that are read."""
    f = command.fields
    match command.opcode:
        case Opcode.STORE:
            return [run(f)]
        case Opcode.GATHER:
            return [(f["index"], [(-(-4 * f["count1"] // p.lanes), 1)])]
        case Opcode.MULTIPLY:
            walks = left_walk(f), top_walk(p, f)
            return [(base, list(zip(counts, strides, strict=True))) for base, counts, strides in walks]
        case Opcode.MAP:
            kinds = [(name, f[f"{name}_kind"]) for name in ("a", "b") if f[f"{name}_kind"] != Kind.NONE]
            sets = f[f"count{2 + f['p_loop']}"]
            parameters: Walk = (f["p"], [(PARAMETER_WORDS, 1), (sets, f["p_stride"])])
            return [parameters, *(vectors(f, name, kind, range(4)) for name, kind in kinds)]
        case Opcode.TABLE:
            return [(f["a"], [(2 * TABLE_ENTRIES // p.lanes, 1)])]
        case Opcode.EXPONENTIAL | Opcode.NORMALISE:
            return [vectors(f, "a", Kind.HALF, range(3))]
    return []


def scratch_writes(p: AcceleratorParams, command: Command) -> list[Walk]:
    """Walks over the scratchpad's words that are written."""
    f = command.fields
    match command.opcode:
        case Opcode.LOAD | Opcode.FILL:
            return [run(f)]
        case Opcode.GATHER:
            return [(f["scratch"], [(f["words"], 1), (f["count1"], f["scratch_stride1"])])]
        case Opcode.MAP:
            return [vectors(f, "out", f["out_kind"], (2, 3) if f["reduce"] else range(4))]
        case Opcode.EXPONENTIAL:
            return [vectors(f, "out", Kind.BYTE, range(3)), vectors(f, "r", Kind.HALF, (1, 2))]
        case Opcode.NORMALISE:
            return [vectors(f, "out", Kind.HALF, range(3))]
    return []


def run(command: Fields) -> Walk:
    """LOAD's, FILL's and STORE's side of the scratchpad."""
    return command["scratch"], [(command["words"], 1), *loops_of(command, "scratch_stride", (1, 2, 3))]


def memory_words(p: AcceleratorParams, command: Command) -> np.ndarray:
    """Numbers of the bus words that LOAD or GATHER may read, that STORE writes; int64 [n], each once."""
    return touched([memory_walk(p, command)], MEMORY_SIZE) // p.lanes


def memory_range(p: AcceleratorParams, command: Command) -> tuple[int, int]:
    """First of these words and one past the last, or all that there are where they wrap."""
    base, loops = memory_walk(p, command)
    reach = [(count - 1) * stride for count, stride in loops]
    low, high = base + sum(min(0, r) for r in reach), base + sum(max(0, r) for r in reach)
    if low < 0 or high >= MEMORY_SIZE:
        return 0, MEMORY_SIZE // p.lanes
    return low // p.lanes, high // p.lanes + 1


def memory_walk(p: AcceleratorParams, command: Command) -> Walk:
    """Of LOAD, STORE and GATHER, in bytes; GATHER may take any row of its table."""
    f = command.fields
    loops: list[Loop] = [(f["words"], p.lanes)]
    if command.opcode == Opcode.GATHER:
        loops.append((max(1, f["limit"]), f["address_stride1"]))
    else:
        loops += loops_of(f, "address_stride", (1, 2, 3))
    return f["address"], loops


def sums_made(command: Command) -> int:
    """Rows of sums that a command makes, so that MAP can take them."""
    f = command.fields
    return count_of(f) * tiles_of(f) if command.opcode == Opcode.MULTIPLY and not f["more"] else 0


def sums_begun(command: Command) -> int:
    """Rows of sums that a command begins, and that want a place."""
    f = command.fields
    return count_of(f) * tiles_of(f) if command.opcode == Opcode.MULTIPLY and not f["open"] else 0


def sums_taken(command: Command) -> int:
    """Rows of sums that a command takes."""
    f = command.fields
    if command.opcode != Opcode.MAP or f["a_kind"] != Kind.NONE:
        return 0
    return f["count0"] * f["count1"] * f["count2"] * f["count3"]
