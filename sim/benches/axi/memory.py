"""Memories whose every cycle is known, for what golden says of cycles."""

from collections import deque
from collections.abc import Callable
from typing import Any

from cocotb.triggers import ReadOnly, RisingEdge

from sim.benches.stream import high


class FixedRead:
    """Takes an AR each cycle; a burst's first beat comes `latency` after it, or behind the burst before.

    bytes_at  gives `count` bytes from an address on
    size      bytes of a bus word
    """

    def __init__(self, dut: Any, bytes_at: Callable[[int, int], bytes], size: int, latency: int):
        self.dut, self.bytes_at, self.size, self.latency = dut, bytes_at, size, latency
        self.beats: deque[tuple[int, int, int]] = deque()  # not before cycle, address, last

    async def run(self) -> None:
        dut, cycle = self.dut, 0
        dut.m_axi_arready.value = 1
        dut.m_axi_rresp.value = dut.m_axi_rid.value = 0
        while True:
            offered = bool(self.beats) and self.beats[0][0] <= cycle
            dut.m_axi_rvalid.value = int(offered)
            if offered:
                _, address, last = self.beats[0]
                word = int.from_bytes(self.bytes_at(address, self.size), "little")
                dut.m_axi_rdata.value, dut.m_axi_rlast.value = word, last
            await ReadOnly()
            if high(dut.m_axi_arvalid):
                self.ask(cycle, int(dut.m_axi_araddr.value), int(dut.m_axi_arlen.value))
            if offered and high(dut.m_axi_rready):
                self.beats.popleft()
            await RisingEdge(dut.clk)
            cycle += 1

    def ask(self, cycle: int, address: int, beats_1: int) -> None:
        """Queue a burst's beats."""
        last = [(address + i * self.size, int(i == beats_1)) for i in range(beats_1 + 1)]
        self.beats.extend((cycle + self.latency, *beat) for beat in last)


class FixedWrite:
    """Takes an AW and a W each cycle; a burst's response comes `latency` after its last word."""

    def __init__(self, dut: Any, latency: int):
        self.dut, self.latency = dut, latency
        self.responses: deque[int] = deque()  # not before cycle

    async def run(self) -> None:
        dut, cycle = self.dut, 0
        dut.m_axi_awready.value = dut.m_axi_wready.value = 1
        dut.m_axi_bresp.value = dut.m_axi_bid.value = 0
        while True:
            offered = bool(self.responses) and self.responses[0] <= cycle
            dut.m_axi_bvalid.value = int(offered)
            await ReadOnly()
            if high(dut.m_axi_wvalid) and high(dut.m_axi_wlast):
                self.responses.append(cycle + self.latency)
            if offered and high(dut.m_axi_bready):
                self.responses.popleft()
            await RisingEdge(dut.clk)
            cycle += 1
