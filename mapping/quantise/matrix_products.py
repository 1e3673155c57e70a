"""Post-training quantisation: a float network to the integers of a target's matrix unit.

    A ~ sa (qa - za)      W ~ sw qw      Y = sa sw (sum qa qw - za sum qw) + bias

Constant weights are symmetric, with a scale for each output channel, in pe.weight. Their left factors have a
scale and a zero point za for the tensor, in pe.activation, after equalisation of the channels
(mapping.quantise.smoothquant). Where both factors are computed, each tensor has a scale, the left one in
pe.activation (za = 0 if signed), the right one in pe.weight. A product leaves as codes of the next product or
as sums (mapping.quantise.requantise_points):

    codes   requantise((sum + round(bias / (sa sw)) - za sum qw) * (sa sw / sy))     on the array
    sums    float32(sa sw (sum - za sum qw) + bias)                                  on the host

Source: Jacob et al., CVPR 2018, section 2. Ranges: mapping.quantise.calibrate. "max" is the default: in int8
the least cosine to float of 20 sentence vectors of MiniLM was 0.997 (percentile 0.997, mse 0.992), and 59, 60
and 60 of 60 labels of magika were float's. With weights of 4 bits "mse" is better (0.915 against 0.875).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from golden import check
from golden.formats import Int, Scale
from golden.systolic.operands import ChannelScaling
from golden.vector.requantise import multiplier_and_shift
from mapping.cost.tilings import Placement, place
from mapping.ir.encodings import Affine
from mapping.layers import ProductLayer, layers
from mapping.network import Network
from mapping.quantise.calibrate import METHODS, Observer, Seer, finite_tensor, observe
from mapping.quantise.requantise_points import factor_format, factor_through, leaves_as_codes, result_bits
from mapping.quantise.smoothquant import Channels
from mapping.quantise.weights import WeightCodes, check_formats, quantise_weights, real_weights
from mapping.target import Target

LOST = 0.9  # of the largest magnitude: an error that leaves nothing of a product
MOST_KEPT = 1 << 22  # elements


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedProduct:
    """A matrix product as the array computes it.

    left, right   encodings of the factors; right is None where it is constant
    evened        float64 [channels], by which the left factor is divided before it is coded; None: 1
    weights       the right factor where it is constant
    bias          float64 [n], or [batch, 1, n] of a grouped convolution; None: none, or it is computed
    scaling       requantisation to codes; None: sums leave
    out           encoding of the codes; None: sums leave
    """

    layer: ProductLayer
    placement: Placement
    left: Scale
    right: Scale | None
    evened: np.ndarray | None = None
    weights: WeightCodes | None = None
    bias: np.ndarray | None = None
    scaling: ChannelScaling | None = None
    out: Scale | None = None

    @property
    def zero_point(self) -> int:
        """The zero point of the left factor's codes."""
        return 0 if self.left.zero_point is None else int(self.left.zero_point)

    @property
    def factor(self) -> np.ndarray:
        """The real value of a sum of 1, float64, broadcasting with [batch, m, n]; a Gemm's alpha is in the
        weights."""
        if self.weights:
            return np.asarray(self.left.scale * self.weights.scale)
        alpha = float(self.layer.attributes.get("alpha", 1.0))
        return np.asarray(alpha * self.left.scale * (self.right.scale if self.right else 1.0))


def quantise_codes(
    network: Network, target: Target, samples: Iterable[Mapping[str, np.ndarray]], method: str
) -> dict[str, QuantisedProduct]:
    """Every matrix product of `network` for `target`, after calibration on `samples`, by node name.

    raises  BadValue: a format that cannot be scaled symmetrically, a value that is not finite, a layer that
            does not fit, an unknown method
    """
    check.one_of("calibration method", method, METHODS)
    check_formats(target.unit)
    found = layers(network)
    bits = result_bits(network, target)
    placements = {x.name: place(x.name, target, x.gemm, bits[x.name]) for x in found}
    quantiser = Quantiser(network, target, found, method)
    observe(network, samples, quantiser.seers)
    return {x.name: quantiser.product(x, placements[x.name]) for x in found}


