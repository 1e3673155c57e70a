"""A grouped network on a design, layer by layer: cycles, exact, and bytes at the PE's own widths."""

from dataclasses import asdict, dataclass
from typing import Any

from golden.pe import tiled
from golden.tile import words
from mapping.cost.tilings import place
from mapping.layers import ProductLayer, layers
from mapping.network import Network, ShapeNetwork
from mapping.quantise.groups import array_gemm, grouped_layers, groups, padded
from mapping.target import Design, Target, TileTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedRow:
    """One product by constant weights. The names are those of `map --json`.

    groups          of a product, along k
    compute_cycles  golden, exact: operands at hand      cycles   a model: with the memory
    utilisation     multiply-accumulates over those of the PEs in compute_cycles
    bytes_read      weights, activations, and shared_bytes: scales, zero points and selectors of the groups
    """

    name: str
    operator: str
    m: int
    n: int
    k: int
    batch: int
    macs: int
    placed_on: str
    groups: int
    compute_cycles: int
    cycles: int
    utilisation: float
    bytes_read: int
    shared_bytes: int
    bytes_written: int
    bound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedPlan:
    """rows: in order. host: how often each operator runs there; host_macs: of the products among them."""

    network: str
    design: Design
    rows: tuple[GroupedRow, ...]
    host: dict[str, int]
    host_macs: int

    def as_dict(self) -> dict[str, Any]:
        """What `map --json` prints, but for the design."""
        hosts = [{"name": op, "operator": op, "count": n, "placed_on": "host"} for op, n in self.host.items()]
        rows = [*map(asdict, self.rows), *hosts]
        return {"network": self.network, "layers": rows, "total": self.total}

    @property
    def total(self) -> dict[str, Any]:
        """Sums over the layers, and where the figures come from."""
        macs, compute = (sum(getattr(row, key) for row in self.rows) for key in ("macs", "compute_cycles"))
        cycles = sum(row.cycles for row in self.rows)
        return {
            "layers": len(self.rows),
            "macs": macs,
            "macs_on_array": macs / (macs + self.host_macs),
            "host_operators": self.host,
            "groups": self.design.pe.group,
            "compute_cycles": compute,
            "compute_cycles_source": "golden, exact",
            "cycles": cycles,
            "cycles_source": memory_source(self.design),
            "milliseconds": cycles / self.design.clock_mhz / 1e3,
            "utilisation": macs / (self.design.peak_macs * compute),
            "bytes_read": sum(row.bytes_read for row in self.rows),
            "shared_bytes": sum(row.shared_bytes for row in self.rows),
            "bytes_written": sum(row.bytes_written for row in self.rows),
        }


def memory_source(design: Design) -> str:
    if isinstance(design, TileTarget):
        return "model: golden cycles, or each operand moved once at the stated bandwidth, whichever is more"
    return "model: golden cycles, and double-buffered transfers at the stated bandwidth"


def plan(network: Network | ShapeNetwork, design: Design) -> GroupedPlan:
    """Place every product by constant weights; BadValue names a layer that does not fit."""
    found = grouped_layers(network, design)
    others = [x for x in layers(network) if not x.constant_weights]
    names = {x.name for x in found}
    host: dict[str, int] = {}
    for node in () if isinstance(network, ShapeNetwork) else network.nodes:
        if node.name not in names:
            host[node.operator] = host.get(node.operator, 0) + 1
    row = tile_row if isinstance(design, TileTarget) else array_row
    return GroupedPlan(
        network=network.name,
        design=design,
        rows=tuple(row(x, design) for x in found),  # type: ignore[arg-type]
        host=dict(sorted(host.items())),
        host_macs=sum(x.gemm.macs for x in others),
    )


def shared_bytes(x: ProductLayer, design: Design) -> int:
    """Of what groups share; scales are fp16 where the tile has no others."""
    p = design.pe
    signless = not getattr(p.weight, "signed", True) and p.weight.width <= 8  # codes, not words with them
    zeros = tiled.zero_bits(p) if signless else 0
    bits = tiled.scale_bits(p) + zeros + tiled.selector_bits(p)
    return -(-x.gemm.batch * x.gemm.n * groups(x, design) * bits // 8)


def tile_row(x: ProductLayer, design: TileTarget) -> GroupedRow:
    """Each operand is read once, each result written once."""
    g, p = padded(x, design), design.tile
    compute = g.batch * words.cycles(p, words.product_groups(p, g.m, g.n, g.k))
    pairs = g.k // tiled.lanes(p.pe)
    operands = pairs * (g.m * tiled.activation_bits(p.pe) + g.n * tiled.weight_bits(p.pe))
    shared = shared_bytes(x, design)
    read, written = -(-g.batch * operands // 8) + shared, g.batch * g.m * g.n * 4
    moving = -(-(read + written) // design.bytes_per_cycle)
    return row_of(x, design, "tile", compute, max(compute, moving), read, written)


def array_row(x: ProductLayer, design: Target) -> GroupedRow:
    """As mapping.plan places a batch of groups; their sums leave in whole bytes."""
    bits = -(-design.pe.accumulator.width // 8) * 8
    placed = place(x.name, design, array_gemm(x, design), bits)
    read = placed.bytes_read + shared_bytes(x, design)
    return row_of(x, design, "array", placed.compute_cycles, placed.cycles, read, placed.bytes_written)


def row_of(
    x: ProductLayer, design: Design, where: str, compute: int, cycles: int, read: int, written: int
) -> GroupedRow:
    g = x.gemm
    return GroupedRow(
        name=x.name, operator=x.operator, m=g.m, n=g.n, k=g.k, batch=g.batch, macs=g.macs, placed_on=where,
        groups=groups(x, design), compute_cycles=compute, cycles=cycles,
        utilisation=g.macs / (design.peak_macs * compute), bytes_read=read,
        shared_bytes=shared_bytes(x, design), bytes_written=written,
        bound="memory" if read + written > design.bytes_per_cycle * compute else "compute",
    )  # fmt: skip
