"""Exponential and Normalise on whole tensors: golden's commands on padded rows."""

from math import prod

import numpy as np

from golden.accelerator.exponential import exponential as exponential_command
from golden.accelerator.normalise import normalise as normalise_command
from golden.accelerator.params import AcceleratorParams


def padded(p: AcceleratorParams, x: np.ndarray) -> np.ndarray:
    """Rows of whole vectors: zeros behind each."""
    return np.pad(x, [*[(0, 0)] * (x.ndim - 1), (0, -x.shape[-1] % p.lanes)])


def exponential(p: AcceleratorParams, x: np.ndarray, length: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes [..., n] and r [...] of scores [..., n]; see mapping.ir.graph.Exponential."""
    *lead, n = x.shape
    rows = lead[-1] if lead else 1
    scores = padded(p, x).reshape(prod(lead[:-1]), rows, -1)
    count2, count1, width = scores.shape
    lengths = np.clip(length + step * np.arange(rows), 0, n)
    command = {"count0": width // p.lanes, "count1": count1, "count2": count2, "length_step": step}
    if (lengths == length + step * np.arange(rows)).all():
        codes, r = exponential_command(p, {**command, "length": length}, scores)
    else:  # lengths beyond n count for n: a command a row
        command |= {"count1": 1, "length_step": 0}
        made = [
            exponential_command(p, {**command, "length": int(each)}, scores[:, i : i + 1])
            for i, each in enumerate(lengths)
        ]
        codes, r = (np.concatenate(parts, axis=1) for parts in zip(*made, strict=True))
    return codes[..., :n].reshape(x.shape), r.reshape(lead or (1,))


def normalise(
    p: AcceleratorParams, x: np.ndarray, axis: int, *, rms: bool, epsilon: int, fraction: int
) -> np.ndarray:
    """x [..., n] normalised along its last axis, or [rows, channels] along its first."""
    wide = padded(p, x)
    columns = axis == 0
    if columns:
        vectors = wide.reshape(len(x), -1, p.lanes).transpose(1, 0, 2)[None]
    else:
        vectors = wide.reshape(1, -1, wide.shape[-1] // p.lanes, p.lanes)
    count2, count1, count0, _ = vectors.shape
    command = {
        "count0": count0, "count1": count1, "count2": count2, "columns": int(columns), "rms": int(rms),
        "length": x.shape[axis], "epsilon": epsilon, "fraction": fraction,
    }  # fmt: skip
    y = normalise_command(p, command, vectors)
    y = y[0].transpose(1, 0, 2).reshape(wide.shape) if columns else y.reshape(wide.shape)
    return y[..., : x.shape[-1]]
