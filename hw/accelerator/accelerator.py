"""The accelerator: registers, control, units, scratchpad and the port to memory. Golden: golden.accelerator.

    s_axil -> registers -> control -> load, matrix, vector, store     commands, tokens, faults, counters
    m_axi <-> memory port <-> load -> scratchpad -> matrix -> vector -> scratchpad -> store
"""

from amaranth.hdl import Cat, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import streams, unit
from hw.accelerator import control, memory_port, registers, scratchpad, units
from hw.board import Board
from hw.emit import Definition

CLIENTS = {"read": "load", "write": "store"}  # of the memory port, by what a unit does with memory


class Accelerator(wiring.Component):
    """s_axil    AXI4-Lite: golden.accelerator.registers
    m_axi     AXI4: commands, operands, results
    irq       a level, registered
    activity  a bit a unit, by NUMBER: a command is being done; then as many: the next waits for a token

    All that golden says of a program holds for whatever the memory's pace is.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.registers = registers.definition(p)
        self.control = control.definition(p)
        self.port = memory_port.definition(p)
        self.pad = scratchpad.definition(p)
        self.units = {name: units.definition(p, name) for name in p.present}
        self.uses = (self.registers, self.control, self.port, self.pad, *self.units.values())
        super().__init__({
            "s_axil": self.registers.component.signature.members["s_axil"],
            "m_axi": self.port.component.signature.members["m_axi"],
            "irq": Out(1),
            "activity": Out(2 * len(p.present)),
        })

    def elaborate(self, platform):
        m = Module()
        board = Board(m, self)
        host = board.place(self.registers, "registers")
        commands = board.place(self.control, "control")
        port = board.place(self.port, "port")
        # units and scratchpad forget at a reset by software (clear) too; control and port carry it out
        unit_reset = Signal()
        m.d.comb += unit_reset.eq(ResetSignal() | commands.clear)
        placed = {name: board.place(each, name, reset=unit_reset) for name, each in self.units.items()}
        pad = board.place(self.pad, "scratchpad", reset=unit_reset)

        board.connect(wiring.flipped(self.s_axil), host.s_axil)
        board.connect(wiring.flipped(self.m_axi), port.m_axi)
        board.tie(self.irq, host.irq)
        board.tie(self.activity, commands.activity)
        board.join(commands, host, control.control_ports(self.p))
        board.join(commands, port, ("fetch", "clear", "quiet", "word_read", "word_written"))
        for name, each in placed.items():
            board.join(getattr(commands, name), each, units.work(name))
            for member in each.scratch.signature.members:
                board.connect(getattr(each.scratch, member), getattr(pad, member))
            if kind := unit(name).MEMORY:
                board.connect(each.memory, getattr(port, CLIENTS[kind]))
        for stream, (giver, taker) in streams(self.p.present).items():
            board.connect(getattr(placed[giver], stream), getattr(placed[taker], stream))
        # for the watchdog: a unit may work for long on the scratchpad alone, without a bus word
        clients = [getattr(pad, name) for name in pad.signature.members]
        board.tie(commands.progress, Cat(each.valid & each.ready for each in clients).any())
        board.finish()
        return m


def name_of(p: AcceleratorParams) -> str:
    """The definition's name."""
    pe = p.unit.pe
    return f"accelerator_{p.lanes}x{p.lanes}_w{pe.weight.width}a{pe.activation.width}{p.suffix}"


def definition(p: AcceleratorParams) -> Definition:
    """The accelerator of `p`."""
    return Definition(name_of(p), Accelerator(p))
