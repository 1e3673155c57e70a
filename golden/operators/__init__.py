"""ONNX operators in numpy, for the host, in the types that the standard gives them.

`OPERATORS` maps an ONNX operator to a function: its inputs in order (an omitted one is None), its attributes
by their ONNX names. Where ONNX moved an attribute to an input (axes, split), the function takes either.
A function rounds as numpy's float32 does; tests/operators holds each to onnxruntime within a stated
tolerance. float16 is computed in float32 and rounded once.
Source of the semantics: the ONNX operator specification, opsets 7 to 28.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from golden import check
from golden.operators import (
    attention,
    bits,
    codes,
    convolution,
    elementwise,
    indexing,
    matrix,
    normalisation,
    pooling,
    recurrent,
    reduction,
    resizing,
    sampling,
    scattering,
    shape,
    states,
    transposed,
)

OPERATORS: dict[str, Callable[..., Any]] = {
    **elementwise.OPERATORS,
    **shape.OPERATORS,
    **indexing.OPERATORS,
    **reduction.OPERATORS,
    **normalisation.OPERATORS,
    **matrix.OPERATORS,
    **convolution.OPERATORS,
    **pooling.OPERATORS,
    **transposed.OPERATORS,
    **resizing.OPERATORS,
    **sampling.OPERATORS,
    **scattering.OPERATORS,
    **bits.OPERATORS,
    **codes.OPERATORS,
    **recurrent.OPERATORS,
    **attention.OPERATORS,
    **states.OPERATORS,
}

# outputs of those that have several, however many are asked for
OUTPUTS = {
    "Dropout": 2, "MaxPool": 2, "LayerNormalization": 3, "BatchNormalization": 3, "TopK": 2, "RNN": 2,
    "GRU": 2, "LSTM": 3, "Attention": 4, "LinearAttention": 2,
}  # fmt: skip

# whose results have types of their own
TYPED = (
    "Cast", "CastLike", "LayerNormalization", "RMSNormalization", "LinearAttention", "QuantizeLinear",
    "DequantizeLinear", "QLinearMatMul",
)  # fmt: skip


def evaluate(
    operator: str, inputs: Sequence[np.ndarray | None], attributes: Mapping[str, Any]
) -> list[np.ndarray]:
    """Outputs of one operator. IEEE special values pass silently, as in any ONNX runtime.

    raises  BadValue for an operator or an attribute that is not known here
    """
    check.one_of("operator", operator, sorted(OPERATORS))
    for name in attributes:
        check.one_of(f"attribute of {operator}", name, sorted(attribute_names(operator)))
    # a result has the type of the first real operand, whatever a mask or an exponent beside it has
    first = next((x for x in inputs if x is not None and x.dtype.kind == "f"), None)
    half = operator not in TYPED and first is not None and first.dtype == np.float16
    given = [widened(x) for x in inputs] if half else inputs
    with np.errstate(all="ignore"):
        result = OPERATORS[operator](*given, **attributes)
    made = [np.asarray(r) for r in result] if isinstance(result, tuple) else [np.asarray(result)]
    return [r.astype(np.float16) if half and r.dtype == np.float32 else r for r in made]


def widened(x: np.ndarray | None) -> np.ndarray | None:
    """float16 as float32; others as they are."""
    return x.astype(np.float32) if x is not None and x.dtype == np.float16 else x


def attribute_names(operator: str) -> frozenset[str]:
    """Attributes that `operator` takes here."""
    return named_parameters(OPERATORS[operator])


@cache
def named_parameters(function: Callable[..., Any]) -> frozenset[str]:
    """Names of the parameters that may be given by name."""
    parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return frozenset(p.name for p in parameters if p.kind in named)
