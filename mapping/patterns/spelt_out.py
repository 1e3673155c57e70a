"""Normalisations and softmaxes that primitives spell out, recognised by their results on random numbers."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from mapping.network import Network, Node
from mapping.patterns.subgraphs import between, evaluate, with_node

# random numbers seldom meet the one place where these change: what they make may pass for a constant
JUMPING = frozenset("And ArgMax ArgMin Ceil Equal Floor Greater GreaterOrEqual Hardmax Less LessOrEqual Mod "
                    "Not Or Round Sign Where Xor".split())  # fmt: skip


def norms_and_softmaxes(network: Network) -> Network:
    """The network with LayerNormalization, and spelt-out normalisations and softmaxes, as single nodes."""
    for node in network.nodes:
        known = all(tensor in network.constants for tensor in node.inputs[1:] if tensor)
        if node.operator == "LayerNormalization" and known:
            network = with_node(network, layer_normalisation(network, node))
    for anchor in [n for n in network.nodes if n.operator in ("Sqrt", "Exp")]:
        if any(n.name == anchor.name for n in network.nodes):
            network = spelt_out(network, anchor)
    return network


def layer_normalisation(network: Network, node: Node) -> Node:
    """The operator as a Normalise: parameters as arrays, axes counted from the front."""
    rank = len(network.shapes[node.inputs[0]])
    axis = int(node.attributes.get("axis", -1)) % rank
    given = [network.constants.get(name) for name in node.inputs[1:]]
    gamma = given[0] if given and given[0] is not None else np.ones(1)
    beta = given[1] if len(given) > 1 and given[1] is not None else np.zeros(1)
    attributes = {
        "axis": axis, "axes": tuple(range(axis, rank)), "rms": False,
        "epsilon": float(node.attributes.get("epsilon", 1e-5)),
        "gamma": np.asarray(gamma, np.float64), "beta": np.asarray(beta, np.float64),
    }  # fmt: skip
    return replace(node, operator="Normalise", inputs=node.inputs[:1], attributes=attributes)


def ancestors(network: Network, node: Node, most: int = 24) -> Iterator[str]:
    """Computed tensors before a node, nearest first."""
    producers, queue = network.producers(), list(node.inputs)
    seen: set[str] = set()
    while queue and len(seen) < most:
        tensor = queue.pop(0)
        if tensor in seen or tensor in network.constants or not tensor:
            continue
        seen.add(tensor)
        yield tensor
        queue += producers[tensor].inputs if tensor in producers else ()


def descendants(network: Network, node: Node, most: int = 16) -> Iterator[str]:
    """Tensors behind a node, nearest first."""
    readers, queue = network.consumers(), list(node.outputs)
    seen: set[str] = set()
    while queue and len(seen) < most:
        tensor = queue.pop(0)
        if tensor not in seen:
            seen.add(tensor)
            yield tensor
            queue += [out for reader in readers.get(tensor, ()) for out in reader.outputs]


def spelt_out(network: Network, anchor: Node) -> Network:
    """The network with the normalisation or softmax around a Sqrt or Exp as one node, or None."""
    last = None
    sources = [x for x in ancestors(network, anchor) if np.prod(network.shapes[x]) > 1]
    for y in descendants(network, anchor):
        for x in sources:
            if network.shapes[x] != network.shapes[y]:
                continue
            nodes = between(network, x, y)
            if nodes is None or not 2 < len(nodes) < 24:
                continue
            if any(n.is_product or n.operator in JUMPING for n in nodes):
                continue
            judge = as_softmax if anchor.operator == "Exp" else as_normalise
            found = judge(network, nodes, x, y)
            if found is not None:
                last = found  # a softmax of x - max is one of x too: the farthest source, the last result
    return network if last is None else with_node(network, last)


def probe(
    network: Network, nodes: tuple[Node, ...], x: str, y: str
) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Random x and the resulting y, by seed; scale: the standard deviation of x."""

    def at(seed: int, scale: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
        value = np.random.default_rng(seed).normal(0.15 * scale, scale, network.shapes[x]).astype(np.float32)
        return value.astype(np.float64), evaluate(nodes, network.constants, {x: value})[y].astype(np.float64)

    return at


def as_softmax(network: Network, nodes: tuple[Node, ...], x: str, y: str) -> Node | None:
    at = probe(network, nodes, x, y)
    value, _ = at(1)
    for axis in range(value.ndim):
        if value.shape[axis] > 1 and all(is_softmax(*at(1, scale), axis) for scale in (2.0, 60.0, 1000.0)):
            return Node(
                name=nodes[-1].name, operator="Softmax", inputs=(x,), outputs=(y,), attributes={"axis": axis}
            )
    return None


def is_softmax(x: np.ndarray, made: np.ndarray, axis: int) -> bool:
    """Whether `made` is a softmax of x, except where exponentials exceed float32."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    wanted = powers / powers.sum(axis, keepdims=True)
    return bool(np.allclose(np.where(np.isfinite(made), made, wanted), wanted, atol=1e-5))


def as_normalise(network: Network, nodes: tuple[Node, ...], x: str, y: str) -> Node | None:
    """y = gamma standardised(x) + beta: gamma and beta fitted to two probes, tested on a third."""
    at = probe(network, nodes, x, y)
    probes = [at(seed) for seed in range(6)]
    epsilon = epsilon_of(network, nodes)
    for axis in range(probes[0][0].ndim):
        if probes[0][0].shape[axis] == 1:
            continue
        for rms in (False, True):
            made = normalised(probes, axis, rms, 0.0) or normalised(probes, axis, rms, epsilon)
            if made is not None and all(
                holds(*at(7, scale), axis, rms, epsilon, made) for scale in (1e-3, 30.0, 1000.0)
            ):
                attributes = {"axis": axis, "rms": rms, "epsilon": epsilon, **made}
                return Node(
                    name=nodes[-1].name,
                    operator="Normalise",
                    inputs=(x,),
                    outputs=(y,),
                    attributes=attributes,
                )
    return None


def normalised(
    probes: list[tuple[np.ndarray, np.ndarray]], axis: int, rms: bool, epsilon: float
) -> dict[str, np.ndarray] | None:
    """gamma and beta, with as few elements as broadcast: fitted to all probes but the last, tested on the
    last."""
    units = np.stack([standardised(x, axis, rms, epsilon) for x, _ in probes])
    made = np.stack([y for _, y in probes])
    u, y = units[:-1], made[:-1]
    deviation = u - u.mean(0)
    gamma = fewest((deviation * (y - y.mean(0))).sum(0) / (deviation**2).sum(0))
    beta = fewest((y - gamma * u).mean(0))
    wanted, scale = gamma * units[-1] + beta, np.abs(made[-1]).max() + 1e-6
    close = np.allclose(wanted / scale, made[-1] / scale, atol=1e-4)
    return {"gamma": gamma, "beta": beta} if close else None


def holds(
    x: np.ndarray, made: np.ndarray, axis: int, rms: bool, epsilon: float, found: dict[str, np.ndarray]
) -> bool:
    """Whether `made` follows from x by these attributes, for numbers small beside epsilon as well as
    large."""
    wanted = found["gamma"] * standardised(x, axis, rms, epsilon) + found["beta"]
    return bool(np.allclose(wanted, made, atol=1e-3 * (np.abs(made).max() + 1e-6)))


def standardised(x: np.ndarray, axis: int, rms: bool, epsilon: float = 0.0) -> np.ndarray:
    centred = x if rms else x - x.mean(axis, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(axis, keepdims=True) + epsilon))


def fewest(values: np.ndarray) -> np.ndarray:
    """The median along every axis on which `values` do not vary."""
    for axis in range(values.ndim):
        if np.ptp(values, axis).max() < 1e-3 * np.abs(values).max() + 1e-9:
            values = np.median(values, axis, keepdims=True)
    return values


def epsilon_of(network: Network, nodes: tuple[Node, ...]) -> float:
    """The constant that is added before the root."""
    root = next((n for n in nodes if n.operator == "Sqrt"), None)
    before = next((n for n in nodes if root and root.inputs[0] in n.outputs), None)
    if before is not None and before.operator == "Add":
        for name in before.inputs:
            if name in network.constants and network.constants[name].size == 1:
                return float(network.constants[name].ravel()[0])
    return 0.0
