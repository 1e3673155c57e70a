"""The words of a matrix unit's streams: layouts, and a schedule's operands packed into them.

    command  {count, first, final}            one a pass: vectors, is it the tile's first, is it its last
    left     [rows] lanes                     operands that stream in from the left
    top      [rows_in_word, cols] lanes       operands that come from above, rows of a tile as they stand
    drain    {count, raw, relu, zero_point}   one a tile: rows; raw sums or codes, and of which kind
    scale    {bias, multiplier, shift}        each [scale_lanes]; one a tile that is not raw, or one a row
    o        [cols] lanes of the accumulator's width: sums, or codes extended to it

A unit without a requantiser has no drain and no scale: `inputs`.

Lane i stands in bits [i*width +: width]; fields follow one another from bit 0. Rows and columns beyond a
product's edge carry zeros, as the schedule counts them.
"""

import numpy as np

from golden import check, streams
from golden.division import ceil_div
from golden.formats.packing import pack_values, unpack_values
from golden.systolic.gemm import Schedule
from golden.systolic.operands import ChannelScaling
from golden.systolic.params import MatrixUnitParams

INPUTS = ("command", "left", "top", "drain", "scale")


def inputs(p: MatrixUnitParams) -> tuple[str, ...]:
    """Names of the unit's input streams."""
    return INPUTS if p.scaled else INPUTS[:3]


def fields(p: MatrixUnitParams) -> streams.Layout:
    """The words of every stream."""
    acc: int = p.pe.accumulator.width
    return {
        "command": [("count", p.largest_count.bit_length(), 1), ("first", 1, 1), ("final", 1, 1)],
        "left": [("lanes", p.left.width, p.rows)],
        "top": [("lanes", p.top.width, p.rows_in_word * p.cols)],
        **(_requantiser_fields(p) if p.scaled else {}),
        "o": [("lanes", acc, p.cols)],
    }


def _requantiser_fields(p: MatrixUnitParams) -> streams.Layout:
    requantise, lanes = p.requantise, p.scale_lanes
    return {
        "drain": [
            ("count", p.accumulator_rows.bit_length(), 1),
            ("raw", 1, 1),
            ("relu", 1, 1),
            ("zero_point", requantise.out.width, 1),
        ],
        "scale": [
            ("bias", requantise.acc.width, lanes),
            ("multiplier", requantise.multiplier.width, lanes),
            ("shift", requantise.max_shift.bit_length(), lanes),
        ],
    }


def _resting(p: MatrixUnitParams, values: np.ndarray) -> np.ndarray:
    """[k, n] -> [column folds, words, lanes] of top: of each tile the word of its lowest rows first."""
    (k, n), rows, cols = values.shape, p.rows, p.cols
    depth, across = ceil_div(k, rows), ceil_div(n, cols)
    padded = np.pad(values, ((0, depth * rows - k), (0, across * cols - n)))
    words = padded.reshape(depth, p.loads, p.rows_in_word, across, cols).transpose(3, 0, 1, 2, 4)
    return words[:, :, ::-1].reshape(across, depth * p.loads, p.rows_in_word * cols)


