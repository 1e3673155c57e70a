"""Post-training quantisation: a float network to the integers of a target's matrix unit.

    A ~ sa (qa - za)      W ~ sw qw      Y = sa sw (sum qa qw - za sum qw) + bias

Weights: symmetric, a scale for each output channel, in pe.weight. Activations: a scale for the tensor, in
pe.activation; unsigned, with a zero point za besides. Where both factors are computed, the right one takes
pe.weight. A product's results leave as codes of the next product or as sums (mapping.boundary):

    codes   requantise((sum + round(bias / (sa sw)) - za sum qw) * (sa sw / sy))     on the array
    sums    float32(sa sw (sum - za sum qw) + bias)                                  on the host

Source: Jacob et al., CVPR 2018, section 2; ranges as in mapping.calibrate.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from golden import check
from golden.formats import Int, Scale
from golden.systolic.matrix_unit import Scaling
from golden.vector.requantise import multiplier_and_shift
from mapping.boundary import Read, factor_format, leaves_as_codes, result_bits
from mapping.calibrate import METHODS, SHRINKS, finite, observe
from mapping.layers import ProductLayer, layers
from mapping.network import Network
from mapping.target import Target
from mapping.tiles import Placement, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Constant weights. codes: int64 [batch, k, n], values of pe.weight. scale: float64 [batch or 1, 1, n]."""

    codes: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedProduct:
    """A matrix product as the array computes it.

    left, right   how the factors are coded; right is None where it is constant
    weights       the right factor where it is constant
    bias          float64 [n], or [batch, 1, n] of a grouped convolution; None if there is none or a node adds it
    scaling       of codes; None: sums leave
    out           how the codes are to be read; None: sums leave
    """

    layer: ProductLayer
    placement: Placement
    left: Scale
    right: Scale | None
    weights: Weights | None
    bias: np.ndarray | None
    scaling: Scaling | None = None
    out: Scale | None = None

    @property
    def zero_point(self) -> int:
        """Of the left factor's codes."""
        return 0 if self.left.zero_point is None else int(self.left.zero_point)

    @property
    def factor(self) -> np.ndarray:
        """What a sum of 1 is worth, float64, broadcasting with [batch, m, n]."""
        right = self.weights.scale if self.weights else np.asarray(self.right.scale if self.right else 1.0)
        return np.asarray(self.left.scale * right)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedNetwork:
    """A network and, by node name, its products on a target."""

    network: Network
    target: Target
    products: Mapping[str, QuantisedProduct]


def quantise(
    network: Network, target: Target, samples: Iterable[Mapping[str, np.ndarray]], *, method: str = "mse"
) -> QuantisedNetwork:
    """Quantise every matrix product of `network` for `target`, after calibration on `samples`.

    raises  BadValue: a format that cannot be scaled symmetrically, a value that is not finite, a layer that
            does not fit, an unknown method
    """
    check.one_of("calibration method", method, METHODS)
    for which in ("weight", "activation"):
        fmt = getattr(target.unit.pe, which)
        if fmt.max < 1 or (which == "weight" and not fmt.signed):
            raise check.fail(f"pe.{which}", fmt, f"{'' if which == 'weight' else 'uint1, or '}int2 and wider")
    found = layers(network)
    coded = {x.name: reads for x in found if (reads := leaves_as_codes(network, x, target))}
    scales = Scales(network, target, found, coded, samples, method)
    bits = result_bits(network, target)
    products = {
        x.name: product(x, network, place(x.name, target, x.gemm, bits[x.name]), scales) for x in found
    }
    return QuantisedNetwork(network=network, target=target, products=products)


class Scales:
    """The scale of every factor that is computed, and of every product that leaves as codes."""

    def __init__(
        self, network: Network, target: Target, found: list[ProductLayer], coded: Mapping[str, list[Read]],
        samples: Iterable[Mapping[str, np.ndarray]], method: str,
    ) -> None:  # fmt: skip
        self.target, self.method, self.coded = target, method, coded
        taken = {(read.layer, read.place) for reads in coded.values() for read in reads}
        factors = {
            (x.name, i): x.node.inputs[i]
            for x in found if x.node
            for i in (0, 1) if x.node.inputs[i] not in network.constants and (x.name, i) not in taken
        }  # fmt: skip
        results = {x.name: x.node.outputs[0] for x in found if x.node and x.name in coded}
        constant = {
            (x.name, 0): network.constants[x.node.inputs[0]]
            for x in found if x.node and x.node.inputs[0] in network.constants
        }  # fmt: skip
        seen = observe(network, samples, {*factors.values(), *results.values()})
        self.of: dict[tuple[str, int], Scale] = {
            key: seen[tensor].scale(factor_format(target, key[1]), method) for key, tensor in factors.items()
        }
        for key, values in constant.items():
            self.of[key] = tensor_scale(key[0], values, target.unit.pe.activation)
        self.out = {name: seen[tensor].scale(target.unit.out, method) for name, tensor in results.items()}
        for name, reads in coded.items():
            for read in reads:
                scale = self.out[name]
                self.of[read.layer, read.place] = replace(scale, scale=scale.scale * read.factor)


