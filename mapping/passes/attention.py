"""ONNX's Attention (opset 23 to 25) in primitives: two products around a softmax.

    q [B, H, S, D], or of grouped heads [B, G, H / G S, D], times k transposed; scaled, capped, masked by a
    sum; softmax; times v

The grouped form lets one head of keys meet the queries of its whole group in one product, so that no key is
copied. A mask that follows from attributes, shapes and constants is one constant. What may not be attended to
gets half the most negative number: its exponential is 0 beside any score, and a row of nothing else, whose
softmax would be no number at minus infinity, is made 0 behind it; so is one of a mask that is computed, and
below that throughout. The coded attention of an accelerator
(mapping.patterns.attentions) knows the ungrouped form with its heads side by side.
"""

from typing import Any, NamedTuple

import numpy as np

from golden.operators.attention import (
    CAPPED,
    FARTHEST,
    MASKED,
    RAW,
    WEIGHTS,
    allowed,
    bias_of,
    check_attributes,
    check_beside,
    check_companions,
    check_operands,
    check_past,
    check_window,
    in_heads,
)
from golden.operators.shape import DTYPES
from mapping.network import Shape
from mapping.passes.page import Page


class AttentionOperands(NamedTuple):
    """Tensors: q [B, G, H / G S, D], k transposed [B, G, D, T], v [B, G, T, E]. scores: their shape
    [B, H, S, T]. past: P, keys before the first of the node's own."""

    q: str
    k: str
    v: str
    scores: Shape
    past: int


def attention(w: Page) -> bool:
    """Write an Attention out."""
    a = w.attribute
    mode, cap = int(a("qk_matmul_output_mode", RAW)), float(a("softcap", 0.0))
    check_attributes(a("scale", None), cap, a("softmax_precision", None), mode)
    check_window(*sides(w))
    check_companions(*(w.input(i) or None for i in (4, 5, 6)))
    check_shapes(w)
    x = operands(w)
    width = w.shape(x.q)[3]
    scale = float(a("scale", width**-0.5))
    if w.dtype(x.q) == np.float16:  # its products could exceed its range
        raw = w.reshaped(w.times("scores", w.scaled(x.q, scale), x.k), x.scores)
    else:
        raw = w.scaled(w.reshaped(w.times("scores", x.q, x.k), x.scores), scale)
    capped = raw if cap == 0 else w.scaled(w("Tanh", w.scaled(raw, 1 / cap)), cap)
    weights, masked = weights_of(w, x, capped, exact=mode == MASKED and bool(w.output(3)))
    if w.output(3):
        w.named({RAW: raw, CAPPED: capped, MASKED: masked, WEIGHTS: weights}[mode], w.output(3))
    context(w, x, weights)
    return True


# operands


def check_shapes(w: Page) -> None:
    """BadValue unless the operands fit each other, in golden's words."""
    counts = [w.attribute(name, None) for name in ("q_num_heads", "kv_num_heads", "kv_num_heads")]
    given = zip("QKV", (w.like(w.input(i)) for i in range(3)), counts, strict=True)
    q, k, v = (in_heads(f"Attention.{name}", x, n) for name, x, n in given if x is not None)
    check_operands(q, k, v)
    check_past(w.like(w.input(4)), w.like(w.input(5)), k, v)
    past = w.shape(w.input(4))[2] if w.input(4) else 0
    check_beside(w.like(w.input(3)), w.like(w.input(6)), (*q.shape[:3], past + k.shape[2]))


