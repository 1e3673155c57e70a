"""Hugging Face folders: config.json says what the network is, model.safetensors holds its weights."""

from pathlib import Path
from typing import Any

import onnx

from golden import check, files
from mapping.frontends import bert, onnx_file
from mapping.frontends.tensors import Tensors
from mapping.network import Network

MODEL_TYPES = ("bert", "minilm")
WEIGHTS = "model.safetensors"


def load(path: Path, *, tokens: int | None, batch: int = 1) -> Network:
    """The network in a folder (or its config.json), for `batch` sentences of `tokens` tokens."""
    folder = path if path.is_dir() else path.parent
    config = read_config(folder)
    model = build_onnx(folder, tokens, batch=batch)
    name = str(config.get("_name_or_path") or folder.resolve().name).rstrip("/").rsplit("/", 1)[-1]
    return onnx_file.from_model(model, WEIGHTS, name)


def build_onnx(path: Path, tokens: int | None, *, batch: int = 1) -> onnx.ModelProto:
    """The same network as an ONNX model, which any ONNX runtime can run: the float reference.

    raises  BadValue, naming the entry of config.json or the tensor that cannot be used
    """
    folder = path if path.is_dir() else path.parent
    raw = read_config(folder)
    check.one_of("config.json: model_type", raw.get("model_type"), MODEL_TYPES)
    config = bert.BertConfig.read(raw, "config.json")
    if tokens is None:
        raise check.fail("tokens", "missing", f"1 to {config.max_position_embeddings}")
    most = config.max_position_embeddings
    check.in_range("tokens", tokens, 1, most, "max_position_embeddings of config.json")
    tensors = Tensors(folder / WEIGHTS, ("", "bert."), "embeddings.word_embeddings.weight")
    return bert.build(config, tensors, tokens, batch)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of the folder."""
    path = folder / "config.json"
    if not path.exists():
        raise check.fail(str(path), "missing", "a folder with config.json and model.safetensors")
    return files.json_object(path, "a Hugging Face configuration")
