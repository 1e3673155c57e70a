"""One TFLite operator under translation to ONNX: its operands by name, its constants, its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from golden import check
from mapping.frontends.tflite.reader import Operator, TfliteTensor

if TYPE_CHECKING:
    from mapping.frontends.tflite.to_onnx import OnnxTranslation

LIMITS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


@dataclass(frozen=True, slots=True)
class OperatorStep:
    """One operator and the graph that its translation is added to. name: of its nodes."""

    to: OnnxTranslation
    operator: Operator
    name: str

    @property
    def where(self) -> str:
        return self.operator.where

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.operator.options)

    def index(self, place: int) -> int:
        """Number of an input that must be there."""
        if place >= len(self.operator.inputs) or self.operator.inputs[place] < 0:
            raise check.fail(f"{self.where}: input {place}", "left out", "a tensor")
        return self.operator.inputs[place]

    def has(self, place: int) -> bool:
        return place < len(self.operator.inputs) and self.operator.inputs[place] >= 0

    def source(self, place: int) -> TfliteTensor:
        return self.to.source.tensors[self.index(place)]

    def x(self, place: int = 0) -> str:
        return self.to.tensor(self.index(place), self.where)

    def image(self, place: int = 0) -> str:
        return self.to.image(self.index(place), self.where)

    def constant(self, place: int, axes: int | None = None) -> np.ndarray:
        """An input whose values the file holds. axes: how many it must have."""
        found = self.to.constant(self.index(place), self.where)
        if axes is not None and found.ndim != axes:
            raise check.fail(f"{self.where}: axes of input {place}", found.ndim, str(axes))
        return found

    def integers(self, place: int) -> list[int]:
        """A constant of plain integers."""
        found = self.constant(place)
        if found.dtype.kind != "i":
            raise check.fail(f"{self.where}: input {place}", found.dtype, "integers")
        return [int(value) for value in found.ravel()]

    def result(self, place: int = 0) -> TfliteTensor:
        if place >= len(self.operator.outputs):
            raise check.fail(f"{self.where}: output {place}", "left out", "a tensor")
        return self.to.source.tensors[self.operator.outputs[place]]

    def node(self, operator: str, *inputs: str, suffix: str = "", **attributes: Any) -> str:
        return self.to.graph.node(self.name + suffix, operator, *inputs, **attributes)

    def value(self, suffix: str, value: Any) -> str:
        """A new constant."""
        return self.to.graph.constant(f"{self.name}:{suffix}", np.asarray(value))

    def done(self, name: str, *, first: bool = False, place: int = 0) -> None:
        """Let `name` be the result; first: its channels are first."""
        self.result(place)
        index = self.operator.outputs[place]
        if index in self.to.last or index in self.to.first:
            what = f"{self.where}: result {self.result(place).name}"
            raise check.fail(what, "there already", "a new tensor")
        (self.to.first if first else self.to.last)[index] = name
        self.to.state_result(name, index, self.where, first=first)

    def activated(self, name: str, *, first: bool = False) -> None:
        """Let `name`, through the fused activation, be the result."""
        self.done(activation(self, name, self.options.get("activation", "NONE")), first=first)


def activation(step: OperatorStep, name: str, fused: str) -> str:
    """An activation's output; `name` itself where there is none."""
    if fused == "NONE":
        return name
    if fused in ("RELU", "TANH"):
        return step.node({"RELU": "Relu", "TANH": "Tanh"}[fused], name, suffix=".activation")
    check.one_of(f"{step.where}: fused activation", fused, ["NONE", "RELU", "TANH", *LIMITS])
    ends = zip(("low", "high"), LIMITS[fused], strict=True)
    low, high = (step.value(end, np.float32(x)) for end, x in ends)
    return step.node("Clip", name, low, high, suffix=".activation")
