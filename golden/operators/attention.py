"""Attention as ONNX states it (opset 23 to 25), and rotary position embeddings (opset 23).

Axes: B samples, H heads of queries and G of keys and values (query head h reads head h // (H / G)), S
queries, T keys of which the first P come from the past, D numbers a query and a key, E a value. Source: the
ONNX operator specification, Attention and RotaryEmbedding; rotations: Su et al., 2021, section 3.4.2.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden import check
from golden.operators.normalisation import softmax
from golden.operators.shape import DTYPES

PRECISIONS = (None, 1, 10, 11)  # of the softmax, in ONNX's numbering: numpy holds no bfloat16
RAW, CAPPED, MASKED, WEIGHTS = range(4)  # what the fourth output holds
LONGEST = (1 << 63) - 1
FARTHEST = 1 << 40  # a bound of a window beyond every place


def attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, attn_mask: np.ndarray | None = None,
    past_key: np.ndarray | None = None, past_value: np.ndarray | None = None,
    nonpad_kv_seqlen: np.ndarray | None = None, *, is_causal: int = 0, left_window_size: int = -1,
    right_window_size: int = -1, scale: float | None = None, softcap: float = 0.0,
    q_num_heads: int | None = None, kv_num_heads: int | None = None, softmax_precision: int | None = None,
    qk_matmul_output_mode: int = RAW,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """softmax(cap(scale q k^T) + bias) v, over the keys that a query may attend to; 0 where there is none.

    q, k, v           reals [B, H, S, D], [B, G, T - P, D], [B, G, T - P, E], or with the heads side by side
                      [B, S, H D] ... and the attributes q_num_heads, kv_num_heads
    attn_mask         booleans (may the query attend?) or reals that are added, broadcast to [B, H, S, T];
                      keys beyond its last axis are masked
    past_key, past_value  [B, G, P, D], [B, G, P, E], both or neither
    nonpad_kv_seqlen  int64 [B]: how many keys of each sample are none of padding; not beside a past
    is_causal, left_window_size, right_window_size   see `allowed`
    softcap           c tanh(score / c) before the mask; 0: none
    returns           [B, H, S, E] or [B, S, H E]; all keys and all values [B, G, T, ...]; by
                      qk_matmul_output_mode the scores [B, H, S, T] as products, capped, masked, or as weights
    raises            BadValue for operands that do not fit each other and for attributes out of range
    """
    check_attributes(scale, softcap, softmax_precision, qk_matmul_output_mode)
    check_window(left_window_size, right_window_size)
    check_companions(past_key, past_value, nonpad_kv_seqlen)
    packed = q.ndim == 3
    q = in_heads("Attention.Q", q, q_num_heads)
    k, v = in_heads("Attention.K", k, kv_num_heads), in_heads("Attention.V", v, kv_num_heads)
    check_past(past_key, past_value, k, v)
    past = 0 if past_key is None else past_key.shape[2]
    k = k if past_key is None else np.concatenate((past_key, k), 2)
    v = v if past_value is None else np.concatenate((past_value, v), 2)
    check_operands(q, k, v)
    check_beside(attn_mask, nonpad_kv_seqlen, (*q.shape[:3], k.shape[2]))
    raw = products(q, k, scale)
    capped = raw if softcap == 0 else np.asarray(np.tanh(raw / softcap) * softcap, raw.dtype)
    may = allowed(
        q.shape[2], k.shape[2], past, nonpad_kv_seqlen, causal=bool(is_causal), left=left_window_size,
        right=right_window_size,
    )  # fmt: skip
    bias = bias_of(attn_mask, may, capped)
    masked = np.where(np.isneginf(bias), bias, capped + bias)
    precision = q.dtype if softmax_precision is None else DTYPES[softmax_precision]
    weights = shares(masked.astype(precision), bias).astype(q.dtype)
    y = weighted(weights, v).astype(q.dtype)
    shown = {RAW: raw, CAPPED: capped, MASKED: masked, WEIGHTS: weights}[qk_matmul_output_mode]
    return side_by_side(y) if packed else y, k, v, shown


# checks


def check_attributes(scale: float | None, softcap: float, precision: int | None, mode: int) -> None:
    """BadValue for an attribute whose value means nothing."""
    for name, number in (("scale", scale), ("softcap", softcap)):
        if number is not None and not 0 <= number < np.inf:
            raise check.fail(f"Attention.{name}", number, "0 or more")
    check.one_of("Attention.softmax_precision", precision, PRECISIONS)
    check.one_of("Attention.qk_matmul_output_mode", mode, (RAW, CAPPED, MASKED, WEIGHTS))


def check_window(left: int, right: int) -> None:
    """BadValue for a side of a window below -1, which is no bound."""
    for side, size in (("left", left), ("right", right)):
        check.in_range(f"Attention.{side}_window_size", size, -1, LONGEST)


def check_companions(past_key: object, past_value: object, lengths: object) -> None:
    """BadValue for half a past, and for a past beside lengths, which are of a cache that holds all keys."""
    if (past_key is None) != (past_value is None):
        missing = "past_key" if past_key is None else "past_value"
        raise check.fail(f"Attention.{missing}", "left out", "both, past_key and past_value, or neither")
    if past_key is not None and lengths is not None:
        raise check.fail("Attention.nonpad_kv_seqlen", "given beside past_key", "one of the two")


def check_past(
    past_key: np.ndarray | None, past_value: np.ndarray | None, k: np.ndarray, v: np.ndarray
) -> None:  # fmt: skip
    """BadValue unless what is past has as many heads, and as wide ones, as what is new."""
    for name, past, new in (("past_key", past_key, k), ("past_value", past_value, v)):
        if past is not None:
            rows = past.shape[2] if past.ndim == 4 else -1
            check.shape(f"Attention.{name}", past, (*new.shape[:2], rows, new.shape[3]))


def check_beside(mask: np.ndarray | None, lengths: np.ndarray | None, scores: tuple[int, ...]) -> None:
    """BadValue unless a mask and lengths fit the scores [B, H, S, T]; the mask's last axis may be shorter."""
    if lengths is not None:
        check.shape("Attention.nonpad_kv_seqlen", lengths, scores[:1])
    if mask is None:
        return
    whole = (*mask.shape[:-1], scores[3])
    fits = all(size in (1, wanted) for size, wanted in zip(whole[::-1], scores[::-1], strict=False))
    if not 1 <= mask.ndim <= 4 or mask.shape[-1] > scores[3] or not fits:
        raise check.fail("Attention.attn_mask.shape", list(mask.shape), f"one that fits {list(scores)}")


