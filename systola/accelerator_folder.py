"""The folder that `systola generate` writes for an accelerator, beside the design file and the manifest.

    rtl/NAME.v              the Verilog, all modules in one file
    NAME.core               the FuseSoC core: targets default, lint
    NAME.md                 ports, how to run a program, memory layout
    commands.md             the command set, every field
    registers/, driver/, constraints/   see systola.control_files
"""

from importlib import metadata

from golden.accelerator.assembler import page
from golden.accelerator.params import AcceleratorParams
from mapping.target import Target
from systola import control_files, core_file

DOCUMENT = """\
# {name}: accelerator around a {lanes}x{lanes} array

{weight} weights, {activation} activations, {accumulator} sums; {kib} KiB of scratchpad in {banks} banks of
{bank_words} words; a word, of the bus too, is {lanes} bytes. Top module: `{top}`. Written by Systola;
`{name}.toml` is the design it was made from.

## Ports

| port | what |
|---|---|
| `clk`, `rst` | rising edge; synchronous, active high |
| `s_axil_*` | AXI4-Lite slave, 32 bits, 12 address bits: `registers/` |
| `m_axi_*` | AXI4 master, {data_bits} bits, 32 address bits, bursts of at most {burst} words, one ID |
| `irq` | a level: an enabled event of INTERRUPT_STATUS |
| `activity` | bits 0 to 3: load, matrix, vector, store do a command; 4 to 7: their next waits for a token |

## Running a program

1. Put commands (`commands.md`, 64 bytes each, END the last), weights and inputs into memory.
2. Write PROGRAM, COMMANDS and INTERRUPT_ENABLE, then 1 to CONTROL. `driver/` does this in C.
3. At the interrupt INTERRUPT_STATUS says `done` or `error`; CAUSE and FAULT_COMMAND say what went wrong.
   After an error write 2 to CONTROL and wait until STATUS is not busy: the accelerator is as new.

Counters tell cycles, and of each unit how long it worked and how long it waited for another's token.

## Memory

A tensor is rows of channels, each row padded to whole vectors of {lanes} elements; 8 bits an element take one
word a vector, 16 bits two, 32 bits four, little-endian. Everything starts at a multiple of {lanes} bytes.
"""


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
    values = {
        "name": name, "lanes": p.lanes, "top": top_of(target),
        "weight": p.unit.pe.weight, "activation": p.unit.pe.activation,
        "accumulator": p.unit.pe.accumulator, "kib": p.words * p.lanes >> 10, "banks": p.banks,
        "bank_words": p.bank_words, "data_bits": 8 * p.lanes, "burst": p.read.longest_burst,
    }  # fmt: skip
    operands = f"{p.unit.pe.weight} x {p.unit.pe.activation}"
    what = f"accelerator around a {p.lanes}x{p.lanes} array, {operands}"
    return {
        verilog: verilog_of(name, p),
        f"{name}.core": core_file.write(name, "accelerator", what, top_of(target), verilog),
        f"{name}.md": DOCUMENT.format(**values),
        "commands.md": page(),
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
