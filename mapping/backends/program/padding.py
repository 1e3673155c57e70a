"""Masks: zeros in the padding lanes behind the last channel, where two computed factors meet along their
channels.

Rows are padded to whole vectors. A product of x [m, k] and w [n, k] (transposed) sums over whole vectors of
both, so the padding of one of the two must be 0. It is 0 in tensors that the host writes and in constants; a
vector command writes to the padding what its bias and function make of 0. Such a factor is multiplied by ones
first, whose own padding is 0: a MAP that changes no code.
"""

from dataclasses import replace

import numpy as np

from golden.accelerator.params import AcceleratorParams
from mapping.ir.graph import CodedNetwork, Map, MatMul, Operation, Tensor
from mapping.legalise.fixed import plain


def masked(network: CodedNetwork, p: AcceleratorParams) -> CodedNetwork:
    """The network with a mask before each product both of whose factors may have padding other than 0."""
    tensors = dict(network.tensors)
    operations: list[Operation] = []
    clean = {name for name, tensor in tensors.items() if tensor.data is not None}
    clean |= set(network.inputs) - {into for into, _ in network.state}
    for o in network.operations:
        if isinstance(o, MatMul) and meets_padding(o, network, p) and not {o.x, o.w} & clean:
            made = mask(o, tensors)
            operations.append(made)
            o = replace(o, w=made.y)
        operations.append(o)
    return replace(network, tensors=tensors, operations=tuple(operations))


def meets_padding(o: MatMul, network: CodedNetwork, p: AcceleratorParams) -> bool:
    """Whether a product's sums run over padding lanes. Heads in columns each begin with a whole vector."""
    return o.transposed and network.tensors[o.x].shape[-1] % p.lanes != 0


def mask(o: MatMul, tensors: dict[str, Tensor]) -> Map:
    """A Map that copies w with its padding set to 0; its tensors are added to `tensors`."""
    factor = tensors[o.w]
    ones = f"{o.name}:ones"
    y = f"{o.name}:masked"
    channels = factor.shape[-1]
    tensors[ones] = Tensor(name=ones, shape=(channels,), data=np.ones(channels, np.int64))
    tensors[y] = replace(factor, name=y, reals=None)
    return Map(name=o.name, x=o.w, y=y, operation="mul", b=ones, epilogue=plain(factor.dtype))


__all__ = ["masked"]
