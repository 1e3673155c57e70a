"""What a program does: its commands one by one, in the order in which they stand.

A program whose tokens order all conflicting accesses (golden.accelerator.races) gives just that on the
accelerator, however its units overlap. Sums wait between MULTIPLY and MAP in the order in which they came.
A command reads all that it reads before it writes.

A token must be given by a command that stands before the one that takes it; one that is not there, sums that
no one makes or takes: a DEADLOCK. What a command that faults leaves behind is not defined.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from golden import check
from golden.accelerator import exponential, normalise
from golden.accelerator.assembler import Command, unpack
from golden.accelerator.commands import UNITS, Kind, Opcode
from golden.accelerator.legal import illegal
from golden.accelerator.map_lanes import TABLE_ENTRIES, map_lanes
from golden.accelerator.multiply import most_passes, multiply
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.parts import Parts
from golden.accelerator.registers import NO_UNIT, Cause
from golden.axi.bursts import Status

Fields = Mapping[str, int]
MEMORY_SIZE = 1 << 32
# of a block of parameters: first word, words, elements
BLOCK = ((0, 4, np.int32), (4, 4, np.uint32), (8, 1, np.uint8))
LOOPS = range(4)  # of MAP
DTYPES = {
    (Kind.BYTE, 0): np.int8, (Kind.BYTE, 1): np.uint8, (Kind.HALF, 0): np.int16, (Kind.HALF, 1): np.uint16,
    (Kind.WORD, 0): np.int32, (Kind.WORD, 1): np.int32,
}  # fmt: skip


class Fault(RuntimeError):
    """The program was stopped; the registers CAUSE and FAULT_COMMAND tell the same."""

    def __init__(self, cause: Cause, unit: int, command: int, response: int = 0, why: str = ""):
        self.cause, self.unit, self.command, self.response = cause, unit, command, response
        where = "control" if unit == NO_UNIT else UNITS[unit]
        name = cause.name.lower().replace("_", " ")
        super().__init__(f"command {command}: {where}: {name}" + (f": {why}" if why else ""))


def vector_words(kind: int) -> int:
    """Words of a vector."""
    return {Kind.BYTE: 1, Kind.HALF: 2, Kind.WORD: 4}[Kind(kind)]


def grid(base: int, loops: Sequence[tuple[int, int]]) -> np.ndarray:
    """base + sum of index stride, no wrap: int64 [counts]. loops (count, stride), innermost first."""
    found = np.array(base, np.int64)
    for count, stride in loops:
        found = np.add.outer(np.arange(count, dtype=np.int64) * stride, found)
    return found


def loops_of(command: Fields, stride: str, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """(count, stride) of the loops with these numbers; stride: its field's name, less the number."""
    return [(command[f"count{i}"], command[f"{stride}{i}"]) for i in numbers]


