"""Magika: every convolution and matrix product; of which type are real files?"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from golden.progress import Progress
from mapping import frontends
from mapping.network import Network
from mapping.passes import simplify
from mapping.target import Target
from systola.coding import of_network
from systola.demonstration import packages
from systola.demonstration.job import Inputs, Ran, answers, reference, run_on_rtl, section
from systola.report.schema import Answers, NetworkReport, figure


def judged(design: Path, verilog: Path) -> list[Path]:
    """The files whose types are asked for: some of this run's own, some of the packages it uses."""
    magika, minilm = packages.magika(), packages.minilm()
    source = magika.parent.parent / "magika.py"
    return [source, magika / "config.min.json", magika / "README.md", magika / "model.onnx", design, verilog,
            minilm / "vocab.txt"]  # fmt: skip


def calibration() -> list[Path]:
    """Other files, so that the ranges are not taken from what is then judged."""
    magika, minilm = packages.magika(), packages.minilm()
    here = Path(__file__)
    sources = sorted((magika.parent.parent / "types").glob("*.py"))[:4]
    documents = [minilm / name for name in ("README.md", "config.json", "tokenizer.json")]
    candidates = [here, *documents, magika / "metadata.json", *sources, Path(np.__file__)]
    binaries = sorted(Path(np.__file__).parent.rglob("*.so"))[:3]
    return [path for path in [*candidates, *binaries] if path.is_file()]


def features(content: bytes, settings: dict[str, int]) -> Inputs:
    """Magika's input: bytes from the file's begin and end, white space stripped, padded; int32 [1, 2048].

    Source: Magika 1.0, features extraction v2.
    """
    block, padding = settings["block_size"], settings["padding_token"]
    begin = list(content[:block].lstrip()[: settings["beg_size"]])
    end = list(content[-block:].rstrip()[-settings["end_size"] :])
    begin += [padding] * (settings["beg_size"] - len(begin))
    end = [padding] * (settings["end_size"] - len(end)) + end
    return {"bytes": np.array([begin + end], np.int32)}


def run(target: Target, judge: list[Path], progress: Progress) -> tuple[Ran, NetworkReport]:
    """Run the files; the report's section."""
    folder = packages.magika()
    settings = json.loads((folder / "config.min.json").read_text())
    network = frontends.load(folder / "model.onnx")
    assert isinstance(network, Network)
    network = replace(network, name="magika")  # the file is called model.onnx
    inputs = [features(path.read_bytes(), settings) for path in judge]
    samples = [features(path.read_bytes(), settings) for path in calibration()]
    ran = run_on_rtl(of_network(simplify(network)), target, samples, inputs, progress, "mse")
    output = network.outputs[0]
    floats = np.concatenate([reference(str(folder / "model.onnx"), x)[output] for x in inputs])
    found = np.concatenate([r[output] for r in ran.outputs])
    agree = int((floats.argmax(axis=1) == found.argmax(axis=1)).sum())
    return ran, section(
        ran,
        about="The file-type classifier Magika whole, bytes in and scores out: weights as published, "
        f" quantised here to {target.unit.pe.weight} x {target.unit.pe.activation}.",
        answers=[types(judge, floats, found, settings["target_labels_space"])],
        agreement=figure("same answer as float", f"{agree} of {len(judge)} files", "onnxruntime"),
    )


def types(paths: list[Path], floats: np.ndarray, found: np.ndarray, labels: list[str]) -> Answers:
    """The answer for each file, by float and by RTL."""
    rows = [
        [path.name, labels[f.argmax()], f"{f.max():.4f}", labels[r.argmax()], f"{r.max():.4f}"]
        for path, f, r in zip(paths, floats, found, strict=True)
    ]
    return answers("Types of real files", ["file", "float says", "score", "RTL says", "score of RTL"], rows)
