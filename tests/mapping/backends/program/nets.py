"""Coded networks of one operation, with seeded constants."""

import numpy as np

from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.ir.graph import CodedNetwork, Epilogue, Tensor


def epilogue(channels: int, *, seed: int = 0, shift: int = 8, dtype: str = "int8", **more) -> Epilogue:
    random = np.random.default_rng(seed)
    limits = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}.get(dtype, (-128, 127))
    return Epilogue(
        bias=random.integers(-500, 500, channels),
        multiplier=random.integers(1, 5, channels),
        shift=random.integers(shift, shift + 3, channels),
        low=limits[0],
        high=limits[1],
        **more,
    )


def single(o: graph.Operation, outputs: tuple[str, ...] = ("y",), **tensors) -> CodedNetwork:
    """tensors: shape, or (shape, dtype), or (shape, dtype, data). Inputs: those without data, but outputs."""
    found = {}
    for name, given in tensors.items():
        shape, dtype, data = (given, "int8", None) if isinstance(given[0], int) else (*given, None, None)[:3]
        found[name] = Tensor(name=name, shape=shape, encoding=Affine.whole(dtype or "int8"), data=data)
    inputs = tuple(n for n, t in found.items() if t.data is None and n not in outputs)
    return CodedNetwork(name="one", tensors=found, operations=(o,), inputs=inputs, outputs=outputs)


def weights(*shape: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, shape)
