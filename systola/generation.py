"""`systola generate`: a design as a folder to take away.

    rtl/NAME.v       the Verilog, all modules in one file
    tb/NAME_tb.v     a self-checking testbench: operands, golden's answer, golden's cycles
    NAME.core        the FuseSoC core: targets default, lint, sim
    NAME.md          the block's documentation
    NAME.toml        the design file, every key given
    manifest.json    versions and the hash of each file

An accelerator has more: systola.accelerator_folder. A tile has the same: systola.tile_folder.

The same design and versions give the same bytes: nothing holds a time or a path.
"""

import hashlib
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mapping.target import Target, TileTarget
from systola import accelerator_folder, block_document, core_file, design_file, output, testbench, tile_folder


@dataclass(frozen=True, slots=True)
class Generated:
    """folder: what was written; files: name -> bytes; manifest: what manifest.json holds."""

    folder: Path
    top: str
    files: dict[str, int]
    manifest: dict[str, Any]


def generate(design: str | Path, folder: str | Path, *, force: bool = False) -> Generated:
    """Write the hardware of the design file `design` to `folder`; BadValue if either cannot be used.

    force  replace files that were edited since Systola wrote them; what it did not write stays in any case
    """
    target = design_file.load_any(design)
    output.check_folder(Path(folder), force=force)
    texts = contents(target)
    manifest = manifest_of(target, texts)
    with output.whole_folder(Path(folder), by="generate", force=force) as building:
        for name, text in {**texts, output.MANIFEST: output.as_json(manifest) + "\n"}.items():
            (building / name).parent.mkdir(parents=True, exist_ok=True)
            (building / name).write_text(text, encoding="utf-8")
    return Generated(
        Path(folder), top_of(target), {name: len(text.encode()) for name, text in texts.items()}, manifest
    )


def contents(target: Target | TileTarget) -> dict[str, str]:
    """Every file but the manifest: path in the folder -> text."""
    name = target.name
    if isinstance(target, TileTarget):
        return tile_folder.contents(target) | {f"{name}.toml": design_file.dump(target)}
    if target.accelerator is not None:
        found = accelerator_folder.contents(target, target.accelerator)
        return found | {f"{name}.toml": design_file.dump(target)}
    verilog, bench = f"rtl/{name}.v", f"tb/{name}_tb.v"
    return {
        verilog: verilog_of(target),
        bench: testbench.write(target),
        f"{name}.core": core_file.write(target, verilog, bench),
        f"{name}.md": block_document.write(target),
        f"{name}.toml": design_file.dump(target),
    }


def top_of(target: Target | TileTarget) -> str:
    """Name of the top module."""
    if isinstance(target, TileTarget):
        return target.tile.name
    if target.accelerator is not None:
        return accelerator_folder.top_of(target.accelerator)
    return target.unit.name


def verilog_of(target: Target) -> str:
    """The matrix unit's Verilog, its parameters in the comment at its head."""
    from hw.emit import verilog
    from hw.systolic.matrix_unit import definition

    header = "\n".join([
        f"{target.name}: systolic matrix unit, written by systola {metadata.version('systola')}",
        "",
        *(f"  {key:32} {value}" for key, value in parameters(target).items()),
        "",
        f"Top module: {target.unit.name}",
        f"Streams and their words: {target.name}.md",
    ])  # fmt: skip
    return str(verilog(definition(target.unit), header=header))


def parameters(target: Target) -> dict[str, Any]:
    """The design file's keys that shape the hardware, dotted, with their values."""
    tables = design_file.tables(target)
    return {
        f"{section}.{key}": value
        for section in ("array", "pe", "accumulators", *(["requantise"] if target.unit.scaled else []))
        for key, value in tables[section].items()
    }


def manifest_of(target: Target | TileTarget, texts: dict[str, str]) -> dict[str, Any]:
    """Who wrote what: versions, and the hash and size of each file."""
    from hw.yosys import versions

    manifest = {
        "written_by": "systola generate",
        "design": target.name,
        "design_sha256": sha256(design_file.dump(target)),
        "top": top_of(target),
        "versions": {"systola": metadata.version("systola"), **versions()}
        | {"python": platform.python_version()},
        "files": {
            name: {"bytes": len(text.encode()), "sha256": sha256(text)} for name, text in texts.items()
        },
    }
    return output.sealed(manifest)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
