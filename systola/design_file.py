"""Design files: TOML in, `mapping.target.Target` (or TileTarget, AttentionTarget) out, and back.

A file names its units, or a family: a shorthand (systola.composition). What it leaves out has the value of
`examples/ws16_int8.toml`. A key that is unknown, of the wrong type or out of range is refused under its own
name, before anything runs:

    ws16.toml: array.rows is 0; allowed: 1 to 128
    ws16.toml: array.rowz is not a key; allowed: cols, dataflow, rows (did you mean rows?)
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from golden import check, pe
from golden.accelerator.params import AcceleratorParams
from golden.formats.rounding import Rounding
from golden.pe import counted
from golden.systolic.params import MatrixUnitParams
from golden.tile.params import TileParams
from golden.vector.functions import FUNCTIONS
from golden.vector.requantise import ROUNDINGS
from mapping.target import AttentionTarget, Design, Target, TileTarget
from systola import attention_table, composition, pe_table, toml_file, unit_table
from systola.composition import Units
from systola.design_schema import AttentionTable, CompositionFile, MatrixTable, TileTable, integer_format

KIB = 1024
WEIGHT_BITS = 8  # of an accelerator: a weight stands in a byte of a word

# golden names a parameter by its own block; a user knows it by its key
KEYS = {
    "max_shift": "requantise.max_shift",
    "out.width": "requantise.out",
    "acc.width + 1 + multiplier.width": "requantise: accumulator bits + 1 + multiplier_bits",
    "buffers.weight in bytes": "buffers.weight_kib * 1024",
    "buffers.activation in bytes": "buffers.activation_kib * 1024",
    "buffer": "bus.read_buffer",
    "outstanding": "bus.outstanding",
    "queue": "units.queue",
    "pe.weight.width": "width of pe.weight",
    "pe.activation.width": "width of pe.activation",
}


def load(path: str | Path) -> Design:
    """The design in `path`, of any family; BadValue, beginning with the file's name, if it is none."""
    path = Path(path)
    return parse(toml_file.read(path), where=path.name, name=path.stem)


def parse(values: Mapping[str, Any], *, where: str, name: str = "design") -> Design:
    """The design in the tables of a TOML file. where: names the file in errors. name: where it gives none."""
    try:
        design, added = composition.read({"name": name, **values}, where)
        units = composition.units_of(design, added)
    except check.BadValue as error:
        raise check.BadValue(f"{where}: {str(error).removeprefix(f'{where}: ')}") from None
    try:
        return target(design, units)
    except check.BadValue as error:
        raise check.BadValue(f"{where}: {units.renamed(renamed(str(error)))}") from None


def renamed(message: str) -> str:
    """A message of golden's about a parameter, about the key that sets it."""
    place, _, rest = message.partition(" is ")
    return f"{KEYS.get(place, place)} is {rest}" if rest else message


def target(design: CompositionFile, units: Units) -> Design:
    """A checked file's values as parameters; BadValue, from golden, where they cannot be together."""
    control, kind = design.control.kind, units.array.kind
    if (control, kind) not in BUILDERS:
        allowed = " or ".join(f"{each} with a {array} unit" for each, array in BUILDERS)
        raise check.fail("control.kind", f"{control} with a {kind} unit", allowed)
    return BUILDERS[control, kind](design, units)


def matrix_target(design: CompositionFile, units: Units) -> Target:
    """A matrix unit and a host."""
    unit = units.array
    assert isinstance(unit, MatrixTable)
    return Target(
        name=design.name,
        unit=matrix_unit(unit),
        weight_buffer=unit.buffers.weight_kib * KIB,
        activation_buffer=unit.buffers.activation_kib * KIB,
        bytes_per_cycle=design.memory.bytes_per_cycle,
        clock_mhz=float(design.clock.mhz),
    )


