"""Streaming attention, full, causal or windowed, as a block of streams (golden.blocks), in constant memory.

    s = scaled q k      w = 2^s      l = sum of w      o = sum of w v      out = o (1 / l), rounded once

No maximum is taken, hence nothing waits for a row's end: sums run along with the keys, in floating point that
does not overflow (golden.attention.running, "wide"), and the division stands behind them. What the engine
holds is `interleave` rows of q, twice, their sums, and FIFOs of few places (golden.attention.graphs).

    1 / l   its mantissa by a polynomial (golden.vector.reciprocal), off by 2^-18
    out     values that are all one give one; a row without a key is 0 and raises `empty`

    job         streaming_job.Attention
    operands    Operands: q [rows, head_dim], k and v [keys, head_dim]
    values      float64 [rows, head_dim + flags]: results, then flags: empty; saturated (a score of a key that
                counted was clipped, or a product of FP16); of FP16 invalid, which is 0: golden refuses it

Cycles: a key takes max(interleave, registers), whatever the length of a row. With fewer rows in turn than the
adder has registers, a row's next sum waits for its last one.

Source: Sohn, Zhang and Olukotun, arXiv 2404.16629 (the graph); interleaving, base 2: here.
"""

from typing import NamedTuple

import numpy as np

from golden import check
from golden.attention import products, scores
from golden.attention import streaming_description as description
from golden.attention import streaming_words as words
from golden.attention.masks import UNLIMITED, Mask
from golden.attention.running import RunningSums, values_of, wide
from golden.attention.streaming_job import (
    Attention,
    StreamingParams,
    check_mask,
    groups,
    loaded,
    passed,
    reach,
    spans,
)
from golden.attention.weights import power_of
from golden.formats import FP16, Int
from golden.formats.arithmetic import multiply
from golden.vector.piecewise import piecewise

Params = StreamingParams
WHAT = "streaming attention engine"
MEANING = {
    "command": "one word a job: rows, their heads, keys, position, window, the scale of scores",
    "q": "queries, a word a row: head_dim elements; heads of one position follow one another",
    "k": "keys, a word each: those of a group of rows, oldest first, then those of the next group",
    "v": "values, in the order of k",
    "o": "results, a word a row: head_dim elements, then flags: empty, saturated, of FP16 invalid",
}
BLOCK = 256  # rows that are computed at once
STAGES = {
    "operands": 1,
    "products": 1,
    "sum": 1,
    "scaled": 1,
    "score": 1,
}  # registers from a key to its score
QUOTIENT = 2  # registers from o and 1 / l to a result: product, o
inputs, fields = words.inputs, words.fields
title, about = description.title, description.about


class Operands(NamedTuple):
    """q [rows, head_dim], k [keys, head_dim], v [keys, head_dim], values of the engine's formats."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray


def checked(p: StreamingParams, job: Attention, operands: Operands) -> Operands:
    """The operands, of the job's shapes and of the engine's formats; BadValue naming what is not."""
    check_mask(p, job)
    arithmetic, keys = p.arithmetic, job.mask.keys
    shapes = ((job.rows, arithmetic.head_dim), *((keys, arithmetic.head_dim),) * 2)
    formats = (arithmetic.query, arithmetic.key, arithmetic.value)
    found = []
    for name, fmt, values, shape in zip(Operands._fields, formats, operands, shapes, strict=True):
        check.shape(name, np.asarray(values), shape)
        found.append(products.operand(fmt, name, values))
    return Operands(*found)


def pack(p: StreamingParams, job: Attention, operands: Operands) -> dict[str, np.ndarray]:
    """The words of the input streams, uint8 [words, bytes]."""
    given = checked(p, job, operands)
    begin, count = groups(p, job)
    order = np.concatenate([np.arange(b, b + n) for b, n in zip(begin, count, strict=True)])
    return words.pack(p, job, given.q, given.k[order], given.v[order])


def count(p: StreamingParams, job: Attention) -> int:
    """Words of `o`."""
    return job.rows


def unpack(p: StreamingParams, job: Attention, delivered: np.ndarray) -> np.ndarray:
    """The values in the words of `o`, uint8 [words, bytes]."""
    return words.unpack(p, delivered)


def delivered(p: StreamingParams, job: Attention, operands: Operands) -> np.ndarray:
    """The words of `o`, uint8 [words, bytes]."""
    return words.pack_results(p, compute(p, job, operands))


def scores_of(
    p: StreamingParams, job: Attention, q: np.ndarray, k: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(scores, whether each saturated) of some rows and keys."""
    dot, clipped = products.dots(p.arithmetic, q, k)
    s, beyond = scores.scores(p.arithmetic, dot, job.scaling)
    return s, clipped | beyond


