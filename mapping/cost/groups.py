"""The plan of a grouped network, layer by layer: exact cycles, and bytes at the PE's own widths."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from golden.division import ceil_div
from golden.pe import tiled
from golden.systolic.cycles import losses
from golden.tile import cycles as tile_cycles
from mapping.cost import energy
from mapping.cost.tilings import SOURCE, place
from mapping.layers import ProductLayer, layers
from mapping.network import Network, ShapeNetwork
from mapping.quantise.groups import array_gemm, grouped_layers, groups, padded
from mapping.result import Row, host_rows
from mapping.target import Design, Target, TileTarget

TILE_SOURCE = "model: golden cycles, or each operand moved once at the stated bandwidth, whichever is more"


def grouped_rows(network: Network | ShapeNetwork, design: Design) -> tuple[list[Row], str]:
    """A row of every product by constant weights, then the host's; and the source of their cycles.

    raises  BadValue, naming a layer that does not fit
    """
    found = grouped_layers(network, design)
    names = {x.name for x in found}
    nodes = () if isinstance(network, ShapeNetwork) else network.nodes
    host = Counter(node.operator for node in nodes if node.name not in names)
    macs = Counter[str]()
    for x in layers(network):
        if x.name not in names:
            macs[x.operator] += x.gemm.macs
    row, source = ROWS[type(design)]
    return [*(row(x, design) for x in found), *host_rows(host, macs)], source


def shared_bytes(x: ProductLayer, design: Design) -> int:
    """Bytes of scales, zero points and selectors that groups share; scales are fp16 unless the tile has its
    own."""
    p = design.pe
    signless = not getattr(p.weight, "signed", True) and p.weight.width <= 8  # codes, not words with them
    zeros = tiled.zero_bits(p) if signless else 0
    bits = tiled.scale_bits(p) + zeros + tiled.selector_bits(p)
    return -(-x.gemm.batch * x.gemm.n * groups(x, design) * bits // 8)


def tile_row(x: ProductLayer, design: TileTarget) -> Row:
    """The row of a product on a tile: each operand is read once, each result written once."""
    g, p = padded(x, design), design.tile
    count = tile_cycles.groups_of(p, g)
    compute = g.batch * tile_cycles.cycles(p, count)
    pairs = g.k // tiled.lanes(p.pe)
    operands = pairs * (g.m * tiled.activation_bits(p.pe) + g.n * tiled.weight_bits(p.pe))
    read, written = -(-g.batch * operands // 8) + shared_bytes(x, design), g.batch * g.m * g.n * 4
    cycles = max(compute, ceil_div(read + written, design.bytes_per_cycle))
    spent = {cause: float(g.batch * each) for cause, each in tile_cycles.spent(p, count).items()}
    lost = {"useful": 0.0, "waste": spent.pop("entering"), **spent}
    return row_of(
        x, design, lost, unit="tile", compute_cycles=compute, cycles=cycles, bytes_read=read,
        bytes_written=written, energy_pj=energy.of_tile(p, g.macs, read + written),
    )  # fmt: skip


def array_row(x: ProductLayer, design: Target) -> Row:
    """The row of a product on an array, placed as a batch of groups; sums leave in whole bytes."""
    bits = ceil_div(design.pe.accumulator.width, 8) * 8
    placed = place(x.name, design, array_gemm(x, design), bits)
    read, compute = placed.bytes_read + shared_bytes(x, design), placed.compute_cycles
    return row_of(
        x, design, losses(placed.schedule), unit="matrix", compute_cycles=compute, cycles=placed.cycles,
        bytes_read=read, bytes_written=placed.bytes_written,
        energy_pj=energy.energy(design, placed.schedule, read + placed.bytes_written),
    )  # fmt: skip


def row_of(x: ProductLayer, design: Design, lost: dict[str, float], **found: Any) -> Row:
    """The row of a product. lost: compute cycles by cause; found: other figures.

    Cycles that multiply the zeros that fill up a group count as waste, wherever `lost` has them.
    """
    g, moved, compute = x.gemm, found["bytes_read"] + found["bytes_written"], found["compute_cycles"]
    useful = g.macs / design.peak_macs
    waste, memory = lost["waste"] + lost["useful"] - useful, float(found["cycles"] - compute)
    return Row(
        name=x.name, operator=x.operator, m=g.m, n=g.n, k=g.k, batch=g.batch, macs=g.macs,
        groups=groups(x, design), shared_bytes=shared_bytes(x, design), utilisation=useful / compute,
        losses={**lost, "useful": useful, "waste": waste, "memory": memory},
        bound="memory" if moved > design.bytes_per_cycle * compute else "compute", **found,
    )  # fmt: skip


# of each kind of design: the row of a product, and where its cycles with the memory come from
ROWS: dict[type, tuple[Callable[..., Row], str]] = {
    Target: (array_row, SOURCE),
    TileTarget: (tile_row, TILE_SOURCE),
}
