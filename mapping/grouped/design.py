"""What a grouped run asks of a design, be it a systolic array or a tile."""

from math import gcd
from typing import Any

from golden import check, pe
from golden.pe import tiled
from golden.systolic.gemm import Gemm
from mapping.layers import ProductLayer, layers
from mapping.network import Network, ShapeNetwork
from mapping.target import Target, TileTarget

Design = Target | TileTarget


def pe_of(design: Design) -> Any:
    """The PE's parameters."""
    return design.tile.pe if isinstance(design, TileTarget) else design.unit.pe


def is_grouped(design: Design) -> bool:
    """Whether networks run on it in groups: on every tile, and on arrays of PEs whose sums are of a group.

    An array of PEs that are not GROUPED adds up all of K and requantises: mapping.quantise.matrix_products.
    """
    return isinstance(design, TileTarget) or bool(pe.module_of(design.unit.pe).GROUPED)


def grouped_layers(network: Network | ShapeNetwork, design: Design) -> list[ProductLayer]:
    """The products by constant weights, in order; BadValue if there is none, or groups do not divide a K."""
    found = [x for x in layers(network) if x.constant_weights]
    if not found:
        raise check.fail(f"{network.name}: products by constant weights", "none", "at least one")
    for x in found:
        check_group(x, design, found)
    return found


def check_group(x: ProductLayer, design: Design, all_of: list[ProductLayer]) -> None:
    """BadValue, naming the layer and the groups that divide every K, unless the PE's divides this one."""
    p = pe_of(design)
    if x.gemm.k % p.group:
        every = gcd(*(other.gemm.k for other in all_of))
        sizes = [size for size in range(1, every + 1) if every % size == 0 and size % tiled.lanes(p) == 0]
        listed = ", ".join(map(str, sizes)) or f"none: {tiled.lanes(p)} pairs of a word do not divide {every}"
        raise check.fail(f"layer {x.name}: K is {x.gemm.k}, and pe.group", p.group, listed)
    if isinstance(design, TileTarget):
        most = design.tile.groups * p.group
        check.in_range(f"layer {x.name}: K", x.gemm.k, 1, most, f"{design.tile.groups} groups of {p.group}")


def groups(x: ProductLayer, design: Design) -> int:
    """Of one product of the layer."""
    return int(x.gemm.k // pe_of(design).group)


def array_gemm(x: ProductLayer, design: Target) -> Gemm:
    """The layer as a systolic array takes it: each group a product of its own."""
    count = groups(x, design)
    return Gemm(m=x.gemm.m, n=x.gemm.n, k=x.gemm.k // count, batch=x.gemm.batch * count)
