"""Design files: TOML in, `mapping.target.Target` (or TileTarget) out, and back.

Only [array] must be given; what a file leaves out has the value of `examples/ws16_int8.toml`. A key that
is unknown, of the wrong type or out of range is refused under its own name, before anything runs:

    ws16.toml: array.rows is 0; allowed: 1 to 128
    ws16.toml: array.rowz is not a key; allowed: cols, dataflow, rows (did you mean rows?)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden import check, pe
from golden.accelerator.params import AcceleratorParams
from golden.formats.rounding import Rounding
from golden.systolic.params import MatrixUnitParams
from golden.tile.params import TileParams
from golden.vector.requantise import ROUNDINGS
from mapping.target import Design, Target, TileTarget
from systola import pe_table, toml_file, unit_table
from systola.design_schema import Array, File, integer_format

KIB = 1024

# tables that a family has not, but others
FOREIGN = {
    "systolic": {"scratchpad", "units", "unit", "bus", "control"},
    "accelerator": {"requantise", "buffers"},
    "tile": {"accumulators", "requantise", "buffers", "scratchpad", "units", "unit", "bus", "control"},
}

# golden names a parameter by its own block; a user knows it by its key
KEYS = {
    "max_shift": "requantise.max_shift",
    "out.width": "requantise.out",
    "acc.width + 1 + multiplier.width": "requantise: accumulator bits + 1 + multiplier_bits",
    "buffers.weight in bytes": "buffers.weight_kib * 1024",
    "buffers.activation in bytes": "buffers.activation_kib * 1024",
    "pe.weight.width": "width of pe.weight",
    "pe.activation.width": "width of pe.activation",
}


def load(path: str | Path) -> Design:
    """The design in `path`, of any family; BadValue, beginning with the file's name, if it is none."""
    path = Path(path)
    return parse(toml_file.read(path), where=path.name, name=path.stem)


def parse(values: Mapping[str, Any], *, where: str, name: str = "design") -> Design:
    """The design in the tables of a TOML file. where: names the file in errors. name: where it gives none."""
    tables = toml_file.checked(File, {"name": name, **values}, where)
    try:
        return target(tables)
    except check.BadValue as error:
        raise check.BadValue(f"{where}: {renamed(str(error))}") from None


def renamed(message: str) -> str:
    """A message of golden's about a parameter, about the key that sets it."""
    place, _, rest = message.partition(" is ")
    return f"{KEYS.get(place, place)} is {rest}" if rest else message


def target(design: File) -> Design:
    """A checked file's values as parameters; BadValue, from golden, where they cannot be together."""
    check.one_of("requantise.rounding", design.requantise.rounding, ROUNDINGS)
    for table in sorted(FOREIGN[design.family] & design.model_fields_set):
        homes = " or ".join(f'"{family}"' for family in FOREIGN if table not in FOREIGN[family])
        raise check.fail(table, "given", f'a design of family {homes}, not "{design.family}"')
    if design.family == "accelerator":
        return accelerator_target(design)
    if "latency" in design.memory.model_fields_set:
        raise check.fail("memory.latency", "given", 'a design of family "accelerator"')
    if design.family == "tile":
        return tile_target(design)
    return Target(
        name=design.name,
        unit=matrix_unit(design),
        weight_buffer=design.buffers.weight_kib * KIB,
        activation_buffer=design.buffers.activation_kib * KIB,
        bytes_per_cycle=design.memory.bytes_per_cycle,
        clock_mhz=float(design.clock.mhz),
    )


def accelerator_target(design: File) -> Target:
    """A whole accelerator; its scratchpad is all the buffer there is, a word of it what the bus moves."""
    unit = matrix_unit(design)
    allowed = [kind for kind, module in pe.PES.items() if not module.GROUPED]
    check.one_of('pe.kind of a design of family "accelerator"', pe.kind_of(unit.pe), allowed)
    accelerator = AcceleratorParams(
        unit=unit,
        banks=design.scratchpad.banks,
        bank_words=design.scratchpad.bank_words,
        queue=design.units.queue,
        functions=tuple(design.units.functions),
        more=unit_table.params(design.unit),
        outstanding=design.bus.outstanding,
        read_buffer=design.bus.read_buffer,
    )
    check.one_of("memory.bytes_per_cycle", design.memory.bytes_per_cycle, [accelerator.lanes])
    half = accelerator.words * accelerator.lanes // 2
    return Target(
        name=design.name,
        unit=accelerator.unit,
        weight_buffer=half,
        activation_buffer=half,
        bytes_per_cycle=accelerator.lanes,
        clock_mhz=float(design.clock.mhz),
        accelerator=accelerator,
        memory_latency=design.memory.latency,
        host=design.control.host,
    )


