"""An audio embedding network, twenty convolutions in float32 as it ships, quantised here."""

import numpy as np

from golden.progress import Progress
from mapping.target import Target
from systola import coding
from systola.demonstration import packages, speech
from systola.demonstration.job import Inputs, Ran, answers, run_on_rtl, section
from systola.demonstration.tflite_runtime import TfliteInterpreter
from systola.report.schema import Answers, NetworkReport, figure

FRAMES = 76  # of 10 ms that the network sees at once
JUDGED, CALIBRATION = 4, 12  # windows


def windows(word: str, seed: int, count: int) -> list[np.ndarray]:
    """The network's inputs for a word: float32 [1, 76, 32, 1] each, by the package's own front-end."""
    path = packages.open_wake_word() / "melspectrogram.tflite"
    sound = speech.said(word, seed, 4).astype(np.float32)[None]
    with TfliteInterpreter(path.read_bytes()) as front_end:
        # scaled as the package does it
        spectrum = front_end.step(sound)[0].reshape(-1, 32) / 10 + 2
    starts = np.linspace(0, len(spectrum) - FRAMES, count).astype(int)
    return [spectrum[start : start + FRAMES].reshape(1, FRAMES, 32, 1).astype(np.float32) for start in starts]


def run(target: Target, progress: Progress) -> tuple[Ran, NetworkReport]:
    """Some windows of speech; the report's section."""
    path = packages.open_wake_word() / "embedding_model.tflite"
    source = coding.read(path)
    assert isinstance(source, coding.NetworkSource)
    (name,) = source.inputs
    samples: list[Inputs] = [{name: x} for x in windows("hey_jarvis", 5, CALIBRATION)]
    inputs: list[Inputs] = [{name: x} for x in windows("okay_nabu", 0, JUDGED)]
    ran = run_on_rtl(source, target, samples, inputs, progress)
    with TfliteInterpreter(path.read_bytes()) as interpreter:
        floats = np.stack([interpreter.step(given[name])[0].ravel() for given in inputs])
    found = np.stack([next(iter(output.values())).ravel() for output in ran.outputs])
    lengths = np.linalg.norm(floats, axis=1) * np.linalg.norm(found, axis=1)
    alike = (floats * found).sum(axis=1) / lengths
    return ran, section(
        ran,
        about="The audio embedding network of open wake words: twenty convolutions, leaky ReLU, max pooling, "
        f"weights as published in float32, quantised here to {target.unit.pe.weight} x "
        f"{target.unit.pe.activation}.",
        answers=[table(alike)],
        agreement=figure("least cosine to float", f"{alike.min():.4f}", "TFLite's run-time"),
    )


def table(alike: np.ndarray) -> Answers:
    """Each window's embedding beside float's."""
    rows = [[f"window {i + 1}", f"{value:.4f}"] for i, value in enumerate(alike)]
    columns = ["of speech", "cosine of RTL to float"]
    return answers("Embeddings beside float's", columns, rows, "TFLite; RTL")
