"""A float network as a coded network: calibrated, its patterns recognised, every operator legalised.

    quantise_network    the network
    encoded             codes of the inputs, from reals

Constant weights are symmetric, with a scale for each output channel; activations that meet them have 8 bits
with a zero point, which the bias absorbs. Operands of sums and normalisations have 16 bits. Scores of
attention have 16 bits, 256 codes to an octave. Source: Jacob et al., CVPR 2018, section 2. Ranges:
mapping.quantise.calibrate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from mapping.ir import graph
from mapping.ir.encodings import Reals
from mapping.ir.verify import reads, validate, writes
from mapping.legalise import images, scores
from mapping.legalise.attention import absorbed
from mapping.legalise.coder import PASSED, Coder, standing
from mapping.legalise.gemms import spelt_gemms
from mapping.legalise.primitives import primitive
from mapping.legalise.rules import RULES
from mapping.network import HOST, Network
from mapping.passes import simplify
from mapping.patterns.recognise import recognise
from mapping.patterns.regions import UNMOVED
from mapping.quantise import equalise
from mapping.quantise.calibrate import METHODS, Observer, Seer, observe
from mapping.refused import at
from mapping.run.floating import run_float


def quantise_network(
    network: Network,
    p: AcceleratorParams,
    samples: Sequence[Mapping[str, np.ndarray]],
    *,
    method: str = "max",
) -> graph.CodedNetwork:
    """`network` for the accelerator, calibrated on `samples`. Inputs and outputs keep their names.

    Images of a batch are processed one after the other (mapping.legalise.images). Outputs that are constants
    are left out, unless all are: their values are in the network itself.

    method  of mapping.quantise.calibrate
    raises  BadValue, naming the node, for an operator or a shape that no unit has
    """
    check.one_of("calibration method", method, METHODS)
    if samples and (one := images.alone(network, samples[0])) is not None:
        count = images.samples_of(network)
        each = [part for sample in samples for part in images.split(sample, count)]
        batch = images.repeated(quantise_network(one, p, each, method=method), count)
        validate(batch, p)
        return batch
    network = spelt(network)
    if samples:
        first = samples[0]
        network = primitive(network, lambda n: {**first, **run_float(n, first, all_tensors=True)}, p.lanes)
    known = recognise(network, p.lanes)
    known_operators(known)
    made = {t for node in network.nodes for t in node.outputs if t} | set(network.inputs)
    kept = [t for node in known.nodes for t in (*node.inputs, *inner(node), *node.outputs) if t in made]
    c = Coder(known, p, {name: Observer() for name in kept}, method)
    want_forms(c)
    evenable = equalise.candidates(c)
    channels = equalise.seers(c, evenable)
    greatest = scores.seers(known)
    seers: list[tuple[str, Seer]] = [*c.seen.items(), *channels.items(), *greatest.items()]
    observe(network, samples, [(tensor, seer) for tensor, seer in seers if tensor in made])
    if softmaxes := scores.apart(network, known, greatest):
        return quantise_network(scores.less_greatest(network, softmaxes), p, samples, method=method)
    c.tops = scores.tops(c, greatest)
    unmoved = {t: t.replace(UNMOVED, "") for node in known.nodes for t in (*node.outputs, *inner(node))}
    c.seen.update({t: c.seen[real] for t, real in unmoved.items() if t != real and real in c.seen})
    equalise.choose(c, evenable, channels)
    lower(c)
    return finished(c)


def spelt(network: Network) -> Network:
    """The network with Gemms written out, without outputs that are constants, unless all are."""
    for node in network.nodes:
        if node.operator not in ("Split", HOST) and any(node.outputs[1:]):
            with at(node.name):
                what = f"{network.name}: node {node.name}: output {node.outputs[1]}"
                raise check.fail(what, "asked for", f"one output of {node.operator} on an accelerator")
    network = simplify(spelt_gemms(simplify(network)))
    computed = tuple(name for name in network.outputs if name not in network.constants)
    return replace(network, outputs=computed or network.outputs)


def known_operators(network: Network) -> None:
    """BadValue for an operator without a rule."""
    for node in network.nodes:
        with at(node.name):
            known = sorted({*RULES} - {HOST})
            if node.operator != HOST:
                check.one_of(f"{network.name}: node {node.name}: operator", node.operator, known)
    # the shape of Reshape is no operand: of a scalar it is empty
    read = (t for n in network.nodes for t in (n.inputs[:1] if n.operator == "Reshape" else n.inputs) if t)
    for tensor in {*network.outputs, *read, *(t for n in network.nodes for t in n.outputs if t)}:
        if 0 in network.shapes[tensor]:
            raise check.fail(f"{network.name}: tensor {tensor}: shape", list(network.shapes[tensor]),
                             "elements: no axis of length 0")  # fmt: skip


def inner(node: object) -> tuple[str, ...]:
    """The tensor between a product and the function that is fused with it."""
    fused = getattr(node, "attributes", {}).get("function")
    return fused.inputs if fused is not None else ()


def want_forms(c: Coder) -> None:
    """Fill c.wanted, the forms that readers want of each tensor, from the outputs back."""
    skipped = absorbed(c)
    for name in c.network.outputs:
        c.wanted.setdefault(name, set()).add(c.actual("half"))
    for node in reversed(c.network.nodes):
        for out in node.outputs:
            settle(c, out)
        if node.name in skipped:
            continue
        needs, _ = RULES[node.operator]
        for tensor, form in needs(c, node):
            c.wanted.setdefault(tensor, set()).add(c.actual(form))
    for name in c.network.inputs:
        settle(c, name)


def settle(c: Coder, tensor: str) -> None:
    """A form for a reader that accepts any: one that the tensor has, or bytes, since scores and indices
    saturate."""
    forms = c.wanted.setdefault(tensor, set())
    alone = "any" in forms and not forms & {*PASSED, "flag"}
    forms.discard("any")
    if not forms or alone or (tensor in c.given and c.given[tensor].dtype == "int8"):
        forms.add("byte")  # of a quantised network: its own codes first, all else from them


def lower(c: Coder) -> None:
    skipped = absorbed(c)
    c.masks = scores.masks(c)
    if c.given:
        c.tops = scores.tops(c, {})
    place_inputs(c)
    for node in c.network.nodes:
        if node.name in skipped:
            continue
        with at(node.name, f"{c.network.name}: node {node.name} ({node.operator}): "):
            RULES[node.operator][1](c, node)
            c.pass_grains(node)


# between an input and what reads an image: the same axes before and behind
ALIKE = ("Elementwise", "Add", "Sub", "Mul", "Div", "Concat", "QuantizeLinear", "DequantizeLinear")


def place_inputs(c: Coder) -> None:
    """Place images among the inputs, channels last, before any node reads them."""
    for node in c.network.nodes:
        imaged = node.operator == "Conv" or "Pool" in node.operator
        rank = len(c.shape(node.inputs[0])) if imaged else 0
        if rank not in (3, 4) or c.shape(node.inputs[0])[0] != 1:
            continue  # a batch of more is refused, by name, where the operator is lowered
        axes = (2, 3, 1) if rank == 4 else (0, 2, 1)
        for source, perm in sources(c, node.inputs[0], tuple(range(rank))):
            for form in sorted(c.wanted[source]):
                if (source, form) not in c.coded:
                    c.need(source, form, [perm[axis] for axis in axes])


def sources(c: Coder, x: str, perm: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Inputs of the network that x equals element by element; perm: the input's axis for each axis of x."""
    queue, seen = [(x, perm)], set()
    while queue:
        x, perm = queue.pop()
        if x in c.network.inputs:
            yield x, perm
        node = c.producers.get(x)
        if node is None or x in seen:
            continue
        seen.add(x)
        if node.operator == "Transpose":
            turned = node.attributes.get("perm", range(len(perm))[::-1])
            queue.append((node.inputs[0], tuple(turned[axis] for axis in perm)))
        elif node.operator in ALIKE:
            queue += [(t, perm) for t in node.inputs if t and len(c.shape(t)) == len(perm)]


