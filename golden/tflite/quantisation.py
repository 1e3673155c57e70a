"""Scales and zero points of a tensor, and the range of codes behind a fused activation."""

from dataclasses import dataclass

import numpy as np

from golden import check
from golden.tflite.fixed_point import half_away

REAL_RANGES = {"NONE": (None, None), "RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


@dataclass(frozen=True, slots=True)
class Quantisation:
    """scale: float32 [n]; zero_point: int64 [n]; n is 1, or the length of `axis`. dtype: of the codes."""

    scale: np.ndarray
    zero_point: np.ndarray
    dtype: np.dtype
    axis: int = 0

    @property
    def one_scale(self) -> np.float32:
        """The scale of a tensor that has one."""
        self.check_one()
        return np.float32(self.scale[0])

    @property
    def zero(self) -> int:
        """The zero point of a tensor that has one."""
        self.check_one()
        return int(self.zero_point[0])

    def check_one(self) -> None:
        if len(self.scale) != 1:
            raise check.fail("scales of a tensor", len(self.scale), "1")

    @property
    def low(self) -> int:
        return int(np.iinfo(self.dtype).min)

    @property
    def high(self) -> int:
        return int(np.iinfo(self.dtype).max)

    def codes(self, values: np.ndarray, activation: str = "NONE") -> np.ndarray:
        """Integers clipped to the range of the format and of the activation; in the format's type."""
        low, high = self.activation_range(activation)
        return np.asarray(np.clip(values, low, high), self.dtype)

    def activation_range(self, activation: str) -> tuple[int, int]:
        """Least and greatest code behind a fused activation."""
        check.one_of("fused activation", activation, REAL_RANGES)
        least, most = REAL_RANGES[activation]
        low = self.low if least is None else max(self.low, self.code(least))
        high = self.high if most is None else min(self.high, self.code(most))
        return low, max(low, high)

    def code(self, real: float) -> int:
        """The code nearest to a real number, unclipped."""
        return self.zero + int(half_away(np.float32(real) / self.one_scale))

    def real(self, codes: np.ndarray) -> np.ndarray:
        """float32 [...] of codes [...]."""
        shape = [-1 if i == self.axis and len(self.scale) > 1 else 1 for i in range(codes.ndim)]
        if codes.ndim == 0:
            shape = []
        zero, scale = self.zero_point.reshape(shape), self.scale.reshape(shape)
        with np.errstate(over="ignore"):  # infinite: refused where it is used
            return np.asarray((codes.astype(np.int64) - zero).astype(np.float32) * scale, np.float32)
