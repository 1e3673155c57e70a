"""The folder that `systola generate` writes for an accelerator, beside the design file and the manifest.

    rtl/NAME.v              the Verilog, all modules in one file
    NAME.core               the FuseSoC core: targets default, lint
    NAME.md                 ports, how to run a program, memory layout
    commands.md             the command set, every field
    registers/, driver/, constraints/   see systola.control_files
"""

from importlib import metadata

from golden import check
from golden.accelerator.assembler import page
from golden.accelerator.params import AcceleratorParams
from mapping.target import Target
from systola import control_files
from systola.templates import core, filled

COMMANDS = "commands.md"


def parameters(target: Target) -> AcceleratorParams:
    """What the design surrounds its matrix unit with."""
    assert target.accelerator
    return target.accelerator


def top_of(target: Target) -> str:
    """Name of the top module."""
    from hw.accelerator.accelerator import name_of

    return str(name_of(parameters(target)))


def contents(target: Target) -> dict[str, str]:
    """Path in the folder -> text."""
    p, name, verilog = parameters(target), target.name, f"rtl/{target.name}.v"
    if f"{name}.md" == COMMANDS:
        raise check.fail("name", repr(name), f"another: {COMMANDS} is the command set")
    operands = f"{p.unit.pe.weight} x {p.unit.pe.activation}"
    what = f"accelerator around a {p.lanes}x{p.lanes} array, {operands}"
    return {
        verilog: verilog_of(name, p),
        f"{name}.core": core(name, "accelerator", what, top_of(target), verilog),
        f"{name}.md": filled("accelerator.md", name=name, p=p, top=top_of(target)),
        COMMANDS: page(),
        **control_files.files(p, name, target.clock_mhz),
    }


def verilog_of(name: str, p: AcceleratorParams) -> str:
    """The accelerator's Verilog, its parameters in the comment at its head."""
    from hw.accelerator.accelerator import definition
    from hw.emit import verilog

    top = definition(p)
    header = "\n".join([
        f"{name}: accelerator, written by systola {metadata.version('systola')}",
        "",
        f"  array {p.lanes}x{p.lanes}, weight-stationary, {p.unit.pe.weight} x {p.unit.pe.activation}",
        f"  scratchpad {p.banks} banks of {p.bank_words} words of {p.lanes} bytes",
        f"  functions {', '.join(p.functions) or 'none'}; queues of {p.queue} commands",
        "",
        f"Top module: {top.name}",
        f"Ports, programs, memory: {name}.md",
    ])  # fmt: skip
    return str(verilog(top, header=header))
