"""An ONNX file as a message whose every part is well formed, checked before anything else reads it.

These checks cover what onnx's own checker lets through, or crashes on: text that is no UTF-8, tensors whose
external data leave the file's folder, functions that call themselves or unfold without end, inputs without a
type, outputs that no node makes.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import TensorProto
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from golden import check, files

MOST_BYTES = 1 << 31  # protobuf's own limit
MOST_NODES = 100_000  # after functions are unfolded
MOST_EXTERNAL = 1 << 36  # bytes of a file of weights
# bits of an element of the types that share a byte
BITS = {
    getattr(TensorProto, name): bits
    for name, bits in (("UINT4", 4), ("INT4", 4), ("FLOAT4E2M1", 4), ("UINT2", 2), ("INT2", 2))
    if hasattr(TensorProto, name)
}
SHARED = 4  # how often a byte of external data may be used: tied weights


def read(path: Path) -> onnx.ModelProto:
    """The file as a checked message, its external data with it."""
    data = files.regular(path, "a .onnx file", MOST_BYTES)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError) as wrong:
        raise check.fail(path.name, f"no ONNX model ({wrong})", "a whole .onnx file") from None
    check_text(model, path.name)
    load_external(model, path)
    check_message(model, path.name)
    return model


def messages(message: Message) -> Iterator[Message]:
    """A message and all messages in it, except tensors' numbers."""
    stack = [message]
    while stack:
        found = stack.pop()
        yield found
        for field, value in found.ListFields():
            if field.message_type is not None:
                stack.extend([value] if isinstance(value, Message) else value)


def check_text(model: onnx.ModelProto, where: str) -> None:
    """BadValue for a name that is no UTF-8, which protobuf gives as bytes."""
    for message in messages(model):
        for field, value in message.ListFields():
            if field.type != field.TYPE_STRING:
                continue
            for each in [value] if isinstance(value, str | bytes) else value:
                if not isinstance(each, str):
                    what = f"{where}: {field.name} of a {message.DESCRIPTOR.name}"
                    raise check.fail(what, repr(each), "UTF-8 text")


def load_external(model: onnx.ModelProto, path: Path) -> None:
    """Read the tensors that stand in files beside the network; each is checked first."""
    tensors = [each for each in messages(model) if isinstance(each, TensorProto) and uses_external_data(each)]
    total, sizes = 0, {}
    for tensor in tensors:
        where = f"{path.name}: tensor {tensor.name}: external data"
        place = external_place(tensor, path, where)
        sizes[place] = size = place.stat().st_size
        first, count = (external_number(tensor, key, where) for key in ("offset", "length"))
        first = first or 0
        count = size - first if count is None else count
        if count < 0 or first + count > size:
            what = f"bytes {first} to {first + count} of {place.name}"
            raise check.fail(where, what, f"within its {size} bytes")
        total += count
    if total > SHARED * sum(sizes.values()):
        allowed = f"{SHARED} times what their files hold"
        raise check.fail(f"{path.name}: external data", f"{total} bytes", allowed)
    try:
        load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, ValueError, OSError) as wrong:
        what = f"unreadable ({one_line(wrong)})"
        raise check.fail(f"{path.name}: external data", what, "whole files") from None


def external_place(tensor: TensorProto, path: Path, where: str) -> Path:
    """The file of a tensor's data: a regular one in the network's folder."""
    found = [entry.value for entry in tensor.external_data if entry.key == "location"]
    if len(found) != 1 or not found[0] or "\0" in found[0]:
        what = f"given {len(found)} locations" if len(found) != 1 else repr(found[0])
        raise check.fail(where, what, "one file beside the network")
    folder = path.parent.resolve()
    place: Path = (folder / found[0]).resolve()
    if Path(found[0]).is_absolute() or not place.is_relative_to(folder):
        raise check.fail(where, f"outside ({found[0]})", "a file beside the network")
    if not place.is_file():
        raise check.fail(where, f"missing ({found[0]})", "a file beside the network")
    files.regular_file(place, "a file of weights", MOST_EXTERNAL)
    return place


def external_number(tensor: TensorProto, key: str, where: str) -> int | None:
    """Offset or length, in bytes; None if it is not given."""
    found = [entry.value for entry in tensor.external_data if entry.key == key]
    if not found:
        return None
    if not found[-1].isdecimal() or len(found[-1]) > 19:
        raise check.fail(f"{where}: {key}", repr(found[-1]), "a number of bytes")
    return int(found[-1])


