"""The FuseSoC core of a generated design (CAPI2), by which a user's own flow takes it in."""

from importlib import metadata

from mapping.target import Target

# widths: sized and checked by the generator; unused: parts of vectors; file names: one file, many modules
WAIVED = ("WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL", "DECLFILENAME")

CORE = """\
CAPI=2:

name: "systola:systolic:{name}:{version}"
description: "{rows}x{cols} {dataflow}-stationary matrix unit, {weight} x {activation}"

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
    """The core's text. verilog, bench: files in its folder."""
    unit = target.unit
    return CORE.format(
        name=target.name,
        version=metadata.version("systola"),
        rows=unit.rows,
        cols=unit.cols,
        dataflow=unit.dataflow,
        weight=unit.pe.weight,
        activation=unit.pe.activation,
        top=unit.name,
        verilog=verilog,
        bench=bench,
        lint=", ".join(["-Wall", *(f"-Wno-{name}" for name in WAIVED)]),
    )
