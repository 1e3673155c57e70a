"""Recurrent layers: RNN, GRU and LSTM, one direction or two.

Sequences of unequal lengths end early: their states stay, their outputs are 0. The reverse direction reads
each from its own end.
Source: ONNX, RNN, GRU, LSTM, opset 14; Hochreiter and Schmidhuber, 1997; Cho et al., 2014.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from golden import check
from golden.operators import elementwise

Numbers = Sequence[float] | None
Words = Sequence[str] | None
Function = Callable[[np.ndarray], np.ndarray]
# name -> (defaults of alpha and beta, f(x, alpha, beta))
ACTIVATIONS: dict[str, tuple[float, float, Callable[..., np.ndarray]]] = {
    "relu": (0, 0, lambda x, a, b: np.maximum(x, 0)),
    "tanh": (0, 0, lambda x, a, b: np.tanh(x)),
    "sigmoid": (0, 0, lambda x, a, b: elementwise.sigmoid(x)),
    "affine": (1, 0, lambda x, a, b: a * x + b),
    "leakyrelu": (0.01, 0, lambda x, a, b: np.where(x >= 0, x, a * x)),
    "thresholdedrelu": (1, 0, lambda x, a, b: np.where(x >= a, x, 0)),
    "scaledtanh": (1, 1, lambda x, a, b: a * np.tanh(b * x)),
    "hardsigmoid": (0.2, 0.5, lambda x, a, b: np.clip(a * x + b, 0, 1)),
    "elu": (1, 0, lambda x, a, b: np.where(x >= 0, x, a * np.expm1(np.minimum(x, 0)))),
    "softsign": (0, 0, lambda x, a, b: x / (1 + np.abs(x))),
    "softplus": (0, 0, lambda x, a, b: np.logaddexp(x, 0)),
}
USES_ALPHA = ("affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu")
USES_BETA = ("affine", "scaledtanh", "hardsigmoid")
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


class RecurrentLayer(NamedTuple):
    """Weights of one direction: w [gates * hidden, inputs], r [gates * hidden, hidden], bias [2 * gates *
    hidden]."""

    w: np.ndarray
    r: np.ndarray
    bias: np.ndarray
    functions: list[Function]
    clip: float | None
    peepholes: np.ndarray


Step = Callable[[RecurrentLayer, np.ndarray, tuple[np.ndarray, ...]], tuple[np.ndarray, ...]]


def functions(
    names: Words, alphas: Numbers, betas: Numbers, usual: Sequence[str], directions: int
) -> list[list[Function]]:
    """The activations of each direction. Alphas and betas are listed for those that take one."""
    chosen = [name.lower() for name in names] if names else [*usual] * directions
    if len(chosen) != len(usual) * directions:
        raise check.fail("activations", len(chosen), f"{len(usual) * directions}: {len(usual)} a direction")
    alpha, beta = list(alphas or ()), list(betas or ())
    made: list[Function] = []
    for name in chosen:
        check.one_of("activations", name, ACTIVATIONS)
        a, b, f = ACTIVATIONS[name]
        a = alpha.pop(0) if name in USES_ALPHA and alpha else a
        b = beta.pop(0) if name in USES_BETA and beta else b
        made.append(partial(applied, f, np.float32(a), np.float32(b)))
    return [made[i * len(usual) : (i + 1) * len(usual)] for i in range(directions)]


def applied(f: Callable[..., np.ndarray], a: np.float32, b: np.float32, x: np.ndarray) -> np.ndarray:
    return np.asarray(f(x, a, b))


def limited(x: np.ndarray, clip: float | None) -> np.ndarray:
    return x if clip is None else np.clip(x, -clip, clip)


def scan(
    x: np.ndarray, layer: RecurrentLayer, states: tuple[np.ndarray, ...], lengths: np.ndarray, reverse: bool,
    step: Step,
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """One direction. x [steps, batch, inputs]; states [batch, hidden] -> outputs [steps, batch, hidden]."""
    steps = len(x)
    y = np.zeros((steps, *states[0].shape), x.dtype)
    for t in range(steps):
        alive = t < lengths
        place = np.where(reverse & alive, lengths - 1 - t, t)
        rows = np.arange(x.shape[1])
        new = step(layer, x[place, rows], states)
        both = zip(new, states, strict=True)
        states = tuple(np.where(alive[:, None], n, s).astype(x.dtype) for n, s in both)
        y[place[alive], rows[alive]] = states[0][alive]
    return y, states


def recurrent(
    x: np.ndarray, w: np.ndarray, r: np.ndarray, bias: np.ndarray | None, lengths: np.ndarray | None,
    initial: Sequence[np.ndarray | None], step: Step, usual: Sequence[str], *, states: int = 1,
    peepholes: np.ndarray | None = None, activation_alpha: Numbers = None, activation_beta: Numbers = None,
    activations: Words = None, clip: float | None = None, direction: str = "forward",
    hidden_size: int | None = None, layout: int = 0,
) -> tuple[np.ndarray, ...]:
    """All directions: Y [steps, directions, batch, hidden] and the last states [directions, batch, hidden].

    layout  1: the batch is the first axis of x, of states, of Y
    """
    check.one_of("direction", direction, DIRECTIONS)
    check.one_of("layout", layout, (0, 1))
    ways, hidden = DIRECTIONS[direction], r.shape[2]
    if hidden_size is not None:
        check.in_range("hidden_size", hidden_size, hidden, hidden, "the shape of R")
    x = np.swapaxes(x, 0, 1) if layout else x
    first = [None if s is None else np.swapaxes(s, 0, 1) if layout else s for s in initial]
    counts = np.full(x.shape[1], len(x)) if lengths is None else np.asarray(lengths, np.int64)
    chosen = functions(activations, activation_alpha, activation_beta, usual, len(ways))
    outputs, ends = [], []
    for i, reverse in enumerate(ways):
        held = np.zeros(3 * hidden, x.dtype) if peepholes is None else peepholes[i]
        added = np.zeros(2 * w.shape[1], x.dtype) if bias is None else bias[i]
        start = tuple(np.zeros((x.shape[1], hidden), x.dtype) if s is None else s[i] for s in first)
        layer = RecurrentLayer(w[i], r[i], added, chosen[i], clip, held)
        y, end = scan(x, layer, start, counts, reverse, step)
        outputs.append(y)
        ends.append(end)
    whole = np.stack(outputs, 1)
    last = [np.stack([end[s] for end in ends]) for s in range(states)]
    if layout:
        return np.moveaxis(whole, 2, 0), *(np.swapaxes(s, 0, 1) for s in last)
    return whole, *last


def sums(layer: RecurrentLayer, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """x W + h R + both biases: [batch, gates * hidden]."""
    wb, rb = np.split(layer.bias, 2)
    return np.asarray(x @ layer.w.T + h @ layer.r.T + wb + rb)


def rnn_step(layer: RecurrentLayer, x: np.ndarray, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return (layer.functions[0](limited(sums(layer, x, states[0]), layer.clip)),)


def rnn(
    x: np.ndarray, w: np.ndarray, r: np.ndarray, b: np.ndarray | None = None,
    sequence_lens: np.ndarray | None = None, initial_h: np.ndarray | None = None, *,
    activation_alpha: Numbers = None, activation_beta: Numbers = None, activations: Words = None,
    clip: float | None = None, direction: str = "forward", hidden_size: int | None = None, layout: int = 0,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """h = f(x W + h R + b)."""
    return recurrent(
        x, w, r, b, sequence_lens, [initial_h], rnn_step, ("tanh",), activation_alpha=activation_alpha,
        activation_beta=activation_beta, activations=activations, clip=clip, direction=direction,
        hidden_size=hidden_size, layout=layout,
    )  # fmt: skip


def gru_step(linear_before_reset: bool) -> Step:
    def step(layer: RecurrentLayer, x: np.ndarray, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        h = states[0]
        n = h.shape[1]
        f, g = layer.functions
        wz, wr, wh = np.split(layer.w, 3)
        rz, rr, rh = np.split(layer.r, 3)
        bz, br, bh, cz, cr, ch = np.split(layer.bias, 6)
        z = f(limited(x @ wz.T + h @ rz.T + bz + cz, layer.clip))
        r = f(limited(x @ wr.T + h @ rr.T + br + cr, layer.clip))
        inner = r * (h @ rh.T + ch) if linear_before_reset else (r * h) @ rh.T + ch
        new = g(limited(x @ wh.T + inner + bh, layer.clip))
        assert new.shape[1] == n
        return (np.asarray((1 - z) * new + z * h),)

    return step


def gru(
    x: np.ndarray, w: np.ndarray, r: np.ndarray, b: np.ndarray | None = None,
    sequence_lens: np.ndarray | None = None, initial_h: np.ndarray | None = None, *,
    activation_alpha: Numbers = None, activation_beta: Numbers = None, activations: Words = None,
    clip: float | None = None, direction: str = "forward", hidden_size: int | None = None, layout: int = 0,
    linear_before_reset: int = 0,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Gates in the order update, reset, hidden."""
    return recurrent(
        x, w, r, b, sequence_lens, [initial_h], gru_step(bool(linear_before_reset)), ("sigmoid", "tanh"),
        activation_alpha=activation_alpha, activation_beta=activation_beta, activations=activations,
        clip=clip, direction=direction, hidden_size=hidden_size, layout=layout,
    )  # fmt: skip