def check_operands(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> None:
    """BadValue unless queries, keys and values fit each other; only rows and values may have no size."""
    for what, size in zip(("samples", "heads", "keys", "numbers of a key"), k.shape, strict=True):
        check.in_range(f"Attention: {what} of K", size, 1, LONGEST)
    if q.shape[1] % max(k.shape[1], 1):
        raise check.fail("Attention: heads of Q", q.shape[1], f"a multiple of K's, {k.shape[1]}")
    check.shape("Attention.K", k, (q.shape[0], *k.shape[1:3], q.shape[3]))
    check.shape("Attention.V", v, (*k.shape[:3], v.shape[3]))


def in_heads(where: str, x: np.ndarray, count: int | None) -> np.ndarray:
    """An operand as [B, heads, rows, width], from itself or from heads that are side by side [B, rows, all].

    where  begins each error
    count  of heads, which the latter need; of the former their number, or None
    """
    if x.ndim == 4:
        if count not in (None, x.shape[1]):
            raise check.fail(f"{where}: heads", count, f"{x.shape[1]}, as in its shape, or none")
        return x
    if x.ndim != 3:
        raise check.fail(f"{where}.shape", list(x.shape), "three axes or four")
    if count is None:
        raise check.fail(f"{where}: heads", "missing", "their number, for three axes")
    if count < 1 or x.shape[2] % count:
        raise check.fail(f"{where}: heads", count, f"a divisor of {x.shape[2]}")
    return x.reshape(*x.shape[:2], count, x.shape[2] // count).swapaxes(1, 2)


# scores


def products(q: np.ndarray, k: np.ndarray, scale: float | None) -> np.ndarray:
    """scale q k^T [B, H, S, T]; the root of the scale is on either factor, which keeps float16 in range."""
    root = q.dtype.type(np.sqrt(q.shape[3] ** -0.5 if scale is None else scale))
    grouped = (q * root).reshape(*k.shape[:2], -1, q.shape[3])
    scores = np.matmul(grouped, (k * root).swapaxes(2, 3))
    return np.asarray(scores.reshape(*q.shape[:3], k.shape[2]))


def allowed(
    rows: int, keys: int, past: int, lengths: np.ndarray | None, *, causal: bool, left: int, right: int
) -> np.ndarray:  # fmt: skip
    """Which key j a query i may attend to: booleans [rows, keys], or [B, 1, rows, keys] where lengths differ.

    The query's position is p = i + past, or i + lengths[b] - rows where the keys are in a cache of which the
    first lengths[b] count. Of the keys that count: j <= p where it is causal, p - left <= j <= p + right by
    the window, whose sides are positions beside p: 0 is p alone, -1 no bound.

    raises  BadValue for lengths that are none of `keys`
    """
    first, count = np.array(past), np.array(keys)
    if lengths is not None:
        counts = check.array("Attention.nonpad_kv_seqlen", lengths, 0, keys)
        first, count = (x.reshape(-1, 1, 1, 1) for x in (counts - rows, counts))
    position, j = np.arange(rows)[:, None] + first, np.arange(keys)
    may = np.broadcast_to(j < count, np.broadcast_shapes(position.shape, j.shape))
    left, right = (min(size, FARTHEST) for size in (left, right))
    bounds = [(position - left <= j, left >= 0), (j <= position + right, right >= 0), (j <= position, causal)]
    for within, is_bound in bounds:
        may = may & within if is_bound else may
    return np.asarray(may)


def bias_of(mask: np.ndarray | None, may: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """What is added to the scores: the mask's reals, or 0; minus infinity where a query may not attend."""
    none = scores.dtype.type(-np.inf)
    if mask is None:
        return np.asarray(np.where(may, scores.dtype.type(0), none))
    keys = scores.shape[-1]
    real = np.where(mask, scores.dtype.type(0), none) if mask.dtype == bool else mask.astype(scores.dtype)
    beyond = [(0, 0)] * (mask.ndim - 1) + [(0, keys - mask.shape[-1])]
    whole = np.pad(real, beyond, constant_values=none)
    return whole if may.all() else np.where(may, whole, none)


def shares(scores: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The softmax of each row of scores; 0 in a row whose keys are all masked."""
    nothing = np.isneginf(bias).all(-1, keepdims=True)
    return np.where(nothing, scores.dtype.type(0), softmax(np.where(nothing, scores.dtype.type(0), scores)))


def weighted(weights: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The weights [B, H, S, T] times the values of each head's group."""
    grouped = weights.reshape(*v.shape[:2], -1, v.shape[2])
    return np.asarray(np.matmul(grouped, v).reshape(*weights.shape[:3], v.shape[3]))


def side_by_side(y: np.ndarray) -> np.ndarray:
    """[B, H, S, E] as [B, S, H E]."""
    return y.swapaxes(1, 2).reshape(y.shape[0], y.shape[2], -1)


# rotary position embeddings


def rotary_embedding(
    x: np.ndarray, cos_cache: np.ndarray, sin_cache: np.ndarray, position_ids: np.ndarray | None = None, *,
    interleaved: int = 0, num_heads: int = 0, rotary_embedding_dim: int = 0,
) -> np.ndarray:
    """Pairs of numbers of each head, turned by the angle of its row.

    x          [B, H, S, D], or [B, S, H D] with num_heads
    caches     cosines and sines [B, S, R / 2] of each row; with position_ids [B, S] rows of a table
    interleaved  1: a pair is numbers 2 i and 2 i + 1; 0: i and i + R / 2
    rotary_embedding_dim  R, how many numbers of a head are turned, the first ones; 0: all
    raises     BadValue for operands that do not fit each other
    """
    heads = in_heads("RotaryEmbedding.X", x, num_heads or None)
    size = turned_of(rotary_embedding_dim, heads.shape[3])
    check_caches(cos_cache, sin_cache, position_ids, (heads.shape[0], heads.shape[2], size // 2))
    cos, sin = angles(cos_cache, position_ids), angles(sin_cache, position_ids)
    part = heads[..., :size]
    a, b = (part[..., ::2], part[..., 1::2]) if interleaved else np.split(part, 2, -1)
    pair = (cos * a - sin * b, sin * a + cos * b)
    turned = np.stack(pair, -1).reshape(part.shape) if interleaved else np.concatenate(pair, -1)
    y = np.concatenate((turned, heads[..., size:]), -1).astype(x.dtype)
    return y if x.ndim == 4 else side_by_side(y)


def turned_of(given: int, width: int) -> int:
    """How many numbers of a head of `width` are turned: as `given` says, 0: all; BadValue for odd ones."""
    size = given or width
    check.in_range("RotaryEmbedding.rotary_embedding_dim", size, 2, width)
    check.in_range("RotaryEmbedding: numbers that are turned, modulo 2", size % 2, 0, 0)
    return size


def check_caches(
    cos: np.ndarray, sin: np.ndarray, places: np.ndarray | None, wanted: tuple[int, int, int]
) -> None:  # fmt: skip
    """BadValue unless cosines, sines and the places of rows in them fit rows [B, S] of R / 2 pairs."""
    for name, cache in (("cos_cache", cos), ("sin_cache", sin)):
        rows = wanted if places is None else (*cache.shape[:1], wanted[2])
        check.shape(f"RotaryEmbedding.{name}", cache, rows)
    if places is not None:
        check.shape("RotaryEmbedding.position_ids", places, wanted[:2])


def angles(cache: np.ndarray, places: np.ndarray | None) -> np.ndarray:
    """A cache's rows [B, 1, S, R / 2], those at the places where there are any."""
    if places is not None:
        cache = cache[check.array("RotaryEmbedding.position_ids", places, 0, cache.shape[0] - 1)]
    return cache[:, None]


OPERATORS: dict[str, Callable[..., Any]] = {"Attention": attention, "RotaryEmbedding": rotary_embedding}