def rows_of(p: StreamingParams, job: Attention, operands: Operands, rows: slice, keys: slice) -> np.ndarray:
    """Results and flags of some rows, of which no key stands outside `keys`."""
    first, last = (each[rows, None] for each in spans(job))
    places = np.arange(keys.start, keys.stop)
    valid = (places >= first) & (places <= last)
    s, saturated = scores_of(p, job, operands.q[rows], operands.k[keys])
    w = np.where(valid, power_of(p.arithmetic, s), 0.0)
    sums = wide(p.sum, w, values_of(p.arithmetic, operands.v[keys]))
    flags = np.zeros((len(s), len(words.flags(p))))
    flags[:, 0], flags[:, 1] = ~valid.any(axis=1), (saturated & valid).any(axis=1)
    return np.concatenate([quotients(p, sums), flags], axis=1)


def compute(p: StreamingParams, job: Attention, operands: Operands) -> np.ndarray:
    """The values, many rows at once: keys that a row does not attend to change no bit of it."""
    given = checked(p, job, operands)
    first, last = spans(job)
    found = []
    for start in range(0, job.rows, BLOCK):
        rows = slice(start, min(start + BLOCK, job.rows))
        begin = min(int(first[rows].min()), job.mask.keys - 1)
        found.append(rows_of(p, job, given, rows, slice(begin, max(int(last[rows].max()), begin) + 1)))
    return np.concatenate(found)


def follow(p: StreamingParams, job: Attention, operands: Operands) -> np.ndarray:
    """The values, group by group over the keys that each group passes, as the engine does."""
    given = checked(p, job, operands)
    found = []
    for index, (begin, many) in enumerate(zip(*groups(p, job), strict=True)):
        rows = slice(index * p.interleave, min((index + 1) * p.interleave, job.rows))
        found.append(rows_of(p, job, given, rows, slice(int(begin), int(begin + many))))
    return np.concatenate(found)


def quotients(p: StreamingParams, sums: RunningSums) -> np.ndarray:
    """o (1 / l) in the format of results; 0 where l is 0."""
    inverse = reciprocals(p, sums.total)
    return multiply(p.out, (p.sum, p.reciprocal), sums.weighted, inverse[:, None])


def reciprocals(p: StreamingParams, total: np.ndarray) -> np.ndarray:
    """1 / l, numbers of p.reciprocal: that of the mantissa, times a power of two; 0 where l is 0."""
    mantissa, exponent = np.frexp(total)  # total = mantissa 2^exponent, mantissa from 1/2 to below 1
    bits = p.inverse.input_fraction
    x = np.floor(np.ldexp(2 * mantissa - 1, bits)).astype(np.int64)
    inverse = piecewise(p.inverse, "inverse", np.where(total > 0, x, 0))
    return np.asarray(np.where(total > 0, np.ldexp(inverse.astype(float), 1 - exponent - bits), 0.0))


def latency(p: StreamingParams) -> int:
    """Cycles from a row's turn with its last key to its result, the latter's own included.

    Registers of score, weight, l, 1 / l and quotient, and a cycle for each FIFO between them but that behind
    l, which is one of l's registers. o is there earlier, although w v stands before its sum.
    """
    arithmetic = p.arithmetic
    score = 1 + len(products.stages(arithmetic)) + 1 + len(scores.stages(arithmetic))  # operands, sum
    return score + 1 + arithmetic.power.latency + 1 + p.registers + p.inverse.latency + 1 + QUOTIENT


def cycles(p: StreamingParams, job: Attention) -> int:
    """Exact cycles from the command to the last word of `o`, unstalled, if FIFOs have the places they need.

    The command, the rows of the first group, then each key for all rows of a group, one a cycle, or as the
    registers of a sum allow; then what the last row takes.
    """
    first, last = loaded(p, job)
    turns = (passed(p, job) - 1) * max(p.interleave, p.registers) + last
    return 1 + first + turns + latency(p)


def sections(p: StreamingParams) -> dict[str, str]:
    """{heading: text} of its documentation."""
    return description.sections(p, latency(p), reach(UNLIMITED))


def example(p: StreamingParams, seed: int) -> tuple[Attention, Operands]:
    """Causal rows of two heads whose last group is not whole, with normal operands."""
    random = np.random.default_rng(seed)
    arithmetic, heads = p.arithmetic, 2
    queries = p.interleave + (p.interleave + 1) // 2
    mask = Mask(queries=queries, keys=queries + 5, right=0)
    real = [random.standard_normal((n, arithmetic.head_dim)) for n in (queries * heads, mask.keys, mask.keys)]
    scale = arithmetic.head_dim**-0.5
    if arithmetic.floating:
        return Attention(mask=mask, scaling=scores.scaling(arithmetic, scale), heads=heads), Operands(
            *(FP16.quantise(each) for each in real)
        )
    formats = [f for f in (arithmetic.query, arithmetic.key, arithmetic.value) if isinstance(f, Int)]
    units = [fmt.max / np.abs(each).max() for fmt, each in zip(formats, real, strict=True)]
    codes = [np.rint(each * unit).astype(np.int64) for each, unit in zip(real, units, strict=True)]
    by = scores.scaling(arithmetic, scale / units[0] / units[1])
    return Attention(mask=mask, scaling=by, heads=heads), Operands(*codes)
