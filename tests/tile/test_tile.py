"""The tile's golden: against fractions to the bit, float64 within the rounding; words; cycles, stepped."""

from fractions import Fraction

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import FP16, FP32, Int
from golden.formats.bitmod import Datatype
from golden.pe import bitmod, float_multiply_add, lut, mixpe, multiplier, tiled
from golden.pe.weights import PeWeights
from golden.tile import cycles as tile_cycles
from golden.tile import words
from golden.tile.params import TileParams
from golden.tile.sums import grouped_product
from sim.benches.tile.tile import TileJob

U4, U2, U1 = (Int(width, signed=False) for width in (4, 2, 1))
SMALL = [
    TileParams(rows=3, cols=4, pe=multiplier.Params(group=8)),
    TileParams(rows=4, cols=3, pe=mixpe.Params(weight=U4, group=4, registers=2)),
    TileParams(rows=2, cols=8, pe=lut.Params(weight=U2, group=16)),
    TileParams(rows=6, cols=2, pe=lut.Params(weight=U1, group=4, table="full")),
    TileParams(rows=2, cols=3, pe=lut.Params(weight=U2, activation=FP16, group=8)),
    TileParams(rows=2, cols=3, pe=float_multiply_add.Params(group=8)),
    TileParams(rows=3, cols=2, pe=bitmod.Params(group=8)),
]
REAL = [
    TileParams(pe=multiplier.Params(group=128)),
    TileParams(pe=mixpe.Params(weight=U4)),
    TileParams(rows=2, cols=16, pe=lut.Params(weight=U2)),
    TileParams(rows=2, cols=16, pe=lut.Params(weight=U2, activation=FP16)),
    TileParams(pe=bitmod.Params(weight=Datatype("int6"))),
]


def nearest32(value):
    """The fraction's nearest number of fp32, ties to even; inf beyond the largest."""
    size = abs(value)
    if not size:
        return Fraction(0)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    unit = Fraction(2) ** max(exponent - 23, -149)
    found = round(value / unit) * unit  # of two equally near ones, Python takes the even
    return found if abs(found) < Fraction(2) ** 128 else float("inf") * (1 if value > 0 else -1)


def counted(p, codes, selectors):
    """What weights count in a PE's sum, by its format's definition."""
    if isinstance(p.weight, Datatype):
        return p.weight.represented(codes, selectors)
    return 2 * codes - p.weight.max if getattr(p, "table", "") == "half" else codes


def by_fractions(job):
    """The tile's sum in whole fractions, rounded where it says; a group's float sums are the PE's own."""
    p, w = job.p, job.weights
    found = np.zeros((job.m, job.n))
    for m in range(job.m):
        for n in range(job.n):
            total = Fraction(0)
            for g in range(job.groups):
                place = slice(g * p.group, (g + 1) * p.group)
                a, codes = job.activations[m, place], w.codes[place, n]
                if tiled.zero_bits(p.pe):
                    part = (
                        int(x) * (int(q) - int(w.zeros[g, n]))
                        for x, q in zip(a, counted(p.pe, codes, None), strict=True)
                    )
                    group = Fraction(sum(part))
                else:
                    selectors = None if w.selectors is None else w.selectors[g, n : n + 1]
                    group = Fraction(float(tiled.group_sum(p.pe, a[None], codes[:, None], selectors)[0, 0]))
                total = nearest32(total + group * Fraction(float(w.scales[g, n])))
                if isinstance(total, float):
                    return None
            found[m, n] = float(total)
    return found


@pytest.mark.parametrize("p", SMALL, ids=lambda p: p.name)
def test_small_products_are_those_of_fractions(p):
    """Scales and codes with their corners, groups that cancel the ones before."""
    rng, done = np.random.default_rng(1), 0
    for _ in range(12):
        job = TileJob(p, rng, int(rng.integers(1, 4)))
        wanted = by_fractions(job)
        if wanted is not None:  # no total beyond fp32
            assert np.array_equal(job.golden(), wanted)
            done += 1
    assert done >= 10


