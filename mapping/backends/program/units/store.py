"""The store unit executes no operation by itself: it stores the results of the others."""

from collections.abc import Mapping

from mapping.backends.program.units import Lowering
from mapping.backends.program.units import everything as accepts

OPERATIONS: Mapping[type, Lowering] = {}

__all__ = ["OPERATIONS", "accepts"]