def operands(w: Page) -> AttentionOperands:
    """The three factors, past keys and values before the new ones; the node's second and third results."""
    q, k, v = (w.input(i) for i in range(3))
    (packed, heads), groups = (len(w.shape(q)) == 3, count(w, q, "q_num_heads")), count(w, k, "kv_num_heads")
    if packed:
        q, v = (w.turned(apart(w, t, n), (0, 2, 1, 3)) for t, n in ((q, heads), (v, groups)))
    grows = bool(w.input(4) or w.output(1))
    if packed and not grows:
        turned = w.turned(apart(w, k, groups), (0, 2, 3, 1))
    else:
        k = w.turned(apart(w, k, groups), (0, 2, 1, 3)) if packed else k
        k = extended(w, k, w.input(4), w.output(1))
        turned = w.turned(k, (0, 1, 3, 2))
    v = extended(w, v, w.input(5), w.output(2))
    past = w.shape(w.input(4))[2] if w.input(4) else 0
    batch, _, rows, width = w.shape(q)
    q = w.reshaped(q, (batch, groups, heads // groups * rows, width))
    return AttentionOperands(q, turned, v, (batch, heads, rows, w.shape(turned)[3]), past)


def count(w: Page, tensor: str, name: str) -> int:
    """Heads of an operand, by its shape or by the attribute."""
    shape = w.shape(tensor)
    return shape[1] if len(shape) == 4 else int(w.attribute(name, None))


def apart(w: Page, x: str, heads: int) -> str:
    """[B, rows, heads width] as [B, rows, heads, width]."""
    batch, rows, width = w.shape(x)
    return w.reshaped(x, (batch, rows, heads, width // heads))


def extended(w: Page, x: str, past: str, out: str) -> str:
    """Keys or values behind those of the past, under the name `out` where it is asked for."""
    if past:
        return w.joined((past, x), 2, out=out)
    if out:
        w.named(x, out)
    return x


# masks


class WrittenMask(NamedTuple):
    """bias: what is added to the scores, "" for nothing. some: booleans [..., S, 1], which rows may attend to
    anything, "" for all."""

    bias: str
    some: str


def weights_of(w: Page, x: AttentionOperands, scores: str, *, exact: bool) -> tuple[str, str]:
    """The softmax of masked scores; and the masked scores, with their infinities where they are asked for."""
    dtype = w.dtype(scores)
    mask = mask_of(w, x, scores, far(dtype))
    masked = w("Add", scores, mask.bias) if mask.bias else scores
    shown = masked
    if exact and mask.bias:
        shown = w("Add", scores, mask_of(w, x, scores, -np.inf).bias)
    precision = w.attribute("softmax_precision", None)
    wide = w.cast(masked, dtype if precision is None else DTYPES[precision])
    weights = w.cast(w.write("Softmax", (wide,), w.shape(wide), axis=-1), dtype)
    if mask.some:
        weights = w("Where", mask.some, weights, w.value("none", 0, dtype), dtype=dtype)
    return weights, shown


def far(dtype: np.dtype[Any]) -> float:
    """What is added to a score that does not count."""
    return float(np.finfo(dtype).min) / 2


def mask_of(w: Page, x: AttentionOperands, scores: str, none: float) -> WrittenMask:
    """The mask of the node's operands and attributes; none: what hides a key."""
    given, lengths = w.input(3), w.input(6)
    known = [w.constant(t) for t in (given, lengths) if t]
    if all(value is not None for value in known):
        return constant_mask(w, x, w.dtype(scores), none)
    may = places(w, x)
    if not given or w.dtype(given) == np.bool_:
        shown = "" if not given else padded(w, given, x.scores[3], False)
        both = shown if may == "" else may if shown == "" else w("And", shown, may)
        zero, hidden = w.value("zero", 0, w.dtype(scores)), w.value("hidden", none, w.dtype(scores))
        return WrittenMask(w("Where", both, zero, hidden, dtype=w.dtype(scores)), any_of(w, both))
    real = w.cast(given, w.dtype(scores))
    counts = w("Greater", real, w.value("hidden", far(w.dtype(real)), w.dtype(real)), dtype=bool)
    counts = padded(w, counts, x.scores[3], False)
    real = padded(w, real, x.scores[3], none)
    if may:
        counts = w("And", counts, may)
        real = w("Where", may, real, w.value("hidden", none, w.dtype(scores)), dtype=w.dtype(scores))
    return WrittenMask(real, any_of(w, counts))


def constant_mask(w: Page, x: AttentionOperands, dtype: np.dtype[Any], none: float) -> WrittenMask:
    """The mask where all that decides it is known."""
    given, lengths = (w.constant(w.input(i)) if w.input(i) else None for i in (3, 6))
    bias = bias_of(given, window(w, x, lengths), np.broadcast_to(dtype.type(0), x.scores))
    if not bias.any():
        return WrittenMask("", "")
    empty = np.isneginf(bias).all(-1, keepdims=True)
    # what is finite stays above what is hidden, or a row of such values alone would see the latter, too
    shown = np.maximum(bias, dtype.type(far(dtype) / 2)) if np.isfinite(none) else bias
    name = w.value("mask", np.where(np.isneginf(bias), dtype.type(none), shown))
    return WrittenMask(name, w.value("some", ~empty) if empty.any() else "")


def sides(w: Page) -> tuple[int, int]:
    """How far a query sees to its left and right; -1: no bound."""
    return int(w.attribute("left_window_size", -1)), int(w.attribute("right_window_size", -1))


def window(w: Page, x: AttentionOperands, lengths: np.ndarray | None) -> np.ndarray:
    """Which keys a query may attend to by position."""
    left, right = sides(w)
    causal = bool(w.attribute("is_causal", 0))
    return allowed(x.scores[2], x.scores[3], x.past, lengths, causal=causal, left=left, right=right)


def places(w: Page, x: AttentionOperands) -> str:
    """Which keys a query may attend to by position, as a tensor; "" for all. By the lengths of samples n:

    j < n;  j <= i + n - S;  i + n - S - left <= j;  j <= i + n - S + right
    """
    lengths = w.input(6)
    if not lengths or w.constant(lengths) is not None:
        known = window(w, x, w.constant(lengths) if lengths else None)
        return "" if known.all() else w.value("may", known)
    batch, _, rows, keys = x.scores
    n = w.reshaped(lengths, (batch, 1, 1, 1))
    beside = np.arange(keys)[None] - np.arange(rows)[:, None] + rows  # j - i + S
    may = w("Less", w.value("keys", np.arange(keys), np.int64), n, dtype=bool)
    left, right = (min(size, FARTHEST) for size in sides(w))
    bounds = [(0, bool(w.attribute("is_causal", 0))), (right, right >= 0)]
    for reach, is_bound in bounds:
        if is_bound:
            may = w("And", may, w("LessOrEqual", w.value("first", beside - reach, np.int64), n, dtype=bool))
    if left >= 0:
        may = w("And", may, w("LessOrEqual", n, w.value("last", beside + left, np.int64), dtype=bool))
    return may


def padded(w: Page, mask: str, keys: int, beyond: float) -> str:
    """A mask with all keys along its last axis."""
    shape = w.shape(mask)
    if shape[-1] == keys:
        return mask
    pads = w.value("pads", np.array([0] * (2 * len(shape) - 1) + [keys - shape[-1]], np.int64))
    filled = w.value("beyond", beyond, w.dtype(mask))
    return w.write("Pad", (mask, pads, filled), (*shape[:-1], keys))


def any_of(w: Page, may: str) -> str:
    """Whether any of a row's booleans is true: [..., 1]."""
    top = reduced(w, "ReduceMax", w.cast(may, np.float32))
    return w("Greater", top, w.value("half", 0.5, np.float32), dtype=bool)


def reduced(w: Page, operator: str, x: str) -> str:
    axes = w.value("axes", np.array([-1], np.int64))
    return w.write(operator, (x, axes), (*w.shape(x)[:-1], 1), keepdims=1)


# the context


def context(w: Page, x: AttentionOperands, weights: str) -> None:
    """The weights times the values, as the node's first result."""
    batch, heads, rows, keys = x.scores
    groups, width = w.shape(x.v)[1], w.shape(x.v)[3]
    grouped = w.reshaped(weights, (batch, groups, heads // groups * rows, keys))
    y = w.reshaped(w.times("context", grouped, x.v), (batch, heads, rows, width))
    if len(w.shape(w.output(0))) == 4:
        w.named(y, w.output(0))
    else:
        w.reshaped(w.turned(y, (0, 2, 1, 3)), (batch, rows, heads * width), out=w.output(0))


RULES = {"Attention": attention}
