"""A quantised network run: its products by a device, all other nodes in float32 on the host.

A tensor is real (float32, or an integer type of the network's own) or, between two products that need no
real value, codes (int64), as the network's encodings say. Sums become real as float32(factor * (sum -
zero_point * sum of weights) + bias), computed in float64 and rounded once, so that the outputs too are the
same for every device. Products in groups: mapping.run.groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from golden import operators
from golden.blocks import Device, Job, Result
from golden.progress import Progress, untold
from golden.systolic.gemm import Gemm
from golden.systolic.operands import Operands
from mapping.layers import ProductLayer
from mapping.network import Node
from mapping.quantise.calibrate import finite_tensor
from mapping.quantise.groups import GroupedProduct
from mapping.quantise.matrix_products import QuantisedProduct
from mapping.quantise.networks import QuantisedProducts
from mapping.quantise.requantise_points import MOVING
from mapping.run import groups
from mapping.run.floating import Values, run_node, walk


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRun:
    """One product as it ran.

    cycles         as the device counted them, or None      codes   whether it was requantised on the array
    digest         of the device's values, the same for every device
    error, cosine  of a product in groups: against the float product of the same activations by the weights
                   before they
                   were quantised
    """

    name: str
    gemm: Gemm
    cycles: int | None
    digest: str
    codes: bool = False
    error: float | None = None
    cosine: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """outputs: of the network, by name. layers: in order. tensors: all computed tensors, if asked for."""

    outputs: dict[str, np.ndarray]
    layers: list[LayerRun]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def execute(
    quantised: QuantisedProducts,
    inputs: Mapping[str, np.ndarray],
    device: Device,
    *,
    progress: Progress = untold,
    all_tensors: bool = False,
) -> Execution:
    """Run on one set of inputs.

    raises  BadValue for inputs of another shape or type, or activations out of range; errors of the device
    """
    network, runs = quantised.network, list[LayerRun]()

    def compute(node: Node, values: Values) -> list[np.ndarray]:
        if node.name not in quantised.products:
            return on_host(quantised, node, values)
        output, ran = on_device(quantised, node.name, values, device)
        runs.append(ran)
        progress(node.name, len(runs), len(quantised.products))
        return [output]

    values = walk(network, inputs, compute, all_tensors=all_tensors)
    return Execution(
        outputs={tensor: values[tensor] for tensor in network.outputs},
        layers=runs,
        tensors={t: v for t, v in values.items() if t not in inputs} if all_tensors else {},
    )


def on_host(quantised: QuantisedProducts, node: Node, values: Values) -> list[np.ndarray]:
    """Run a host node. Codes are moved as they are; a constant factor is already in their encoding."""
    if node.inputs and quantised.in_codes(node.inputs[0]) and node.operator not in MOVING:
        return [values[node.inputs[0]].reshape(quantised.network.shapes[node.outputs[0]])]
    return run_node(node, values)


def on_device(
    quantised: QuantisedProducts, name: str, values: Values, device: Device
) -> tuple[np.ndarray, LayerRun]:
    """The output of a product, codes or reals."""
    x = quantised.products[name]
    if isinstance(x, GroupedProduct):
        left = x.layer.left(values[x.layer.inputs[0]]).astype(np.float64)
        found, real = groups.product(x, quantised.design, left, device)
        wanted = left @ x.real
        ran = record(
            name, x.layer.gemm, found, error=relative_error(real, wanted), cosine=cosine(real, wanted)
        )
        return finished(x.layer, real, values), ran
    left = x.layer.left(factor(quantised, x, 0, values), padding=x.zero_point)
    right = x.weights.codes if x.weights else x.layer.right(factor(quantised, x, 1, values))
    schedule, given = x.placement.schedule, Operands(left, right, x.scaling)
    found = device.run(Job(name=name, p=schedule.unit, shape=schedule, operands=given))
    ran = record(name, x.layer.gemm, found, codes=x.scaling is not None)
    if x.scaling is not None:
        return x.layer.output(found.values), ran
    sums = found.values
    if x.zero_point:
        sums = sums - x.zero_point * right.sum(axis=1, keepdims=True)
    return finished(x.layer, sums * x.factor, values), ran


def factor(quantised: QuantisedProducts, x: QuantisedProduct, place: int, values: Values) -> np.ndarray:
    """Codes of a factor: the tensor's own, or those of its reals."""
    tensor, scale = x.layer.inputs[place], (x.left, x.right)[place]
    assert scale is not None
    found = values[tensor]
    if quantised.in_codes(tensor):
        return found
    finite_tensor(tensor, found)
    return scale.quantise(found if place or x.evened is None else found / x.layer.along_channels(x.evened))


def finished(layer: ProductLayer, y: np.ndarray, values: Values) -> np.ndarray:
    """A product's output from its reals [batch, m, n]: bias added, activation applied, in its own type."""
    output = layer.output(y)
    if layer.inputs[2:] not in ((), ("",)):
        bias = layer.added(np.asarray(values[layer.inputs[2]], np.float64))
        output = output + float(layer.attributes.get("beta", 1.0)) * bias
    with np.errstate(over="ignore"):  # beyond the type's range is infinity, as in float
        output = output.astype(layer.dtype)
    return operators.evaluate(layer.activation, [output], {})[0] if layer.activation else output


def record(
    name: str, gemm: Gemm, found: Result, *, codes: bool = False, error: float | None = None,
    cosine: float | None = None,
) -> LayerRun:  # fmt: skip
    """The LayerRun of a product that ran."""
    digest = blake2b(found.values.tobytes(), digest_size=16).hexdigest()
    return LayerRun(
        name=name, gemm=gemm, cycles=found.cycles, digest=digest, codes=codes, error=error, cosine=cosine
    )


def relative_error(y: np.ndarray, wanted: np.ndarray) -> float:
    """|y - wanted| / |wanted|, of all elements; 0 where both are zero."""
    with np.errstate(invalid="ignore"):  # of infinities it is NaN
        difference, size = float(np.linalg.norm(y - wanted)), float(np.linalg.norm(wanted))
    return difference / size if size else float(difference > 0)


def cosine(y: np.ndarray, wanted: np.ndarray) -> float:
    """The cosine of two arrays, each as one vector; 1 where both are zero."""
    sizes = float(np.linalg.norm(y) * np.linalg.norm(wanted))
    return float((y * wanted).sum()) / sizes if sizes else float(not np.any(y) and not np.any(wanted))
