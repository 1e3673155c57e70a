"""How the numbers of a tensor stand for reals: the choice in which networks on a matrix unit with a host, in
groups on arrays and tiles, and in integers throughout differ.

    Real      the numbers themselves (on the host)
    Affine    integers: real = scale (code - zero)
    Grouped   a constant second factor, as a PE takes it: codes that share a scale, a zero point or a selector
              of a datatype in groups along K
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from golden import check
from golden.pe.weights import QuantisedWeights
from mapping.unknown import is_unknown, unknown


@dataclass(frozen=True, slots=True)
class Real:
    """Numbers of a type of numpy's."""

    dtype: str = "float32"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affine:
    """real = scale (code - zero) evened, codes from low to high.

    dtype   the integers in memory
    evened  float64 [channels]: the factor by which each channel was divided before it was coded; None: 1
    """

    dtype: str = "int8"
    scale: float = 1.0
    zero: int = 0
    low: int = -128
    high: int = 127
    evened: np.ndarray | None = None

    @classmethod
    def whole(cls, dtype: str) -> Self:
        """Integers that stand for themselves, over the whole range of the type."""
        info = np.iinfo(dtype)
        return cls(dtype=dtype, low=int(info.min), high=int(info.max))

    @property
    def reach(self) -> tuple[float, float]:
        """The reals of the first and the last code."""
        return (self.low - self.zero) * self.scale, (self.high - self.zero) * self.scale

    def code(self, real: np.ndarray) -> np.ndarray:
        """Nearest codes."""
        if is_unknown(real):
            return unknown(real.shape, np.int64)
        codes = np.rint(real / self.scale) + self.zero
        return np.asarray(np.clip(codes, self.low, self.high), np.int64)


BYTES = Affine()  # that stand for themselves


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grouped:
    """Weights of each product of a batch in groups of `group` along K; K is padded to whole groups."""

    group: int
    products: tuple[QuantisedWeights, ...]


Encoding = Real | Affine | Grouped


@dataclass(frozen=True, slots=True, kw_only=True)
class Reals:
    """A network's input or output as the host sees it, in reals.

    shape   of the reals
    axes    those longer than 1, in the order of the codes' axes
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()
    dtype: str = "float32"

    def ordered(self, where: str, real: np.ndarray) -> np.ndarray:
        """Reals with their axes in the codes' order. where: begins an error."""
        check.shape(where, real, self.shape)
        return real.transpose((*self.axes, *(i for i in range(real.ndim) if i not in self.axes)))

    def natural(self, real: np.ndarray) -> np.ndarray:
        """Reals from the codes' order in their own shape."""
        ordered = real.reshape([self.shape[i] for i in self.axes])
        return np.asarray(ordered.transpose(np.argsort(np.array(self.axes, int))).reshape(self.shape))


def nearest_codes(real: np.ndarray, scale: float) -> np.ndarray:
    """Codes, without zero point or limits, of float32 reals as onnxruntime computes them: in float32, ties to
    even."""
    if float(np.float32(scale)) == scale:
        return np.asarray(np.rint(real.astype(np.float32) / np.float32(scale)), np.float64)
    return np.asarray(np.rint(real.astype(np.float64) / scale))
