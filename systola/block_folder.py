"""The folder that `systola generate` writes for a block of streams, beside the design file and the
manifest.

    rtl/NAME.v       the Verilog, all modules in one file
    tb/NAME_tb.v     a self-checking testbench (systola.testbench)
    NAME.core        the FuseSoC core: targets default, lint, sim
    NAME.md          the block's documentation

It knows no block: golden.blocks says what one is.
"""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from golden import blocks, streams
from mapping.target import Design
from systola import design_file, testbench
from systola.templates import core, filled

AROUND = ("buffers", "memory", "clock", "pe.scale_group")  # tables and keys that shape no hardware


def contents(target: Design) -> dict[str, str]:
    """Path in the folder -> text."""
    name, p, tables = target.name, target.block, design_file.tables(target)
    verilog, bench = f"rtl/{name}.v", f"tb/{name}_tb.v"
    what = blocks.module_of(p).title(p) + (f", {p.pe.weight} x {p.pe.activation}" if target.pe else "")
    return {
        verilog: verilog_of(name, p, tables),
        bench: testbench.write(name, p),
        f"{name}.core": core(name, target.family, what, p.name, verilog, bench),
        f"{name}.md": document(name, p, tables),
    }


def document(name: str, p: Any, tables: Mapping[str, Any]) -> str:
    """The documentation of the block of `p`: ports, words to the bit, what the block says of itself."""
    keys = dotted(tables)
    return filled("block.md", name=name, p=p, block=blocks.module_of(p), bits=streams.bits, parameters=keys)


def top_of(target: Design) -> str:
    """Name of the top module."""
    return target.block.name


def verilog_of(name: str, p: Any, tables: Mapping[str, Any]) -> str:
    """A block's Verilog; in the comment at its head the keys of the design file that shape the hardware."""
    from hw.blocks import definition
    from hw.emit import verilog

    header = "\n".join([
        f"{name}: {blocks.module_of(p).WHAT}, written by systola {metadata.version('systola')}",
        "",
        *(f"  {key:32} {value}" for key, value in shaping(tables).items()),
        "",
        f"Top module: {p.name}",
        f"Streams and their words: {name}.md",
    ])  # fmt: skip
    return str(verilog(definition(p), header=header))


def dotted(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a design file's tables, dotted, with their values."""
    units = {f"unit.{place}": each for place, each in enumerate(tables.get("unit", []))}
    inner = {name: values for name, values in {**tables, **units}.items() if isinstance(values, dict)}
    return {f"{section}.{key}": value for section, values in inner.items() for key, value in values.items()}


def shaping(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Those that shape the hardware."""
    keys = dotted(tables)
    return {key: keys[key] for key in keys if key not in AROUND and key.split(".")[0] not in AROUND}
