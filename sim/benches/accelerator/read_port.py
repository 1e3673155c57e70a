"""The scratchpad's side of a unit's read port in its bench: ready at random, data on time."""

from random import Random
from typing import Any

import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.scratchpad import READ_LATENCY
from sim.benches.stream import high


class ReadPort:
    """Answers NAME_valid, _ready, _address with NAME_data, from `scratch`: uint8 [words, L].

    data      that signal's name, where it is another

    pause     probability that a cycle is not ready
    accepted  cycle of each request since the last reset
    waits     cycles that a request waited
    """

    def __init__(self, dut: Any, name: str, scratch: np.ndarray, random: Random, data: str | None = None):
        self.dut, self.scratch, self.random = dut, scratch, random
        self.valid, self.ready, self.address = (
            getattr(dut, f"{name}_{end}") for end in ("valid", "ready", "address")
        )
        self.data = getattr(dut, data or f"{name}_data")
        self.accepted: list[int] = []
        self.pause, self.waits = 0.0, 0

    def rest(self) -> None:
        """Drive the ports before the clock runs."""
        self.ready.value = 0
        self.data.value = 0

    async def run(self) -> None:
        """For ever: what a word is when it is asked for, READ_LATENCY later; noise where none is due."""
        cycle = 0
        due: list[int | None] = [None] * READ_LATENCY
        while True:
            word = due.pop(0)
            noise = self.random.getrandbits(len(self.data))
            self.data.value = noise if word is None else word
            self.ready.value = int(self.random.random() >= self.pause)
            await ReadOnly()
            due.append(None)
            if high(self.dut.rst):
                self.accepted, due = [], [None] * READ_LATENCY
            elif high(self.valid) and high(self.ready):
                due[-1] = self.word(int(self.address.value.to_unsigned()))
                self.accepted.append(cycle)
            else:
                self.waits += high(self.valid)
            await RisingEdge(self.dut.clk)
            cycle += 1

    def word(self, address: int) -> int:
        """The word there."""
        return int.from_bytes(self.scratch[address % len(self.scratch)].tobytes(), "little")
