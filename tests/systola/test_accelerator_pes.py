"""Accelerators of other PEs than multipliers: every PE of integers gives what a multiplier does."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import systola
from golden.check import BadValue

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.mapping.legalise.against import model, node

EXAMPLE = Path(__file__).parents[2] / "examples" / "accelerator16_mixpe_w4a8.toml"
RANDOM = np.random.default_rng(12)
NODES = [node("MatMul", "x w", "a"), node("Relu", "a", "b"), node("MatMul", "b v", "y")]
SHAPES = {"w": (50, 10), "v": (10, 7)}
X = RANDOM.standard_normal((5, 50)).astype(np.float32)
SMALL = """
family = "accelerator"
array = {{rows = 4, cols = 4, dataflow = "weight"}}
pe = {{kind = "{kind}", weight = "{weight}", group = {group}, activation = "int8"}}
accumulators = {{rows = 64}}
scratchpad = {{banks = 4, bank_words = 1024}}
units = {{functions = []}}
bus = {{outstanding = 16, read_buffer = 128}}
memory = {{bytes_per_cycle = 4}}
"""


@pytest.fixture
def ran(tmp_path):
    """(outputs, result) of a small network on a small accelerator of a PE."""
    constants = {name: RANDOM.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    onnx.save(model(NODES, {"x": X}, constants), tmp_path / "n.onnx")
    np.save(tmp_path / "x.npy", X)

    def run(kind, weight, group=1024, engine="golden"):
        (tmp_path / "small.toml").write_text(SMALL.format(kind=kind, weight=weight, group=group))
        result = systola.run(
            tmp_path / "n.onnx", on=tmp_path / "small.toml", engine=engine, inputs={"": tmp_path / "x.npy"},
            write_to=tmp_path / "y.npy",
        )  # fmt: skip
        return np.load(tmp_path / "y.npy"), result

    return run


@pytest.mark.parametrize("kind", ["mixpe", "aligned"])
@pytest.mark.parametrize("weight", ["int2", "int4", "int7", "int8"])
def test_a_pe_of_integers_gives_what_a_multiplier_gives(ran, kind, weight):
    (wanted, plain), (found, result) = ran("multiplier", weight), ran(kind, weight)
    assert np.array_equal(found, wanted) and result["total"]["cycles"] == plain["total"]["cycles"]


def test_a_sum_over_more_than_a_group_is_cut(ran):
    (wanted, whole), (found, cut) = ran("mixpe", "int4"), ran("mixpe", "int4", group=16)
    assert np.array_equal(found, wanted) and cut["total"]["cycles"] > whole["total"]["cycles"]


@pytest.mark.parametrize("kind", ["mixpe", "multiplier"])
def test_weights_need_a_sign(ran, kind):
    with pytest.raises(BadValue, match="weight is uint4; allowed: int2 and wider"):
        ran(kind, "uint4")


@pytest.mark.rtl
def test_the_compiled_accelerator_of_shift_and_add_is_golden(ran):
    (wanted, golden), (found, result) = ran("mixpe", "int4"), ran("mixpe", "int4", engine="rtl")
    assert np.array_equal(found, wanted) and result["total"]["cycles"] == golden["total"]["cycles"]


@pytest.fixture
def vector_by(tmp_path):
    """The total of a vector by side x side weights on a design."""

    def run(design, side, engine="golden"):
        x = RANDOM.standard_normal((1, side)).astype(np.float32)
        w = RANDOM.standard_normal((side, side)).astype(np.float32)
        onnx.save(model([node("MatMul", "x w", "y")], {"x": x}, {"w": w}), tmp_path / "v.onnx")
        np.save(tmp_path / "x.npy", x)
        return systola.run(
            tmp_path / "v.onnx", on=design, engine=engine, inputs={"": tmp_path / "x.npy"}
        )["total"]  # fmt: skip

    return run


@pytest.mark.parametrize("weight, bits", [("int8", 8), ("int4", 4), ("int2", 2)])
def test_a_vector_by_weights_uses_the_bus_at_every_width(tmp_path, vector_by, weight, bits):
    """Of the bytes read most are weights; at 4 lanes many are commands, and the scales of 4 channels."""
    (tmp_path / "small.toml").write_text(SMALL.format(kind="multiplier", weight=weight, group=1024))
    total = vector_by(tmp_path / "small.toml", 512)
    assert 512 * 512 * bits / 8 < total["bytes_read"] < total["cycles"] * 4 < 1.05 * total["bytes_read"]


@pytest.mark.rtl
def test_the_compiled_accelerator_uses_the_bus_with_weights_of_4_bits(tmp_path, vector_by):
    (tmp_path / "small.toml").write_text(SMALL.format(kind="mixpe", weight="int4", group=1024))
    total = vector_by(tmp_path / "small.toml", 512, "rtl")
    assert total["rtl_cycles"] * 4 < 1.05 * total["bytes_read"] and abs(total["prediction_error"]) < 0.01


@pytest.mark.slow
@pytest.mark.rtl
def test_a_vector_by_4096_x_4096_weights_of_4_bits_takes_what_the_bus_needs(vector_by):
    total, bus = vector_by(EXAMPLE, 4096, "rtl"), 4096 * 4096 // 2 // 16
    assert bus < total["rtl_cycles"] <= 1.05 * bus and total["cycles"] <= 1.05 * bus
