"""Operations of the vector unit: elementwise, on rows, over windows."""

from golden import check
from golden.accelerator import exponential, normalise
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program import elementwise, reducing, rows
from mapping.backends.program.units import Tensors, answered
from mapping.ir import graph

OPERATIONS = {
    graph.Map: elementwise.lower,
    graph.Depthwise: reducing.lower_depthwise,
    graph.Pool: reducing.lower_pool,
    graph.Exponential: rows.lower_exponential,
    graph.Normalise: rows.lower_normalise,
}


@answered
def accepts(p: AcceleratorParams, tensors: Tensors, o: graph.Operation) -> None:
    """A command takes rows of this length, padded to whole vectors; the design has the function."""
    shape = tensors[o.x].shape
    if isinstance(o, graph.Exponential):
        check.in_range("elements of a row", shape[-1], 1, exponential.LONGEST // p.lanes * p.lanes)
    elif isinstance(o, graph.Normalise):
        check.in_range("elements normalised together", shape[o.axis], 1, normalise.LONGEST)
    elif isinstance(o, graph.Map | graph.Depthwise | graph.Pool):
        has_function(p, o.epilogue)


def has_function(p: AcceleratorParams, epilogue: graph.Epilogue) -> None:
    """BadValue if the design has no such function."""
    check.one_of("function", epilogue.function, ["none", "table", *p.functions])


__all__ = ["OPERATIONS", "accepts", "has_function"]
