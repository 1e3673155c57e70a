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
from systola.templates import filled

DRIVER = Path(__file__).parent / "driver"
# the pages read well in the reader's own fonts, which takes 7 MB off; launchers are for other browsers' sake
LEFT_OUT = (".eot", ".ttf", ".woff", ".woff2", ".bat", ".png")


def files(p: AcceleratorParams, name: str, clock_mhz: float) -> dict[str, str]:
    """Path in the generated folder -> contents; the same for the same arguments."""
    found = exported(p)
    found["driver/systola_names.h"] = names_header(p)
    found |= {f"driver/{path.name}": path.read_text() for path in sorted(DRIVER.glob("*.[ch]"))}
    for kind in ("xdc", "sdc"):
        text = filled(f"constraints.{kind}", name=name, period=1000 / clock_mhz)
        found[f"constraints/{name}.{kind}"] = text
    return found


def names_header(p: AcceleratorParams) -> str:
    """The C header with the names of counters, causes and units."""
    of_counters = [name for name, _ in counters(p)]
    return filled("names.h", counters=of_counters, causes=list(Cause), units={**names(), NO_UNIT: "none"})


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
