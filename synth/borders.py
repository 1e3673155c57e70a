"""Facts that cross the border of a definition as it is placed, which synthesis of the whole knows of its
ports.

A bit that enters may be a constant, or the same as another that enters; one that leaves may have no reader.
And what leaves may in turn be a constant, or the same as another bit of the border: a sum's upper bits, all
its sign, are one bit to whoever takes it, so the adder behind is narrower. Yosys' JSON netlists show both.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CONSTANTS = frozenset("01x")
FREE, OPEN = "-", "."

Bit = int | str  # of a JSON netlist: a net's number, or a constant
Bits = tuple[tuple[str, tuple[str, ...]], ...]  # (port, a word for each bit, lowest first)


@dataclass(frozen=True, slots=True)
class BorderPort:
    name: str
    is_input: bool
    width: int


@dataclass(frozen=True, slots=True)
class Part:
    """A definition as it is placed. Only ports of which there is something to say are named.

    ties   a word for each bit of an input: 0, 1, x, `port[bit]` of an input that is the same, - for a bit
           of which nothing is known
    opens  a word for each bit of an output: . for one that nobody reads, else -
    """

    module: str
    ties: Bits = ()
    opens: Bits = ()


def words(names: Mapping[str, list[str]], nothing: str = FREE) -> Bits:
    """Ports of which there is something to say."""
    return tuple((name, tuple(bits)) for name, bits in names.items() if set(bits) - {nothing})


def constant(bit: Bit) -> str | None:
    """0, 1 or x; None for a net."""
    return None if isinstance(bit, int) else bit.replace("z", "x")


def same(ports: Iterable[BorderPort], connections: Mapping[str, list[Bit]], inputs: bool) -> Bits:
    """What the nets that ports are connected to say of their bits: of the inputs or of the outputs."""
    first: dict[Bit, str] = {}
    told: dict[str, list[str]] = {}
    for port in sorted(ports, key=lambda port: not port.is_input):
        bits = [constant(bit) for bit in connections[port.name]]
        for i, bit in enumerate(connections[port.name]):
            if bits[i] is None:
                bits[i] = first.setdefault(bit, here := f"{port.name}[{i}]")
                bits[i] = FREE if bits[i] == here else bits[i]
        if port.is_input == inputs:
            told[port.name] = [str(bit) for bit in bits]
    return words(told)


def unread(ports: Iterable[BorderPort], connections: Mapping[str, list[Bit]], read: set[Bit]) -> Bits:
    """Bits of outputs that are not in `read`."""
    return words({
        port.name: [FREE if bit in read else OPEN for bit in connections[port.name]]
        for port in ports
        if not port.is_input
    })  # fmt: skip


def readers(module: Mapping[str, Any], ports: Mapping[str, tuple[BorderPort, ...]]) -> set[Bit]:
    """Nets that an output of a JSON module or an input of one of its cells reads."""
    found = {bit for port in module["ports"].values() if port["direction"] != "input" for bit in port["bits"]}
    for cell in module["cells"].values():
        inputs = inputs_of(cell, ports)
        for name, bits in cell["connections"].items():
            if name in inputs:
                found.update(bits)
    return found


def inputs_of(cell: Mapping[str, Any], ports: Mapping[str, tuple[BorderPort, ...]]) -> set[str]:
    """Names of a cell's inputs."""
    if cell["type"] in ports:
        return {port.name for port in ports[cell["type"]] if port.is_input}
    return {name for name, way in cell["port_directions"].items() if way != "output"}


def known(told: Bits, connections: Mapping[str, list[Bit]]) -> Iterator[tuple[Bit, Bit]]:
    """(net, what it is the same as) of each bit of which a placed part's outputs tell."""
    for name, bits in told:
        for i, word in enumerate(bits):
            if word in CONSTANTS:
                yield connections[name][i], word
            elif word != FREE:
                port, _, index = word.rstrip("]").rpartition("[")
                yield connections[name][i], connections[port][int(index)]


def final(bit: Bit, alias: Mapping[Bit, Bit]) -> Bit:
    """What `bit` is in the end the same as."""
    for _ in range(len(alias)):
        if bit not in alias:
            break
        bit = alias[bit]
    return bit


def renamed(
    module: dict[str, Any], alias: Mapping[Bit, Bit], ports: Mapping[str, tuple[BorderPort, ...]]
) -> None:
    """Let all that read a net that is the same as another read the other."""
    for port in module["ports"].values():
        if port["direction"] != "input":
            port["bits"] = [final(bit, alias) for bit in port["bits"]]
    for cell in module["cells"].values():
        for name in inputs_of(cell, ports) & set(cell["connections"]):
            cell["connections"][name] = [final(bit, alias) for bit in cell["connections"][name]]
    module["netnames"] = {}


def escaped(name: str) -> str:
    """A Verilog name: any is allowed once escaped."""
    return f"\\{name} "


def wrapper(name: str, instance: str, part: Part, ports: Iterable[BorderPort]) -> str:
    """Verilog of a module `name` with the part's ports, that places its definition as it is placed."""
    ties, opens = dict(part.ties), dict(part.opens)
    heads, body, links = [], [], []
    for port in ports:
        here, high = escaped(port.name), port.width - 1
        heads.append(f"{'input' if port.is_input else 'output'} [{high}:0] {here}")
        inside = here
        if port.name in ties:
            inside = joined(here, ties[port.name])
        elif port.name in opens:
            inside = escaped(f"{port.name}$inside")
            body.append(f"wire [{high}:0] {inside};\nassign {here} = {joined(inside, opens[port.name])};")
        links.append(f".{here}({inside})")
    places = f"{escaped(part.module)} {instance} ({', '.join(links)});"
    return f"module {name}({', '.join(heads)});\n" + "\n".join([*body, places, "endmodule", ""])


def joined(name: str, bits: tuple[str, ...]) -> str:
    """Verilog of the bits; one that is open is 0."""
    return f"{{{', '.join(expression(name, i, word) for i, word in reversed(list(enumerate(bits))))}}}"


def expression(name: str, index: int, word: str) -> str:
    if word == FREE:
        return f"{name}[{index}]"
    if word == OPEN or word in CONSTANTS:
        return f"1'b{word.replace(OPEN, '0')}"
    port, _, bit = word.rstrip("]").rpartition("[")
    return f"{escaped(port)}[{bit}]"
