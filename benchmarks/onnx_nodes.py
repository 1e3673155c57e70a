"""The ONNX standard's own node tests on a matrix unit and on an accelerator, `--engine model`.

    python -m benchmarks onnx_nodes            all of them, counted
    python -m benchmarks.onnx_nodes --write    the same, and the table of outcomes is written anew
    python -m benchmarks.onnx_nodes NAME ...   those whose names begin so, each with its reason

An outcome is one of

    taken     it ran; every output has the standard's shape and type, its integers and booleans are equal, its
              reals differ by at most TOLERANCE of the largest expected magnitude
    refused   BadValue that names a node, an operator or a tensor of the model, or its opset
    unclear   BadValue that names none
    wrong     it ran, and an output is not as above
    crashed   any other exception

Every case goes the way of a user's file: saved, read, run by `systola.run`, its outputs read back. No case is
treated by its name. Source of the cases: onnx.backend.test.case.node, of the onnx that is installed.
"""

import csv
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

import systola
from benchmarks.result import Result
from golden.check import BadValue

ROOT = Path(__file__).parents[1]
DESIGNS = {"matrix": "ws16_int8", "accelerator": "accelerator16_int8"}
TABLE = ROOT / "tests" / "onnx_nodes" / "outcomes.csv"
TOLERANCE = 0.06
WANTED = {"matrix": 700, "accelerator": 450}  # cases taken
WORD = "[A-Za-z0-9]+"
BAD = ("wrong", "crashed", "unclear")


@dataclass(frozen=True, slots=True)
class Outcome:
    """kind: see above. detail: the message, or what differs."""

    kind: str
    detail: str = ""


@cache
def cases() -> dict[str, Any]:
    """The standard's cases by name."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {case.name: case for case in collect_testcases(None)}


def outcome(name: str, unit: str) -> Outcome:
    """One case on one of DESIGNS; of several data sets, the first that is not taken."""
    case = cases()[name]
    for inputs, outputs in case.data_sets:
        found = run(case.model, inputs, outputs, unit)
        if found.kind != "taken":
            return found
    return Outcome("taken")


def run(model: onnx.ModelProto, inputs: Sequence[Any], outputs: Sequence[Any], unit: str) -> Outcome:
    """A model with its inputs and expected outputs, through files."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, result = Path(folder, "case.onnx"), Path(folder, "y.npz")
        onnx.save(model, path)
        design = ROOT / "examples" / f"{DESIGNS[unit]}.toml"
        try:
            files = save(folder, model, inputs)
            systola.run(path, on=design, engine="model", inputs=files, write_to=result)
        except BadValue as refused:
            return refusal(model, str(refused))
        except Exception as crash:
            return Outcome("crashed", f"{type(crash).__name__}: {crash}")
        with np.load(result) as found:
            wanted = zip(model.graph.output, outputs, strict=True)
            faults = [fault(found, output.name, value) for output, value in wanted]
    return next((Outcome("wrong", each) for each in faults if each), Outcome("taken"))


def save(folder: str, model: onnx.ModelProto, inputs: Sequence[Any]) -> dict[str, Path]:
    """A file for each input that is an array; what is none has no file, and the importer sees its type."""
    files = {}
    for number, (entry, value) in enumerate(zip(model.graph.input, inputs, strict=False)):
        value = numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
        if isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.isbuiltin == 1:
            files[entry.name] = Path(folder, f"{number}.npy")
            np.save(files[entry.name], value)
    return files


def refusal(model: onnx.ModelProto, message: str) -> Outcome:
    """A refusal is clear if it names something of the user's: a node, operator or tensor, or the opset."""
    graph = model.graph
    names = {node.op_type for node in graph.node} | {t for node in graph.node for t in node.output if t}
    names |= {entry.name for entry in (*graph.input, *graph.output, *graph.node)}
    words = set(re.findall(WORD, message))
    named = "opset" in words or any(set(re.findall(WORD, name)) <= words for name in names if name)
    return Outcome("refused" if named else "unclear", message)


