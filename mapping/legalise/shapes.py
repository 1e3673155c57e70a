"""Layers known by their shapes alone, as coded operations: each a product on an input of its own."""

from collections.abc import Callable

import numpy as np

from golden.accelerator.params import AcceleratorParams
from mapping.ir.encodings import Affine
from mapping.ir.graph import CodedNetwork, Product, Tensor
from mapping.ir.verify import validate
from mapping.legalise.fixed import plain
from mapping.network import Shape, ShapeLayer, ShapeNetwork
from mapping.unknown import unknown


def shaped(
    network: ShapeNetwork, p: AcceleratorParams, weights: Callable[[Shape, type], np.ndarray] = unknown
) -> CodedNetwork:
    """The layers as products; a layer of a batch becomes as many products of the same name.

    weights  returns weights of a shape and type
    raises   BadValue, naming the layer, for a layer that no unit accepts
    """
    tensors: list[Tensor] = []
    operations: list[Product] = []
    dtype = "int8" if p.unit.pe.activation.signed else "uint8"
    codes = Affine.whole(dtype)
    for layer in network.layers:
        image, kernel, strides, result = geometry(layer)
        made = weights((*kernel, layer.n), np.int64)
        for number in range(layer.batch):
            x, y = (f"{layer.name}:{end}{number}" for end in "xy")
            ends = ((x, image), (y, result))
            tensors += [Tensor(name=name, shape=shape, encoding=codes) for name, shape in ends]
            operations.append(
                Product(name=layer.name, x=x, y=y, weights=made, epilogue=plain(dtype), strides=strides)
            )
    coded = CodedNetwork(
        name=network.name,
        tensors={tensor.name: tensor for tensor in tensors},
        operations=tuple(operations),
        inputs=tuple(o.x for o in operations),
        outputs=tuple(o.y for o in operations),
    )
    validate(coded, p)
    return coded


def geometry(layer: ShapeLayer) -> tuple[Shape, tuple[int, int, int], tuple[int, int], Shape]:
    """Shapes of a layer's image, kernel and channels, its strides, and the shape of its result."""
    c = layer.conv
    if c is None:
        return (layer.m, layer.k), (1, 1, layer.k), (1, 1), (layer.m, layer.n)
    out = ((c.in_h - c.kernel_h) // c.stride_h + 1, (c.in_w - c.kernel_w) // c.stride_w + 1)
    kernel = (c.kernel_h, c.kernel_w, c.channels)
    return (c.in_h, c.in_w, c.channels), kernel, (c.stride_h, c.stride_w), (*out, c.filters)
