"""A TFLite graph, translated operator by operator to ONNX by the rules in `operators`."""

from math import prod

import numpy as np
from onnx import helper

from golden import check
from mapping.frontends.onnx_build import GraphBuilder
from mapping.frontends.tflite.operators import OPERATORS
from mapping.frontends.tflite.reader import Operator, TfliteModel, TfliteTensor
from mapping.frontends.tflite.step import OperatorStep
from mapping.network import Shape

TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
# inputs and outputs of the operators on state
STATE = {"CALL_ONCE": (0, 0), "VAR_HANDLE": (0, 1), "READ_VARIABLE": (1, 1), "ASSIGN_VARIABLE": (2, 0)}


class OnnxTranslation:
    """An ONNX graph under construction.

    inputs, outputs  by name, their shapes
    stated           shape that the file states of a result, and where, by the result's name
    """

    def __init__(self, model: TfliteModel) -> None:
        self.model = model
        self.source = model.graphs[0]
        self.graph = GraphBuilder()
        self.inputs: dict[str, Shape] = {}
        self.outputs: dict[str, Shape] = {}
        self.stated: dict[str, tuple[Shape, str]] = {}
        self.last: dict[int, str] = {}  # tensors as the file has them
        self.first: dict[int, str] = {}  # images with their channels first
        self.folded: dict[int, np.ndarray] = {}  # results that are constants
        self.handles: dict[int, str] = {}
        self.state: dict[str, int] = {}  # the tensor that a variable holds
        self.assigned: set[str] = set()

    def translate(self) -> None:
        """Translate the whole graph."""
        for index in self.source.inputs:
            self.last[index] = self.add_input(self.source.tensors[index].name, index)
        for number, operator in enumerate(self.source.operators):
            check.one_of(f"{self.model.where}: operator", operator.opcode, sorted({*OPERATORS, *STATE}))
            if operator.opcode in STATE:
                self.variable(operator)
            else:
                self.compute(OperatorStep(self, operator, f"{operator.opcode.lower()}_{number}"))
        for index in self.source.outputs:
            self.add_output(self.source.tensors[index].name, index)
        for name in sorted(self.assigned):
            self.add_output(f"{name}.next", self.state[name])

    def compute(self, step: OperatorStep) -> None:
        """Translate one operator; BadValue where the file's statements about it contradict each other."""
        try:
            OPERATORS[step.operator.opcode](step)
        except check.BadValue:
            raise
        except (ValueError, IndexError, TypeError, KeyError, OverflowError) as wrong:
            reason = " ".join(str(wrong).split())
            raise check.fail(step.where, f"impossible ({reason})", "operands that fit each other") from None

    def add_input(self, name: str, index: int) -> str:
        shape = self.source.tensors[index].shape
        check.in_range(f"{self.model.where}: elements of input {name}", prod(shape), 1, 1 << 27)
        self.inputs[name] = shape
        return name

    def add_output(self, name: str, index: int) -> None:
        """An output, under a name of its own."""
        if name in self.inputs or name in self.outputs:
            name = f"{name}.result"
        found = self.tensor(index, f"{self.model.where}: output {name}")
        self.graph.node(name, "Identity", found)
        self.outputs[name] = self.source.tensors[index].shape

    def tensor(self, index: int, where: str) -> str:
        """Name of a tensor as the file has it."""
        if index not in self.last and index in self.first:
            self.last[index] = self.transpose(self.first[index], TO_LAST)
        if index not in self.last:
            self.last[index] = self.graph.constant(f"constant_{index}", self.constant(index, where))
        return self.last[index]

    def image(self, index: int, where: str) -> str:
        """Name of a tensor of four axes with its channels first."""
        if len(self.source.tensors[index].shape) != 4:
            raise check.fail(f"{where}: input", list(self.source.tensors[index].shape), "four axes")
        if index not in self.first:
            self.first[index] = self.transpose(self.tensor(index, where), TO_FIRST)
        return self.first[index]

    def transpose(self, name: str, order: tuple[int, ...]) -> str:
        made = f"{name}.{'first' if order is TO_FIRST else 'last'}"
        return self.graph.node(made, "Transpose", name, perm=order)

    def constant(self, index: int, where: str) -> np.ndarray:
        """The reals that a constant means; integers without a scale stay."""
        tensor = self.source.tensors[index]
        if index in self.folded:
            return self.folded[index]
        if tensor.data is None:
            allowed = "a constant or a result made before it"
            raise check.fail(f"{where}: {tensor.name}", "not computed", allowed)
        if tensor.quantisation is not None:
            return tensor.quantisation.real(tensor.data)
        return tensor.data.astype(np.float32) if tensor.data.dtype.kind == "f" else tensor.data

    def state_result(self, name: str, index: int, where: str, *, first: bool) -> None:
        """Record the shape that the file states of a result."""
        shape = self.source.tensors[index].shape
        if first and len(shape) == 4:
            shape = tuple(shape[axis] for axis in TO_FIRST)
        self.stated[name] = (shape, where)

    def variable(self, operator: Operator) -> None:
        """Translate an operator on state: a variable's first reading is an input, its last assignment an
        output."""
        given, wanted = (len(operator.inputs), len(operator.outputs)), STATE[operator.opcode]
        if given != wanted:
            raise check.fail(f"{operator.where}: inputs and outputs", given, str(wanted))
        if operator.opcode == "VAR_HANDLE":
            container, name = operator.options["variable"]
            self.handles[operator.outputs[0]] = f"state.{container}{'.' if container else ''}{name}"
        elif operator.opcode != "CALL_ONCE":
            self.access(operator)

    def access(self, operator: Operator) -> None:
        if operator.inputs[0] not in self.handles:
            raise check.fail(f"{operator.where}: input 0", "no variable", "what VAR_HANDLE made")
        name = self.handles[operator.inputs[0]]
        if operator.opcode == "ASSIGN_VARIABLE":
            if operator.inputs[1] < 0:
                raise check.fail(f"{operator.where}: input 1", "left out", "a value")
            self.tensor(operator.inputs[1], operator.where)
            self.state[name] = operator.inputs[1]
            self.assigned.add(name)
        elif name not in self.state:
            self.state[name] = operator.outputs[0]
            self.last[operator.outputs[0]] = self.add_input(name, operator.outputs[0])
        else:
            held: TfliteTensor = self.source.tensors[self.state[name]]
            if held.shape != self.source.tensors[operator.outputs[0]].shape:
                raise check.fail(f"{operator.where}: shape of {name}", list(held.shape), "what is read of it")
            self.last[operator.outputs[0]] = self.tensor(self.state[name], operator.where)

    def split(self, name: str, inputs: list[str], outputs: list[str], axis: int) -> None:
        """Add a Split, the one node of several outputs."""
        self.graph.nodes.append(helper.make_node("Split", inputs, outputs, name=name, axis=axis))
