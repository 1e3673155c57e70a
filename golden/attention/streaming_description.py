"""The documentation of a generated streaming engine: its texts."""

from golden.attention.streaming_job import StreamingParams

ABOUT = """\
softmax(scale Q K^T) V of rows of {head} elements, full, causal or windowed, of {query} queries, {key}
keys and {value} values; results in {out}. Sums run along with the keys, in floating point with
{exponent} bits of exponent and {mantissa} of mantissa, so the engine holds nothing that grows with a
row."""

ORDER = """\
A group is {interleave} rows of `q` that follow one another; a job's rows are its queries, the heads
that share keys one behind the other. `k` and `v` bring, group after group, the keys from the first that
the group's first row attends to, to the last of its last row; one, where there is none. Sides of a
window are in keys; {unlimited} is unlimited. Key j counts for a query at p if p - left <= j <= p +
right and j < keys."""

CYCLES = """\
A key takes {period} cycles: {interleave} rows use it in turn, and a sum's loop has {registers}
registers. Before the first: the command, then the first group's rows. The last row's result leaves
{latency} cycles behind its turn with its last key. Nothing stalled the count is exact: the benches hold
the RTL to it."""


def title(p: StreamingParams) -> str:
    """A heading."""
    return f"streaming attention engine of {p.arithmetic.head_dim} elements"


def about(p: StreamingParams) -> str:
    """Text: what the engine computes."""
    a = p.arithmetic
    return ABOUT.format(
        head=a.head_dim, query=a.query, key=a.key, value=a.value, out=p.out, exponent=p.exponent_bits,
        mantissa=p.mantissa_bits,
    )  # fmt: skip


def sections(p: StreamingParams, latency: int, unlimited: int) -> dict[str, str]:
    """The order of words, and the cycles."""
    return {
        "Order": ORDER.format(interleave=p.interleave, unlimited=unlimited),
        "Cycles": CYCLES.format(
            period=max(p.interleave, p.registers), interleave=p.interleave, registers=p.registers,
            latency=latency,
        ),
    }  # fmt: skip
