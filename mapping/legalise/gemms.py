"""Gemm in the operators that units have: alpha A' B' + beta C as a product, factors and a sum.

Factors of constants are constants after mapping.passes.simplify, a constant C is a bias, as a Relu is the
product's activation.
"""

from mapping.network import Network
from mapping.passes.page import Page
from mapping.passes.written_out import write_out


def spelt_gemms(network: Network) -> Network:
    """The network without Gemms."""
    return write_out(network, {"Gemm": spell})


def spell(w: Page) -> bool:
    """Write a Gemm out; alpha multiplies a constant factor, if there is one."""
    factors = [
        w.turned(w.input(i), (1, 0)) if w.attribute(key, 0) else w.input(i)
        for i, key in enumerate(("transA", "transB"))
    ]
    alpha, c, activation = w.attribute("alpha", 1.0), w.input(2), w.attribute("activation", "")
    known = next((i for i in (1, 0) if w.constant(w.input(i)) is not None), None)
    if known is not None:
        factors[known] = w.scaled(factors[known], alpha)
    y = w.times("product", *factors)
    if known is None:
        y = w.scaled(y, alpha)
    if c and w.attribute("beta", 1.0):
        y = w("Add", y, w.scaled(c, w.attribute("beta", 1.0)))
    w.named(w(activation, y) if activation else y, w.output(0))
    return True
