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
section V, and the parameters of its artefact (abdelfattah-lab/BitMoD-HPCA-25, November 2024), which printed
the counts in PUBLISHED. Written anew from the formulae.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

BUFFER = 512 * 1024  # bytes, for weights and for tokens each
BITS_PER_CYCLE = 256  # of DRAM
CONTEXT = 256  # tokens
ACTIVATION_BITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A decoder's shapes: gated: a gate beside the way up; kv_heads share keys and values."""

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    vocabulary: int
    gated: bool


MODELS = {
    "OPT-1.3B": Model(
        layers=24, hidden=2048, inner=8192, heads=32, kv_heads=32, vocabulary=50272, gated=False
    ),
    "Phi-2B": Model(
        layers=32, hidden=2560, inner=10240, heads=32, kv_heads=32, vocabulary=51200, gated=False
    ),
    "Yi-6B": Model(layers=32, hidden=4096, inner=11008, heads=32, kv_heads=4, vocabulary=64000, gated=True),
    "Llama-2-7B": Model(
        layers=32, hidden=4096, inner=11008, heads=32, kv_heads=32, vocabulary=32000, gated=True
    ),
    "Llama-2-13B": Model(
        layers=40, hidden=5120, inner=13824, heads=40, kv_heads=40, vocabulary=32000, gated=True
    ),
    "Llama-3-8B": Model(
        layers=32, hidden=4096, inner=14336, heads=32, kv_heads=8, vocabulary=128256, gated=True
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An accelerator: PEs by phase (prefill, decode), operands of a dot product, bits of a weight by phase
    and, where the authors set them model by model, by model."""

    array: tuple[tuple[int, int], tuple[int, int]]
    dot: int
    serial: bool
    bits: tuple[float, float] | dict[str, tuple[float, float]]

    def weight_bits(self, model: str, decode: bool) -> float:
        """Bits of a weight, group overheads included."""
        found = self.bits[model] if isinstance(self.bits, dict) else self.bits
        return found[decode]


@dataclass(frozen=True, slots=True)
class Product:
    """y [tokens, outputs] = x by w [outputs, depth]; bytes in memory are those of what is named."""

    depth: int
    outputs: int
    tokens: int
    weight_bytes: int
    token_bytes: int
    output_bytes: int


def products(model: Model, weight_bits: float, decode: bool) -> Iterator[tuple[int, Product]]:
    """(how often, product) of one pass over the network: CONTEXT tokens, or one behind as many."""
    tokens = 1 if decode else CONTEXT
    hidden, kv = model.hidden, model.hidden // model.heads * model.kv_heads
    up = [(model.inner, hidden)] * (2 if model.gated else 1)
    linear = [(hidden, hidden)] * 2 + [(kv, hidden)] * 2 + [*up, (hidden, model.inner)]
    for times, shapes in ((model.layers, linear), (1, [(model.vocabulary, hidden)])):
        for n, k in shapes:
            weights = ceil(k * weight_bits / 8) * n
            yield times, Product(k, n, tokens, weights, bytes_of(k) * tokens, bytes_of(n) * tokens)
    scores = model.heads * tokens
    # the authors' model counts keys once for each row of scores, values once for each token
    keys, values = bytes_of(kv) * scores, bytes_of(kv) * tokens
    yield (
        model.layers,
        Product(hidden, tokens, scores, bytes_of(hidden) * tokens, keys, bytes_of(tokens) * scores),
    )
    yield (
        model.layers,
        Product(CONTEXT, scores, tokens, bytes_of(CONTEXT) * scores, values, bytes_of(scores) * tokens),
    )


def bytes_of(values: int) -> int:
    """Of activations."""
    return values * ACTIVATION_BITS // 8


def memory_cycles(p: Product) -> int:
    """Cycles of DRAM, by the cheaper of the two ways of reading again what does not fit."""
    weights, tokens = p.weight_bytes, p.token_bytes
    moved = weights + tokens
    if weights > BUFFER and tokens > BUFFER:
        again_weights = ceil(tokens / BUFFER) * weights + tokens
        again_tokens = ceil(weights / BUFFER) * tokens + weights
        moved = min(again_weights, again_tokens)
    return (moved + p.output_bytes) * 8 // BITS_PER_CYCLE


def cycles(machine: Machine, name: str, decode: bool) -> int:
    """Cycles of one pass of model `name`: CONTEXT tokens at once, or one more."""
    bits = machine.weight_bits(name, decode)
    high, wide = machine.array[decode]
    latency = ceil(floor(bits) / 2) if machine.serial else 1
    total = 0
    for times, p in products(MODELS[name], bits, decode):
        compute = ceil(p.depth / machine.dot) * ceil(p.outputs / high) * ceil(p.tokens / wide) * latency
        total += times * max(compute, memory_cycles(p))
    return total


FP16 = Machine(array=((32, 24), (64, 12)), dot=1, serial=False, bits=(16, 16))
LOSSLESS = Machine(array=((32, 32), (64, 16)), dot=4, serial=True, bits=(6.0625, 6.0625))
LOSSY = Machine(array=((32, 32), (64, 16)), dot=4, serial=True, bits=(4.0625, 3.0625))
# The authors set the rivals' bits by hand: 5.5 and 4.5 for prefill, model by model for decoding. The latter
# are recovered here from the counts themselves: these twelve counts prove less than the other forty-eight.
ANT_DECODE = (5.0, 5.0, 5.25, 5.0, 5.0, 4.5)
OLIVE_DECODE = (3.875, 4.0, 4.25, 3.75, 3.75, 3.5)
ANT = Machine(
    array=((32, 32), (64, 16)),
    dot=1,
    serial=False,
    bits={model: (5.5, bits) for model, bits in zip(MODELS, ANT_DECODE, strict=True)},
)
OLIVE = Machine(
    array=((36, 32), (72, 16)),
    dot=1,
    serial=False,
    bits={model: (4.5, bits) for model, bits in zip(MODELS, OLIVE_DECODE, strict=True)},
)
MACHINES = {"FP16": FP16, "ANT": ANT, "OliVe": OLIVE, "BitMoD lossless": LOSSLESS, "BitMoD lossy": LOSSY}

# Cycles that the artefact prints for its figure of speedups, models in the order of MODELS: prefill, decode.
PUBLISHED = {
    "FP16": (
        (669255680, 1399816192, 2878668800, 3156574208, 6676111360, 3969089536),
        (82153718, 165841248, 362970848, 413518608, 804330080, 469624976),
    ),
    "ANT": (
        (440975360, 847773696, 1734868992, 1949564928, 4076584960, 2266234880),
        (25779238, 51998112, 119342816, 129497936, 251907680, 132370576),
    ),
    "OliVe": (
        (403718144, 779268096, 1575157760, 1768062976, 3648512000, 2008645632),
        (20018374, 41655712, 96691936, 97236816, 189155680, 105031744),
    ),
    "BitMoD lossless": (
        (336236544, 693780480, 1414209536, 1649680384, 3537397760, 1901133824),
        (31220054, 62986912, 137681120, 156919888, 305157360, 178109840),
    ),
    "BitMoD lossy": (
        (233070592, 515194880, 946937856, 1202921472, 2601461760, 1273233408),
        (15857750, 31959712, 69662944, 79493200, 154552560, 90099088),
    ),
}
