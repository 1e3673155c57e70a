"""The contents of a TFLite file: graphs of tensors and operators, codes as they are, nothing interpreted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from golden import check, files
from golden.tflite.quantisation import Quantisation
from mapping.frontends.tflite import options, stated
from mapping.frontends.tflite.flatbuffer import Bytes

DTYPES = {
    "FLOAT32": np.float32, "FLOAT16": np.float16, "INT32": np.int32, "UINT8": np.uint8, "INT64": np.int64,
    "INT16": np.int16, "INT8": np.int8, "BOOL": np.bool_, "FLOAT64": np.float64, "UINT32": np.uint32,
}  # fmt: skip
MOST_BYTES = 1 << 31  # FlatBuffers' own limit
MOST_ELEMENTS = 1 << 27  # of a tensor: no host of a network for an array holds more


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteTensor:
    """name: unique in its graph. dtype: None for the handle of a variable. data: of a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    quantisation: Quantisation | None
    data: np.ndarray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """opcode: "CONV_2D". inputs, outputs: tensors by number, -1 for one left out. where: for errors.

    stated  options that shapes repeat
    """

    opcode: str
    where: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    stated: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteGraph:
    tensors: tuple[TfliteTensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteModel:
    """graphs[0] is the network; the others are called by CALL_ONCE. where: the file's name, for errors."""

    name: str
    where: str
    graphs: tuple[TfliteGraph, ...]


def read(path: Path) -> TfliteModel:
    """The model in a file; BadValue names the part that makes no sense."""
    return from_bytes(files.regular(path, "a .tflite file", MOST_BYTES), path.name, path.stem)


def from_bytes(data: bytes, where: str, name: str) -> TfliteModel:
    file = Bytes(data, where)
    return file.sensible("the model", lambda: read_model(file, name))


def read_model(file: Bytes, name: str) -> TfliteModel:
    root: Any = tflite.Model.GetRootAs(file.data)
    check.in_range(f"{file.where}: version", root.Version(), 3, 3)
    codes = [operator_name(file, code) for code in file.items(root, "OperatorCodes")]
    buffers = list(file.items(root, "Buffers"))
    graphs = []
    for index, table in enumerate(file.items(root, "Subgraphs")):
        at = f"{file.where}: " + (f"graph {index}: " if index else "")
        graphs.append(read_graph(file, table, codes, buffers, at))
    if not graphs:
        raise check.fail(f"{file.where}: graphs", "none", "at least one")
    return TfliteModel(name=name, where=file.where, graphs=tuple(graphs))


def operator_name(file: Bytes, code: Any) -> str:
    """The name of an operator code; files older than 2020 have the number in the deprecated field only."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == tflite.BuiltinOperator.CUSTOM:
        return f"custom {file.text(code.CustomCode())}"
    return options.OPERATORS.get(number, str(number))


def read_graph(file: Bytes, table: Any, codes: list[str], buffers: list[Any], at: str) -> TfliteGraph:
    tensors: list[TfliteTensor] = []
    names: set[str] = set()
    for index, each in enumerate(file.items(table, "Tensors")):
        name = file.text(each.Name()) or f"tensor_{index}"
        name = f"{name}_{index}" if name in names else name
        names.add(name)
        tensors.append(read_tensor(file, each, name, buffers, f"{at}tensor {name}"))
    operators = [
        read_operator(file, each, codes, len(tensors), f"{at}operator {index}")
        for index, each in enumerate(file.items(table, "Operators"))
    ]
    for operator in operators:
        stated.check_operator(operator, tensors)
    ends = [indices(file, table, key, len(tensors), at.rstrip(": "), 0) for key in ("Inputs", "Outputs")]
    return TfliteGraph(tensors=tuple(tensors), operators=tuple(operators), inputs=ends[0], outputs=ends[1])


def read_tensor(file: Bytes, table: Any, name: str, buffers: list[Any], at: str) -> TfliteTensor:
    holds = options.TENSOR_TYPES.get(table.Type(), str(table.Type()))
    check.one_of(f"{at}: type", holds, [*DTYPES, "RESOURCE"])
    shape = tuple(int(size) for size in file.numbers(table, "Shape"))
    for axis, size in enumerate(shape):
        check.in_range(f"{at}: dimension {axis}", size, 0, MOST_ELEMENTS)
    check.in_range(f"{at}: elements", prod(shape), 0, MOST_ELEMENTS)
    if table.Sparsity() is not None:
        raise check.fail(at, "sparse", "dense tensors")
    dtype = np.dtype(DTYPES[holds]) if holds in DTYPES else None
    check.in_range(f"{at}: buffer", table.Buffer(), 0, len(buffers) - 1)
    data = read_data(file, buffers[table.Buffer()], dtype, shape, at)
    quantisation = read_quantisation(file, table.Quantization(), dtype, shape, at)
    return TfliteTensor(name=name, shape=shape, dtype=dtype, quantisation=quantisation, data=data)


def read_data(
    file: Bytes, buffer: Any, dtype: np.dtype[Any] | None, shape: tuple[int, ...], at: str
) -> np.ndarray | None:
    """A constant's elements; None if the buffer is empty."""
    content = file.numbers(buffer, "Data")
    if not len(content) or dtype is None:
        return None
    if len(content) != prod(shape) * dtype.itemsize:
        wanted = f"{prod(shape) * dtype.itemsize} for {dtype} {list(shape)}"
        raise check.fail(f"{at}: bytes of data", len(content), wanted)
    values = np.frombuffer(content.tobytes(), dtype).reshape(shape)
    if dtype.kind == "f" and np.isnan(values).any():
        raise check.fail(at, "NaN somewhere", "numbers")
    return values


def read_quantisation(
    file: Bytes, table: Any, dtype: np.dtype[Any] | None, shape: tuple[int, ...], at: str
) -> Quantisation | None:
    """Scales and zero points; None if the tensor has none."""
    if table is None or dtype is None or dtype.kind not in "iu" or not table.ScaleLength():
        return None
    scale = file.numbers(table, "Scale").astype(np.float32)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise check.fail(f"{at}: scale", float(scale[~(scale > 0) | ~np.isfinite(scale)][0]), "positive")
    zero = file.numbers(table, "ZeroPoint").astype(np.int64)
    zero = check.array(f"{at}: zero point", zero, np.iinfo(dtype).min, np.iinfo(dtype).max)
    zero = np.zeros(len(scale), np.int64) if not len(zero) else zero
    axis = int(table.QuantizedDimension())
    per_axis = len(scale) != 1
    if len(zero) != len(scale) or (per_axis and not (0 <= axis < len(shape) and shape[axis] == len(scale))):
        given = f"{len(scale)} scales and {len(zero)} zero points on axis {axis}"
        raise check.fail(f"{at}: quantisation", given, f"one of each, or one for each of {list(shape)}[axis]")
    return Quantisation(scale, zero, dtype, axis)


def read_operator(file: Bytes, table: Any, codes: list[str], tensors: int, at: str) -> Operator:
    check.in_range(f"{at}: code", table.OpcodeIndex(), 0, len(codes) - 1)
    opcode = codes[table.OpcodeIndex()]
    at = f"{at} ({opcode})"
    inputs = indices(file, table, "Inputs", tensors, at, -1)
    outputs = indices(file, table, "Outputs", tensors, at, 0)
    read = file.sensible(f"{at}: options", lambda: options.read(file, table, opcode, at))
    said = file.sensible(f"{at}: options", lambda: options.stated(table, opcode))
    return Operator(opcode=opcode, where=at, inputs=inputs, outputs=outputs, options=read, stated=said)


def indices(file: Bytes, table: Any, key: str, tensors: int, at: str, least: int) -> tuple[int, ...]:
    """Numbers of tensors, each checked to exist."""
    found = tuple(int(index) for index in file.numbers(table, key))
    for place, index in enumerate(found):
        check.in_range(f"{at}: {key.lower()}[{place}]", index, least, tensors - 1)
    return found
