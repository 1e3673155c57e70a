"""The attention unit executes no operation of a network yet: programs by hand do."""

from collections.abc import Mapping

from mapping.backends.program.units import Lowering
from mapping.backends.program.units import everything as accepts

OPERATIONS: Mapping[type, Lowering] = {}

__all__ = ["OPERATIONS", "accepts"]
