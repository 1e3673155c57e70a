"""Building blocks of a unit that executes one command at a time: parts that take it, ends that it waits for.

    command   taken ........................ next
    begins    ____/part A until it is ready\___
    waits     ____/until the end has come _____\___
    done      _________________________________/\__
"""

from amaranth.hdl import Module, Signal, Value

from hw.lanes import bits


class CommandPart:
    """A part of the unit that takes a command of its own: `begins` stands from `begin` on until the part is
    ready."""

    def __init__(self, m: Module, name: str):
        self.begins, self.ready = bits(f"{name}_begins", f"{name}_command_ready")
        with m.If(self.ready):
            m.d.sync += self.begins.eq(0)

    def begin(self, m: Module, wanted) -> None:
        """Offer the part the command from the next cycle on, if `wanted`."""
        m.d.sync += self.begins.eq(wanted)


class End:
    """An event that a command waits for: `waits` stands from `begin` on until it has come."""

    def __init__(self, m: Module, name: str):
        self.waits, self.ended = bits(f"waits_for_{name}", f"{name}_ended")
        with m.If(self.ended):
            m.d.sync += self.waits.eq(0)

    def begin(self, m: Module, wanted) -> None:
        """Wait for the event from the next cycle on, if `wanted`."""
        m.d.sync += self.waits.eq(wanted)


def one_at_a_time(m: Module, unit, waiting: Value) -> Value:
    """Drive command.ready, done and busy of a unit, from registers; returns whether a command is accepted at
    this edge.

    waiting  an End of the command under way has not come
    """
    active, takes = Signal(name="active"), Signal(name="takes_command")
    m.d.comb += [
        # the next one may come with `done`: commands follow without a gap
        unit.command.ready.eq(~active | unit.done),
        unit.done.eq(active & ~waiting),
        unit.busy.eq(active),
        takes.eq(unit.command.valid & unit.command.ready),
    ]
    with m.If(unit.done):
        m.d.sync += active.eq(0)
    with m.If(takes):
        m.d.sync += active.eq(1)
    return takes


def command(part: CommandPart, payload: Value, name: str = "command") -> dict[str, Value]:
    """The ports of a part's stream of commands."""
    return {f"{name}_valid": part.begins, f"{name}_ready": part.ready, f"{name}_payload": payload}


def request(port) -> dict[str, Value]:
    """The ports of a reader of the scratchpad (hw.accelerator.fetcher)."""
    found = {f"request_{end}": getattr(port, end) for end in ("valid", "ready", "address")}
    return {**found, "data": port.data}
