"""The FuseSoC core of a generated design (CAPI2), by which a user's own flow takes it in."""

from importlib import metadata

from mapping.target import Target

# widths: sized and checked by the generator; unused: parts of vectors; file names: one file, many modules
WAIVED = ("WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL", "DECLFILENAME")

CORE = """\
CAPI=2:

name: "systola:{family}:{name}:{version}"
description: "{description}"

filesets:
  rtl:
    files:
      - {verilog}
    file_type: verilogSource
  tb:
    files:
      - {bench}
    file_type: verilogSource

targets:
  default: &default
    filesets: [rtl]
    toplevel: {top}

  lint:
    <<: *default
    description: "no warning but the waived ones"
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [{lint}]

  sim:
    <<: *default
    description: "a product against golden's values and cycles; ends with PASS"
    filesets: [rtl, tb]
    toplevel: {name}_tb
    default_tool: icarus
    tools:
      icarus:
        iverilog_options: [-g2005-sv]
"""


def write(target: Target, verilog: str, bench: str) -> str:
    """The core of a matrix unit. verilog, bench: files in its folder."""
    unit = target.unit
    operands = f"{unit.pe.weight} x {unit.pe.activation}"
    what = f"{unit.rows}x{unit.cols} {unit.dataflow}-stationary matrix unit, {operands}"
    return text(target.name, "systolic", what, unit.name, verilog, bench)


def text(name: str, family: str, description: str, top: str, verilog: str, bench: str) -> str:
    """The core's text."""
    return CORE.format(
        name=name,
        family=family,
        version=metadata.version("systola"),
        description=description,
        top=top,
        verilog=verilog,
        bench=bench,
        lint=", ".join(["-Wall", *(f"-Wno-{name}" for name in WAIVED)]),
    )
