"""The ends of a TFLite network: the types of its codes in the file, and reals at inputs and outputs.

Codes of uint8 are stored as int8, codes and zero points 128 less: TFLite's kernels of the two types agree
except in how some sums are rounded, for which the rules ask `Translation.unsigned`. A network whose input is
real and read by QUANTIZE alone, or whose output DEQUANTIZE makes, has those codes as its input and output:
`Ends` computes TFLite's own codes of reals, and its reals of codes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from golden import check
from golden.tflite import elementwise
from golden.tflite.quantisation import Quantisation
from mapping.frontends.tflite.reader import Operator, TfliteGraph, TfliteModel, TfliteTensor

# operators that map each code by itself, whatever else they are
SINGLE = ("LOGISTIC", "TANH", "RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "QUANTIZE")
OFF = 128
WIDE = ("int16", "int32", "int64")  # codes that no operand of an accelerator holds


def first_in_codes(model: TfliteModel) -> tuple[Operator, TfliteTensor] | None:
    """The first operator whose result is codes, and this result; None for a model that computes in reals."""
    graph = model.graphs[0]
    for operator in graph.operators:
        for index in operator.outputs:
            tensor = graph.tensors[index]
            if tensor.quantisation is not None and tensor.dtype in (np.int8, np.uint8, np.int16):
                return operator, tensor
    return None


def is_integer(model: TfliteModel) -> bool:
    """Whether a model computes in codes."""
    return first_in_codes(model) is not None


def check_codes(model: TfliteModel) -> None:
    """BadValue for results in codes of more than 8 bits, by tensor and operator."""
    graph = model.graphs[0]
    for operator in graph.operators:
        for index in operator.outputs:
            tensor = graph.tensors[index]
            if tensor.quantisation is not None and tensor.dtype is not None and tensor.dtype.name in WIDE:
                what = f"codes of {tensor.dtype}: 8 bits of them would be lost"
                where = f"{operator.where}: tensor {tensor.name}"
                raise check.fail(where, what, "int8 or uint8, or the float network, quantised here")


def turned(graph: TfliteGraph) -> frozenset[int]:
    """Tensors of uint8 that are stored as int8: all except those that only tables of single codes make and
    read."""
    busy = {i for o in graph.operators if o.opcode not in SINGLE for i in (*o.inputs, *o.outputs)}
    return frozenset(
        index for index, tensor in enumerate(graph.tensors)
        if index in busy and tensor.dtype == np.uint8 and tensor.quantisation is not None
    )  # fmt: skip


def signed(model: TfliteModel) -> TfliteModel:
    """The model with codes of int8 in place of uint8."""

    def of(tensor: TfliteTensor) -> TfliteTensor:
        q = tensor.quantisation
        if q is None:
            return tensor
        data = None if tensor.data is None else (tensor.data.astype(np.int16) - OFF).astype(np.int8)
        dtype = np.dtype(np.int8)
        return replace(tensor, dtype=dtype, data=data,
                       quantisation=Quantisation(q.scale, q.zero_point - OFF, dtype, q.axis))  # fmt: skip

    def whole(graph: TfliteGraph) -> TfliteGraph:
        chosen = turned(graph)
        return replace(
            graph, tensors=tuple(of(t) if i in chosen else t for i, t in enumerate(graph.tensors))
        )

    return replace(model, graphs=tuple(whole(graph) for graph in model.graphs))


@dataclass(frozen=True, slots=True)
class Ends:
    """The conversion between the file's own inputs and outputs and the coded network's.

    coded  for each input or output of the file, the number of the tensor whose codes it stands for: itself,
           except at
           QUANTIZE and DEQUANTIZE
    """

    graph: TfliteGraph
    coded: Mapping[int, int]

    def encode(self, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The coded network's inputs, int64, flat, by the file's names."""
        found = {}
        for index in self.graph.inputs:
            tensor, stands = self.graph.tensors[index], self.graph.tensors[self.coded[index]]
            value = given[tensor.name]
            if tensor.dtype == np.float32 and stands.quantisation is not None:
                value = elementwise.quantise(value, stands.quantisation)
            off = OFF if self.coded[index] in turned(self.graph) else 0
            found[tensor.name] = value.astype(np.int64) - off
        return found

    def decode(self, codes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The file's outputs in their own types and shapes."""
        found = {}
        for index in self.graph.outputs:
            tensor, stands = self.graph.tensors[index], self.graph.tensors[self.coded[index]]
            off = OFF if self.coded[index] in turned(self.graph) else 0
            value = (codes[tensor.name] + off).astype(stands.dtype).reshape(tensor.shape)
            if tensor.dtype == np.float32 and stands.quantisation is not None:
                value = elementwise.dequantise(value, stands.quantisation)
            found[tensor.name] = value
        return found


def ends_of(model: TfliteModel) -> Ends:
    """The Ends of a model.

    raises  BadValue where a real input is read by any operator but QUANTIZE of one scale
    """
    graph = model.graphs[0]
    coded = {index: index for index in (*graph.inputs, *graph.outputs)}
    for index in graph.inputs:
        if graph.tensors[index].dtype == np.float32:
            coded[index] = quantised(graph, index)
    for operator in graph.operators:
        for index in operator.outputs[:1]:
            if operator.opcode == "DEQUANTIZE" and index in graph.outputs and operator.inputs:
                coded[index] = operator.inputs[0]
    return Ends(graph, coded)


def readers(graph: TfliteGraph, index: int) -> Iterator[Operator]:
    return (operator for operator in graph.operators if index in operator.inputs)


def quantised(graph: TfliteGraph, index: int) -> int:
    """The tensor that QUANTIZE makes of a real input; the first of several that are equal."""
    found = [operator for operator in readers(graph, index) if operator.outputs]
    where = f"input {graph.tensors[index].name}"
    for operator in found:
        if operator.opcode != "QUANTIZE":
            raise check.fail(f"{operator.where}: {where}", "float32", "codes, or reals that QUANTIZE reads")
    made = [graph.tensors[operator.outputs[0]] for operator in found]
    for tensor, operator in zip(made, found, strict=True):
        q, first = tensor.quantisation, made[0].quantisation
        if q is None or first is None or (q.one_scale, q.zero) != (first.one_scale, first.zero):
            raise check.fail(f"{operator.where}: {where}", "quantised by several scales", "one")
    return found[0].outputs[0] if found else index
