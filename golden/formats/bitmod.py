"""BitMoD's datatypes: a weight is a sum of a few signed powers of two, of which one a cycle is multiplied.

    value = sum over cycles t of (-1)^sign man 2^(exp + bsig_t),   sign, man 1 bit, exp 2 bits, bsig_t shared

    int8, int6, int5, int4   4, 3, 3, 2 cycles: digits of radix-4 Booth, -2 b_(2t+1) + b_(2t) + b_(2t-1),
                             bsig_t = 2 t
    bitmod_fp4, bitmod_fp3   2 cycles: the first one among bits 4 to 1 of the magnitude, bsig = 1, then the
                             rest among bits 3 to 0, bsig = 0

Values are whole numbers: fp4's are counted in halves. fp4 and fp3 are sign and magnitude; what would be -0
(the sign alone) stands for one of four special values, which a group chooses by its selector. Any whole
number of two such terms can be special (7 = 8 - 1); the published ones are the default.

Source: Chen et al., "BitMoD: Bit-serial Mixture-of-Datatype LLM Acceleration", HPCA 2025 (arXiv 2411.11745),
sections III and IV: values, special values, terms, and scales of groups in 8 bits, the channel's in floating
point (two levels, as Dai et al., VS-Quant, MLSys 2021). Choices made here: scales are unsigned, rounded to
nearest, ties to even; a magnitude with more than two ones is written with a difference.

The authors' repository (abdelfattah-lab/BitMoD-HPCA-25) says that BitMoD is "subject to a patent application
filed by Cornell". This is the general form: signed terms, and a table of special values that the user gives.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from golden import check
from golden.division import ceil_div
from golden.formats.grouped import Arithmetic, choose, nearest

INTEGERS = {"int8": 8, "int6": 6, "int5": 5, "int4": 4}
BASIC = {"bitmod_fp4": (0, 1, 2, 3, 4, 6, 8, 12), "bitmod_fp3": (0, 1, 2, 4)}  # by magnitude's code
SPECIALS = {"bitmod_fp4": (10, -10, 16, -16), "bitmod_fp3": (3, -3, 6, -6)}
SELECTORS = 4
LARGEST_SCALE = 255


@dataclass(frozen=True, slots=True)
class Datatype:
    """name: of INTEGERS or BASIC; specials: four values in the datatype's unit, the published if none given.

    Codes of an integer are its values, those of the others are 0 to 2^width - 1.
    """

    name: str = "bitmod_fp4"
    specials: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check.one_of("datatype", self.name, (*INTEGERS, *BASIC))
        if not self.specials:
            object.__setattr__(self, "specials", SPECIALS.get(self.name, ()))
        elif self.integer:
            raise check.fail(f"specials of {self.name}", self.specials, "none: no code is free")
        elif len(self.specials) != SELECTORS:
            raise check.fail(f"specials of {self.name}", self.specials, f"{SELECTORS} whole numbers")
        for value in self.specials:
            two_terms(value)

    @classmethod
    def parse(cls, text: str) -> "Datatype":
        """ "int6", "bitmod_fp4", or with special values "bitmod_fp4:7,-7,16,-16"."""
        name, _, table = str(text).partition(":")
        try:
            return cls(name, tuple(int(value) for value in table.split(",")) if table else ())
        except ValueError as error:
            if isinstance(error, check.BadValue):
                raise
            raise check.fail(f"specials of {name}", repr(table), "four whole numbers, by commas") from None

    def __str__(self) -> str:
        if self.specials == SPECIALS.get(self.name, ()):
            return self.name
        return f"{self.name}:{','.join(str(value) for value in self.specials)}"

    @property
    def integer(self) -> bool:
        return self.name in INTEGERS

    @property
    def width(self) -> int:
        """Bits of a code."""
        return INTEGERS[self.name] if self.integer else len(BASIC[self.name]).bit_length()

    @property
    def min(self) -> int:
        """Least code."""
        return -(1 << self.width - 1) if self.integer else 0

    @property
    def max(self) -> int:
        """Largest code."""
        return self.min + (1 << self.width) - 1

    @property
    def cycles(self) -> int:
        """Cycles of a weight, which are its terms."""
        return ceil_div(self.width, 2) if self.integer else 2

    def bsig(self, cycle: int) -> int:
        """The shift that all terms of a cycle share."""
        return 2 * cycle if self.integer else 1 - cycle

    def value(self, code: int, selector: int = 0) -> int:
        """The value of a code, under a group's selector."""
        if self.integer:
            return code
        sign, magnitude = divmod(code, 1 << self.width - 1)
        if sign and not magnitude:
            return self.specials[selector]
        return -BASIC[self.name][magnitude] if sign else BASIC[self.name][magnitude]

    def values(self, selector: int = 0) -> list[int]:
        """All values of the datatype under a selector, rising."""
        return sorted({self.value(code, selector) for code in range(self.min, self.max + 1)})

    def term(self, code: int, selector: int, cycle: int) -> int:
        """The value of the term that is multiplied in a cycle, bsig included."""
        if not self.integer:
            return two_terms(self.value(code, selector))[cycle]
        low, here, high = ((code << 1) >> 2 * cycle + place & 1 for place in range(3))
        return (low + here - 2 * high) << 2 * cycle

    def terms(self, codes: np.ndarray, selectors: np.ndarray | None = None) -> np.ndarray:
        """uint8 [cycles, ...]: terms' codes, man + 2 exp + 8 sign; selectors broadcast against codes."""
        return term_table(self)[:, 0 if selectors is None else selectors, self.pattern(codes)]

    def represented(self, codes: np.ndarray, selectors: np.ndarray | None = None) -> np.ndarray:
        """Values, int64; selectors broadcast against codes."""
        return np.asarray(value_table(self)[0 if selectors is None else selectors, self.pattern(codes)])

    def check(self, where: str, codes: np.ndarray) -> np.ndarray:
        """`codes` as int64; BadValue naming `where` and the first element that is no code of the datatype."""
        return check.array(where, codes, self.min, self.max)

    def pattern(self, codes: np.ndarray) -> np.ndarray:
        """Bit patterns of codes, int64."""
        return self.check("weights", codes) & (1 << self.width) - 1


