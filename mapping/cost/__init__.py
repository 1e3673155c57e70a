"""Costs of a layer under a tiling: cycles, traffic, energy, computed without values."""