def tensor_scale(name: str, values: np.ndarray, fmt: Int) -> Scale:
    """Of a constant factor."""
    values = finite(f"{name}: constant factor", values)
    return Scale.symmetric(values, fmt) if fmt.signed else Scale.affine(values, fmt)


def product(x: ProductLayer, network: Network, placement: Placement, scales: Scales) -> QuantisedProduct:
    """One layer."""
    assert x.node is not None
    left, target = scales.of[x.name, 0], scales.target
    bias = channel_bias(x, network)
    weights = None
    if x.constant_weights:
        given = finite(x.node.inputs[1], network.constants[x.node.inputs[1]])
        least = least_scale(bias, left, target.unit.pe.accumulator)
        weights = quantise_weights(x, given, target.unit.pe.weight, least, scales.method)
    unscaled = QuantisedProduct(
        layer=x, placement=placement, left=left, right=scales.of.get((x.name, 1)), weights=weights, bias=bias
    )
    out = scales.out.get(x.name)
    return unscaled if out is None else replace(unscaled, out=out, scaling=scaling(unscaled, out, target))


def channel_bias(x: ProductLayer, network: Network) -> np.ndarray | None:
    """The constant bias of each channel, float64: [n], or [batch, 1, n] of a grouped convolution."""
    assert x.node is not None
    name = x.node.inputs[2] if len(x.node.inputs) > 2 else ""
    if name not in network.constants:
        return None
    value = finite(name, network.constants[name]).astype(np.float64) * float(x.attributes.get("beta", 1.0))
    if value.size == 1:
        return np.full(x.gemm.n, value.reshape(-1)[0])
    if x.operator == "Conv" and x.gemm.batch > 1:
        return value.reshape(x.gemm.batch, 1, x.gemm.n)
    return value.reshape(-1) if value.size == value.shape[-1] else None


def least_scale(bias: np.ndarray | None, left: Scale, acc: Int) -> np.ndarray:
    """Scale of each channel's weights under which the bias would leave half of the accumulator's range."""
    return np.asarray(0.0 if bias is None else np.abs(bias) / (left.scale * (acc.max // 2)))


def quantise_weights(x: ProductLayer, given: np.ndarray, fmt: Int, least: np.ndarray, method: str) -> Weights:
    """Per output channel. least: float64, smallest scale of a channel; a channel of zeros takes its neighbours'."""
    w = x.right(given).astype(np.float64) * float(x.attributes.get("alpha", 1.0))
    shared = (1,) if x.operator == "Conv" else (0, 1)  # axes over which a scale is one
    largest = np.abs(w).max(axis=shared, keepdims=True)
    usual = largest.max() if largest.max() > 0 else 1.0
    scale = np.where(largest > 0, largest, usual) / fmt.max
    if method == "mse":
        scale = scale * least_error(w, scale, fmt, shared)
    scale = np.maximum(scale, least)
    return Weights(codes=round_to(w, scale, fmt), scale=scale)


def round_to(w: np.ndarray, scale: np.ndarray, fmt: Int) -> np.ndarray:
    """Codes from -max to max, int64."""
    return np.clip(np.rint(w / scale), -fmt.max, fmt.max).astype(np.int64)


def least_error(w: np.ndarray, scale: np.ndarray, fmt: Int, shared: tuple[int, ...]) -> np.ndarray:
    """What to shrink each channel's scale by for the least squared error."""
    errors = [
        ((round_to(w, scale * by, fmt) * (scale * by) - w) ** 2).sum(axis=shared, keepdims=True)
        for by in SHRINKS[:24]
    ]
    return np.asarray(SHRINKS[np.argmin(errors, axis=0)])


def scaling(x: QuantisedProduct, out: Scale, target: Target) -> Scaling:
    """What the requantiser is given for codes that `out` describes."""
    unit, n = target.unit, x.layer.gemm.n
    factor = np.broadcast_to(x.factor.reshape(-1), (n,))
    bias = np.zeros(n) if x.bias is None else np.rint(x.bias / factor)
    if x.weights:
        bias = bias - x.zero_point * x.weights.codes[0].sum(axis=0)
    limit = unit.pe.accumulator
    where = f"layer {x.layer.name}: "
    try:
        multiplier, shift = multiplier_and_shift(
            factor / out.scale, Int(unit.multiplier_bits, signed=False), unit.max_shift
        )
        codes = limit.check("bias", bias.astype(np.int64))
    except check.BadValue as bad:
        raise check.BadValue(where + str(bad)) from None
    return Scaling(
        bias=codes,
        multiplier=multiplier,
        shift=shift,
        zero_point=0 if out.zero_point is None else int(out.zero_point),
        relu=x.layer.activation == "Relu",
    )