def two_terms(value: int) -> tuple[int, int]:
    """(+-2, 4, 8, 16 or 0, +-1, 2, 4, 8 or 0) whose sum is `value`; BadValue if it has none."""
    magnitude, sign = abs(value), -1 if value < 0 else 1
    for first in (1 << magnitude.bit_length() - 1 if magnitude else 0, 1 << magnitude.bit_length()):
        first = first if first > 1 else 0
        rest = magnitude - first
        if first <= 16 and abs(rest) <= 8 and abs(rest).bit_count() <= 1:
            return sign * first, sign * rest
    raise check.fail("special value", value, "+-2, 4, 8, 16 or 0, and +-1, 2, 4, 8 or 0 added")


def term_code(term: int, bsig: int) -> int:
    """The code man + 2 exp + 8 sign of a term +-2^(exp + bsig); 0 for the term 0."""
    return 1 + 2 * (abs(term).bit_length() - 1 - bsig) + 8 * (term < 0) if term else 0


@cache
def term_table(datatype: Datatype) -> np.ndarray:
    """Codes of all terms, uint8 [cycles, selectors, bit patterns]."""
    size = 1 << datatype.width
    table = np.zeros((datatype.cycles, SELECTORS, size), np.uint8)
    for cycle, selector, code in np.ndindex(table.shape):
        term = datatype.term(signed(datatype, code), selector, cycle)
        table[cycle, selector, code] = term_code(term, datatype.bsig(cycle))
    return table


@cache
def value_table(datatype: Datatype) -> np.ndarray:
    """Values of all bit patterns, int64 [selectors, bit patterns]."""
    return np.array([
        [datatype.value(signed(datatype, code), selector) for code in range(1 << datatype.width)]
        for selector in range(SELECTORS)
    ])  # fmt: skip


def signed(datatype: Datatype, pattern: int) -> int:
    """The code of a bit pattern."""
    return pattern - (pattern > datatype.max) * (1 << datatype.width)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BitModWeights:
    """Weights [K, N] as BitMoD's PE takes them.

    codes      int64 [K, N]
    scales     int64 [groups, N], 0 to 255
    selectors  int64 [groups, N], or None for an integer datatype
    channel    float64 [N], values of fp32: the factor of each channel's results
    values     float64 [K, N]: the reals that codes, scales, selectors and factors stand for together
    """

    codes: np.ndarray
    scales: np.ndarray
    selectors: np.ndarray | None
    channel: np.ndarray
    values: np.ndarray


def quantise(
    weights: np.ndarray, datatype: Datatype, group: int, *, arithmetic: Arithmetic = "fp64"
) -> BitModWeights:
    """Weights [K, N], each group along K in the best of the datatype's four (golden.formats.grouped)."""
    if datatype.integer:
        found = nearest(weights, datatype.width, group, arithmetic=arithmetic)
        codes, selectors, spread = found.codes, None, None
    else:
        found = choose(weights, [datatype.values(s) for s in range(SELECTORS)], group, arithmetic=arithmetic)
        assert found.selector is not None
        selectors = found.selector
        spread = np.repeat(selectors, group, 0)
        codes = np.zeros_like(found.codes)
        for s in range(SELECTORS):
            first = {datatype.value(code, s): code for code in reversed(range(1 << datatype.width))}
            table = np.array([first[value] for value in datatype.values(s)])
            codes = np.where(spread == s, table[np.minimum(found.codes, len(table) - 1)], codes)
    channel = (found.scale.max(0) / LARGEST_SCALE).astype(np.float32).astype(np.float64)
    scales = np.clip(np.rint(found.scale / channel), 0, LARGEST_SCALE).astype(np.int64)
    values = datatype.represented(codes, spread) * np.repeat(scales, group, 0) * channel
    return BitModWeights(codes=codes, scales=scales, selectors=selectors, channel=channel, values=values)
