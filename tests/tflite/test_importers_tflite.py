"""TFLite files as networks: float ones against TFLite, placed, quantised; what cannot be used is refused."""

import json

import numpy as np
import pytest

import systola
from golden.check import BadValue
from mapping.frontends import load
from mapping.frontends.tflite import file, reader
from mapping.frontends.tflite.integer_run import Runner
from mapping.passes import simplify
from mapping.quantise.networks import quantise_products
from mapping.run.floating import run_float
from mapping.run.host import execute
from sim.device import Model

LARGE = {"rows": 16, "cols": 16, "group": 65536, "accumulator_rows": 1024, "max_shift": 47,
         "multiplier_bits": 16, "weight_buffer": 1 << 17, "activation_buffer": 1 << 17}  # fmt: skip


@pytest.fixture
def float_file(wake_word):
    """Path of a network of pyopen-wakeword by its name."""
    pytest.importorskip("pyopen_wakeword")
    folder = wake_word("alexa").parents[2] / "pyopen_wakeword" / "models"
    return lambda name: folder / f"{name}.tflite"


@pytest.mark.parametrize("name", ["embedding_model", "alexa", "hey_mycroft", "hey_rhasspy", "okay_nabu"])
def test_a_float_network_computes_what_tflite_computes(name, float_file, oracle):
    network = simplify(load(float_file(name)))
    (given, (shape, _)), = network.inputs.items()  # fmt: skip
    x = np.random.default_rng(0).normal(0, 2, shape).astype(np.float32)
    wanted = oracle(float_file(name).read_bytes()).step(x)[0]
    (found,) = run_float(network, {given: x}).values()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_embedding_network_needs_no_transpose_between_convolutions(float_file):
    network = simplify(load(float_file("embedding_model")))
    assert sum(node.operator == "Conv" for node in network.nodes) == 20
    assert sum(node.operator == "Transpose" for node in network.nodes) == 2


def test_a_float_network_is_quantised_and_executed(float_file, make_target):
    network = simplify(load(float_file("okay_nabu")))
    (given, (shape, _)), = network.inputs.items()  # fmt: skip
    random = np.random.default_rng(0)
    samples = [{given: random.normal(0, 2, shape).astype(np.float32)} for _ in range(8)]
    quantised = quantise_products(network, make_target(**LARGE), samples)
    (found,) = execute(quantised, samples[0], Model()).outputs.values()
    (wanted,) = run_float(network, samples[0]).values()
    assert np.abs(found - wanted).max() < 0.1


@pytest.mark.parametrize("word", ["okay_nabu", "hey_jarvis"])
def test_reals_of_an_int8_step_stay_near_its_codes(word, wake_word):
    """The importer's network, on what the codes mean, against the integer run: units of its output."""
    model = reader.read(wake_word(word))
    graph, runner = model.graphs[0], Runner(model)
    tensor = graph.tensors[graph.inputs[0]]
    x = np.random.default_rng(0).integers(-128, 60, tensor.shape, dtype=np.int8)
    (codes,) = runner.step({tensor.name: x}).values()
    network = file.from_graph(model)
    given = {name: np.zeros(kind.shape, np.float32) for name, kind in network.inputs.items()}
    outputs = run_float(network, {**given, tensor.name: tensor.quantisation.real(x)})
    assert abs(outputs[network.outputs[0]].item() - codes.item() / 256) < 3 / 256


def test_map_places_every_product_of_a_tflite_file(wake_word, reference_design):
    found = systola.map(str(wake_word("okay_nabu")), on=reference_design)
    placed = [row for row in found["layers"] if row["unit"] == "matrix"]
    assert len(placed) == 15
    assert {row["operator"] for row in placed} == {"Product", "Depthwise"}  # codes as the file has them
    assert found["total"]["macs"] == 36480
    json.dumps(found)


def test_tokens_are_refused(wake_word):
    with pytest.raises(BadValue, match=r"alexa\.tflite is given tokens or batch"):
        load(wake_word("alexa"), tokens=3)


def refuse(writer, inputs, outputs, message):
    with pytest.raises(BadValue) as caught:
        file.from_graph(reader.from_bytes(writer.bytes(inputs, outputs), "bad.tflite", "bad"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_operator(writer):
    x, y = writer.tensor((4,), "FLOAT32"), writer.tensor((4,), "FLOAT32")
    writer.add("SIN", [x], [y])
    refuse(writer, [x], [y], "bad.tflite: operator is 'SIN'; allowed: ADD, ")


def test_tensor_that_is_not_there(writer):
    x, y = writer.tensor((4,), "FLOAT32"), writer.tensor((4,), "FLOAT32")
    writer.add("RELU", [77], [y])
    refuse(writer, [x], [y], "bad.tflite: operator 0 (RELU): inputs[0] is 77; allowed: -1 to 1")


def test_shape_that_does_not_follow(writer):
    x, y = writer.tensor((4,), "FLOAT32"), writer.tensor((5,), "FLOAT32")
    writer.add("RELU", [x], [y])
    refuse(writer, [x], [y], "bad.tflite: operator 0 (RELU): shape of the result is [5]; allowed: [4]")


def test_huge_tensor(writer):
    x, y = writer.tensor((1 << 20, 1 << 20), "FLOAT32"), writer.tensor((4,), "FLOAT32")
    refuse(writer, [x], [y], "bad.tflite: tensor t0: elements is 1099511627776; allowed: 0 to 134217728")


def test_constant_of_the_wrong_size(writer):
    x = writer.tensor((4,), "FLOAT32", data=np.zeros(3, np.float32))
    refuse(writer, [x], [x], "bad.tflite: tensor t0: bytes of data is 12; allowed: 16 for float32 [4]")


def test_operator_without_its_options(writer):
    x, y = writer.tensor((4,), "FLOAT32"), writer.tensor((4,), "FLOAT32")
    writer.add("LEAKY_RELU", [x], [y])
    refuse(writer, [x], [y], "operator 0 (LEAKY_RELU): options is missing; allowed: LeakyReluOptions")


def test_scale_of_zero(writer):
    x = writer.tensor((4,), scale=0.0)
    refuse(writer, [x], [x], "bad.tflite: tensor t0: scale is 0.0; allowed: positive")


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\xff" * 64, b"\xff\xff\xff\x7fTFL3" + b"\xff" * 64])
def test_no_tflite_file(data, tmp_path):
    path = tmp_path / "bad.tflite"
    path.write_bytes(data)
    with pytest.raises(BadValue, match=r"^bad.tflite"):
        load(path)
