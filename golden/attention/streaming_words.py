"""The words of the streaming engine's streams.

    command  {rows, heads, keys, position, left, right, multiplier, shift}  a word a job; keys: that count
    q        [head_dim] elements      a word a row
    k, v     [head_dim] elements      a word a key of a group, group after group
    o        {elements, flags}    a word a row

Sides of a window are in keys; an unlimited one is more than there can be.
"""

import numpy as np

from golden import streams
from golden.attention.arithmetic import MAX_SHIFT, MULTIPLIER
from golden.attention.masks import LONGEST
from golden.attention.streaming_job import MOST_HEADS, Attention, StreamingParams, reach
from golden.formats import Float, Int

INPUTS = ("command", "q", "k", "v")
COMMAND = {
    "rows": (LONGEST * MOST_HEADS).bit_length(),
    "heads": MOST_HEADS.bit_length(),
    "keys": LONGEST.bit_length(),
    "position": LONGEST.bit_length() + 1,  # signed
    "left": (2 * LONGEST).bit_length(),
    "right": (2 * LONGEST).bit_length(),
    "multiplier": MULTIPLIER.width,
    "shift": MAX_SHIFT.bit_length(),
}


def inputs(p: StreamingParams) -> tuple[str, ...]:
    """Names of the input streams."""
    return INPUTS


def fields(p: StreamingParams) -> streams.Layout:
    """The words of every stream."""
    arithmetic = p.arithmetic
    formats = {"q": arithmetic.query, "k": arithmetic.key, "v": arithmetic.value}
    return {
        "command": [(name, width, 1) for name, width in COMMAND.items()],
        **{name: [("elements", fmt.width, arithmetic.head_dim)] for name, fmt in formats.items()},
        "o": [("elements", p.out.width, arithmetic.head_dim), *((name, 1, 1) for name in flags(p))],
    }


def flags(p: StreamingParams) -> tuple[str, ...]:
    """Flags of a result; invalid: a query, key or value is infinite or no number: golden refuses
    these, and the row's elements mean nothing."""
    return ("empty", "saturated", *(("invalid",) if p.arithmetic.floating else ()))


def codes(fmt: Int | Float, values: np.ndarray) -> np.ndarray:
    """Integers are their own codes."""
    return fmt.encode(values).astype(np.int64) if isinstance(fmt, Float) else values


def pack(
    p: StreamingParams, job: Attention, q: np.ndarray, k: np.ndarray, v: np.ndarray
) -> dict[str, np.ndarray]:
    """uint8 [words, bytes] of each input stream; k and v in the order in which groups pass them."""
    arithmetic, layout = p.arithmetic, fields(p)
    given = {"q": (arithmetic.query, q), "k": (arithmetic.key, k), "v": (arithmetic.value, v)}
    command = {name: np.array([[value]]) for name, value in command_of(job).items()}
    return {
        "command": streams.pack(layout["command"], command),
        **{name: streams.pack(layout[name], {"elements": codes(*each)}) for name, each in given.items()},
    }


def command_of(job: Attention) -> dict[str, int]:
    """The fields of a job's command."""
    mask = job.mask
    return {
        "rows": job.rows,
        "heads": job.heads,
        "keys": mask.counted,
        "position": mask.first,
        "left": reach(mask.left),
        "right": reach(mask.right),
        "multiplier": job.scaling.multiplier,
        "shift": job.scaling.shift,
    }


def unpack(p: StreamingParams, words: np.ndarray) -> np.ndarray:
    """float64 [words, head_dim + flags] from the words of `o`: elements, then flags."""
    width, lanes, many = p.out.width, p.arithmetic.head_dim, len(flags(p))
    bits = np.unpackbits(words, axis=1, bitorder="little")
    elements = bits[:, : width * lanes].reshape(len(words), lanes, width)
    found = p.out.decode((elements.astype(np.int64) << np.arange(width)).sum(axis=2))
    return np.concatenate([found, bits[:, width * lanes : width * lanes + many].astype(float)], axis=1)


def pack_results(p: StreamingParams, values: np.ndarray) -> np.ndarray:
    """uint8 [words, bytes] of `o`: the reverse of `unpack`."""
    lanes = p.arithmetic.head_dim
    given = {name: values[:, lanes + place, None] for place, name in enumerate(flags(p))}
    given["elements"] = codes(p.out, values[:, :lanes])
    return streams.pack(fields(p)["o"], given)
