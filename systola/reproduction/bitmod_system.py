"""The cycle model with which BitMoD's authors compare their accelerator with ANT's, OliVe's and FP16's.

For each product of tokens x [T, K] by weights w [N, K] on an array of h x w PEs with dot products of d:

    compute = ceil(K / d) ceil(N / h) ceil(T / w) latency,
              latency = ceil(floor(bits) / 2) bit-serial, else 1
    memory  = 8 (fetches_w bytes_w + fetches_x bytes_x + bytes_y) / 256        bits a cycle, whole cycles
    cycles  = sum over the products of max(compute, memory)

Weights and tokens have 512 KiB each; where neither fits, the cheaper of reading the weights once for each
piece of the tokens and the tokens once for each piece of the weights. Scores and their products with the
values are products whose "weights" count 16 bits in memory; their compute takes the linear layers' latency,
an optimism for BitMoD that the paper's own model has.

Source: Chen et al., "BitMoD: Bit-serial Mixture-of-Datatype LLM Acceleration", HPCA 2025 (arXiv 2411.11745),
section V, and the parameters of its artefact (abdelfattah-lab/BitMoD-HPCA-25, November 2024), which stand in
bitmod_system.toml with the counts that it printed. Written anew from the formulae.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

BUFFER = 512 * 1024  # bytes, for weights and for tokens each
BITS_PER_CYCLE = 256  # of DRAM
CONTEXT = 256  # tokens
ACTIVATION_BITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """A decoder's shapes: gated: a gate beside the way up; kv_heads share keys and values."""

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    vocabulary: int
    gated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelledSystem:
    """An accelerator: PEs by phase (prefill, decode), operands of a dot product, bits of a weight by phase
    and, where the authors set them model by model, by model."""

    array: Sequence[Sequence[int]]
    dot: int
    serial: bool
    bits: Sequence[float] | Mapping[str, Sequence[float]]

    def weight_bits(self, model: str, decode: bool) -> float:
        """Bits of a weight, group overheads included."""
        found = self.bits[model] if isinstance(self.bits, Mapping) else self.bits
        return found[decode]


@dataclass(frozen=True, slots=True)
class LinearLayer:
    """y [tokens, outputs] = x by w [outputs, depth]; bytes in memory are those of what is named."""

    depth: int
    outputs: int
    tokens: int
    weight_bytes: int
    token_bytes: int
    output_bytes: int


def products(model: Decoder, weight_bits: float, decode: bool) -> Iterator[tuple[int, LinearLayer]]:
    """(how often, product) of one pass over the network: CONTEXT tokens, or one behind as many."""
    tokens = 1 if decode else CONTEXT
    hidden, kv = model.hidden, model.hidden // model.heads * model.kv_heads
    up = [(model.inner, hidden)] * (2 if model.gated else 1)
    linear = [(hidden, hidden)] * 2 + [(kv, hidden)] * 2 + [*up, (hidden, model.inner)]
    for times, shapes in ((model.layers, linear), (1, [(model.vocabulary, hidden)])):
        for n, k in shapes:
            weights = ceil(k * weight_bits / 8) * n
            yield times, LinearLayer(k, n, tokens, weights, bytes_of(k) * tokens, bytes_of(n) * tokens)
    scores = model.heads * tokens
    # the authors' model counts keys once for each row of scores, values once for each token
    keys, values = bytes_of(kv) * scores, bytes_of(kv) * tokens
    yield (
        model.layers,
        LinearLayer(hidden, tokens, scores, bytes_of(hidden) * tokens, keys, bytes_of(tokens) * scores),
    )
    yield (
        model.layers,
        LinearLayer(CONTEXT, scores, tokens, bytes_of(CONTEXT) * scores, values, bytes_of(scores) * tokens),
    )


def bytes_of(values: int) -> int:
    """Of activations."""
    return values * ACTIVATION_BITS // 8


def memory_cycles(p: LinearLayer) -> int:
    """Cycles of DRAM, by the cheaper of the two ways of reading again what does not fit."""
    weights, tokens = p.weight_bytes, p.token_bytes
    moved = weights + tokens
    if weights > BUFFER and tokens > BUFFER:
        again_weights = ceil(tokens / BUFFER) * weights + tokens
        again_tokens = ceil(weights / BUFFER) * tokens + weights
        moved = min(again_weights, again_tokens)
    return (moved + p.output_bytes) * 8 // BITS_PER_CYCLE


def cycles(machine: ModelledSystem, name: str, decode: bool) -> int:
    """Cycles of one pass of model `name`: CONTEXT tokens at once, or one more."""
    bits = machine.weight_bits(name, decode)
    high, wide = machine.array[decode]
    latency = ceil(floor(bits) / 2) if machine.serial else 1
    total = 0
    for times, p in products(MODELS[name], bits, decode):
        compute = ceil(p.depth / machine.dot) * ceil(p.outputs / high) * ceil(p.tokens / wide) * latency
        total += times * max(compute, memory_cycles(p))
    return total


DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
MODELS = {name: Decoder(**values) for name, values in DATA["models"].items()}
MACHINES = {name: ModelledSystem(**values) for name, values in DATA["machines"].items()}
PUBLISHED = {name: (each["prefill"], each["decode"]) for name, each in DATA["published"].items()}
