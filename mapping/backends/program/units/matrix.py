"""Operations of the matrix unit, with the vector unit behind it."""

from golden import check, pe
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import AcceleratorParams
from golden.pe import counted
from mapping.backends.program import matmul, product
from mapping.backends.program.units import Tensors, answered, vector
from mapping.backends.streams import CODES
from mapping.ir import graph

OPERATIONS = {graph.Product: product.lower, graph.MatMul: matmul.lower}


@answered
def accepts(p: AcceleratorParams, tensors: Tensors, o: graph.Product | graph.MatMul) -> None:
    """The PEs hold the codes of computed factors; the accumulators hold a sum of two of them, which is not
    split."""
    vector.has_function(p, o.epilogue)
    factors = {"x": (o.x, p.unit.pe.activation)}
    if isinstance(o, graph.MatMul):
        if not counted.plain(p.unit.pe):
            constants = f"constants: weights of {pe.kind_of(p.unit.pe)} stand for other numbers"
            raise check.fail("the right factor", "computed", constants)
        factors["w"] = o.w, p.unit.pe.weight
        width = tensors[o.x].shape[-1] // (o.heads if o.heads_in_x == "columns" else 1)
        why = f"pe.group, in passes of {p.lanes}"
        check.in_range("depth of the product", width, 1, most_passes(p) * p.lanes, why)
    for name, (tensor, fmt) in factors.items():
        allowed = [dtype for dtype, codes in CODES.items() if fmt.holds(codes.min, codes.max)]
        check.one_of(f"type of {name}, {tensor},", tensors[tensor].dtype, allowed)


__all__ = ["OPERATIONS", "accepts"]
