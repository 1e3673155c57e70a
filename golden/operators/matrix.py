"""Matrix products. MatMul takes a bias besides, for the networks whose passes have fused one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden import check


def matmul(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """a [..., m, k] b [..., k, n] + bias [n]; batch axes broadcast."""
    product = np.asarray(np.matmul(a, b))
    return product if bias is None else product + bias


def gemm(
    a: np.ndarray, b: np.ndarray, c: np.ndarray | None = None, *, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0,
) -> np.ndarray:
    """alpha A B + beta C, C broadcast to [m, n]."""
    product = np.asarray(alpha * ((a.T if transA else a) @ (b.T if transB else b)))
    return product if c is None else product + beta * c


def einsum(*inputs: np.ndarray, equation: str) -> np.ndarray:
    """The sum of products that an equation of letters states, as numpy reads it."""
    text = equation.replace(" ", "")
    try:
        return np.asarray(np.einsum(text, *inputs)).astype(inputs[0].dtype)
    except ValueError as wrong:
        raise check.fail("Einsum.equation", repr(equation), f"one that fits its inputs ({wrong})") from None


def determinant(x: np.ndarray) -> np.ndarray:
    """The determinant of each square matrix in the last two axes."""
    return np.asarray(np.linalg.det(x)).astype(x.dtype)


OPERATORS: dict[str, Callable[..., Any]] = {
    "MatMul": matmul, "Gemm": gemm, "Einsum": einsum, "Det": determinant,
}  # fmt: skip
