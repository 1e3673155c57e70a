"""A tile's own Verilog, compiled: the RTL of grouped products (sim.engine.RtlEngine)."""

from functools import cache

import numpy as np

from golden.pe.weights import Weights
from golden.systolic.matrix_unit import Product
from golden.tile import words
from golden.tile.tile import TileParams
from hw.emit import verilog
from hw.tile.tile import definition
from sim.build import build_model
from sim.driver import CompiledModel
from sim.ports import StreamPort


def stream_ports(p: TileParams) -> list[StreamPort]:
    """The streams of a tile, as golden.tile.words lays them out."""
    inputs = [StreamPort(name, "in", words.bits(p, name)) for name in words.INPUTS]
    return [*inputs, StreamPort("o", "out", words.bits(p, "o"))]


@cache
def tile_verilog(p: TileParams) -> str:
    """Verilog of the tile."""
    return str(verilog(definition(p)))


@cache
def compile_tile(p: TileParams) -> CompiledModel:
    """The tile, verilated and loaded; from the cache where it is there."""
    return CompiledModel(build_model(tile_verilog(p), p.name, stream_ports(p)))


def run_tile(
    p: TileParams, activations: np.ndarray, weights: Weights, *, stalls: float = 0.0, seed: int = 1
) -> Product:
    """One product; cycles are counted there, from the command in to the last word out.

    raises  SimulationError if it hangs or breaks a stream's rules
    """
    model, (m, n) = compile_tile(p), (len(activations), weights.codes.shape[1])
    inputs = {
        stream: np.pad(packed, ((0, 0), (0, model.stride(stream) - packed.shape[1])))
        for stream, packed in words.pack_streams(p, activations, weights).items()
    }
    count = len(inputs["command"]) * p.rows
    result = model.run(inputs, {"o": count}, stalls=stalls, seed=seed)
    return Product(words.unpack_outputs(p, result.outputs["o"], m, n), result.cycles)
