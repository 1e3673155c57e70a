"""The store unit does nothing by itself: it takes away what others have made."""

from collections.abc import Mapping

from mapping.backends.program.units import Lowering
from mapping.backends.program.units import everything as accepts

OPERATIONS: Mapping[type, Lowering] = {}

__all__ = ["OPERATIONS", "accepts"]
