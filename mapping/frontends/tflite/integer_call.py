"""One TFLite operator with its operands, each checked when it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden import check
from golden.tflite.fixed_point import Rounding
from golden.tflite.quantisation import Quantisation
from mapping.frontends.tflite.reader import Operator, TfliteGraph, TfliteTensor

CODES = (np.dtype(np.int8), np.dtype(np.uint8))


@dataclass(frozen=True, slots=True)
class IntegerCall:
    """One operator with its operands. given: one for each input, None if left out."""

    graph: TfliteGraph
    operator: Operator
    given: Sequence[np.ndarray | None]
    rounding: Rounding
    product_rounding: Rounding

    def x(self, index: int = 0) -> np.ndarray:
        """An input that must be there."""
        found = self.optional(index)
        if found is None:
            raise check.fail(f"input {index}", "left out", "a tensor")
        return found

    def optional(self, index: int) -> np.ndarray | None:
        return self.given[index] if index < len(self.given) else None

    def image(self, index: int = 0) -> np.ndarray:
        """An input of four axes, none empty."""
        x = self.x(index)
        if x.ndim != 4 or not x.size:
            raise check.fail(f"input {index}", list(x.shape), "four axes, none empty")
        return x

    def integers(self, index: int) -> np.ndarray:
        """An input of plain integers: a shape, axes, sizes."""
        x = self.x(index)
        if x.dtype.kind != "i":
            raise check.fail(f"input {index}", x.dtype, "integers")
        return x.astype(np.int64)

    @property
    def result(self) -> TfliteTensor:
        if not self.operator.outputs:
            raise check.fail("outputs", "none", "1")
        return self.graph.tensors[self.operator.outputs[0]]

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.operator.options)

    def q(self, *inputs: int) -> tuple[Quantisation, ...]:
        """Quantisation of these inputs, then of the result; all have 8-bit codes."""
        for index in inputs:
            self.x(index)
        return tuple(scale_of(t) for t in [*(self.tensor(index) for index in inputs), self.result])

    def tensor(self, index: int) -> TfliteTensor:
        return self.graph.tensors[self.operator.inputs[index]]

    def unmoved(self, *inputs: int) -> None:
        """Raise BadValue unless codes mean the same before and after the operator."""
        tensors = [self.result, *(self.tensor(index) for index in inputs)]
        known = [t.quantisation for t in tensors if t.quantisation is not None]
        for each in known:
            if each.one_scale != known[0].one_scale or each.zero != known[0].zero:
                what = f"scale of {tensors[0].name}"
                raise check.fail(what, known[0].one_scale, f"{each.one_scale}, as its operands'")


def scale_of(tensor: TfliteTensor) -> Quantisation:
    if tensor.quantisation is None or tensor.dtype not in CODES:
        what = f"{tensor.dtype}, not quantised to 8 bits"
        raise check.fail(f"tensor {tensor.name}", what, "int8 or uint8 with a scale")
    return tensor.quantisation
