"""Binary floating point of 3 to 33 bits: fp32, fp16, bf16, and the OCP eight-bit formats.

    value = (-1)^sign * 2^(max(E, 1) - bias - mantissa_bits) * (mantissa + (E > 0) * 2^mantissa_bits)

with E the exponent field and bias = 2^(exponent_bits - 1) - 1; E = 0 is zero and the subnormals. `specials`
says which codes are not numbers:

    "ieee"  E all ones: infinity (mantissa 0) or NaN        fp32, fp16, bf16, e5m2
    "nan"   E and mantissa all ones: NaN; no infinity       e4m3
    "none"  every code is a number                          OCP fp6 and fp4

Rounding is once, from float64, to nearest with ties to even. What rounds past the largest number becomes
infinity ("ieee"), NaN ("nan", as ml_dtypes does) or, with `saturating` and always under "none", the largest
number; an infinity is treated alike. NaN keeps its sign, not its payload; "none" refuses it.

Source: IEEE 754-2019, section 3.4; OCP 8-bit Floating Point Specification 1.0, table 1.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from golden import check


@dataclass(frozen=True, slots=True)
class Float:
    """A floating-point format. exponent_bits: 2 to 9; mantissa_bits: 1 to 23, so that float64 holds it and
    the product of two (with 9 bits: between 2^-554 and 2^512)."""

    signed: ClassVar[bool] = True

    name: str
    exponent_bits: int
    mantissa_bits: int
    specials: Literal["ieee", "nan", "none"] = "ieee"
    saturating: bool = False

    def __post_init__(self) -> None:
        check.in_range(f"{self.name}.exponent_bits", self.exponent_bits, 2, 9)
        check.in_range(f"{self.name}.mantissa_bits", self.mantissa_bits, 1, 23)
        check.one_of(f"{self.name}.specials", self.specials, ("ieee", "nan", "none"))

    def __str__(self) -> str:
        return self.name

    @property
    def width(self) -> int:
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def bias(self) -> int:
        return (1 << self.exponent_bits - 1) - 1

    @property
    def max_code(self) -> int:
        """Code of the largest number; positive codes above it are infinity and NaN."""
        ones = (1 << self.width - 1) - 1
        return ones - {"ieee": 1 << self.mantissa_bits, "nan": 1, "none": 0}[self.specials]

    @property
    def max(self) -> float:
        return float(self.decode(self.max_code))

    @property
    def min(self) -> float:
        return -self.max

    def check(self, where: str, values: ArrayLike) -> np.ndarray:
        """`values` as float64; BadValue naming `where` and the first element that is no number of
        the format."""
        values = np.asarray(values, np.float64)
        held = (self.quantise(values) == values) | np.isnan(values)
        if not held.all():
            index = [int(i) for i in np.argwhere(~held)[0]]
            what = float(values[tuple(index)])
            raise check.fail(f"{where}{index or ''}", what, f"numbers {self} holds exactly")
        return values

    def encode(self, values: ArrayLike) -> np.ndarray:
        """Codes, uint64, of the nearest numbers; BadValue on NaN if the format has none."""
        x = np.asarray(values, np.float64)
        is_nan = np.isnan(x)
        if self.specials == "none" and is_nan.any():
            raise check.fail("values", "nan", f"numbers ({self} has no NaN)")
        is_finite = np.isfinite(x)
        magnitude = np.where(is_finite, np.abs(x), 0)
        # Exponent above the least normal one. A mantissa rounded up to 2^(m+1) carries into the exponent.
        exponent = np.frexp(magnitude)[1].astype(np.int64) - 2 + self.bias
        binade = np.where(magnitude > 0, np.maximum(exponent, 0), 0)
        units = np.rint(np.ldexp(magnitude, self.mantissa_bits - 1 + self.bias - binade)).astype(np.int64)
        beyond = self.max_code + (not self.saturating and self.specials != "none")
        code = np.where(is_finite, np.minimum(units + (binade << self.mantissa_bits), beyond), beyond)
        code = np.where(is_nan, self._nan_code, code)
        return np.asarray(code | np.signbit(x).astype(np.int64) << self.width - 1).view(np.uint64)

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Values, float64, of codes; bits above `width` are ignored."""
        bits = np.asarray(codes).astype(np.uint64).view(np.int64)
        code = bits & (1 << self.width - 1) - 1
        exponent = code >> self.mantissa_bits
        implicit = np.where(exponent > 0, 1 << self.mantissa_bits, 0)
        mantissa = (code & (1 << self.mantissa_bits) - 1) + implicit
        value = np.ldexp(np.float64(mantissa), np.maximum(exponent, 1) - self.bias - self.mantissa_bits)
        if self.specials == "ieee":
            value = np.where(code == self.max_code + 1, np.inf, value)
        value = np.where(code > self.max_code + (self.specials == "ieee"), np.nan, value)
        return np.copysign(value, np.where(bits >> self.width - 1 & 1, -1.0, 1.0))

    def quantise(self, values: ArrayLike) -> np.ndarray:
        """Nearest number of the format, float64, as encode() rounds."""
        return self.decode(self.encode(values))

    @property
    def _nan_code(self) -> int:
        """Quiet NaN: the mantissa's top bit; where only one code is NaN, that one."""
        return self.max_code + 1 + (1 << self.mantissa_bits - 1 if self.specials == "ieee" else 0)


FP32 = Float("fp32", 8, 23)
FP16 = Float("fp16", 5, 10)
BF16 = Float("bf16", 8, 7)
FP8_E4M3 = Float("fp8_e4m3", 4, 3, "nan")
FP8_E5M2 = Float("fp8_e5m2", 5, 2)
FLOATS = (FP32, FP16, BF16, FP8_E4M3, FP8_E5M2)
