"""The RTL engine: a matrix unit's or a tile's own Verilog, compiled, computes the products of a network."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from golden.pe.weights import Weights
from golden.systolic import words
from golden.systolic.gemm import Schedule
from golden.systolic.matrix_unit import Product, Scaling
from golden.systolic.params import MatrixUnitParams
from golden.tile.tile import TileParams
from hw.emit import verilog
from hw.systolic import matrix_unit
from sim.build import build_model
from sim.driver import CompiledModel, RunResult
from sim.ports import StreamPort
from sim.tile_engine import run_tile

Job = Schedule | TileParams
Factor = np.ndarray | Weights


def stream_ports(unit: MatrixUnitParams) -> list[StreamPort]:
    """The streams of a matrix unit, as golden.systolic.words lays them out."""
    inputs = [StreamPort(name, "in", words.bits(unit, name)) for name in words.inputs(unit)]
    return [*inputs, StreamPort("o", "out", words.bits(unit, "o"))]


@cache
def unit_verilog(unit: MatrixUnitParams) -> str:
    """Verilog of the matrix unit."""
    return str(verilog(matrix_unit.definition(unit)))


def compile_unit(unit: MatrixUnitParams, *, trace: bool = False) -> CompiledModel:
    """The matrix unit, verilated and loaded; from the cache where it is there."""
    return CompiledModel(build_model(unit_verilog(unit), unit.name, stream_ports(unit), trace=trace))


@dataclass
class Waves:
    """Waves of one product: of `layer`, into `path` (FST), the cycles of `window` alone."""

    layer: str
    path: Path
    window: tuple[int, int] = (0, 1 << 62)


@dataclass
class RtlEngine:
    """Runs products on the Verilated matrix unit, or tile.

    stalls: probability with which each stream is held back in a cycle; the cycles then tell of that, too.
    A model is compiled when its design is first met, and kept for the engine's life.
    """

    stalls: float = 0.0
    seed: int = 1
    waves: Waves | None = None
    name: str = "rtl"
    models: dict[tuple[MatrixUnitParams, bool], CompiledModel] = field(default_factory=dict)
    cycles_run: int = 0

    def product(
        self, name: str, job: Job, activations: np.ndarray, weights: Factor, scaling: Scaling | None = None
    ) -> Product:
        """One product through the RTL; cycles are counted there, from the first word in to the last out.

        raises  SimulationError if it hangs or breaks a stream's rules
        """
        if isinstance(weights, Weights):
            assert isinstance(job, TileParams)
            made = run_tile(job, activations, weights, stalls=self.stalls, seed=self.seed)
        else:
            assert isinstance(job, Schedule)
            made = self.scheduled(name, job, activations, weights, scaling)
        self.cycles_run += made.cycles or 0
        return made

    def scheduled(
        self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray,
        scaling: Scaling | None,
    ) -> Product:  # fmt: skip
        """One product on a matrix unit."""
        trace = self.waves if self.waves and self.waves.layer == name else None
        model = self.model(schedule.unit, trace=trace is not None)
        strides = {port: model.stride(port) for port in words.inputs(schedule.unit)}
        inputs = words.pack_streams(schedule, activations, weights, scaling, strides)
        result = self.run(model, inputs, int(schedule.tile_rows().sum()), trace)
        return Product(words.unpack_outputs(schedule, result.outputs["o"]), result.cycles)

    def run(
        self, model: CompiledModel, inputs: dict[str, np.ndarray], count: int, trace: Waves | None
    ) -> RunResult:
        """One job of `count` words of o."""
        window = trace.window if trace else (0, 0)
        path = trace.path if trace else None
        return model.run(
            inputs, {"o": count}, stalls=self.stalls, seed=self.seed, window=window, trace_file=path
        )

    def model(self, unit: MatrixUnitParams, *, trace: bool = False) -> CompiledModel:
        """The compiled matrix unit of this design."""
        if (unit, trace) not in self.models:
            self.models[unit, trace] = compile_unit(unit, trace=trace)
        return self.models[unit, trace]
