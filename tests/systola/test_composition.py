"""A design file that names its units is the same design as its shorthand, and its own keys are named."""

import copy
import tomllib
from pathlib import Path

import pytest

from golden.check import BadValue
from systola import composition, design_file
from systola.design_schema import FamilyFile

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
HOST = {
    "name": "small",
    "unit": [{"kind": "matrix", "rows": 4, "cols": 4, "dataflow": "weight", "pe": {"weight": "int4"}}],
}
PROGRAM = {
    "name": "small",
    "control": {"kind": "program", "host": True, "queue": 4},
    "unit": [
        {"kind": "vector", "functions": ["gelu"]},
        {"kind": "matrix", "rows": 8, "cols": 8, "dataflow": "weight", "pe": {"group": 1024}},
    ],
    "scratchpad": {"banks": 4, "bank_words": 512},
    "memory": {"bytes_per_cycle": 8},
}


def composed(path: Path) -> dict:
    """The tables of an example that names its units."""
    values = {"name": path.stem, **tomllib.loads(path.read_text())}
    return composition.expanded(FamilyFile.model_validate(values)).model_dump(exclude_unset=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_shorthand_of_a_composition(path):
    tables = composed(path)
    assert "family" not in tables and all("kind" in unit for unit in tables["unit"])
    assert design_file.parse(tables, where="x.toml") == design_file.load(path)


def test_units_stand_in_any_order_and_control_says_who_runs_them():
    host, program = (design_file.parse(each, where="x.toml") for each in (HOST, PROGRAM))
    assert (host.family, host.unit.pe.weight.width) == ("systolic", 4)
    assert (program.family, program.host, program.accelerator.queue) == ("accelerator", True, 4)
    assert program.accelerator.functions == ("gelu",)


@pytest.mark.parametrize("shorthand", [False, True])
def test_attention_is_a_further_unit_of_a_program_and_a_host_s_own(shorthand):
    unit = {"kind": "attention", "keys": 128}
    given = PROGRAM | {"unit": [*PROGRAM["unit"], unit]}
    if shorthand:
        family = tomllib.loads((EXAMPLES[0].parent / "accelerator16_int8.toml").read_text())
        given = family | {"unit": [unit]}
    made = design_file.parse(given, where="x.toml")
    assert [each.keys for each in made.accelerator.more] == [128]
    assert design_file.parse(tomllib.loads(design_file.dump(made)), where="x.toml") == made
    alone = {"name": "a", "unit": [{"kind": "attention", "engine": "streaming", "head_dim": 4}]}
    assert design_file.parse(alone, where="x.toml").family == "attention"


@pytest.mark.parametrize(
    ("base", "changes", "wanted"),
    [
        (HOST, {"control": {"kind": "both"}}, 'control.kind is "both"; allowed: host, program'),
        (HOST, {"control": {"kind": "program"}},
         'unit is 0 of kind vector; allowed: one with control.kind = "program", none with "host"'),
        (HOST, {"unit": []}, "unit is 0 of kind matrix, tile or attention; allowed: one"),
        (HOST, {"scratchpad": {}}, 'scratchpad is given; allowed: a design with control.kind = "program"'),
        (HOST, {"array": {"rows": 4, "cols": 4}},
         "array is not a key; allowed: bus, clock, control, memory, name, scratchpad, unit"),
        (PROGRAM, {"control": {"kind": "host"}},
         'unit is 1 of kind vector; allowed: one with control.kind = "program", none with "host"'),
        (HOST, {"memory": {"latency": 4}},
         'memory.latency is given; allowed: a design with control.kind = "program"'),
        (PROGRAM, {"memory": {"bytes_per_cycle": 4}}, "memory.bytes_per_cycle is 4; allowed: 8"),
        (PROGRAM, {"control": {"kind": "program", "queue": 1}}, "control.queue is 1; allowed: 2 to 64"),
        (PROGRAM, {"bus": {"outstanding": 3}}, "bus.outstanding is 3; allowed: 2, 4, 8, 16, 32, 64"),
        (PROGRAM, {"unit": [*PROGRAM["unit"], {"kind": ["dma"]}]},
         "unit.2.kind is ['dma']; allowed: attention"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_named(base, changes, wanted):
    with pytest.raises(BadValue) as refused:
        design_file.parse({"control": {"kind": "host"}} | base | changes, where="x.toml")
    assert str(refused.value) == f"x.toml: {wanted}"


@pytest.mark.parametrize(
    ("base", "place", "changes", "wanted"),
    [
        (HOST, 0, {"rows": 0}, "unit.0.rows is 0; allowed: 1 to 128"),
        (HOST, 0, {"rowz": 4},
         "unit.0.rowz is not a key; allowed: accumulators, buffers, cols, dataflow, kind, pe, requantise, "
         "rows (did you mean rows?)"),
        (HOST, 0, {"pe": {"weight": "int99"}},
         "unit.0.pe.weight is 'int99'; allowed: int1 to int32, uint1 to uint32"),
        (HOST, 0, {"requantise": {"rounding": "up"}},
         "unit.0.requantise.rounding is 'up'; allowed: half_up, half_even, half_away"),
        (PROGRAM, 1, {"cols": 4}, "unit.1.cols is 4; allowed: 8"),
        (PROGRAM, 1, {"buffers": {}},
         'unit.1.buffers is given; allowed: a design with control.kind = "host"'),
        (PROGRAM, 0, {"functions": "gelu"}, 'unit.0.functions is "gelu"; allowed: a list'),
        (PROGRAM, 0, {"functions": ["tanh", "gelu", "tanh"]},
         "unit.0.functions is tanh twice; allowed: each function once"),
        (PROGRAM, 0, {"functions": ["gelo"]},
         "unit.0.functions is 'gelo'; allowed: gelu, silu, sigmoid, tanh, relu, relu6, leaky_relu"),
        (PROGRAM, 1, {"pe": 4}, "unit.1.pe is 4; allowed: a table"),
    ],
)  # fmt: skip
def test_a_units_key_is_named_at_its_place(base, place, changes, wanted):
    tables = copy.deepcopy(base)
    tables["unit"][place] |= changes
    with pytest.raises(BadValue) as refused:
        design_file.parse(tables, where="x.toml")
    assert str(refused.value) == f"x.toml: {wanted}"


ODD = (None, "", "x", "int8", 0, -1, 3, 1 << 64, 1.5, float("nan"), True, [], ["x"], [{}], {}, {"x": 1})


def keys(table, above=()):
    """Where each value of nested tables stands."""
    entries = table.items() if isinstance(table, dict) else enumerate(table)
    for key, value in entries:
        yield (*above, key)
        if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
            yield from keys(value, (*above, key))


def with_value(tables, place, value):
    """A copy with another value at a place; None: with nothing there."""
    found = copy.deepcopy(tables)
    home = found
    for key in place[:-1]:
        home = home[key]
    home[place[-1]] = value
    if value is None:
        del home[place[-1]]
    return found


BASES = {
    **{path.stem: design_file.tables(design_file.load(path)) for path in EXAMPLES
       if path.stem in ("ws16_int8", "tile8_bitmod_fp4", "accelerator16_int8")},
    "host": HOST | {"control": {"kind": "host"}}, "program": PROGRAM,
}  # fmt: skip


@pytest.mark.parametrize("base", BASES)
def test_any_value_at_any_place_makes_a_design_or_is_refused_by_the_name_of_its_file(base):
    for place in keys(BASES[base]):
        for value in ODD:
            tables = with_value(BASES[base], place, value)
            try:
                made = design_file.parse(tables, where="x.toml", name="x")
            except BadValue as refused:
                assert str(refused).startswith("x.toml: ") and "Input should" not in str(refused), refused
            else:
                assert design_file.parse(tomllib.loads(design_file.dump(made)), where="x.toml") == made
