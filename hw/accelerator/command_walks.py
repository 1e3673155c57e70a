"""Commands of LOAD, STORE, FILL and GATHER as walks over the memory and over the scratchpad."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data

from golden.accelerator.commands import Opcode
from golden.accelerator.moves import LOOPS
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import MEMORY_BITS
from hw.accelerator import walk
from hw.accelerator.command_fields import fields


def bytes_of(p: AcceleratorParams, words):
    """Bytes of that many words."""
    # a word is a power of two of bytes
    return Cat(Const(0, (p.lanes - 1).bit_length()), words)


def memory_walk(m: Module, command, opcode: Opcode) -> data.View:
    """The walk of a LOAD or STORE over the memory: an address for each run."""
    given = fields(command, opcode)
    found = Signal(walk.command_layout(LOOPS, MEMORY_BITS), name=f"{opcode.name.lower()}_runs")
    m.d.comb += found.base.eq(given.address)
    # loop 0 is the words of a run, which the port moves by itself
    for i in range(LOOPS):
        m.d.comb += found[f"count_{i}"].eq(given[f"count{i + 1}"])
        m.d.comb += found[f"stride_{i}"].eq(given[f"address_stride{i + 1}"])
    return found


def scratch_walk(m: Module, command, opcode: Opcode) -> data.View:
    """The walk over the scratchpad: an address for each word. A loop that the opcode lacks has one round."""
    given = fields(command, opcode)
    known = opcode.places
    found = Signal(walk.command_layout(1 + LOOPS), name=f"{opcode.name.lower()}_places")
    m.d.comb += [found.base.eq(given.scratch), found.count_0.eq(given.words), found.stride_0.eq(1)]
    for i in range(1, 1 + LOOPS):
        has = f"count{i}" in known
        m.d.comb += found[f"count_{i}"].eq(given[f"count{i}"] if has else 1)
        m.d.comb += found[f"stride_{i}"].eq(given[f"scratch_stride{i}"] if has else 0)
    return found