def _stationary_operands(
    schedule: Schedule, moving: np.ndarray, resting: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of the words of left and top of one product. moving [stream, k], resting [k, columns]."""
    p = schedule.unit
    folded = streams.folds(moving, p.rows)
    loads = _resting(p, resting)
    left = [folded[:, r0:r1].reshape(-1, p.rows) for (r0, r1), _ in schedule.tiles()]
    top = [loads[c0 // p.cols] for _, (c0, _) in schedule.tiles()]
    return np.concatenate(left), np.concatenate(top)


def _output_operands(schedule: Schedule, a: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of the words of left and top of one product. a [m, k], w [k, n]."""
    p = schedule.unit
    folded_a, folded_w = streams.folds(a.T, p.rows), streams.folds(w, p.cols)
    left = [folded_a[r0 // p.rows] for (r0, _), _ in schedule.tiles()]
    top = [folded_w[c0 // p.cols] for _, (c0, _) in schedule.tiles()]
    return np.concatenate(left), np.concatenate(top)


def operands(
    schedule: Schedule, activations: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of the words of left [words, rows] and top [words, lanes] of the whole batch.

    activations  [batch, m, k]; weights  [batch, k, n]
    """
    if schedule.unit.dataflow == "output":
        pairs = [_output_operands(schedule, a, w) for a, w in zip(activations, weights, strict=True)]
    elif schedule.unit.dataflow == "input":
        pairs = [_stationary_operands(schedule, w.T, a.T) for a, w in zip(activations, weights, strict=True)]
    else:
        pairs = [_stationary_operands(schedule, a, w) for a, w in zip(activations, weights, strict=True)]
    return np.concatenate([left for left, _ in pairs]), np.concatenate([top for _, top in pairs])


def commands(schedule: Schedule) -> dict[str, np.ndarray]:
    """Fields of the words of `command`, int64 [passes]."""
    counts, each = schedule.counts(), schedule.passes_per_tile
    place = np.arange(len(counts)) % each
    return {
        "count": counts,
        "first": (place == 0).astype(np.int64),
        "final": (place == each - 1).astype(np.int64),
    }


def drains(schedule: Schedule, scaling: ChannelScaling | None) -> dict[str, np.ndarray]:
    """Fields of the words of `drain`, int64 [tiles]."""
    rows = schedule.tile_rows()
    relu, zero = (scaling.relu, scaling.zero_point) if scaling else (False, 0)
    flags = {"raw": scaling is None, "relu": relu, "zero_point": zero}
    return {"count": rows} | {name: np.full(len(rows), int(value)) for name, value in flags.items()}


def scales(schedule: Schedule, scaling: ChannelScaling | None) -> dict[str, np.ndarray]:
    """Fields of the words of `scale`, int64 [words, scale_lanes]; no words if there is no scaling."""
    p = schedule.unit
    if scaling is None:
        return {name: np.zeros((0, p.scale_lanes), np.int64) for name in ("bias", "multiplier", "shift")}

    def words(channels: np.ndarray, padding: int) -> np.ndarray:
        if p.dataflow == "input":
            one = np.concatenate([channels[r0:r1, None] for (r0, r1), _ in schedule.tiles()])
        else:
            spare = -len(channels) % p.cols
            folded = np.pad(channels, (0, spare), constant_values=padding).reshape(-1, p.cols)
            one = folded[[c0 // p.cols for _, (c0, _) in schedule.tiles()]]
        return np.tile(one, (schedule.gemm.batch, 1))

    return {
        "bias": words(scaling.bias, 0),
        "multiplier": words(scaling.multiplier, 0),
        "shift": words(scaling.shift, 1),
    }


def pack_streams(
    schedule: Schedule, activations: np.ndarray, weights: np.ndarray, scaling: ChannelScaling | None = None
) -> dict[str, np.ndarray]:
    """uint8 [words, bytes] of each input stream."""
    p = schedule.unit
    layout = fields(p)
    left, top = operands(schedule, activations, weights)
    packed = {
        "command": streams.pack(layout["command"], commands(schedule)),
        "left": pack_values(p.left, left),
        "top": pack_values(p.top, top),
    }
    if p.scaled:
        packed |= {
            "drain": streams.pack(layout["drain"], drains(schedule, scaling)),
            "scale": streams.pack(layout["scale"], scales(schedule, scaling)),
        }
    elif scaling is not None:
        raise check.fail("scaling", "given", "none: the unit has no requantiser")
    return packed


def unpack_outputs(schedule: Schedule, words: np.ndarray) -> np.ndarray:
    """Values [batch, m, n] from the words of `o`, uint8 [words, stride]; padding is dropped."""
    p, g = schedule.unit, schedule.gemm
    values = unpack_values(p.pe.accumulator, words, p.cols)
    y = np.empty((g.batch, *schedule.outputs), values.dtype)
    place = 0
    for b in range(g.batch):
        for (r0, r1), (c0, c1) in schedule.tiles():
            y[b, r0:r1, c0:c1] = values[place : place + r1 - r0, : c1 - c0]
            place += p.rows if p.dataflow == "output" else r1 - r0
    return y.swapaxes(1, 2) if p.dataflow == "input" else y
