"""Epilogues from real factors: fixed point as the vector unit has it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.accelerator.map_lanes import MAX_SHIFT, MULTIPLIER
from golden.formats import Int
from golden.vector.requantise import multiplier_and_shift
from mapping.ir.graph import Epilogue

LIMITS = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 32767),
    "int32": (0, 0),
}


def plain(dtype: str = "int32", /, **fields: Any) -> Epilogue:
    """The epilogue that changes nothing except by `fields`, clipped to the type."""
    low, high = LIMITS[dtype]
    made: dict[str, Any] = {
        "bias": np.zeros(1, np.int64), "multiplier": np.ones(1, np.int64), "shift": np.zeros(1, np.int64),
        "low": low, "high": high,
    }  # fmt: skip
    return Epilogue(**{**made, **fields})


def factors(real: ArrayLike) -> dict[str, np.ndarray]:
    """multiplier and shift, [n], of positive real factors, [n] or a single one."""
    multiplier, shift = multiplier_and_shift(
        np.atleast_1d(np.asarray(real, np.float64)), MULTIPLIER, MAX_SHIFT
    )
    return {"multiplier": multiplier, "shift": shift}


def bias(values: ArrayLike) -> np.ndarray:
    """The nearest 32-bit integers to `values`, [n]; BadValue if one is out of range."""
    return check.array("bias", np.rint(np.atleast_1d(values)).astype(np.int64), Int(32).min, Int(32).max)


def short_factor(real: float, multiplier: Int, most: int = 31) -> tuple[int, int]:
    """(multiplier, shift) of a factor of either sign, for the fields before b or behind a function."""
    size = abs(real)
    if not size < multiplier.max:
        raise check.fail("factor", real, f"below {multiplier.max}")
    shift = 0
    while shift < most and size * 2.0 ** (shift + 1) <= multiplier.max:
        shift += 1
    return int(np.sign(real)) * min(round(size * 2.0**shift), multiplier.max), shift
