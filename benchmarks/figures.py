"""Figures in documents, held to what computes them: `python -m benchmarks.figures` writes them anew.

In a document a figure stands between marks, which a reader of the page does not see:

    <!--=bins-->144<!--=-->

FIGURES says what each is. tests/test_figures.py fails where a document says another, or marks what is not
here. What takes minutes, or is not the same on every machine, is measured by `make bench`, `systola demo` and
`make mutate`.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from benchmarks import attention_errors
from golden.accelerator.params import LANES
from golden.attention.arithmetic import Arithmetic, fp16
from golden.pe import PES, kind_of, tiled
from golden.systolic.cycles import cycles
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import MatrixUnitParams
from golden.tile import cycles as tile_cycles
from golden.tile import tile
from sim.benches.systolic import coverage
from sim.runner import blocks
from systola.reproduction.bitmod_system import PUBLISHED
from tests.pe.test_every_pair_rtl import SWEPT

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", *(f"docs/{name}.md" for name in (
    "verification", "reproductions", "synthesis", "attention")))  # fmt: skip
MARK = re.compile(r"<!--=([\w-]+)-->(.*?)<!--=-->", re.DOTALL)
COUNTED = ("tests/pe", "tests/tile", "tests/tflite/test_operators.py", "tests/sim/test_accelerator.py",
           "tests/accelerator/test_accelerator.py", "tests/accelerator/test_sizes.py")  # fmt: skip


@cache
def collected() -> dict[str, int]:
    """How many tests there are, slow ones among them, of each function: {"pe/test_lut.py::test_name": 4}."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "slow or not slow", *COUNTED]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: dict[str, int] = {}
    for line in listed.splitlines():
        if "::" in line:
            name = line.split("[")[0].removeprefix("tests/")
            found[name] = found.get(name, 0) + 1
    return found


def tests(*patterns: str) -> str:
    """Tests whose file and function match one of these."""
    of = (n for name, n in collected().items() if any(re.search(each, name) for each in patterns))
    return f"{sum(of):,}"


def swept(*kinds: str) -> str:
    """Sets of parameters of PEs that a compiled sweep takes."""
    return str(sum(len(SWEPT[kind]) for kind in kinds))


@cache
def large() -> int:
    """Golden's cycles, those of the RTL, of 512x512x512 on 16x16."""
    return cycles(Schedule(MatrixUnitParams(), Gemm(m=512, n=512, k=512), Tiling(stream=512)))


def behind(params: object) -> int:
    """Cycles from a tile's last word to its last row, less rows and latency."""
    p = tile.TileParams(rows=4, cols=4, pe=params)
    module = PES[kind_of(params)]
    last = 1 + (p.words - 1) * tiled.interval(params)
    return tile_cycles.cycles(p, 1) - last - p.rows - int(module.latency(params))


FIGURES: dict[str, Callable[[], str]] = {
    "powers-int8": lambda: attention_errors.powers(Arithmetic()),
    "powers-fp16": lambda: attention_errors.powers(fp16()),
    "rows-of-attention": attention_errors.rows,
    "tops": lambda: str(len(list((ROOT / "examples").glob("*.toml")))),
    "bins": lambda: str(len(coverage.plan())),
    "tflite-operators": lambda: tests("tflite/test_operators.py"),
    "sets-multiplier": lambda: swept("multiplier"),
    "sets-integer": lambda: swept("mixpe", "aligned", "dequantise"),
    "sets-float": lambda: swept("float_multiply_add", "mixpe_float"),
    "sets-lut": lambda: tests("pe/test_lut_rtl.py::test_corners_and_a_million"),
    "sets-lut-every": lambda: tests("pe/test_lut_rtl.py::test_every_word_with_every_index"),
    "adders": lambda: tests("test_combine_is_golden_over_a_million"),
    "cases-tile": lambda: str(len(blocks()["tile/tile"].CASES)),
    "runs-of-faults": lambda: tests("sim/test_accelerator.py::test_what_stops_a_program"),
    "sizes": lambda: ", ".join(str(lanes) for lanes in LANES),
    "bitmod-counts": lambda: str(sum(len(counts) for phases in PUBLISHED.values() for counts in phases)),
    "cycles-512": lambda: f"{large():,}",
    "limit-512": lambda: f"{512**3 // 256:,}",
    "utilisation-512": lambda: f"{512**3 / 256 / large():.2%}".replace("%", " %"),
    "tile-behind": lambda: str(behind(PES["multiplier"].Params(group=8))),
    "tile-finish": lambda: str(behind(PES["bitmod"].Params(group=8)) - int(FIGURES["tile-behind"]())),
}


def marks(text: str) -> Iterator[tuple[str, str]]:
    """(name, what stands there) of each figure of a document."""
    yield from MARK.findall(text)


def written(text: str) -> str:
    """A document with its figures as they are computed; KeyError of a name that is none."""
    return MARK.sub(lambda found: f"<!--={found[1]}-->{FIGURES[found[1]]()}<!--=-->", text)


def main() -> int:
    """Write every document; those that changed are named."""
    for name in DOCUMENTS:
        path = ROOT / name
        before = path.read_text()
        after = written(before)
        if after != before:
            path.write_text(after)
            print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
