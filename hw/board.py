"""Definitions placed in a module, whose ports are connected member to member.

A placed definition shows its component's members (`board.place(...).sums`), so a name that does not exist is
an error where it is written. What is connected: a member with a member of the same signature and the other
direction, or a port with a value. `finish` refuses a board on which an input, or an output of the component
that it belongs to, is driven by nobody.
"""

from collections.abc import Iterable

from amaranth.hdl import Module, Value
from amaranth.lib import wiring

from hw.emit import Definition, flat_ports


class Board:
    """What `component`, whose elaborate makes `m`, is built of."""

    def __init__(self, m: Module, component: wiring.Component):
        self.m = m
        self.undriven: dict[int, str] = {}
        self.wanted(component, "", inputs=False)

    def wanted(self, ports, path: str, *, inputs: bool) -> None:
        """Whoever drives these is still to come."""
        for names, member, value in ports.signature.flatten(ports):
            if (member.flow == wiring.In) == inputs:
                self.undriven[id(plain(value))] = ".".join(filter(None, (path, *map(str, names))))

    def place(self, definition: Definition, name: str, *, reset: Value | None = None):
        """An instance, as its component's members."""
        ports = definition.component.signature.create(path=(name,))
        definition.place(self.m, name, reset=reset, **{port: value for port, _, value in flat_ports(ports)})
        self.wanted(ports, name, inputs=True)
        return ports

    def connect(self, one, other) -> None:
        """Two members of the same signature, one of them the other way round."""
        wiring.connect(self.m, one, other)
        for ports in (one, other):
            for _, _, value in ports.signature.flatten(ports):
                self.undriven.pop(id(plain(value)), None)

    def tie(self, port: Value, value: Value) -> None:
        """A port to what drives it."""
        self.m.d.comb += port.eq(value)
        self.undriven.pop(id(plain(port)), None)

    def join(self, one, other, names: Iterable[str]) -> None:
        """Members of these names of the one with those of the other, whichever way they go."""
        for name in names:
            member, mine, its = one.signature.members[name], getattr(one, name), getattr(other, name)
            if member.is_signature:
                self.connect(mine, its)
            elif member.flow == wiring.In:
                self.tie(mine, its)
            else:
                self.tie(its, mine)

    def finish(self) -> None:
        """TypeError naming what nobody drives."""
        if self.undriven:
            raise TypeError(f"nobody drives {', '.join(self.undriven.values())}")


def plain(value) -> Value:
    """The signal behind a view of it."""
    return value.as_value() if hasattr(value, "as_value") else value
