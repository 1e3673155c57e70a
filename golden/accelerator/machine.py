"""The interpreter: a program's effect on memory, its commands executed one by one in program order.

A program whose tokens order all conflicting accesses (golden.accelerator.races) has exactly this effect on
the accelerator, however its units overlap. Rows of a stream wait between two units in the order in which they
were made. A command reads all its operands before it writes its results.

A token must be given by a command that comes before the one that takes it. A token that is missing, or rows
that nobody makes or nobody takes, are a DEADLOCK. What a faulting command leaves behind is not defined.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from golden import check
from golden.accelerator.assembler import Command, unpacked
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import KIND_WORDS, Kind
from golden.accelerator.footprints import MEMORY_SIZE, Loop, Walk
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.registers import NO_UNIT, Cause
from golden.accelerator.units import names, numbers, streams, unit
from golden.axi.bursts import BurstStatus

S = TypeVar("S")


class Fault(RuntimeError):
    """The program was stopped; the registers CAUSE and FAULT_COMMAND tell the same."""

    def __init__(self, cause: Cause, unit: int, command: int, response: int = 0, why: str = ""):
        self.cause, self.unit, self.command, self.response = cause, unit, command, response
        where = "control" if unit == NO_UNIT else names()[unit]
        name = cause.name.lower().replace("_", " ")
        super().__init__(f"command {command}: {where}: {name}" + (f": {why}" if why else ""))


class Machine:
    """An accelerator without time.

    memory   uint8 [bytes] from address `base` on, changed in place; elsewhere the bus answers DECERR
    failing  first address, and one past the last, of what answers SLVERR
    scratch  uint8 [words, lanes]; zero at first, as no program may rely on
    rows     of each stream: blocks [rows, L] that one unit has made and no other has taken
    state    of each unit that keeps something from command to command: its State
    """

    def __init__(
        self, p: AcceleratorParams, memory: np.ndarray, base: int = 0, failing: tuple[int, int] = (0, 0)
    ):
        if memory.dtype != np.uint8 or memory.ndim != 1:
            raise check.fail("memory", f"{memory.dtype} {list(memory.shape)}", "uint8 [bytes]")
        self.p, self.memory, self.base, self.failing = p, memory, base, failing
        self.scratch = np.zeros((p.words, p.lanes), np.uint8)
        self.rows: dict[str, list[np.ndarray]] = {stream: [] for stream in streams(p.present)}
        self.state = {name: unit(name).State(p) for name in p.present}
        self.tokens = {(giver, taker): 0 for giver in p.present for taker in p.present}
        self.number = 0  # of the command
        self.unit = ""  # that does it

    def run(self, program_address: int, commands: int) -> int:
        """Execute from `program_address` until END; returns the number of commands executed, END included.

        commands  most of them to fetch
        raises    Fault
        """
        for number in range(commands):
            self.number = number
            command = self.fetch(program_address + number * COMMAND_BYTES)
            self.execute(command)
            if command.opcode == Opcode.END:
                return number + 1
        self.number, self.unit = commands, ""
        raise self.fault(Cause.ILLEGAL_COMMAND, why=f"no END among {commands} commands")

    def fetch(self, address: int) -> Command:
        """The command at an address."""
        self.unit = ""
        places = self.reachable(np.arange(address, address + COMMAND_BYTES, self.p.lanes), Cause.FETCH_ERROR)
        start = int(places[0, 0])
        try:
            return unpacked(self.memory[start : start + COMMAND_BYTES].tobytes(), self.p)
        except check.BadValue as error:
            raise self.fault(Cause.ILLEGAL_COMMAND, why=str(error)) from None

    def execute(self, command: Command) -> None:
        """One command; raises Fault."""
        self.unit = command.unit if command.unit in self.p.present else ""
        self.take_tokens(command)
        if self.unit:
            unit(self.unit).execute(self.p, command, self)
        elif command.opcode == Opcode.END and (rows := self.left()):
            raise self.fault(Cause.DEADLOCK, why=f"{rows} rows of streams that no command takes")
        for taker in command.signal:
            self.tokens[command.unit, taker] += 1

    def state_of(self, kind: type[S]) -> S:
        """The state of the unit whose State is `kind`."""
        return next(each for each in self.state.values() if isinstance(each, kind))

    def take_tokens(self, command: Command) -> None:
        """Take the tokens that a command waits for; a command of control waits for all units anyway."""
        for giver in command.wait:
            if not self.tokens[giver, command.unit]:
                raise self.fault(Cause.DEADLOCK, why=f"a token of {giver} that never comes")
            self.tokens[giver, command.unit] -= 1

    def fault(self, cause: Cause, response: int = 0, why: str = "") -> Fault:
        """The Fault of the command that is being executed."""
        return Fault(cause, numbers()[self.unit] if self.unit else NO_UNIT, self.number, response, why)

    # Streams.

    def give(self, stream: str, rows: np.ndarray) -> None:
        """The next rows of a stream, [rows, L]."""
        self.rows[stream].append(rows)

    def take(self, stream: str, rows: int) -> np.ndarray:
        """The next rows, int64 [rows, L]."""
        found: list[np.ndarray] = []
        blocks = self.rows[stream]
        while rows:
            if not blocks:
                raise self.fault(Cause.DEADLOCK, why=f"{rows} rows of {stream} that no command makes")
            block = blocks.pop(0)
            if len(block) > rows:
                blocks.insert(0, block[rows:])
            found.append(block[:rows])
            rows -= len(found[-1])
        return np.concatenate(found)

    def left(self) -> int:
        """Rows of streams that were made, or begun, and never taken."""
        made = sum(len(block) for blocks in self.rows.values() for block in blocks)
        return made + sum(state.left() for state in self.state.values())

    # Memory.

    def reachable(self, addresses: np.ndarray, cause: Cause, lengths: int = 1) -> np.ndarray:
        """Indices into memory, int64 [..., lengths], of runs' words; Fault where the bus gives an error.

        addresses  of each run, bytes, wrapping; lengths: words of each
        """
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
            response = BurstStatus.DECERR if outside[place] else BurstStatus.SLVERR
            if refused[place[:-1]]:
                response = BurstStatus.REFUSED
            raise self.fault(cause, response, f"{response.name} at {int(words[place]):#x}")
        return np.asarray(words - self.base)

    def words_at(self, places: np.ndarray) -> np.ndarray:
        """Words of memory at indices, uint8 [..., L]."""
        if self.base % self.p.lanes == 0 and len(self.memory) % self.p.lanes == 0:
            return np.asarray(self.memory.reshape(-1, self.p.lanes)[places // self.p.lanes])
        return np.asarray(self.memory[places[..., None] + np.arange(self.p.lanes)])

    def write_memory(self, places: np.ndarray, words: np.ndarray) -> None:
        """Words uint8 [..., L] to memory at indices [...]."""
        self.memory[places[..., None] + np.arange(self.p.lanes)] = words

    # The scratchpad.

    @staticmethod
    def grid(base: int, loops: Sequence[Loop]) -> np.ndarray:
        """base + sum of index stride, no wrap: int64 [counts, the outermost first]."""
        found = np.array(base, np.int64)
        for count, stride in loops:
            found = np.add.outer(np.arange(count, dtype=np.int64) * stride, found)
        return found

    def places(self, addresses: np.ndarray) -> np.ndarray:
        """Indices into scratch: addresses wrap at 2^16, then at the scratchpad's words."""
        return np.asarray((addresses & 0xFFFF) % self.p.words)

    def walked(self, walk: Walk) -> np.ndarray:
        """Indices into scratch of a walk's words, int64 [counts, the outermost first]."""
        return self.places(self.grid(*walk))

    def elements(self, addresses: np.ndarray, words: int, dtype: type) -> np.ndarray:
        """Vectors of `words` words at scratchpad addresses: [..., elements] of dtype."""
        places = self.places(addresses[..., None] + np.arange(words))
        read = self.scratch[places].reshape(*addresses.shape, words * self.p.lanes)
        return np.asarray(read.view(np.dtype(dtype).newbyteorder("<")))

    def write(self, addresses: np.ndarray, values: np.ndarray, kind: int) -> None:
        """Vectors [..., L] of a kind at addresses [...], low bits of values; the last of several stays."""
        dtype = {Kind.BYTE: np.uint8, Kind.HALF: np.uint16, Kind.WORD: np.uint32}[Kind(kind)]
        data = np.ascontiguousarray(values).astype(np.dtype(dtype).newbyteorder("<"))
        places = self.places(addresses[..., None] + np.arange(KIND_WORDS[Kind(kind)]))
        self.scratch[places] = data.view(np.uint8).reshape(*places.shape, self.p.lanes)