@pytest.mark.parametrize("p", REAL, ids=lambda p: p.name)
def test_real_products_are_float64s_within_one_rounding_a_group(p):
    """A group's part is exact, its addition rounds to 24 bits once: |error| <= groups 2^-24 sum |parts|."""
    rng, groups, m, n = np.random.default_rng(2), 6, 16, 24
    k = groups * p.group
    whole = isinstance(p.pe.activation, Int)
    a = rng.integers(-127, 128, (m, k)) if whole else FP16.quantise(rng.normal(size=(m, k)))
    codes = rng.integers(p.pe.weight.min, p.pe.weight.max + 1, (k, n))
    scales = FP16.quantise(rng.random((groups, n)) / 64 + 2.0**-8)
    if tiled.scale_bits(p.pe) < 16:
        scales = rng.integers(1, 256, (groups, n)).astype(float)
    bits = tiled.zero_bits(p.pe)
    zeros = rng.integers(-1 << bits - 1, 1 << bits - 1, (groups, n)) if bits else None
    found = grouped_product(p, a, PeWeights(codes=codes, scales=scales, zeros=zeros))
    exact, size = np.zeros((m, n)), np.zeros((m, n))
    for g in range(groups):
        place = slice(g * p.group, (g + 1) * p.group)
        if whole:
            part = a[:, place] @ (counted(p.pe, codes[place], None) - zeros[g]) * scales[g]
        else:
            part = tiled.group_sum(p.pe, a[:, place], codes[place], None) * scales[g]
        exact, size = exact + part, size + np.abs(part)
    bound = groups * 2.0**-24 * size
    error = np.abs(found - exact)
    worst, share = error.max() / np.abs(exact).max(), (error / bound).max()
    print(f"{p.name}: worst {worst:.2e} of the largest, {share:.2f} of the bound")
    assert (error <= bound).all() and np.array_equal(found, FP32.quantise(found))


