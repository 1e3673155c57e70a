"""Quantised ONNX networks with the scales, zero points and weights that the file states.

QDQ (QuantizeLinear and DequantizeLinear around float operators) and QOperator (QLinearConv and its like) are
read as the same thing: a float network, the encoding of each tensor, and the scales of constant weights
(onnx_stripped). It is then legalised as a float network is, except that no range is observed and nothing is
fused across a QuantizeLinear (boundaries). A tensor of uint8 is stored as int8, its codes and its zero point
128 less.

Requantisation rounds ties up, by a multiplier of 31 bits; onnxruntime multiplies in float32, rounds ties to
even and adds operands before it rounds: where operands are equal, codes differ by 1 at most. A function of
one coded tensor is a table of onnxruntime's own results.
"""

from collections.abc import Mapping

import numpy as np
import onnx
import onnx.inliner

from golden import check
from golden.accelerator.params import AcceleratorParams
from mapping.frontends import onnx_file
from mapping.frontends.onnx_boundaries import PASSING, placed, settled
from mapping.frontends.onnx_qlinear import QLINEAR
from mapping.frontends.onnx_stripped import DEQUANTISE, DYNAMIC, QUANTISE, Stripped
from mapping.ir import graph
from mapping.ir.verify import validate
from mapping.legalise import images
from mapping.legalise.coder import Coder
from mapping.legalise.float_network import finished, known_operators, lower, want_forms
from mapping.network import MATRIX_PRODUCTS, Network
from mapping.passes import simplify
from mapping.patterns.recognise import recognise
from mapping.refused import Refused


def is_quantised(model: onnx.ModelProto) -> bool:
    """Whether the model states how its tensors are coded."""
    stating = {QUANTISE, DEQUANTISE, *QLINEAR, *DYNAMIC}
    nodes = [*model.graph.node, *(node for f in model.functions for node in f.node)]
    return any(n.op_type in stating or n.op_type.startswith("QLinear") for n in nodes)


def product_of_codes(model: onnx.ModelProto) -> onnx.NodeProto | None:
    """The first Conv, Gemm or MatMul that reads the result of a DequantizeLinear, moved or not, or None."""
    codes: set[str] = set()
    for node in model.graph.node:
        reads = bool(codes.intersection(node.input))
        if reads and node.op_type in MATRIX_PRODUCTS:
            return node
        if node.op_type == DEQUANTISE or (reads and node.op_type in (*PASSING, "Concat")):
            codes.update(node.output)
    return None


class QuantisedModel:
    """A quantised model, read: its float network and the encodings that the file states.

    where   begins each error: the file's name
    raises  BadValue, naming the node or tensor
    """

    def __init__(
        self, model: onnx.ModelProto, where: str, name: str,
        *, tokens: int | None = None, dims: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        self.where = where
        self.bare = Stripped(model, where)
        self.network = onnx_file.from_model(self.bare.model(), where, name, tokens=tokens, dims=dims)

    def coded(self, p: AcceleratorParams, network: Network | None = None) -> graph.CodedNetwork:
        """The coded network for the accelerator, from the file's network or from `network`, its rewritten
        form. Inputs and outputs keep their names."""
        try:
            return self.lowered(p, network or self.network)
        except check.BadValue as bad:
            if str(bad).startswith((self.where, self.network.name)):
                raise
            message = f"{self.where}: {bad}"
            if isinstance(bad, Refused):
                raise Refused(message, bad.name) from None
            raise check.BadValue(message) from None

    def lowered(self, p: AcceleratorParams, network: Network) -> graph.CodedNetwork:
        network.check_room()
        network.check_elements()
        one = images.alone(network)
        if one is None:
            return self.of(network, p)
        made = images.repeated(self.of(one, p), images.samples_of(network))
        validate(made, p)
        return made

    def of(self, network: Network, p: AcceleratorParams) -> graph.CodedNetwork:
        """The coded network of `network`, which is the file's, or that of one image of its batch."""
        before = placed(network, self.bare.marks)
        network = simplify(before)
        scales, names = scales_after(before, network, self.bare.weight_scales)
        network, forms = settled(recognise(network, p.lanes), self.bare.forms, scales)
        known_operators(network)
        c = Coder(network, p, {}, "max")
        c.given, c.weight_scales, c.weight_names = forms, scales, names
        want_forms(c)
        lower(c)
        return finished(c)


def coded(
    model: onnx.ModelProto, p: AcceleratorParams, where: str, name: str,
    *, tokens: int | None = None, dims: Mapping[str, int] | None = None,
) -> graph.CodedNetwork:  # fmt: skip
    """A quantised model for the accelerator; see QuantisedModel."""
    return QuantisedModel(model, where, name, tokens=tokens, dims=dims).coded(p)


def scales_after(
    before: Network, after: Network, scales: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Scales of the products' constant weights after passes have transposed or multiplied the file's, and the
    file's names of those weights.

    A pass multiplies a whole output channel: its codes stay, its scale is multiplied too.
    """
    found, names = dict(scales), dict[str, str]()
    old = {node.name: node for node in before.nodes}
    for node in after.nodes:
        if not node.is_product or node.inputs[1] in found or node.name not in old:
            continue
        own, source = after.constants.get(node.inputs[1]), old[node.name]
        names[node.inputs[1]] = source.inputs[1]
        was, scale = before.constants.get(source.inputs[1]), scales.get(source.inputs[1])
        if own is None or was is None or scale is None:
            continue
        if node.operator != source.operator and source.attributes.get("transB"):
            was, scale = was.T, scale.T
        if own.shape != was.shape:
            continue
        axes = tuple(range(1, own.ndim)) if node.operator == "Conv" else (own.ndim - 2,)
        sizes = [np.abs(w.astype(np.float64)).max(axes, keepdims=True) for w in (own, was)]
        ratio = np.where(sizes[1] > 0, sizes[0] / np.where(sizes[1] > 0, sizes[1], 1), 1)
        found[node.inputs[1]] = scale * np.where(ratio > 0, ratio, 1)
    return found, names


