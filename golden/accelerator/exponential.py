"""EXPONENTIAL: rows of scores to codes of 2^(score - greatest), and the reciprocal of their sum.

    m     = greatest valid score of the row
    code  = round(127 * 2^((s - m) / 256)), ties up; 0 where s is not valid
    r     = 2^22 / sum of the row's codes, 0 where no score is valid

so that softmax's probability is about code r / 2^22, whose division nobody has to make: what follows
multiplies by r. A score has 8 bits below an octave. All codes are the correctly rounded ones (the table's
entries have just the bits for that, and a tie is a power of two, which is exact); r is off by at most 0.6,
of which rounding is 0.5 (golden.vector.reciprocal).

Source: Milakov and Gimelshein, arXiv 1805.02867, algorithm 2 (the greatest first), in base 2 as in Stevens et
al., Softermax, arXiv 2103.09301.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from golden.formats.integer import Int
from golden.vector.reciprocal import ReciprocalParams, reciprocal

SCORE = Int(16)
FRACTION = 8  # bits of a score below an octave
GREATEST = 127  # code of a row's greatest score
CODE = Int(7, signed=False)
POWER_BITS = 10  # of an entry below a code's last bit; with 9 the code of 197/256 octaves is one off
ENTRY = Int(CODE.width + POWER_BITS, signed=False)
OCTAVES = 8  # from there on codes are 0: 127 / 2^8 < 1/2
LONGEST = 1 << 14  # elements of a row
R = Int(16, signed=False)
R_SCALE = 22  # bits: r = 2^22 / sum
RECIPROCAL = ReciprocalParams(width=(GREATEST * LONGEST).bit_length())
LEVELS = 2  # of a tree between two registers


@cache
def powers() -> np.ndarray:
    """127 * 2^(-f / 256), with POWER_BITS below 1, int64 [256]."""
    real = GREATEST * np.exp2(-np.arange(1 << FRACTION) / (1 << FRACTION)) * (1 << POWER_BITS)
    return np.floor(real + 0.5).astype(np.int64)


def exponential(
    p: AcceleratorParams, command: Mapping[str, int], scores: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and r of an EXPONENTIAL command, bit for bit what hw.accelerator.exponential gives.

    command  count0, count1, count2, length, length_step of Opcode.EXPONENTIAL; others do not matter
    scores   values of SCORE, [count2, count1, count0 * lanes]
    returns  int64 of scores' shape, 0 to 127; int64 [count2, count1], values of R
    raises   BadValue, naming the argument; count0 * lanes is at most LONGEST
    """
    length = command["count0"] * p.lanes
    check.in_range("count0 * lanes", length, 1, LONGEST, "elements of a row of EXPONENTIAL")
    for field in Opcode.EXPONENTIAL.fields:
        if field.name in ("length", "length_step"):
            check.in_range(field.name, command[field.name], *field.range)
    scores = SCORE.check("scores", scores)
    check.shape("scores", scores, (command["count2"], command["count1"], length))
    lengths = command["length"] + command["length_step"] * np.arange(command["count1"])
    valid = np.arange(length) < lengths[:, None]  # [count1, length]

    greatest = np.where(valid, scores, SCORE.min).max(axis=-1, keepdims=True)
    below = np.maximum(greatest - scores, 0)  # what is not valid may be greater
    octaves = np.minimum(below >> FRACTION, OCTAVES)
    entry = powers()[below & (1 << FRACTION) - 1] >> octaves
    code = entry + (1 << POWER_BITS - 1) >> POWER_BITS
    code = np.where(valid & (octaves < OCTAVES), code, 0)
    return code, row_reciprocal(code.sum(axis=-1))


def row_reciprocal(total: ArrayLike) -> np.ndarray:
    """r of the sums of rows: 0, or 127 to 127 * LONGEST; int64."""
    total = check.array("total", total, 0, GREATEST * LONGEST)
    mantissa, zeros = reciprocal(RECIPROCAL, total)
    # 2^22 / total = mantissa 2^22 / 2^(bits + width - 1 - zeros); total >= 127 has at most width - 7 zeros
    shift = np.maximum(RECIPROCAL.bits + RECIPROCAL.width - 1 - R_SCALE - zeros, 1)
    return np.asarray(np.where(total > 0, mantissa + (1 << shift - 1) >> shift, 0))


def tree_registers(lanes: int) -> int:
    """Registers of a reduction tree over `lanes` values: one every LEVELS levels, the last behind
    the root."""
    return ceil_div((lanes - 1).bit_length(), LEVELS)


def latency(p: AcceleratorParams) -> int:
    """Registers from a vector at `a` to its codes at `out`: entry, tree, below, entry of the table, code."""
    return 4 + tree_registers(p.lanes)


def r_latency(p: AcceleratorParams) -> int:
    """Registers from a row's last vector at `a` to its r: as above, tree, sum, reciprocal, r."""
    return latency(p) + tree_registers(p.lanes) + 1 + RECIPROCAL.latency + 1


def cycles(p: AcceleratorParams, command: Mapping[str, int]) -> int:
    """Cycles from the first vector taken to the last r delivered, both counted, unstalled.

    Neither passes nor rows wait for one another: a vector can be taken in every cycle.
    """
    return 2 * command["count0"] * command["count1"] * command["count2"] + r_latency(p)