@pytest.mark.parametrize("p", SMALL, ids=lambda p: p.name)
def test_words_hold_the_operands_and_results_come_back(p):
    job = TileJob(p, np.random.default_rng(3), 3)
    packed, layout = job.words(), words.fields(p)

    def lanes(stream, index):
        word, place = packed[stream][index], 0
        for name, width, count in layout[stream]:
            for lane in range(count):
                yield name, lane, word >> place & (1 << width) - 1
                place += width
        assert word >> place == 0

    def at(values, row, col):
        return int(values[row, col]) if row < len(values) and col < values.shape[1] else 0

    a, w = tiled.pack_activations(p.pe, job.activations), tiled.pack_weights(p.pe, job.weights.codes)
    given = {"zeros": job.weights.zeros, "selectors": job.weights.selectors,
             "scales": words.scale_codes(p, job.weights.scales)}  # fmt: skip
    across, depth = -(-job.n // p.cols), a.shape[1]
    assert len(packed["command"]) == job.blocks and set(packed["command"]) == {job.groups}
    assert len(packed["left"]) == len(packed["top"]) == job.blocks * depth
    for block in range(job.blocks):
        row, col = block // across * p.rows, block % across * p.cols
        for k in range(depth):
            assert [code for _, _, code in lanes("left", block * depth + k)] == [
                at(a, row + i, k) for i in range(p.rows)
            ]
            assert [code for _, _, code in lanes("top", block * depth + k)] == [
                at(w, k, col + i) for i in range(p.cols)
            ]
        for g in range(job.groups):
            for name, lane, code in lanes("scale", block * job.groups + g):
                width = {each: bits for each, bits, _ in layout["scale"]}[name]
                assert code == at(given[name], g, col + lane) & (1 << width) - 1
    # the same blocks, as `o` would carry them
    results = np.arange(job.m * job.n, dtype=float).reshape(job.m, job.n)
    carried = np.zeros((job.blocks * p.rows, p.cols), "<u4")
    for m in range(job.m):
        for n in range(job.n):
            block = m // p.rows * across + n // p.cols
            carried[block * p.rows + m % p.rows, n % p.cols] = FP32.encode(results[m, n])
    assert np.array_equal(words.unpack_outputs(p, carried.view(np.uint8), job.m, job.n), results)


def stepped(rows, per_group, interval, latency, finish, groups):
    """Cycles of the tile, by its rules, one after the other; the command is accepted in cycle 0.

    A word's operands stand in the edges' registers from the cycle after it entered, `interval` cycles; the
    sums are the PE's `latency` behind. The last word of a group waits until the rows of the last group have
    left their cells. A row that leaves passes two registers, and a third is the output's.
    """
    cycle, taken, shown, delivered = 0, 0, 0, 0
    waiting, pipe, rows_left, occupied = None, [], 0, False
    while delivered < groups * rows:
        cycle += 1
        delivered += pipe.count(cycle)
        freed = False
        if waiting == cycle:
            rows_left, waiting = rows, None
        if rows_left:
            pipe.append(cycle + 3)
            rows_left -= 1
            freed = not rows_left
        last = taken % per_group == per_group - 1
        if shown:
            shown -= 1
        if taken < groups * per_group and not shown and not (last and occupied):
            taken, shown = taken + 1, interval
            if last:
                occupied, waiting = True, cycle + interval + latency + 1 + finish
        if freed:
            occupied = False
    return cycle + 1


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
@pytest.mark.parametrize("pe", [
    *(multiplier.Params(group=depth, registers=r) for depth in (1, 3, 8, 40) for r in (0, 2)),
    *(lut.Params(weight=weight, group=depth) for weight in (U1, U4) for depth in (4, 12, 64)),
    *(bitmod.Params(group=depth) for depth in (4, 24, 128)),
], ids=lambda p: tiled.pe.module_of(p).name(p) + f"_{p.group}")  # fmt: skip
def test_cycles_are_those_of_the_rules_stepped(rows, pe):
    p = TileParams(rows=rows, cols=2, pe=pe)
    ways = (rows, p.words, tiled.interval(pe), tiled.pe.module_of(pe).latency(pe), tiled.finish_cycles(pe))
    for groups in (1, 2, 7):
        assert tile_cycles.cycles(p, groups) == stepped(*ways, groups)
    assert tile_cycles.cycles(p, 0) == 0


def test_long_groups_keep_every_pe_busy():
    p = TileParams(rows=8, cols=8, pe=lut.Params(weight=U4, group=128))
    assert tile_cycles.cycles(p, 33) - tile_cycles.cycles(p, 32) == 128 // 4 * 4


def test_what_cannot_be_run_is_named():
    p = SMALL[0]
    a, codes, scales = np.zeros((2, 16), np.int64), np.zeros((16, 3), np.int64), np.ones((2, 3))
    weights = PeWeights(codes=codes, scales=scales)
    with pytest.raises(BadValue, match="K is 12; allowed: multiples of 8"):
        grouped_product(p, a[:, :12], weights)
    floats = TileParams(rows=2, cols=3, pe=lut.Params(activation=FP16, group=8))
    with pytest.raises(BadValue, match="zeros is given; allowed: none: sums of fp32 have no zero point"):
        grouped_product(floats, a.astype(float), PeWeights(codes=codes, scales=scales, zeros=codes[:2]))
    with pytest.raises(BadValue, match=r"groups is 2; allowed: 1 to 1 \(tile.groups"):
        words.pack_streams(TileParams(rows=3, cols=4, pe=p.pe, groups=1), a, weights)
    with pytest.raises(BadValue, match=r"scales\[0\] is 1000000.0; allowed: numbers fp16"):
        grouped_product(p, a, PeWeights(codes=codes, scales=scales * 1e6))
    with pytest.raises(BadValue, match=r"array.rows is 0; allowed: 1 to 128"):
        TileParams(rows=0)
    with pytest.raises(BadValue, match=r"weights\[0, 0\] is 128"):
        grouped_product(p, a, PeWeights(codes=codes + 128, scales=scales))
