"""A network on a target, layer by layer: where it runs, in which tiles, and what that costs."""

from dataclasses import asdict, dataclass
from typing import Any

from golden.systolic.gemm import Schedule
from golden.systolic.matrix_unit import losses
from mapping.cost import energy
from mapping.cost.tilings import Placement, place
from mapping.layers import ProductLayer, host_operators, layers
from mapping.network import Network, ShapeNetwork
from mapping.quantise.requantise_points import result_bits
from mapping.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One matrix product. The names are those of `map --json`.

    tiles           stream: most vectors in a pass; loop: whose pieces the outer loop visits; rows, cols,
                    depth: pieces of the three axes; buffers: bytes needed of each
    compute_cycles  golden, exact: operands at hand       cycles   a model: with the memory
    utilisation     multiply-accumulates over PEs and compute_cycles
    losses          fractions of compute_cycles by cause; they add up to 1, and "useful" is utilisation
    bound           what the roofline says: "compute" or "memory"
    energy_pj       a model (mapping.cost.energy)
    """

    name: str
    operator: str
    m: int
    n: int
    k: int
    batch: int
    macs: int
    placed_on: str
    dataflow: str
    tiles: dict[str, Any]
    compute_cycles: int
    cycles: int
    utilisation: float
    losses: dict[str, float]
    bytes_read: int
    bytes_written: int
    bound: str
    energy_pj: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """All nodes of one operator that run on the host."""

    name: str
    operator: str
    count: int
    placed_on: str = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """layers: on the array, in order; none where the network has no matrix product, and all runs on the host.
    host: what runs on the host. placements: of `layers`, in order."""

    network: str
    target: Target
    layers: tuple[PlanRow, ...]
    host: tuple[HostRow, ...]
    placements: tuple[Placement, ...]

    @property
    def schedules(self) -> dict[str, Schedule]:
        """By layer name."""
        return {row.name: x.schedule for row, x in zip(self.layers, self.placements, strict=True)}

    @property
    def total(self) -> dict[str, Any]:
        """Sums over the layers, and where the figures come from."""
        macs = sum(row.macs for row in self.layers)
        compute = sum(row.compute_cycles for row in self.layers)
        cycles = sum(row.cycles for row in self.layers)
        causes = self.layers[0].losses if self.layers else {}
        return {
            "layers": len(self.layers),
            "macs": macs,
            "macs_on_array": 1.0,  # of the matrix products; what else there is has none
            "host_operators": {row.operator: row.count for row in self.host},
            "compute_cycles": compute,
            "compute_cycles_source": "golden, exact",
            "cycles": cycles,
            "cycles_source": "model: golden cycles, and double-buffered transfers at the stated bandwidth",
            "milliseconds": cycles / self.target.clock_mhz / 1e3,
            "utilisation": macs / (self.target.peak_macs * compute) if compute else 0.0,
            "losses": {
                cause: sum(row.losses[cause] * row.compute_cycles for row in self.layers) / compute
                for cause in causes
            },
            "bytes_read": sum(row.bytes_read for row in self.layers),
            "bytes_written": sum(row.bytes_written for row in self.layers),
            "energy_pj": sum(row.energy_pj for row in self.layers),
            "energy_source": energy.SOURCE,
        }

    def as_dict(self) -> dict[str, Any]:
        """What `map --json` prints, but for the design."""
        rows = [*map(asdict, self.layers), *map(asdict, self.host)]
        return {"network": self.network, "layers": rows, "total": self.total}


def plan(network: Network | ShapeNetwork, target: Target) -> Plan:
    """Place every matrix product of a network; BadValue names a layer that does not fit, and by how much."""
    found = layers(network)
    bits = result_bits(network, target)
    placements = [place(x.name, target, x.gemm, bits[x.name]) for x in found]
    rows = [plan_row(x, target, y) for x, y in zip(found, placements, strict=True)]
    host = host_operators(network)
    return Plan(
        network=network.name,
        target=target,
        layers=tuple(rows),
        host=tuple(HostRow(name=op, operator=op, count=host[op]) for op in sorted(host)),
        placements=tuple(placements),
    )


def plan_row(layer: ProductLayer, target: Target, placed: Placement) -> PlanRow:
    """The figures of one layer."""
    gemm, schedule, cycles = layer.gemm, placed.schedule, placed.compute_cycles
    moved = placed.bytes_read + placed.bytes_written
    return PlanRow(
        name=layer.name,
        operator=layer.operator,
        m=gemm.m,
        n=gemm.n,
        k=gemm.k,
        batch=gemm.batch,
        macs=gemm.macs,
        placed_on="array",
        dataflow=target.unit.dataflow,
        tiles=tiles(target, placed),
        compute_cycles=cycles,
        cycles=placed.cycles,
        utilisation=gemm.macs / (target.peak_macs * cycles),
        losses={cause: lost / cycles for cause, lost in losses(schedule).items()},
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
