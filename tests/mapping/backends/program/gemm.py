"""A single product as a network, for measuring."""

import numpy as np

from mapping.ir.graph import CodedNetwork, Epilogue, Product, Tensor


def gemm(m: int, n: int, k: int, *, seed: int = 0, bits: int = 8, shift: int | None = None) -> CodedNetwork:
    """x [m, k] int8 by random weights [k, n] of `bits`: y [m, n] int8, sums over 2^shift."""
    random = np.random.default_rng(seed)
    half = 1 << bits - 1
    weights = random.integers(-half, half, (1, 1, k, n))
    scale = int(np.log2(max(k, 1)) / 2) + bits - 1 if shift is None else shift
    epilogue = Epilogue(
        bias=random.integers(-1000, 1000, n), multiplier=np.ones(n, np.int64), shift=np.full(n, scale)
    )
    return CodedNetwork(
        name=f"gemm_{m}x{n}x{k}",
        tensors={"x": Tensor(name="x", shape=(m, k)), "y": Tensor(name="y", shape=(m, n))},
        operations=(Product(name="product", x="x", y="y", weights=weights, epilogue=epilogue),),
        inputs=("x",),
        outputs=("y",),
    )
