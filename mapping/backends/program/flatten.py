"""Flattening before a product, as a convolution whose kernel is as large as the image.

In memory [h, w, c] and [1, h w c] differ where c is no multiple of the lanes, since rows are padded. A
product of the flat row by weights [h w c, n] is a convolution of [h, w, c] with weights [h, w, c, n]: no
element moves.
"""

from dataclasses import replace

from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.aliases import same_rows
from mapping.backends.program.layout import rows_of
from mapping.ir.graph import CodedNetwork, Operation, Product, Reshape
from mapping.ir.verify import reads


def flattened(network: CodedNetwork, p: AcceleratorParams) -> CodedNetwork:
    """The network without Reshapes that only feed products and would have to move elements."""
    gone = {o.y: o.x for o in network.operations if isinstance(o, Reshape) and moot(network, p, o)}
    operations: list[Operation] = []
    for o in network.operations:
        if isinstance(o, Product) and o.x in gone:
            shape = network.tensors[gone[o.x]].shape
            kernel = shape[-3:-1] if len(shape) > 2 else (1, shape[0])
            weights = o.weights.reshape(*kernel, shape[-1], -1)
            operations.append(replace(o, x=gone[o.x], weights=weights))
        elif o.y not in gone:
            operations.append(o)
    tensors = {name: tensor for name, tensor in network.tensors.items() if name not in gone}
    return replace(network, tensors=tensors, operations=tuple(operations))


def moot(network: CodedNetwork, p: AcceleratorParams, o: Reshape) -> bool:
    """Whether a Reshape turns several padded rows into one row that only products read."""
    x, y = network.tensors[o.x], network.tensors[o.y]
    readers = [each for each in network.operations if o.y in reads(each)]
    kept = {*network.outputs, *(name for pair in network.state for name in pair)}
    return (
        not same_rows(p, x, y)
        and rows_of(y.shape) == 1
        and len(x.shape) in (2, 3)
        and o.y not in kept
        and all(isinstance(each, Product) and plain(each, o.y) for each in readers)
    )


def plain(o: Product, x: str) -> bool:
    """Whether a product reads x row by row, and reads it for nothing else."""
    return o.weights.shape[:2] == (1, 1) and not any(o.pads) and not (o.residual and o.residual.b == x)
