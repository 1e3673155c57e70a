"""A generated folder: all in it, the same twice, taken by other tools, and right when they run it."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from golden import streams
from golden.check import BadValue
from golden.systolic import description, matrix_unit, words
from golden.systolic.cycles import cycles
from golden.systolic.gemm import Gemm, Schedule, Tiling
from mapping.target import Target, TileTarget
from systola import design_file, testbench
from systola.generation import generate

pytestmark = pytest.mark.rtl

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = """
name = "small"
[array]
rows = 3
cols = 2
dataflow = "{dataflow}"
[accumulators]
rows = 64
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    path = tmp_path_factory.mktemp("design") / "small.toml"
    path.write_text(SMALL.format(dataflow="weight"))
    return path


@pytest.fixture(scope="module")
def made(design, tmp_path_factory):
    return generate(design, tmp_path_factory.mktemp("made") / "small")


def test_the_folder_holds_what_the_manifest_says(made):
    found = {str(path.relative_to(made.folder)) for path in made.folder.rglob("*") if path.is_file()}
    names = {"rtl/small.v", "tb/small_tb.v", "small.core", "small.md", "small.toml"}
    assert found == names | {"manifest.json"}
    assert set(json.loads((made.folder / "manifest.json").read_text())["files"]) == names


def test_the_hashes_are_those_of_the_files(made):
    for name, kept in made.manifest["files"].items():
        assert hashlib.sha256((made.folder / name).read_bytes()).hexdigest() == kept["sha256"]


def test_two_runs_give_the_same_bytes(made, design, tmp_path):
    again = generate(design, tmp_path / "elsewhere")
    for path in (path for path in made.folder.rglob("*") if path.is_file()):
        assert (again.folder / path.relative_to(made.folder)).read_bytes() == path.read_bytes()


def test_the_design_in_the_folder_is_the_design(made, design):
    assert design_file.load(made.folder / "small.toml") == design_file.load(design)


def test_the_verilog_begins_with_its_parameters(made):
    head = (made.folder / "rtl/small.v").read_text().split("\nmodule")[0]
    assert "array.rows                       3" in head
    assert made.top in head


def test_the_core_is_capi2_and_its_files_exist(made):
    text = (made.folder / "small.core").read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text)
    assert core["name"].startswith("systola:systolic:small:")
    for fileset in core["filesets"].values():
        assert all((made.folder / name).is_file() for name in fileset["files"])


def test_every_target_of_the_core_has_a_top_that_is_there(made):
    core = yaml.safe_load((made.folder / "small.core").read_text())
    assert set(core["targets"]) == {"default", "lint", "sim"}
    for target in core["targets"].values():
        texts = [
            (made.folder / name).read_text()
            for fileset in target["filesets"]
            for name in core["filesets"][fileset]["files"]
        ]
        assert any(f"module {target['toplevel']}" in text for text in texts)


def test_the_document_gives_every_fields_bits(made):
    text = (made.folder / "small.md").read_text()
    for stream, fields in words.fields(design_file.load(made.folder / "small.toml").unit).items():
        assert f"[{streams.bits(fields) - 1}:" in text
        assert all(f"| `{stream}` | {field} | {width} | {lanes} |" in text for field, width, lanes in fields)


@pytest.mark.parametrize("dataflow", ["weight", "input", "output"])
def test_the_documents_formula_is_goldens_count(dataflow, tmp_path):
    (tmp_path / "small.toml").write_text(SMALL.format(dataflow=dataflow))
    unit = design_file.load(tmp_path / "small.toml").unit
    schedule = Schedule(unit, Gemm(m=7, n=5, k=11), Tiling(stream=4))
    counts = [int(count) for count in schedule.counts()]
    constant = sum(int(number) for number in re.findall(r"(?:= |\+ )(\d+)", description.formula(unit)))
    inner, alone = (counts[1:], counts[0]) if dataflow == "output" else (counts[:-1], counts[-1])
    assert constant + alone + sum(max(count, unit.rows) for count in inner) == cycles(schedule)


def run_on_icarus(folder: Path, name: str) -> str:
    if shutil.which("iverilog") is None:
        pytest.skip("iverilog is not on PATH")
    model = folder / "model.vvp"
    sources = [str(folder / "rtl" / f"{name}.v"), str(folder / "tb" / f"{name}_tb.v")]
    subprocess.run(
        ["iverilog", "-g2005-sv", "-Wall", "-o", str(model), *sources], check=True, capture_output=True
    )
    return subprocess.run(["vvp", str(model)], check=True, capture_output=True, text=True).stdout


