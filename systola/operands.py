"""Inputs of a network from .npy files, or random; its outputs to .npy or .npz."""

import io
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from golden import check
from mapping.frontends.onnx_parameters import Given
from mapping.network import MOST_ELEMENTS, MOST_HELD, ShapeNetwork, TensorType
from systola import arrays, output

Inputs = dict[str, np.ndarray]
Types = Mapping[str, TensorType]


class Taken(Protocol):
    """A network that takes inputs. fixed: inputs that decided a shape when it was read."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> Types: ...
    @property
    def fixed(self) -> Mapping[str, np.ndarray]: ...


def read(network: Taken | ShapeNetwork, given: Mapping[str, str | Path], seed: int) -> list[Inputs]:
    """The network's inputs in their shapes and types, a dict a sample; BadValue names a file that is not so.

    given  files by input name; "" is the one input of a network that has one. What is not given is random.
           The first axis of a file is the sample: it may hold several times the network's own first axis.
    """
    if isinstance(network, ShapeNetwork):
        if given:
            raise check.fail(
                f"{network.name}: input", "given", "none: its layers run on random operands (--seed)"
            )
        return [{}]
    return read_inputs(network.name, network.inputs, unfixed(network.fixed, given), seed)


def parameter(files: Mapping[str, str | Path]) -> Given:
    """The value of an input that a file is given for."""
    return lambda name: arrays.read(Path(files[name])) if name in files else None


def unfixed(fixed: Mapping[str, np.ndarray], files: Mapping[str, str | Path]) -> dict[str, str | Path]:
    """The files of inputs that are no parameters; BadValue for another value of one that is."""
    for name, value in fixed.items():
        if name in files and not np.array_equal(arrays.read(Path(files[name])), value):
            what = "another than that of the run"
            raise check.fail(f"{Path(files[name]).name}: input {name}", what, "one value: it decides a shape")
    return {name: path for name, path in files.items() if name not in fixed}


def read_inputs(where: str, inputs: Types, given: Mapping[str, str | Path], seed: int) -> list[Inputs]:
    """The same for a network by its name and the types of its inputs."""
    named = {name or only_input(inputs): Path(path) for name, path in given.items()}
    for name in named:
        check.one_of(f"{where}: input", name, inputs)
    if len(named) < len(given):
        raise check.fail(f"{where}: input {next(iter(named))}", "given twice", "one file")
    check_sizes(where, inputs)
    random = np.random.default_rng(seed)
    found = {name: load(path, name, *inputs[name]) for name, path in named.items()}
    count = samples_of(inputs, found)
    for name, (shape, dtype) in inputs.items():
        if name not in found:
            found[name] = filler(random, (count * shape[0], *shape[1:]) if shape else shape, dtype)
    return [sample(inputs, found, number) for number in range(count)]


def check_sizes(where: str, inputs: Types) -> None:
    """BadValue for inputs that no memory holds."""
    for name, (shape, _) in inputs.items():
        check.in_range(f"{where}: input {name}: elements", prod(shape), 0, MOST_ELEMENTS)
    total = sum(prod(shape) for shape, _ in inputs.values())
    check.in_range(f"{where}: elements of all inputs", total, 0, MOST_HELD)


def samples_of(inputs: Types, found: Inputs) -> int:
    """How many samples the files hold; BadValue if they differ."""
    counts = {name: len(values) // inputs[name].shape[0] for name, values in found.items() if values.ndim}
    for name, count in counts.items():
        first = next(iter(counts))
        if count != counts[first]:
            raise check.fail(f"input {name}: samples", count, f"{counts[first]}, as input {first} has")
    return next(iter(counts.values()), 1)


def sample(inputs: Types, found: Inputs, number: int) -> Inputs:
    """The inputs of one sample."""
    return {
        name: found[name][number * shape[0] : (number + 1) * shape[0]] if shape else found[name]
        for name, (shape, _) in inputs.items()
    }


def joined(values: Sequence[np.ndarray]) -> np.ndarray:
    """An output of all samples along its first axis; that of one sample as it is; scalars become a vector."""
    if len(values) == 1:
        return values[0]
    return np.concatenate([np.atleast_1d(value) for value in values])


def only_input(inputs: Types) -> str:
    if len(inputs) != 1:
        raise check.fail("--input", "a file without a name", ", ".join(f"{name}=FILE.npy" for name in inputs))
    return next(iter(inputs))


def load(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """The array of a .npy file, if it has the input's shape and type."""
    found = arrays.read(path)
    several = found.ndim == len(shape) > 0 and len(found) > 0 and len(found) % shape[0] == 0
    check.shape(f"{path.name}: input {name}", found, (len(found), *shape[1:]) if several else shape)
    if found.dtype != dtype:
        raise check.fail(f"{path.name}: input {name}.dtype", found.dtype, str(dtype))
    return found


def filler(random: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Normal numbers; 0 or 1 where the input takes whole numbers, which every vocabulary and mask has."""
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 2, shape).astype(dtype)


def check_file(path: Path, count: int, *, force: bool) -> None:
    """BadValue unless `count` outputs can be written to `path`, whose file may then be replaced."""
    check.one_of(f"{path.name}: suffix", path.suffix, (".npy", ".npz"))
    if path.suffix == ".npy" and count != 1:
        raise check.fail(path.name, f"one array for {count} outputs", "a .npz file")
    output.check_file(path, force=force)


def write(path: Path, outputs: Mapping[str, np.ndarray], *, force: bool) -> None:
    """The outputs, whole: one array (.npy) or all by name (.npz)."""
    if path.suffix == ".npz":
        output.write_whole(path, arrays.npz(outputs), force=force)
        return
    buffer = io.BytesIO()
    np.save(buffer, next(iter(outputs.values())))
    output.write_whole(path, buffer.getvalue(), force=force)
