"""Words of operands, and a group's sum: the members that the tile needs of a PE.

A PE that stands in arrays has one weight and one activation at its ports, so its words are its operands, and
this module gives its members. The golden module of a PE that stands in the tile alone has the members that
`golden.pe` lists.
"""

from typing import Any

import numpy as np

from golden import pe
from golden.pe.weights import has_zeros


def of(p: Any, member: str, otherwise: Any) -> int:
    """`member(p)` of the PE's module, or `otherwise` where the module has no such member."""
    found = getattr(pe.module_of(p), member, None)
    return int(found(p) if found else otherwise)


def lanes(p: Any) -> int:
    """Pairs (weight, activation) in a word."""
    return of(p, "lanes", 1)


def interval(p: Any) -> int:
    """Cycles that a word takes."""
    return of(p, "interval", 1)


def activation_bits(p: Any) -> int:
    """Bits of a word of activations."""
    return of(p, "activation_bits", p.activation.width)


def weight_bits(p: Any) -> int:
    """Bits of a word of weights."""
    return of(p, "weight_bits", p.weight.width)


def scale_bits(p: Any) -> int:
    """Bits of a group's scale: those of an fp16 code, unless the PE has its own SCALE."""
    return int(getattr(pe.module_of(p), "SCALE", 16))


def selector_bits(p: Any) -> int:
    """Bits of a group's selector of a datatype; 0 where there is none."""
    return int(getattr(pe.module_of(p), "SELECTOR", 0))


def zero_bits(p: Any) -> int:
    """Bits of a group's zero point, in the weights' unit: one more than a weight; 0 where sums have no zero
    point."""
    return int(p.weight.width) + 1 if has_zeros(p) and scale_bits(p) == 16 else 0


def finish_cycles(p: Any) -> int:
    """Cycles that a cell takes to finish a group's sum, bit by bit; 0 where the column does."""
    return of(p, "finish_cycles", 0)


def pack_activations(p: Any, values: np.ndarray) -> np.ndarray:
    """Words, uint64 [M, words], of values [M, K]; BadValue for a value outside its format."""
    own = getattr(pe.module_of(p), "pack_activations", None)
    return np.asarray(
        own(p, values) if own else p.activation.encode(p.activation.check("activations", values))
    )


def pack_weights(p: Any, codes: np.ndarray) -> np.ndarray:
    """Words, uint64 [words, N], of weights [K, N]; BadValue for a value outside its format."""
    own = getattr(pe.module_of(p), "pack_weights", None)
    return np.asarray(own(p, codes) if own else p.weight.encode(p.weight.check("weights", codes)))


def group_sum(p: Any, activations: np.ndarray, codes: np.ndarray, selectors: np.ndarray | None) -> np.ndarray:
    """Sums [M, N] of one group, values of the accumulator, in the order in which they are made."""
    module = pe.module_of(p)
    if hasattr(module, "group_sum"):
        return np.asarray(module.group_sum(p, activations, codes, selectors))
    if module.EXACT:
        return np.asarray(module.dot(p, activations, codes))
    acc = np.zeros((len(activations), codes.shape[1]))
    for k in range(activations.shape[1]):
        a, w = np.broadcast_arrays(activations[:, k, None], codes[None, k])
        acc = module.accumulate(p, acc, w, a)
    return acc
