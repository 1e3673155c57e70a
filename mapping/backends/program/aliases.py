"""Aliases: tensors that need no memory of their own, because they are slices or other views of a placed
tensor.
"""

from dataclasses import dataclass, replace
from math import prod

from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.layout import Place
from mapping.ir import graph
from mapping.ir.verify import reads

PITCHED = (graph.Product, graph.MatMul, graph.Map, graph.Depthwise, graph.Pool, graph.Normalise, graph.Attend)


@dataclass(frozen=True, slots=True)
class Alias:
    """A tensor that stands within `root`, from byte `offset` on; pitch: as in Place."""

    root: str
    offset: int
    pitch: int = 0


def same_rows(p: AcceleratorParams, a: graph.Tensor, b: graph.Tensor) -> bool:
    """Whether two tensors have the same bytes: equal padded rows, or rows of whole vectors without
    padding."""
    if a.shape[-1] == b.shape[-1]:
        return True
    return a.shape[-1] % p.lanes == 0 and b.shape[-1] % p.lanes == 0


def row_bytes(p: AcceleratorParams, tensor: graph.Tensor) -> int:
    return Place(lanes=p.lanes, shape=tensor.shape, dtype=tensor.dtype).row_bytes


def leading(shape: graph.Shape, axis: int) -> bool:
    """Whether slices along `axis` are contiguous rows: all axes before it have length 1, and it is not the
    channels."""
    axis %= len(shape)
    return axis < len(shape) - 1 and prod(shape[:axis]) == 1


def columns(network: graph.CodedNetwork, p: AcceleratorParams, o: graph.Slice) -> dict[str, Alias]:
    """Aliases of a Slice that selects whole vectors of each row, if all its readers accept strided rows; else
    none."""
    x, y = network.tensors[o.x], network.tensors[o.y]
    readers = [each for each in network.operations if o.y in reads(each)]
    if o.start % p.lanes or o.step != 1 or not all(isinstance(each, PITCHED) for each in readers):
        return {}
    vector = row_bytes(p, replace(y, shape=(1,)))
    return {o.y: Alias(o.x, o.start // p.lanes * vector, row_bytes(p, x))}


def free(network: graph.CodedNetwork, p: AcceleratorParams, o: graph.Operation) -> dict[str, Alias]:
    """The aliases by which an operation that only moves data costs nothing; none where it has to
    move data."""
    tensors = network.tensors
    if isinstance(o, graph.Reshape) and same_rows(p, tensors[o.x], tensors[o.y]):
        return {o.y: Alias(o.x, 0)}
    if isinstance(o, graph.Slice) and o.step == 1 and leading(tensors[o.x].shape, o.axis):
        rows = prod(tensors[o.x].shape[o.axis % len(tensors[o.x].shape) + 1 : -1])
        return {o.y: Alias(o.x, o.start * rows * row_bytes(p, tensors[o.x]))}
    if isinstance(o, graph.Slice) and o.axis % len(tensors[o.x].shape) == len(tensors[o.x].shape) - 1:
        return columns(network, p, o)
    if isinstance(o, graph.Concat) and leading(tensors[o.y].shape, o.axis):
        made: dict[str, Alias] = {}
        offset = 0
        for name in (o.x, *o.others):
            made.setdefault(name, Alias(o.y, offset))  # of a tensor taken twice the first
            offset += prod(tensors[name].shape[:-1]) * row_bytes(p, tensors[name])
        return made
    return {}


def aliases(network: graph.CodedNetwork, p: AcceleratorParams) -> dict[str, Alias]:
    """Every tensor that stands within another. Inputs, constants and state keep their own memory, and a
    tensor that already stands within one tensor is not put into another."""
    fixed = {*network.inputs, *(name for pair in network.state for name in pair)}
    fixed |= {name for name, tensor in network.tensors.items() if tensor.data is not None}
    found: dict[str, Alias] = {}
    roots: set[str] = set()
    for o in network.operations:
        for name, alias in free(network, p, o).items():
            into = found.get(alias.root, Alias(alias.root, 0))
            if isinstance(o, graph.Concat) and (name in fixed or name in found or name in roots):
                continue
            if network.tensors[into.root].data is not None or name in fixed:
                continue
            if into.pitch or (alias.pitch and name in network.outputs):
                continue  # parts of parts are copied, and what is read from outside
            found[name] = Alias(into.root, into.offset + alias.offset, alias.pitch)
            roots.add(into.root)
    return found