def is_quick(path: Path) -> bool:
    """Multipliers; Icarus takes long over whole arrays and tiles of the other PEs."""
    design = design_file.load(path)
    return isinstance(design, Target) and design.unit.scaled


DESIGNS = {path: design_file.load(path) for path in sorted(EXAMPLES.glob("*.toml"))}
UNITS = [
    pytest.param(path, id=path.stem, marks=() if is_quick(path) else pytest.mark.slow)
    for path, design in DESIGNS.items()
    if isinstance(design, TileTarget) or design.accelerator is None
]
SYSTOLIC = [path for path, design in DESIGNS.items() if isinstance(design, Target)]
SMALL_GROUPED = """
name = "small"
family = "{family}"
[array]
rows = 3
cols = 2
{dataflow}
[pe]
{pe}
group = 16
"""


@pytest.mark.parametrize("path", UNITS)
def test_the_testbench_passes_on_icarus(path, tmp_path):
    generate(path, tmp_path / "out")
    assert run_on_icarus(tmp_path / "out", path.stem).startswith("PASS")


@pytest.mark.parametrize(
    ("family", "pe"),
    [
        ("tile", 'kind = "lut"'),
        ("tile", 'kind = "bitmod"\nweight = "bitmod_fp3"'),
        ("systolic", 'kind = "mixpe"\nweight = "uint4"'),
        ("systolic", 'kind = "dequantise"'),
    ],
    ids=["lut", "bitmod", "mixpe", "dequantise"],
)
def test_a_design_that_runs_in_groups_has_the_same_files(family, pe, tmp_path):
    dataflow = 'dataflow = "weight"' if family == "systolic" else ""
    (tmp_path / "small.toml").write_text(SMALL_GROUPED.format(family=family, dataflow=dataflow, pe=pe))
    made = generate(tmp_path / "small.toml", tmp_path / "out")
    assert set(made.files) == {"rtl/small.v", "tb/small_tb.v", "small.core", "small.md", "small.toml"}
    assert design_file.load(tmp_path / "out/small.toml") == design_file.load(tmp_path / "small.toml")
    assert f"module {made.top}" in (tmp_path / "out/rtl/small.v").read_text()
    assert "rounding" not in (tmp_path / "out/small.md").read_text()
    assert run_on_icarus(tmp_path / "out", "small").startswith("PASS")


@pytest.mark.parametrize(
    ("find", "replace", "verdict"),
    [("golden[5] = ", "golden[5] = ~", "FAIL: wrong words"), ("first + 1 != ", "first != ", "FAIL: ")],
    ids=["value", "cycles"],
)
def test_the_testbench_can_fail(made, tmp_path, find, replace, verdict):
    shutil.copytree(made.folder, tmp_path / "out")
    bench = tmp_path / "out" / "tb/small_tb.v"
    assert find in bench.read_text()
    bench.write_text(bench.read_text().replace(find, replace))
    assert verdict in run_on_icarus(tmp_path / "out", "small")


def test_the_testbench_ends_if_nothing_comes_out(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "out")
    bench = tmp_path / "out" / "tb/small_tb.v"
    bench.write_text(bench.read_text().replace("wire drain_valid = ", "wire drain_valid = 0 && "))
    assert "FAIL: 0 of" in run_on_icarus(tmp_path / "out", "small")


@pytest.mark.parametrize("path", SYSTOLIC, ids=lambda path: path.stem)
def test_the_testbench_has_partial_tiles_on_every_axis(path):
    schedule = matrix_unit.example_job(design_file.load(path).unit)
    for pieces in (schedule.row_pieces, schedule.column_pieces, schedule.depth_pieces):
        sizes = [end - start for start, end in pieces]
        assert len(sizes) > 1 and sizes[-1] < sizes[0]


def test_the_testbenchs_codes_are_not_all_saturated(design):
    unit = design_file.load(design).unit
    codes = matrix_unit.compute(unit, *matrix_unit.example(unit, testbench.SEED))
    assert saturated(codes, unit.out) < 0.2


def saturated(codes, fmt) -> float:
    return float(((codes == fmt.min) | (codes == fmt.max)).mean())


def test_a_strangers_folder_is_refused_before_anything_is_made(design, tmp_path):
    (tmp_path / "mine.v").write_text("module mine; endmodule")
    with pytest.raises(BadValue, match="not empty and not systola's"):
        generate(design, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.v"]
