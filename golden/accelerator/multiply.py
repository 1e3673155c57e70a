"""The multiply unit: MULTIPLY's operands from the scratchpad, through the matrix unit, to rows of sums.

    sums[t, m, n] = sum over passes f and rows r of left[t, f, m, r] top[t, f, r, n]

    left[t, f, m]  lanes of the word at left + x stride_x + y stride_y + k.stride_k + t.left_tile_stride,
                   m = y count_x + x, f = (k2 count_k1 + k1) count_k0 + k0: the low bits of each byte
    top[t, f]      rows x cols weights from top + f top_pass_stride + t.top_tile_stride on, top_row_stride
                   apart: a word a row, the low bits of each byte; where a weight has 1, 2 or 4 bits, several
                   rows a word, row 0 in its lowest bits; with `transpose` a word a column, never packed

Addresses wrap at 2^16 and then at the scratchpad's words. golden.accelerator.multiply_cycles has the cycles.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from golden import check, pe
from golden.accelerator.commands import Opcode
from golden.accelerator.footprints import Fields
from golden.accelerator.legal import check_values
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import addresses
from golden.division import ceil_div
from golden.formats import Int
from golden.pe import counted, integers
from golden.systolic.params import MatrixUnitParams

LARGEST_PASSES = (1 << 16) - 1
# fields with the count and the stride of each loop of the walk over the vectors, the innermost first
LEFT_LOOPS = (
    *((f"count_{name}", f"stride_{name}") for name in ("x", "y", "k0", "k1", "k2")),
    *((f"tiles{i}", f"left_tile_stride{i}") for i in range(2)),
)
TOP_LOOPS = 4  # of the walk over the weights: words of a pass, passes, and these
TOP_TILE_LOOPS = tuple((f"tiles{i}", f"top_tile_stride{i}") for i in range(2))


def matrix_unit_of(p: AcceleratorParams) -> MatrixUnitParams:
    """The matrix unit's parameters as built: without a requantiser, since the vector unit requantises, with
    all rows of a word of the scratchpad loaded at once."""
    return replace(p.unit, scaled=False, rows_in_word=min(p.packed_rows, p.lanes))


def count_of(command: Fields) -> int:
    """Vectors of a pass, which are the rows of sums of a tile."""
    return command["count_x"] * command["count_y"]


def passes_of(command: Fields) -> int:
    """Passes of a tile."""
    return command["count_k0"] * command["count_k1"] * command["count_k2"]


def most_passes(p: AcceleratorParams) -> int:
    """Most passes of a product, each of `lanes` of the depth: what the accumulators hold and a walk can
    count."""
    return min(int(p.unit.pe.group) // p.lanes, LARGEST_PASSES)


def tiles_of(command: Fields) -> int:
    """Tiles of a command."""
    return command["tiles0"] * command["tiles1"]


def words_of_pass(p: AcceleratorParams, command: Fields) -> int:
    """Words of a pass's weights."""
    return p.lanes if command["transpose"] else ceil_div(p.lanes, p.packed_rows)


def check_command(p: AcceleratorParams, command: Fields) -> None:
    """BadValue, naming the field, if the command's encoding cannot hold a value or the unit cannot execute
    it."""
    check_values(Opcode.MULTIPLY, command, p)


def left_walk(command: Fields) -> tuple[int, list[int], list[int]]:
    """base, counts, strides of the walk over the vectors (golden.accelerator.walk)."""
    return command["left"], [command[count] for count, _ in LEFT_LOOPS], [command[s] for _, s in LEFT_LOOPS]


def top_walk(p: AcceleratorParams, command: Fields) -> tuple[int, list[int], list[int]]:
    """base, counts, strides of the walk over the words of weights: words of a pass, passes, tiles. The last
    word of a pass comes first."""
    words, stride = words_of_pass(p, command), command["top_row_stride"]
    counts = [words, passes_of(command), *(command[count] for count, _ in TOP_TILE_LOOPS)]
    strides = [-stride, command["top_pass_stride"], *(command[s] for _, s in TOP_TILE_LOOPS)]
    return command["top"] + (words - 1) * stride, counts, strides


def weights(p: AcceleratorParams, command: Fields, words: np.ndarray) -> np.ndarray:
    """Weights of passes, in a small dtype: [passes, L, L], from uint8 words [passes, words, L]."""
    fmt, lanes, packed = p.unit.top, p.lanes, p.packed_rows
    if command["transpose"]:
        return decode(fmt, words).swapaxes(1, 2)
    if packed == 1:
        return decode(fmt, words)
    # lane i of a word has bits [i width +: width]; a word has a row's lanes, then the next row's
    codes = words[..., None] >> np.arange(0, 8, fmt.width, dtype=np.uint8)
    return decode(fmt, codes.reshape(len(words), -1, lanes)[:, :lanes])


def decode(fmt: Int, codes: np.ndarray) -> np.ndarray:
    """The values in the low bits of bytes, in a small dtype that holds them."""
    above = 8 - fmt.width
    shifted = codes << np.uint8(above)
    return shifted.view(np.int8) >> np.int8(above) if fmt.signed else shifted >> np.uint8(above)


def multiply(p: AcceleratorParams, command: Fields, scratch: np.ndarray) -> np.ndarray:
    """The rows of sums in the order in which they leave, exact. int64 [tiles, count, L]

    scratch  uint8 [words, L]
    raises   BadValue of check_command, or if scratch has another shape
    """
    check_command(p, command)
    check.shape("scratch", scratch, (p.words, p.lanes))
    count, passes, tiles = count_of(command), passes_of(command), tiles_of(command)
    top = (addresses(*top_walk(p, command)) % p.words).reshape(tiles, passes, -1)[..., ::-1]
    base, counts, strides = left_walk(command)
    bases = addresses(base, counts[5:], strides[5:])
    out = np.empty((tiles, count, p.lanes), np.int64)
    before, left = -1, scratch
    for index, base in enumerate(bases.tolist()):
        if base != before:  # tiles of other columns mostly have the same vectors
            places = addresses(base, counts[:5], strides[:5]).reshape(passes, count).T % p.words
            left = decode(p.unit.left, scratch[places]).reshape(count, passes * p.lanes)
            before = base
        resting = weights(p, command, scratch[top[index]]).reshape(passes * p.lanes, p.lanes)
        out[index] = product(p.unit.pe, left, resting)
    return out


def product(params: Any, left: np.ndarray, top: np.ndarray) -> np.ndarray:
    """left [count, k] by top [k, L], integers of the PE's formats: its `dot`, where plain without checks."""
    dot = integers.unchecked if counted.plain(params) else pe.module_of(params).dot
    return np.asarray(dot(params, left, top))
