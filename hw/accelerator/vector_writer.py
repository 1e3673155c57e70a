"""The vector writer: vectors into the scratchpad, word after word, at the addresses of two walks."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import SCRATCH_BITS
from hw.accelerator import walk
from hw.accelerator.vector_walks import DIMS, R_DIMS
from hw.emit import Definition


def vector_layout(lanes: int) -> data.StructLayout:
    """A word of `i`: the vector's words from bit 0, how many follow the first, whether it goes to walk r."""
    return data.StructLayout({"words": 32 * lanes, "more": 2, "r": 1})


class VectorWriter(wiring.Component):
    """out, r           streams of walks, whose loop 0 is over the words of a vector
    i                   stream of vectors; ready is combinational, from port_ready
    port_*              a write port of the scratchpad
    out_end, r_end      the last word of a walk is written, combinational
    """

    def __init__(self, p: AcceleratorParams):
        self.bits = 8 * p.lanes
        self.walks = {"out": walk.definition(DIMS), "r": walk.definition(R_DIMS)}
        self.uses = tuple(self.walks.values())
        super().__init__({
            "out": In(stream.Signature(walk.command_layout(DIMS).size)),
            "r": In(stream.Signature(walk.command_layout(R_DIMS).size)),
            "i": In(stream.Signature(vector_layout(p.lanes))),
            "port_valid": Out(1),
            "port_ready": In(1),
            "port_address": Out(SCRATCH_BITS),
            "port_data": Out(self.bits),
            "out_end": Out(1),
            "r_end": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        valid, moved, last = (Signal(name=name) for name in ("valid", "moved", "last"))
        held = Signal(self.i.payload.shape(), reset_less=True)
        placed, address, ends = {}, {}, {}
        for name, definition in self.walks.items():
            command = getattr(self, name)
            dims = definition.component.dims
            step = Signal(walk.address_layout(dims), name=f"{name}_step")
            placed[name], goes = Signal(name=f"{name}_placed"), Signal(name=f"{name}_goes")
            definition.place(
                m, f"{name}_walk", command_valid=command.valid, command_ready=command.ready,
                command_payload=command.payload,
                o_valid=placed[name], o_ready=goes, o_payload=step.as_value(),
            )  # fmt: skip
            m.d.comb += goes.eq(moved & (held.r == (name == "r")))
            address[name], ends[name] = step.address, goes & step.ends[-1]
        m.d.comb += [
            # results may come before their walk has its first address
            self.port_valid.eq(valid & Mux(held.r, placed["r"], placed["out"])),
            self.port_address.eq(Mux(held.r, address["r"], address["out"])),
            self.port_data.eq(held.words[: self.bits]),
            moved.eq(self.port_valid & self.port_ready),
            last.eq(held.more == 0),
            self.i.ready.eq(~valid | (moved & last)),
            self.out_end.eq(ends["out"]),
            self.r_end.eq(ends["r"]),
        ]
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += held.eq(self.i.payload)
        with m.Elif(moved):
            # a vector leaves word by word, from its lowest word on
            m.d.sync += [held.words.eq(held.words >> self.bits), held.more.eq(held.more - 1)]
        return m


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The writer of `p`."""
    return Definition(f"vector_writer_{8 * p.lanes}", VectorWriter(p))
