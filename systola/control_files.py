"""Files for software, made from an accelerator's register map, and templates for implementation.

    registers/systola.rdl           SystemRDL, from golden.accelerator.registers
    registers/systola.xml           IP-XACT, by PeakRDL; so are the two below
    registers/html/index.html       the map as pages
    driver/systola_registers.h      offsets and fields in C
    driver/systola_names.h          counters, and causes and units in words, from the tables of the units
    driver/systola_accelerator.h, .c  the driver
    constraints/NAME.xdc, NAME.sdc  templates: the clock, and what comes from outside
"""

import re
from pathlib import Path

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NO_UNIT, Cause, counters, system_rdl
from golden.accelerator.units import names
from sim import leftovers

DRIVER = Path(__file__).parent / "driver"
# the pages read well in the reader's own fonts, which takes 7 MB off; launchers are for other browsers' sake
LEFT_OUT = (".eot", ".ttf", ".woff", ".woff2", ".bat", ".png")

XDC = """\
# {name}: constraints for Vivado. A template: the ports' delays are the board's, or the interconnect's.
create_clock -name clk -period {period:.3f} [get_ports clk]
set_input_delay  -clock clk {delay:.3f} [get_ports -filter {{DIRECTION == IN && NAME != clk}}]
set_output_delay -clock clk {delay:.3f} [get_ports -filter {{DIRECTION == OUT}}]
# rst is synchronous to clk and active high. s_axil and m_axi are in the domain of clk: put a clock
# converter between them and any other domain, not a false path.
"""
SDC = """\
# {name}: constraints for ASIC tools. A template: delays are 30 % of a cycle on either side.
create_clock -name clk -period {period:.3f} [get_ports clk]
set_clock_uncertainty {uncertainty:.3f} [get_clocks clk]
set inputs [remove_from_collection [all_inputs] [get_ports clk]]
set_input_delay  -clock clk {delay:.3f} $inputs
set_output_delay -clock clk {delay:.3f} [all_outputs]
# rst is synchronous to clk and active high.
"""


def files(p: AcceleratorParams, name: str, clock_mhz: float) -> dict[str, str]:
    """Path in the generated folder -> contents; the same for the same arguments."""
    found = exported(p)
    found["driver/systola_names.h"] = names_header(p)
    found |= {f"driver/{path.name}": path.read_text() for path in sorted(DRIVER.glob("*.[ch]"))}
    period = 1000 / clock_mhz
    values = {"name": name, "period": period, "delay": 0.3 * period, "uncertainty": 0.05 * period}
    found[f"constraints/{name}.xdc"] = XDC.format(**values)
    found[f"constraints/{name}.sdc"] = SDC.format(**values)
    return found


def names_header(p: AcceleratorParams) -> str:
    """The C header with the names of counters, causes and units."""
    of_counters = "".join(f"    SYSTOLA_{name},\n" for name, _ in counters(p))
    causes = "".join(f'[{int(each)}] = "{each.what}", ' for each in Cause)
    units = "".join(f'[{number}] = "{name}", ' for number, name in {**names(), NO_UNIT: "none"}.items())
    return (
        "/* Generated. Counters in the order of the register map; causes and units. */\n\n"
        "#ifndef SYSTOLA_NAMES_H\n#define SYSTOLA_NAMES_H\n\n"
        f"enum systola_counter {{\n{of_counters}    SYSTOLA_COUNTERS\n}};\n\n"
        f"#define SYSTOLA_CAUSE_TEXTS {{{causes.rstrip(', ')}}}\n"
        f"#define SYSTOLA_UNIT_TEXTS {{{units.rstrip(', ')}}}\n\n"
        "#endif\n"
    )


def exported(p: AcceleratorParams) -> dict[str, str]:
    """The map, and C header, IP-XACT and pages of it."""
    from peakrdl_cheader.exporter import CHeaderExporter
    from peakrdl_html import HTMLExporter
    from peakrdl_ipxact import IPXACTExporter
    from systemrdl.compiler import RDLCompiler

    with leftovers.temporary() as folder:
        for below in ("driver", "registers"):
            (folder / below).mkdir()
        path = folder / "registers" / "systola.rdl"
        path.write_text(system_rdl(p), encoding="utf-8")
        compiler = RDLCompiler()
        compiler.compile_file(str(path))
        root = compiler.elaborate()
        CHeaderExporter().export(root, str(folder / "driver" / "systola_registers.h"))
        IPXACTExporter(vendor="systola", library="systola", version="1").export(
            root, str(folder / "registers" / "systola.xml"), component_name="accelerator"
        )
        HTMLExporter(show_signals=False).export(root, str(folder / "registers" / "html"))
        found = [path for path in sorted(folder.rglob("*")) if path.is_file() and wanted(path)]
        return {str(path.relative_to(folder)): timeless(path.read_text(encoding="utf-8")) for path in found}


def timeless(text: str) -> str:
    """Without the time at which PeakRDL wrote a page."""
    return re.sub(r"(BUILD_TS = |\?ts=)\d+", r"\g<1>0", text)


def wanted(path: Path) -> bool:
    """Whether a file of PeakRDL's is worth keeping."""
    return path.suffix not in LEFT_OUT and not {"fonts", ".launcher_data"} & set(path.parts)
