"""An INT8 TFLite network run in its codes, bit for bit with TFLite, step after step.

A network that keeps state between steps keeps it in variables: `Runner.step` is one invocation,
`Runner.reset` the state of a new interpreter.
"""

from collections.abc import Mapping

import numpy as np

from golden import check
from golden.tflite.fixed_point import Rounding
from mapping.frontends.tflite.integer_call import IntegerCall
from mapping.frontends.tflite.integer_operators import OPERATORS
from mapping.frontends.tflite.reader import Operator, TfliteGraph, TfliteModel
from mapping.frontends.tflite.to_onnx import STATE

# what numpy raises when shapes that a file states do not fit each other
MISFITS = (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError)
Variable = tuple[str, str]

# rounding of products (and the mean of an image), and of all else
KERNELS: dict[str, tuple[Rounding, Rounding]] = {
    "built_in": ("upward", "double"),
    "reference": ("double", "double"),
    "single": ("single", "single"),
}


class Runner:
    """A model with its state.

    kernels   the rounding: "built_in", of TFLite's interpreter on x86; "reference", of its reference kernels;
              "single",
              of either when compiled for single rounding
    tensors   computed by the last step, by name
    """

    def __init__(self, model: TfliteModel, kernels: str = "built_in") -> None:
        check.one_of("kernels", kernels, KERNELS)
        self.model = model
        self.kernels = kernels
        for graph in model.graphs:
            for operator in graph.operators:
                check.one_of(f"{model.where}: operator", operator.opcode, sorted({*OPERATORS, *STATE}))
        self.reset()

    def reset(self) -> None:
        """Back to the state before the first step."""
        self.variables: dict[Variable, np.ndarray] = {}
        self.called: set[int] = set()
        self.tensors: dict[str, np.ndarray] = {}

    def step(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name. inputs: by name, codes in the tensors' own types and shapes; else BadValue."""
        graph = self.model.graphs[0]
        given = {}
        names = {graph.tensors[index].name: index for index in graph.inputs}
        for name in inputs:
            check.one_of(f"{self.model.where}: input", name, names)
        for name, index in names.items():
            tensor = graph.tensors[index]
            if name not in inputs or inputs[name].dtype != tensor.dtype:
                what = inputs[name].dtype if name in inputs else "missing"
                allowed = f"{tensor.dtype} {list(tensor.shape)}"
                raise check.fail(f"{self.model.where}: input {name}", what, allowed)
            check.shape(f"{self.model.where}: input {name}", inputs[name], tensor.shape)
            given[index] = inputs[name]
        values = self.run(graph, given)
        self.tensors = {graph.tensors[index].name: value for index, value in values.items()}
        return {graph.tensors[index].name: values[index] for index in graph.outputs}

    def run(self, graph: TfliteGraph, values: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Every computed tensor, by number."""
        handles: dict[int, Variable] = {}
        for operator in graph.operators:
            if operator.opcode in STATE:
                self.state(graph, operator, values, handles)
            else:
                values.update(self.compute(graph, operator, values))
        for index in graph.outputs:
            if index not in values:
                name = graph.tensors[index].name
                raise check.fail(f"{self.model.where}: output {name}", "not computed", "a result")
        return values

    def compute(
        self, graph: TfliteGraph, operator: Operator, values: Mapping[int, np.ndarray]
    ) -> dict[int, np.ndarray]:
        """Outputs of one operator, each of the shape and type that the file states."""
        where = operator.where
        given = [self.value(graph, index, values, where) for index in operator.inputs]
        products, rest = KERNELS[self.kernels]
        call = IntegerCall(graph, operator, given, rounding=rest, product_rounding=products)
        try:
            made = OPERATORS[operator.opcode](call)
        except check.BadValue as bad:
            raise check.BadValue(f"{where}: {bad}") from None
        except MISFITS as wrong:
            raise check.fail(where, f"impossible ({wrong})", "operands that fit each other") from None
        if len(made) != len(operator.outputs):
            raise check.fail(f"{where}: outputs", len(operator.outputs), str(len(made)))
        for index, value in zip(operator.outputs, made, strict=True):
            tensor = graph.tensors[index]
            check.shape(f"{where}: output {tensor.name}", value, tensor.shape)
            if value.dtype != tensor.dtype:
                raise check.fail(f"{where}: output {tensor.name}", tensor.dtype, str(value.dtype))
        return dict(zip(operator.outputs, made, strict=True))

    def value(
        self, graph: TfliteGraph, index: int, values: Mapping[int, np.ndarray], where: str
    ) -> np.ndarray | None:
        """A tensor that an operator reads; None if it is left out."""
        if index < 0:
            return None
        found = values.get(index, graph.tensors[index].data)
        if found is None:
            what = f"{where}: input {graph.tensors[index].name}"
            raise check.fail(what, "not computed", "a constant, an input or a result made before it")
        return found

    def state(
        self, graph: TfliteGraph, operator: Operator, values: dict[int, np.ndarray],
        handles: dict[int, Variable],
    ) -> None:
        """Execute one operator on variables."""
        given, wanted = (len(operator.inputs), len(operator.outputs)), STATE[operator.opcode]
        if given != wanted:
            raise check.fail(f"{operator.where}: inputs and outputs", given, str(wanted))
        if operator.opcode == "CALL_ONCE":
            self.call_once(operator)
        elif operator.opcode == "VAR_HANDLE":
            handles[operator.outputs[0]] = operator.options["variable"]
        elif operator.inputs[0] not in handles:
            raise check.fail(f"{operator.where}: input 0", "no variable", "what VAR_HANDLE made")
        elif operator.opcode == "ASSIGN_VARIABLE":
            found = self.value(graph, operator.inputs[1], values, operator.where)
            if found is None:
                raise check.fail(f"{operator.where}: input 1", "left out", "a value")
            self.variables[handles[operator.inputs[0]]] = found
        else:
            self.read(graph, operator, handles[operator.inputs[0]], values)

    def read(
        self, graph: TfliteGraph, operator: Operator, variable: Variable, values: dict[int, np.ndarray]
    ) -> None:
        tensor = graph.tensors[operator.outputs[0]]
        where = f"{operator.where}: variable {variable[1]}"
        if variable not in self.variables:
            raise check.fail(where, "read before it is assigned", "an assignment first")
        found = self.variables[variable]
        check.shape(where, found, tensor.shape)
        if found.dtype != tensor.dtype:
            raise check.fail(where, found.dtype, str(tensor.dtype))
        values[operator.outputs[0]] = found

    def call_once(self, operator: Operator) -> None:
        """Run another graph, the first time only."""
        graph = operator.options["graph"]
        check.in_range(f"{operator.where}: graph", graph, 1, len(self.model.graphs) - 1)
        if graph not in self.called:
            self.called.add(graph)
            self.run(self.model.graphs[graph], {})

