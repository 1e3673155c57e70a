"""Operations of the vector unit: elementwise, on rows, over windows."""

from mapping.backends.program import elementwise, reducing, rows
from mapping.backends.program.units import everything as accepts
from mapping.ir import graph

OPERATIONS = {
    graph.Map: elementwise.lower,
    graph.Depthwise: reducing.lower_depthwise,
    graph.Pool: reducing.lower_pool,
    graph.Exponential: rows.lower_exponential,
    graph.Normalise: rows.lower_normalise,
}

__all__ = ["OPERATIONS", "accepts"]
