"""One network of the demo: quantised on some inputs, run on the RTL on others, compared with float."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping.engines import ComparingEngine, ModelEngine
from mapping.execute import Execution, execute
from mapping.network import Network
from mapping.passes import simplify
from mapping.plan import Plan, plan
from mapping.quantise import quantise
from mapping.target import Target
from sim.engine import RtlEngine
from systola.report.schema import Answers, Figure, Layer
from systola.report.schema import Network as Section

Inputs = dict[str, np.ndarray]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """plan: where it ran. runs: one an input set, on the RTL, each product compared with golden as it ran."""

    network: Network
    plan: Plan
    runs: list[Execution]

    @property
    def cycles(self) -> int:
        """Counted in the RTL, all input sets."""
        return sum(layer.engine_cycles or 0 for run in self.runs for layer in run.layers)


def run_on_rtl(
    network: Network, target: Target, calibration: Sequence[Inputs], inputs: Sequence[Inputs],
    engine: RtlEngine, progress: Progress, method: str = "max",
) -> Ran:  # fmt: skip
    """Quantise on `calibration` by `method` of mapping.calibrate, then run `inputs` on the RTL.

    raises  mapping.engines.Mismatch if a product or its cycles differ from golden's
    """
    network = simplify(network)
    quantised = quantise(network, target, calibration, method=method)
    checked = ComparingEngine(engine, ModelEngine())
    runs = []
    for number, given in enumerate(inputs):

        def tell(layer: str, done: int, total: int, number: int = number) -> None:
            progress(f"{network.name}: {layer}", number * total + done, len(inputs) * total)

        runs.append(execute(quantised, given, checked, progress=tell))
    return Ran(network=network, plan=plan(network, target), runs=runs)


def layer_rows(ran: Ran) -> list[Layer]:
    """A row of the report for each product, as it ran on the first input set."""
    rows: list[Layer] = []
    for planned, measured in zip(ran.plan.layers, ran.runs[0].layers, strict=True):
        rows.append(
            Layer(
                name=planned.name, operator=planned.operator, m=planned.m, n=planned.n, k=planned.k,
                batch=planned.batch, compute_cycles=planned.compute_cycles, rtl_cycles=measured.engine_cycles,
                cycles=planned.cycles, equal=True, bytes_read=planned.bytes_read,
                bytes_written=planned.bytes_written, losses=dict(planned.losses),
            )
        )  # fmt: skip
    return rows


def section(ran: Ran, *, about: str, answers: list[Answers], agreement: Figure) -> Section:
    """The network's part of the report."""
    total = ran.plan.total
    rtl = sum(layer.engine_cycles or 0 for layer in ran.runs[0].layers)
    figures: list[Figure] = [
        {
            "label": "products on RTL",
            "value": f"{len(ran.plan.layers)} of {len(ran.plan.layers)}",
            "source": "RTL",
        },
        {"label": "cycles, one input", "value": f"{rtl:,}", "source": "RTL", "note": "equal to golden's"},
        {"label": "array used", "value": f"{100 * total['utilisation']:.1f} %", "source": "RTL"},
        agreement,
    ]
    host = ", ".join(f"{row.count} {row.operator}" for row in ran.plan.host)
    return {
        "name": ran.network.name,
        "about": about,
        "engine": "Verilated matrix unit, each product compared with golden bit for bit and cycle for cycle",
        "figures": figures,
        "answers": answers,
        "layers": layer_rows(ran),
        "host": f"{100 * total['macs_on_array']:.2f} % of the multiply-accumulates ran on the array. On the "
        f"host, in golden's float32: {host}.",
    }


def reference(model: Any, inputs: Inputs) -> dict[str, np.ndarray]:
    """What onnxruntime gives in float32: `model` is an onnx.ModelProto or the path of one."""
    import onnxruntime

    source = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


__all__ = ["Inputs", "Progress", "Ran", "reference", "run_on_rtl", "section"]
