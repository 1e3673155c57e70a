"""What a unit that does one command at a time is made of: parts that take it, and ends that it waits for.

    command   taken ........................ next
    begins    ____/part A until it is ready\___
    waits     ____/until the end has come _____\___
    done      _________________________________/\__
"""

from amaranth.hdl import Module, Signal, Value

from hw.lanes import bits


class Part:
    """What takes a command of its own, from `begin` on until it is ready."""

    def __init__(self, m: Module, name: str):
        self.begins, self.ready = bits(f"{name}_begins", f"{name}_command_ready")
        with m.If(self.ready):
            m.d.sync += self.begins.eq(0)

    def begin(self, m: Module, wanted) -> None:
        """At this edge, if `wanted`."""
        m.d.sync += self.begins.eq(wanted)


class End:
    """What a command waits for, from `begin` on until it has ended."""

    def __init__(self, m: Module, name: str):
        self.waits, self.ended = bits(f"waits_for_{name}", f"{name}_ended")
        with m.If(self.ended):
            m.d.sync += self.waits.eq(0)

    def begin(self, m: Module, wanted) -> None:
        """At this edge, if `wanted`."""
        m.d.sync += self.waits.eq(wanted)


def one_at_a_time(m: Module, unit, waiting: Value) -> Value:
    """command.ready, done and busy of a unit, from registers; gives whether it takes a command at this edge.

    waiting  an end has not come of the command that is under way
    """
    active, takes = Signal(name="active"), Signal(name="takes_command")
    m.d.comb += [
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


def command(part: Part, payload: Value, name: str = "command") -> dict[str, Value]:
    """The ports of a part's stream of commands."""
    return {f"{name}_valid": part.begins, f"{name}_ready": part.ready, f"{name}_payload": payload}


def request(port) -> dict[str, Value]:
    """The ports of a reader of the scratchpad (hw.accelerator.fetcher)."""
    found = {f"request_{end}": getattr(port, end) for end in ("valid", "ready", "address")}
    return {**found, "data": port.data}
