"""Operations of the load and store units: whole vectors moved from one place of memory to another."""

from mapping.backends.program import moving
from mapping.backends.program.units import everything as accepts
from mapping.ir import graph

OPERATIONS = {
    graph.Gather: moving.lower_gather,
    graph.Reshape: moving.lower_reshape,
    graph.Slice: moving.lower_slice,
    graph.Concat: moving.lower_concat,
    graph.Take: moving.lower_take,
}

__all__ = ["OPERATIONS", "accepts"]
