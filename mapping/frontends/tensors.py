"""The tensors of a safetensors file, each checked when it is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from golden import check, files

MOST_BYTES = 1 << 37
FLOATS = ("F16", "F32", "F64")


class Tensors:
    """The file's tensors by name. prefix: text before each name, such as "bert."."""

    def __init__(self, path: Path, prefixes: tuple[str, ...], probe: str) -> None:
        """Open `path`; `probe` is a tensor that must be there behind one of `prefixes`."""
        if not path.exists():
            raise check.fail(str(path), "missing", "the weights beside config.json")
        files.regular_file(path, "a safetensors file", MOST_BYTES)
        self.where = path.name
        self.file: Any = self.read("the file", lambda: safe_open(path, framework="numpy"))
        self.names = set(self.read("the header", lambda: self.file.keys()))
        found = [prefix for prefix in prefixes if prefix + probe in self.names]
        self.prefix = found[0] if found else prefixes[0]

    def read(self, what: str, read: Callable[[], Any]) -> Any:
        """The result of `read`; BadValue for whatever the library raises."""
        try:
            return read()
        except (SafetensorError, OSError, ValueError, TypeError, KeyError, OverflowError) as wrong:
            reason = " ".join(str(wrong).split())
            raise check.fail(self.where, f"no safetensors file ({what}: {reason})", "a whole file") from None

    def get(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """A tensor as float32. BadValue, naming it, if it is missing, misshapen or not finite.

        A normalisation's weight and bias may have their old names, gamma and beta.
        """
        name = self.prefix + name
        if name not in self.names and old_name(name) in self.names:
            name = old_name(name)
        where = f"{self.where}: tensor {name}"
        if name not in self.names:
            raise check.fail(where, "missing", f"a file that holds it, {list(shape)}")
        entry = self.read(name, lambda: self.file.get_slice(name))
        check.one_of(f"{where}: type", entry.get_dtype(), FLOATS)
        if tuple(entry.get_shape()) != shape:
            raise check.fail(f"{where}: shape", entry.get_shape(), str(list(shape)))
        with np.errstate(over="ignore"):  # what does not fit is infinite, and refused
            value = np.asarray(self.read(name, lambda: self.file.get_tensor(name)), np.float32)
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            index = bad[0].tolist()
            raise check.fail(f"{where}{index}", value[tuple(index)], "finite numbers")
        return value


def old_name(name: str) -> str:
    """A normalisation's parameter as the first BERT files, converted from TensorFlow, name it."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
