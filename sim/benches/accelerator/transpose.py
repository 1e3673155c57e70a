"""Bench of hw.accelerator.transpose: whole tiles, with pauses within and between them."""

from functools import partial
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from golden.accelerator.transpose import cycles, transpose
from sim.benches import Faults, parameters, verilog_case
from sim.benches.stream import Bench, compare, pack_word, unpack_word


class TransposeBench(Bench):
    """The block and golden. Words are sent, and come, last word first, as the block says."""

    def __init__(self, dut: Any, *, stall_in: float = 0.0, stall_out: float = 0.0):
        super().__init__(dut, stall_in=stall_in, stall_out=stall_out)
        self.lanes, self.width = parameters()["lanes"], parameters()["width"]
        self.layout = [("lanes", self.width, self.lanes)]

    def send(self, tiles: int) -> None:
        self.sources["i"].send(
            pack_word(
                self.layout, {"lanes": [self.random.getrandbits(self.width) for _ in range(self.lanes)]}
            )
            for _ in range(tiles * self.lanes)
        )

    async def begin(self, tiles: int) -> None:
        """One cycle of reset, in which new tiles replace what was offered."""
        resetting = cocotb.start_soon(self.reset())
        await RisingEdge(self.dut.clk)
        self.sources["i"].words.clear()
        self.send(tiles)
        await resetting

    def check(self, accepted: list[int], delivered: list[int]) -> None:
        """Golden on the whole tiles that went in; words of a tile in the order of the streams."""
        found = [unpack_word(self.layout, word)["lanes"] for word in delivered]
        words = [unpack_word(self.layout, word)["lanes"] for word in accepted]
        whole = len(words) // self.lanes * self.lanes
        tiles = np.array(words[:whole], np.int64).reshape(-1, self.lanes)
        # last word first, on both sides
        golden = transpose(turned(tiles, self.lanes)) if whole else tiles
        golden = turned(golden, self.lanes)[: len(found)]
        compare(found, golden.tolist(), lambda index, lane: f"tile {index // self.lanes}")


def turned(words: np.ndarray, lanes: int) -> np.ndarray:
    """Each tile's words in reverse."""
    return words.reshape(-1, lanes, lanes)[:, ::-1].reshape(words.shape)


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.3, 0.8], stall_out=[0.0, 0.3, 0.8])
async def words_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = TransposeBench(dut, stall_in=stall_in, stall_out=stall_out)
    bench.send(7)
    await bench.start()
    await bench.moved("o", 7 * bench.lanes, within=200 * bench.lanes)
    bench.check(bench.monitors["i"].words, bench.monitors["o"].words)
    if stall_in == stall_out == 0:
        took = bench.monitors["o"].moved[-1][0] - bench.monitors["i"].moved[0][0] + 1
        assert took == cycles(bench.lanes, 7), f"took {took} cycles, golden {cycles(bench.lanes, 7)}"
    assert dut.busy.value == 0, "busy when all has left"


@cocotb.test
async def a_tile_leaves_though_none_follows(dut: Any) -> None:
    """Each tile starts to enter at another moment of the one before."""
    bench = TransposeBench(dut)
    await bench.start()
    for tile in range(2 * bench.lanes + 2):
        bench.send(1)
        await bench.cycles(bench.lanes + tile)
        assert dut.busy.value == 1 or tile >= bench.lanes, "not busy with a tile inside"
    await bench.moved("o", (2 * bench.lanes + 2) * bench.lanes, within=10 * bench.lanes)
    bench.check(bench.monitors["i"].words, bench.monitors["o"].words)


@cocotb.test
async def an_output_that_is_not_ready_lets_one_tile_in(dut: Any) -> None:
    bench = TransposeBench(dut, stall_out=1.0)
    bench.send(3)
    await bench.start()
    await bench.moved("i", bench.lanes, within=4 * bench.lanes)
    bench.sinks["o"].stall = 0.0
    await bench.moved("o", 3 * bench.lanes, within=10 * bench.lanes)
    bench.check(bench.monitors["i"].words, bench.monitors["o"].words)


@cocotb.test
@cocotb.parametrize(after=[1, 2, 3, 4, 5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, after: int) -> None:
    bench = TransposeBench(dut, stall_in=0.2, stall_out=0.2)
    bench.send(20)
    await bench.start()
    await bench.cycles(after * bench.lanes * 3 // 4 + 1)
    await bench.begin(4)
    i, o = bench.monitors["i"], bench.monitors["o"]
    accepted, delivered = ([word for _, word in port.before_reset] for port in (i, o))
    assert len(accepted) > len(delivered), "nothing was in flight"
    bench.check(accepted, delivered)
    await bench.moved("o", 4 * bench.lanes, within=60 * bench.lanes)
    bench.check(i.words, o.words)


case = partial(verilog_case, "accelerator/transpose", dict)
CASES = [case(f"{lanes}x{width}", lanes=lanes, width=width) for lanes, width in ((4, 8), (16, 8), (8, 3))]
QUICK = {"verilator": ["4x8"], "icarus": ["8x3"]}
LONG = {"verilator": ["16x8"], "icarus": ["4x8"]}
EXTREME = CASES
MUTANTS = [Faults("4x8", 2)]
