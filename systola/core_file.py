"""The FuseSoC core of a generated design (CAPI2), by which a user's own flow takes it in."""

from importlib import metadata

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
{tb}
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
"""

TB = """\
  tb:
    files:
      - {bench}
    file_type: verilogSource
"""

SIM = """
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


def write(
    name: str, family: str, description: str, top: str, verilog: str, bench: str | None = None
) -> str:  # fmt: skip
    """The core's text. verilog, bench: files in its folder; without a bench there is no target sim."""
    return (CORE + (SIM if bench else "")).format(
        name=name, family=family, version=metadata.version("systola"), description=description, top=top,
        verilog=verilog, tb=TB.format(bench=bench) if bench else "",
        lint=", ".join(["-Wall", *(f"-Wno-{each}" for each in WAIVED)]),
    )  # fmt: skip
