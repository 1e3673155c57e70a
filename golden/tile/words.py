"""The words of the tile's streams, and a product's operands packed into them.

    command  {groups}                      one a block of rows x cols results
    left     [rows] words of activations   as many as a group has, group after group
    top      [cols] words of weights       likewise
    scale    {scales, zeros, selectors}    each [cols], one word a group, what the PE has of them
    o        [cols] codes of fp32          `rows` words a block, row 0 first

Lane i stands in bits [i*width +: width]; fields follow one another from bit 0. Blocks go along the columns
first; what lies beyond a product's edge is zero.
"""

import numpy as np

from golden import check, pe, streams
from golden.division import ceil_div
from golden.formats import FP16, FP32
from golden.pe import tiled
from golden.pe.weights import PeWeights
from golden.tile.params import TileParams

INPUTS = ("command", "left", "top", "scale")


def inputs(p: TileParams) -> tuple[str, ...]:
    """Names of the tile's input streams."""
    return INPUTS


def fields(p: TileParams) -> streams.Layout:
    """The words of every stream."""
    scale = {
        "scales": tiled.scale_bits(p.pe),
        "zeros": tiled.zero_bits(p.pe),
        "selectors": tiled.selector_bits(p.pe),
    }
    return {
        "command": [("groups", p.groups.bit_length(), 1)],
        "left": [("words", tiled.activation_bits(p.pe), p.rows)],
        "top": [("words", tiled.weight_bits(p.pe), p.cols)],
        "scale": [(name, width, p.cols) for name, width in scale.items() if width],
        "o": [("totals", FP32.width, p.cols)],
    }


def pack_streams(p: TileParams, activations: np.ndarray, weights: PeWeights) -> dict[str, np.ndarray]:
    """uint8 [words, bytes] of each input stream, of activations [M, K] by weights [K, N]; whole groups."""
    k = activations.shape[1]
    groups = k // p.group
    check.in_range("groups", groups, 1, p.groups, "tile.groups: K / pe.group")
    left = streams.folds(tiled.pack_activations(p.pe, activations).T, p.rows)
    top = streams.folds(tiled.pack_weights(p.pe, weights.codes), p.cols)
    none = np.zeros(weights.scales.shape, np.int64)
    scales = scale_codes(p, weights.scales)
    shared = {"scales": scales, "zeros": weights.zeros, "selectors": weights.selectors}
    filled = {name: none if each is None else each for name, each in shared.items()}
    layout = fields(p)
    group = {name: streams.folds(filled[name], p.cols) for name, _, _ in layout["scale"]}
    blocks = [(r, c) for r in range(len(left)) for c in range(len(top))]
    given = {
        "command": {"groups": np.full((len(blocks), 1), groups)},
        "left": {"words": np.concatenate([left[r] for r, _ in blocks])},
        "top": {"words": np.concatenate([top[c] for _, c in blocks])},
        "scale": {name: np.concatenate([each[c] for _, c in blocks]) for name, each in group.items()},
    }
    return {name: streams.pack(layout[name], given[name]) for name in INPUTS}


def scale_codes(p: TileParams, scales: np.ndarray) -> np.ndarray:
    """Codes of a group's scales: fp16, or whole numbers of the width that the PE gives."""
    width = tiled.scale_bits(p.pe)
    if hasattr(pe.module_of(p.pe), "SCALE"):
        whole = np.asarray(scales).astype(np.int64)
        if not np.array_equal(whole, scales):
            raise check.fail("scales", "not whole", f"whole numbers, 0 to {(1 << width) - 1}")
        return check.array("scales", whole, 0, (1 << width) - 1)
    return FP16.encode(FP16.check("scales", scales)).astype(np.int64)


def unpack_outputs(p: TileParams, words: np.ndarray, m: int, n: int) -> np.ndarray:
    """float64 [m, n] from the words of `o`, uint8 [words, bytes]."""
    codes = np.ascontiguousarray(words[:, : p.cols * 4]).view("<u4")
    across = ceil_div(n, p.cols)
    blocks = FP32.decode(codes).reshape(-1, across, p.rows, p.cols)
    return np.asarray(blocks.transpose(0, 2, 1, 3).reshape(-1, across * p.cols)[:m, :n])
