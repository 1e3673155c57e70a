"""Pre-aligned W4A16 in RTL: MixPE's PE on aligned mantissas. Golden: golden.pe.aligned."""

from hw.pe.mixpe import Pe

__all__ = ["Pe"]
