"""Operators with a state that goes from step to step: caches written in place, linear attention.

Source: the ONNX operator specification, TensorScatter (opset 24), LinearAttention (opset 27).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden import check
from golden.operators.attention import LONGEST, in_heads, side_by_side

RULES = ("linear", "gated", "delta", "gated_delta")


def tensor_scatter(
    past_cache: np.ndarray, update: np.ndarray, write_indices: np.ndarray | None = None, *, axis: int = -2,
    mode: str = "linear",
) -> np.ndarray:  # fmt: skip
    """past_cache with the update's rows along `axis` in the place of those from write_indices[b] on.

    write_indices  int64, one for each sample, the first axis; 0 where they are left out
    mode           "linear": all rows lie in the cache; "circular": behind its last row comes its first
    raises         BadValue for shapes that do not fit and rows outside
    """
    check.one_of("TensorScatter.mode", mode, ("linear", "circular"))
    check.in_range("TensorScatter.axis", axis, -past_cache.ndim, past_cache.ndim - 1)
    axis %= past_cache.ndim
    check.in_range("TensorScatter.axis, counted from 0", axis, 1, past_cache.ndim - 1, "0 is the batch")
    room, rows = past_cache.shape[axis], update.shape[axis] if update.ndim == past_cache.ndim else -1
    fitting = (*past_cache.shape[:axis], rows, *past_cache.shape[axis + 1 :])
    check.shape("TensorScatter.update", update, fitting)
    check.in_range("TensorScatter: rows of the update", rows, 0, room, "rows of the cache")
    starts = np.zeros(len(past_cache), np.int64) if write_indices is None else write_indices
    check.shape("TensorScatter.write_indices", starts, past_cache.shape[:1])
    last = LONGEST if mode == "circular" else room - rows
    present, new = np.moveaxis(past_cache.copy(), axis, 1), np.moveaxis(update, axis, 1)
    for sample, start in enumerate(check.array("TensorScatter.write_indices", starts, 0, last)):
        present[sample, (start % max(room, 1) + np.arange(rows)) % max(room, 1)] = new[sample]
    return np.moveaxis(present, 1, axis)


def linear_attention(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, past_state: np.ndarray | None = None,
    decay: np.ndarray | None = None, beta: np.ndarray | None = None, *, q_num_heads: int, kv_num_heads: int,
    chunk_size: int = 64, scale: float = 0.0, update_rule: str = "gated_delta",
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Attention without a softmax: each row's outer product k v^T is added to a state, which the query reads.

    Axes as in golden.operators.attention, heads side by side: query [B, S, H D], key [B, S, G D], value
    [B, S, G E], state [B, G, D, E] (zeros where there is none). Row after row, in float32:

        state *= exp(decay)                 of the gated rules; decay [B, S, G] or [B, S, G D]
        v = beta (v - state^T k)            of the delta rules; beta [B, S, G] or [B, S, 1]
        state += k v^T;  y = scale state^T q

    chunk_size  how rows may be grouped, which changes nothing
    scale       0: 1 / sqrt(D)
    returns     [B, S, H E] and the last state
    raises      BadValue for operands that a rule lacks or does not take, or that do not fit
    """
    check.one_of("LinearAttention.update_rule", update_rule, RULES)
    check_gates(update_rule, decay, beta)
    q = in_heads("LinearAttention.query", query.astype(np.float32), q_num_heads)
    k = in_heads("LinearAttention.key", key.astype(np.float32), kv_num_heads)
    v = in_heads("LinearAttention.value", value.astype(np.float32), kv_num_heads)
    if q.shape[1] % k.shape[1]:
        raise check.fail("LinearAttention.q_num_heads", q.shape[1], f"a multiple of {k.shape[1]}")
    check.shape("LinearAttention.key", k, (q.shape[0], k.shape[1], *q.shape[2:]))
    check.shape("LinearAttention.value", v, (*k.shape[:3], v.shape[3]))
    wide = (q.shape[0], k.shape[1], q.shape[3], v.shape[3])
    state = np.zeros(wide, np.float32) if past_state is None else past_state.astype(np.float32)
    check.shape("LinearAttention.past_state", state, wide)
    gates = rates = None
    if decay is not None:
        gates = np.exp(in_heads("LinearAttention.decay", decay.astype(np.float32), kv_num_heads))
        check_gate("decay", decay, q.shape[:1] + q.shape[2:3], (kv_num_heads, kv_num_heads * q.shape[3]))
    if beta is not None:
        check_gate("beta", beta, q.shape[:1] + q.shape[2:3], (1, kv_num_heads))
        rates = in_heads("LinearAttention.beta", beta.astype(np.float32), beta.shape[-1])
    y = np.empty((*q.shape[:3], v.shape[3]), np.float32)
    for row in range(q.shape[2]):
        state, y[:, :, row] = stepped(state, row, q, k, v, gates, rates)
    factor = np.float32(scale or q.shape[3] ** -0.5)
    last = state.astype(query.dtype if past_state is None else past_state.dtype)
    return side_by_side(y * factor).astype(query.dtype), last


def check_gate(name: str, gate: np.ndarray, rows: tuple[int, ...], widths: tuple[int, int]) -> None:
    """BadValue unless a gate is [B, S, one of two widths]."""
    if gate.shape not in [(*rows, width) for width in widths]:
        allowed = " or ".join(str([*rows, width]) for width in sorted(set(widths)))
        raise check.fail(f"LinearAttention.{name}.shape", list(gate.shape), allowed)


def check_gates(rule: str, decay: np.ndarray | None, beta: np.ndarray | None) -> None:
    """BadValue for a gate that the rule lacks, or that it does not take."""
    for name, given, wanted in (("decay", decay, "gated" in rule), ("beta", beta, "delta" in rule)):
        if (given is not None) != wanted:
            what = "given" if given is not None else "left out"
            allowed = f"{'given' if wanted else 'left out'} with update_rule {rule}"
            raise check.fail(f"LinearAttention.{name}", what, allowed)


def stepped(
    state: np.ndarray, row: int, q: np.ndarray, k: np.ndarray, v: np.ndarray, gates: np.ndarray | None,
    rates: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The state behind a row, and what the row's queries read of it [B, H, E]."""
    key, new = k[:, :, row, :, None], v[:, :, row]
    if gates is not None:
        state = state * gates[:, :, row, :, None]
    if rates is not None:
        new = rates[:, :, row] * (new - (state * key).sum(2))
    state = state + key * new[:, :, None]
    heads = q[:, :, row].reshape(*state.shape[:2], -1, state.shape[2])
    return state, np.matmul(heads, state).reshape(len(q), q.shape[1], -1)


OPERATORS: dict[str, Callable[..., Any]] = {
    "TensorScatter": tensor_scatter, "LinearAttention": linear_attention,
}  # fmt: skip
