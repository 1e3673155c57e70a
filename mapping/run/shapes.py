"""A network known by its shapes alone, run: each layer by itself, on random operands over all codes."""

from zlib import crc32

import numpy as np

from golden import check
from golden.blocks import Device, Job
from golden.formats import Int
from golden.progress import Progress, untold
from golden.systolic.gemm import Gemm
from golden.systolic.operands import ChannelScaling, Operands
from golden.systolic.params import MatrixUnitParams
from golden.vector.requantise import multiplier_and_shift
from mapping.layers import layers
from mapping.network import MOST_ELEMENTS, ShapeNetwork
from mapping.plan import plan
from mapping.run.host import Execution, LayerRun, record
from mapping.target import Target


def execute_shapes(
    network: ShapeNetwork, target: Target, device: Device, *, seed: int = 0, progress: Progress = untold
) -> Execution:
    """Run every layer. outputs: codes [batch, m, n] by layer name; the seed alone decides them."""
    runs: list[LayerRun] = []
    outputs = {}
    schedules = plan(network, target).schedules
    for x in layers(network):
        check_room(x.name, x.gemm)
        random = np.random.default_rng([seed, crc32(x.name.encode())])
        given, schedule = operands(target.unit, x.gemm, random), schedules[x.name]
        found = device.run(Job(name=x.name, p=target.unit, shape=schedule, operands=given))
        outputs[x.name] = found.values
        runs.append(record(x.name, x.gemm, found, codes=True))
        progress(x.name, len(runs), len(schedules))
    return Execution(outputs=outputs, layers=runs)


def check_room(name: str, g: Gemm) -> None:
    """BadValue if an operand or the result of a layer takes too much memory."""
    for operand, size in (("activations", g.m * g.k), ("weights", g.k * g.n), ("result", g.m * g.n)):
        check.in_range(f"layer {name}: elements of the {operand}", g.batch * size, 1, MOST_ELEMENTS)


def operands(unit: MatrixUnitParams, gemm: Gemm, random: np.random.Generator) -> Operands:
    """Activations, weights, and a scaling under which the codes spread over the output's range."""
    left = codes(random, unit.pe.activation, (gemm.batch, gemm.m, gemm.k))
    right = codes(random, unit.pe.weight, (gemm.batch, gemm.k, gemm.n))
    spread = np.sqrt(gemm.k) * unit.pe.largest / 3  # of a sum: uniform factors deviate by largest / 3
    scale = (unit.out.max - unit.out.min) / (6 * spread) * 2.0 ** random.uniform(-1, 1, gemm.n)
    multiplier, shift = multiplier_and_shift(scale, Int(unit.multiplier_bits, signed=False), unit.max_shift)
    most = int(min(spread, unit.pe.accumulator.max))
    bias = random.integers(-most, most, gemm.n, endpoint=True)
    middle = (unit.out.max + unit.out.min + 1) // 2
    scaling = ChannelScaling(bias=bias, multiplier=multiplier, shift=shift, zero_point=middle)
    return Operands(left, right, scaling)


def codes(random: np.random.Generator, fmt: Int, shape: tuple[int, ...]) -> np.ndarray:
    """Every code of the format as likely as any other."""
    return random.integers(fmt.min, fmt.max, shape, dtype=np.int64, endpoint=True)
