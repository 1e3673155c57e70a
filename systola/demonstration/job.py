"""A network of the demo as a program: quantised on some inputs, run on the accelerator's RTL on others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.progress import Progress
from mapping.target import Target
from sim.accelerator import RtlOutcome
from sim.device import Comparing
from systola import program_session
from systola.coding import NetworkSource
from systola.operands import Inputs
from systola.report import numbers
from systola.report.schema import Answers, Headline, NetworkReport, ProgramReport, figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """outputs, results: one an input set; every output bit was golden's."""

    prepared: program_session.Prepared
    outputs: list[Inputs]
    results: list[RtlOutcome]

    @property
    def cycles(self) -> int:
        """Cycles of all input sets, from start to interrupt."""
        return sum(result.cycles for result in self.results)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all input sets."""
        return self.prepared.plan.total.macs * len(self.results)


def run_on_rtl(
    source: NetworkSource, target: Target, calibration: Sequence[Inputs], inputs: Sequence[Inputs],
    progress: Progress, method: str = "max",
) -> Ran:  # fmt: skip
    """Quantise on `calibration`, by `method` (mapping.quantise.calibrate), then run `inputs` on the RTL.

    raises  sim.device.Mismatch if an output differs from golden's
    """
    progress(f"{source.name}: quantising", 0, len(inputs))
    prepared = program_session.prepare(source, target, calibration, method)
    (segment,) = prepared.segments
    rtl = program_session.on_rtl(target, segment.program)
    assert target.accelerator is not None
    model = program_session.ModelProgram(segment.network, target.accelerator)
    session = program_session.ProgramSession(prepared, [Comparing(rtl, model)])
    outputs = []
    for number, given in enumerate(inputs):
        progress(f"{source.name}: input {number + 1}", number, len(inputs))
        outputs.append(session.step(given))
    return Ran(prepared=prepared, outputs=outputs, results=rtl.outcomes)


def program(ran: Ran) -> ProgramReport:
    """The run of the first input set."""
    first, plan = ran.results[0], ran.prepared.plan
    return {
        "cycles": first.cycles,
        "predicted": plan.total.cycles,
        "losses": {cause: lost / plan.total.cycles for cause, lost in plan.total.losses.items()},
        "operations": [
            {
                "name": row.name, "kind": row.operator, "unit": row.unit,
                "shape": f"{row.batch} x {row.m} x {row.n} x {row.k}" if row.macs else "",
                "commands": row.commands or 0, "cycles": row.cycles,
            }
            for row in plan.rows
        ],
        "timeline": {"cycles": first.cycles, "busy": first.busy, "waiting": first.waiting},
    }  # fmt: skip


def section(ran: Ran, *, about: str, answers: list[Answers], agreement: Headline) -> NetworkReport:
    """The network's part of the report."""
    cycles, predicted = ran.results[0].cycles, ran.prepared.plan.total
    operators = len(ran.prepared.coded.operations)
    off = f"predicted {predicted.cycles:,}, {100 * (predicted.cycles / cycles - 1):+.2f} %"
    figures = [
        figure("operators on RTL", f"{operators} of {operators}", "RTL"),
        figure("cycles, start to interrupt", f"{cycles:,}", "RTL", note=off),
        figure("array used", numbers.percent(predicted.losses["useful"] / cycles), "RTL"),
        agreement,
    ]
    return {
        "name": ran.prepared.source.name,
        "about": about,
        "engine": "Verilated accelerator, every output compared with golden bit for bit",
        "figures": figures,
        "answers": answers,
        "program": program(ran),
        "host": "On the host: nothing. A program, its inputs and its weights stand in memory; the interrupt "
        "says that the outputs do too.",
    }


def answers(
    title: str, columns: list[str], rows: list[list[str]], source: str = "onnxruntime; RTL"
) -> Answers:  # fmt: skip
    """A table of the report."""
    return {"title": title, "columns": columns, "rows": rows, "source": source}


def reference(model: Any, inputs: Inputs) -> dict[str, np.ndarray]:
    """onnxruntime's outputs in float32: `model` is an onnx.ModelProto or the path of one."""
    import onnxruntime

    source = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


__all__ = ["Inputs", "Ran", "answers", "reference", "run_on_rtl", "section"]