def check_message(model: onnx.ModelProto, where: str) -> None:
    """BadValue for a malformed part of a model, whatever its operators mean."""
    check_functions(model, where)
    graph = model.graph
    if not graph.node and model.HasField("graph"):
        raise check.fail(f"{where}: nodes", "none", "at least one")
    stored = {tensor.name for tensor in graph.initializer}
    for entry in graph.input:
        if not entry.name:
            raise check.fail(f"{where}: an input's name", "empty", "a name")
        if entry.name not in stored:
            check_input(entry, where)
    for tensor in (*graph.initializer, *constant_tensors(graph)):
        check_tensor(tensor, f"{where}: tensor {tensor.name}")
    made = stored | {entry.name for entry in graph.input}
    for index, node in enumerate(graph.node):
        if not any(node.output):
            raise check.fail(f"{where}: node {node.name or index}: outputs", "none", "at least one")
        made.update(node.output)
    for entry in graph.output:
        if entry.name not in made or not entry.name:
            raise check.fail(f"{where}: output {entry.name}", "made by nobody", "a result of a node")


def constant_tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """The values of Constant nodes that are tensors, each under the name of its result."""
    for node in graph.node:
        for entry in node.attribute if node.op_type == "Constant" else ():
            if entry.HasField("t"):
                named = TensorProto()
                named.CopyFrom(entry.t)
                named.name = node.output[0]
                yield named


def check_tensor(tensor: TensorProto, where: str) -> None:
    """BadValue unless a tensor has a type, sizes, and as many bytes or numbers as these say."""
    if tensor.data_type not in TensorProto.DataType.values() or not tensor.data_type:
        raise check.fail(f"{where}: type", tensor.data_type or "undefined", "a type of ONNX")
    for axis, size in enumerate(tensor.dims):
        check.in_range(f"{where}: dimension {axis}", size, 0, 1 << 40)
    if tensor.data_type == TensorProto.STRING or uses_external_data(tensor):
        return
    count = prod(tensor.dims)
    if tensor.HasField("raw_data"):
        bits = BITS.get(tensor.data_type, 0) or 8 * np_type(tensor).itemsize
        wanted, found = -(-count * bits // 8), len(tensor.raw_data)
    else:
        field = onnx.helper.tensor_dtype_to_field(tensor.data_type)
        wanted, found = stored_numbers(tensor.data_type, count), len(getattr(tensor, field))
    if wanted != found:
        what = f"corrupt ({found} bytes or numbers instead of {wanted})"
        raise check.fail(where, what, f"{list(tensor.dims)} elements")


def np_type(tensor: TensorProto) -> np.dtype[Any]:
    found: np.dtype[Any] = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return found


def stored_numbers(element: int, count: int) -> int:
    """Entries of a tensor's list of numbers: small types share one, complex ones take two."""
    if element in BITS:
        return -(-count * BITS[element] // 8)
    return 2 * count if element in (TensorProto.COMPLEX64, TensorProto.COMPLEX128) else count


def check_input(entry: onnx.ValueInfoProto, where: str) -> None:
    """BadValue unless an input is a tensor of sizes that can be; onnx_sizes lets parameters be empty."""
    where = f"{where}: input {entry.name}"
    what = entry.type.WhichOneof("value")
    if what != "tensor_type":
        raise check.fail(f"{where}: type", (what or "missing").removesuffix("_type"), "a tensor")
    for axis, dim in enumerate(entry.type.tensor_type.shape.dim):
        if dim.HasField("dim_value"):
            check.in_range(f"{where}: dimension {axis}", dim.dim_value, 0, 1 << 31)


def check_functions(model: onnx.ModelProto, where: str) -> None:
    """BadValue if a function calls itself, or all calls unfold to more nodes than a network has."""
    bodies = {(each.domain, each.name, each.overload): each for each in model.functions}
    sizes: dict[tuple[str, str, str], int] = {}
    under_way: list[tuple[str, str, str]] = []

    def size(node: Any) -> int:
        """Nodes that a node unfolds to."""
        key = (node.domain, node.op_type, node.overload)
        if key not in bodies:
            return 1
        if key in under_way or len(under_way) > files.DEEPEST:
            raise check.fail(f"{where}: function {node.op_type}", "calling itself", "functions that end")
        if key not in sizes:
            under_way.append(key)
            sizes[key] = sum(map(size, bodies[key].node))
            under_way.pop()
        return sizes[key]

    total = sum(map(size, model.graph.node))
    if total > MOST_NODES:
        raise check.fail(f"{where}: nodes", total, f"at most {MOST_NODES}, functions unfolded")


def one_line(wrong: Exception) -> str:
    """The message of an error in one line."""
    return " ".join(str(wrong).split())
