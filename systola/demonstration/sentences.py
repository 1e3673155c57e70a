"""MiniLM whole, at 16 and at 128 tokens: how alike are real sentences, and longer texts?"""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from golden.progress import Progress
from mapping import frontends
from mapping.frontends.hugging_face import build_onnx
from mapping.network import Network
from mapping.passes import simplify
from mapping.target import Target
from systola.coding import of_network
from systola.demonstration import packages
from systola.demonstration.job import Inputs, Ran, answers, reference, run_on_rtl, section
from systola.report.schema import Answers, NetworkReport, figure

TOKENS = 16
WRITTEN = tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))
TEXTS = {int(tokens): (each["judged"], each["ranges"]) for tokens, each in WRITTEN.items()}
SENTENCES, CALIBRATION = TEXTS[TOKENS]


def tokenised(sentences: Sequence[str], tokens: int = TOKENS) -> list[Inputs]:
    """One input set a sentence, padded to `tokens`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packages.minilm() / "tokenizer.json"))
    tokenizer.enable_truncation(tokens)
    tokenizer.enable_padding(length=tokens)
    return [
        {
            "input_ids": np.array([word.ids], np.int64),
            "attention_mask": np.array([word.attention_mask], np.int64),
            "token_type_ids": np.array([word.type_ids], np.int64),
        }
        for word in tokenizer.encode_batch(list(sentences))
    ]


def embedding(hidden: np.ndarray, inputs: Inputs) -> np.ndarray:
    """The sentence's unit vector: the mean over its tokens, as the model's own pooling does it."""
    mask = inputs["attention_mask"][..., None]
    mean = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
    return np.asarray(mean[0] / np.linalg.norm(mean[0]))


def run(target: Target, tokens: int, progress: Progress) -> tuple[Ran, NetworkReport]:
    """Run what stands for `tokens` tokens; the report's section."""
    folder = packages.minilm()
    network = frontends.load(folder, tokens=tokens)
    assert isinstance(network, Network)
    network = replace(network, name=f"all-MiniLM-L6-v2, {tokens} tokens")
    texts, others = TEXTS[tokens]
    inputs = tokenised(texts, tokens)
    ran = run_on_rtl(of_network(simplify(network)), target, tokenised(others, tokens), inputs, progress)
    model = build_onnx(folder, tokens)
    floats = np.stack([embedding(reference(model, x)["last_hidden_state"], x) for x in inputs])
    found = np.stack(
        [embedding(r["last_hidden_state"], x) for r, x in zip(ran.outputs, inputs, strict=True)]
    )
    alike, pe = (floats * found).sum(axis=1), target.unit.pe
    return ran, section(
        ran,
        about="The sentence model all-MiniLM-L6-v2 whole, from token numbers to the last layer's states, at "
        f"{tokens} tokens: weights as published, quantised here to {pe.weight} x {pe.activation}.",
        answers=[similarities(texts, floats @ floats.T, found @ found.T), same(texts, alike)],
        agreement=figure("least cosine to float", f"{alike.min():.4f}", "onnxruntime"),
    )


def similarities(texts: Sequence[str], floats: np.ndarray, found: np.ndarray) -> Answers:
    """How alike each two sentences are, by float and by RTL."""
    rows = [
        [beginning(texts[i]), beginning(texts[j]), f"{floats[i, j]:.3f}", f"{found[i, j]:.3f}",
         f"{found[i, j] - floats[i, j]:+.3f}"]
        for i, j in combinations(range(len(texts)), 2)
    ]  # fmt: skip
    rows.sort(key=lambda row: -float(row[2]))
    return answers("Similarity of sentences", ["sentence", "and", "float", "RTL", "difference"], rows)


def same(texts: Sequence[str], alike: np.ndarray) -> Answers:
    """Each sentence's embedding beside float's."""
    rows = [[beginning(sentence), f"{value:.4f}"] for sentence, value in zip(texts, alike, strict=True)]
    return answers("Embeddings beside float's", ["sentence", "cosine of RTL to float"], rows)


def beginning(text: str) -> str:
    """Enough of a text to know it by."""
    return text if len(text) <= 60 else f"{text[:59]}\N{HORIZONTAL ELLIPSIS}"
