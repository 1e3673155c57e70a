"""Benches of attention's datapaths: a lane with a handshake, a word in and a word out."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from golden.attention.arithmetic import Arithmetic
from golden.formats import parse
from sim.benches import Case, parameters, verilog_case
from sim.benches.block import BlockBench
from sim.benches.stream import Layout, pack_word, unpack_word

WORDS = 300
FORMATS = ("query", "key", "value", "score")
NARROW = 20  # bits of a word: all of them go through


def params_of(given: Mapping[str, Any]) -> Arithmetic:
    """Arithmetic of a case's parameters, whose formats are names."""
    formats: dict[str, Any] = {name: parse(given[name]) for name in FORMATS if name in given}
    return Arithmetic(**(dict(given) | formats))


def signed(value: int, bits: int) -> int:
    """A two's complement code as its value."""
    return value - (1 << bits) if value >> bits - 1 else value


def code(value: int, bits: int) -> int:
    """A value as its two's complement code."""
    return value & (1 << bits) - 1


class LaneBench(BlockBench):
    """A lane's words by their fields; `golden` of a word is what `expected` gives of its fields."""

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, **stalls)
        given = parameters()
        self.which = given.pop("which", "")
        self.p = params_of(given)
        self.latency = len(self.stages())
        self.inputs: Layout = [(name, bits, 1) for name, bits in self.fields().items()]
        self.outputs: Layout = [(name, bits, 1) for name, bits in self.results().items()]

    @abstractmethod
    def stages(self) -> tuple[str, ...]:
        """The lane's."""

    @abstractmethod
    def fields(self) -> Mapping[str, int]:
        """Bits of each field of a word of `i`."""

    @abstractmethod
    def results(self) -> Mapping[str, int]:
        """Bits of each field of a word of `o`."""

    @abstractmethod
    def random_fields(self) -> Mapping[str, int]:
        """Codes of a word of `i`, corners often."""

    @abstractmethod
    def expected(self, fields: Mapping[str, int]) -> Mapping[str, int | None]:
        """Codes of the word of `o`; None: anything."""

    def every(self) -> Iterable[Mapping[str, int]]:
        """All words that there are, where they are narrow."""
        return ()

    def random_word(self) -> int:
        return self.word(self.random_fields())

    def word(self, fields: Mapping[str, int]) -> int:
        return pack_word(self.inputs, {name: [value] for name, value in fields.items()})

    def taken(self, word: int) -> dict[str, int]:
        """The fields of a word of `i`."""
        return {name: values[0] for name, values in unpack_word(self.inputs, word).items()}

    def scoreboard(self, accepted: list[int], delivered: list[int]) -> None:
        """As every block's, but for fields of which golden says nothing."""
        self.open = [self.expected(self.taken(word)) for word in accepted]
        self.at = iter(self.open), iter(self.open)
        super().scoreboard(accepted, delivered)

    def golden(self, word: int) -> list[int]:
        return [-1 if value is None else value for value in next(self.at[0]).values()]

    def found(self, word: int) -> list[int]:
        fields = {name: values[0] for name, values in unpack_word(self.outputs, word).items()}
        known = next(self.at[1])
        return [-1 if known[name] is None else value for name, value in fields.items()]

    def describe(self, word: int, lane: int) -> str:
        return f"{self.outputs[lane][0]} of {self.taken(word)}"

    def send_words(self) -> int:
        """Where nothing stalls, every word first, if they are narrow; then random ones; returns how many."""
        words: list[int] = []
        if not self.stall_in and not self.stall_out:
            words = [self.word(fields) for fields in self.every()]
        self.sources["i"].send(words)
        self.send_random(WORDS)
        return len(words) + WORDS


def lane_case(block: str, name: str, which: str = "", **given: Any) -> Case:
    """A lane of arithmetic with these parameters."""

    def arguments(which: str = "", **given: Any) -> dict[str, Any]:
        return {"p": params_of(given)} | ({"which": which} if which else {})

    more = {"which": which} if which else {}
    return verilog_case(f"attention/{block}", arguments, name, **given, **more)


HALF: dict[str, Any] = {
    "query": "fp16", "key": "fp16", "value": "fp16", "score": "int20", "fraction": 12, "weight_bits": 24,
    "segment_bits": 5, "degree": 2,
}  # fmt: skip
SMALL_HALF: dict[str, Any] = HALF | {
    "head_dim": 8, "keys": 12, "weight_bits": 9, "score": "int10", "fraction": 4, "segment_bits": 2,
    "dot_integer": 6, "dot_fraction": 10,
}  # fmt: skip
INT4: dict[str, Any] = {
    "query": "int4", "key": "int4", "value": "int4", "head_dim": 16, "keys": 32, "weight_bits": 8,
    "out_fraction": 4,
}  # fmt: skip
TINY: dict[str, Any] = {
    "query": "int2", "key": "int3", "value": "int3", "head_dim": 3, "keys": 5, "score": "int8", "fraction": 4,
    "weight_bits": 4, "segment_bits": 1, "out_fraction": 0,
}  # fmt: skip
