"""`systola map` and `systola run` of files in codes on a bare matrix unit: the file's own integers."""

from pathlib import Path

import numpy as np
import pytest

import systola
from golden.check import BadValue
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.integer_run import Runner
from systola import tables

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def wake_word() -> Path:
    from systola.demonstration import packages

    try:
        return packages.micro_wake_word() / "models" / "okay_nabu.tflite"
    except ValueError as missing:
        pytest.skip(str(missing))


def files(folder, model, count):
    """Random codes for each input, `count` samples one after the other."""
    found = {}
    for index in model.graphs[0].inputs:
        tensor = model.graphs[0].tensors[index]
        codes = np.random.default_rng(index).integers(-128, 128, (count, *tensor.shape[1:]))
        np.save(folder / f"{index}.npy", codes.astype(tensor.dtype))
        found[tensor.name] = folder / f"{index}.npy"
    return found


@pytest.mark.parametrize("design", ["ws16_int8", "os16_int8", "ws8_int16"])
def test_a_wake_word_gives_tflites_codes_step_after_step(tmp_path, wake_word, design):
    model, out = reader.read(wake_word), tmp_path / "y.npy"
    given = files(tmp_path, model, 3)
    on = EXAMPLES / f"{design}.toml"
    result = systola.run(wake_word, on=on, inputs=given, write_to=out)
    runner = Runner(model)
    steps = [{name: np.load(path)[i : i + 1] for name, path in given.items()} for i in range(3)]
    wanted = np.concatenate([next(iter(runner.step(step).values())) for step in steps])
    assert np.array_equal(np.load(out), wanted) and np.load(out).dtype == wanted.dtype
    placed = [row for row in result["layers"] if row["unit"] == "matrix"]
    assert len(placed) == 15 and result["total"]["macs_on_host"] == 0
    planned = systola.map(wake_word, on=on)
    assert [row["cycles"] for row in planned["layers"]] == [row["cycles"] for row in result["layers"]]


def test_products_that_a_pe_cannot_take_are_told_with_the_reason(wake_word):
    result = systola.map(wake_word, on=EXAMPLES / "ws16_int4.toml")
    assert result["total"]["layers"] == 0 and result["total"]["macs_on_host"] == 1
    assert "Conv2D:sums: weights reach from -127 to 127, which int4 does not hold" in tables.whole(result)


@pytest.mark.parametrize("given", [False, True])
def test_a_pe_of_groups_refuses_to_quantise_codes_anew(tmp_path, wake_word, given):
    """Also where codes are given as inputs: it is not their type that is wrong."""
    inputs = files(tmp_path, reader.read(wake_word), 1) if given else None
    with pytest.raises(BadValue, match="which this design would quantise anew"):
        systola.run(wake_word, on=EXAMPLES / "tile8_int8.toml", inputs=inputs)


def test_samples_for_ranges_are_refused(tmp_path, wake_word):
    given = files(tmp_path, reader.read(wake_word), 1)
    with pytest.raises(BadValue, match=r"--calibrate is given; .*okay_nabu states its own scales"):
        systola.run(wake_word, on=EXAMPLES / "ws16_int8.toml", calibrate=given)
