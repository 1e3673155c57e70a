"""The only module here that knows the code under test: whoever changes its Python API edits this file.

Figures go by the names of mapping.result, in the files as in the code.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import systola
from golden.accelerator import assembler, multiply_cycles
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import system_rdl
from golden.accelerator.timing import predict
from golden.accelerator.units import load, store, vector
from golden.check import BadValue
from golden.formats import parse
from golden.pe import tiled
from golden.pe.multiplier import MultiplierParams
from golden.systolic.cycles import cycles, longest_stream, rows_needed
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import MatrixUnitParams
from golden.tile import cycles as tile_cycles
from golden.tile.params import TileParams
from hw import blocks, yosys
from hw.emit import Definition, reachable
from mapping.target import TileTarget
from systola import design_file, generation

ROOT = Path(__file__).parents[2]
DESIGNS = {path.stem: path for path in sorted((ROOT / "examples").glob("*.toml"))}
WITH_GROUPS = {name for name, path in DESIGNS.items() if 'family = "tile"' in (text := path.read_text())
               or 'kind = "multiplier"' not in text}  # fmt: skip
# of a row and of the total; the shapes are the network's own, and `tiles` follows from what is here
FIGURES = ("operator", "count", "unit", "macs", "groups", "commands", "compute_cycles", "cycles",
           "ended", "utilisation", "losses", "bound", "bytes_read", "bytes_written",
           "shared_bytes", "energy_pj", "digest", "error", "cosine", "layers", "macs_on_host",
           "host_operators", "milliseconds", "program_bytes", "memory_bytes")  # fmt: skip
Figures = dict[str, Any]
Record = dict[str, Figures]  # by entry: "total", "outputs", "layer NAME", "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A network's file, and what the command line would say about it. inputs: arrays by name."""

    path: Path
    tokens: int | None = None
    inputs: Mapping[str, np.ndarray] | None = None


def mapped(job: Job, design: str) -> Record:
    """`systola map`."""
    try:
        return record(systola.map(job.path, on=DESIGNS[design], tokens=job.tokens))
    except BadValue as refusal:
        return {"refused": {"map": str(refusal)}}


def ran(job: Job, design: str) -> Record:
    """`systola run` by the engine `model`, and what `map` says where that is refused."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = {}
        for key, values in (job.inputs or {}).items():
            files[key] = folder / f"{key}.npy"
            np.save(files[key], values)
        try:
            result = systola.run(job.path, on=DESIGNS[design], engine="model", inputs=files,
                                 tokens=job.tokens, write_to=folder / "out.npz")  # fmt: skip
        except BadValue as refusal:
            found = mapped(job, design)
            return found | {"refused": {"run": str(refusal), **found.get("refused", {})}}
        with np.load(folder / "out.npz") as outputs:
            digests = {key: digest_of(outputs[key]) for key in outputs.files}
        return record(result) | {"outputs": digests}


def digest_of(values: np.ndarray) -> str:
    """Type, shape and the hash of an array's values."""
    data = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<")))
    return f"{values.dtype.name} {list(values.shape)} {hashlib.sha256(data.tobytes()).hexdigest()[:16]}"


def record(result: Mapping[str, Any]) -> Record:
    """The figures of a result, layer by layer; a name that comes again gets a number."""
    found: Record = {"total": figures(result["total"])}
    for row in result["layers"]:
        name, number = f"layer {row['name']}", 1
        while (entry := name if number == 1 else f"{name} #{number}") in found:
            number += 1
        found[entry] = figures(row)
    return found


def figures(values: Mapping[str, Any]) -> Figures:
    """Those of FIGURES that are there, in its order; floats to nine digits, losses without zeros."""
    return {key: rounded(values[key]) for key in FIGURES if key in values}


def rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items() if each}
    return float(f"{value:.9g}") if isinstance(value, float) else value


# hardware


def definition(design: str) -> Definition:
    """The top module of a design."""
    target = design_file.load(DESIGNS[design])
    if isinstance(target, TileTarget) or target.accelerator is None:
        return blocks.definition(target.block)
    from hw.accelerator.accelerator import definition as accelerator

    return accelerator(target.accelerator)


def rtlil(design: str) -> dict[str, str]:
    """Amaranth's RTLIL of each definition of a design, without places in the source, by its name."""
    return {each.name: each.rtlil() for each in reachable(definition(design))}


