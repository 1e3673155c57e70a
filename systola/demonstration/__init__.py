"""`systola demo`: trained networks that others made, on generated Verilog, compared bit for bit."""

from systola.demonstration.demo import demo

__all__ = ["demo"]
