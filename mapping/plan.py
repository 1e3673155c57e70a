"""The plan of a network on a target, layer by layer: the unit, the tiles, and the costs."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from golden.systolic.cycles import losses
from golden.systolic.gemm import Schedule
from mapping.backends.streams import accepts, gemm_of, placements
from mapping.cost import energy
from mapping.cost.groups import grouped_rows
from mapping.cost.tilings import SOURCE, Placement, place
from mapping.ir.graph import CodedNetwork, Host, operator_of
from mapping.layers import ProductLayer, host_operators, layers
from mapping.network import Network, ShapeNetwork
from mapping.quantise.requantise_points import result_bits
from mapping.result import HOST, Row, Total, host_rows, total
from mapping.target import Design, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """rows: those of the design, in order, then the host's. schedules: of a matrix unit's layers, by name."""

    network: str
    rows: tuple[Row, ...]
    total: Total
    schedules: dict[str, Schedule]

    @property
    def layers(self) -> list[Row]:
        """The rows that are not the host's; none where every operation runs there."""
        return [row for row in self.rows if row.unit != HOST]

    def as_dict(self) -> dict[str, Any]:
        """The content of `map --json`, without the design."""
        rows = [row.as_dict() for row in self.rows]
        return {"network": self.network, "layers": rows, "total": self.total.as_dict()}


def plan(network: Network | ShapeNetwork | CodedNetwork, design: Design) -> Plan:
    """Place the products of a network on a matrix unit or a tile; all else is the host's. A coded network's
    leave as sums, whose codes the host makes; others as their encodings say.

    raises  BadValue, naming a layer that does not fit, and by how much
    """
    schedules, source, known = dict[str, Schedule](), SOURCE, dict[str, int]()
    if isinstance(network, CodedNetwork):
        rows, schedules = coded_rows(network, matrix_unit(design))
    elif design.grouped:
        rows, source = grouped_rows(network, design)
        known = {"groups": design.pe.group, "shared_bytes": sum(each.shared_bytes or 0 for each in rows)}
    else:
        rows, schedules = whole_rows(network, matrix_unit(design))
    figures = total(rows, peak=design.peak_macs, mhz=design.clock_mhz, source=source, **known)
    return Plan(network=network.name, rows=tuple(rows), total=figures, schedules=schedules)


def matrix_unit(design: Design) -> Target:
    """The design of a PE whose sums go over all of K."""
    assert isinstance(design, Target)
    return design


def whole_rows(network: Network | ShapeNetwork, target: Target) -> tuple[list[Row], dict[str, Schedule]]:
    """Every matrix product, then the host's operators."""
    found = layers(network)
    bits = result_bits(network, target)
    placed = [(x, place(x.name, target, x.gemm, bits[x.name])) for x in found]
    rows = [plan_row(x, target, y) for x, y in placed]
    return [*rows, *host_rows(host_operators(network))], {x.name: y.schedule for x, y in placed}


def coded_rows(network: CodedNetwork, target: Target) -> tuple[list[Row], dict[str, Schedule]]:
    """Every product whose codes the PEs hold, then what else no unit would do or the PEs do not, with the
    reason, then the rest."""
    placed = placements(target, network)
    rows, host, refused = list[Row](), Counter[str](), list[Row]()
    for o in network.operations:
        gemm, operator = gemm_of(network, o), operator_of(o)
        if gemm is not None and o.name in placed:
            layer = ProductLayer(name=o.name, operator=operator, gemm=gemm)
            rows.append(plan_row(layer, target, placed[o.name]))
        elif gemm is not None or isinstance(o, Host):
            sizes = {**asdict(gemm), "macs": gemm.macs} if gemm else {"macs": getattr(o, "macs", 0)}
            why = accepts(target, network, o)
            refused.append(
                Row(name=o.name, operator=operator, unit=HOST, losses={}, count=1, reason=why, **sizes)
            )
        else:
            host[operator] += 1
    return [*rows, *refused, *host_rows(host)], {name: each.schedule for name, each in placed.items()}


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
    """Text: how a product is cut into tiles."""
    schedule = placed.schedule
    return {
        "stream": schedule.tiling.stream,
        "loop": target.left if schedule.tiling.columns_first else target.top,
        "rows": schedule.folds[0],
        "cols": schedule.folds[1],
        "depth": schedule.passes_per_tile,
        "buffers": placed.needs,
    }