def encodings(network: Network, products: Mapping[str, QuantisedProduct]) -> dict[str, Affine]:
    """Encodings of products' results that are codes, and of tensors that are these codes moved or scaled."""
    found: dict[str, Affine] = {}
    for node in network.nodes:
        if node.name in products:
            if (out := products[node.name].out) is not None:
                found[node.outputs[0]] = Affine(
                    dtype=str(out.format), scale=float(out.scale), zero=int(out.zero_point or 0),
                    low=out.format.min, high=out.format.max,
                )  # fmt: skip
        elif node.inputs and (given := found.get(node.inputs[0])) is not None:
            factor = factor_through(node, network.constants)
            assert factor is not None, "codes are read by what moves or scales them alone"
            found.update(dict.fromkeys(node.outputs, replace(given, scale=given.scale * factor)))
    return found


class Quantiser:
    """The observations of tensors between layers: their places from the network, their ranges from `seers`.

    coded     layers that leave as codes, and the layers that read them
    incoming  by (layer, factor): the layer whose codes it reads, and how
    channels  by layer: left factors of products by constant weights
    tensors   by tensor: other factors, and results that leave as codes
    """

    def __init__(self, network: Network, target: Target, found: list[ProductLayer], method: str) -> None:
        self.network, self.target, self.method = network, target, method
        self.coded = {x.name: reads for x in found if (reads := leaves_as_codes(network, x, target))}
        self.incoming = {(r.layer, r.place): (name, r) for name, reads in self.coded.items() for r in reads}
        self.channels = {x.name: Channels(x) for x in found if self.has_channels(x)}
        self.tensors = {x.inputs[i]: Observer() for x in found for i in (0, 1) if self.is_plain(x, i)}
        self.results = {x.name: Observer() for x in found if x.name in self.coded}
        computed = [x for x in found if self.is_real(x, 0) and self.is_real(x, 1)]
        self.pairs = {x.name: (Sampled(), Sampled()) for x in computed}
        self.seers: list[tuple[str, Seer]] = [
            *self.tensors.items(),
            *((x.inputs[0], self.channels[x.name]) for x in found if x.name in self.channels),
            *((x.output_name, self.results[x.name]) for x in found if x.name in self.results),
            *((x.inputs[i], self.pairs[x.name][i]) for x in found for i in (0, 1) if x.name in self.pairs),
        ]

    def is_real(self, x: ProductLayer, i: int) -> bool:
        """Whether factor `i` is computed, and real until the host codes it."""
        return x.inputs[i] not in self.network.constants and (x.name, i) not in self.incoming

    def has_channels(self, x: ProductLayer) -> bool:
        """Whether the left factor is real, and meets a single set of weights."""
        return self.is_real(x, 0) and x.constant_weights and x.gemm.batch == 1

    def is_plain(self, x: ProductLayer, i: int) -> bool:
        return self.is_real(x, i) and not (i == 0 and self.has_channels(x))

    def product(self, x: ProductLayer, placement: Placement) -> QuantisedProduct:
        """A layer as a QuantisedProduct, after calibration."""
        bias = channel_bias(x, self.network)
        if not x.constant_weights:
            left, right = self.scale(x, 0), self.scale(x, 1)
            found = QuantisedProduct(layer=x, placement=placement, left=left, right=right, bias=bias)
            if x.name in self.pairs:
                check_resolution(found, *(kept.values for kept in self.pairs[x.name]))
        else:
            found = self.weighted(x, placement, bias)
        if x.name not in self.results:
            return found
        out = self.out(x.name)
        return replace(found, out=out, scaling=scaling(found, out, self.target))

    def weighted(self, x: ProductLayer, placement: Placement, bias: np.ndarray | None) -> QuantisedProduct:
        """A product by constant weights as a QuantisedProduct."""
        p = self.target.unit.pe
        w = real_weights(x, finite_tensor(x.inputs[1], self.network.constants[x.inputs[1]]))
        evened = None
        if channels := self.channels.get(x.name):
            evened, left = channels.choose(w[0], self.coder, p.activation, self.method)
            w = w * channels.spread(evened)[:, None]
        else:
            left = self.scale(x, 0)
        # the scale under which the bias would take half of the accumulator's range
        least = 0.0 if bias is None else np.abs(bias) / (left.scale * (p.accumulator.max // 2))
        coded = quantise_weights(w, p.weight, grouped=x.operator == "Conv", method=self.method, least=least)
        return QuantisedProduct(
            layer=x, placement=placement, left=left, right=None, evened=evened, weights=coded, bias=bias
        )

    def coder(self, w: np.ndarray) -> np.ndarray:
        """Weights [k, n] rounded to the reals that their codes represent."""
        fmt = self.target.unit.pe.weight
        coded = quantise_weights(w[None], fmt, grouped=False, method=self.method, least=0.0)
        return np.asarray(coded.codes[0] * coded.scale[0])

    def out(self, name: str) -> Scale:
        """The encoding of the codes as which a layer leaves."""
        fmt = self.target.unit.out
        return self.results[name].scale(fmt, self.method, symmetric=fmt.signed)

    def scale(self, x: ProductLayer, i: int) -> Scale:
        """The encoding of factor `i`, where its channels are not equalised."""
        fmt = factor_format(self.target, i)
        if (x.name, i) in self.incoming:
            source, read = self.incoming[x.name, i]
            out = self.out(source)
            return replace(out, scale=out.scale * read.factor)
        seen = self.tensors.get(x.inputs[i], Observer())
        if x.inputs[i] in self.network.constants:
            seen.see(finite_tensor(x.inputs[i], self.network.constants[x.inputs[i]]))
        has_zero_point = i == 0 and (x.constant_weights or not fmt.signed)
        return seen.scale(fmt, self.method, symmetric=not has_zero_point)


class Sampled:
    """The first tensor seen, unless it is large."""

    def __init__(self) -> None:
        self.values: np.ndarray | None = None

    def see(self, x: np.ndarray) -> None:
        if self.values is None and x.size <= MOST_KEPT:
            self.values = x


def check_resolution(x: QuantisedProduct, left: np.ndarray | None, right: np.ndarray | None) -> None:
    """BadValue, naming the layer, if the codes of two computed factors lose (almost) all of their product."""
    if left is None or right is None or x.right is None:
        return
    layer = x.layer
    real = np.matmul(layer.left(left).astype(np.float64), layer.right(right).astype(np.float64))
    coded = [scale.dequantise(scale.quantise(v)) for scale, v in ((x.left, left), (x.right, right))]
    found = np.matmul(layer.left(coded[0]), layer.right(coded[1]))
    largest = float(np.abs(real).max(initial=0.0))
    if largest and np.abs(found - real).max() >= LOST * largest:
        sizes = " and ".join(f"{np.abs(v).max():.3g}" for v in (left, right))
        what = f"at most {largest:.3g}, of factors up to {sizes}: nothing of it is left in codes"
        allowed = f"factors that one scale of {x.left.format} and one of {x.right.format} resolve"
        raise check.fail(f"layer {layer.name}: product", what, allowed)


def channel_bias(x: ProductLayer, network: Network) -> np.ndarray | None:
    """The constant bias of each channel, float64: [n], or [batch, 1, n] of a grouped convolution."""
    name = x.inputs[2] if len(x.inputs) > 2 else ""
    if name not in network.constants:
        return None
    value = finite_tensor(name, network.constants[name]).astype(np.float64)
    value = value * float(x.attributes.get("beta", 1.0))
    if value.size == 1:
        return np.full(x.gemm.n, value.reshape(-1)[0])
    if x.operator == "Conv" and x.gemm.batch > 1:
        return value.reshape(x.gemm.batch, 1, x.gemm.n)
    return value.reshape(-1) if value.size == value.shape[-1] else None


def scaling(x: QuantisedProduct, out: Scale, target: Target) -> ChannelScaling:
    """The requantiser's parameters for codes of the encoding `out`; BadValue names the layer."""
    unit, n = target.unit, x.layer.gemm.n
    factor = np.broadcast_to(x.factor.reshape(-1), (n,))
    bias = np.zeros(n) if x.bias is None else np.rint(x.bias / factor)
    if x.weights:
        bias = bias - x.zero_point * x.weights.codes[0].sum(axis=0)
    fixed = Int(unit.multiplier_bits, signed=False)
    try:
        codes = unit.pe.accumulator.check("bias", bias.astype(np.int64))
        multiplier, shift = multiplier_and_shift(factor / out.scale, fixed, unit.max_shift)
    except check.BadValue as bad:
        raise check.BadValue(f"layer {x.layer.name}: {bad}") from None
    return ChannelScaling(
        bias=codes,
        multiplier=multiplier,
        shift=shift,
        zero_point=0 if out.zero_point is None else int(out.zero_point),
        relu=x.layer.activation == "Relu",
    )
