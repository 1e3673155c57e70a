"""ONNX, opsets 7 to 28, from a file or a ModelProto, with every size fixed."""

from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx.inliner

from golden import check
from mapping.frontends import onnx_graph, onnx_parameters, onnx_sizes
from mapping.frontends.onnx_message import check_message, check_text, one_line, read
from mapping.frontends.onnx_parameters import Given
from mapping.frontends.onnx_shapes import propagate
from mapping.network import Network
from mapping.passes.rewrite import remove_dead

OPSETS = range(7, min(28, onnx.defs.onnx_opset_version()) + 1)


def load(
    path: Path, *, tokens: int | None, batch: int, dims: Mapping[str, int], given: Given | None = None
) -> Network:
    """The network in an ONNX file."""
    model = read(path)
    return from_model(model, path.name, path.stem, tokens=tokens, batch=batch, dims=dims, given=given)


def from_model(
    model: onnx.ModelProto, where: str, name: str, *, tokens: int | None = None, batch: int = 1,
    dims: Mapping[str, int] | None = None, given: Given | None = None,
) -> Network:  # fmt: skip
    """The network in `model`, constants folded, dead nodes removed.

    where   begins each error: the file's name
    given   values of inputs, for those that are parameters
    """
    check_text(model, where)
    opset = opset_of(model, where)
    check_message(model, where)
    model = inlined(model, where)
    steps = onnx_graph.steps(model.graph, opset, where)
    constants = onnx_graph.constants(model.graph, where)
    fixed = onnx_parameters.fixed(model.graph, constants, given)
    constants.update(fixed)
    inputs = onnx_sizes.inputs(model.graph, where, constants, tokens=tokens, batch=batch, dims=dims or {})
    check_model(model, where)
    nodes, shapes, types = propagate(steps, constants, inputs, where)
    network = remove_dead(
        Network(
            name=name, nodes=tuple(nodes), constants=constants, inputs=inputs,
            outputs=tuple(output.name for output in model.graph.output), shapes=shapes, types=types,
            fixed=fixed,
        )
    )  # fmt: skip
    onnx_graph.check_finite_weights(network, where)
    return network


def inlined(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The model with its functions' bodies in the place of their calls."""
    if not model.functions:
        return model
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as wrong:  # of a C++ library, whatever it throws
        what = f"impossible to unfold ({one_line(wrong)})"
        raise check.fail(f"{where}: functions", what, "functions of ONNX") from None


def check_model(model: onnx.ModelProto, where: str) -> None:
    """BadValue about what onnx's own checker finds."""
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as wrong:  # ValueError: 2 GiB
        what = f"no valid ONNX model ({one_line(wrong)})"
        raise check.fail(where, what, "what onnx.checker accepts") from None


def opset_of(model: onnx.ModelProto, where: str) -> int | None:
    """The version of the standard operators; None if the file uses others alone."""
    found: list[int] = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not model.opset_import or not model.HasField("graph"):
        raise check.fail(where, "no ONNX model (no graph, or no opset)", "a whole .onnx file")
    if not found:
        return None
    check.in_range(f"{where}: opset", found[0], OPSETS[0], OPSETS[-1])
    return found[0]


__all__ = ["check_model", "from_model", "inlined", "load", "opset_of", "read"]
