"""Networks whose products run on a matrix unit or a tile, all else on the host (mapping.run.host)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from golden import check
from golden.blocks import Device
from mapping import frontends, plan_groups
from mapping.network import Network, ShapeNetwork
from mapping.passes import simplify
from mapping.plan import Plan
from mapping.plan import plan as plan_whole
from mapping.quantise.networks import quantise
from mapping.run.floating import run_float
from mapping.run.host import Execution, Progress, cosine, execute, relative_error
from mapping.run.shapes import execute_shapes
from mapping.target import Design, Target
from sim.device import Comparing, Golden, Model, Rtl
from sim.device import Waves as Traced
from systola import coding, waveforms
from systola.operands import Inputs, joined
from systola.waveforms import Waves

RTL_SOURCE = "RTL: counted in the Verilated design, equal to golden's count"
Loaded = Network | ShapeNetwork


def read(path: Path, **sizes: Any) -> Loaded:
    """The network, simplified; its products are what the design computes."""
    found = frontends.load(path, **sizes)
    return simplify(found) if isinstance(found, Network) else found


def plan(network: Loaded, design: Design) -> Plan:
    """Every product that the design computes, placed."""
    return (plan_groups.plan if design.grouped else plan_whole)(network, design)  # type: ignore[arg-type]


class Session:
    """A network that runs, sample by sample.

    raises  BadValue: a layer that does not fit, what cannot be quantised
    """

    def __init__(
        self, network: Loaded, design: Design, samples: list[Inputs], seed: int, progress: Progress | None
    ) -> None:
        self.network, self.design = network, design
        self.seed, self.progress = seed, progress
        self.device: Device = Model()
        self.plan = plan(network, design)
        self.quantised = None if isinstance(network, ShapeNetwork) else quantise(network, design, samples)
        self.runs: list[Execution] = []
        self.floats: list[Inputs] = []

    def step(self, sample: Inputs) -> Inputs:
        """The outputs; of shapes alone, those of every layer, on random operands."""
        if self.quantised is None:
            assert isinstance(self.network, ShapeNetwork)
            unit, more = cast(Target, self.design), {"seed": self.seed, "progress": self.progress}
            ran = execute_shapes(self.network, unit, self.device, **more)  # type: ignore[arg-type]
        else:
            ran = execute(self.quantised, sample, self.device, progress=self.progress)
            if self.design.grouped:
                self.floats.append(run_float(self.quantised.network, sample))
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


@contextmanager
def session(
    path: Path, network: Loaded, design: Design, samples: list[Inputs], *, engine: str, seed: int,
    waves: Waves | None, progress: Progress | None,
) -> Iterator[Session]:  # fmt: skip
    """A session; RTL is compared with the model in values and cycles, layer by layer."""
    coding.refuse_codes(path)
    if design.grouped and isinstance(network, ShapeNetwork):
        raise check.fail(f"{network.name}: weights", "not there", "a network with weights")
    found = Session(network, design, samples, seed, progress)
    if waves is not None:
        check.one_of("--waves", waves.layer, [row.name for row in found.plan.layers])
    with device_of(engine, waves) as found.device:
        yield found


@contextmanager
def device_of(engine: str, waves: Waves | None) -> Iterator[Device]:
    """The device of an engine."""
    if waves is not None:
        with waveforms.kept(waves) as path:
            traced = Traced(waves.layer, path, *([waves.window] if waves.window else []))
            yield Comparing(Rtl(waves=traced), Model())
    elif engine == "rtl":
        yield Comparing(Rtl(), Model())
    else:
        yield Golden() if engine == "golden" else Model()


def outputs_of(network: Loaded) -> int:
    """How many outputs a run gives."""
    return len(network.outputs if isinstance(network, Network) else network.layers)


def states_scales(network: Loaded, design: Design) -> str:
    """Why no sample decides a range, or ""."""
    return "groups' activations are scaled as they come" if design.grouped else ""
