"""Weights in GGUF's blocks (ggml): a scale in float16, with or without an offset, and small integers.

    type   bytes  a block of 32 numbers                                          number
    Q4_0   18     scale d, 16 bytes of two                                       d (q - 8)
    Q4_1   20     d, offset m, 16 bytes of two                                   d q + m
    Q5_0   22     d, 4 bytes of fifth bits, 16 bytes of two                      d (q - 16)
    Q5_1   24     d, m, 4 bytes of fifth bits, 16 bytes of two                   d q + m
    Q8_0   34     d, 32 signed bytes                                             d q

Of the bytes of two the low halves are numbers 0 to 15 of the block, the high halves 16 to 31; bit i of the
fifth bits, little end first, is of number i. Blocks of 256 have scales of their parts:

    Q4_K   144    d, m, 12 bytes of 8 scales s and offsets o of 6 bits, 128 bytes of two     d s q - m o
    Q5_K   176    the same with 32 bytes of fifth bits before those of two                   d s q - m o
    Q6_K   210    128 bytes of two, 64 bytes of four pairs of bits, 16 signed scales s, d    d s (q - 32)

Source: GGUF specification; ggml's quantised types, version 2.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

BLOCK, LARGE = 32, 256


class Format(NamedTuple):
    """block: numbers, `size`: bytes of one; values: float32 [rows, block] from bytes [rows, size]."""

    name: str
    block: int
    size: int
    values: Callable[[np.ndarray], np.ndarray]


def halves(raw: np.ndarray) -> np.ndarray:
    """float16 as float32."""
    return np.ascontiguousarray(raw).view("<f2").astype(np.float32)


def nibbles(raw: np.ndarray) -> np.ndarray:
    """32 numbers of 0 to 15 from 16 bytes."""
    return np.concatenate((raw & 15, raw >> 4), axis=1).astype(np.float32)


def fives(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """32 numbers of 0 to 31."""
    return nibbles(low) + 16 * np.unpackbits(high, axis=1, bitorder="little").astype(np.float32)


def q4_0(raw: np.ndarray) -> np.ndarray:
    return np.asarray(halves(raw[:, :2]) * (nibbles(raw[:, 2:]) - 8))


def q4_1(raw: np.ndarray) -> np.ndarray:
    return np.asarray(halves(raw[:, :2]) * nibbles(raw[:, 4:]) + halves(raw[:, 2:4]))


def q5_0(raw: np.ndarray) -> np.ndarray:
    return np.asarray(halves(raw[:, :2]) * (fives(raw[:, 2:6], raw[:, 6:]) - 16))


def q5_1(raw: np.ndarray) -> np.ndarray:
    return np.asarray(halves(raw[:, :2]) * fives(raw[:, 4:8], raw[:, 8:]) + halves(raw[:, 2:4]))


def q8_0(raw: np.ndarray) -> np.ndarray:
    return np.asarray(halves(raw[:, :2]) * np.ascontiguousarray(raw[:, 2:]).view(np.int8))


def parts_of(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eight scales and eight offsets of 6 bits [rows, 8] from 12 bytes: four of each in whole bytes, whose
    two upper bits complete the four of each in halves of bytes."""
    a, b, c = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scales = np.concatenate((a & 63, (c & 15) | (a >> 6 << 4)), axis=1)
    offsets = np.concatenate((b & 63, (c >> 4) | (b >> 6 << 4)), axis=1)
    return scales.astype(np.float32), offsets.astype(np.float32)


def eighths(raw: np.ndarray) -> np.ndarray:
    """Numbers of 0 to 15 [rows, 8, 32] from 128 bytes: of 32 bytes the low halves, then the high ones."""
    pairs = raw.reshape(-1, 4, 1, 32)
    return np.concatenate((pairs & 15, pairs >> 4), axis=2).reshape(-1, 8, 32)


def of_parts(raw: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Numbers of a block of eight parts from its first 16 bytes and integers [rows, 8, 32]."""
    scales, offsets = parts_of(raw[:, 4:16])
    d, m = halves(raw[:, :2]) * scales, halves(raw[:, 2:4]) * offsets
    return np.asarray(d[..., None] * q - m[..., None], np.float32).reshape(len(raw), -1)


def q4_k(raw: np.ndarray) -> np.ndarray:
    return of_parts(raw, eighths(raw[:, 16:]))


def q5_k(raw: np.ndarray) -> np.ndarray:
    fifth = raw[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    return of_parts(raw, eighths(raw[:, 48:]) | fifth << 4)


def q6_k(raw: np.ndarray) -> np.ndarray:
    """Each half of the block: four runs of 32 numbers, of the low halves of 64 bytes, then the high ones."""
    low, high = raw[:, :128].reshape(-1, 2, 1, 64), raw[:, 128:192].reshape(-1, 2, 1, 32)
    four = np.concatenate((low & 15, low >> 4), axis=2).reshape(-1, 2, 4, 32)
    two = high >> np.array([0, 2, 4, 6], np.uint8)[:, None] & 3
    q = (four | two << 4).reshape(-1, 16, 16).astype(np.float32) - 32
    scales = halves(raw[:, 208:]) * np.ascontiguousarray(raw[:, 192:208]).view(np.int8)
    return np.asarray(scales[..., None] * q, np.float32).reshape(len(raw), -1)


def singles(raw: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(raw).view("<f4")


def brains(raw: np.ndarray) -> np.ndarray:
    """bfloat16: the upper half of a float32."""
    return (np.ascontiguousarray(raw).view("<u2").astype(np.uint32) << 16).view(np.float32)


# by ggml's number of the type
FORMATS = {
    0: Format("F32", 1, 4, singles), 1: Format("F16", 1, 2, halves), 30: Format("BF16", 1, 2, brains),
    2: Format("Q4_0", BLOCK, 18, q4_0), 3: Format("Q4_1", BLOCK, 20, q4_1),
    6: Format("Q5_0", BLOCK, 22, q5_0), 7: Format("Q5_1", BLOCK, 24, q5_1),
    8: Format("Q8_0", BLOCK, 34, q8_0), 12: Format("Q4_K", LARGE, 144, q4_k),
    13: Format("Q5_K", LARGE, 176, q5_k), 14: Format("Q6_K", LARGE, 210, q6_k),
}  # fmt: skip
NAMES = {
    10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
