"""Uniform quantisation: reals to integers by a scale and, if affine, a zero point.

    value = saturate(round(real / scale) + zero_point)        real ~ (value - zero_point) * scale

Source: Jacob et al., CVPR 2018, section 2.1, equation 1. Choices it leaves open: ties round to even unless
`rounding` says otherwise; what is outside saturates; a symmetric scale maps the largest magnitude to
format.max, so that the data it was made from leave -2^(width-1) unused; an affine range is first widened to
hold 0, which is then exact; where all data are 0 (or too small for a float64 scale) the scale is 1.0.
"""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.formats.integer import Int
from golden.formats.rounding import Rounding, finite, round_real

Granularity = Literal["tensor", "channel", "group"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """How reals become values of `format`.

    format       Int of at most 32 bits
    granularity  what shares one scale: the tensor, a channel (an index of `axis`), or a group of `group_size`
                 neighbours along `axis` (each index of the other axes has its own groups)
    scale        float64, above 0: [] | [channels] | shape of the data with axis / group_size for axis
    zero_point   int64 of scale's shape, values of `format`; None: symmetric, 0
    """

    format: Int
    granularity: Granularity = "tensor"
    axis: int | None = None
    group_size: int | None = None
    scale: np.ndarray
    zero_point: np.ndarray | None = None
    rounding: Rounding = Rounding.HALF_EVEN

    def __post_init__(self) -> None:
        check.in_range("format.width", self.format.width, 1, 32, "a scale's format")
        check.one_of("rounding", self.rounding, Rounding)
        _check_granularity(self.granularity, self.axis, self.group_size)
        scale = finite("scale", self.scale)
        object.__setattr__(self, "scale", scale)
        if self.granularity != "group" and scale.ndim != (self.granularity == "channel"):
            allowed = "[]" if self.granularity == "tensor" else "[channels]"
            raise check.fail("scale.shape", list(scale.shape), f"{allowed} (granularity {self.granularity})")
        if not (scale > 0).all():
            raise check.fail("scale", float(scale.min()), "above 0")
        if self.zero_point is not None:
            zero_point = self.format.check("zero_point", self.zero_point)
            check.shape("zero_point", zero_point, scale.shape)
            object.__setattr__(self, "zero_point", zero_point)

    @classmethod
    def symmetric(
        cls,
        values: ArrayLike,
        fmt: Int,
        granularity: Granularity = "tensor",
        *,
        axis: int | None = None,
        group_size: int | None = None,
    ) -> Self:
        """The smallest scale without zero point that holds `values` (reals); an unsigned `fmt` takes none
        below 0."""
        low, high = _extremes(values, granularity, axis, group_size)
        return cls.from_range(low, high, fmt, granularity=granularity, axis=axis, group_size=group_size)

    @classmethod
    def affine(
        cls,
        values: ArrayLike,
        fmt: Int,
        granularity: Granularity = "tensor",
        *,
        axis: int | None = None,
        group_size: int | None = None,
    ) -> Self:
        """The smallest scale, with its zero point, that holds `values` (reals) and 0."""
        low, high = _extremes(values, granularity, axis, group_size)
        return cls.from_range(
            low, high, fmt, symmetric=False, granularity=granularity, axis=axis, group_size=group_size
        )

    @classmethod
    def from_range(
        cls,
        low: ArrayLike,
        high: ArrayLike,
        fmt: Int,
        *,
        symmetric: bool = True,
        granularity: Granularity = "tensor",
        axis: int | None = None,
        group_size: int | None = None,
    ) -> Self:
        """Scale for reals from `low` to `high` (of the scale's shape), as calibration finds them.

        raises  BadValue: low or high not finite, low above high, a range below 0 or a single
                value for a symmetric format that has none (unsigned, int1)
        """
        bottom, top = _range(low, high)
        zero_point = None
        if symmetric:
            scale = _usable(_largest(bottom, top, fmt) / fmt.max)
        else:
            bottom, top = np.minimum(bottom, 0), np.maximum(top, 0)
            steps = fmt.max - fmt.min
            with np.errstate(over="ignore"):  # refused when the Scale is made
                scale = _usable(top / steps - bottom / steps)
            zero_point = fmt.saturate(round_real(fmt.min - bottom / scale, Rounding.HALF_EVEN))
        return cls(
            format=fmt,
            granularity=granularity,
            axis=axis,
            group_size=group_size,
            scale=scale,
            zero_point=zero_point,
        )

    def quantise(self, real: ArrayLike) -> np.ndarray:
        """Values of the format, int64, of reals; BadValue: NaN, infinity, or a shape at odds with scale's."""
        real = finite("real", real)
        zero_point = self._spread(self._zero_point, real.shape)
        with np.errstate(over="ignore"):  # beyond float64 is beyond the format
            steps = real / self._spread(self.scale, real.shape)
        # Clipped first, to whole numbers: no rounding crosses those, and int64 holds what remains.
        steps = np.clip(steps, self.format.min - zero_point, self.format.max - zero_point)
        return np.asarray(round_real(steps, self.rounding) + zero_point)

    def dequantise(self, values: ArrayLike) -> np.ndarray:
        """Reals, float64, of values of the format; BadValue if one is outside it."""
        values = self.format.check("values", values)
        steps = values - self._spread(self._zero_point, values.shape)
        return np.asarray(steps * self._spread(self.scale, values.shape), np.float64)

    @property
    def _zero_point(self) -> np.ndarray:
        return np.zeros(self.scale.shape, np.int64) if self.zero_point is None else self.zero_point

    def _spread(self, parameter: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """scale or zero_point in a shape that broadcasts with data of `shape`."""
        if self.axis is None:
            return parameter
        axis = _axis_in(self.axis, shape)
        if self.granularity == "channel":
            wanted: tuple[int, ...] = (shape[axis],)
            check.shape("scale", parameter, wanted)
            return parameter.reshape([-1 if i == axis else 1 for i in range(len(shape))])
        size = _groups_in(self.group_size, shape, axis)
        check.shape("scale", parameter, (*shape[:axis], shape[axis] // size, *shape[axis + 1 :]))
        return np.repeat(parameter, size, axis)


def _check_granularity(granularity: Granularity, axis: int | None, group_size: int | None) -> None:
    """BadValue unless axis and group_size are given exactly where the granularity has them."""
    check.one_of("granularity", granularity, get_args(Granularity))
    if (axis is None) != (granularity == "tensor"):
        allowed = "None" if granularity == "tensor" else "an axis of the data"
        raise check.fail("axis", axis, f"{allowed} (granularity {granularity})")
    if (group_size is None) != (granularity != "group"):
        allowed = "1 or more" if granularity == "group" else "None"
        raise check.fail("group_size", group_size, f"{allowed} (granularity {granularity})")


def _axis_in(axis: int | None, shape: tuple[int, ...]) -> int:
    wanted = 0 if axis is None else axis
    check.in_range("axis", wanted, -len(shape), len(shape) - 1, f"data of {list(shape)}")
    return wanted % len(shape)


def _groups_in(group_size: int | None, shape: tuple[int, ...], axis: int) -> int:
    size = group_size or 0
    if size < 1 or shape[axis] % size:
        allowed = f"divisors of {shape[axis]} (axis {axis} of {list(shape)})"
        raise check.fail("group_size", group_size, allowed)
    return size


def _extremes(
    values: ArrayLike, granularity: Granularity, axis: int | None, group_size: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest value among the elements that share a scale, in the scale's shape."""
    _check_granularity(granularity, axis, group_size)
    values = finite("values", values)
    if not values.size:
        raise check.fail("values.shape", list(values.shape), "at least one element")
    reduced: tuple[int, ...] | None = None
    if axis is not None:
        axis = _axis_in(axis, values.shape)
        reduced = tuple(i for i in range(values.ndim) if i != axis)
    if axis is not None and granularity == "group":
        size = _groups_in(group_size, values.shape, axis)
        grouped = (*values.shape[:axis], values.shape[axis] // size, size, *values.shape[axis + 1 :])
        values, reduced = values.reshape(grouped), (axis + 1,)
    return np.asarray(values.min(axis=reduced)), np.asarray(values.max(axis=reduced))


def _range(low: ArrayLike, high: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 of one shape, finite, low at most high; else BadValue."""
    bottom, top = finite("low", low), finite("high", high)
    check.shape("high", top, bottom.shape)
    if (bottom > top).any():
        index = np.unravel_index(int(np.argmax(bottom > top)), bottom.shape)
        raise check.fail("low", float(bottom[index]), f"at most high, {float(top[index])}")
    return bottom, top


def _largest(low: np.ndarray, high: np.ndarray, fmt: Int) -> np.ndarray:
    """The magnitude that a symmetric scale maps to fmt.max."""
    if fmt.max < 1:
        raise check.fail("fmt", fmt, "an integer with values above 0 (symmetric)")
    if not fmt.signed and (low < 0).any():
        raise check.fail("low", float(low.min()), f"0 or more ({fmt} without a zero point)")
    return np.asarray(np.maximum(np.abs(low), np.abs(high)))


def _usable(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, scale, 1.0)
