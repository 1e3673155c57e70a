"""MiniLM: every matrix product of the six encoder layers at 16 tokens; how alike are real sentences?"""

import numpy as np

from mapping import importers
from mapping.importers.hugging_face import build_onnx
from mapping.network import Network
from mapping.target import Target
from sim.engine import RtlEngine
from systola.demonstration import packages
from systola.demonstration.job import Inputs, Progress, Ran, reference, run_on_rtl, section
from systola.report.schema import Answers
from systola.report.schema import Network as Section

TOKENS = 16
SENTENCES = (
    "A man is playing a guitar on stage.",
    "Someone performs music with a stringed instrument.",
    "The cat sleeps on the warm windowsill.",
    "A kitten naps in the sun by the window.",
    "Quarterly profits rose by twelve percent.",
    "The company earned more money this quarter.",
)
# other sentences, so that the ranges are not taken from what is then judged
CALIBRATION = (
    "The train to the coast leaves at half past nine.",
    "She wrote a long letter to her grandmother.",
    "Rain is expected over the northern hills tonight.",
    "How do I reset the password of my account?",
    "The recipe needs two eggs and a cup of flour.",
    "Engineers tested the bridge before it opened.",
    "He did not agree with the court's decision.",
    "Bees visit thousands of flowers every day.",
)


def tokenised(sentences: tuple[str, ...]) -> list[Inputs]:
    """One input set a sentence, padded to TOKENS."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packages.minilm() / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS)
    tokenizer.enable_padding(length=TOKENS)
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


def run(target: Target, engine: RtlEngine, progress: Progress) -> tuple[Ran, Section]:
    """Run the sentences; the report's section."""
    folder = packages.minilm()
    network = importers.load(folder, tokens=TOKENS)
    assert isinstance(network, Network)
    inputs = tokenised(SENTENCES)
    ran = run_on_rtl(network, target, tokenised(CALIBRATION), inputs, engine, progress)
    model = build_onnx(folder, TOKENS)
    floats = np.stack([embedding(reference(model, x)["last_hidden_state"], x) for x in inputs])
    found = np.stack(
        [embedding(r.outputs["last_hidden_state"], x) for r, x in zip(ran.runs, inputs, strict=True)]
    )
    alike = (floats * found).sum(axis=1)
    return ran, section(
        ran,
        about=f"The sentence model all-MiniLM-L6-v2: six encoder layers, {TOKENS} tokens, weights as "
        f"published, quantised here to {target.unit.pe.weight} x {target.unit.pe.activation}.",
        answers=[similarities(floats @ floats.T, found @ found.T), same(alike)],
        agreement={
            "label": "least cosine to float",
            "value": f"{alike.min():.4f}",
            "source": "onnxruntime",
            "note": f"{len(SENTENCES)} sentences",
        },
    )


def similarities(floats: np.ndarray, found: np.ndarray) -> Answers:
    """How alike each two sentences are, by float and by RTL."""
    rows = [
        [
            SENTENCES[i],
            SENTENCES[j],
            f"{floats[i, j]:.3f}",
            f"{found[i, j]:.3f}",
            f"{found[i, j] - floats[i, j]:+.3f}",
        ]
        for i in range(len(SENTENCES))
        for j in range(i + 1, len(SENTENCES))
    ]
    rows.sort(key=lambda row: -float(row[2]))
    columns = ["sentence", "and", "float", "RTL", "difference"]
    return {
        "title": "Similarity of sentences",
        "columns": columns,
        "rows": rows,
        "source": "onnxruntime; RTL",
    }


def same(alike: np.ndarray) -> Answers:
    """Each sentence's embedding beside float's."""
    rows = [[sentence, f"{value:.4f}"] for sentence, value in zip(SENTENCES, alike, strict=True)]
    columns = ["sentence", "cosine of RTL to float"]
    return {
        "title": "Embeddings beside float's",
        "columns": columns,
        "rows": rows,
        "source": "onnxruntime; RTL",
    }
