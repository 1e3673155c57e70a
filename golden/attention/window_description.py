"""The documentation of a generated sliding-window engine: its texts."""

from golden.attention import lane_cycles, window_cycles
from golden.attention.window import WindowParams

ABOUT = """\
O[i] = sum over the keys j of row i of w(i, j) V[j] / sum of w(i, j), w = 2^(s - m): s is Q[i] K[j] in octaves
({score} bits, {fraction} below one), m the row's largest, rounded up. Queries and keys {query}, values
{value}, results {out}, weights of {weight_bits} bits; every sum is exact."""

KEYS = """\
{slots} keys and values stand in rolling buffers, in rows of {head_dim}. Window to the left and to the right,
dilation, keys that every row reads, random keys of each row, padding and the number of heads that share keys
are fields of a command. A job that goes on finds the keys of the jobs before it in the buffers."""

CYCLES = """\
A row takes a cycle a key, {least} at the least: {least} cycles are what its division takes. Values follow the
scores when the row's maximum is known, {score} cycles behind its last key; a result leaves {tail} cycles
behind the row's last value. N rows of W keys take (N + 1) W + {constant} cycles. The count is exact: the
benches hold the RTL to it."""

LANES = """\
There is a lane for each key, with its own key and value, and {units} units of scores. A row starts every
{period} cycles, whatever its keys, once they have begun to be loaded, {period} cycles each; its result leaves
{latency} cycles behind its start. N causal rows take {period} N + {constant} cycles. The count is exact: the
benches hold the RTL to it."""


def title(p: WindowParams) -> str:
    """A heading."""
    return f"sliding-window attention, {p.slots} keys of {p.arithmetic.head_dim}"


def about(p: WindowParams) -> str:
    """Text: what the engine computes."""
    a = p.arithmetic
    return ABOUT.format(
        score=a.score.width, fraction=a.fraction, query=a.query, value=a.value, out=a.out,
        weight_bits=a.weight_bits,
    )  # fmt: skip


def sections(p: WindowParams) -> dict[str, str]:
    """Its keys, and its cycles."""
    keys = KEYS.format(slots=p.slots, head_dim=p.arithmetic.head_dim)
    return {"Keys": keys, "Cycles": _lanes(p) if p.by_keys else _dimensions(p)}


def _dimensions(p: WindowParams) -> str:
    t = window_cycles.timing(p)
    constant = t.score_cycles + t.tail + 1
    return CYCLES.format(least=t.least, score=t.score_cycles, tail=t.tail, constant=constant)


def _lanes(p: WindowParams) -> str:
    period, latency = p.arithmetic.head_dim, lane_cycles.timing(p).latency
    return LANES.format(units=p.score_units, period=period, latency=latency, constant=latency - period + 3)
