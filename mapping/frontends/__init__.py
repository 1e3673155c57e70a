"""Networks from files: ONNX, TFLite, GGUF, Hugging Face, SCALE-Sim topologies, and shapes in TOML."""

from collections.abc import Callable, Mapping
from pathlib import Path

from golden import check
from mapping.frontends import gguf, hugging_face, onnx_file, scale_sim, shapes_toml
from mapping.frontends.onnx_parameters import Given
from mapping.frontends.tflite import file
from mapping.network import Network, ShapeNetwork

KINDS = (
    "a .onnx file, a .tflite file, a .gguf file, a .csv topology, a .toml of shapes, or a Hugging Face "
    "folder with config.json"
)


def load(
    path: Path, *, tokens: int | None = None, batch: int = 1, dims: Mapping[str, int] | None = None,
    given: Given | None = None,
) -> Network | ShapeNetwork:  # fmt: skip
    """The network in `path`, by the kind of file.

    tokens, batch  sizes of dimensions that a network leaves open: tokens of a sentence, samples at once
    dims           sizes of open ONNX dimensions, by their names
    given          values of inputs of an ONNX file that are parameters, by their names
    raises         BadValue, naming the file and the part of it that cannot be used
    """
    path = Path(path)
    if not path.exists():
        raise check.fail(str(path), "missing", KINDS)
    check.in_range("batch", batch, 1, 1 << 20)
    if tokens is not None:
        check.in_range("tokens", tokens, 1, 1 << 20)
    if path.is_dir() or path.name == "config.json":
        refuse_dims(path, dims)
        return hugging_face.load(path, tokens=tokens, batch=batch)
    if path.suffix == ".gguf":
        refuse_dims(path, dims)
        return gguf.load(path, tokens=tokens, batch=batch)
    if path.suffix == ".onnx":
        return onnx_file.load(path, tokens=tokens, batch=batch, dims=dims or {}, given=given)
    shapes: dict[str, Callable[[Path], Network | ShapeNetwork]] = {
        ".csv": scale_sim.load, ".tflite": file.load, ".toml": shapes_toml.load
    }  # fmt: skip
    if path.suffix not in shapes:
        raise check.fail(path.name, f"a {path.suffix or 'file without suffix'}", KINDS)
    refuse_sizes(path, tokens, batch, dims)
    return shapes[path.suffix](path)


def refuse_sizes(path: Path, tokens: int | None, batch: int, dims: Mapping[str, int] | None) -> None:
    """BadValue for sizes given to a file that leaves none open."""
    refuse_dims(path, dims)
    if tokens is not None or batch != 1:
        raise check.fail(path.name, "given tokens or batch", "neither: its shapes are fixed")


def refuse_dims(path: Path, dims: Mapping[str, int] | None) -> None:
    if dims:
        raise check.fail(path.name, f"given dims {', '.join(dims)}", "none: only ONNX files name dimensions")
