"""MiniLM whole, at 16 and at 128 tokens: how alike are real sentences, and longer texts?"""

from dataclasses import replace

import numpy as np

from mapping import frontends
from mapping.frontends.hugging_face import build_onnx
from mapping.network import Network
from mapping.passes import simplify
from mapping.target import Target
from systola.coding import of_network
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

LONG = (
    "The old lighthouse stood at the end of a narrow spit of land, and every evening its keeper climbed "
    "the hundred and twelve steps with a can of oil in each hand. He had done so for thirty years. When "
    "the harbour authority wrote to say that the lamp would be replaced by an electric one, run from the "
    "mainland by a cable under the sea, he read the letter twice, folded it into the logbook and went up "
    "as usual. That night the fog came in so thick that three fishing boats steered home by his light "
    "alone.",
    "Caches keep copies of recently used data close to the processor, because main memory takes a hundred"
    " times longer to answer. When a program walks through an array in order, the hardware fetches the "
    "next lines before they are asked for. When it jumps about at random, most accesses miss and the "
    "processor waits. Rearranging the data so that what is used together lies together often helps more "
    "than any faster algorithm, and measuring the misses is the first step to knowing where the time "
    "goes.",
)
LONG_CALIBRATION = (
    "Bread needs four things: flour, water, salt and time. The dough is mixed in the evening, folded a "
    "few times and left in a cool place overnight, so that the yeast works slowly and the taste becomes "
    "deeper. In the morning it is shaped, rested once more under a cloth and baked in a very hot oven "
    "with a little steam, which keeps the crust soft long enough for the loaf to rise.",
    "The committee met on Tuesday to discuss the budget for the coming year. After a long debate the "
    "members agreed to spend less on roads and more on schools, and to ask the region for help with the "
    "bridge, whose repair has been put off three times. A second vote on the new library was postponed "
    "until the architect has shown what it would cost to heat.",
)
TEXTS = {16: (SENTENCES, CALIBRATION), 128: (LONG, LONG_CALIBRATION)}  # judged, for the ranges


def tokenised(sentences: tuple[str, ...], tokens: int = TOKENS) -> list[Inputs]:
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


def run(target: Target, tokens: int, progress: Progress) -> tuple[Ran, Section]:
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
        agreement={
            "label": "least cosine to float",
            "value": f"{alike.min():.4f}",
            "source": "onnxruntime",
        },
    )


def similarities(texts: tuple[str, ...], floats: np.ndarray, found: np.ndarray) -> Answers:
    """How alike each two sentences are, by float and by RTL."""
    rows = [
        [
            beginning(texts[i]),
            beginning(texts[j]),
            f"{floats[i, j]:.3f}",
            f"{found[i, j]:.3f}",
            f"{found[i, j] - floats[i, j]:+.3f}",
        ]
        for i in range(len(texts))
        for j in range(i + 1, len(texts))
    ]
    rows.sort(key=lambda row: -float(row[2]))
    columns = ["sentence", "and", "float", "RTL", "difference"]
    return {
        "title": "Similarity of sentences",
        "columns": columns,
        "rows": rows,
        "source": "onnxruntime; RTL",
    }


def same(texts: tuple[str, ...], alike: np.ndarray) -> Answers:
    """Each sentence's embedding beside float's."""
    rows = [[beginning(sentence), f"{value:.4f}"] for sentence, value in zip(texts, alike, strict=True)]
    columns = ["sentence", "cosine of RTL to float"]
    return {
        "title": "Embeddings beside float's",
        "columns": columns,
        "rows": rows,
        "source": "onnxruntime; RTL",
    }


def beginning(text: str) -> str:
    """Enough of a text to know it by."""
    return text if len(text) <= 60 else f"{text[:59]}\N{HORIZONTAL ELLIPSIS}"
