"""What is frozen, by the name of its file: networks/NAME, cycles/FORMULA, rtlil, verilog, and two texts."""

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.frozen import adapter
from tests.frozen.adapter import Record
from tests.frozen.files import environment
from tests.frozen.grids import GRIDS
from tests.frozen.networks import NETWORKS

BY = "made by"  # key of what a file's entries depend on besides the code
LEVELS = 2  # of a file that have a line an entry: designs, and what they have


def record(network: str, design: str, *, plan_alone: bool = False) -> Record:
    """A network on an example. plan_alone: mapped, even if its record is of a run."""
    wanted = NETWORKS[network]
    with TemporaryDirectory() as folder:
        job = wanted.make(Path(folder))
        runs = wanted.runs_on(design) and not plan_alone
        return adapter.ran(job, design) if runs else adapter.mapped(job, design)


def of_network(name: str, designs: Iterable[str]) -> dict[str, Any]:
    return {BY: environment()} | {design: record(name, design) for design in designs}


def of_grid(name: str, designs: Iterable[str]) -> dict[str, Any]:
    """Whatever the designs."""
    return {name: dict(GRIDS[name]())}


def rtlil(design: str) -> dict[str, str]:
    return {name: digest(text) for name, text in adapter.rtlil(design).items()}


def verilog(design: str) -> dict[str, str]:
    return {path: digest(text) for path, text in adapter.verilog(design).items()}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def of_hardware(
    maker: Callable[[], str], hashes: Callable[[str], dict[str, str]], designs: Iterable[str]
) -> dict[str, Any]:
    return {BY: maker()} | {design: hashes(design) for design in designs}


# what a file holds, of the designs that are asked for
PARTS: dict[str, Callable[[Iterable[str]], dict[str, Any]]] = {
    **{f"networks/{name}": partial(of_network, name) for name in NETWORKS},
    **{f"cycles/{name}": partial(of_grid, name) for name in GRIDS},
    "rtlil": partial(of_hardware, adapter.elaborator, rtlil),
    "verilog": partial(of_hardware, adapter.emitter, verilog),
}
TEXTS = {"commands.md": adapter.commands_page, "registers.rdl": adapter.register_map}
