"""What is no regular file, wherever a file is asked for: told at once, never waited for."""

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from golden.check import BadValue
from synth.liberty import Liberty
from synth.memories import MemoryModel
from systola.cli import main

REFERENCE = str(Path(__file__).parents[2] / "examples" / "ws16_int8.toml")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 8]) for name in "xy"]
    weights = numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], [weights])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), "net.onnx")


def refused(*words):
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 2 and done.stderr.count("\n") == 1, done.output
    return done.stderr


def pipe(name):
    os.mkfifo(name)
    return name


@pytest.mark.parametrize("suffix", ["onnx", "tflite", "csv", "toml"])
def test_a_pipe_as_a_network(suffix):
    assert "is a pipe" in refused("map", pipe(f"pipe.{suffix}"), "--on", REFERENCE)


@pytest.mark.parametrize("suffix", ["onnx", "tflite", "csv", "toml"])
def test_an_endless_device_as_a_network(suffix):
    Path(f"zero.{suffix}").symlink_to("/dev/zero")
    assert "is a device" in refused("map", f"zero.{suffix}", "--on", REFERENCE)


def test_a_pipe_as_a_design_to_generate():
    assert "p.toml is a pipe; allowed: a TOML file" in refused("generate", pipe("p.toml"), "-o", "out")


def test_pipes_and_devices_as_designs_of_a_run():
    assert "p.toml is a pipe; allowed: a TOML file" in refused("map", "net.onnx", "--on", pipe("p.toml"))
    assert "/dev/zero is a device" in refused("run", "net.onnx", "--on", "/dev/zero")
    assert ". is a directory" in refused("run", "net.onnx", "--on", ".")


def test_pipes_and_devices_as_inputs():
    words = ("run", "net.onnx", "--on", REFERENCE, "--engine", "model")
    assert "x.npy is a pipe; allowed: a .npy file" in refused(*words, "--input", pipe("x.npy"))
    assert "/dev/zero is a device" in refused(*words, "--calibrate", "/dev/zero")
    assert ". is a directory" in refused(*words, "--input", ".")


def test_a_pipe_in_a_folder_of_hugging_face():
    os.mkdir("bert")
    pipe("bert/config.json")
    assert "config.json is a pipe" in refused("map", "bert", "--on", REFERENCE, "--tokens", "4")
    os.unlink("bert/config.json")
    sizes = ("hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers")
    more = ("max_position_embeddings", "vocab_size", "type_vocab_size")
    config = {"model_type": "bert"} | dict.fromkeys((*sizes, *more), 4)
    Path("bert/config.json").write_text(json.dumps(config))
    pipe("bert/model.safetensors")
    assert "model.safetensors is a pipe" in refused("map", "bert", "--on", REFERENCE, "--tokens", "4")


def test_a_pipe_as_a_library_or_a_memory_model():
    with pytest.raises(BadValue, match=r"x\.lib is a pipe; allowed: a Liberty file"):
        Liberty.read(Path(pipe("x.lib")))
    with pytest.raises(BadValue, match=r"x\.toml is a pipe; allowed: a TOML file of a memory model"):
        MemoryModel.read(Path(pipe("x.toml")), "osu018", 1.8)