def tile_target(design: File) -> TileTarget:
    """A dot-product tile."""
    if design.array.dataflow is not None:
        raise check.fail("array.dataflow", "given", 'a design of family "systolic" or "accelerator"')
    return TileTarget(
        name=design.name,
        tile=TileParams(rows=design.array.rows, cols=design.array.cols, pe=pe_table.params(design.pe)),
        bytes_per_cycle=design.memory.bytes_per_cycle,
        clock_mhz=float(design.clock.mhz),
    )


def matrix_unit(design: File) -> MatrixUnitParams:
    """The parameters of the array, its accumulators and its requantiser, which multipliers alone have."""
    array: Array = design.array
    if array.dataflow is None:
        raise check.fail("array.dataflow", "missing", "it must be given")
    params = pe_table.params(design.pe)
    if "array" not in pe.stands(params):
        raise check.fail("pe.kind", repr(pe.kind_of(params)), 'a design of family "tile"')
    scaled = not pe.module_of(params).GROUPED
    if not scaled and "requantise" in design.model_fields_set:
        kinds = " or ".join(f'"{kind}"' for kind, module in pe.PES.items() if not module.GROUPED)
        raise check.fail("requantise", "given", f"a design with pe.kind = {kinds}")
    return MatrixUnitParams(
        rows=array.rows,
        cols=array.cols,
        dataflow=array.dataflow,
        pe=params,
        scaled=scaled,
        accumulator_rows=design.accumulators.rows,
        accumulator_registers=design.accumulators.registers,
        multiplier_bits=design.requantise.multiplier_bits,
        max_shift=design.requantise.max_shift,
        rounding=Rounding(design.requantise.rounding),
        out=integer_format("requantise.out", design.requantise.out),
        requantise_registers=design.requantise.registers,
    )


def tables(design: Design) -> dict[str, Any]:
    """The values of a design file, every key given."""
    if isinstance(design, TileTarget):
        return tile_tables(design)
    unit = design.unit
    common = {
        "name": design.name,
        "family": "accelerator" if design.accelerator else "systolic",
        "array": {"rows": unit.rows, "cols": unit.cols, "dataflow": unit.dataflow},
        "pe": pe_table.table(unit.pe),
        "accumulators": {"rows": unit.accumulator_rows, "registers": unit.accumulator_registers},
    }
    if design.accelerator:
        return common | accelerator_tables(design.accelerator, design)
    requantise = {
        "out": str(unit.out),
        "multiplier_bits": unit.multiplier_bits,
        "max_shift": unit.max_shift,
        "rounding": str(unit.rounding),
        "registers": unit.requantise_registers,
    }
    return common | {
        **({"requantise": requantise} if unit.scaled else {}),
        "buffers": {
            "weight_kib": design.weight_buffer // KIB,
            "activation_kib": design.activation_buffer // KIB,
        },
        "memory": {"bytes_per_cycle": design.bytes_per_cycle},
        "clock": {"mhz": design.clock_mhz},
    }


def accelerator_tables(p: AcceleratorParams, design: Target) -> dict[str, Any]:
    """The tables that a matrix unit alone has not."""
    return {
        "scratchpad": {"banks": p.banks, "bank_words": p.bank_words},
        "units": {"queue": p.queue, "functions": list(p.functions)},
        **({"unit": unit_table.tables(p)} if p.more else {}),
        "bus": {"outstanding": p.outstanding, "read_buffer": p.read_buffer},
        "control": {"host": design.host},
        "memory": {"bytes_per_cycle": design.bytes_per_cycle, "latency": design.memory_latency},
        "clock": {"mhz": design.clock_mhz},
    }


def tile_tables(design: TileTarget) -> dict[str, Any]:
    """Those of a tile."""
    return {
        "name": design.name,
        "family": "tile",
        "array": {"rows": design.tile.rows, "cols": design.tile.cols},
        "pe": pe_table.table(design.tile.pe),
        "memory": {"bytes_per_cycle": design.bytes_per_cycle},
        "clock": {"mhz": design.clock_mhz},
    }


def dump(design: Design) -> str:
    """The design as TOML text that `load` reads back to an equal one (buffers in whole KiB)."""
    return toml_file.text(tables(design))
