"""Operands for any PE of a systolic array, as codes: corners, pairs, running sums that matter; and golden.

Formats are Int, Float, or another object with width, encode and decode. A weight that is a word of several
fields has `fields(p)` in its golden module, {name: format} from bit 0: its corners are those of the fields.
"""

from collections.abc import Iterator
from dataclasses import MISSING, fields
from enum import Enum
from importlib import import_module
from itertools import product
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from golden.formats import Float, Int, parse


class PeVectors(NamedTuple):
    """Codes, uint64, of one shape."""

    weight: np.ndarray
    activation: np.ndarray
    acc_in: np.ndarray


def module_of(kind: str) -> ModuleType:
    """The golden module of a kind of PE."""
    return import_module(f"golden.pe.{kind}")


def params_of(kind: str, given: dict[str, Any]) -> Any:
    """Params of a kind from JSON: formats by their names, members of enumerations by their values."""
    Params = module_of(kind).Params
    made = {}
    for field in fields(Params):
        if field.name in given:
            default = field.default if field.default is not MISSING else field.default_factory()  # type: ignore[misc]
            made[field.name] = _typed(given[field.name], default)
    assert set(made) == set(given), f"{kind} has no {set(given) - set(made)}"
    return Params(**made)


def _typed(value: Any, default: Any) -> Any:
    if isinstance(default, Int | Float):
        return parse(value)
    if hasattr(default, "parse"):
        return default.parse(value)
    return type(default)(value) if isinstance(default, Enum) else value


def corners(fmt: Any) -> list[int]:
    """Codes: the ends, what is next to them and to zero; subnormals, one, infinity and NaNs of a Float."""
    top = 1 << fmt.width - 1
    if isinstance(fmt, Int):
        ends = (fmt.min, fmt.min + 1, -1, 0, 1, fmt.max - 1, fmt.max)
        return sorted({value & 2 * top - 1 for value in ends if fmt.min <= value <= fmt.max})
    if isinstance(fmt, Float):
        implicit, last = 1 << fmt.mantissa_bits, fmt.max_code
        near = (0, 1, implicit - 1, implicit, implicit + 1, fmt.bias * implicit, last - 1, last)
        special = (last + 1, last + 2, top - 1)  # infinity, NaNs, as far as the format has them
        codes = {code for code in (*near, *special) if code < top}
        return sorted(codes | {code | top for code in codes})
    return sorted(
        {int(code) for code in canonical(fmt, np.array([0, 1, top - 1, top, 2 * top - 1], np.uint64))}
    )


def weight_corners(module: ModuleType, p: Any) -> list[int]:
    """Corner values of the weight, or of each of its fields with those of all the others."""
    parts = module.fields(p).values() if hasattr(module, "fields") else [p.weight]
    words = [(0, 0)]  # code, bits so far
    for fmt in parts:
        words = [(word | code << place, place + fmt.width) for word, place in words for code in corners(fmt)]
    return [word for word, _ in words]


def canonical(fmt: Any, codes: np.ndarray) -> np.ndarray:
    """`codes`; of a format that is neither Int nor Float, those that encode() gives."""
    return codes if isinstance(fmt, Int | Float) else np.asarray(fmt.encode(fmt.decode(codes)), np.uint64)


def random_codes(fmt: Any, rng: np.random.Generator, count: int) -> np.ndarray:
    """Codes, all alike."""
    return canonical(fmt, rng.integers(0, 1 << fmt.width, count, np.uint64))


def crossed(module: ModuleType, p: Any) -> PeVectors:
    """All corners of weight, activation and running sum with one another."""
    each = (weight_corners(module, p), corners(p.activation), corners(p.accumulator))
    return PeVectors(*np.array(list(product(*each)), np.uint64).T)


def every_pair(module: ModuleType, p: Any, rng: np.random.Generator, times: int = 1) -> PeVectors:
    """Every weight with every activation, `times`, in a random order, with running sums that matter."""
    pairs = rng.permutation(
        np.tile(np.arange(1 << p.weight.width + p.activation.width, dtype=np.uint64), times)
    )
    weight, activation = pairs & np.uint64((1 << p.weight.width) - 1), pairs >> np.uint64(p.weight.width)
    return PeVectors(weight, activation, sums(module, p, rng, weight, activation))


def random_pairs(module: ModuleType, p: Any, rng: np.random.Generator, count: int) -> PeVectors:
    """Random weights and activations, a corner now and then, with running sums that matter."""
    weight = random_codes(p.weight, rng, count)
    activation = random_codes(p.activation, rng, count)
    weight = np.where(rng.random(count) < 1 / 8, rng.choice(_codes(weight_corners(module, p)), count), weight)
    activation = np.where(
        rng.random(count) < 1 / 8, rng.choice(_codes(corners(p.activation)), count), activation
    )
    return PeVectors(weight, activation, sums(module, p, rng, weight, activation))


def sums(
    module: ModuleType, p: Any, rng: np.random.Generator, weight: np.ndarray, activation: np.ndarray
) -> np.ndarray:
    """Running sums for these operands: a quarter corners, a quarter any, half near minus the product.

    The last kind cancels all but the last bits, or nearly so: a float's code is off by up to 2^k, k from 0
    to past its mantissa, so that the exponents differ by a few too.
    """
    fmt, count = p.accumulator, len(weight)
    anything = random_codes(fmt, rng, count)
    corner = rng.choice(_codes(corners(fmt)), count)
    alone = golden_codes(module, p, PeVectors(weight, activation, np.zeros(count, np.uint64)))
    if isinstance(fmt, Int):
        opposite = fmt.decode(-alone.view(np.int64)) + rng.integers(-2, 3, count)
        near = fmt.encode(fmt.wrap(opposite))
    else:
        reach = getattr(fmt, "mantissa_bits", fmt.width - 2) + 3
        off = rng.integers(-1 << rng.integers(0, reach, count), 1 << rng.integers(0, reach, count))
        flipped = (alone ^ np.uint64(1 << fmt.width - 1)).view(np.int64)
        near = canonical(fmt, (flipped + off & (1 << fmt.width) - 1).view(np.uint64))
    kind = rng.integers(0, 4, count)
    return np.select([kind == 0, kind == 1], [corner, anything], near)


def _codes(codes: list[int]) -> np.ndarray:
    return np.array(codes, np.uint64)


def golden_codes(module: ModuleType, p: Any, operands: PeVectors) -> np.ndarray:
    """acc_out, uint64: what golden makes of the operands' values; NaN is the format's one code for it."""
    fmt = p.accumulator
    with np.errstate(all="ignore"):
        values = module.accumulate(
            p,
            fmt.decode(operands.acc_in),
            p.weight.decode(operands.weight),
            p.activation.decode(operands.activation),
        )
        if isinstance(fmt, Float):
            values = np.where(np.isnan(values), np.nan, values)
        return np.asarray(fmt.encode(values), np.uint64)


def describe(p: Any, operands: PeVectors, index: int) -> str:
    """One set of operands: values, and codes."""
    formats = (p.weight, p.activation, p.accumulator)
    each: Iterator[tuple[str, Any, Any]] = zip(PeVectors._fields, formats, operands, strict=True)
    return " ".join(
        f"{name}={fmt.decode(codes[index])} ({int(codes[index]):#x})" for name, fmt, codes in each
    )
