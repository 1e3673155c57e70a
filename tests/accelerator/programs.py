"""Random programs: every command but GATHER, small, with the tokens that they need and some more."""

from dataclasses import replace

import numpy as np

from golden.accelerator import races
from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.footprints import touched
from golden.accelerator.map_lanes import MapOperation
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from golden.accelerator.units import UNITS, unit
from golden.systolic.params import MatrixUnitParams

DATA = 1 << 12  # bytes of memory that programs load, and store; the program stands behind them
SMALL = AcceleratorParams(
    unit=MatrixUnitParams(rows=4, cols=4, accumulator_rows=32), banks=4, bank_words=256, queue=4,
    outstanding=4, read_buffer=64, functions=("gelu", "tanh"),
)  # fmt: skip


class Programs:
    """Programs by seed.

    Regions of the scratchpad: blocks of parameters, which stand in memory in legal values; all else.
    """

    def __init__(self, p: AcceleratorParams, seed: int):
        self.p = p
        self.random = np.random.default_rng(seed)
        self.blocks = p.words // 2  # from here on
        self.rows = 0  # of sums that wait

    def up_to(self, most: int) -> int:
        """1 to most, mostly little."""
        return int(self.random.integers(1, self.random.integers(1, most + 1) + 1))

    def below(self, end: int) -> int:
        return int(self.random.integers(0, end))

    def memory(self) -> np.ndarray:
        """Memory with blocks of parameters in its first half."""
        p, count = self.p, DATA // 2 // (9 * self.p.lanes)
        blocks = np.zeros((count, 9 * p.lanes), np.uint8)
        bias = self.random.integers(-(1 << 20), 1 << 20, (count, p.lanes)).astype(np.int32)
        multiplier = self.random.integers(0, 1 << 31, (count, p.lanes)).astype(np.uint32)
        blocks[:, : 4 * p.lanes] = bias.view(np.uint8)
        blocks[:, 4 * p.lanes : 8 * p.lanes] = multiplier.view(np.uint8)
        blocks[:, 8 * p.lanes :] = self.random.integers(24, 48, (count, p.lanes))
        memory = self.random.integers(0, 256, 2 * DATA, dtype=np.uint8)
        memory[: blocks.size] = blocks.ravel()
        return memory

    def program(self, length: int) -> list[Command]:
        """Well formed, END at its end: tokens that are not needed are mostly not there."""
        p = self.p
        block_words = DATA // 2 // (9 * p.lanes) * 9
        first = {"scratch": self.blocks, "words": min(block_words, p.words // 2)}
        rest = {"address": DATA // 2, "words": self.blocks}
        commands = [Command(Opcode.LOAD, fields=fields) for fields in (first, rest)]
        kinds = (self.load, self.load, self.fill, self.store, self.store, self.multiply, self.map, self.map,
                 self.exponential, self.normalise, self.table)  # fmt: skip
        while len(commands) < length:
            if self.rows:
                commands.append(self.take_sums())
            elif self.random.random() < 0.05:
                commands.append(Command(Opcode.FENCE))
            else:
                commands.append(kinds[self.below(len(kinds))]())
        while self.rows:
            commands.append(self.take_sums())
        table = next((i for i, each in enumerate(commands) if each.fields.get("function") == 1), None)
        if table is not None:
            commands.insert(2, Command(Opcode.TABLE, fields={"a": self.blocks}))
        commands.append(Command(Opcode.END))
        return self.loosened(self.chained(commands))

    def chained(self, commands: list[Command]) -> list[Command]:
        """Each waits for the one before it, if that is another unit's."""
        found: list[Command] = []
        before: int | None = None
        for command in commands:
            if command.unit not in UNITS:
                found.append(command)
                before = None
                continue
            if before is not None and found[before].unit != command.unit:
                giver = found[before]
                found[before] = replace(giver, signal=(*giver.signal, command.unit))
                command = replace(command, wait=(giver.unit,))
            before = len(found)
            found.append(command)
        return found

    def loosened(self, commands: list[Command]) -> list[Command]:
        """Without tokens that order nothing, but for some."""
        for number, command in enumerate(commands):
            if command.wait and self.random.random() < 0.9:
                (giver,) = command.wait
                place = sum(giver in each.wait for each in commands[:number] if each.unit == command.unit)
                gives = [i for i, c in enumerate(commands) if c.unit == giver and command.unit in c.signal]
                fewer = list(commands)
                source = commands[gives[place]]
                signal = tuple(unit for unit in source.signal if unit != command.unit)
                fewer[gives[place]] = replace(source, signal=signal)
                fewer[number] = replace(command, wait=())
                if not races.check(self.p, fewer):
                    commands = fewer
        return commands

    def place(self) -> int:
        """A word of the scratchpad that parameters do not need, so that walks up from it end before them."""
        return self.below(self.blocks // 2)

    def moves(self) -> dict[str, int]:
        fields = {"scratch": self.place(), "words": self.up_to(12)}
        for i in (1, 2, 3):
            fields |= {f"count{i}": self.up_to(3), f"scratch_stride{i}": self.below(16)}
        return fields

    def addresses(self) -> dict[str, int]:
        lanes = self.p.lanes
        fields = {"address": (DATA // 2 + self.below(DATA // 8)) // lanes * lanes}
        return fields | {f"address_stride{i}": self.below(32) * lanes for i in (1, 2, 3)}

    def load(self) -> Command:
        return Command(Opcode.LOAD, fields=self.moves() | self.addresses())

    def store(self) -> Command:
        return Command(Opcode.STORE, fields=self.moves() | self.apart(self.addresses()))

    def apart(self, fields: dict[str, int]) -> dict[str, int]:
        """Stores behind what is loaded, mostly."""
        return fields | {"address": fields["address"] + (DATA // 8 if self.below(4) else 0)}

    def fill(self) -> Command:
        return Command(Opcode.FILL, fields=self.moves() | {"value": self.below(1 << 16)})

    def table(self) -> Command:
        return Command(Opcode.TABLE, fields={"a": self.place()})

    def multiply(self) -> Command:
        most = self.p.unit.accumulator_rows
        x, tiles = self.up_to(6), [self.up_to(2), self.up_to(2)]
        most //= tiles[0] * tiles[1]  # so that it can be done before its sums are taken
        x = min(x, most)
        fields = {
            "left": self.place(), "top": self.place(), "count_x": x, "count_y": self.up_to(most // x),
            "transpose": self.below(2) if self.p.packed_rows == 1 else 0, "top_row_stride": self.below(4),
        }  # fmt: skip
        for name in ("stride_x", "stride_y", "top_pass_stride"):
            fields[name] = self.below(9)
        for i in range(3):
            fields |= {f"count_k{i}": self.up_to(3), f"stride_k{i}": self.below(9)}
        for i in range(2):
            fields |= {f"tiles{i}": tiles[i]}
            fields |= {f"{side}_tile_stride{i}": self.below(9) for side in ("left", "top")}
        self.rows = fields["count_x"] * fields["count_y"] * fields["tiles0"] * fields["tiles1"]
        return Command(Opcode.MULTIPLY, fields=fields)

    def take_sums(self) -> Command:
        """MAP of some of the rows that wait, in two loops."""
        rows = self.rows if self.below(2) else self.up_to(self.rows)
        self.rows -= rows
        inner = next(each for each in (4, 3, 2, 1) if rows % each == 0)
        counts = [inner, rows // inner, 1, 1]
        while True:
            command = self.mapped(counts if self.below(2) else counts[::-1], Kind.NONE)
            if self.fits(command):
                return command

    def fits(self, command: Command) -> bool:
        """Whether it writes nothing that it reads, and no parameters."""
        found = unit(command.unit).footprint(self.p, command)
        reads, writes = (touched(walks, self.p.words) for walks in (found.reads, found.writes))
        return writes.max() < self.blocks and not np.isin(reads, writes).any()

    def map(self) -> Command:
        while True:
            command = self.mapped([self.up_to(4) for _ in range(4)], Kind(1 + self.below(3)))
            if self.fits(command):
                return command

    def mapped(self, counts: list[int], a_kind: Kind) -> Command:
        operation = MapOperation(self.below(4))
        b_kind = Kind(1 + self.below(2 if operation == MapOperation.MUL else 3))
        if operation in (MapOperation.COPY, MapOperation.MAX) and self.below(2):
            b_kind = Kind.NONE
        out_kind = Kind(1 + self.below(3))
        low, high = ((-128, 127), (0, 255))[self.below(2)] if out_kind == Kind.BYTE else (-30000, 30000)
        functions = (0, 0, 1, *range(FIRST_FUNCTION, FIRST_FUNCTION + len(self.p.functions)))
        fields = {
            "a": self.place(), "b": self.place(), "out": self.place(), "p": self.blocks + 9 * self.below(4),
            "p_stride": 9 * self.below(2), "p_loop": self.below(2), "a_kind": a_kind, "b_kind": b_kind,
            "out_kind": out_kind, "a_unsigned": self.below(2), "b_unsigned": self.below(2),
            "operation": operation, "reduce": 0 if operation == MapOperation.ADD else self.below(2),
            "a_zero": self.below(256) - 128, "b_zero": self.below(256) - 128, "b_shift": self.below(16),
            "b_multiplier": self.below(1000) - 500, "function": functions[self.below(len(functions))],
            "post_multiplier": self.below(2) * self.below(1 << 16), "post_shift": self.below(20),
            "zero_point": self.below(64) - 32, "low": low, "high": high,
        }  # fmt: skip
        for i, count in enumerate(counts):
            fields |= {f"count{i}": count} | {f"{name}_stride{i}": self.below(12) for name in ("a", "b")}
        words = {Kind.BYTE: 1, Kind.HALF: 2, Kind.WORD: 4}[out_kind]
        for i in range(4):
            fields[f"out_stride{i}"] = self.below(4 * words)
        return Command(Opcode.MAP, fields=fields)

    def walked(self) -> dict[str, int]:
        fields = {"a": self.place(), "out": self.place()}
        for i in range(3):
            fields |= {f"count{i}": self.up_to(4)}
            fields |= {f"{name}_stride{i}": self.below(9) for name in ("a", "out")}
        return fields

    def exponential(self) -> Command:
        while True:
            fields = self.walked() | {"r": self.place()}
            fields |= {f"r_stride{i}": self.below(9) for i in (1, 2)}
            most = fields["count0"] * self.p.lanes
            fields |= {"length": self.below(most + 2), "length_step": self.below(4)}
            command = Command(Opcode.EXPONENTIAL, fields=fields)
            if self.fits(command):
                return command

    def normalise(self) -> Command:
        while True:
            fields = self.walked()
            columns = self.below(2)
            most = fields["count0"] * (1 if columns else self.p.lanes)
            length = most if columns else 1 + self.below(most)
            fields |= {"columns": columns, "rms": self.below(2), "length": length}
            fields |= {"epsilon": 1 + self.below(1 << 20), "fraction": self.below(15)}
            command = Command(Opcode.NORMALISE, fields=fields)
            if self.fits(command):
                return command
