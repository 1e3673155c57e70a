"""The words of a matrix unit's streams: read as the array reads them, they give the product."""

import numpy as np
import pytest

from golden import streams
from golden.formats import Int
from golden.formats.packing import pack, unpack, unpack_values
from golden.pe.multiplier import MultiplierParams
from golden.systolic import words
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.operands import ChannelScaling
from golden.systolic.params import MatrixUnitParams
from golden.systolic.sums import matrix_product


def unit(dataflow, rows=3, cols=5, weight="int4", activation="int8"):
    formats = {"int4": Int(4), "int8": Int(8), "uint8": Int(8, False), "int16": Int(16), "int5": Int(5)}
    pe = MultiplierParams(weight=formats[weight], activation=formats[activation], group=512)
    return MatrixUnitParams(rows=rows, cols=cols, dataflow=dataflow, pe=pe, accumulator_rows=64)


def random_operands(p, gemm, seed=1):
    rng = np.random.default_rng(seed)
    a, w = p.pe.activation, p.pe.weight
    return (
        rng.integers(a.min, a.max + 1, (gemm.batch, gemm.m, gemm.k)),
        rng.integers(w.min, w.max + 1, (gemm.batch, gemm.k, gemm.n)),
    )


def replay(schedule, packed):
    """What the passes add up to, word by word; sums in the order of `o`. int64 [words, cols]."""
    p = schedule.unit
    left = unpack_values(p.left, packed["left"], p.rows)
    top = unpack_values(p.top, packed["top"], p.cols)
    commands = words.commands(schedule)
    tiles, at_left, at_top = [], 0, 0
    for count, first in zip(commands["count"], commands["first"], strict=True):
        if p.dataflow == "output":
            sums = left[at_left : at_left + count].T @ top[at_top : at_top + count]
            at_top += count
        else:
            resting = top[at_top : at_top + p.rows][::-1]
            sums = left[at_left : at_left + count] @ resting
            at_top += p.rows
        at_left += count
        tiles = [*tiles, sums] if first else [*tiles[:-1], tiles[-1] + sums]
    assert (at_left, at_top) == (len(left), len(top)), "words are left over"
    return np.concatenate(tiles)


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
@pytest.mark.parametrize(
    "formats", [("int4", "int8"), ("int8", "uint8"), ("int16", "int16"), ("int5", "int5")]
)
@pytest.mark.parametrize("columns_first", [True, False])
def test_words_replay_to_the_product(dataflow, formats, columns_first):
    p = unit(dataflow, weight=formats[0], activation=formats[1])
    for m, n, k in [(1, 1, 1), (7, 11, 13), (3, 5, 3), (2, 20, 4), (16, 2, 9)]:
        gemm = Gemm(m=m, n=n, k=k, batch=2)
        schedule = Schedule(p, gemm, Tiling(stream=4, columns_first=columns_first))
        a, w = random_operands(p, gemm)
        sums = replay(schedule, words.pack_streams(schedule, a, w, None))
        delivered = np.ascontiguousarray(p.pe.accumulator.encode(sums))
        y = words.unpack_outputs(schedule, pack(delivered, p.pe.accumulator.width))
        assert (y == a @ w).all()
        assert (matrix_product(p, a, w, None) == a @ w).all()


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_each_row_delivered_meets_its_channels_scale(dataflow):
    p = unit(dataflow)
    gemm = Gemm(m=7, n=11, k=4)
    schedule = Schedule(p, gemm, Tiling(stream=4))
    channel = np.arange(gemm.n)
    scaling = ChannelScaling(bias=channel * 10, multiplier=channel + 100, shift=channel % 7 + 1)
    fields = words.scales(schedule, scaling)
    drains = words.drains(schedule, scaling)
    word, seen = 0, []
    for (r0, r1), (c0, c1) in schedule.tiles():
        if dataflow == "input":
            seen += [(n, fields["bias"][word + n - r0, 0]) for n in range(r0, r1)]
            word += r1 - r0
        else:
            seen += [(n, fields["bias"][word, n - c0]) for n in range(c0, c1)]
            word += 1
    assert word == len(fields["bias"])
    assert all(bias == n * 10 for n, bias in seen)
    assert sum(drains["count"]) == sum(schedule.tile_rows())


def test_fields_stand_side_by_side_from_bit_0():
    layout = [("count", 5, 1), ("first", 1, 1), ("pair", 3, 2)]
    values = {"count": np.array([19]), "first": np.array([1]), "pair": np.array([[2, 5]])}
    packed = streams.pack(layout, values)
    assert packed.tolist() == [[0b10110011, 0b1010]]
    assert unpack(packed, 5, 1)[0, 0] == 19


def test_raw_tiles_take_no_scale_words():
    p = unit("weight")
    schedule = Schedule(p, Gemm(m=4, n=4, k=4), Tiling(stream=4))
    assert len(words.scales(schedule, None)["bias"]) == 0
    assert words.drains(schedule, None)["raw"].tolist() == [1]
