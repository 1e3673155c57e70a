"""Between a network's own numbers and codes: any network file as a coded network, inputs in, outputs back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from golden.formats.rounding import finite
from mapping import frontends
from mapping.backends.program.segments import Made, Part, parts, with_host
from mapping.frontends import onnx_file, onnx_quantised
from mapping.frontends.onnx_parameters import Given
from mapping.frontends.tflite import as_codes, ends, reader
from mapping.ir.graph import CodedNetwork
from mapping.legalise.float_network import encoded, quantise_network
from mapping.legalise.outline import outline
from mapping.network import Network, ShapeNetwork, TensorType
from mapping.passes import simplify

Inputs = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSource:
    """The contents of a network file. inputs, outputs: as the user sees them.

    network  in reals, to be quantised
    model    TFLite in codes of 8 bits, run as it is
    onnx     ONNX that states its own codes, run as it is; an input or output of codes is one for the user
    """

    name: str
    inputs: Mapping[str, TensorType]
    outputs: tuple[str, ...]
    network: Network | None = None
    model: reader.TfliteModel | None = None
    onnx: onnx_quantised.QuantisedModel | None = None

    @property
    def fixed(self) -> Mapping[str, np.ndarray]:
        """Inputs that decided a shape when the file was read."""
        return self.network.fixed if self.network else {}

    def check(self, sample: Inputs) -> None:
        """BadValue for an input that no code is near: NaN, an infinity."""
        for name, values in sample.items():
            if values.dtype.kind == "f":
                finite(f"{self.name}: input {name}", values)

    def coded(
        self, p: AcceleratorParams, samples: Sequence[Inputs], method: str = "max", host: bool = False
    ) -> CodedNetwork:
        """The network in codes; a float one takes its ranges from `samples`, by a method of calibrate.

        host    what no unit does bit for bit may be computed on one
        """
        return self.made(p, samples, lambda coded: coded, method, host)

    def parts(
        self, p: AcceleratorParams, samples: Sequence[Inputs], method: str = "max", host: bool = False
    ) -> tuple[CodedNetwork, tuple[Part, ...]]:
        """The network in codes, and its programs, with what is on the host between them."""
        return self.made(p, samples, lambda coded: (coded, parts(coded, p, host)), method, host)

    def made(
        self, p: AcceleratorParams, samples: Sequence[Inputs] | None, make: Callable[[CodedNetwork], Made],
        method: str = "max", host: bool = False,
    ) -> Made:  # fmt: skip
        """The result of `make` for the network in codes. samples: None: weights and ranges are not known."""
        if self.model is not None:
            return make(as_codes.coded(self.model, host))
        network = self.network if self.onnx is None else self.onnx.network
        assert network is not None
        for sample in samples or ():
            self.check(sample)

        def of(network: Network) -> Made:
            if self.onnx is not None:
                return make(self.onnx.coded(p, network))
            if samples is None:
                return make(outline(network, p))
            return make(quantise_network(network, p, list(samples), method=method))

        return with_host(network, of) if host else of(network)


def read(
    path: Path, tokens: int | None = None, dims: Mapping[str, int] | None = None,
    given: Given | None = None,
) -> NetworkSource | ShapeNetwork:  # fmt: skip
    """The network in `path`; a list of shapes stays one. given: values of inputs that are parameters."""
    if path.suffix == ".tflite":
        model = reader.read(path)
        if ends.is_integer(model):
            frontends.refuse_sizes(path, tokens, 1, dims)
            tensors = model.graphs[0].tensors
            inputs = {
                tensors[i].name: TensorType(tensors[i].shape, np.dtype(tensors[i].dtype))
                for i in model.graphs[0].inputs
            }
            outputs = tuple(tensors[i].name for i in model.graphs[0].outputs)
            return NetworkSource(name=model.name, inputs=inputs, outputs=outputs, model=model)
    if path.suffix == ".onnx" and path.exists():
        model = onnx_file.read(path)
        if onnx_quantised.is_quantised(model):
            return of_quantised(path, model, tokens, dims)
    found = frontends.load(path, tokens=tokens, dims=dims, given=given)
    if isinstance(found, ShapeNetwork):
        return found
    return of_network(simplify(found))


ANEW = "which this design would quantise anew"
INSTEAD = "`systola map`, or a design of multipliers without groups, which runs codes as they are"


def in_codes(path: Path) -> tuple[str, str] | None:
    """Where a file has codes of its own, and what they are: TFLite, or ONNX whose products read codes."""
    if path.is_file() and path.suffix == ".tflite":
        found = ends.first_in_codes(reader.read(path))
        if found is not None:
            return f"{found[0].where}: tensor {found[1].name}", f"codes of {found[1].dtype}"
    if path.is_file() and path.suffix == ".onnx":
        product = onnx_quantised.product_of_codes(onnx_file.read(path))
        if product is not None:
            name = product.name or product.output[0]
            return f"{path.name}: node {name} ({product.op_type})", "a product of codes"
    return None


def refuse_codes(path: Path) -> None:
    """BadValue for a file in codes, where a run quantises them anew: its scales and weights would be lost."""
    if (found := in_codes(path)) is not None:
        raise check.fail(found[0], f"{found[1]}, {ANEW}", INSTEAD)


def of_quantised(
    path: Path, model: Any, tokens: int | None = None, dims: Mapping[str, int] | None = None
) -> NetworkSource:
    """ONNX with scales and zero points of its own."""
    made = onnx_quantised.QuantisedModel(model, path.name, path.stem, tokens=tokens, dims=dims)
    inputs = {
        name: TensorType(shape, made.bare.dtypes.get(name, dtype))
        for name, (shape, dtype) in made.network.inputs.items()
    }
    return NetworkSource(name=path.stem, inputs=inputs, outputs=made.network.outputs, onnx=made)


def of_network(network: Network) -> NetworkSource:
    """A float network, simplified."""
    network.check_elements()
    return NetworkSource(name=network.name, inputs=network.inputs, outputs=network.outputs, network=network)


def codes_of(source: NetworkSource, coded: CodedNetwork, sample: Inputs) -> dict[str, np.ndarray]:
    """The network's inputs as codes: reals to the nearest code, codes of a file as they are."""
    source.check(sample)
    if source.model is None:
        return encoded(coded, sample)
    found = ends.ends_of(source.model).encode(sample)
    return {name: codes.reshape(coded.tensors[name].shape) for name, codes in found.items()}


def real_types(network: Network | None) -> dict[str, np.dtype[Any]]:
    """The types of a network's outputs that are real numbers."""
    types = {name: network.type_of(name) for name in network.outputs} if network else {}
    return {name: dtype for name, dtype in types.items() if dtype.kind == "f"}


def answers(source: NetworkSource, coded: CodedNetwork, codes: Mapping[str, np.ndarray]) -> Inputs:
    """The network's outputs, as its file has them: codes of an INT8 model, else real numbers."""
    if source.model is None:
        fixed = source.network.constants if source.network is not None else {}
        found = {
            name: fixed[name] if name in fixed else coded.tensors[name].decode(codes[name])
            for name in source.outputs
        }
        dtypes = source.onnx.bare.output_dtypes() if source.onnx is not None else real_types(source.network)
        return {name: value.astype(dtypes.get(name, value.dtype)) for name, value in found.items()}
    return ends.ends_of(source.model).decode(codes)
