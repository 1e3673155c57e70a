"""Tables of docs/attention.md: worst errors of attention's arithmetic, over whole domains."""

from collections.abc import Sequence

from golden import check
from golden.attention.arithmetic import Arithmetic, fp16
from golden.attention.errors import row_bound, score_error
from golden.attention.running import bounds
from golden.attention.weights import worst_errors
from golden.formats import FP32

SEGMENT_BITS = (1, 2, 3, 4, 5, 6, 8)
DEGREES = (0, 1, 2)
KEYS = (64, 512, 4096)
VARIANTS = {
    "INT8, weights of 16 bits": Arithmetic(),
    "INT8, weights of 20 bits": Arithmetic(weight_bits=20),
    "FP16, exact sums": fp16(),
    "FP16, weights of 16 bits": fp16(weight_bits=16, segment_bits=4),
}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, with a line end before and behind it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def power(p: Arithmetic, degree: int, bits: int) -> str:
    """Relative and absolute worst error of one way of 2^x."""
    given = {"fraction": p.fraction, "weight_bits": p.weight_bits, "score": p.score}
    try:
        errors = worst_errors(Arithmetic(**given, segment_bits=bits, degree=degree))
    except check.BadValue:  # segments of fewer than four codes
        return "-"
    return f"{errors.relative:.1e}, {errors.absolute:.1e}"


def powers(p: Arithmetic) -> str:
    """A row a number of segments, a column a degree."""
    rows = [[str(1 << bits), *(power(p, degree, bits) for degree in DEGREES)] for bits in SEGMENT_BITS]
    return table(["segments", "table", "lines", "quadratics"], rows)


def rows() -> str:
    """Bounds of rows of each variant, and of FP32 sums, in parts of the values' range."""
    found = [
        [name, f"{worst_errors(p).relative:.1e}", f"{score_error(p):.1e}",
         *(f"{row_bound(p, keys).spread:.1e}" for keys in KEYS)]
        for name, p in VARIANTS.items()
    ]  # fmt: skip
    p = fp16(weight_bits=FP32.mantissa_bits)
    relative = worst_errors(p).relative
    sums = (f"{bounds(FP32, keys, relative)[1]:.1e}" for keys in KEYS)
    found.append(["FP16, FP32 sums", f"{relative:.1e}", f"{score_error(p):.1e}", *sums])
    return table(["numerics", "weight", "score", *(f"{keys} keys" for keys in KEYS)], found)
