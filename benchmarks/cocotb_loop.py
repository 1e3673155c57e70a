"""A cocotb loop on the matrix unit: what native/bare_loop.cpp does, in Python."""

from pathlib import Path
from time import perf_counter

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from sim.benches import parameters

CYCLES = 3000


@cocotb.test
async def clock_by_clock(dut):
    """Writes cycles a second into the file that the parameters name."""
    words = parameters()
    Clock(dut.clk, 10, "ns").start()
    for name in ("command", "left", "top", "drain", "scale"):
        getattr(dut, f"{name}_valid").value = 1
    dut.command_payload.value = words["command"]
    dut.drain_payload.value = words["drain"]
    dut.o_ready.value = 1
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    left, top = words["left"], words["top"]
    began = perf_counter()
    for i in range(CYCLES):
        dut.left_payload.value = left[i % len(left)]
        dut.top_payload.value = top[i % len(top)]
        await RisingEdge(dut.clk)
    Path(words["file"]).write_text(str(CYCLES / (perf_counter() - began)))
