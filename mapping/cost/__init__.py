"""What a layer costs under a tiling: cycles, traffic, energy. No values."""
