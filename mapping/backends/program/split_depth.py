"""Split of the depth: products too deep for the scratchpad or for pe.group, as sums of products of slices of
the channels, added up as 32-bit integers.

    y_0 = x_0 w_0,  y_i = x_i w_i + y_(i-1),  y = epilogue of the last

A tile of columns of the weights must be in the scratchpad as a whole while it is used, and the next one
beside it. Slices of x are vectors of its rows, which need not be moved.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from golden.accelerator.elements import BLOCK_WORDS
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from mapping.backends.program.layout import pass_words
from mapping.backends.program.scratchpad_allocation import Regions
from mapping.backends.program.window import split
from mapping.ir.encodings import Affine
from mapping.ir.graph import CodedNetwork, Epilogue, Map, Operation, Product, Residual, Slice, Tensor


def shallow(network: CodedNetwork, p: AcceleratorParams) -> CodedNetwork:
    """The network with each product that is too deep as several products, and a Map behind them."""
    tensors = dict(network.tensors)
    operations: list[Operation] = []
    for o in network.operations:
        parts = vectors_of(o, p) if isinstance(o, Product) else []
        if isinstance(o, Product) and len(parts) > 1:
            operations += in_parts(o, p, parts, tensors)
        else:
            operations.append(o)
    return replace(network, tensors=tensors, operations=tuple(operations))


def vectors_of(o: Product, p: AcceleratorParams) -> list[tuple[int, int]]:
    """(first, count) of the vectors of a pixel in each slice."""
    kh, kw, c, _ = o.weights.shape
    room = Regions(p).weights.words // 2 - BLOCK_WORDS
    most = min(room // pass_words(p), most_passes(p)) // (kh * kw)
    return split(ceil_div(c, p.lanes), max(1, most))


def in_parts(
    o: Product, p: AcceleratorParams, parts: list[tuple[int, int]], tensors: dict[str, Tensor]
) -> list[Operation]:
    """The operations that compute o.y slice by slice; their intermediate tensors are added to `tensors`."""
    one = np.ones(1, np.int64)
    as_it_is = Epilogue(bias=0 * one, multiplier=one, shift=0 * one)
    x, y = tensors[o.x], tensors[o.y]
    made: list[Operation] = []
    before: str | None = None
    for number, (first, count) in enumerate(parts):
        start, end = first * p.lanes, min((first + count) * p.lanes, x.shape[-1])
        part, total = f"{o.y}:channels{number}", f"{o.y}:sums{number}"
        tensors[part] = replace(x, name=part, shape=(*x.shape[:-1], end - start))
        tensors[total] = Tensor(name=total, shape=y.shape, encoding=Affine.whole("int32"))
        made.append(Slice(name=o.name, x=o.x, y=part, axis=len(x.shape) - 1, start=start, length=end - start))
        made.append(
            replace(
                o, x=part, y=total, weights=o.weights[:, :, start:end], epilogue=as_it_is,
                residual=None if before is None else Residual(b=before),
            )
        )  # fmt: skip
        before = total
    assert before is not None
    r = o.residual
    more: Any = (
        {} if r is None else {"b": r.b, "b_zero": r.zero, "b_multiplier": r.multiplier, "b_shift": r.shift}
    )
    operation = "copy" if r is None else "add"
    return [*made, Map(name=o.name, x=before, y=o.y, epilogue=o.epilogue, operation=operation, **more)]
