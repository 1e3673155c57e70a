"""Networks whose products run on a matrix unit or a tile, all else on the host (mapping.run.host)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from golden import check
from golden.blocks import Device
from golden.progress import Progress
from mapping import frontends
from mapping.backends.streams import REFERENCE
from mapping.ir.graph import CodedNetwork
from mapping.network import Network, ShapeNetwork
from mapping.passes import simplify
from mapping.plan import Plan
from mapping.plan import plan as plan_of
from mapping.quantise.networks import quantise_products
from mapping.run.arrays import ArrayRun
from mapping.run.floating import run_float
from mapping.run.host import Execution, cosine, execute, relative_error
from mapping.run.shapes import execute_shapes
from mapping.target import Design, Target
from sim.device import Comparing, Golden, Model, Rtl, Waves
from systola import coding, waveforms
from systola.coding import NetworkSource
from systola.operands import Inputs, joined
from systola.waveforms import WaveRequest

RTL_SOURCE = "RTL: counted in the Verilated design, equal to golden's count"
Loaded = Network | ShapeNetwork | NetworkSource
Runner = Callable[[Inputs, Device], Execution]


def read(path: Path, design: Design, **sizes: Any) -> Loaded:
    """The network, simplified; its products are what the design computes. A file in codes stays one where the
    PEs multiply codes."""
    if not design.grouped and coding.in_codes(path):
        return coding.read(path, **sizes)
    found = frontends.load(path, **sizes)
    return simplify(found) if isinstance(found, Network) else found


def plan(network: Loaded, design: Design, exact: bool | None = None) -> Plan:
    """Every product that the design computes, placed: the closed form of its passes is exact."""
    if isinstance(network, NetworkSource):
        return plan_of(coded(network), design)
    return plan_of(network, design)


def coded(source: NetworkSource) -> CodedNetwork:
    """A file in codes, as it is; the host computes what an accelerator's units would, and all else."""
    return source.coded(REFERENCE, [], host=True)


class HostSession:
    """A network that runs, sample by sample.

    raises  BadValue: a layer that does not fit, what cannot be quantised
    """

    runner: Runner

    def __init__(self, network: Loaded, design: Design) -> None:
        self.network, self.design = network, design
        self.device: Device = Model()
        self.plan = plan(network, design)
        self.runs: list[Execution] = []
        self.floats: list[Inputs] = []

    def step(self, sample: Inputs) -> Inputs:
        """The outputs; of shapes alone, those of every layer, on random operands."""
        ran = self.runner(sample, self.device)
        if self.design.grouped and isinstance(self.network, Network):
            self.floats.append(run_float(self.network, sample))
        self.runs.append(ran)
        return ran.outputs

    def add(self, result: dict[str, Any]) -> None:
        """What the run showed, put into the plan's figures: cycles and digests of the first sample (cycles do
        not depend on values), means of the errors.
        """
        total, placed = result["total"], result["layers"][: len(self.runs[0].layers)]
        for place, row in enumerate(placed):
            each = [ran.layers[place] for ran in self.runs]
            row["digest"] = each[0].digest
            if self.device.name not in ("golden", "model"):
                row["rtl_cycles"] = each[0].cycles
            for figure in ("error", "cosine") if self.design.grouped else ():
                row[figure] = float(np.mean([getattr(one, figure) for one in each]))
        if any("rtl_cycles" in row for row in placed):
            total["rtl_cycles"] = sum(row["rtl_cycles"] for row in placed)
            total["rtl_cycles_source"] = RTL_SOURCE
        if self.floats:
            total["error"] = max(row["error"] for row in placed)
            total["cosine"] = min(row["cosine"] for row in placed)
            result["beside_float"] = {name: self.beside_float(name) for name in self.floats[0]}

    def beside_float(self, name: str) -> dict[str, float]:
        """An output of all samples beside float's."""
        found = joined([ran.outputs[name] for ran in self.runs]).astype(np.float64)
        wanted = joined([each[name] for each in self.floats]).astype(np.float64)
        return {"error": relative_error(found, wanted), "cosine": cosine(found, wanted)}


def runner_of(
    network: Loaded, design: Design, samples: list[Inputs], seed: int, progress: Progress
) -> Runner:
    """The runner of samples on a device."""
    if isinstance(network, NetworkSource):
        return CodesRunner(network, cast(Target, design), progress)
    if isinstance(network, ShapeNetwork):
        unit = cast(Target, design)
        return lambda sample, device: execute_shapes(network, unit, device, seed=seed, progress=progress)
    quantised = quantise_products(network, design, samples)
    return lambda sample, device: execute(quantised, sample, device, progress=progress)


class CodesRunner:
    """A file in codes, step after step; a state is kept."""

    def __init__(self, source: NetworkSource, target: Target, progress: Progress) -> None:
        self.source, self.network = source, coded(source)
        self.array = ArrayRun(self.network, target, progress)

    def __call__(self, sample: Inputs, device: Device) -> Execution:
        codes = self.array.step(coding.codes_of(self.source, self.network, sample), device)
        outputs = coding.answers(self.source, self.network, codes)
        return Execution(outputs=outputs, layers=self.array.layers)


@contextmanager
def session(
    network: Loaded, design: Design, samples: list[Inputs], *, engine: str, seed: int,
    waves: WaveRequest | None, progress: Progress,
) -> Iterator[HostSession]:  # fmt: skip
    """A session; RTL is compared with the model in values and cycles, layer by layer."""
    found = HostSession(network, design)
    found.runner = runner_of(network, design, samples, seed, progress)
    if waves is not None:
        cycles = {row.name: row.compute_cycles for row in found.plan.layers}
        check.one_of("--waves", waves.layer, cycles)
        waves.check_window(cycles[waves.layer])
    with device_of(engine, waves) as found.device:
        yield found


@contextmanager
def device_of(engine: str, waves: WaveRequest | None) -> Iterator[Device]:
    """The device of an engine."""
    if waves is not None:
        with waveforms.kept(waves) as path:
            traced = Waves(waves.layer, path, *([waves.window] if waves.window else []))
            yield Comparing(Rtl(waves=traced), Model())
    elif engine == "rtl":
        yield Comparing(Rtl(), Model())
    else:
        yield Golden() if engine == "golden" else Model()


def outputs_of(network: Loaded) -> int:
    """How many outputs a run gives."""
    return len(network.layers if isinstance(network, ShapeNetwork) else network.outputs)


def states_scales(network: Loaded, design: Design) -> str:
    """Why no sample decides a range, or ""."""
    if isinstance(network, NetworkSource):
        return f"{network.name} states its own scales"
    return "groups' activations are scaled as they come" if design.grouped else ""


def refuse(path: Path, network: Loaded, design: Design) -> None:
    """BadValue for what groups are mapped of and cannot compute: codes of a file, shapes without weights."""
    if design.grouped:
        coding.refuse_codes(path)
        if isinstance(network, ShapeNetwork):
            raise check.fail(f"{network.name}: weights", "not there", "a network with weights")
