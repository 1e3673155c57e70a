"""The demo's classifier is taken as the demo calibrates it, with the cycles that the README states."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from golden.check import BadValue
from mapping import frontends
from mapping.passes import simplify
from systola import design_file, program_session
from systola.coding import of_network
from systola.demonstration import files, packages

DESIGN = Path(__file__).parents[2] / "examples" / "accelerator16_int8.toml"


def test_magika_is_taken_with_the_demos_calibration():
    try:
        folder = packages.magika()
    except BadValue as missing:
        pytest.skip(str(missing))
    settings = json.loads((folder / "config.min.json").read_text())
    network = replace(frontends.load(folder / "model.onnx"), name="magika")
    samples = [files.features(path.read_bytes(), settings) for path in files.calibration()]
    source = of_network(simplify(network))
    found = program_session.prepare(source, design_file.load(DESIGN), samples, "mse").plan
    assert found.total.cycles == 1_450_403
