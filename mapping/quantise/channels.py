"""Constant weights of an accelerator's products: the numbers that its PE adds up, and a scale a channel."""

from dataclasses import replace
from typing import Any

import numpy as np

from golden.pe import counted
from golden.pe.quantise import quantise
from mapping.quantise.groups import padded_weights
from mapping.quantise.weights import quantise_weights


def quantise_channels(
    p: Any, w: np.ndarray, *, method: str, least: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers int64 [k, n] and scales float64 [n] of w, float64 [k, n], for the PE of `p`.

    A PE whose weights are no plain numbers quantises by its own rule: a channel, or groups of `scale_group`
    whose scales are within the weights; one scale is left for all of the channel.

    method, least  as in quantise_weights; a channel whose scale `least` raises takes the nearest numbers
    """
    if counted.plain(p):
        coded = quantise_weights(w[None], p.weight, grouped=False, method=method, least=least)
        return coded.codes[0], coded.scale.reshape(-1)
    each = replace(p, group=getattr(p, "scale_group", 0) or len(w))
    found = quantise(each, padded_weights(each, w)).weights
    scale = found.scales[0]
    assert found.zeros is None and (found.scales == scale).all(), "a sum goes over all groups of a channel"
    numbers = counted.numbers(p)[p.weight.encode(found.codes[: len(w)])]
    raised = np.maximum(scale, least)
    return np.where(raised > scale, counted.nearest(p, w / raised), numbers), raised
