"""Simulates a mapped netlist, 64 runs at once, and counts what toggles; all that is per cycle is C++.

Zero delay: a net takes one value a cycle, so a real gate's glitches are not among the toggles.
A run starts with registers and memories at random (by the seed); flip-flops all act on clk's rising edge.
"""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden import check
from golden.check import fail
from golden.division import ceil_div
from sim.job import SimulationError, probabilities, seeded
from sim.ports import StreamPort
from synth import gate_library as native
from synth.gate_layout import Array, GateGroup, Layout

RUNS = 64
RESET = "rst"
SLICE = 256  # cycles between two looks at the interpreter, where Ctrl-C acts


@dataclass(frozen=True, slots=True)
class GateRun:
    """The results of a run. Cycles count from 0, the first after reset.

    outputs   for each output stream uint8 [runs, words, bytes]
    recorded  for each recorded port uint8 [cycles, runs, bytes]
    cycles    that were run after reset
    busy      from the first input word accepted to the last output word delivered, both counted; 0 without
    counted   cycles of the window, over which all that follows was counted
    toggles   of each net, in all runs together
    ones      cycles in which each net was 1, in all runs together
    accesses  of each memory, by its ports (r0, w0), in all runs together
    waits     for each stream the cycles in which a word waited
    """

    outputs: dict[str, Array]
    recorded: dict[str, Array]
    runs: int
    cycles: int
    busy: int
    counted: int
    toggles: Array
    ones: Array
    accesses: dict[str, dict[str, int]]
    waits: dict[str, int]


def sliced(values: Array, width: int) -> Array:
    """uint8 [runs, words, bytes] -> uint64 [words, width]: bit r of each is run r's."""
    runs, words = values.shape[:2]
    planes = np.zeros((words, width, RUNS), np.uint8)
    for run in range(runs):
        planes[:, :, run] = np.unpackbits(values[run], axis=1, bitorder="little")[:, :width]
    return np.ascontiguousarray(np.packbits(planes, axis=2, bitorder="little")).view("<u8")[:, :, 0].copy()