def fault(found: Any, name: str, wanted: Any) -> str:
    """What is wrong with an output; "" if nothing is."""
    if name not in found:
        return f"{name} is missing"
    value = found[name]
    wanted = numpy_helper.to_array(wanted) if isinstance(wanted, onnx.TensorProto) else np.asarray(wanted)
    if value.shape != wanted.shape or value.dtype != wanted.dtype:
        return f"{name} is {value.dtype} {list(value.shape)}, not {wanted.dtype} {list(wanted.shape)}"
    if wanted.dtype.kind != "f":
        return "" if np.array_equal(value, wanted) else f"{name} is {few(value)}, not {few(wanted)}"
    value, wanted = value.astype(np.float64), wanted.astype(np.float64)
    finite = np.isfinite(wanted)
    if not np.array_equal(value[~finite], wanted[~finite], equal_nan=True):
        return f"{name} is {few(value)}, not {few(wanted)}"
    size = np.abs(wanted[finite]).max(initial=0.0)
    error = np.abs(value[finite] - wanted[finite]).max(initial=0.0)
    if not error <= TOLERANCE * size:
        return f"{name} is off by {error:.3g} of {size:.3g}: {few(value)}, not {few(wanted)}"
    return ""


def few(values: np.ndarray) -> str:
    return str(values.ravel()[:6].tolist())


@cache
def table() -> dict[str, dict[str, str]]:
    """The outcomes that the project keeps, by case and design."""
    with TABLE.open(newline="") as file:
        return {row["case"]: {unit: row[unit] for unit in DESIGNS} for row in csv.DictReader(file)}


def outcomes(names: Iterable[str]) -> Iterator[tuple[str, str, Outcome]]:
    """(case, design, outcome) of all, on every core."""
    work = [(name, unit) for name in names for unit in DESIGNS]
    cases()  # once, before the processes part
    with get_context("fork").Pool(cpu_count()) as pool:
        for (name, unit), found in zip(work, pool.imap(of_pair, work, chunksize=8), strict=True):
            yield name, unit, found


def of_pair(pair: tuple[str, str]) -> Outcome:
    return outcome(*pair)


def worse(name: str, unit: str, found: Outcome) -> str | None:
    """How an outcome is worse than the table's, or None: what was taken stays so, nothing new is bad."""
    before = table().get(name, {}).get(unit, "refused")
    fallen = before == "taken" != found.kind or (found.kind in BAD and before not in BAD)
    return f"{unit} {name}: {before} before, now {found.kind} {found.detail[:300]}" if fallen else None


def write(found: Iterable[tuple[str, str, Outcome]]) -> None:
    """The table, in the order of names."""
    rows: dict[str, dict[str, str]] = {}
    for name, unit, each in found:
        rows.setdefault(name, {})[unit] = each.kind
    with TABLE.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("case", *DESIGNS))
        out.writerows((name, *(rows[name][unit] for unit in DESIGNS)) for name in sorted(rows))


def measure() -> Iterator[Result]:
    """Bars: cases taken; none wrong, none crashed, none refused without a name."""
    yield from results(outcomes(cases()))


def results(found: Iterable[tuple[str, str, Outcome]]) -> Iterator[Result]:
    counts = {unit: Counter[str]() for unit in DESIGNS}
    for _, unit, each in found:
        counts[unit][each.kind] += 1
    for unit, count in counts.items():
        detail = ", ".join(f"{count[kind]} {kind}" for kind in sorted(count))
        yield Result(f"node tests taken, {unit}", count["taken"], WANTED[unit], "cases", detail)
        bad = sum(count[kind] for kind in BAD)
        yield Result(f"node tests wrong, crashed or unclear, {unit}", bad, 0, "cases", detail, at_most=True)


def main(words: list[str]) -> None:
    prefixes = [word for word in words if not word.startswith("--")]
    names = [name for name in cases() if not prefixes or name.startswith(tuple(prefixes))]
    found = list(outcomes(names))
    for name, unit, each in found:
        if prefixes or each.kind in BAD:
            print(f"{unit} {name}: {each.kind} {each.detail[:300]}")
    if "--write" in words and not prefixes:
        write(found)
    for result in results(found):
        print(result.line())


if __name__ == "__main__":
    main(sys.argv[1:])
