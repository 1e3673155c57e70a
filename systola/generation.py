"""`systola generate`: a design as a folder to take away.

    rtl/NAME.v       the Verilog, all modules in one file
    tb/NAME_tb.v     a self-checking testbench: operands, golden's answer, golden's cycles
    NAME.core        the FuseSoC core: targets default, lint, sim
    NAME.md          the block's documentation
    NAME.toml        the design file, every key given
    manifest.json    versions and the hash of each file

That is what a block of streams has (systola.block_folder); an accelerator has more:
systola.accelerator_folder.

The same design and versions give the same bytes: nothing holds a time or a path.
"""

import hashlib
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mapping.target import Design
from systola import design_file, families, output


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
    target = design_file.load(design)
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


def contents(target: Design) -> dict[str, str]:
    """Every file but the manifest: path in the folder -> text."""
    design = {f"{target.name}.toml": design_file.dump(target)}
    made: dict[str, str] = families.folder_of(target).contents(target)
    return made | design


def top_of(target: Design) -> str:
    """Name of the top module."""
    return str(families.folder_of(target).top_of(target))


def manifest_of(target: Design, texts: dict[str, str]) -> dict[str, Any]:
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