def whole(planes: Array, runs: int) -> Array:
    """The way back: uint64 [words, width] -> uint8 [runs, words, bytes]."""
    words, width = planes.shape
    flat = np.ascontiguousarray(planes).astype("<u8").view(np.uint8).reshape(words, width, RUNS // 8)
    found = np.zeros((runs, words, ceil_div(width, 8)), np.uint8)
    for run in range(runs):
        found[run] = np.packbits(flat[:, :, run // 8] >> np.uint8(run % 8) & 1, axis=1, bitorder="little")
    return found


def as_words(name: str, given: Array, width: int) -> Array:
    """Integers [cycles, runs], or uint8 [cycles, runs, bytes], as uint8 [runs, cycles, bytes]."""
    values = np.asarray(given)
    if values.ndim == 3 and values.dtype == np.uint8:
        words = values.swapaxes(0, 1)
    elif values.ndim == 2 and values.dtype.kind in "iub":
        words = np.ascontiguousarray(values.T.astype("<i8"))[..., None].view(np.uint8)
    else:
        raise fail(f"{name}.shape", list(values.shape), "integers [cycles, runs] or bytes after these")
    if words.shape[2] * 8 < width:
        raise fail(f"{name}", f"{words.shape[2] * 8} bits", f"the {width} bits of the port")
    return words


class GateSimulator:
    """A netlist, loaded; `run` as often as needed, by one thread at a time."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.kept: list[Any] = []  # what C reads
        n = self.netlist = native.Netlist()
        self.value = np.zeros(layout.nets, np.uint64)
        self.toggles, self.ones = np.zeros(layout.nets, np.uint64), np.zeros(layout.nets, np.uint64)
        forced_state = np.array([state for state, _ in layout.forced], np.int32)
        forced_one = np.array([value for _, value in layout.forced], np.uint8)
        arrays: dict[str, Array] = {
            "value": self.value, "old": np.zeros_like(self.value), "next": np.zeros(layout.states, np.uint64),
            "forced": np.zeros(len(forced_state), np.uint64), "toggles": self.toggles, "ones": self.ones,
            "forced_state": forced_state, "forced_one": forced_one,
        }  # fmt: skip
        for name, values in arrays.items():
            setattr(n, name, self.address(values))
        self.load_groups()
        self.contents = [
            np.zeros((each.macro.words, each.macro.width), np.uint64) for each in layout.memories
        ]
        self.ports = [self.memory_ports(number) for number in range(len(layout.memories))]
        memories = (native.Memory * len(self.ports))()
        for memory, ports, content in zip(memories, self.ports, self.contents, strict=True):
            memory.content, memory.ports = self.address(content), ctypes.addressof(ports)
            memory.words, memory.width, memory.port_count = *content.shape, len(ports)
        self.kept.append(memories)
        n.memories, n.memory_count = ctypes.addressof(memories), len(memories)
        n.nets, n.states, n.first_state = layout.nets, layout.states, layout.first_state
        n.forced_count = len(forced_state)

    def address(self, values: Array) -> int:
        """Where an array lies; kept alive as long as this simulator."""
        self.kept.append(values)
        return int(values.ctypes.data)

    def load_groups(self) -> None:
        """Programs, inputs and groups as C has them."""
        steps: list[tuple[int, ...]] = []
        begins: dict[object, int] = {}
        inputs: list[Array] = []
        place = 0
        for kind in ("logic", "state", "forcing"):
            groups: Sequence[GateGroup] = getattr(self.layout, kind)
            table = (native.Group * len(groups))()
            for row, group in zip(table, groups, strict=True):
                program = group.program
                if program not in begins:
                    begins[program] = len(steps)
                    steps += program.steps
                row.inputs, row.gates, row.out = place, group.inputs.shape[1], group.out
                row.arity, row.result = len(group.inputs), program.result
                row.step, row.steps = begins[program], len(program.steps)
                inputs.append(group.inputs.ravel())
                place += group.inputs.size
            self.kept.append(table)
            setattr(self.netlist, kind, ctypes.addressof(table))
            setattr(self.netlist, f"{kind}_groups", len(table))
        self.netlist.steps = self.address(np.array(steps or [(0,) * 4], np.int32))
        self.netlist.inputs = self.address(np.concatenate([*inputs, np.zeros(1, np.int32)]).astype(np.int32))

    def memory_ports(self, number: int) -> Any:
        placed = self.layout.memories[number]
        ports = (native.Port * len(placed.nets))()
        for port, given, (address, data, enable) in zip(ports, placed.macro.ports, placed.nets, strict=True):
            port.address, port.data, port.enable = map(self.address, (address, data, enable))
            port.address_bits, port.write = len(address), given.write
        self.kept.append(ports)
        return ports

    def run(
        self,
        *,
        drive: Mapping[str, Array] | None = None,
        streams: Mapping[str, Array] | None = None,
        take: Mapping[str, int] | None = None,
        record: Sequence[str] = (),
        cycles: int | None = None,
        runs: int = RUNS,
        reset: int = 1,
        settle: int = 0,
        window: tuple[int, int] | None = None,
        stalls: Mapping[str, float] | float = 0.0,
        seed: int = 1,
        max_idle: int = 10_000,
    ) -> GateRun:
        """One run of `runs` lanes, from reset.

        drive     input ports by name, integers [cycles, runs] or uint8 [cycles, runs, bytes]; the last stays
        streams   input streams by name (NAME_valid, NAME_ready, NAME_payload), uint8 [runs, words, bytes]
        take      output streams by name: words to take
        record    output ports to record, cycle by cycle
        cycles    after reset; without it the run ends when all words have moved and `settle` cycles more
        reset     cycles with rst at 1
        window    cycles to count in, the first and one past the last; all, where it is not given
        stalls    probability with which a stream is held back in a cycle; for all, or for each
        max_idle  cycles without a transfer that count as a hang
        raises    SimulationError if it hangs, drops a word, or the runs' handshakes differ; BadValue
        """
        check.in_range("runs", runs, 1, RUNS)
        job = RunStruct(self, runs, seed)
        job.drive(drive or {})
        job.move(streams or {}, take or {})
        job.stall(stalls)
        c = job.c
        c.reset_net = int(self.layout.ports[RESET][1][0]) if RESET in self.layout.ports else -1
        c.reset, c.settle, c.max_idle, c.slice = reset, settle, max_idle, SLICE
        c.window_first, c.window_end = window or (0, native.NEVER)
        if cycles is None and not job.streams:
            cycles = int(c.driven_cycles)
        if cycles is not None:
            check.in_range("cycles", cycles, 1, 1 << 40)
            c.cycles = cycles
        job.record(record, cycles)
        self.start(seed)
        while c.outcome == native.PAUSED:
            native.library().gates_run(ctypes.byref(self.netlist), ctypes.byref(c))
        return job.result()

    def start(self, seed: int) -> None:
        """Registers and memories at random, nothing counted."""
        random = np.random.default_rng(seed)
        self.value[:] = 0
        self.value[1] = np.uint64(native.NEVER)
        first = self.layout.first_state
        self.value[first : first + self.layout.states] = random.integers(
            0, 1 << 64, self.layout.states, np.uint64
        )
        for content, ports in zip(self.contents, self.ports, strict=True):
            content[:] = random.integers(0, 1 << 64, content.shape, np.uint64)
            for port in ports:
                port.accesses = 0
        self.toggles[:] = self.ones[:] = 0


class RunStruct:
    """One run's structures, and the arrays they point to."""

    def __init__(self, simulator: GateSimulator, runs: int, seed: int):
        self.simulator, self.layout, self.runs = simulator, simulator.layout, runs
        self.c = native.Job(
            mask=(1 << runs) - 1, random=seeded(seed), first_in=native.NEVER, last_out=native.NEVER
        )
        self.ports: list[StreamPort] = []
        self.words: dict[str, Array] = {}
        self.streams: Any = ()
        self.recorded: list[str] = []
        self.kept: list[Array] = []

    def address(self, values: Array) -> int:
        self.kept.append(values)
        return int(values.ctypes.data)

    def nets(self, port: str, is_input: bool) -> Array:
        """The nets of a port of the netlist; BadValue unless it is there, that way round."""
        names = [name for name, (given, _) in self.layout.ports.items() if given == is_input]
        check.one_of("port", port, names)
        return self.layout.ports[port][1].astype(np.int32)

    def drive(self, ports: Mapping[str, Array]) -> None:
        nets: list[Array] = []
        planes: list[Array] = []
        for name, values in ports.items():
            each = self.nets(name, True)
            words = as_words(name, values, len(each))
            wanted = len(planes[0]) if planes else words.shape[1]
            check.shape(f"{name}: runs, cycles", words[:, :, 0], (self.runs, wanted))
            nets.append(each)
            planes.append(sliced(words, len(each)))
        if planes:
            driven = np.ascontiguousarray(np.concatenate(planes, axis=1))
            self.c.driven, self.c.driven_nets = self.address(driven), self.address(np.concatenate(nets))
            self.c.driven_cycles, self.c.driven_bits = driven.shape

    def move(self, streams: Mapping[str, Array], take: Mapping[str, int]) -> None:
        """Set what is sent and how much is taken."""
        table = (native.Stream * (len(streams) + len(take)))()
        names = [*((name, True) for name in streams), *((name, False) for name in take)]
        for row, (name, is_input) in zip(table, names, strict=True):
            payload = self.nets(f"{name}_payload", is_input)
            if is_input:
                check.shape(f"{name}: runs", streams[name][:, :, 0], (self.runs, streams[name].shape[1]))
                words = sliced(streams[name], len(payload))
            else:
                words = np.zeros((take[name], len(payload)), np.uint64)
            self.words[name] = words
            self.ports.append(StreamPort(name, "in" if is_input else "out", len(payload)))
            row.words, row.payload = self.address(words), self.address(payload)
            row.count, row.bits, row.input = len(words), len(payload), is_input
            row.valid = int(self.nets(f"{name}_valid", is_input)[0])
            row.ready = int(self.nets(f"{name}_ready", not is_input)[0])
            self.c.remaining += len(words)
        self.streams = table
        self.c.streams, self.c.stream_count = ctypes.addressof(table), len(table)

    def stall(self, stalls: Mapping[str, float] | float) -> None:
        chances = probabilities(stalls, self.ports)
        for row, port in zip(self.streams, self.ports, strict=True):
            row.stall = int(chances[port.name] * 2**32)

    def record(self, ports: Sequence[str], cycles: int | None) -> None:
        if not ports:
            return
        if cycles is None:
            raise fail("record", list(ports), "nothing, where cycles is not given")
        nets = np.concatenate([self.nets(name, False) for name in ports])
        self.table = np.zeros((cycles, len(nets)), np.uint64)
        self.recorded = list(ports)
        self.c.recorded, self.c.recorded_nets = self.address(self.table), self.address(nets)
        self.c.recorded_bits = len(nets)

    def result(self) -> GateRun:
        self.raise_error()
        c, simulator = self.c, self.simulator
        first, last = int(c.first_in), int(c.last_out)
        recorded, place = {}, 0
        for name in self.recorded:
            width = self.layout.width(name)
            recorded[name] = whole(self.table[:, place : place + width], self.runs).swapaxes(0, 1)
            place += width
        toggles, ones = simulator.toggles.copy(), simulator.ones.copy()
        toggles[self.layout.clock_nets] = 2 * c.counted * self.runs  # clk stands still in here
        ones[self.layout.clock_nets] = c.counted * self.runs // 2
        outputs = [port for port in self.ports if port.direction == "out"]
        return GateRun(
            outputs={port.name: whole(self.words[port.name], self.runs) for port in outputs},
            recorded=recorded,
            runs=self.runs,
            cycles=int(c.cycle) - int(c.reset),
            busy=last - first + 1 if native.NEVER not in (first, last) else 0,
            counted=int(c.counted),
            toggles=toggles,
            ones=ones,
            accesses={
                placed.instance: {
                    given.name: int(port.accesses)
                    for given, port in zip(placed.macro.ports, ports, strict=True)
                }
                for placed, ports in zip(self.layout.memories, simulator.ports, strict=True)
            },
            waits={port.name: int(row.waits) for row, port in zip(self.streams, self.ports, strict=True)},
        )

    def raise_error(self) -> None:
        """SimulationError unless all went well."""
        c = self.c
        if c.outcome == native.DONE:
            return
        cycle = int(c.cycle) - int(c.reset)
        if c.outcome == native.LOOPS:
            raise SimulationError(f"cycle {cycle}: sets and resets of flip-flops do not settle")
        if c.outcome == native.HUNG:
            rows = zip(self.streams, self.ports, strict=True)
            stand = ", ".join(f"{port.name} {row.moved} of {row.count}" for row, port in rows)
            since = f"since cycle {cycle - c.idle}"
            raise SimulationError(f"no word moved for {c.max_idle} cycles, {since}: {stand}")
        port = self.ports[c.culprit]
        what = {
            native.SPLIT: f"{port.name}_valid or _ready differs between the runs, which go in step",
            native.DROPPED: f"{port.name}_valid fell while a word waited for ready",
        }
        raise SimulationError(f"cycle {cycle - 1}: {what[c.outcome]}")
