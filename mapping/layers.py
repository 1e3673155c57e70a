"""Matrix products of a network, and the tensors that go into one and come out of it.

    Y[b, m, n] = sum over k of A[b, m, k] W[b, k, n]

    operator              batch           m                        k                   n
    MatMul, W constant    axes of W       all rows of A            columns of A        columns of W
    MatMul, W computed    axes of Y       rows of A                columns of A        columns of W
    Gemm                  1               rows of A (transposed)   as given            as given
    Conv                  groups          samples * stops          channels * kernel   filters of a group

The rearrangements work on any type: on reals for the float reference, on codes for the array.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.operators.convolution import col2im, conv_window, im2col
from golden.operators.window import OperatorWindow
from golden.systolic.gemm import Gemm
from mapping.network import Network, Node, Shape, ShapeNetwork, batch_axes, gemm

FLOAT = np.dtype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLayer:
    """A node that is a matrix product. node: None for a layer known by its shape.

    constant_weights   W is a constant, not computed
    shapes             of the two factors and of the output
    dtype              of the output
    """

    name: str
    operator: str
    gemm: Gemm
    constant_weights: bool = True
    node: Node | None = None
    shapes: tuple[Shape, Shape, Shape] = ((), (), ())
    dtype: np.dtype[Any] = FLOAT

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tensors of the node: factors, bias."""
        return self.node.inputs if self.node else ()

    @property
    def output_name(self) -> str:
        return self.node.outputs[0] if self.node else ""

    @property
    def attributes(self) -> dict[str, Any]:
        given = dict(self.node.attributes) if self.node else {}
        return {name: value for name, value in given.items() if name != "activation"}

    @property
    def activation(self) -> str | None:
        """Operator applied to the product, if one is fused."""
        return self.node.attributes.get("activation") if self.node else None

    @property
    def window(self) -> OperatorWindow:
        """The window of a convolution."""
        return conv_window(self.shapes[0], self.shapes[1], **self.attributes)

    @property
    def channel_axis(self) -> int:
        """Axis of the first factor along which the product adds up."""
        if self.operator == "Conv":
            return 1
        return 0 if self.attributes.get("transA") else -1

    @property
    def channels(self) -> int:
        """Length of that axis; k is a multiple of it, the kernel's size, in a convolution."""
        return self.shapes[0][self.channel_axis]

    def along_channels(self, values: np.ndarray) -> np.ndarray:
        """A vector [channels] in a shape that broadcasts with the first factor."""
        axis = self.channel_axis % len(self.shapes[0])
        return values.reshape([-1 if i == axis else 1 for i in range(len(self.shapes[0]))])

    def left(self, x: np.ndarray, padding: int = 0) -> np.ndarray:
        """A [batch, m, k] of the first factor in the operator's layout. padding: the code of a real 0."""
        g = self.gemm
        if self.operator == "Conv":
            return im2col(x, self.window, groups=g.batch, padding=padding)
        if self.operator == "Gemm":
            return (x.T if self.attributes.get("transA") else x)[None]
        return self.batched(x, g.m, g.k)

    def right(self, w: np.ndarray) -> np.ndarray:
        """W [batch, k, n] of the second factor."""
        g = self.gemm
        if self.operator == "Conv":
            return w.reshape(g.batch, g.n, g.k).swapaxes(1, 2)
        if self.operator == "Gemm":
            return (w.T if self.attributes.get("transB") else w)[None]
        return self.batched(w, g.k, g.n)

    def batched(self, x: np.ndarray, rows: int, columns: int) -> np.ndarray:
        """A factor of a MatMul as [batch, rows, columns]."""
        if self.gemm.batch > 1:
            x = np.broadcast_to(x, (*batch_axes(*self.shapes[:2]), rows, columns))
        return x.reshape(self.gemm.batch, rows, columns)

    def added(self, bias: np.ndarray) -> np.ndarray:
        """A bias in a shape that broadcasts with the output: a convolution's has one number for each
        channel."""
        if self.operator == "Conv":
            return bias.reshape(-1, *(1,) * (len(self.shapes[2]) - 2))
        return bias

    def output(self, y: np.ndarray) -> np.ndarray:
        """The operator's output, from the product [batch, m, n]."""
        shape = self.shapes[2]
        return col2im(y, shape[0], shape[2:]) if self.operator == "Conv" else y.reshape(shape)


def layer(network: Network, node: Node) -> ProductLayer:
    """The layer that a matrix product of a network is."""
    a, w, y = (network.shapes[tensor] for tensor in (*node.inputs[:2], node.outputs[0]))
    return ProductLayer(
        name=node.name,
        operator=node.operator,
        gemm=gemm(network, node),
        constant_weights=node.inputs[1] in network.constants,
        node=node,
        shapes=(a, w, y),
        dtype=network.type_of(node.outputs[0]),
    )


def layers(network: Network | ShapeNetwork) -> list[ProductLayer]:
    """Every matrix product, in order."""
    if isinstance(network, ShapeNetwork):
        return [
            ProductLayer(name=x.name, operator=x.operator, gemm=Gemm(m=x.m, n=x.n, k=x.k, batch=x.batch))
            for x in network.layers
        ]
    return [layer(network, node) for node in network.nodes if node.is_product]


def host_operators(network: Network | ShapeNetwork) -> dict[str, int]:
    """{operator: number of its nodes that run on the host}: all that are no matrix products."""
    found: dict[str, int] = {}
    for node in () if isinstance(network, ShapeNetwork) else network.nodes:
        if not node.is_product:
            found[node.operator] = found.get(node.operator, 0) + 1
    return found
