"""Design files of attention engines: read, written, generated; what is wrong in one is named by its key."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from golden.attention import streaming
from golden.check import BadValue
from golden.formats import FP16
from systola import design_file, failures, families, generation
from systola.cli import main

FOLDER = Path(__file__).parents[2] / "examples" / "attention"
EXAMPLES = sorted(FOLDER.glob("*.toml"))
SMALL = """
name = "small"

[control]
kind = "host"

[[unit]]
kind = "attention"
engine = "streaming"
head_dim = {head_dim}
query = "{query}"
{more}
"""


def parse(more="", head_dim=2, query="int8"):
    text = SMALL.format(more=more, head_dim=head_dim, query=query)
    return design_file.parse(tomllib.loads(text), where="small.toml")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_reads_back_what_it_writes(path):
    design = design_file.load(path)
    text = design_file.dump(design)
    assert design_file.parse(tomllib.loads(text), where="again.toml") == design
    assert "family" not in text and design.family == "attention"
    assert families.parts_of(design) == ("unit", "all")


def test_keys_are_golden_s_parameters():
    more = (
        'key = "int4"\nvalue = "int16"\ninterleave = 3\nregisters = 2\nscore = 14\nout = "bf16"\nbehind = 9'
    )
    p = parse(more).engine
    assert isinstance(p, streaming.Params)
    assert [str(fmt) for fmt in (p.arithmetic.query, p.arithmetic.key, p.arithmetic.value)] == [
        "int8",
        "int4",
        "int16",
    ]
    assert (p.interleave, p.registers, p.arithmetic.score.width, str(p.out), p.waiting) == (
        3,
        2,
        14,
        "bf16",
        9,
    )


def test_fp16_has_weights_as_wide_as_its_sums_take():
    p = parse(query="fp16").engine
    assert p.arithmetic.value == FP16 and p.arithmetic.weight_bits == p.mantissa_bits == 23


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("rows = 4", "small.toml: unit.0.rows is not a key; allowed: behind, degree, engine, "),
        ("dot_fraction = 20", "small.toml: unit.0.dot_fraction is not a key"),
        ('interleave = "4"', "small.toml: unit.0.interleave is '4'; allowed: a whole number"),
        ("out = 16", "small.toml: unit.0.out is 16; allowed: text in quotes"),
        ("interleave = 0", "small.toml: unit.0.interleave is 0; allowed: 1 to 64"),
        ("key = 4", "small.toml: unit.0.key is 4; allowed: text in quotes"),
        ("value = [4]", "small.toml: unit.0.value is [4]; allowed: text in quotes"),
        ("exponent_bits = 8", "small.toml: unit.0: octaves of a score, without a maximum, in sums of 8 bits"),
        ('key = "int99"', "small.toml: unit.0.key is 'int99'; allowed: int1 to int64"),
        ('value = "fp16"', "fp16"),
    ],
)
def test_what_is_wrong_is_named(more, message):
    with pytest.raises(BadValue) as raised:
        parse(more)
    assert message in str(raised.value)


def test_an_engine_that_is_not_there_and_a_program_are_refused():
    values = tomllib.loads(SMALL.format(more="", head_dim=2, query="int8"))
    values["unit"][0]["engine"] = "other"
    with pytest.raises(BadValue, match=r"unit\.0\.engine is 'other'; allowed: streaming, sliding_window"):
        design_file.parse(values, where="small.toml")
    values["control"]["kind"] = "program"
    with pytest.raises(BadValue, match="unit is 0 of kind matrix or tile; allowed: one"):
        design_file.parse(values, where="small.toml")


def test_no_network_is_mapped_onto_it(tmp_path):
    for command in ("map", "run"):
        result = CliRunner().invoke(main, [command, "net.onnx", "--on", str(EXAMPLES[0])])
        assert result.exit_code == failures.WRONG and result.stdout == ""
        assert (
            "an attention unit alone, which takes jobs; allowed: a design that runs networks" in result.stderr
        )


@pytest.mark.parametrize(
    ("more", "query", "message"),
    [
        ('key = "int8"', "fp16", "key is int8; allowed: fp16"),
        ('value = "int8"', "fp16", "value is int8; allowed: fp16"),
        ('key = ["int8"]', "int8", "unit.0.key is ['int8']; allowed: text in quotes"),
        ("places = 1", "int8", "unit.0.places is 1; allowed: 2 to 64 (fewer take more"),
        ("behind = 4", "int8", "unit.0.behind is 4; allowed: 5 to 64"),
        ("value = 8", "int8", "unit.0.value is 8; allowed: text in quotes"),
        ('out = "fp99"', "int8", "unit.0.out is 'fp99'; allowed: int1"),
    ],
)
def test_what_no_engine_of_a_design_has_is_named(more, query, message):
    """Of FP16, formats of keys and values were once what the query's was, whatever the file said; an engine
    with a place less had a testbench that failed."""
    with pytest.raises(BadValue) as raised:
        parse(more, query=query)
    assert message in str(raised.value)


WINDOW = 'engine = "sliding_window"\nkeys = 6'


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("keys = 1", "keys is 1; allowed: 2 to 65536"),
        ('organisation = "rows"', "organisation is 'rows'; allowed: dimensions, keys"),
        ("sinks = 1", "unit.0.sinks is 1; allowed: true or false"),
        ("interleave = 4", "unit.0.interleave is not a key; allowed: degree, divide_lanes, "),
        ("divide_lanes = 3", "divide_lanes is 3; allowed: 1 to 2"),
        ('value = "int16"', "value.width + out_fraction is 24; allowed: 2 to 18"),
    ],
)
def test_what_is_wrong_of_a_window_is_named(more, message):
    text = SMALL.format(more=more, head_dim=2, query="int8").replace('"streaming"', '"sliding_window"')
    with pytest.raises(BadValue) as raised:
        design_file.parse(tomllib.loads(text), where="small.toml")
    assert message in str(raised.value)


@pytest.mark.rtl
@pytest.mark.parametrize("more", ["divide_lanes = 2", 'organisation = "keys"'], ids=["dimensions", "keys"])
def test_a_window_s_testbench_passes_on_icarus(more, tmp_path, has):
    from tests.systola.test_generate import run_on_icarus

    has("icarus")
    text = SMALL.format(more=more, head_dim=2, query="int8").replace('engine = "streaming"', WINDOW)
    (tmp_path / "small.toml").write_text(text)
    generation.generate(tmp_path / "small.toml", tmp_path / "out")
    assert run_on_icarus(tmp_path / "out", "small").startswith("PASS")
    page = (tmp_path / "out" / "small.md").read_text()
    assert "| unit.0.keys | 6 |" in page and "# small: sliding-window attention, 6 keys of 2" in page


@pytest.mark.rtl
@pytest.mark.parametrize("query", ["int8", "fp16"])
def test_the_folder_s_testbench_passes_on_icarus(query, tmp_path, has):
    from tests.systola.test_generate import run_on_icarus

    has("icarus")
    (tmp_path / "small.toml").write_text(SMALL.format(more="", head_dim=2, query=query))
    made = generation.generate(tmp_path / "small.toml", tmp_path / "out")
    assert set(made.files) == {"rtl/small.v", "tb/small_tb.v", "small.core", "small.md", "small.toml"}
    assert run_on_icarus(tmp_path / "out", "small").startswith("PASS")
    page = (tmp_path / "out" / "small.md").read_text()
    assert "| unit.0.interleave | 4 |" in page and "streaming attention engine of 2 elements" in page