def verilog(design: str) -> dict[str, str]:
    """The Verilog files that `systola generate` writes of a design, by path."""
    texts = generation.contents(design_file.load(DESIGNS[design]))
    return {path: text for path, text in texts.items() if path.endswith(".v")}


def elaborator() -> str:
    """What makes RTLIL."""
    return f"amaranth {metadata.version('amaranth')}"


def emitter() -> str:
    """What makes Verilog of RTLIL."""
    return f"{yosys.package()} {metadata.version(yosys.package())}"


def commands_page() -> str:
    """docs/commands.md."""
    return assembler.page()


def register_map() -> str:
    """The reference accelerator's, in SystemRDL."""
    return system_rdl(AcceleratorParams())


# cycles of golden's formulas; every argument is a number or a name


def matrix_unit(
    dataflow: str, rows: int, cols: int, accumulator_rows: int, scaled: bool,
    shape: tuple[int, int, int, int], stream: int, columns_first: bool,
) -> Figures:  # fmt: skip
    """shape: batch, m, n, k of the product."""
    p = MatrixUnitParams(rows=rows, cols=cols, dataflow=dataflow, accumulator_rows=accumulator_rows,
                         scaled=scaled)  # fmt: skip
    batch, m, n, k = shape
    tiling = Tiling(stream=stream, columns_first=columns_first)
    found = cycles(Schedule(p, Gemm(batch=batch, m=m, n=n, k=k), tiling))
    return {
        "cycles": int(found), "rows_needed": int(rows_needed(p, stream)),
        "longest_stream": int(longest_stream(p)),
    }  # fmt: skip


def tile(design: str, groups: int) -> int:
    """Of a design file's tile."""
    target = design_file.load(DESIGNS[design])
    assert isinstance(target, TileTarget)
    return int(tile_cycles.cycles(target.tile, groups))


def pe(design: str) -> Figures:
    """Of a design file's PE, in a tile."""
    from golden import pe as table

    target = design_file.load(DESIGNS[design])
    p = target.tile.pe if isinstance(target, TileTarget) else target.unit.pe
    found = {"latency": table.module_of(p).latency(p), "lanes": tiled.lanes(p), "interval": tiled.interval(p),
             "finish": tiled.finish_cycles(p)}  # fmt: skip
    if p.group <= 256:  # groups
        found["one group on 2x3"] = tile_cycles.cycles(TileParams(rows=2, cols=3, pe=p), 1)
    return {key: int(value) for key, value in found.items()}


def accelerator(lanes: int, weight: str = "int8") -> AcceleratorParams:
    unit = MatrixUnitParams(rows=lanes, cols=lanes, pe=MultiplierParams(weight=parse(weight), group=32768))
    return AcceleratorParams(unit=unit)


def command(opcode: str, given: Mapping[str, int]) -> dict[str, int]:
    """All fields of a command."""
    return {each.name: each.least or 0 for each in Opcode.members()[opcode].fields} | dict(given)


def move(opcode: str, lanes: int, latency: int, given: Mapping[str, int]) -> int:
    """LOAD, FILL, GATHER (rows 0, 2, 4...), STORE."""
    p, fields = accelerator(lanes), command(opcode, given)
    if opcode == "STORE":
        return int(store.cycles(p, fields, latency))
    numbers = [2 * row for row in range(fields["count1"])] if opcode == "GATHER" else []
    return int(load.cycles(p, Opcode.members()[opcode], fields, latency, numbers))


def multiply(lanes: int, weight: str, given: Mapping[str, int], times: int) -> int:
    """A command `times` times."""
    return int(multiply_cycles.cycles(accelerator(lanes, weight), [command("MULTIPLY", given)] * times))


def vector_unit(opcode: str, lanes: int, given: Mapping[str, int]) -> int:
    """MAP, TABLE, EXPONENTIAL, NORMALISE."""
    return int(vector.cycles(accelerator(lanes), Opcode.members()[opcode], command(opcode, given)))


def program(text: str, lanes: int, latency: int) -> Figures:
    """A program in words, start to interrupt."""
    found = predict(accelerator(lanes), assembler.assemble(text), latency, latency)
    return {"cycles": int(found.cycles), **{name: int(lost) for name, lost in found.losses.items()}}