def finished(c: Coder) -> graph.CodedNetwork:
    """The coded network, its outputs by their own names, without operations that nothing reads."""
    made_last = {name: standing(c, name, "half") for name in c.network.outputs}
    tensors, outputs = dict(c.tensors), []
    operations = list(c.operations)
    for name, found in made_last.items():
        old = tensors[found.name]
        encoding = replace(old.encoding, scale=found.scale, zero=found.zero)
        reals = Reals(shape=c.shape(name), axes=found.order, dtype=str(c.dtype(name)))
        tensor = graph.Tensor(name=name, shape=old.shape, encoding=encoding, reals=reals)
        if found.name != name:
            operations.append(graph.Reshape(name=name, x=found.name, y=name))
        tensors[name] = tensor
        outputs.append(name)
    needed, kept = set(outputs), []
    for operation in reversed(operations):
        if needed & set(writes(operation)):
            needed |= {*reads(operation), *writes(operation)}
            kept.append(operation)
    inputs = tuple(name for name in c.network.inputs if name in c.inputs)
    made = graph.CodedNetwork(
        name=c.network.name,
        tensors={name: tensor for name, tensor in tensors.items() if name in needed or name in inputs},
        operations=tuple(reversed(kept)),
        inputs=inputs,
        outputs=tuple(outputs),
    )
    validate(made, c.p)
    return made


def encoded(network: graph.CodedNetwork, real: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Codes of all inputs that the network reads, from the reals given."""
    return {name: network.tensors[name].encode(real[name]) for name in network.inputs if name in real}
