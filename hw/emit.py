"""From Amaranth to Verilog a person would write: each definition once, cleaned.

Amaranth elaborates and writes every submodule instance as a module of its own. A block that repeats
is therefore a `Definition`: elaborated once, instantiated by name through plain packed ports. All
definitions of a design go through one Yosys run whose passes turn processes into `always @(posedge clk)`.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Fragment, Instance, Module, ResetSignal, Value
from amaranth.hdl._ast import ValueCastable
from amaranth.hdl._ir import PortDirection
from amaranth.hdl._mem import MemoryInstance
from amaranth.lib import wiring

from hw.yosys import run_yosys, versions

# reset, not a start value, puts registers into their state: no `reg x = 0`, which not every flow honours
INITIAL = re.compile(r"^ *attribute \\init .*\n", re.MULTILINE)
# the contents of a memory that `without_zeros` has emptied
EMPTY = re.compile(r"^  cell \$meminit_v2 (?:(?!^  end).)*?connect .DATA \{  \}\n.*?^  end\n", re.M | re.S)
PASSES = "proc; memory_collect; opt; wreduce t:$add t:$sub; opt_dff; opt; opt_clean -purge"
WRITE = "write_verilog -norename -noattr"


def flat_ports(component: wiring.Component) -> Iterator[tuple[str, bool, Value]]:
    """(name, is_input, value) of each port; a path is joined by one underscore: `left_valid`."""
    for path, member, value in component.signature.flatten(component):
        plain = value.as_value() if isinstance(value, ValueCastable) else value
        yield "_".join(str(part) for part in path), member.flow == wiring.In, plain


class Definition:
    """A component that is emitted once under `name` and instantiated from there.

    name       a Verilog identifier that carries the parameters: `pe_int8_int8_acc32`
    component  the one object that is elaborated; `component.uses`, if it has one, lists the
               definitions that its own `elaborate` places
    clocked    whether it has registers, hence ports clk and rst
    """

    def __init__(self, name: str, component: wiring.Component, *, clocked: bool = True):
        self.name = name
        self.component = component
        self.clocked = clocked

    def place(self, m: Module, instance_name: str, *, reset: Value | None = None, **ports: Value) -> None:
        """Add an instance to `m`, tied straight to `ports`: slices of vectors, never a Cat.

        reset  what resets it, if not what resets its surroundings
        """
        names = {port: is_input for port, is_input, _ in flat_ports(self.component)}
        if set(ports) != set(names):
            wrong = sorted(set(ports) ^ set(names))
            raise TypeError(f"{self.name}.{instance_name}: ports {wrong} are not tied or unknown")
        ties = {f"{'i' if names[port] else 'o'}_{port}": value for port, value in ports.items()}
        if self.clocked:
            ties |= {"i_clk": ClockSignal(), "i_rst": ResetSignal() if reset is None else reset}
        m.submodules[instance_name] = Instance(self.name, **ties)

    def rtlil(self) -> str:
        """The RTLIL of this definition alone; what it places appears as cells of unknown modules."""
        ports = {
            name: (value, PortDirection.Input if is_input else PortDirection.Output)
            for name, is_input, value in flat_ports(self.component)
        }
        with collecting_nothing():
            fragment = without_zeros(Fragment.get(self.component, None))
            text, _ = rtlil.convert_fragment(fragment, ports, self.name, emit_src=False)
        return EMPTY.sub("", INITIAL.sub("", text))


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """Python's collector rests: to look at a netlist's tuples again and again takes a third of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def without_zeros(fragment: Fragment) -> Fragment:
    """`fragment`, its memories of zeros emptied: contents cost a line of Verilog a word, and time a bit.

    What reads a word before it writes it has contents of its own.
    """
    if isinstance(fragment, MemoryInstance) and not any(fragment._data._init._raw):
        fragment._data._init._raw = []
    for part, *_ in fragment.subfragments:
        without_zeros(part)
    return fragment


def reachable(top: Definition) -> list[Definition]:
    """`top` and all that it uses, each once, what is used before its user."""
    found: dict[str, Definition] = {}

    def visit(definition: Definition) -> None:
        if definition.name in found:
            return
        for used in getattr(definition.component, "uses", ()):
            visit(used)
        found[definition.name] = definition

    visit(top)
    return list(found.values())


def verilog(top: Definition, *, header: str = "") -> str:
    """Verilog of `top` and all that it uses, cleaned. Its first comment: `header`, and what wrote it."""
    text = "\n".join(definition.rtlil() for definition in reachable(top))
    body = run_yosys(text, f"{PASSES}; hierarchy -top {top.name}; {WRITE}")
    by = ", ".join(f"{name} {version}" for name, version in versions().items())
    comment = "".join(f"// {line}\n" for line in [*header.splitlines(), f"by {by}"])
    return f"{comment}\n{body}"
