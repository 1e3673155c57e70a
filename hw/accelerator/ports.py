"""Ports that the accelerator's blocks share, each from the side of who asks."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import SCRATCH_BITS
from hw.axi import bursts, read


def scratch_read(p: AcceleratorParams) -> wiring.Signature:
    """A request of the scratchpad; its word stands READ_LATENCY cycles after it was accepted, for one."""
    return wiring.Signature({
        "valid": Out(1), "ready": In(1), "address": Out(SCRATCH_BITS), "data": In(8 * p.lanes)
    })  # fmt: skip


def scratch_write(p: AcceleratorParams) -> wiring.Signature:
    """A word for the scratchpad."""
    return wiring.Signature({
        "valid": Out(1), "ready": In(1), "address": Out(SCRATCH_BITS), "data": Out(8 * p.lanes)
    })  # fmt: skip


def memory_read(p: AcceleratorParams) -> wiring.Signature:
    """command: {address, bytes}; data: {data, last, error}, to be taken; status: one a command, in order."""
    return wiring.Signature({
        "command": Out(stream.Signature(bursts.command_layout(p.read))),
        "data": In(stream.Signature(read.data_layout(p.read))),
        "status": In(stream.Signature(2)),
    })


def memory_write(p: AcceleratorParams) -> wiring.Signature:
    """command, status: as of memory_read; data: bus words."""
    return wiring.Signature({
        "command": Out(stream.Signature(bursts.command_layout(p.write))),
        "data": Out(stream.Signature(8 * p.lanes)),
        "status": In(stream.Signature(2)),
    })
