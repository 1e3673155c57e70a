"""Systola: each command of the command line as a function of the same name.

    import systola
    systola.generate("examples/ws16_int8.toml", "ws16")
    systola.map("resnet18.onnx", on="examples/ws16_int8.toml")["total"]["cycles"]

The functions and their arguments are those of the modules below; these are imported when first used.
"""

from importlib import import_module
from typing import Any

PLACES = {
    "demo": "systola.demonstration",
    "doctor": "systola.diagnosis",
    "generate": "systola.generation",
    "map": "systola.networks",
    "reproduce": "systola.reproduction",
    "run": "systola.networks",
    "synth": "systola.synthesis",
    "test": "systola.testing",
}

__all__ = ["demo", "doctor", "generate", "map", "reproduce", "run", "synth", "test"]


def __getattr__(name: str) -> Any:
    """The function `name`, whose module is imported only now: `import systola` stays quick."""
    if name not in PLACES:
        raise AttributeError(f"module 'systola' has no attribute {name!r}")
    return getattr(import_module(PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