def accelerator_target(design: CompositionFile, units: Units) -> Target:
    """A whole accelerator; its scratchpad is all the buffer there is, a word of it what the bus moves."""
    assert isinstance(units.array, MatrixTable) and units.vector is not None
    for table in sorted({"requantise", "buffers"} & units.array.model_fields_set):
        raise check.fail(table, "given", 'a design with control.kind = "host"')
    unit = matrix_unit(units.array)
    if "accelerator" not in pe.stands(unit.pe):
        sums = f"{pe.kind_of(unit.pe)} with sums in {unit.pe.accumulator}"
        raise check.fail("pe", sums, f"one that adds up integers' products in {pe.WIDEST} bits")
    if not counted.plain(unit.pe) and unit.pe.weight.width > WEIGHT_BITS:
        words = f"{pe.kind_of(unit.pe)} with weights of {unit.pe.weight.width} bits"
        raise check.fail("pe", words, f"{WEIGHT_BITS} bits or fewer for all that a weight carries")
    check_functions(units.vector.functions)
    accelerator = AcceleratorParams(
        unit=unit,
        banks=design.scratchpad.banks,
        bank_words=design.scratchpad.bank_words,
        queue=design.control.queue,
        functions=tuple(units.vector.functions),
        more=unit_table.params(units.more),
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


def check_functions(names: Sequence[str]) -> None:
    """BadValue for a name that no piecewise polynomial of 16-bit codes has, or that comes again."""
    for place, name in enumerate(names):
        check.one_of("units.functions", name, [each for each, kind in FUNCTIONS.items() if not kind.unit])
        if name in names[:place]:
            raise check.fail("units.functions", f"{name} twice", "each function once")


def tile_target(design: CompositionFile, units: Units) -> TileTarget:
    """A dot-product tile and a host."""
    unit = units.array
    assert isinstance(unit, TileTable)
    return TileTarget(
        name=design.name,
        tile=TileParams(rows=unit.rows, cols=unit.cols, pe=pe_table.params(unit.pe)),
        bytes_per_cycle=design.memory.bytes_per_cycle,
        clock_mhz=float(design.clock.mhz),
    )


def attention_target(design: CompositionFile, units: Units) -> AttentionTarget:
    """An attention engine, whose streams a host feeds."""
    unit = units.array
    assert isinstance(unit, AttentionTable)
    engine = attention_table.params(unit.model_dump(exclude={"kind"}), f"unit.{units.place}")
    return AttentionTarget(
        name=design.name,
        engine=engine,
        bytes_per_cycle=design.memory.bytes_per_cycle,
        clock_mhz=float(design.clock.mhz),
    )


BUILDERS: dict[tuple[str, str], Callable[[CompositionFile, Units], Design]] = {
    ("host", "matrix"): matrix_target,
    ("host", "tile"): tile_target,
    ("host", "attention"): attention_target,
    ("program", "matrix"): accelerator_target,
}


def matrix_unit(unit: MatrixTable) -> MatrixUnitParams:
    """The parameters of the array, its accumulators and its requantiser, which multipliers alone have."""
    check.one_of("requantise.rounding", unit.requantise.rounding, ROUNDINGS)
    if unit.dataflow is None:
        raise check.fail("array.dataflow", "missing", "it must be given")
    params = pe_table.params(unit.pe)
    if "array" not in pe.stands(params):
        raise check.fail("pe.kind", repr(pe.kind_of(params)), 'a design of family "tile"')
    scaled = not pe.module_of(params).GROUPED
    if not scaled and "requantise" in unit.model_fields_set:
        kinds = " or ".join(f'"{kind}"' for kind, module in pe.PES.items() if not module.GROUPED)
        raise check.fail("requantise", "given", f"a design with pe.kind = {kinds}")
    return MatrixUnitParams(
        rows=unit.rows,
        cols=unit.cols,
        dataflow=unit.dataflow,
        pe=params,
        scaled=scaled,
        accumulator_rows=unit.accumulators.rows,
        accumulator_registers=unit.accumulators.registers,
        multiplier_bits=unit.requantise.multiplier_bits,
        max_shift=unit.requantise.max_shift,
        rounding=Rounding(unit.requantise.rounding),
        out=integer_format("requantise.out", unit.requantise.out),
        requantise_registers=unit.requantise.registers,
    )


def tables(design: Design) -> dict[str, Any]:
    """The values of a design file, every key given, by its family, or by its units where no family is a
    shorthand for these."""
    family = {"family": design.family} if design.family in composition.SHORTHANDS else {}
    return {"name": design.name, **family, **TABLES[design.family](design)}


def array_tables(design: Target) -> dict[str, Any]:
    """The tables of a systolic array, whatever is around it."""
    unit = design.unit
    return {
        "array": {"rows": unit.rows, "cols": unit.cols, "dataflow": unit.dataflow},
        "pe": pe_table.table(unit.pe),
        "accumulators": {"rows": unit.accumulator_rows, "registers": unit.accumulator_registers},
    }


def matrix_tables(design: Target) -> dict[str, Any]:
    """The tables of a matrix unit with a host."""
    unit = design.unit
    requantise = {
        "out": str(unit.out),
        "multiplier_bits": unit.multiplier_bits,
        "max_shift": unit.max_shift,
        "rounding": str(unit.rounding),
        "registers": unit.requantise_registers,
    }
    return array_tables(design) | {
        **({"requantise": requantise} if unit.scaled else {}),
        "buffers": {
            "weight_kib": design.weight_buffer // KIB,
            "activation_kib": design.activation_buffer // KIB,
        },
        "memory": {"bytes_per_cycle": design.bytes_per_cycle},
        "clock": {"mhz": design.clock_mhz},
    }


def accelerator_tables(design: Target) -> dict[str, Any]:
    """The tables of an accelerator."""
    p = design.accelerator
    assert p is not None
    return array_tables(design) | {
        "scratchpad": {"banks": p.banks, "bank_words": p.bank_words},
        "units": {"queue": p.queue, "functions": list(p.functions)},
        **({"unit": unit_table.tables(p)} if p.more else {}),
        "bus": {"outstanding": p.outstanding, "read_buffer": p.read_buffer},
        "control": {"host": design.host},
        "memory": {"bytes_per_cycle": design.bytes_per_cycle, "latency": design.memory_latency},
        "clock": {"mhz": design.clock_mhz},
    }


def tile_tables(design: TileTarget) -> dict[str, Any]:
    """The tables of a tile with a host."""
    return {
        "array": {"rows": design.tile.rows, "cols": design.tile.cols},
        "pe": pe_table.table(design.tile.pe),
        "memory": {"bytes_per_cycle": design.bytes_per_cycle},
        "clock": {"mhz": design.clock_mhz},
    }


def attention_tables(design: AttentionTarget) -> dict[str, Any]:
    """The tables of an attention engine with a host."""
    return {
        "control": {"kind": "host"},
        "unit": [{"kind": "attention", **attention_table.table(design.engine)}],
        "memory": {"bytes_per_cycle": design.bytes_per_cycle},
        "clock": {"mhz": design.clock_mhz},
    }


TABLES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "systolic": matrix_tables,
    "accelerator": accelerator_tables,
    "tile": tile_tables,
    "attention": attention_tables,
}


def dump(design: Design) -> str:
    """The design as TOML text that `load` reads back to an equal one (buffers in whole KiB)."""
    return toml_file.text(tables(design))