def lstm_step(coupled: bool) -> Step:
    def step(layer: RecurrentLayer, x: np.ndarray, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        h, c = states
        f, g, last = layer.functions
        i, o, forget, cell = np.split(sums(layer, x, h), 4, axis=1)
        pi, po, pf = np.split(layer.peepholes, 3)
        i = f(limited(i + pi * c, layer.clip))
        forget = 1 - i if coupled else f(limited(forget + pf * c, layer.clip))
        new = forget * c + i * g(limited(cell, layer.clip))
        o = f(limited(o + po * new, layer.clip))
        return o * last(new), new

    return step


def lstm(
    x: np.ndarray, w: np.ndarray, r: np.ndarray, b: np.ndarray | None = None,
    sequence_lens: np.ndarray | None = None, initial_h: np.ndarray | None = None,
    initial_c: np.ndarray | None = None, p: np.ndarray | None = None, *, activation_alpha: Numbers = None,
    activation_beta: Numbers = None, activations: Words = None, clip: float | None = None,
    direction: str = "forward", hidden_size: int | None = None, input_forget: int = 0, layout: int = 0,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Gates in the order input, output, forget, cell. input_forget: the forget gate is 1 - the input gate."""
    return recurrent(
        x, w, r, b, sequence_lens, [initial_h, initial_c], lstm_step(bool(input_forget)),
        ("sigmoid", "tanh", "tanh"), states=2, peepholes=p, activation_alpha=activation_alpha,
        activation_beta=activation_beta, activations=activations, clip=clip, direction=direction,
        hidden_size=hidden_size, layout=layout,
    )  # fmt: skip


OPERATORS: dict[str, Callable[..., Any]] = {"RNN": rnn, "GRU": gru, "LSTM": lstm}
