"""Operations of the matrix unit, with the vector unit behind it."""

from mapping.backends.program import matmul, product
from mapping.backends.program.units import everything as accepts
from mapping.ir import graph

OPERATIONS = {graph.Product: product.lower, graph.MatMul: matmul.lower}

__all__ = ["OPERATIONS", "accepts"]