class Machine:
    """An accelerator without time.

    memory   uint8 [bytes] from address `base` on, changed in place; elsewhere the bus answers DECERR
    failing  first address, and one past the last, of what answers SLVERR
    scratch  uint8 [words, lanes]; zero at first, as no program may rely on
    sums     rows [L] that MULTIPLY has made and no MAP has taken; open: those that it has begun
    """

    def __init__(
        self, p: AcceleratorParams, memory: np.ndarray, base: int = 0, failing: tuple[int, int] = (0, 0)
    ):
        if memory.dtype != np.uint8 or memory.ndim != 1:
            raise check.fail("memory", f"{memory.dtype} {list(memory.shape)}", "uint8 [bytes]")
        self.p, self.memory, self.base, self.failing = p, memory, base, failing
        self.scratch = np.zeros((p.words, p.lanes), np.uint8)
        self.sums: list[np.ndarray] = []  # blocks [rows, L]
        self.open: list[np.ndarray] = []
        self.parts = Parts(most_passes(p))
        self.table: np.ndarray | None = None
        self.tokens = {(giver, taker): 0 for giver in UNITS for taker in UNITS}
        self.number = 0  # of the command
        self.handlers: dict[Opcode, Callable[[Fields], None]] = {
            Opcode.LOAD: self.load, Opcode.FILL: self.fill, Opcode.GATHER: self.gather,
            Opcode.MULTIPLY: self.multiply, Opcode.MAP: self.map, Opcode.TABLE: self.load_table,
            Opcode.EXPONENTIAL: self.exponential, Opcode.NORMALISE: self.normalise, Opcode.STORE: self.store,
        }  # fmt: skip

    def run(self, program_address: int, commands: int) -> int:
        """Execute from `program_address` until END; how many commands that were, END among them.

        commands  most of them to fetch
        raises    Fault
        """
        for number in range(commands):
            self.number = number
            command = self.fetch(program_address + number * COMMAND_BYTES)
            self.execute(command)
            if command.opcode == Opcode.END:
                return number + 1
        self.number = commands
        raise self.fault(Cause.ILLEGAL_COMMAND, "control", why=f"no END among {commands} commands")

    def fetch(self, address: int) -> Command:
        """The command at an address."""
        places = self.reachable(np.arange(address, address + COMMAND_BYTES, self.p.lanes), Cause.FETCH_ERROR)
        start = int(places[0, 0])
        word = self.memory[start : start + COMMAND_BYTES].tobytes()
        if why := illegal(self.p, int.from_bytes(word, "little")):
            raise self.fault(Cause.ILLEGAL_COMMAND, "control", why=why)
        return unpack(word)[0]

    def execute(self, command: Command) -> None:
        """One command; raises Fault."""
        self.take_tokens(command)
        if command.opcode in self.handlers:
            self.handlers[command.opcode](command.fields)
        elif command.opcode == Opcode.END and (left := [*self.sums, *self.open]):
            rows = sum(len(block) for block in left)
            raise self.fault(Cause.DEADLOCK, "control", why=f"{rows} rows of sums that no MAP takes")
        for taker in command.signal:
            self.tokens[command.unit, taker] += command.unit in UNITS

    def take_tokens(self, command: Command) -> None:
        """What a command waits for; control waits for everyone anyway."""
        if command.unit not in UNITS:
            return
        for giver in command.wait:
            if not self.tokens[giver, command.unit]:
                raise self.fault(Cause.DEADLOCK, command.unit, why=f"a token of {giver} that never comes")
            self.tokens[giver, command.unit] -= 1

    def fault(self, cause: Cause, unit: str, response: int = 0, why: str = "") -> Fault:
        """The Fault of the command that is being done."""
        return Fault(cause, UNITS.index(unit) if unit in UNITS else NO_UNIT, self.number, response, why)

    # Memory.

    def reachable(self, addresses: np.ndarray, cause: Cause, lengths: int = 1) -> np.ndarray:
        """Indices into memory, int64 [..., lengths], of runs' words; Fault where the bus gives an error.

        addresses  of each run, bytes, wrapping; lengths: words of each
        """
        unit = {Cause.LOAD_ERROR: "load", Cause.STORE_ERROR: "store"}.get(cause, "control")
        size = self.p.lanes
        starts = addresses % MEMORY_SIZE
        words = starts[..., None] + np.arange(lengths, dtype=np.int64) * size
        refused = (starts % size != 0) | (starts + lengths * size > MEMORY_SIZE)
        outside = (words < self.base) | (words + size > self.base + len(self.memory))
        first, end = self.failing
        failing = (words + size > first) & (words < end)
        wrong = refused[..., None] | outside | failing
        if wrong.any():
            place = np.unravel_index(int(wrong.argmax()), wrong.shape)
            response = Status.DECERR if outside[place] else Status.SLVERR
            if refused[place[:-1]]:
                response = Status.REFUSED
            raise self.fault(cause, unit, response, f"{response.name} at {int(words[place]):#x}")
        return np.asarray(words - self.base)

    def words_at(self, places: np.ndarray) -> np.ndarray:
        """Words of memory at indices, uint8 [..., L]."""
        if self.base % self.p.lanes == 0 and len(self.memory) % self.p.lanes == 0:
            return np.asarray(self.memory.reshape(-1, self.p.lanes)[places // self.p.lanes])
        return np.asarray(self.memory[places[..., None] + np.arange(self.p.lanes)])

    def runs(self, command: Fields) -> tuple[np.ndarray, np.ndarray]:
        """Of LOAD and STORE: addresses of the runs in memory, and of each word in the scratchpad."""
        addresses = grid(command["address"], loops_of(command, "address_stride", (1, 2, 3)))
        return addresses, self.scratch_runs(command)

    def scratch_runs(self, command: Fields) -> np.ndarray:
        """Indices of the words of runs in the scratchpad, int64 [..., words]."""
        loops = [(command["words"], 1), *loops_of(command, "scratch_stride", (1, 2, 3))]
        return self.places(grid(command["scratch"], loops))

    def load(self, command: Fields) -> None:
        addresses, places = self.runs(command)
        self.scratch[places] = self.words_at(self.reachable(addresses, Cause.LOAD_ERROR, command["words"]))

    def store(self, command: Fields) -> None:
        addresses, places = self.runs(command)
        to = self.reachable(addresses, Cause.STORE_ERROR, command["words"])
        self.memory[to[..., None] + np.arange(self.p.lanes)] = self.scratch[places]

    def fill(self, command: Fields) -> None:
        pair = np.array([command["value"]], "<u2").view(np.uint8)
        self.scratch[self.scratch_runs(command)] = np.resize(pair, self.p.lanes)

    def gather(self, command: Fields) -> None:
        count = command["count1"]
        numbers = self.elements(grid(command["index"], [(-(-count * 4 // self.p.lanes), 1)]), 1, np.uint32)
        rows = numbers.ravel()[:count].astype(np.int64)
        beyond = np.flatnonzero(rows >= command["limit"])
        if len(beyond):
            why = f"row {rows[beyond[0]]} of {command['limit']}"
            raise self.fault(Cause.ROW_NUMBER, "load", why=why)
        addresses = command["address"] + rows * command["address_stride1"]
        places = self.reachable(addresses, Cause.LOAD_ERROR, command["words"])
        loops = [(command["words"], 1), (count, command["scratch_stride1"])]
        self.scratch[self.places(grid(command["scratch"], loops))] = self.words_at(places)

    # The scratchpad.

    def places(self, addresses: np.ndarray) -> np.ndarray:
        """Indices into scratch: addresses wrap at 2^16, then at the scratchpad's words."""
        return np.asarray((addresses & 0xFFFF) % self.p.words)

    def elements(self, addresses: np.ndarray, words: int, dtype: type) -> np.ndarray:
        """Vectors of `words` words at scratchpad addresses: [..., elements] of dtype."""
        places = self.places(addresses[..., None] + np.arange(words))
        read = self.scratch[places].reshape(*addresses.shape, words * self.p.lanes)
        return np.asarray(read.view(np.dtype(dtype).newbyteorder("<")))

    def write(self, addresses: np.ndarray, values: np.ndarray, kind: int) -> None:
        """Vectors [..., L] of a kind at addresses [...], low bits of values; the last of several stays."""
        words = vector_words(kind)
        dtype = {Kind.BYTE: np.uint8, Kind.HALF: np.uint16, Kind.WORD: np.uint32}[Kind(kind)]
        data = np.ascontiguousarray(values).astype(np.dtype(dtype).newbyteorder("<"))
        places = self.places(addresses[..., None] + np.arange(words))
        self.scratch[places] = data.view(np.uint8).reshape(*places.shape, self.p.lanes)

    # Units that compute.

    def multiply(self, command: Fields) -> None:
        self.parts.check(command)
        rows = multiply(self.p, command, self.scratch).reshape(-1, self.p.lanes)
        if command["open"]:
            rows = rows + self.open.pop(0)
        (self.open if command["more"] else self.sums).append(rows)

    def take_sums(self, rows: int) -> np.ndarray:
        """The next rows of sums, int64 [rows, L]."""
        found: list[np.ndarray] = []
        while rows:
            if not self.sums:
                raise self.fault(Cause.DEADLOCK, "vector", why=f"{rows} rows of sums that no MULTIPLY makes")
            block = self.sums.pop(0)
            if len(block) > rows:
                self.sums.insert(0, block[rows:])
            found.append(block[:rows])
            rows -= len(found[-1])
        return np.concatenate(found)

    def operand(self, command: Fields, name: str) -> np.ndarray:
        """Elements of a or b, [n3, n2, n1, n0, L]; a loop that stands still has one round."""
        loops = loops_of(command, f"{name}_stride", LOOPS)
        loops = [(count if stride else 1, stride) for count, stride in loops]
        kind = Kind(command[f"{name}_kind"])
        dtype = DTYPES[kind, command[f"{name}_unsigned"]]
        return self.elements(grid(command[name], loops), vector_words(kind), dtype).astype(np.int64)

    def map(self, command: Fields) -> None:
        counts = tuple(command[f"count{i}"] for i in (3, 2, 1, 0))
        shape = (*counts, self.p.lanes)
        if command["a_kind"] == Kind.NONE:
            a = self.take_sums(int(np.prod(counts))).reshape(shape)
        else:
            a = np.broadcast_to(self.operand(command, "a"), shape)
        b = None if command["b_kind"] == Kind.NONE else self.operand(command, "b")
        bias, multiplier, shift = self.parameters(command)
        out = map_lanes(self.p, command, a, b, bias, multiplier, shift, self.table)
        loops = loops_of(command, "out_stride", LOOPS)
        if command["reduce"]:
            loops = [(1, 0), (1, 0), *loops[2:]]
        self.write(grid(command["out"], loops), out, command["out_kind"])

    def parameters(self, command: Fields) -> list[np.ndarray]:
        """bias, multiplier, shift, each int64 [n3 or 1, n2 or 1, 1, 1, L]."""
        count = command[f"count{2 + command['p_loop']}"] if command["p_stride"] else 1
        bases = grid(command["p"], [(count, command["p_stride"])])
        shape = (count, 1, 1, 1, -1) if command["p_loop"] else (1, count, 1, 1, -1)
        blocks = [self.elements(bases + at, words, kind) for at, words, kind in BLOCK]
        return [block.astype(np.int64).reshape(shape) for block in blocks]

    def load_table(self, command: Fields) -> None:
        words = 2 * TABLE_ENTRIES // self.p.lanes
        self.table = self.elements(grid(command["a"], []), words, np.int16).astype(np.int64)

    def exponential(self, command: Fields) -> None:
        loops = loops_of(command, "a_stride", range(3))
        scores = self.elements(grid(command["a"], loops), 2, np.int16).astype(np.int64)
        codes, r = exponential.exponential(self.p, command, scores.reshape(*scores.shape[:2], -1))
        out = grid(command["out"], loops_of(command, "out_stride", range(3)))
        self.write(out, codes.reshape(scores.shape), Kind.BYTE)
        rows = grid(command["r"], loops_of(command, "r_stride", (1, 2)))
        self.write(rows, np.broadcast_to(r.reshape(*rows.shape, 1), (*rows.shape, self.p.lanes)), Kind.HALF)

    def normalise(self, command: Fields) -> None:
        loops = loops_of(command, "a_stride", range(3))
        x = self.elements(grid(command["a"], loops), 2, np.int16).astype(np.int64)
        y = normalise.normalise(self.p, command, x)
        self.write(grid(command["out"], loops_of(command, "out_stride", range(3))), y, Kind.HALF)
