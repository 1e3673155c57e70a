"""The accelerator: registers, control, units, scratchpad and the port to memory. Golden: golden.accelerator.

    s_axil -> registers -> control -> load, matrix, vector, store     commands, tokens, faults, counters
    m_axi <-> memory port <-> load -> scratchpad -> matrix -> vector -> scratchpad -> store
"""

from amaranth.hdl import Cat, Const, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from golden.accelerator.commands import UNITS
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.scratchpad import READERS, WRITERS
from hw.accelerator import control, load, memory_port, multiply, registers, scratchpad, store, vector
from hw.emit import Definition, flat_ports

# whose port of the scratchpad each reader and writer is
OWNERS = {"top": "matrix", "left": "matrix", "a": "vector", "b": "vector", "p": "vector", "store": "store",
          "index": "load", "vector": "vector", "load": "load"}  # fmt: skip
FAULTS = ("fault", "fault_code", "fault_response")


def outside(definition: Definition, prefixes: tuple[str, ...]) -> dict[str, object]:
    """The members of a block's signature that the accelerator shows as they are."""
    members = definition.component.signature.members
    return {name: member for name, member in members.items() if name in prefixes}


class Accelerator(wiring.Component):
    """s_axil    AXI4-Lite: golden.accelerator.registers
    m_axi     AXI4: commands, operands, results
    irq       a level, registered
    activity  of UNITS: bits 0 to 3 a command is being done, bits 4 to 7 the next one waits for a token

    All that golden says of a program holds for whatever the memory's pace is.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.registers = registers.definition(p)
        self.control = control.definition(p)
        self.port = memory_port.definition(p)
        self.pad = scratchpad.definition(p)
        self.units = {
            "load": load.definition(p), "matrix": multiply.definition(p),
            "vector": vector.definition(p), "store": store.definition(p),
        }  # fmt: skip
        self.uses = (self.registers, self.control, self.port, self.pad, *self.units.values())
        super().__init__({
            **outside(self.registers, ("s_axil",)),
            **outside(self.port, ("m_axi",)),
            "irq": Out(1),
            "activity": Out(2 * len(UNITS)),
        })

    def elaborate(self, platform):
        m = Module()
        nets: dict[str, Signal] = {}
        own = {name: value for name, _, value in flat_ports(self)}

        def ties(definition: Definition, rename=lambda name: name):
            """Every port of a block on the net of its name, which the first to ask makes."""
            found = {}
            for port, _, value in flat_ports(definition.component):
                name = rename(port)
                if name in own:
                    found[port] = own[name]
                    continue
                if name not in nets:
                    nets[name] = Signal(len(value), name=name)
                found[port] = nets[name]
            return found

        self.registers.place(m, "registers", **ties(self.registers))
        self.control.place(m, "control", **ties(self.control, fetched))
        self.port.place(m, "port", **ties(self.port, memory))
        unit_reset = Signal()
        m.d.comb += unit_reset.eq(ResetSignal() | nets["clear"])
        for unit, definition in self.units.items():
            definition.place(m, unit, reset=unit_reset, **ties(definition, lambda port, u=unit: net(u, port)))
        self.pad.place(m, "scratchpad", reset=unit_reset, **ties(self.pad, lambda port: f"pad_{port}"))
        self.tie_faults(m, nets)
        clients = (*READERS, *WRITERS)
        accepted = [nets[f"pad_{client}_valid"] & nets[f"pad_{client}_ready"] for client in clients]
        m.d.comb += nets["progress"].eq(Cat(accepted).any())
        return m

    def tie_faults(self, m, nets):
        """A unit that has none raises none."""
        for unit, definition in self.units.items():
            ports = {name for name, _, _ in flat_ports(definition.component)}
            for name in FAULTS:
                if name not in ports:
                    m.d.comb += nets[f"{unit}_{name}"].eq(Const(0, 1))


def memory(port: str) -> str:
    """The net of a port of the memory port: its streams' names are those of units' commands too."""
    return f"memory_{port}" if port.startswith(("fetch_", "load_", "store_")) else port


def fetched(port: str) -> str:
    """The net of a port of control, which has one client of the memory port."""
    return memory(port) if port.startswith("fetch_") else port


def net(unit: str, port: str) -> str:
    """The net that a unit's port is on: a client of the scratchpad, the memory port's stream, or its own."""
    client, _, end = port.rpartition("_")
    if OWNERS.get(client) == unit and end in ("valid", "ready", "address", "data"):
        return f"pad_{port}"
    if port.startswith(("command_", "done", "busy", "fault")):
        return f"{unit}_{port}"
    return memory(port)


def name_of(p: AcceleratorParams) -> str:
    """The definition's name."""
    pe = p.unit.pe
    return f"accelerator_{p.lanes}x{p.lanes}_w{pe.weight.width}a{pe.activation.width}"


def definition(p: AcceleratorParams) -> Definition:
    """The accelerator of `p`."""
    return Definition(name_of(p), Accelerator(p))
