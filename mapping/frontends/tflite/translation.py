"""A TFLite graph under translation to a coded network: its tensors, its state, and its operations on the
host.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from golden import check
from mapping.frontends.tflite.ends import OFF, check_codes, ends_of, signed
from mapping.frontends.tflite.integer_call import IntegerCall, scale_of
from mapping.frontends.tflite.integer_operators import OPERATORS
from mapping.frontends.tflite.integer_run import MISFITS, Runner
from mapping.frontends.tflite.reader import Operator, TfliteModel, TfliteTensor
from mapping.frontends.tflite.to_onnx import STATE
from mapping.ir import graph
from mapping.ir.encodings import Affine


class Translation:
    """A graph under translation.

    names  by a tensor's number, the name of the coded tensor that holds it
    host   whether operators that no unit computes bit for bit may go to a host
    """

    def __init__(self, model: TfliteModel, host: bool = False) -> None:
        check_codes(model)
        self.source, self.ends, self.as_it_is = model.graphs[0], ends_of(model), Runner(model)
        model = signed(model)
        self.model, self.graph = model, model.graphs[0]
        self.tensors: dict[str, graph.Tensor] = {}
        self.operations: list[graph.Operation] = []
        self.names: dict[int, str] = {}
        self.handles: dict[int, tuple[str, str]] = {}
        self.read: dict[tuple[str, str], str] = {}  # the input that a variable is
        self.assigned: dict[tuple[str, str], str] = {}  # what it becomes
        self.runner = Runner(model)
        self.host = host

    def translate(self, rules: Mapping[str, Callable[["Translation", Operator], None]]) -> graph.CodedNetwork:
        """The coded network, each operator by its rule."""
        g = self.graph
        for index in g.inputs:
            try:
                self.names[index] = self.describe(self.ends.coded[index], g.tensors[index].name)
            except check.BadValue as bad:
                raise check.BadValue(f"{self.model.where}: input {g.tensors[index].name}: {bad}") from None
        for operator in g.operators:
            if not (self.host and operator.opcode in OPERATORS):
                check.one_of(operator.where, operator.opcode, sorted({*rules, *STATE, "DEQUANTIZE"}))
            self.guarded(rules, operator)
        outputs = tuple(self.output(index) for index in g.outputs)
        state = tuple((name, self.assigned.get(variable, name)) for variable, name in self.read.items())
        return graph.CodedNetwork(
            name=self.model.name,
            tensors=self.tensors,
            operations=tuple(self.operations),
            inputs=(*(self.names[i] for i in g.inputs), *self.read.values()),
            outputs=outputs,
            state=state,
            initial={
                name: self.runner.variables[variable].reshape(self.tensors[name].shape).astype(np.int64)
                for variable, name in self.read.items()
            },
        )

    def guarded(
        self, rules: Mapping[str, Callable[["Translation", Operator], None]], operator: Operator
    ) -> None:
        """Translate one operator; BadValue names it and its place, whatever is wrong with it."""
        try:
            if operator.opcode in STATE:
                self.state(operator)
            elif not self.at_an_end(operator):
                self.placed(rules, operator)
        except check.BadValue as bad:
            if str(bad).startswith(self.model.where):
                raise
            raise check.BadValue(f"{operator.where}: {bad}") from None
        except (*MISFITS, KeyError) as wrong:
            reason = " ".join(str(wrong).split()) or type(wrong).__name__
            allowed = "operands that fit each other"
            raise check.fail(operator.where, f"impossible ({reason})", allowed) from None

    def placed(
        self, rules: Mapping[str, Callable[["Translation", Operator], None]], operator: Operator
    ) -> None:
        """Translate by its rule, or to the host where there is no rule, or none for these operands."""
        if operator.opcode not in rules:
            return self.on_host(operator, f"no unit does {operator.opcode}")
        tensors, names, count = dict(self.tensors), dict(self.names), len(self.operations)
        try:
            rules[operator.opcode](self, operator)
        except check.BadValue as bad:
            if not self.host:
                raise
            self.tensors, self.names = tensors, names
            del self.operations[count:]
            self.on_host(operator, str(bad))

    def on_host(self, operator: Operator, reason: str) -> None:
        """Add a host operation with TFLite's own integers (integer_operators), in the file's own types."""
        places = [place for place, index in enumerate(operator.inputs) if index in self.names]
        names = [self.input(operator, place) for place in places]
        results = [self.result(operator, place) for place in range(len(operator.outputs))]

        def compute(codes: Sequence[np.ndarray]) -> list[np.ndarray]:
            values = {}
            for place, x in zip(places, codes, strict=True):
                index = operator.inputs[place]
                tensor = self.source.tensors[index]
                values[index] = (x + self.off(index)).astype(tensor.dtype).reshape(tensor.shape)
            made = self.as_it_is.compute(self.source, operator, values)
            return [made[index].astype(np.int64) - self.off(index) for index in operator.outputs]

        self.add(
            graph.Host(name=results[0], x=names[0], others=tuple(names[1:]), y=results[0],
                       results=tuple(results[1:]), operator=operator.opcode, reason=reason, compute=compute)
        )  # fmt: skip

    def at_an_end(self, operator: Operator) -> bool:
        """Whether it is QUANTIZE of a real input, or DEQUANTIZE to a real output: then the codes themselves
        are the end."""
        if operator.opcode == "QUANTIZE" and self.graph.tensors[operator.inputs[0]].dtype == np.float32:
            if operator.inputs[0] not in self.graph.inputs:
                raise check.fail("input 0", "computed reals", "codes, or a real input of the network")
            self.names[operator.outputs[0]] = self.names[operator.inputs[0]]
            return True
        if operator.opcode != "DEQUANTIZE":
            return False
        if operator.outputs[0] not in self.graph.outputs:
            raise check.fail("output 0", "real, and not the network's", "codes until the last DEQUANTIZE")
        scale_of(self.graph.tensors[operator.inputs[0]])
        self.names[operator.outputs[0]] = self.input(operator)
        return True

    def output(self, index: int) -> str:
        """An output, by its name in the file."""
        name = self.graph.tensors[index].name
        if index not in self.names:
            raise check.fail(f"{self.model.where}: output {name}", "not computed", "a result")
        found = self.names[index]
        if found != name:
            old = self.tensors[found]
            self.tensors[name] = replace(old, name=name)
            self.add(graph.Reshape(name=name, x=found, y=name))
        return name

    def unsigned(self, operator: Operator) -> bool:
        """Whether the codes of the operator's result are uint8 in the file."""
        return self.source.tensors[operator.outputs[0]].dtype == np.uint8

    def off(self, index: int) -> int:
        """The file's codes less the coded network's: 128 where uint8 is stored as int8, else 0."""
        return OFF if self.source.tensors[index].dtype != self.graph.tensors[index].dtype else 0

    def describe(self, index: int, name: str | None = None) -> str:
        """Add a coded tensor like tensor `index` of the file."""
        t = self.graph.tensors[index]
        q = scale_of(t)
        name = name or t.name
        return self.tensor(name, rows(t.shape), str(t.dtype), float(q.one_scale), q.zero)

    def tensor(
        self, name: str, shape: graph.Shape, dtype: str, scale: float = 1.0, zero: int = 0,
        data: np.ndarray | None = None,
    ) -> str:  # fmt: skip
        encoding = replace(Affine.whole(dtype), scale=scale, zero=zero)
        self.tensors[name] = graph.Tensor(name=name, shape=shape, encoding=encoding, data=data)
        return name

    def input(self, operator: Operator, place: int = 0) -> str:
        """The coded tensor that an operator reads."""
        index = operator.inputs[place]
        if index not in self.names:
            raise check.fail(f"input {place}", self.graph.tensors[index].name, "an input or a result")
        return self.names[index]

    def call(self, operator: Operator) -> IntegerCall:
        """The operator with its constants, as an IntegerCall."""
        given = [None if i < 0 else self.graph.tensors[i].data for i in operator.inputs]
        return IntegerCall(self.graph, operator, given, rounding="double", product_rounding="upward")

    def result(self, operator: Operator, place: int = 0) -> str:
        index = operator.outputs[place]
        self.names[index] = self.describe(index)
        return self.names[index]

    def add(self, operation: graph.Operation) -> None:
        self.operations.append(operation)

    def state(self, operator: Operator) -> None:
        """Translate one operator on variables."""
        given, wanted = (len(operator.inputs), len(operator.outputs)), STATE[operator.opcode]
        if given != wanted:
            raise check.fail("inputs and outputs", given, str(wanted))
        if operator.opcode == "CALL_ONCE":
            self.runner.call_once(operator)
        elif operator.opcode == "VAR_HANDLE":
            self.handles[operator.outputs[0]] = operator.options["variable"]
        elif operator.inputs[0] not in self.handles:
            raise check.fail("input 0", "no variable", "what VAR_HANDLE made")
        elif operator.opcode == "ASSIGN_VARIABLE":
            self.assigned[self.handles[operator.inputs[0]]] = self.input(operator, 1)
        else:
            self.read_variable(operator, self.handles[operator.inputs[0]])

    def read_variable(self, operator: Operator, variable: tuple[str, str]) -> None:
        index = operator.outputs[0]
        if variable not in self.runner.variables:
            raise check.fail(f"variable {variable[1]}", "read before it is assigned", "an assignment first")
        check.shape(
            f"variable {variable[1]}", self.runner.variables[variable], self.graph.tensors[index].shape
        )
        if variable in self.assigned:
            self.names[index] = self.assigned[variable]
            return
        if variable not in self.read:
            self.read[variable] = self.describe(index, f"state.{variable[1]}")
        self.names[index] = self.read[variable]


def rows(shape: graph.Shape) -> graph.Shape:
    """The shape of a tensor without its batch of one; a vector is one row."""
    if len(shape) > 2 and shape[0] == 1:
        return shape[1:]
    return shape or (1,)


def ends(t: Translation, operator: Operator) -> tuple[TfliteTensor, TfliteTensor]:
    """The operator's first operand and its result."""
    return t.graph.tensors[operator.inputs[0]], t.graph.tensors[operator.outputs[0]]


def reshaped(t: Translation, name: str, shape: graph.Shape) -> str:
    """The tensor in another shape."""
    old = t.tensors[name]
    if old.shape == shape:
        return name
    made = f"{name}:{'x'.join(map(str, shape))}"
    if made not in t.tensors:
        t.tensors[made] = replace(old, name=made, shape=shape)
        t.add(graph.Reshape(name=made, x=name, y=made))
    return made
