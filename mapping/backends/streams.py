"""The streams backend: the products of a coded network that a bare matrix unit computes, by the PEs'
formats.
"""

from math import prod

from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from golden.formats import Int
from golden.systolic.gemm import Gemm
from mapping.cost.tilings import Placement, place
from mapping.ir import graph
from mapping.target import Target

CODES = {"int8": Int(8), "uint8": Int(8, signed=False)}
BYTE = 255  # between the least and the greatest code


# the units whose integers the host of a bare matrix unit computes
REFERENCE = AcceleratorParams()


def gemm_of(network: graph.CodedNetwork, o: graph.Operation) -> Gemm | None:
    """The matrix product that an operation is, or None; a depthwise convolution is a product for each
    channel."""
    rows = prod(network.tensors[o.y].shape[:-1])
    if isinstance(o, graph.Product):
        kh, kw, channels, filters = o.weights.shape
        return Gemm(m=rows, n=filters, k=kh * kw * channels)
    if isinstance(o, graph.Depthwise):
        kh, kw, channels = o.weights.shape
        return Gemm(m=rows, n=1, k=kh * kw, batch=channels)
    if isinstance(o, graph.Attend):  # Q K and P V: as many products
        q, k = (network.tensors[name].shape for name in (o.x, o.k))
        return Gemm(m=q[0], n=k[0], k=2 * (q[1] // o.heads), batch=o.heads)
    if isinstance(o, graph.MatMul):
        x, w = (network.tensors[name].shape for name in (o.x, o.w))
        width = x[-1] // o.heads if o.heads_in_x == "columns" else x[-1]
        columns = w[-1] // o.heads if o.heads_in_w == "columns" else w[-1]
        return Gemm(m=x[-2], n=w[-2] if o.transposed else columns, k=width, batch=o.heads)
    return None


def accepts(target: Target, network: graph.CodedNetwork, o: graph.Operation) -> str:
    """"" if the array computes the sums of an operation, else the reason why not."""
    gemm, pe = gemm_of(network, o), target.unit.pe
    if gemm is None:
        return o.reason if isinstance(o, graph.Host) else "no matrix product"
    dtype = network.tensors[o.x].dtype
    if dtype not in CODES or pe.activation.max - pe.activation.min < BYTE:
        return f"activations are {dtype}, which {pe.activation} does not hold"
    if isinstance(o, graph.MatMul):
        dtype = network.tensors[o.w].dtype
        if dtype not in CODES or not pe.weight.holds(CODES[dtype].min, CODES[dtype].max):
            return f"the second factor is {dtype}, which {pe.weight} does not hold"
    elif isinstance(o, graph.Product | graph.Depthwise):
        least, most = int(o.weights.min()), int(o.weights.max())
        if not pe.weight.holds(least, most):
            return f"weights reach from {least} to {most}, which {pe.weight} does not hold"
    if gemm.k > pe.group:
        return f"K is {gemm.k}, the accumulators add up {pe.group} products"
    return ""


def offset(target: Target, network: graph.CodedNetwork, o: graph.Operation) -> int:
    """The number added to activations whose sign differs from the PE's; the host subtracts its share from the
    sums."""
    fmt, codes = target.unit.pe.activation, CODES[network.tensors[o.x].dtype]
    return 0 if fmt.holds(codes.min, codes.max) else fmt.min - codes.min


def placements(target: Target, network: graph.CodedNetwork) -> dict[str, Placement]:
    """Placements, by name, in order, of the operations whose sums the array computes; sums leave in whole
    bytes.

    raises  BadValue, naming an operation that fits no buffer
    """
    bits = ceil_div(target.unit.pe.accumulator.width, 8) * 8
    found = {}
    for o in network.operations:
        gemm = gemm_of(network, o)
        if gemm is not None and not accepts(target, network, o):
            found[o.name] = place(o.name, target, gemm, bits)
    return found
