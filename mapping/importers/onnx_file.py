"""ONNX, opsets 7 to 28, from a file or a ModelProto, with every size fixed."""

from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from golden import check
from mapping.importers import onnx_graph, onnx_sizes
from mapping.importers.onnx_shapes import propagate
from mapping.network import Network
from mapping.passes.rewrite import remove_dead

OPSETS = range(7, min(28, onnx.defs.onnx_opset_version()) + 1)


def load(path: Path, *, tokens: int | None, batch: int, dims: Mapping[str, int]) -> Network:
    """The network in an ONNX file."""
    model = read(path)
    return from_model(model, path.name, path.stem, tokens=tokens, batch=batch, dims=dims)


def read(path: Path) -> onnx.ModelProto:
    """The file as a message, its external data with it."""
    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as wrong:
        raise check.fail(path.name, f"no ONNX model ({one_line(wrong)})", "a whole .onnx file") from None
    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            location = next(entry.value for entry in tensor.external_data if entry.key == "location")
            if not (path.parent / location).is_file():
                what = f"{path.name}: tensor {tensor.name}: external data"
                raise check.fail(what, f"missing ({location})", "a file beside the network")
    try:
        load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, ValueError, OSError) as wrong:
        what = f"unreadable ({one_line(wrong)})"
        raise check.fail(f"{path.name}: external data", what, "whole files") from None
    return model


def from_model(
    model: onnx.ModelProto, where: str, name: str, *, tokens: int | None = None, batch: int = 1,
    dims: Mapping[str, int] | None = None,
) -> Network:
    """The network in `model`, constants folded, dead nodes removed.

    where   begins each error: the file's name
    """
    opset = opset_of(model, where)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    given = onnx_graph.steps(model.graph, opset, where)
    constants = onnx_graph.constants(model.graph, where)
    inputs = onnx_sizes.inputs(model.graph, where, constants, tokens=tokens, batch=batch, dims=dims or {})
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as wrong:  # ValueError: names that are no text, 2 GiB
        what = f"no valid ONNX model ({one_line(wrong)})"
        raise check.fail(where, what, "what onnx.checker accepts") from None
    nodes, shapes = propagate(given, constants, inputs, where)
    network = remove_dead(
        Network(
            name=name, nodes=tuple(nodes), constants=constants, inputs=inputs,
            outputs=tuple(output.name for output in model.graph.output), shapes=shapes,
        )
    )  # fmt: skip
    onnx_graph.check_finite_weights(network, where)
    return network


def opset_of(model: onnx.ModelProto, where: str) -> int | None:
    """The version of the standard operators; None if the file uses others alone."""
    found: list[int] = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not model.opset_import or not model.HasField("graph"):
        raise check.fail(where, "no ONNX model (no graph, or no opset)", "a whole .onnx file")
    if not found:
        return None
    check.in_range(f"{where}: opset", found[0], OPSETS[0], OPSETS[-1])
    return found[0]


def one_line(wrong: Exception) -> str:
    """The message of an error in one line."""
    return " ".join(str(wrong).split())
