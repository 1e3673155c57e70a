"""A coded network on a bare matrix unit: sums of products on its array, all else in integers on the host.

The codes are those of `mapping.run.quantised`, bit for bit, since an array's sums are exact.
"""

from collections.abc import Mapping

import numpy as np

from golden.blocks import Device, Job
from golden.progress import Progress, untold
from golden.systolic.operands import Operands
from mapping.backends.streams import REFERENCE, offset, placements
from mapping.ir.graph import CodedNetwork
from mapping.run.host import LayerRun, record
from mapping.run.quantised import Interpreter, Values
from mapping.target import Target


class ArrayRun:
    """Steps of a network; a state is kept from step to step. layers: of the last one."""

    device: Device

    def __init__(self, network: CodedNetwork, target: Target, progress: Progress = untold) -> None:
        self.placed = placements(target, network)
        taken = [o for o in network.operations if o.name in self.placed]
        self.offsets = {o.name: offset(target, network, o) for o in taken}
        self.layers: list[LayerRun] = []
        self.progress = progress
        self.steps = Interpreter(network, REFERENCE, self)

    def step(self, codes: Mapping[str, np.ndarray], device: Device) -> Values:
        """Outputs' codes, int64, by name, the sums from `device`."""
        self.layers, self.device = [], device
        return self.steps.step(codes)

    def takes(self, name: str) -> bool:
        return name in self.placed

    def sums(self, name: str, a: np.ndarray, w: np.ndarray) -> np.ndarray:
        """a [b, m, k] w [b, k, n] on the array, int64."""
        schedule, off, w = self.placed[name].schedule, self.offsets[name], w.astype(np.int64)
        operands = Operands(a.astype(np.int64) + off, w)
        found = self.device.run(Job(name=name, p=schedule.unit, shape=schedule, operands=operands))
        self.layers.append(record(name, schedule.gemm, found))
        self.progress(name, len(self.layers), len(self.placed))
        return np.asarray(found.values - off * w.sum(axis=1, keepdims=True))
