"""Leaving the maximum out of a softmax: safe by a bound on the scores, or refused.

With B >= |every score|, n keys and a = max(1, |every value|), no sum of n terms e^s v overflows, and no row
underflows, in a floating format of largest number M and least normal number m, if

    B + ln(n a) < ln M        B < -ln m           FP32: 88.72, 87.33; FP16: 11.09, 9.70
    B + log2(n a) < log2 M    B <= -log2 m        of scores in octaves, weights 2^s

and in an integer of I bits above the point, if B + log2 n < I, scores in octaves. What B is, an engine does
not see: scores of integer codes have the static bound head_dim |q| |k| scale; a score that is clipped has
that of its format. Sums with one bit more of exponent than FP32 hold 2^s of every score of 16 bits with 8
below an octave, for 65,536 keys: that replaces an integer running maximum, which is an offset of exponents
and nothing else (golden.attention.running).

Source: the ranges of IEEE 754-2019, section 3.4.
"""

import math

from golden import check
from golden.attention.arithmetic import LONGEST, Arithmetic
from golden.formats import Float, Int
from golden.formats.arithmetic import check_result, least_normal


def check_natural(fmt: Float, largest: float, keys: int, value: float = 1.0) -> None:
    """Raise BadValue unless sums of e^s, and of these times values, are safe in `fmt` without a maximum.

    largest  B, of scores in units of e
    keys     n, of a row, at most
    value    of a value, at most
    """
    _check(fmt, "scores", largest, keys, value, 1.0)


def check_octaves(fmt: Float, largest: float, keys: int, value: float = 1.0) -> None:
    """The same of 2^s, scores in octaves."""
    _check(fmt, "scores in octaves", largest, keys, value, math.log(2))


def _check(fmt: Float, what: str, largest: float, keys: int, value: float, unit: float) -> None:
    """unit: ln of what a score of 1 multiplies a weight by."""
    check_result("sums", fmt)
    check.in_range("keys", keys, 1, LONGEST)
    room = (math.log(fmt.max) - math.log(keys * max(1.0, value))) / unit
    least = -math.log(least_normal(fmt)) / unit
    if not 0 <= largest < room:
        why = f"their sum over {keys} keys, times values up to {max(1.0, value):g}, in {fmt}"
        raise check.fail(f"largest {what}, without a maximum", f"{largest:g}", f"less than {room:.2f}: {why}")
    if largest > least:
        why = f"the least weight is a normal number of {fmt}"
        raise check.fail(f"largest {what}, without a maximum", f"{largest:g}", f"up to {least:.2f}: {why}")


def check_integer(bits: int, largest: float, keys: int) -> None:
    """Raise BadValue unless a sum of 2^s, scores in octaves, stays below 2^bits."""
    check.in_range("keys", keys, 1, LONGEST)
    room = bits - math.log2(keys)
    if not 0 <= largest < room:
        where = "largest scores in octaves, without a maximum"
        why = f"their sum over {keys} keys in {bits} bits"
        raise check.fail(where, f"{largest:g}", f"less than {room:.2f}: {why}")


def static_bound(p: Arithmetic, scale: float) -> float:
    """B of scores scale q k of integer codes, in units of e: no row can have more.

    raises  BadValue where codes are FP16, whose bound only the values themselves have
    """
    if not isinstance(p.query, Int) or not isinstance(p.key, Int):
        raise check.fail("query", p.query, "integers: fp16 has no bound but that of the values that come")
    return p.head_dim * p.query.min * p.key.min * scale
