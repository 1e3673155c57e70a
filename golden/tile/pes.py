"""What the tile asks of a PE, of whichever host: its golden module's own words, or those of a PE for arrays.

A PE for arrays is one whose words are its operands. A PE for the tile has in its golden module

    lanes(p), interval(p)                  pairs of a word, cycles of a word
    activation_bits(p), weight_bits(p)     of a word in the tile's streams, at most 64
    row_bits(p), column_bits(p)            of the PE's ports: what hw's Row and Column make of a word
    pack_activations(p, values [M, K])     uint64 [M, words]
    pack_weights(p, codes [K, N])          uint64 [words, N]
    group_sum(p, activations [M, K], codes [K, N], selectors [N])   sums [M, N] of one group, values
    SCALE, SELECTOR                        bits of a group's scale and of its selector, if not fp16 and none
    finish_cycles(p)                       that hw's Finish takes for a sum, if it has one
    partial(p, sums, scales)               what a group adds, exact, float64 [M, N], if not sums * scales
"""

from typing import Any

import numpy as np

from golden import pe
from golden.formats import Int


def lanes(p: Any) -> int:
    """Pairs (weight, activation) of a word."""
    module = pe.module_of(p)
    return int(module.lanes(p)) if module.HOST == "tile" else 1


def interval(p: Any) -> int:
    """Cycles that a word takes."""
    module = pe.module_of(p)
    return int(module.interval(p)) if module.HOST == "tile" else 1


def activation_bits(p: Any) -> int:
    """Of a word of activations."""
    module = pe.module_of(p)
    return int(module.activation_bits(p) if module.HOST == "tile" else p.activation.width)


def weight_bits(p: Any) -> int:
    """Of a word of weights."""
    module = pe.module_of(p)
    return int(module.weight_bits(p) if module.HOST == "tile" else p.weight.width)


def scale_bits(p: Any) -> int:
    """Of a group's scale: an fp16 code, unless the PE says otherwise."""
    return int(getattr(pe.module_of(p), "SCALE", 16))


def selector_bits(p: Any) -> int:
    """Of a group's selector of a datatype."""
    return int(getattr(pe.module_of(p), "SELECTOR", 0))


def zero_bits(p: Any) -> int:
    """Of a group's zero point: sums of integers can have one, in the weights' unit and one bit more."""
    integers = isinstance(p.accumulator, Int) and isinstance(p.activation, Int) and scale_bits(p) == 16
    return int(p.weight.width) + 1 if integers else 0


def finish_cycles(p: Any) -> int:
    """That a cell takes to finish a group's sum, bit by bit; 0 where the column does."""
    module = pe.module_of(p)
    return int(module.finish_cycles(p)) if hasattr(module, "finish_cycles") else 0


def pack_activations(p: Any, values: np.ndarray) -> np.ndarray:
    """uint64 [M, words] of values [M, K]."""
    module = pe.module_of(p)
    if module.HOST == "tile":
        return np.asarray(module.pack_activations(p, values))
    return np.asarray(p.activation.encode(p.activation.check("activations", values)))


def pack_weights(p: Any, codes: np.ndarray) -> np.ndarray:
    """uint64 [words, N] of weights [K, N]."""
    module = pe.module_of(p)
    if module.HOST == "tile":
        return np.asarray(module.pack_weights(p, codes))
    return np.asarray(p.weight.encode(p.weight.check("weights", codes)))


def group_sum(p: Any, activations: np.ndarray, codes: np.ndarray, selectors: np.ndarray | None) -> np.ndarray:
    """Sums [M, N] of one group, values of the accumulator, in the order in which they are made."""
    module = pe.module_of(p)
    if module.HOST == "tile":
        more = (selectors,) if selector_bits(p) else ()
        return np.asarray(module.group_sum(p, activations, codes, *more))
    if module.EXACT:
        return np.asarray(module.dot(p, activations, codes))
    acc = np.zeros((len(activations), codes.shape[1]))
    for k in range(activations.shape[1]):
        a, w = np.broadcast_arrays(activations[:, k, None], codes[None, k])
        acc = module.accumulate(p, acc, w, a)
    return acc
