"""Damaged TFLite files: a network or one BadValue, soon; never another exception."""

import time

import numpy as np
import pytest

from golden.check import BadValue
from mapping.frontends.tflite import as_codes, file, reader
from mapping.frontends.tflite.integer_run import Runner

SECONDS = 5  # for one file, on a busy machine; the slowest took 0.2


def damaged(data, random):
    """Cut off somewhere, or with up to 7 bytes replaced, mostly where the tables are: at the ends."""
    if random.random() < 0.2:
        return data[: random.integers(len(data))]
    found = bytearray(data)
    for _ in range(random.integers(1, 8)):
        reach = int(random.choice([3000, 30_000, len(data)]))
        place = int(random.integers(min(reach, len(data)))) * int(random.choice([1, -1]))
        found[place] = random.choice([0, 1, 127, 128, 255, random.integers(256)])
    return bytes(found)


def imported(model):
    file.from_graph(model)


def stepped(model):
    graph = model.graphs[0]
    tensors = [graph.tensors[index] for index in graph.inputs]
    Runner(model).step({t.name: np.zeros(t.shape, t.dtype) for t in tensors if t.dtype is not None})


def outcome(data, use):
    """Whether the file could be used. Raises whatever is no BadValue."""
    try:
        use(reader.from_bytes(data, "damaged.tflite", "damaged"))
    except BadValue as bad:
        assert str(bad).startswith("damaged.tflite") and "\n" not in str(bad)
        return False
    return True


@pytest.mark.parametrize("use", [imported, stepped])
@pytest.mark.parametrize("word", ["okay_nabu", "alexa"])
def test_damage_is_a_bad_value_or_harmless(word, use, wake_word):
    random, data = np.random.default_rng(0), wake_word(word).read_bytes()
    outcomes = []
    for _ in range(80):
        start = time.monotonic()
        outcomes.append(outcome(damaged(data, random), use))
        assert time.monotonic() - start < SECONDS
    assert {True, False} == set(outcomes)


def coded(model):
    as_codes.coded(model)


@pytest.mark.parametrize("use", [imported, coded])
@pytest.mark.parametrize("kind", ["VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "ADD", "RESHAPE", "MEAN"])
def test_operators_without_operands_are_refused_by_name(kind, use, writer):
    x = writer.tensor((1, 4), "INT8", 0.1)
    writer.add(kind, [], [])
    with pytest.raises(BadValue, match=rf"^damaged\.tflite: operator 0 \({kind}\)"):
        use(reader.from_bytes(writer.bytes([x], [x]), "damaged.tflite", "damaged"))


@pytest.mark.parametrize("use", [imported, coded, stepped])
def test_a_bias_of_another_length_is_refused(use, writer):
    x, y = writer.tensor((1, 4), "INT8", 0.1), writer.tensor((1, 8), "INT8", 0.1)
    weights = writer.constant(np.ones((8, 4), np.int8), 0.01)
    bias = writer.constant(np.ones(5, np.int32), 0.001)
    options = {"FusedActivationFunction": 0}
    writer.add("FULLY_CONNECTED", [x, weights, bias], [y], "FullyConnectedOptions", **options)
    with pytest.raises(BadValue, match=r"^damaged\.tflite: "):
        use(reader.from_bytes(writer.bytes([x], [y]), "damaged.tflite", "damaged"))


def test_an_output_that_nobody_computes_is_refused(writer):
    x, y = writer.tensor((1, 4), "INT8", 0.1), writer.tensor((1, 4), "INT8", 0.1)
    z = writer.tensor((1, 4), "INT8", 0.1)
    writer.add("ADD", [x, x], [y], "AddOptions", FusedActivationFunction=0)
    with pytest.raises(BadValue, match=r"^damaged\.tflite: output t2 is not computed"):
        coded(reader.from_bytes(writer.bytes([x], [z]), "damaged.tflite", "damaged"))
