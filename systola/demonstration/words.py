"""A keyword network as it ships, INT8 TFLite with state: every step bit for bit what TFLite gives."""

import numpy as np

from golden.progress import Progress
from mapping.target import Target
from systola import coding
from systola.demonstration import packages, speech
from systola.demonstration.job import Inputs, Ran, answers, run_on_rtl, section
from systola.demonstration.tflite_runtime import TfliteInterpreter
from systola.report.schema import Answers, NetworkReport, figure

WORD = "okay_nabu"
STEPS = 150  # of 30 ms


def steps(source: coding.NetworkSource, count: int) -> list[Inputs]:
    """The word as the network hears it, int8 codes, rounded as its package does."""
    (name,) = source.inputs
    assert source.model is not None
    graph = source.model.graphs[0]
    quantisation = graph.tensors[graph.inputs[0]].quantisation
    assert quantisation is not None
    heard = speech.features(speech.said(WORD))[: 3 * count].reshape(count, *source.inputs[name].shape)
    codes = np.round(heard / quantisation.one_scale + quantisation.zero)
    return [{name: code} for code in np.clip(codes, -128, 127).astype(np.int8)]


def run(target: Target, progress: Progress, count: int = STEPS) -> tuple[Ran, NetworkReport]:
    """Say the word again and again; the report's section.

    raises  RuntimeError if a step is not what TFLite gives
    """
    path = packages.micro_wake_word() / "models" / f"{WORD}.tflite"
    source = coding.read(path)
    assert isinstance(source, coding.NetworkSource)
    inputs = steps(source, count)
    ran = run_on_rtl(source, target, [], inputs, progress)
    with TfliteInterpreter(path.read_bytes()) as interpreter:
        wanted = [int(interpreter.step(*given.values())[0].item()) for given in inputs]
    found = [int(next(iter(output.values())).item()) for output in ran.outputs]
    equal = sum(a == b for a, b in zip(found, wanted, strict=True))
    if equal != len(wanted):
        first = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
        raise RuntimeError(f"{WORD}: step {first} gives {found[first]}, TFLite {wanted[first]}")
    return ran, section(
        ran,
        about=f"The wake word {WORD}, an INT8 TFLite network with state, run as it ships: {count} steps of "
        "30 ms, speech made by a formant synthesiser, one program run a step.",
        answers=[heard_table(found, wanted)],
        agreement=figure("steps equal to TFLite's", f"{equal} of {len(wanted)}", "TFLite's run-time"),
    )


def heard_table(found: list[int], wanted: list[int]) -> Answers:
    """The loudest steps."""
    loud = sorted(sorted(range(len(found)), key=lambda i: -wanted[i])[:8])
    rows = [[f"{30 * i / 1000:.2f} s", str(wanted[i]), str(found[i])] for i in loud]
    columns = ["at", "TFLite says, of 255", "RTL says"]
    return answers("Where the word is heard", columns, rows, "TFLite; RTL")
