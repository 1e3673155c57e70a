"""A network on a target, layer by layer: where it runs, in which tiles, and what that costs."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from golden.systolic.cycles import losses
from golden.systolic.gemm import Schedule
from mapping.backends.streams import accepts, gemm_of, placements
from mapping.cost import energy
from mapping.cost.tilings import Placement, place
from mapping.ir.graph import CodedNetwork, operator_of
from mapping.layers import ProductLayer, host_operators, layers
from mapping.network import Network, ShapeNetwork
from mapping.quantise.requantise_points import result_bits
from mapping.result import HOST, Row, Total, host_rows, total
from mapping.target import Target

SOURCE = "model: golden cycles, and double-buffered transfers at the stated bandwidth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """rows: those of the design, in order, then the host's. schedules: of a matrix unit's, by layer name."""

    network: str
    rows: tuple[Row, ...]
    total: Total
    schedules: dict[str, Schedule]

    @property
    def layers(self) -> list[Row]:
        """The rows that are not the host's; none where all runs there."""
        return [row for row in self.rows if row.unit != HOST]

    def as_dict(self) -> dict[str, Any]:
        """What `map --json` prints, but for the design."""
        rows = [row.as_dict() for row in self.rows]
        return {"network": self.network, "layers": rows, "total": self.total.as_dict()}


def plan(network: Network | ShapeNetwork, target: Target) -> Plan:
    """Place every matrix product of a network; BadValue names a layer that does not fit, and by how much."""
    found = layers(network)
    bits = result_bits(network, target)
    placements = [place(x.name, target, x.gemm, bits[x.name]) for x in found]
    rows = [plan_row(x, target, y) for x, y in zip(found, placements, strict=True)]
    rows += host_rows(host_operators(network))
    return Plan(
        network=network.name,
        rows=tuple(rows),
        total=total(rows, peak=target.peak_macs, mhz=target.clock_mhz, source=SOURCE),
        schedules={x.name: y.schedule for x, y in zip(found, placements, strict=True)},
    )


def plan_codes(network: CodedNetwork, target: Target) -> Plan:
    """Place every product of a coded network whose codes the PEs hold; the sums leave the array. Any other
    product has a row of the host's, with the reason."""
    placed = placements(target, network)
    rows, host, refused = [], Counter[str](), []
    for o in network.operations:
        gemm, kind = gemm_of(network, o), operator_of(o)
        if o.name in placed and gemm is not None:
            layer = ProductLayer(name=o.name, operator=kind, gemm=gemm)
            rows.append(plan_row(layer, target, placed[o.name]))
        elif gemm is not None:
            g, why = gemm, accepts(target, network, o)
            refused.append(Row(name=o.name, operator=kind, unit=HOST, batch=g.batch, m=g.m, n=g.n, k=g.k,
                               macs=g.macs, losses={}, count=1, reason=why))  # fmt: skip
        else:
            host[kind] += 1
    every = [*rows, *refused, *host_rows(host)]
    return Plan(
        network=network.name,
        rows=tuple(every),
        total=total(every, peak=target.peak_macs, mhz=target.clock_mhz, source=SOURCE),
        schedules={name: each.schedule for name, each in placed.items()},
    )


def plan_row(layer: ProductLayer, target: Target, placed: Placement) -> Row:
    """The figures of one layer."""
    gemm, schedule, cycles = layer.gemm, placed.schedule, placed.compute_cycles
    moved = placed.bytes_read + placed.bytes_written
    return Row(
        name=layer.name,
        operator=layer.operator,
        m=gemm.m,
        n=gemm.n,
        k=gemm.k,
        batch=gemm.batch,
        macs=gemm.macs,
        unit="matrix",
        dataflow=target.unit.dataflow,
        tiles=tiles(target, placed),
        compute_cycles=cycles,
        cycles=placed.cycles,
        utilisation=gemm.macs / (target.peak_macs * cycles),
        losses={**losses(schedule), "memory": float(placed.cycles - cycles)},
        bytes_read=placed.bytes_read,
        bytes_written=placed.bytes_written,
        bound="memory" if moved > target.bytes_per_cycle * cycles else "compute",
        energy_pj=energy.energy(target, schedule, moved),
    )


def tiles(target: Target, placed: Placement) -> dict[str, Any]:
    """How a product is cut."""
    schedule = placed.schedule
    return {
        "stream": schedule.tiling.stream,
        "loop": target.left if schedule.tiling.columns_first else target.top,
        "rows": schedule.folds[0],
        "cols": schedule.folds[1],
        "depth": schedule.passes_per_tile,
        "buffers": placed.needs,
    }
