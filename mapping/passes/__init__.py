"""Passes: each maps a Network to one with the same outputs up to float32 rounding, nearer to the array's
operations.

After `simplify` each matrix product is a MatMul or Conv node (or a Gemm that is not a plain product). A
constant bias, its own or added behind it, is its third input; a Relu behind it is its attribute `activation`.
"""

from mapping.network import Network
from mapping.passes.activation import fuse_activation
from mapping.passes.batchnorm import fuse_batchnorm
from mapping.passes.bias import fuse_bias
from mapping.passes.fold import fold_constants
from mapping.passes.gemm import gemm_to_matmul
from mapping.passes.identity import skip_identities
from mapping.passes.rewrite import remove_dead
from mapping.passes.written_out import write_out

PASSES = (
    write_out,
    fold_constants,
    skip_identities,
    gemm_to_matmul,
    fuse_bias,
    fuse_batchnorm,
    fuse_bias,  # what followed a BatchNormalization follows the product now
    fuse_activation,
    remove_dead,
)

__all__ = [
    "PASSES", "fold_constants", "fuse_activation", "fuse_batchnorm", "fuse_bias", "gemm_to_matmul",
    "remove_dead", "simplify", "skip_identities",
    "write_out",
]  # fmt: skip


def simplify(network: Network) -> Network:
    """All passes, in order."""
    for rewrite in PASSES:
        network = rewrite(network)
    return network
