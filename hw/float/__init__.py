"""Floating-point parts, combinational: unpack, multiply, align and add, normalise, round and pack."""
